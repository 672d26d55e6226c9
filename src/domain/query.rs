//! Requests to the engine. Does not own how adapters spell them.

use super::names::names;
use super::{MessageId, PartKind, Role, Timestamp};

/// Evidence that a search uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchMode {
    /// Keyword and semantic search, scores fused.
    #[default]
    Hybrid,
    /// Semantic search only.
    Semantic,
    /// Keyword search only.
    Keyword,
    /// The literal characters, anywhere in a part of a message.
    Exact,
}

names!(SearchMode { Hybrid: "hybrid"; Semantic: "semantic"; Keyword: "keyword"; Exact: "exact"; });

/// Effort that a search spends on the order of its best results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchTier {
    /// Order by the fused scores.
    #[default]
    Fast,
    /// The best results are read again by the user's reranker.
    Rerank,
}

names!(SearchTier { Fast: "fast"; Rerank: "rerank"; });

/// Amount of text returned for each hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// No text, only id, project, session and time.
    Index,
    /// A window around the match.
    #[default]
    Snippet,
    /// The whole matching part.
    Full,
}

names!(Detail { Index: "index"; Snippet: "snippet"; Full: "full"; });

/// Conditions that a returned message must meet. An empty filter allows every message.
///
/// Applied inside the search, so that a narrow filter still fills its page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Row ids of the projects to search; `None` searches all.
    pub projects: Option<Vec<i64>>,
    /// Only messages at this time or later.
    pub after: Option<Timestamp>,
    /// Only messages before this time.
    pub before: Option<Timestamp>,
    /// Only messages of these roles; of all roles if empty.
    pub roles: Vec<Role>,
    /// Only parts of these kinds; of all kinds if empty.
    pub kinds: Vec<PartKind>,
    /// Only messages of these sources (claude-code, codex, saved and so on); of all sources if empty.
    pub sources: Vec<String>,
    /// Only this session.
    pub session: Option<String>,
    /// Excludes this session and its subagents: the caller has them in its context already.
    pub not_session: Option<String>,
    /// Only messages whose tool calls name a file with this ending.
    pub file: Option<String>,
    /// Only this git branch.
    pub git_branch: Option<String>,
}

impl Filter {
    /// Returns true if the filter excludes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Least match between a text and a query for the text to be returned, by keywords or by its embedding.
///
/// Without it the nearest texts are returned, however far they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinOverlap {
    /// Least total weight of the query's words in the text; a word that no other text holds has weight 1.
    pub weight: f32,
    /// Least share of the weight of all words of the query, 0 to 1.
    pub share: f32,
    /// Least log-odds that a text answers the query, from words and embedding together; `None` if only words count.
    pub log_odds: Option<f32>,
}

/// Request for one search.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Texts to search for; all of them must match.
    pub texts: Vec<String>,
    /// Evidence to use.
    pub mode: SearchMode,
    /// Effort spent on the order of the best results.
    pub tier: SearchTier,
    /// Conditions that a returned message must meet.
    pub filter: Filter,
    /// Row ids of the project in which the question is asked, if known: its messages rank a little higher.
    pub here: Vec<i64>,
    /// Most hits returned, 1 to 50.
    pub limit: usize,
    /// Number of hits to skip (paging).
    pub offset: usize,
    /// Amount of text returned for each hit.
    pub detail: Detail,
    /// Upper bound of the estimated tokens of all returned texts.
    pub max_tokens: usize,
    /// True to explain each score.
    pub explain: bool,
    /// True to add the prompt before, or the answer after, each hit.
    pub exchange: bool,
    /// Least match of a hit; `None` returns the nearest, however far.
    pub worth: Option<MinOverlap>,
}

impl Query {
    /// Creates a hybrid search for one text, without a filter and without a bound on the tokens.
    pub fn for_text(text: impl Into<String>) -> Self {
        Self {
            texts: vec![text.into()],
            mode: SearchMode::Hybrid,
            tier: SearchTier::Fast,
            filter: Filter::default(),
            here: Vec::new(),
            limit: 10,
            offset: 0,
            detail: Detail::Snippet,
            max_tokens: usize::MAX,
            explain: false,
            exchange: false,
            worth: None,
        }
    }
}

/// Request for verbatim messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// Messages to read.
    pub what: Selection,
    /// True to include tool calls, tool output, reasoning and client notices.
    pub include_tools: bool,
    /// Upper bound of the estimated tokens; `usize::MAX` for no bound.
    pub max_tokens: usize,
}

/// Messages that a [`ReadRequest`] names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These messages, each with `around` neighbours on both sides.
    Messages {
        ids: Vec<MessageId>,
        /// Neighbours on each side.
        around: usize,
    },
    /// A whole session, or the part of it from position `from` (from 0), at most `count` messages.
    Session {
        /// The session's id in its source.
        session: String,
        /// Position of the first message.
        from: usize,
        /// Most messages returned.
        count: usize,
    },
}
