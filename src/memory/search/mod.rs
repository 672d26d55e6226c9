//! One search: candidates by word and by meaning, fused, folded, cut to a budget.
//!
//! Degraded is not failed: without an encoder, or with vectors still missing, the answer says so and words carry it.

mod context;
mod explain;
mod fuse;
mod page;

use std::time::Instant;

use super::nearest::Near;
use super::{Error, Memory, Result};
use crate::domain::text::terms::Terms;
use crate::domain::{Answer, Mode, Query, Timestamp};

/// Candidates taken from each kind of evidence.
const CANDIDATES: usize = 200;
/// Distinct words of one text that are searched.
const MOST_TERMS: usize = 64;

/// What was gathered before anything is ranked.
#[derive(Debug, Default)]
struct Evidence {
    /// Words of the query, for snippets.
    terms: Vec<String>,
    /// Sum of the weights of these words: what a text that holds all of them could about score.
    full_weight: f32,
    /// Passages by word, best first.
    words: Vec<(i64, f32)>,
    /// Passages by meaning, best first.
    near: Vec<Near>,
    /// First passages of the parts that hold the literal text, newest first.
    literal: Vec<i64>,
}

impl Memory {
    /// Answers a query.
    ///
    /// # Errors
    /// An empty or impossible query, or a store that cannot be read.
    pub fn search(&self, query: &Query, now: Timestamp) -> Result<Answer> {
        check(query)?;
        let terms = Terms::default();
        let mut answer = Answer::default();
        let mut evidence = Evidence::default();
        let wants_meaning = matches!(query.mode, Mode::Hybrid | Mode::Semantic);
        if wants_meaning {
            self.by_meaning(query, now, &mut evidence, &mut answer)?;
        }
        let groups: Vec<Vec<String>> = query.texts.iter().map(|text| terms.of_query(text, MOST_TERMS)).collect();
        evidence.terms = groups.concat();
        let meaning_failed = wants_meaning && answer.degraded && evidence.near.is_empty();
        if query.mode == Mode::Exact {
            let wanted = query.offset + query.limit + 1;
            evidence.literal = timed(&mut answer, "literal", || {
                Ok(self.store.by_literal(&query.texts, &query.filter, now, wanted)?)
            })?;
        } else if query.mode != Mode::Semantic || meaning_failed {
            evidence.words = timed(&mut answer, "keyword", || {
                Ok(self.store.by_words(&groups, &query.filter, now, CANDIDATES + query.offset)?)
            })?;
            evidence.full_weight = self.store.term_weights(&evidence.terms)?.iter().sum();
            if evidence.terms.is_empty() {
                answer
                    .warnings
                    .push("the query holds only very common words, so nothing was searched by word".to_owned());
            }
        }
        let ranked = timed(&mut answer, "fuse", || self.rank(query, &evidence, now))?;
        let start = Instant::now();
        self.page(query, &evidence, ranked, &terms, &mut answer)?;
        answer.stages.push(("read", micros(start)));
        if !self.store.words_are_current()? {
            answer.degraded = true;
            answer
                .warnings
                .push("the word index was made by another version; run `claude-memory init` to rebuild it".to_owned());
        }
        Ok(answer)
    }

    fn by_meaning(&self, query: &Query, now: Timestamp, evidence: &mut Evidence, answer: &mut Answer) -> Result<()> {
        let start = Instant::now();
        let degrade = |answer: &mut Answer, why: String| {
            answer.degraded = true;
            answer.warnings.push(why);
        };
        let digest = match self.resident.spec().digest() {
            Ok(digest) => digest,
            Err(error) => {
                degrade(answer, format!("searched by word only: {error}"));
                return Ok(());
            }
        };
        let waiting = self.store.pending_count()?;
        let Some(model) = self.store.find_model(&digest)? else {
            degrade(
                answer,
                "searched by word only: no vectors of this model yet; run `claude-memory embed`".to_owned(),
            );
            return Ok(());
        };
        if waiting > 0 {
            degrade(
                answer,
                format!("{waiting} texts have no vector yet and are found by word only; run `claude-memory embed`"),
            );
        }
        let vector = match self.resident.query(&query.texts.join("\n")) {
            Ok(vector) => vector,
            Err(error) => {
                degrade(answer, format!("searched by word only: {error}"));
                return Ok(());
            }
        };
        answer.stages.push(("embed", micros(start)));
        evidence.near =
            timed(answer, "semantic", || self.nearest(model, &vector, &query.filter, now, CANDIDATES + query.offset))?;
        Ok(())
    }
}

fn check(query: &Query) -> Result<()> {
    if query.texts.iter().all(|text| text.trim().is_empty()) {
        return Err(Error::Invalid {
            message: "the query is empty".to_owned(),
            hint: Some("say what to look for, in your own words".to_owned()),
        });
    }
    if query.limit == 0 || query.limit > 50 {
        return Err(Error::invalid(format!("limit is {}; it must be between 1 and 50", query.limit)));
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
