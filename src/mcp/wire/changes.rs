//! The JSON of forgetting, importing and counting.

use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `memory_forget`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForgetAnswer {
    /// Nothing was taken out yet.
    pub dry_run: bool,
    /// Messages that are meant.
    pub matched: usize,
    /// Some of them.
    pub preview: Vec<ForgetPreview>,
    /// What was taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ForgetDone>,
}

/// A message that is meant.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForgetPreview {
    /// For `ids` or `confirm_ids`.
    pub id: String,
    /// Session it was said in.
    pub session_id: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// Project name.
    pub project: String,
    /// Who speaks.
    pub role: String,
    /// Its first words, never the whole text; `memory_get` has it.
    pub first_words: String,
}

/// What forgetting did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForgetDone {
    /// Messages that are gone.
    pub messages: u64,
    /// Their parts.
    pub parts: u64,
    /// Their vectors.
    pub vectors: u64,
    /// How many of the messages only repeated the others, in the session that asked.
    pub repeats: u64,
    /// Nothing of them was found in any file of the store.
    pub verified: bool,
    /// Backups that may still hold them; with `include_backups` none.
    pub backups: Vec<String>,
    /// Backups that were made anew without them.
    pub rewritten_backups: Vec<String>,
    /// Files in which a piece was found.
    pub remaining_hits: Vec<String>,
}

/// The answer of `memory_import`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportAnswer {
    /// Transcripts found.
    pub files: u64,
    /// Messages that were new.
    pub new: u64,
    /// Messages known before.
    pub duplicate: u64,
    /// Lines that could not be read.
    pub bad: u64,
    /// The first of them: file, line and why.
    pub bad_lines: Vec<String>,
    /// Not finished within the time of a call; call again to go on.
    pub unfinished: bool,
}

/// The answer of `memory_stats`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsAnswer {
    /// Projects.
    pub projects: u64,
    /// Sessions, subagents included.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Parts of messages.
    pub parts: u64,
    /// Memories saved on purpose.
    pub saved: u64,
    /// Vectors.
    pub vectors: u64,
    /// Texts that wait for one.
    pub pending: u64,
    /// Bytes of all texts.
    pub text_bytes: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// First message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    /// Last message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// Secrets taken out, by rule.
    pub redactions: Vec<RuleCount>,
}

/// A count by rule.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RuleCount {
    /// The rule.
    pub rule: String,
    /// How often.
    pub count: u64,
}
