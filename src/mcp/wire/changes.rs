//! JSON types of the answers of forget, import and stats.

use schemars::JsonSchema;
use serde::Serialize;

use super::outgoing::SafeText;
use crate::backup::deletion::ComparedPlace;

/// The answer of `memory_forget`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ForgetAnswer {
    /// Messages that are meant.
    pub matched: usize,
    /// Deletes them: give it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The user has to confirm it outside of the session.
    pub waits_for_person: bool,
    /// Some of them.
    pub preview: Vec<ForgetPreview>,
    /// What was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<DeletionReceipt>,
}

/// A message that is meant.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForgetPreview {
    /// For `ids`.
    pub id: String,
    /// Session it was said in.
    pub session_id: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// Project name.
    pub project: SafeText,
    /// Who speaks.
    pub role: String,
    /// Its first words, never the whole text; `memory_get` has it.
    pub first_words: SafeText,
}

/// What forgetting did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletionReceipt {
    /// Messages that were deleted.
    pub messages: u64,
    /// Their parts.
    pub parts: u64,
    /// Their vectors.
    pub vectors: u64,
    /// How many of the messages only repeated the others, in the session that asked.
    pub repeats: u64,
    /// Nothing of them was found in any file of the store.
    pub verified: bool,
    /// Every copy on this machine was compared, and holds nothing of them.
    pub complete: bool,
    /// Why it is not complete.
    pub incomplete: Vec<String>,
    /// What was compared where.
    pub places: Vec<DeletionPlace>,
    /// Backups that may still hold them.
    pub backups: Vec<String>,
    /// Backups that were rebuilt without them.
    pub rewritten_backups: Vec<String>,
    /// Files in which a piece was found.
    pub remaining_hits: Vec<String>,
}

/// A place that may hold deleted texts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletionPlace {
    /// `data folder`, `previous data folder`, `backup`, `export`, `backup on standard output` or `sync target`.
    pub kind: &'static str,
    /// Where it is.
    pub path: String,
    /// `compared`, `waiting`, `unread` or `elsewhere`.
    pub state: &'static str,
    /// Why it was not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Files that were read.
    pub files: u64,
    /// Messages that were deleted there.
    pub removed: u64,
    /// Files that still hold a piece.
    pub found_in: Vec<String>,
}

impl From<&ComparedPlace> for DeletionPlace {
    fn from(place: &ComparedPlace) -> Self {
        Self {
            kind: place.kind.name(),
            path: place.path.display().to_string(),
            state: place.state.name(),
            reason: place.state.reason().map(str::to_owned),
            files: place.files,
            removed: place.removed,
            found_in: place.found_in.iter().map(|path| path.display().to_string()).collect(),
        }
    }
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
    /// Texts not embedded yet.
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
    /// Secrets redacted, by rule.
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
