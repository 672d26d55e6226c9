//! Builds one page of hits with their texts, within the token budget.

use std::collections::{HashMap, HashSet};

use super::evidence::Evidence;
use super::rank::ScoredMessage;
use super::{RankedCandidates, SearchRequest, explain};
use crate::domain::text::{snippet, terms::TermExtractor, to_one_line, tokens};
use crate::domain::{ContentHash, Detail, Hit, Match, Origin, Query, SearchMode, SearchResults};
use crate::memory::write::projects::project_labels;
use crate::memory::{Memory, Result};
use crate::store::{PassageCandidate, ResultContent};

/// Maximum length of a snippet in characters.
const SNIPPET_CHARACTERS: usize = 320;
/// Maximum characters of a title; it is cut further for display, after it was checked.
const TITLE_CHARACTERS: usize = 400;
/// Tokens of a hit in addition to its texts: number, time, project, role, id.
const HIT_TOKENS: usize = 50;
/// Tokens around the hits: introduction and fence marks.
const FRAME_TOKENS: usize = 110;

/// Ranked message with the row it is shown from.
pub(super) type ScoredCandidate = (ScoredMessage, PassageCandidate);

impl Memory {
    pub(super) fn build_page(
        &self,
        request: &SearchRequest<'_>,
        ranked: RankedCandidates,
        answer: &mut SearchResults,
    ) -> Result<()> {
        let RankedCandidates { evidence, found: ranking, history } = ranked;
        if request.query.explain {
            answer.explanation.extend(explain::explain_confidence(answer));
            answer.explanation.extend(history.describe_history());
        }
        let SearchRequest { snapshot, query, terms, .. } = *request;
        let found = ranking.len();
        let (mut texts, mut shown_ids) = (HashMap::<_, Option<usize>>::new(), HashSet::new());
        let (mut passed, mut over_budget) = (query.offset, false);
        let labels = if found == 0 { HashMap::new() } else { project_labels(snapshot)? };
        let highlighted = evidence.highlighted_terms();
        answer.tokens = FRAME_TOKENS;
        for (ranked, candidate) in ranking.into_iter().skip(query.offset) {
            if answer.hits.len() == query.limit {
                break;
            }
            let body = snapshot.read_content(candidate.part)?;
            passed += 1;
            // The same words with other spaces, punctuation or case are a duplicate.
            let hash = normalised_hash(&body.text);
            // What a model saved of it does not hide what the person said.
            let hides = |at: &usize| answer.hits.get(*at).is_some_and(|hit| hit.origin != Origin::Person);
            let known = texts.get(&hash).copied();
            let replaced = known.flatten().filter(hides).filter(|_| is_of_person(&body));
            if known.is_some() && replaced.is_none() {
                continue;
            }
            texts.entry(hash).or_insert(None);
            let shown = HitBuilder { query, evidence: &evidence, highlighted: &highlighted, terms };
            let mut hit = shown.build_hit(&ranked, &candidate, body);
            hit.changed_by = history.changed.get(&candidate.id).copied();
            hit.later = history.later.filter(|(first, _)| *first == candidate.id).map(|(_, later)| later);
            if let Some(label) = labels.get(&hit.project_row) {
                hit.project.clone_from(label);
            }
            if query.exchange && query.detail != Detail::Index {
                self.add_exchange(snapshot, &mut hit, &candidate, &query.filter)?;
            }
            // A hit that only announced something was replaced by what followed, which may be a hit itself.
            if !shown_ids.insert(hit.id) {
                continue;
            }
            hit.snippet = self.redact_text(hit.snippet)?;
            hit.title = self.redact_text(hit.title)?;
            if let Some(place) = replaced.and_then(|at| answer.hits.get_mut(at)) {
                hit.score = place.score;
                *place = hit;
                continue;
            }
            let mut cost = hit_tokens(&hit);
            if answer.tokens + cost > query.max_tokens {
                if !answer.hits.is_empty() {
                    (passed, over_budget) = (passed - 1, true);
                    break;
                }
                cost = shorten_hit(&mut hit, query.max_tokens.saturating_sub(answer.tokens));
            }
            answer.tokens += cost;
            texts.insert(hash, Some(answer.hits.len()));
            answer.hits.push(hit);
        }
        // Skipped duplicates count as passed, so the next page always begins further on.
        answer.next = (passed < found || (evidence.more && passed > query.offset)).then_some(passed);
        if over_budget {
            answer.warnings.push(format!(
                "{} hits fill the budget of {} tokens; ask for the next page",
                answer.hits.len(),
                query.max_tokens
            ));
        }
        Ok(())
    }
}

