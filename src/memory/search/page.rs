//! The hits of one page with their texts, within the token budget.

use std::collections::HashSet;

use super::explain;
use super::gather::Evidence;
use super::rank::Ranked;
use crate::domain::text::{one_line, snippet, terms::Terms, tokens};
use crate::domain::{Answer, ContentHash, Detail, Hit, Match, Mode, Query};
use crate::memory::{Memory, Result};
use crate::store::{Body, Candidate};

/// Length of a snippet in characters.
const SNIPPET: usize = 320;
const TITLE: usize = 80;
/// Tokens that a hit costs beside its text: ids, time, project.
const HIT_TOKENS: usize = 70;

/// A ranked message with the rows that it is shown from.
pub(super) type Found = (Ranked, Candidate);

impl Memory {
    pub(super) fn page(
        &self,
        query: &Query,
        evidence: &Evidence,
        ranking: Vec<Found>,
        terms: &Terms,
        answer: &mut Answer,
    ) -> Result<()> {
        let found = ranking.len();
        let mut texts = HashSet::new();
        let (mut passed, mut over_budget) = (query.offset, false);
        for (ranked, candidate) in ranking.into_iter().skip(query.offset) {
            if answer.hits.len() == query.limit {
                break;
            }
            let body = self.store.body(candidate.part)?;
            passed += 1;
            // The same words again, with other spaces, marks or capitals, are no second memory.
            if !texts.insert(essence(&body.text)) {
                continue;
            }
            let left = query.max_tokens.saturating_sub(answer.tokens + HIT_TOKENS);
            if answer.tokens > 0 && left == 0 {
                (passed, over_budget) = (passed - 1, true);
                break;
            }
            let shown = Shown { query, evidence, terms, left };
            let mut hit = shown.hit(&ranked, &candidate, body);
            hit.snippet = self.clean_text(hit.snippet)?;
            hit.title = self.clean_text(hit.title)?;
            answer.tokens += tokens::estimate(&hit.snippet) + HIT_TOKENS;
            answer.hits.push(hit);
        }
        // What was left out as a repetition is passed too, so the next page begins further on in any case.
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

/// Equal for texts that differ in spaces, marks and capitals only.
fn essence(text: &str) -> ContentHash {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    ContentHash::of(if letters.is_empty() { text } else { &letters })
}

/// What a hit needs beside its rows.
struct Shown<'a> {
    query: &'a Query,
    evidence: &'a Evidence,
    terms: &'a Terms,
    /// Tokens that its text may have.
    left: usize,
}

impl Shown<'_> {
    fn hit(&self, ranked: &Ranked, candidate: &Candidate, body: Body) -> Hit {
        let Self { query, evidence, terms, left } = *self;
        // What stands in quotes or anywhere else was found in the whole text; everything else in the shown passage.
        let within = if query.mode == Mode::Exact { 0..body.text.len() } else { candidate.range.clone() };
        let passage = body.text.get(within.clone()).unwrap_or("");
        let matched = Match {
            keyword_rank: evidence.word_places.get(&ranked.passage).copied(),
            semantic_rank: evidence.meaning_places.get(&ranked.passage).copied(),
            terms: snippet::matching(passage, &evidence.words.terms, terms),
        };
        let mut text = match query.detail {
            Detail::Index => String::new(),
            Detail::Snippet => snippet::window(&body.text, &evidence.words.terms, &within, SNIPPET, terms),
            Detail::Full => body.text,
        };
        if tokens::estimate(&text) > left {
            text = format!("{}…", tokens::prefix(&text, left.saturating_sub(1)));
        }
        Hit {
            id: candidate.id,
            session: body.session,
            source: body.source,
            project: body.project,
            role: body.role,
            kind: candidate.kind,
            origin: body.origin,
            title: one_line(&body.title, TITLE),
            snippet: text,
            at: candidate.at,
            score: ranked.score,
            explanation: query.explain.then(|| explain::sentence(ranked, evidence, &matched)),
            matched,
        }
    }
}
