//! What is asked of the engine. Does not own how adapters spell it.

use super::{Kind, MessageId, Role, Timestamp};

/// Which evidence a search uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// By word and by meaning, scores fused.
    #[default]
    Hybrid,
    /// By meaning only.
    Semantic,
    /// By word only.
    Keyword,
    /// The literal characters, anywhere in any stored text.
    Exact,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Hybrid, Self::Semantic, Self::Keyword, Self::Exact];

    /// The name used in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Semantic => "semantic",
            Self::Keyword => "keyword",
            Self::Exact => "exact",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// How much of each hit is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Only what it is and where.
    Index,
    /// A window around the match.
    #[default]
    Snippet,
    /// The whole matching part.
    Full,
}

impl Detail {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Index, Self::Snippet, Self::Full];

    /// The name used in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Snippet => "snippet",
            Self::Full => "full",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|detail| detail.name() == name)
    }
}

/// Which messages may be returned at all. An empty filter allows everything. Applied inside the search, so that
/// a narrow filter still fills its page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Rows of the projects to search; `None` searches all.
    pub projects: Option<Vec<i64>>,
    /// Not before this moment.
    pub after: Option<Timestamp>,
    /// Before this moment.
    pub before: Option<Timestamp>,
    /// Only these roles, if any are named.
    pub roles: Vec<Role>,
    /// Only these kinds, if any are named.
    pub kinds: Vec<Kind>,
    /// Only what came from these, if any are named: claude-code, codex, saved and so on.
    pub sources: Vec<String>,
    /// Only this session.
    pub session: Option<String>,
    /// Neither this session nor its subagents: who asks has them before his eyes.
    pub not_session: Option<String>,
    /// Only messages whose tool calls name a file that ends like this.
    pub file: Option<String>,
    /// Only this git branch.
    pub git_branch: Option<String>,
}

impl Filter {
    /// Whether anything is excluded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How near a text must be to a query to be returned at all: by words or by meaning. Without it the nearest is returned, however
/// far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// Least weight of the words that it holds; a word that nothing else holds has weight 1.
    pub weight: f32,
    /// The same as a part of all words of the query, 0 to 1.
    pub share: f32,
    /// Least cosine with the query in a store of a thousand texts, after the language's mean was taken out; `None` when
    /// only words count.
    pub cosine: Option<f32>,
}

/// One search.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What to look for; several texts must all match.
    pub texts: Vec<String>,
    /// Which evidence to use.
    pub mode: Mode,
    /// Which messages may be returned.
    pub filter: Filter,
    /// Rows of the project in which the question is asked, if it is known: what was said there comes a little earlier.
    pub here: Vec<i64>,
    /// How many hits, 1 to 50.
    pub limit: usize,
    /// How many hits to leave out first (paging).
    pub offset: usize,
    /// How much of each.
    pub detail: Detail,
    /// Upper bound of the estimated tokens of all returned texts.
    pub max_tokens: usize,
    /// Whether to say how each score came about.
    pub explain: bool,
    /// What is worth being returned.
    pub worth: Option<Worth>,
}

impl Query {
    /// A search for one text with nothing excluded and no bound on the tokens.
    pub fn about(text: impl Into<String>) -> Self {
        Self {
            texts: vec![text.into()],
            mode: Mode::Hybrid,
            filter: Filter::default(),
            here: Vec::new(),
            limit: 10,
            offset: 0,
            detail: Detail::Snippet,
            max_tokens: usize::MAX,
            explain: false,
            worth: None,
        }
    }
}

/// A request for verbatim messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What to read.
    pub what: Selection,
    /// Whether tool calls, tool output, reasoning and client notices are included.
    pub include_tools: bool,
    /// Upper bound of the estimated tokens; `usize::MAX` for no bound.
    pub max_tokens: usize,
}

/// Which messages a [`Reading`] names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These messages, each with `around` neighbours on both sides.
    Messages {
        /// The ids.
        ids: Vec<MessageId>,
        /// Neighbours on each side.
        around: usize,
    },
    /// A whole session, or the part of it from position `from` (from 0), at most `count` messages.
    Session {
        /// The session's id in its source.
        session: String,
        /// First position.
        from: usize,
        /// How many.
        count: usize,
    },
}