/// Returns true if the person at this machine said it.
fn is_of_person(body: &ResultContent) -> bool {
    body.origin == Origin::Person && body.said_by.is_none()
}

fn hit_tokens(hit: &Hit) -> usize {
    let quotes = hit.asked.iter().chain(&hit.answered).map(|quote| quote.text.as_str());
    let quoted: usize = quotes.chain([hit.snippet.as_str()]).map(tokens::estimate_quoted_tokens).sum();
    let about = [hit.title.as_str(), hit.project.as_str(), hit.explanation.as_deref().unwrap_or("")];
    quoted + about.map(tokens::estimate_tokens).iter().sum::<usize>() + HIT_TOKENS
}

/// Shortens a hit to fit a budget, and returns its cost then: without the surrounding exchange, and with less text.
fn shorten_hit(hit: &mut Hit, budget: usize) -> usize {
    (hit.asked, hit.answered) = (None, None);
    let text = std::mem::take(&mut hit.snippet);
    let left = budget.saturating_sub(hit_tokens(hit));
    if tokens::estimate_quoted_tokens(&text) <= left {
        hit.snippet = text;
    } else if left > 2 {
        hit.snippet = format!("{}…", tokens::quoted_token_prefix(&text, left - 2).trim_end());
    }
    hit_tokens(hit)
}

/// Returns a hash that is equal for texts which differ only in spaces, punctuation and case.
fn normalised_hash(text: &str) -> ContentHash {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    ContentHash::of_text(if letters.is_empty() { text } else { &letters })
}

/// Query data needed to build a hit from its rows.
struct HitBuilder<'a> {
    query: &'a Query,
    evidence: &'a Evidence,
    /// Index terms to look for in snippets.
    highlighted: &'a [String],
    terms: &'a TermExtractor,
}

impl HitBuilder<'_> {
    fn build_hit(&self, ranked: &ScoredMessage, candidate: &PassageCandidate, body: ResultContent) -> Hit {
        let Self { query, evidence, highlighted, terms } = *self;
        // Exact mode matched the whole text; every other mode matched the shown passage.
        let within = if query.mode == SearchMode::Exact { 0..body.text.len() } else { candidate.range.clone() };
        let passage = body.text.get(within.clone()).unwrap_or("");
        let matched = Match {
            keyword_rank: evidence.word_places.get(&ranked.passage).copied(),
            semantic_rank: evidence.meaning_places.get(&ranked.passage).copied(),
            terms: snippet::matching_terms(passage, highlighted, terms),
        };
        // A note has its own title, or its text serves as one; the title of its session belongs to another note.
        let title = if body.title.is_empty() { &body.text } else { &body.title };
        let title = to_one_line(title, TITLE_CHARACTERS);
        let text = match query.detail {
            Detail::Index => String::new(),
            Detail::Snippet => snippet::best_window(&body.text, highlighted, &within, SNIPPET_CHARACTERS, terms),
            Detail::Full => body.text,
        };
        Hit {
            id: candidate.id,
            session: body.session,
            source: body.source,
            project: body.project.1,
            project_row: body.project.0,
            passage_row: candidate.passage,
            role: body.role,
            kind: candidate.kind,
            origin: body.origin,
            said_by: body.said_by,
            has_unsigned_place: body.has_unsigned_place,
            title,
            snippet: text,
            at: candidate.at,
            score: ranked.score,
            asked: None,
            answered: None,
            changed_by: None,
            later: None,
            explanation: query.explain.then(|| explain::explain_score(ranked, evidence, &matched)),
            matched,
        }
    }
}
