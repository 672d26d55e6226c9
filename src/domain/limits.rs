//! How much may come in at once. Every bound on what others hand to this program has its name here, so that `doctor` can
//! print them and a test can try each at the limit and one above. Does not own bounds on what is handed out.

macro_rules! limits {
    ($($(#[doc = $meaning:literal])+ $name:ident: $label:literal = $value:expr, $unit:literal;)+) => {
        $($(#[doc = $meaning])+ pub const $name: usize = $value;)+
        /// Every one: its label, value and unit.
        pub const ALL: &[Limit] = &[$(Limit { label: $label, value: $name, unit: $unit }),+];
    };
}

/// One bound, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What it bounds.
    pub label: &'static str,
    /// How much.
    pub value: usize,
    /// Of what.
    pub unit: &'static str,
}

limits! {
    /// Bytes of one JSON-RPC line on stdin. A tool takes texts of a mebibyte.
    LINE_BYTES: "line on stdin" = 16 << 20, "bytes";
    /// Levels of a JSON-RPC message: serde_json reads no more than 128.
    MESSAGE_DEPTH: "nesting of a message" = 120, "levels";
    /// Bytes of one request over HTTP.
    REQUEST_BYTES: "request over HTTP" = 4 << 20, "bytes";
    /// Requests over HTTP that are worked on at the same time; more are told to come back.
    REQUESTS: "requests over HTTP at once" = 64, "requests";
    /// Bytes of one request to the webhook for alerts.
    ALERT_BYTES: "alerts over the webhook" = 256 << 10, "bytes";
    /// Bytes that a hook is handed on stdin.
    HOOK_BYTES: "input of a hook" = 16 << 20, "bytes";
    /// Bytes of one text that is saved on purpose.
    NOTE_BYTES: "saved text" = 1 << 20, "bytes";
    /// Bytes of a heading, a kind, a key or a label of it.
    NOTE_LABEL_BYTES: "heading or label of a saved text" = 1_000, "bytes";
    /// Labels, files or replaced memories of one saved text.
    NOTE_LABELS: "labels of a saved text" = 200, "labels";
    /// Bytes of one text of a query.
    QUERY_BYTES: "text of a query" = 64 << 10, "bytes";
    /// Texts of one query.
    QUERY_TEXTS: "texts of a query" = 16, "texts";
    /// Words of one text of a query; the rarest are kept.
    QUERY_TERMS: "words of a query that count" = 64, "words";
    /// Hits of one answer.
    QUERY_HITS: "hits of an answer" = 50, "hits";
    /// Hits that paging goes past.
    QUERY_OFFSET: "hits that are paged past" = 10_000, "hits";
    /// Ids of one reading.
    READ_IDS: "messages read by id at once" = 50, "messages";
    /// Messages that one call forgets.
    FORGET_MESSAGES: "messages forgotten at once" = 100_000, "messages";
    /// Bytes of one stored text. SQLite's own limit for a value.
    TEXT_BYTES: "stored text" = 1_000_000_000, "bytes";
    /// Bytes of one text that are searched by word; all of it is searched literally.
    INDEXED_BYTES: "text that is searched by word" = 256 << 10, "bytes";
    /// Bytes of the configuration file.
    CONFIG_BYTES: "configuration file" = 1 << 20, "bytes";
}
