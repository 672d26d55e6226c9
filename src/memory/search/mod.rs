//! Search: keyword and semantic candidates, fused, deduplicated, cut to a token budget.
//!
//! Degrades instead of failing: without an embedding model, or with texts not embedded yet, the results carry a warning
//! and keyword search is used.

mod arguments;
mod beyond;
mod confidence;
mod corpus_stats;
mod current_state;
mod evidence;
mod exchange;
mod explain;
mod keyword;
mod page;
mod period;
mod rank;
mod relevance;
mod rerank;
#[cfg(test)]
mod tests;
mod translation;
mod weights;

use std::collections::HashSet;
use std::time::Instant;

use crate::domain::text::glossary::{Glossary, Translation};
use crate::domain::text::question::{ParsedQuestion, asks_what_holds, strip_decision_frame};
use crate::domain::text::terms::TermExtractor;
use crate::domain::{Confidence, Query, Role, SearchMode, SearchResults, SearchTier, Timestamp, limits};
use crate::embed;
use crate::memory::index::doc_values::{DocValues, PassageFilter, needs_store_lookup};
use crate::memory::state::health::describe_not_embedded;
use crate::memory::{Error, Memory, Result};
use crate::store::{PassageCandidate, Snapshot};
use confidence::ConfidenceModel;
use current_state::ChangeHistory;
use evidence::{CandidateRequest, Evidence, MIN_CANDIDATES, QueryEmbedding};
use keyword::QueryTerms;
use page::ScoredCandidate;
use rank::{RankContext, ScorePart, ScoredMessage};
use rerank::RerankSkip;
use translation::TranslatedTerms;

pub use arguments::{SearchArguments, check_search_settings, encode_search_cursor};
pub use corpus_stats::{CorpusStats, RemoteQuery};
pub use weights::RankWeights;

/// Ranked messages beyond the page whose rows are read: some are superseded notes, some are duplicates.
const EXTRA_CANDIDATES: usize = 50;
/// Texts that are read to check for quoted phrases.
const PHRASE_TEXTS: usize = 100;

/// Query with the snapshot of the store that answers it.
struct SearchRequest<'a> {
    snapshot: &'a Snapshot<'a>,
    query: &'a Query,
    now: Timestamp,
    /// Corpus statistics of a corpus larger than the store.
    wide: Option<&'a CorpusStats>,
    terms: &'a TermExtractor,
    order: HitOrder,
}

/// Condition for ordering the hits on one thing by time, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HitOrder {
    /// If the query asks for what holds now; otherwise the first hit names the newest later one.
    ByQuestion,
    /// For every query.
    NewestFirst,
}

/// Ranked candidates with their evidence and their order by time.
#[derive(Debug, Default)]
struct RankedCandidates {
    evidence: Evidence,
    found: Vec<ScoredCandidate>,
    history: ChangeHistory,
}

impl Memory {
    /// Runs a query and returns one page of results.
    ///
    /// # Errors
    /// An empty or invalid query, or a store that cannot be read.
    pub fn search(&self, query: &Query, now: Timestamp) -> Result<SearchResults> {
        self.search_with_stats(query, now, None, HitOrder::ByQuestion)
    }

    /// Runs a query as [`Memory::search`] does, with hits on the subject of the first one in front, newest first.
    pub(in crate::memory) fn search_newest_first(&self, query: &Query, now: Timestamp) -> Result<SearchResults> {
        self.search_with_stats(query, now, None, HitOrder::NewestFirst)
    }

    fn search_with_stats(
        &self,
        query: &Query,
        now: Timestamp,
        wide: Option<&CorpusStats>,
        order: HitOrder,
    ) -> Result<SearchResults> {
        validate_query(query)?;
        let _answering = self.asking.start_search();
        let terms = TermExtractor::default();
        let mut answer = SearchResults::default();
        // All reads of this search use one snapshot: what another process deletes meanwhile is still complete here. Doc
        // values and vectors are updated independently; rows that only they know are missing from the snapshot and are
        // dropped.
        let snapshot = self.store.snapshot()?;
        let words_are_current = snapshot.is_keyword_index_current()?;
        let request = SearchRequest { snapshot: &snapshot, query, now, wide, terms: &terms, order };
        let ranked = if query.mode == SearchMode::Exact {
            literal_search(&request, &mut answer)?
        } else {
            let mut ranked = self.ranked_search(&request, &mut answer)?;
            self.order_candidates(&request, &mut ranked, &mut answer)?;
            ranked
        };
        if query.filter.projects.as_ref().is_some_and(Vec::is_empty) {
            let why = "this folder is not a known project yet; project \"all\" searches everywhere";
            answer.warnings.push(why.to_owned());
        }
        let start = Instant::now();
        self.build_page(&request, ranked, &mut answer)?;
        answer.stages.push(("read", elapsed_us(start)));
        if answer.hits.is_empty() {
            answer.confidence = Confidence::None;
        }
        if !words_are_current {
            answer.degraded = true;
            answer.warnings.push(
                "the keyword index was built by another version; run `claude-memory init` to rebuild it".to_owned(),
            );
        }
        Ok(answer)
    }

