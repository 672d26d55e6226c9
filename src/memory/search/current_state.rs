//! Orders hits on one thing by time: a decision that was changed later still reads like a decision, so the newest is
//! what holds now. Works on stored embeddings; needs no embedding of the query.

use std::collections::HashMap;

use super::page::ScoredCandidate;
use crate::domain::{LaterMessage, MessageId};
use crate::memory::{Memory, Result};
use crate::store::Snapshot;

/// Candidates among which hits on the subject of the first one are searched.
const EXAMINED_CANDIDATES: usize = 10;
/// Share of the first hit's score, without what session and age add, that a hit must reach to be on its subject.
const MIN_SCORE_SHARE: f32 = 0.7;
/// Cosine to the first hit from which a hit is on its subject.
const MIN_COSINE: f32 = 0.6;

/// Result of ordering by time: which hits were changed by a later one.
#[derive(Debug, Default)]
pub(super) struct ChangeHistory {
    /// Newest message of the subject for each older one that was moved behind it.
    pub(super) changed: HashMap<MessageId, LaterMessage>,
    /// First hit and the newest later message on its subject, if the order stayed.
    pub(super) later: Option<(MessageId, LaterMessage)>,
}

impl ChangeHistory {
    /// Describes the history in words for the explanation of an answer; `None` if there is none.
    pub(super) fn describe_history(&self) -> Option<String> {
        if let Some((_, later)) = &self.later {
            return Some(format!(
                "order by score; the newest result on the same thing as the first is {}",
                later.id.short_form()
            ));
        }
        let count = self.changed.len() + 1;
        (count > 1).then(|| {
            format!(
                "you ask what holds now: the {count} results on the same thing (cosine to the first from {MIN_COSINE}, \
                 {MIN_SCORE_SHARE} of its score) are in front, newest first"
            )
        })
    }
}

impl Memory {
    /// Finds the candidates on the subject of the first one. With `newest_first` they are moved to the front, newest
    /// first; otherwise the order stays.
    pub(super) fn order_by_time(
        &self,
        snapshot: &Snapshot<'_>,
        found: &mut Vec<ScoredCandidate>,
        newest_first: bool,
    ) -> Result<ChangeHistory> {
        let mut history = ChangeHistory::default();
        let same = self.find_same_subject(snapshot, found)?;
        if same.len() < 2 {
            return Ok(history);
        }
        if !newest_first {
            let newest = same.iter().filter_map(|index| found.get(*index)).max_by_key(|(_, candidate)| candidate.at);
            if let (Some((_, first)), Some((_, newest))) = (found.first(), newest)
                && newest.at > first.at
            {
                history.later = Some((first.id, LaterMessage { id: newest.id, at: newest.at }));
            }
            return Ok(history);
        }
        let (mut subject, mut others) = (Vec::new(), Vec::new());
        for (index, candidate) in std::mem::take(found).into_iter().enumerate() {
            if same.contains(&index) { subject.push(candidate) } else { others.push(candidate) }
        }
        subject.sort_by_key(|(_, candidate)| std::cmp::Reverse(candidate.at));
        if let Some((_, newest)) = subject.first() {
            let newest = LaterMessage { id: newest.id, at: newest.at };
            history.changed = subject.iter().skip(1).map(|(_, candidate)| (candidate.id, newest)).collect();
        }
        found.extend(subject);
        found.extend(others);
        Ok(history)
    }

    /// Returns the indexes of the candidates on the subject of the first one, itself included, ascending.
    fn find_same_subject(&self, snapshot: &Snapshot<'_>, found: &[ScoredCandidate]) -> Result<Vec<usize>> {
        let (Some((ranked, candidate)), Some((model, ..))) = (found.first(), self.current_model_ref()) else {
            return Ok(Vec::new());
        };
        let Some(vector) = snapshot.vector_of_passage(model, candidate.passage)? else { return Ok(Vec::new()) };
        let least = MIN_SCORE_SHARE * ranked.bare_score();
        let mut same = vec![0];
        for (index, (ranked, candidate)) in found.iter().enumerate().take(EXAMINED_CANDIDATES).skip(1) {
            if ranked.bare_score() < least {
                continue;
            }
            let other = snapshot.vector_of_passage(model, candidate.passage)?.unwrap_or_default();
            let cosine: f32 = vector.iter().zip(&other).map(|(left, right)| left * right).sum();
            if cosine >= MIN_COSINE {
                same.push(index);
            }
        }
        Ok(same)
    }
}
