//! Results of a search. Does not own how they are shown.

use super::names::names;
use super::{MessageId, Origin, PartKind, Role, Timestamp};

/// Evidence for a hit: its ranks in both searches and the terms that matched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// Rank in keyword search, from 1; `None` if it was not found there.
    pub keyword_rank: Option<usize>,
    /// Rank in semantic search, from 1; `None` if it was not found there.
    pub semantic_rank: Option<usize>,
    /// Terms of the query that occur in it.
    pub terms: Vec<String>,
}

/// Confidence that the hits answer a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing clearly matches: the hits are the nearest there are.
    #[default]
    None,
    /// Related, perhaps not the answer.
    Weak,
    /// The best hit is about what was asked.
    Strong,
}

names!(Confidence { None: "none"; Weak: "weak"; Strong: "strong"; });

/// Message before or after a hit, cut to its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub id: MessageId,
    /// Provenance of the text.
    pub origin: Origin,
    pub at: Timestamp,
    /// Beginning of its text.
    pub text: String,
}

/// One message that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub id: MessageId,
    /// Id of its session in its source.
    pub session: String,
    /// Name of its source, for example `claude-code` or `saved`.
    pub source: String,
    /// Name of its project, with folders before it if several projects share the name.
    pub project: String,
    /// Row id of its project.
    pub project_row: i64,
    /// Row id of the passage that matched.
    pub passage_row: i64,
    pub role: Role,
    /// Content type of the matching part.
    pub kind: PartKind,
    /// Provenance of the text.
    pub origin: Origin,
    /// Name of the other person who said it, on a machine of theirs.
    pub said_by: Option<String>,
    /// Title of its session.
    pub title: String,
    /// Returned text; [`super::Detail`] decides how much.
    pub snippet: String,
    pub at: Timestamp,
    /// Fused score; comparable within one answer only.
    pub score: f32,
    /// Evidence for the hit.
    pub matched: Match,
    /// Prompt that this message of a model answers.
    pub asked: Option<Quote>,
    /// Answer of a model to this message of a person.
    pub answered: Option<Quote>,
    /// Computation of the score, if [`super::Query::explain`] is set.
    pub explanation: Option<String>,
}

/// The answer to one search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchResults {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Confidence that they answer the query.
    pub confidence: Confidence,
    /// Offset of the next page, if there is one.
    pub next: Option<usize>,
    /// True if part of the evidence was missing (no runtime, messages not embedded yet).
    pub degraded: bool,
    /// Notices for the reader: why degraded, what was left out.
    pub warnings: Vec<String>,
    /// Estimated tokens of the returned texts.
    pub tokens: usize,
    /// Time spent per stage in microseconds: `embed`, `columns`, `words`, `gather`, `rank`, `read`, `literal`.
    pub stages: Vec<(&'static str, u64)>,
}
