//! Bounds on input. Every bound on what other programs send to this one has its name here, so that `doctor` can print
//! it and a test can try each at the limit and one above. Does not own bounds on output.

macro_rules! limits {
    ($($(#[doc = $meaning:literal])+ $name:ident: $label:literal = $value:expr, $unit:literal;)+) => {
        $($(#[doc = $meaning])+ pub const $name: usize = $value;)+
        /// All bounds, in the order of their declaration.
        pub const ALL: &[Limit] = &[$(Limit { label: $label, value: $name, unit: $unit }),+];
    };
}

/// One bound, as `doctor` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Name of the bounded input.
    pub label: &'static str,
    pub value: usize,
    pub unit: &'static str,
}

limits! {
    /// Bytes of one JSON-RPC line on stdin. A tool takes texts of a mebibyte.
    LINE_BYTES: "line on stdin" = 16 << 20, "bytes";
    /// Nesting levels of a JSON-RPC message: serde_json reads no more than 128.
    MESSAGE_DEPTH: "nesting of a message" = 120, "levels";
    /// Bytes of the body of one request over HTTP.
    REQUEST_BYTES: "request over HTTP" = 4 << 20, "bytes";
    /// Concurrent HTTP requests with a token; further ones are refused with `Retry-After`.
    REQUESTS: "requests over HTTP at once" = 64, "requests";
    /// Bytes of the body of a request without a token.
    ANONYMOUS_REQUEST_BYTES: "request over HTTP without a token" = 1 << 10, "bytes";
    /// Bytes of request line and headers of one request.
    HEAD_BYTES: "head of a request over HTTP" = 64 << 10, "bytes";
    /// Headers of one request: the default of hyper, which keeps them on the stack up to this number.
    HEADERS: "headers of a request over HTTP" = 100, "headers";
    /// Seconds until the head of the next request has to be complete, on a connection that showed a token.
    HEAD_SECONDS: "time for the head of a request" = 20, "seconds";
    /// Seconds until the body of a request has to be complete.
    BODY_SECONDS: "time for the body of a request" = 20, "seconds";
    /// Seconds that a connection has to show a token before it is closed.
    ANONYMOUS_SECONDS: "time of a connection without a token" = 10, "seconds";
    /// Connections that have not shown a token; a further one replaces the oldest.
    ANONYMOUS_CONNECTIONS: "connections without a token at once" = 128, "connections";
    /// Those of one address; a further one replaces its oldest.
    ANONYMOUS_PER_ADDRESS: "connections without a token of one address" = 64, "connections";
    /// Connections that showed a token; requests on a further one are refused with `Retry-After`.
    AUTHENTICATED_CONNECTIONS: "connections with a token at once" = 256, "connections";
    /// Bytes of one request to the webhook for alerts.
    ALERT_BYTES: "alerts over the webhook" = 256 << 10, "bytes";
    /// Bytes that a hook reads from stdin.
    HOOK_BYTES: "input of a hook" = 16 << 20, "bytes";
    /// Bytes of one text that is saved on purpose.
    NOTE_BYTES: "saved text" = 1 << 20, "bytes";
    /// Bytes of a title, a kind, a topic key or a tag of a note.
    NOTE_LABEL_BYTES: "heading or label of a saved text" = 1_000, "bytes";
    /// Tags, files or replaced memories of one note.
    NOTE_LABELS: "labels of a saved text" = 200, "labels";
    /// Bytes of one text of a query.
    QUERY_BYTES: "text of a query" = 64 << 10, "bytes";
    /// Texts of one query.
    QUERY_TEXTS: "texts of a query" = 16, "texts";
    /// Words of one text of a query; the rarest are kept.
    QUERY_TERMS: "words of a query that count" = 64, "words";
    /// Hits of one answer.
    QUERY_HITS: "hits of an answer" = 50, "hits";
    /// Hits that paging can skip.
    QUERY_OFFSET: "hits skipped by paging" = 10_000, "hits";
    /// Ids of one read request.
    READ_IDS: "messages read by id at once" = 50, "messages";
    /// Messages that one call deletes.
    FORGET_MESSAGES: "messages deleted at once" = 100_000, "messages";
    /// Bytes of one stored text: SQLite's own limit for a value.
    TEXT_BYTES: "stored text" = 1_000_000_000, "bytes";
    /// Bytes of one text that keyword search covers; exact search covers all of it.
    INDEXED_BYTES: "text covered by keyword search" = 256 << 10, "bytes";
    /// Bytes of the configuration file.
    CONFIG_BYTES: "configuration file" = 1 << 20, "bytes";
    /// Bytes of a file of a checkout that names its repository: `.git`, `commondir`, `config`.
    CHECKOUT_BYTES: "file of a checkout" = 1 << 20, "bytes";
    /// Bytes that any archive may unpack to, however small it is.
    UNPACK_BYTES: "unpacked small archive" = 64 << 20, "bytes";
    /// Bytes that a larger archive may unpack to for each byte of it. Texts give less than 30.
    UNPACK_RATIO: "unpacked bytes per byte" = 256, "times";
    /// Bytes of one line of a bundle. A line of a transcript may have as many by default.
    BUNDLE_LINE_BYTES: "line of a bundle" = 128 << 20, "bytes";
    /// Bytes of a line of a bundle that is repaired if it is not valid JSON, as other programs leave it.
    BUNDLE_REPAIR_BYTES: "damaged line of a bundle" = 16 << 20, "bytes";
    /// Parts of one message of a bundle.
    BUNDLE_PARTS: "parts of a message in a bundle" = 10_000, "parts";
    /// Mebibytes of all lines of a bundle.
    BUNDLE_MIB: "lines of a bundle together" = 64 << 10, "MiB";
    /// Bytes of one file of an embedding model.
    MODEL_BYTES: "file of an embedding model" = 2 << 30, "bytes";
    /// Bytes of one value of another tool's database, and of one of its rows, if `import.max_line_mib` is not smaller.
    ROW_BYTES: "row of another tool's database" = 256 << 20, "bytes";
}
