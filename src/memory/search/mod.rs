//! One search: candidates by word and by meaning, fused, folded, cut to a budget.
//!
//! Degraded is not failed: without an encoder, or with vectors still missing, the answer says so and words carry it.

mod explain;
mod gather;
mod page;
mod rank;
mod weights;
mod wide;
mod words;

use std::collections::HashSet;
use std::time::Instant;

use super::columns::{Permit, needs_store};
use super::{Error, Memory, Result};
use crate::domain::text::question::Question;
use crate::domain::text::terms::Terms;
use crate::domain::{Answer, Mode, Query, Timestamp, limits};
use crate::embed;
use gather::{CANDIDATES, Evidence, Meaning, Wanted};
use page::Found;
use rank::{Context, Part, Ranked};
use words::Words;

pub use weights::Weights;
pub use wide::{Asked, Wide};

/// Ranked messages beyond the page whose rows are read: some are replaced notes, some say the same.
const SPARE: usize = 50;
/// Texts that are read to look for quoted phrases.
const PHRASE_TEXTS: usize = 100;

impl Memory {
    /// Answers a query.
    ///
    /// # Errors
    /// An empty or impossible query, or a store that cannot be read.
    pub fn search(&self, query: &Query, now: Timestamp) -> Result<Answer> {
        self.search_in(query, now, None)
    }

    fn search_in(&self, query: &Query, now: Timestamp, wide: Option<&Wide>) -> Result<Answer> {
        check(query)?;
        let _answering = self.asking.begin();
        let terms = Terms::default();
        let mut answer = Answer::default();
        let (evidence, found) = if query.mode == Mode::Exact {
            self.literally(query, now, &terms, &mut answer)?
        } else {
            self.ranked(query, now, wide, &terms, &mut answer)?
        };
        let start = Instant::now();
        self.page(query, &evidence, found, &terms, &mut answer)?;
        answer.stages.push(("read", micros(start)));
        if !self.store.words_are_current()? {
            answer.degraded = true;
            answer
                .warnings
                .push("the word index was made by another version; run `claude-memory init` to rebuild it".to_owned());
        }
        Ok(answer)
    }

    /// The texts that hold the literal characters, newest first.
    fn literally(
        &self,
        query: &Query,
        now: Timestamp,
        terms: &Terms,
        answer: &mut Answer,
    ) -> Result<(Evidence, Vec<Found>)> {
        let wanted = query.offset + query.limit + SPARE;
        let passages =
            timed(answer, "literal", || Ok(self.store.by_literal(&query.texts, &query.filter, now, wanted)?))?;
        let found = self.store.candidates(&passages, &query.filter, now)?.into_iter();
        let shown = query.texts.iter().flat_map(|text| terms.of_query(text, limits::QUERY_TERMS)).collect();
        let more = passages.len() == wanted;
        let evidence = Evidence { words: Words::shown(shown), more, ..Evidence::default() };
        Ok((evidence, found.map(|candidate| (Ranked::literal(&candidate), candidate)).collect()))
    }

    fn ranked(
        &self,
        query: &Query,
        now: Timestamp,
        wide: Option<&Wide>,
        terms: &Terms,
        answer: &mut Answer,
    ) -> Result<(Evidence, Vec<Found>)> {
        let question = Question::read(&query.texts, now, || self.zone.clone());
        let meaning = match query.mode {
            Mode::Hybrid | Mode::Semantic => self.encode(&question, wide, answer)?,
            Mode::Keyword | Mode::Exact => None,
        };
        let columns = timed(answer, "columns", || self.columns())?;
        let messages = if needs_store(&query.filter) {
            Some(timed(answer, "filter", || Ok(self.store.allowed_messages(&query.filter, now)?))?)
        } else {
            None
        };
        let without = match &query.filter.not_session {
            Some(session) => self.store.conversations_of(session)?,
            None => Vec::new(),
        };
        let permit =
            Permit { columns: &columns, filter: &query.filter, messages: messages.as_deref(), without: &without };
        let groups = groups(&question, &query.texts, terms);
        let words = timed(answer, "words", || {
            let words = Words::look_up(&self.store, &columns, &groups, query.worth.is_some())?;
            Ok(match wide {
                Some(wide) => words.among(wide),
                None => words,
            })
        })?;
        let by_word = query.mode != Mode::Semantic || meaning.is_none();
        if by_word && words.terms.is_empty() {
            let why = "the query holds only very common words, so nothing was searched by word; exact mode finds them";
            answer.warnings.push(why.to_owned());
        }
        let wanted = Wanted {
            count: CANDIDATES + query.offset,
            words: by_word,
            only_words: query.mode == Mode::Keyword,
            keys: question.wants_advice,
        };
        let mut evidence =
            timed(answer, "gather", || self.gather(&permit, words, meaning.as_ref(), wanted, &self.weights))?;
        let mut conversation_words = None;
        if let Some(wide) = wide {
            evidence.spread = wide.spread.unwrap_or(evidence.spread);
            conversation_words = Some(self.conversation_words(wide)?);
        }
        let context = Context {
            columns: &columns,
            question: &question,
            mode: query.mode,
            here: &query.here,
            now,
            zone: &self.zone,
            weights: &self.weights,
            conversation_words: conversation_words.as_ref(),
        };
        let found = timed(answer, "rank", || {
            let mut ranking = rank::rank(&evidence, &context);
            self.add_phrases(&question, &mut ranking)?;
            if let Some(worth) = query.worth {
                evidence.retain_worthy(&mut ranking, worth, columns.len());
            }
            ranking.truncate(query.offset + query.limit + SPARE);
            self.rows(query, now, ranking)
        })?;
        Ok((evidence, found))
    }

