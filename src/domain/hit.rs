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

/// Later message on the same thing as a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaterMessage {
    pub id: MessageId,
    pub at: Timestamp,
}

/// Signals of a confidence, and the log-odds computed from them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ConfidenceSignals {
    /// Highest cosine of a permitted text, on the scale of the built-in model; `None` without embeddings.
    pub cosine: Option<f32>,
    /// Largest share of the query's words, by weight, that one message contains together with its neighbours: 0 to 1.
    pub share: f32,
    /// Largest weight of the query's words in one of the messages that are nearest by cosine, in nats.
    pub nearest_weight: f32,
    /// True if the nearest text is in another script than the query.
    pub foreign: bool,
    /// Number of texts among which these are the best.
    pub texts: f32,
    /// Log-odds that the history answers the query.
    pub log_odds: f32,
}

/// Condition of a filter without which a search was repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiftedCondition {
    /// The first time: the hits are older.
    After(Timestamp),
    /// The end of the time: the hits are newer.
    Before(Timestamp),
    /// All conditions but the projects.
    Conditions,
    /// The projects.
    Project,
}

/// Use of a period that a question names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodUse {
    /// Nothing else is asked: the sessions of the period are the answer.
    Timeline,
    /// The hits are of the period.
    Filter,
    /// Nothing of the period answers the question: the hits are of any time.
    Unused,
}

names!(PeriodUse { Timeline: "timeline"; Filter: "filter"; Unused: "unused"; });

/// Period that a question names in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPeriod {
    /// Words of the question that name the period.
    pub words: String,
    /// Start of its first day.
    pub after: Timestamp,
    /// End of its last day, exclusive.
    pub before: Timestamp,
    pub usage: PeriodUse,
}

/// Hits of the same query without a condition of its filter, when nothing that meets the filter answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct BeyondFilter {
    /// Condition that was lifted.
    pub lifted: LiftedCondition,
    /// Confidence that these hits answer the query.
    pub confidence: Confidence,
    /// The hits, best first.
    pub hits: Vec<Hit>,
}

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
    /// True if it came from elsewhere and no machine has signed its project and title.
    pub has_unsigned_place: bool,
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
    /// Newer hit of the answer on the same thing, if the query asks for what holds now.
    pub changed_by: Option<LaterMessage>,
    /// Newest later hit on the same thing; only the first hit has one, if the query does not ask for what holds now.
    pub later: Option<LaterMessage>,
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
    /// Signals of the confidence; `None` if nothing was weighed, as for a literal search.
    pub signals: Option<ConfidenceSignals>,
    /// Computation of the confidence and the order by time in words, if [`super::Query::explain`] is set.
    pub explanation: Vec<String>,
    /// Hits without a condition of the filter, if they were searched because nothing that meets it answers the query.
    pub beyond: Option<BeyondFilter>,
    /// Period that the question names, if it was looked for.
    pub period: Option<AskedPeriod>,
    /// Offset of the next page, if there is one.
    pub next: Option<usize>,
    /// True if part of the evidence was missing (no runtime, messages not embedded yet).
    pub degraded: bool,
    /// Notices for the reader: why degraded, what was left out.
    pub warnings: Vec<String>,
    /// Estimated tokens of the returned texts.
    pub tokens: usize,
    /// Time spent per stage in microseconds: `embed`, `columns`, `words`, `gather`, `rank`, `rerank`,
    /// `time`, `read`, `literal`.
    pub stages: Vec<(&'static str, u64)>,
}
