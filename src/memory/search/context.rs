//! What the surroundings of a message add to its score: its neighbours, the rest of its session, and whose words are asked
//! for. Conversations answer a question in several turns, and often only their sum is unmistakable.

use std::collections::HashMap;

use super::fuse::Ranked;
use crate::domain::Role;
use crate::domain::text::intent;
use crate::memory::{Memory, Result};

/// Share of each neighbour's own score that is added.
const NEIGHBOUR: f32 = 0.15;
/// Added to messages of the session whose best messages together score highest; others get their share of it.
const SESSION: f32 = 0.3;
/// A session's score is its best messages, each worth so much of the one before, at most so many.
const SESSION_DECAY: f32 = 0.7;
const SESSION_MESSAGES: usize = 3;
/// Added to the user's messages when the question is about the user.
const OWN_WORDS: f32 = 0.15;
/// Only the best so many messages look at their neighbours.
const LOOK_AROUND: usize = 100;

/// What was added to a score.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context {
    pub(super) neighbours: f32,
    pub(super) session: f32,
    pub(super) own_words: f32,
}

impl Memory {
    /// Adds to every score what its surroundings say. Reads the neighbours of the best messages from the store.
    pub(super) fn add_context(&self, texts: &[String], ranking: &mut [Ranked]) -> Result<()> {
        ranking.sort_by(|left, right| right.score.total_cmp(&left.score));
        let scores: HashMap<i64, f32> = ranking.iter().map(|ranked| (ranked.candidate.message, ranked.score)).collect();
        let best: Vec<i64> = ranking.iter().take(LOOK_AROUND).map(|ranked| ranked.candidate.message).collect();
        let around = self.store.neighbours(&best)?;
        let sessions = sessions(ranking);
        let highest = sessions.values().copied().fold(0.0_f32, f32::max).max(1e-6);
        let about_self = texts.iter().any(|text| intent::speaks_of_self(text));
        for (index, ranked) in ranking.iter_mut().enumerate() {
            let (before, after) = around.get(index).copied().unwrap_or_default();
            let sum: f32 = [before, after].iter().flatten().filter_map(|message| scores.get(message)).sum();
            let own = about_self && ranked.candidate.role == Role::User;
            ranked.context = Context {
                neighbours: NEIGHBOUR * sum,
                session: SESSION * sessions.get(&ranked.candidate.conversation).copied().unwrap_or(0.0) / highest,
                own_words: if own { OWN_WORDS } else { 0.0 },
            };
            let Context { neighbours, session, own_words } = ranked.context;
            // Surroundings speak for what was said, not for what a tool printed beside it.
            ranked.score += ranked.weight.min(1.0) * (neighbours + session + own_words);
        }
        Ok(())
    }
}

/// Score of each conversation; the ranking is sorted, so its best messages come first.
fn sessions(ranking: &[Ranked]) -> HashMap<i64, f32> {
    let mut sums: HashMap<i64, (f32, usize)> = HashMap::new();
    for ranked in ranking {
        let (sum, count) = sums.entry(ranked.candidate.conversation).or_default();
        if *count < SESSION_MESSAGES {
            *sum += ranked.score * SESSION_DECAY.powi(i32::try_from(*count).unwrap_or(i32::MAX));
            *count += 1;
        }
    }
    sums.into_iter().map(|(conversation, (sum, _))| (conversation, sum)).collect()
}