    fn ranked_search(&self, request: &SearchRequest<'_>, answer: &mut SearchResults) -> Result<RankedCandidates> {
        let SearchRequest { snapshot, query, now, wide, .. } = *request;
        let question = ParsedQuestion::parse_texts(&query.texts, now, || self.zone.clone());
        let meaning = match query.mode {
            SearchMode::Hybrid | SearchMode::Semantic => self.query_embedding(request, &question, answer)?,
            SearchMode::Keyword | SearchMode::Exact => None,
        };
        let columns = time_stage(answer, "columns", || self.doc_values())?;
        let messages = if needs_store_lookup(&query.filter) {
            Some(time_stage(answer, "filter", || Ok(snapshot.allowed_messages(&query.filter, now)?))?)
        } else {
            None
        };
        let without = match &query.filter.not_session {
            Some(session) => snapshot.conversations_of_session(session)?,
            None => Vec::new(),
        };
        let permit = PassageFilter {
            columns: &columns,
            filter: &query.filter,
            messages: messages.as_deref(),
            without: &without,
        };
        let by_word = query.mode != SearchMode::Semantic || meaning.is_none();
        let (words, translated) = time_stage(answer, "words", || self.load_terms(request, &columns, &question))?;
        if by_word && words.terms.is_empty() {
            let why = "the query has only very common words, so keyword search was skipped; exact mode finds them";
            answer.warnings.push(why.to_owned());
        }
        let wanted = CandidateRequest {
            count: MIN_CANDIDATES + query.offset,
            words: by_word,
            only_words: query.mode == SearchMode::Keyword,
            keys: question.wants_advice,
        };
        let mut evidence = time_stage(answer, "gather", || {
            self.gather_evidence(&permit, (words, translated), meaning.as_ref(), wanted, &self.weights)
        })?;
        let mut conversation_words = None;
        if let Some(wide) = wide {
            evidence.spread = wide.spread.unwrap_or(evidence.spread);
            conversation_words = Some(wide.conversation_words(snapshot)?);
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of texts; only its logarithm is used")]
        let texts = wide.map_or(evidence.embedded_texts as f32, |wide| wide.texts);
        let scale = meaning.as_ref().and_then(|_| self.resident.model_spec().cosine_scale());
        let model = ConfidenceModel::new(question.script, scale, texts);
        let (confidence, signals) = model.estimate_confidence(&evidence);
        (answer.confidence, answer.signals) = (confidence, Some(signals));
        let context = RankContext {
            columns: &columns,
            question: &question,
            mode: query.mode,
            here: &query.here,
            now,
            zone: &self.zone,
            weights: &self.weights,
            conversation_words: conversation_words.as_ref(),
            confidence: &model,
        };
        let found = time_stage(answer, "rank", || {
            let mut ranking = rank::rank_messages(&evidence, &context);
            self.add_phrases(snapshot, &question, &mut ranking)?;
            if let Some(worth) = query.worth {
                evidence.retain_relevant(&mut ranking, worth, &model);
            }
            ranking.truncate(query.offset + query.limit + EXTRA_CANDIDATES);
            load_candidates(request, ranking)
        })?;
        Ok(RankedCandidates { evidence, found, ..RankedCandidates::default() })
    }

    /// Orders the best candidates: by the user's reranker if the query asks for it, then by time.
    fn order_candidates(
        &self,
        request: &SearchRequest<'_>,
        ranked: &mut RankedCandidates,
        answer: &mut SearchResults,
    ) -> Result<()> {
        let SearchRequest { snapshot, query, order, .. } = *request;
        if query.tier == SearchTier::Rerank {
            match time_stage(answer, "rerank", || self.rerank_candidates(request, ranked))? {
                Some(RerankSkip::Unusable(why)) => {
                    answer.degraded = true;
                    answer.warnings.push(format!("not reranked: {why}"));
                }
                // A reranker for one language leaves questions in the other alone: no failure.
                Some(RerankSkip::OtherLanguage) if query.explain => {
                    let why = "not reranked: your reranker does not rank the language of the query";
                    answer.explanation.push(why.to_owned());
                }
                Some(RerankSkip::OtherLanguage) | None => {}
            }
        }
        let newest_first = order == HitOrder::NewestFirst || asks_what_holds(&query.texts);
        let found = &mut ranked.found;
        ranked.history = time_stage(answer, "time", || self.order_by_time(snapshot, found, newest_first))?;
        Ok(())
    }

    /// Looks up the words of the question, as asked and in the other language.
    fn load_terms(
        &self,
        request: &SearchRequest<'_>,
        columns: &DocValues,
        question: &ParsedQuestion,
    ) -> Result<(QueryTerms, TranslatedTerms)> {
        let SearchRequest { snapshot, query, wide, terms, .. } = *request;
        let rare = query.worth.is_some();
        let texts = searched_texts(question, &query.texts, terms);
        let words = QueryTerms::load_postings(snapshot, columns, &term_groups(&texts, terms), rare)?;
        let groups = self.translate_texts(&texts, terms);
        let translated = TranslatedTerms::load_postings(snapshot, columns, &groups, &words, question.script, rare)?;
        let (mut words, translated) = match wide {
            Some(wide) => (words.with_corpus(wide), translated.with_corpus(wide)),
            None => (words, translated),
        };
        let subjects: Vec<String> = texts.iter().map(|text| strip_decision_frame(text)).collect();
        words.retain_evidence(&term_groups(&subjects.iter().collect::<Vec<_>>(), terms).concat());
        Ok((words, translated))
    }

    fn translate_texts(&self, texts: &[&String], terms: &TermExtractor) -> Vec<Translation> {
        let glossary = self.glossary.get_or_init(|| Glossary::with_user_lines(self.settings.search.glossary.lines()));
        texts.iter().map(|text| glossary.translate(text, terms, limits::QUERY_TERMS)).collect()
    }

    /// Raises the score of texts that contain the query's quoted phrases.
    fn add_phrases(
        &self,
        snapshot: &Snapshot<'_>,
        question: &ParsedQuestion,
        ranking: &mut [ScoredMessage],
    ) -> Result<()> {
        if question.phrases.is_empty() {
            return Ok(());
        }
        let phrases: Vec<String> = question.phrases.iter().map(|phrase| phrase.to_lowercase()).collect();
        for ranked in ranking.iter_mut().take(PHRASE_TEXTS) {
            let text = snapshot.passage_text(i64::from(ranked.passage))?.to_lowercase();
            if phrases.iter().all(|phrase| text.contains(phrase)) {
                ranked.add_part(ScorePart::Phrase, self.weights.phrase);
            }
        }
        ranking.sort_by(|left, right| right.score.total_cmp(&left.score));
        Ok(())
    }

    fn embed_query(&self, question: &ParsedQuestion) -> std::result::Result<Vec<f32>, embed::Error> {
        self.resident.embed_query(&question.subjects.join("\n"))
    }

    /// Embeds the question; `None` with a warning if that is not possible.
    fn query_embedding(
        &self,
        request: &SearchRequest<'_>,
        question: &ParsedQuestion,
        answer: &mut SearchResults,
    ) -> Result<Option<QueryEmbedding>> {
        let SearchRequest { snapshot, wide, .. } = *request;
        let start = Instant::now();
        let mut degrade = |why: String| {
            answer.degraded = true;
            answer.warnings.push(why);
        };
        let digest = match self.resident.model_spec().model_digest() {
            Ok(digest) => digest,
            Err(error) => {
                degrade(format!("keyword search only: {error}"));
                return Ok(None);
            }
        };
        let waiting = snapshot.pending_count()?;
        let Some(model) = snapshot.find_model(&digest)? else {
            degrade("keyword search only: no embeddings of this model yet; run `claude-memory embed`".to_owned());
            return Ok(None);
        };
        if waiting > 0 {
            degrade(format!("{}; run `claude-memory embed`", describe_not_embedded(waiting)));
        }
        if let Some(vector) = wide.and_then(|wide| wide.vector.clone()) {
            return Ok(Some(QueryEmbedding { model, digest, vector }));
        }
        let vector = match self.embed_query(question) {
            Ok(vector) => vector,
            Err(error) => {
                degrade(format!("keyword search only: {error}"));
                return Ok(None);
            }
        };
        answer.stages.push(("embed", elapsed_us(start)));
        Ok(Some(QueryEmbedding { model, digest, vector }))
    }
}

/// Finds the texts that contain the query literally, newest first.
fn literal_search(request: &SearchRequest<'_>, answer: &mut SearchResults) -> Result<RankedCandidates> {
    let SearchRequest { snapshot, query, now, terms, .. } = *request;
    let wanted = query.offset + query.limit + EXTRA_CANDIDATES;
    let passages =
        time_stage(answer, "literal", || Ok(snapshot.search_literal(&query.texts, &query.filter, now, wanted)?))?;
    let found = snapshot.filter_candidates(&passages, &query.filter, now)?.into_iter();
    let shown = query.texts.iter().flat_map(|text| terms.query_terms(text, limits::QUERY_TERMS)).collect();
    let more = passages.len() == wanted;
    if !passages.is_empty() {
        answer.confidence = Confidence::Strong;
    }
    let evidence = Evidence { words: QueryTerms::for_display(shown), more, ..Evidence::default() };
    let found = found.map(|candidate| (ScoredMessage::for_literal(&candidate), candidate)).collect();
    Ok(RankedCandidates { evidence, found, ..RankedCandidates::default() })
}

/// Reads the rows of ranked messages. Superseded and expired ones are dropped, and byte-identical texts are merged into
/// the best one.
fn load_candidates(request: &SearchRequest<'_>, ranking: Vec<ScoredMessage>) -> Result<Vec<ScoredCandidate>> {
    let passages: Vec<i64> = ranking.iter().map(|ranked| i64::from(ranked.passage)).collect();
    let mut candidates =
        request.snapshot.filter_candidates(&passages, &request.query.filter, request.now)?.into_iter().peekable();
    let mut texts = HashSet::new();
    let mut found = Vec::with_capacity(ranking.len());
    for ranked in ranking {
        let candidate = candidates.next_if(|candidate| candidate.passage == i64::from(ranked.passage));
        // Of equal texts the page shows the person's.
        let is_new = |candidate: &PassageCandidate| texts.insert((candidate.hash, candidate.role == Role::User));
        found.extend(candidate.filter(is_new).map(|candidate| (ranked, candidate)));
    }
    Ok(found)
}

/// Returns what is searched for of each query text: its subject, or the whole text if the subject has no terms.
fn searched_texts<'a>(question: &'a ParsedQuestion, texts: &'a [String], terms: &TermExtractor) -> Vec<&'a String> {
    let has_terms = |text: &String| !terms.query_terms(text, 1).is_empty();
    question.subjects.iter().zip(texts).map(|(subject, text)| if has_terms(subject) { subject } else { text }).collect()
}

/// Returns the terms of each text.
fn term_groups(texts: &[&String], terms: &TermExtractor) -> Vec<Vec<String>> {
    texts.iter().map(|text| terms.query_terms(text, limits::QUERY_TERMS)).collect()
}

fn validate_query(query: &Query) -> Result<()> {
    if query.texts.iter().all(|text| text.trim().is_empty()) {
        return Err(Error::Invalid {
            message: "the query is empty".to_owned(),
            hint: Some("say what to look for, in your own words".to_owned()),
        });
    }
    if query.limit == 0 || query.limit > limits::QUERY_HITS {
        let most = limits::QUERY_HITS;
        return Err(Error::invalid_input(format!("limit is {}; it must be between 1 and {most}", query.limit)));
    }
    if query.offset > limits::QUERY_OFFSET {
        let message = format!("the offset is {}; it may be at most {}", query.offset, limits::QUERY_OFFSET);
        return Err(Error::Invalid { message, hint: Some("narrow the query or its filters".to_owned()) });
    }
    if query.texts.len() > limits::QUERY_TEXTS {
        let message = format!("the query has {} texts; it may have {}", query.texts.len(), limits::QUERY_TEXTS);
        return Err(Error::Invalid { message, hint: None });
    }
    if let Some(long) = query.texts.iter().find(|text| text.len() > limits::QUERY_BYTES) {
        let message = format!("the query has {} bytes; it may have {}", long.len(), limits::QUERY_BYTES);
        return Err(Error::Invalid { message, hint: Some("ask for its most telling line".to_owned()) });
    }
    if let (Some(after), Some(before)) = (query.filter.after, query.filter.before)
        && after >= before
    {
        return Err(Error::invalid_input(format!("nothing lies after {after} and before {before}")));
    }
    Ok(())
}

fn time_stage<T>(answer: &mut SearchResults, stage: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let outcome = work();
    answer.stages.push((stage, elapsed_us(start)));
    outcome
}

fn elapsed_us(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
