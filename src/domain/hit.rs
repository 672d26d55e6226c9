//! What a search answers. Does not own how it is shown.

use super::{Kind, MessageId, Origin, Role, Timestamp};

/// Why a hit was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// Place in the list by word, from 1.
    pub keyword_rank: Option<usize>,
    /// Place in the list by meaning, from 1.
    pub semantic_rank: Option<usize>,
    /// Which words of the query stand in it.
    pub terms: Vec<String>,
}

/// One found message.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The message.
    pub id: MessageId,
    /// Its session in its source.
    pub session: String,
    /// Where it came from: `claude-code`, `saved`.
    pub source: String,
    /// Name of its project.
    pub project: String,
    /// Who speaks.
    pub role: Role,
    /// What the matching part is.
    pub kind: Kind,
    /// Who vouches for it.
    pub origin: Origin,
    /// Title of its session.
    pub title: String,
    /// The returned text, by [`super::Detail`].
    pub snippet: String,
    /// When it was said.
    pub at: Timestamp,
    /// Fused score; comparable within one answer only.
    pub score: f32,
    /// Why it was found.
    pub matched: Match,
    /// How the score came about, if asked.
    pub explanation: Option<String>,
}

/// The answer to one search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Where the next page begins, if there is one: the offset to ask for.
    pub next: Option<usize>,
    /// Whether part of the evidence was missing (no runtime, vectors not made yet).
    pub degraded: bool,
    /// What a reader should know: why degraded, what was left out.
    pub warnings: Vec<String>,
    /// Estimated tokens of the returned texts.
    pub tokens: usize,
    /// Time spent per stage in microseconds: `embed`, `columns`, `words`, `gather`, `rank`, `read`, `literal`.
    pub stages: Vec<(&'static str, u64)>,
}
