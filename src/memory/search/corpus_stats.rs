//! Search over a corpus larger than this store: corpus statistics come from a remote target, and the store holds only
//! the candidates with their neighbours. Ranking is the same.

use std::collections::HashMap;

use super::weights::{RankWeights, inverse_document_frequency};
use super::{HitOrder, searched_texts, term_groups, validate_query};
use crate::domain::text::glossary::GlossaryTerm;
use crate::domain::text::question::ParsedQuestion;
use crate::domain::text::terms::TermExtractor;
use crate::domain::{Query, SearchMode, SearchResults, Timestamp};
use crate::memory::{Memory, Result};
use crate::store::Snapshot;
use crate::vector::ScoreSpread;

/// Query plan for a remote target.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteQuery {
    /// Terms of each query text; a text must contain one of every group. Empty for semantic search.
    pub groups: Vec<Vec<String>>,
    /// Index terms of the spellings of each word of the glossary in the query.
    pub spellings: Vec<Vec<Vec<String>>>,
    /// Digest of the embedding model and the unit-length query embedding; `None` for keyword search or if it cannot be
    /// computed.
    pub vector: Option<(String, Vec<f32>)>,
    /// Number of candidates of each kind of evidence.
    pub candidates: usize,
    /// Weights for keyword candidates.
    pub weights: RankWeights,
    /// Reason why semantic search is skipped.
    pub warning: Option<String>,
}

/// Statistics of the whole corpus.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CorpusStats {
    /// Number of text passages.
    pub texts: f32,
    /// Mean number of terms of a passage.
    pub mean_words: f32,
    /// Mean number of terms of a passage with its neighbours.
    pub mean_window: f32,
    /// Number of passages that contain each term.
    pub holding: HashMap<String, usize>,
    /// Number of passages that contain any of these spellings.
    pub holding_any: HashMap<Vec<Vec<String>>, usize>,
    /// Distribution of the cosines between the question and any text.
    pub spread: Option<ScoreSpread>,
    /// Total terms of each conversation's prose, by source and session.
    pub conversations: HashMap<(String, String), f32>,
    /// Query embedding.
    pub vector: Option<Vec<f32>>,
}

impl CorpusStats {
    /// Returns the inverse document frequency of a term in the corpus.
    pub fn term_weight(&self, term: &str) -> f32 {
        inverse_document_frequency(self.texts, self.holding.get(term).copied().unwrap_or(0))
    }

    /// Returns the number of words of conversations by their local rows.
    pub(super) fn conversation_words(&self, snapshot: &Snapshot<'_>) -> Result<HashMap<i64, f32>> {
        let rows = snapshot.conversation_rows()?.into_iter();
        let words = rows.filter_map(|(row, source, session)| Some((row, *self.conversations.get(&(source, session))?)));
        Ok(words.collect())
    }
}

impl Memory {
    /// Plans a query for a remote target.
    ///
    /// # Errors
    /// An empty or invalid query.
    pub fn plan_remote(&self, query: &Query, now: Timestamp) -> Result<RemoteQuery> {
        validate_query(query)?;
        let question = ParsedQuestion::parse_texts(&query.texts, now, || self.zone.clone());
        let (mut vector, mut warning) = (None, None);
        if matches!(query.mode, SearchMode::Hybrid | SearchMode::Semantic) {
            let made = self.resident.model_spec().model_digest();
            match made.and_then(|digest| Ok((digest, self.embed_query(&question)?))) {
                Ok(made) => vector = Some(made),
                Err(error) => warning = Some(format!("keyword search only: {error}")),
            }
        }
        let terms = TermExtractor::default();
        let by_word = matches!(query.mode, SearchMode::Hybrid | SearchMode::Keyword) || vector.is_none();
        let (mut groups, mut spellings) = (Vec::new(), Vec::new());
        if by_word && query.mode != SearchMode::Exact {
            let texts = searched_texts(&question, &query.texts, &terms);
            for (mut asked, translated) in
                term_groups(&texts, &terms).into_iter().zip(self.translate_texts(&texts, &terms))
            {
                let other = translated.other_terms().into_iter().filter(|term| !asked.contains(term));
                let other: Vec<String> = other.collect();
                asked.extend(other);
                groups.push(asked);
                spellings.extend(translated.terms.iter().map(GlossaryTerm::spellings));
            }
        }
        let candidates = super::MIN_CANDIDATES + query.offset;
        Ok(RemoteQuery { groups, spellings, vector, candidates, weights: self.weights, warning })
    }

    /// Runs a query on this store with the statistics of the larger corpus `wide`.
    ///
    /// # Errors
    /// An empty or invalid query, or a store that cannot be read.
    pub fn search_with_corpus(&self, query: &Query, now: Timestamp, wide: &CorpusStats) -> Result<SearchResults> {
        self.search_with_stats(query, now, Some(wide), HitOrder::ByQuestion)
    }
}