    /// Raises the texts that hold what stands in quotation marks.
    fn add_phrases(&self, question: &Question, ranking: &mut [Ranked]) -> Result<()> {
        if question.phrases.is_empty() {
            return Ok(());
        }
        let phrases: Vec<String> = question.phrases.iter().map(|phrase| phrase.to_lowercase()).collect();
        for ranked in ranking.iter_mut().take(PHRASE_TEXTS) {
            let text = self.store.passage_text(i64::from(ranked.passage))?.to_lowercase();
            if phrases.iter().all(|phrase| text.contains(phrase)) {
                ranked.add(Part::Phrase, self.weights.phrase);
            }
        }
        ranking.sort_by(|left, right| right.score.total_cmp(&left.score));
        Ok(())
    }

    /// The rows that hits are shown from. What was replaced or has expired falls out here, and texts that are equal byte
    /// by byte are folded into the best one.
    fn rows(&self, query: &Query, now: Timestamp, ranking: Vec<Ranked>) -> Result<Vec<Found>> {
        let passages: Vec<i64> = ranking.iter().map(|ranked| i64::from(ranked.passage)).collect();
        let mut candidates = self.store.candidates(&passages, &query.filter, now)?.into_iter().peekable();
        let mut texts = HashSet::new();
        let mut found = Vec::with_capacity(ranking.len());
        for ranked in ranking {
            let candidate = candidates.next_if(|candidate| candidate.passage == i64::from(ranked.passage));
            found.extend(
                candidate.filter(|candidate| texts.insert(candidate.hash)).map(|candidate| (ranked, candidate)),
            );
        }
        Ok(found)
    }

    fn vector_of(&self, question: &Question) -> std::result::Result<Vec<f32>, embed::Error> {
        self.resident.query(&question.subjects.join("\n"))
    }

    /// The vector of the question; `None` with a warning when it cannot be had.
    fn encode(&self, question: &Question, wide: Option<&Wide>, answer: &mut Answer) -> Result<Option<Meaning>> {
        let start = Instant::now();
        let mut degrade = |why: String| {
            answer.degraded = true;
            answer.warnings.push(why);
        };
        let digest = match self.resident.spec().digest() {
            Ok(digest) => digest,
            Err(error) => {
                degrade(format!("searched by word only: {error}"));
                return Ok(None);
            }
        };
        let waiting = self.store.pending_count()?;
        let Some(model) = self.store.find_model(&digest)? else {
            degrade("searched by word only: no vectors of this model yet; run `claude-memory embed`".to_owned());
            return Ok(None);
        };
        if waiting > 0 {
            degrade(format!(
                "{waiting} texts have no vector yet and are found by word only; run `claude-memory embed`"
            ));
        }
        if let Some(vector) = wide.and_then(|wide| wide.vector.clone()) {
            return Ok(Some(Meaning { model, digest, vector }));
        }
        let vector = match self.vector_of(question) {
            Ok(vector) => vector,
            Err(error) => {
                degrade(format!("searched by word only: {error}"));
                return Ok(None);
            }
        };
        answer.stages.push(("embed", micros(start)));
        Ok(Some(Meaning { model, digest, vector }))
    }
}

/// The terms of each text of a question: of its subject, or of all of it where the subject has none.
fn groups(question: &Question, texts: &[String], terms: &Terms) -> Vec<Vec<String>> {
    let of = |text: &String| terms.of_query(text, limits::QUERY_TERMS);
    let subjects = question.subjects.iter().map(of).zip(texts);
    subjects.map(|(found, text)| if found.is_empty() { of(text) } else { found }).collect()
}

fn check(query: &Query) -> Result<()> {
    if query.texts.iter().all(|text| text.trim().is_empty()) {
        return Err(Error::Invalid {
            message: "the query is empty".to_owned(),
            hint: Some("say what to look for, in your own words".to_owned()),
        });
    }
    if query.limit == 0 || query.limit > limits::QUERY_HITS {
        let most = limits::QUERY_HITS;
        return Err(Error::invalid(format!("limit is {}; it must be between 1 and {most}", query.limit)));
    }
    if query.offset > limits::QUERY_OFFSET {
        let message = format!("{} hits would be paged past; {} may be", query.offset, limits::QUERY_OFFSET);
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
        return Err(Error::invalid(format!("nothing lies after {after} and before {before}")));
    }
    Ok(())
}

fn timed<T>(answer: &mut Answer, stage: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let outcome = work();
    answer.stages.push((stage, micros(start)));
    outcome
}

fn micros(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
