//! Models for queries, kept in memory between searches: the embedding model and the reranker of the user. Does not own
//! when they are dropped.

use std::time::Duration;

use super::encoder::EmbeddingModel;
use super::idle_cache::IdleCache;
use super::model_spec::ModelSpec;
use super::ranked_languages::RankedLanguages;
use super::reranker::{Reranker, RerankerSpec};
use super::{Error, Result};

/// Embedding model of the settings, loaded on first use.
#[derive(Debug)]
pub struct ResidentModel {
    spec: ModelSpec,
    cache: IdleCache<EmbeddingModel>,
}

impl ResidentModel {
    /// Creates the cache; loads nothing yet.
    pub const fn new(spec: ModelSpec) -> Self {
        Self { spec, cache: IdleCache::new() }
    }

    /// Returns the specification from which the model is loaded.
    pub const fn model_spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Embeds a search query; loads the model if it is not in memory.
    ///
    /// # Errors
    /// When the model cannot be loaded or refuses the text.
    pub fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        let load = || self.spec.load_instances(1)?.pop().ok_or_else(|| Error::Load("no model was loaded".to_owned()));
        self.cache.with_loaded(load, |model| model.embed_query(text))
    }

    /// Returns true if the model is in memory.
    pub fn is_loaded(&self) -> bool {
        self.cache.is_loaded()
    }

    /// Leaks the model, for a process that is about to end.
    pub fn leak_on_exit(&self) {
        self.cache.leak_on_exit();
    }

    /// Drops the model if it was not used for `idle`.
    pub fn drop_if_idle(&self, idle: Duration) {
        self.cache.drop_if_idle(idle);
    }
}

/// Reranker of the settings, loaded on first use.
#[derive(Debug)]
pub struct ResidentReranker {
    spec: Option<RerankerSpec>,
    cache: IdleCache<Reranker>,
}

impl ResidentReranker {
    /// Creates the cache; loads nothing yet. `None` if the settings name no reranker.
    pub const fn new(spec: Option<RerankerSpec>) -> Self {
        Self { spec, cache: IdleCache::new() }
    }

    /// Returns the languages that the reranker ranks; `None` if the settings name no reranker.
    ///
    /// # Errors
    /// When what was measured at its import cannot be read.
    pub fn ranked_languages(&self) -> Result<Option<RankedLanguages>> {
        self.spec.as_ref().map(RerankerSpec::ranked_languages).transpose()
    }

    /// Scores how well each text answers the query, higher is better; loads the reranker if it is not in memory. `None`
    /// if the settings name no reranker.
    ///
    /// # Errors
    /// When the reranker cannot be loaded or refuses a text.
    pub fn score_texts(&self, query: &str, texts: &[String]) -> Result<Option<Vec<f32>>> {
        let Some(spec) = &self.spec else { return Ok(None) };
        let score = |reranker: &mut Reranker| texts.iter().map(|text| reranker.score_pair(query, text)).collect();
        self.cache.with_loaded(|| spec.load_reranker(), score).map(Some)
    }

    /// Leaks the reranker, for a process that is about to end.
    pub fn leak_on_exit(&self) {
        self.cache.leak_on_exit();
    }

    /// Drops the reranker if it was not used for `idle`.
    pub fn drop_if_idle(&self, idle: Duration) {
        self.cache.drop_if_idle(idle);
    }
}
