//! A search over more texts than this store holds: what is counted over all of them comes from elsewhere, and the store holds only
//! those that may be answers, with what was said around them. The ranking is the same.

use std::collections::HashMap;

use super::super::{Memory, Result};
use super::{Weights, check, groups};
use crate::domain::text::question::Question;
use crate::domain::text::terms::Terms;
use crate::domain::{Answer, Mode, Query, Timestamp};
use crate::vector::Spread;

/// What a query looks for, as another place has to be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Terms of each text of the query; a text has to hold one of every group. Empty when only meaning is wanted.
    pub groups: Vec<Vec<String>>,
    /// The digest of the model, and the vector that it made of the question, of unit length; `None` when meaning is not wanted or
    /// cannot be had.
    pub vector: Option<(String, Vec<f32>)>,
    /// Candidates to take of each kind of evidence.
    pub candidates: usize,
    /// How candidates by word are weighed.
    pub weights: Weights,
    /// Why meaning is left out.
    pub warning: Option<String>,
}

/// What is counted over all texts that are searched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wide {
    /// Passages of text.
    pub texts: f32,
    /// Mean number of terms of a passage.
    pub mean_words: f32,
    /// Mean number of terms of a passage with its neighbours.
    pub mean_window: f32,
    /// How many passages hold each term.
    pub holding: HashMap<String, usize>,
    /// How similar the question is to any text.
    pub spread: Option<Spread>,
    /// Terms of all prose of a conversation, by source and session.
    pub conversations: HashMap<(String, String), f32>,
    /// The vector of the question.
    pub vector: Option<Vec<f32>>,
}

impl Wide {
    /// What a term weighs among all texts.
    pub fn weight(&self, term: &str) -> f32 {
        super::words::weight(self.texts, self.holding.get(term).copied().unwrap_or(0))
    }
}

impl Memory {
    /// What another place has to be asked for a query.
    ///
    /// # Errors
    /// An empty or impossible query.
    pub fn ask(&self, query: &Query, now: Timestamp) -> Result<Asked> {
        check(query)?;
        let question = Question::read(&query.texts, now, || self.zone.clone());
        let (mut vector, mut warning) = (None, None);
        if matches!(query.mode, Mode::Hybrid | Mode::Semantic) {
            let made = self.resident.spec().digest();
            match made.and_then(|digest| Ok((digest, self.vector_of(&question)?))) {
                Ok(made) => vector = Some(made),
                Err(error) => warning = Some(format!("searched by word only: {error}")),
            }
        }
        let terms = Terms::default();
        let by_word = matches!(query.mode, Mode::Hybrid | Mode::Keyword) || vector.is_none();
        let groups =
            if by_word && query.mode != Mode::Exact { groups(&question, &query.texts, &terms) } else { Vec::new() };
        let candidates = super::CANDIDATES + query.offset;
        Ok(Asked { groups, vector, candidates, weights: self.weights, warning })
    }

    /// Answers a query from this store as if all texts were here that `wide` speaks for.
    ///
    /// # Errors
    /// An empty or impossible query, or a store that cannot be read.
    pub fn search_wide(&self, query: &Query, now: Timestamp, wide: &Wide) -> Result<Answer> {
        self.search_in(query, now, Some(wide))
    }

    /// Words of conversations by their rows.
    pub(super) fn conversation_words(&self, wide: &Wide) -> Result<HashMap<i64, f32>> {
        let rows = self.store.conversation_rows()?.into_iter();
        let words = rows.filter_map(|(row, source, session)| Some((row, *wide.conversations.get(&(source, session))?)));
        Ok(words.collect())
    }
}
