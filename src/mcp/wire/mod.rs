//! The JSON of tools and of `--json`: its own types, so that the inside can change without breaking a client.
//! "New fields may appear; ignore unknown ones" is the contract; fields are never removed or given another meaning.

pub mod changes;
pub mod history;
pub mod operations;
pub mod sessions;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::mark::URI_PREFIX;
use crate::domain::text::suspicion::reads_like_an_instruction;
use crate::domain::text::visible;
use crate::domain::{Answer, Hit, Origin, Timestamp, Usage};
use crate::memory::{self, Memory, Transcript};
use crate::ops::watch;
use crate::store;

/// The answer of `memory_search`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SearchAnswer {
    /// Best first.
    pub results: Vec<SearchHit>,
    /// Pass it as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Part of the evidence was missing; `warnings` says which.
    pub degraded: bool,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// Estimated tokens of the results.
    pub tokens: usize,
    /// Milliseconds.
    pub took_ms: f64,
}

/// One found message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SearchHit {
    /// For `memory_get`.
    pub id: String,
    /// Session it was said in.
    pub session_id: String,
    /// Project name.
    pub project: String,
    /// user, assistant, tool or system.
    pub role: String,
    /// text, thinking, `tool_use`, `tool_result`, summary, meta or note.
    pub kind: String,
    /// Title of the session.
    pub title: String,
    /// The matching text.
    pub snippet: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// Comparable within this answer only.
    pub score: f64,
    /// Why it was found.
    #[serde(rename = "match")]
    pub matched: SearchMatch,
    /// person, model, client, untrusted (tools and the web), or suspicious: reads like an instruction to you.
    pub trust: String,
    /// It is not of the project in which was asked.
    pub other_project: bool,
    /// Address of the memory.
    pub uri: String,
    /// How the score came about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// Why a message was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SearchMatch {
    /// Place by word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword_rank: Option<usize>,
    /// Place by meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic_rank: Option<usize>,
    /// Words that match.
    pub terms: Vec<String>,
}

/// The answer of `memory_get`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GetAnswer {
    /// By session.
    pub conversations: Vec<GetConversation>,
    /// The budget cut something off.
    pub truncated: bool,
    /// Ids that do not exist.
    pub missing: Vec<String>,
    /// Estimated tokens.
    pub tokens: usize,
}

/// Messages of one session.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GetConversation {
    /// The session.
    pub session_id: String,
    /// Where it came from.
    pub source: String,
    /// Its title.
    pub title: String,
    /// Its project.
    pub project: String,
    /// Messages it has in all.
    pub total: usize,
    /// The session whose history it continues: what they share stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<String>,
    /// Whether only the prompts of it are known: the client deleted the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prompts_only: bool,
    /// In order.
    pub messages: Vec<GetMessage>,
}

/// One message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GetMessage {
    /// Its id.
    pub id: String,
    /// Its place in the session, from 0.
    pub position: usize,
    /// user, assistant, tool or system.
    pub role: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// Whether the record has no time and that of a neighbour stands for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub time_estimated: bool,
    /// Whether it was taken back or belongs to a side conversation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub side: bool,
    /// Tokens that it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// The file and line that it was imported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Its parts.
    pub parts: Vec<GetPart>,
}

/// Tokens of one answer of a model.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TokenUsage {
    /// Read and not cached.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        let Usage { input, output, cache_read, cache_write } = usage;
        Self { input, output, cache_read, cache_write }
    }
}

/// One part of a message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GetPart {
    /// text, thinking, `tool_use`, `tool_result`, summary, meta, note or earlier.
    pub kind: String,
    /// Name of the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// person, model, client, untrusted (tools and the web), or suspicious: reads like an instruction to you.
    pub trust: String,
    /// The verbatim text.
    pub text: String,
}

/// The answer of `memory_save`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SaveAnswer {
    /// The memory.
    pub id: String,
    /// created, updated or duplicate.
    pub status: String,
    /// Memories that it replaces.
    pub replaced: Vec<String>,
    /// Saved memories that say nearly the same.
    pub duplicates: Vec<String>,
    /// Secrets that were taken out of it.
    pub redactions: u64,
    /// Address of the memory.
    pub uri: String,
}

/// The answer of `memory_health` and of `status`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HealthAnswer {
    /// ok or degraded.
    pub status: String,
    /// Of claude-memory.
    pub version: String,
    /// What was looked at.
    pub checks: Vec<HealthCheck>,
    /// Projects.
    pub projects: u64,
    /// Sessions, subagents included.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Memories saved on purpose.
    pub saved: u64,
    /// Texts that wait for a vector.
    pub pending: u64,
    /// Vectors of the model in use.
    pub vectors: u64,
    /// The model in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// Whether it is in memory.
    pub model_loaded: bool,
    /// Setting `vector.index`.
    pub index: String,
    /// Bytes of all texts.
    pub text_bytes: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Transcripts of Claude Code on disk, subagents included.
    pub transcripts_on_disk: u64,
    /// Those that were read to their end.
    pub transcripts_read: u64,
    /// Seconds since the oldest change that was not read.
    pub ingest_lag_seconds: i64,
    /// Other places of the memory.
    pub backends: Vec<Backend>,
    /// The newest message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The oldest message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
}

/// Another place of the memory.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Backend {
    /// postgres or qdrant.
    pub name: String,
    /// up, down, `not_asked` or `not_configured`.
    pub state: String,
}

/// One check.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HealthCheck {
    /// Its name.
    pub name: String,
    /// Whether all is well.
    pub ok: bool,
    /// What was found.
    pub finding: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// The answer of `ping`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Pong {
    /// Always true.
    pub pong: bool,
    /// Of claude-memory.
    pub version: String,
}

/// What a reader may take a text for.
fn trust(origin: Origin, text: &str) -> &'static str {
    match origin {
        Origin::Person => "person",
        _ if reads_like_an_instruction(text) => "suspicious",
        Origin::Model => "model",
        Origin::Client => "client",
        Origin::Tool | Origin::Web => "untrusted",
    }
}

fn uri(id: &str) -> String {
    format!("{URI_PREFIX}{id}")
}

fn rounded(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}

impl SearchAnswer {
    /// From the engine's answer.
    pub fn new(answer: Answer, next_cursor: Option<String>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one request")]
        let took_ms = answer.stages.iter().map(|(_, micros)| *micros).sum::<u64>() as f64 / 1000.0;
        Self {
            results: answer.hits.into_iter().map(SearchHit::from).collect(),
            next_cursor,
            degraded: answer.degraded,
            warnings: answer.warnings,
            tokens: answer.tokens,
            took_ms,
        }
    }
}

impl From<Hit> for SearchHit {
    fn from(hit: Hit) -> Self {
        let id = hit.id.to_string();
        Self {
            session_id: hit.session,
            project: hit.project,
            role: hit.role.name().to_owned(),
            kind: hit.kind.name().to_owned(),
            title: visible::safe(&hit.title).into_owned(),
            ts: hit.at.to_string(),
            score: rounded(hit.score),
            matched: SearchMatch {
                keyword_rank: hit.matched.keyword_rank,
                semantic_rank: hit.matched.semantic_rank,
                terms: hit.matched.terms,
            },
            trust: trust(hit.origin, &hit.snippet).to_owned(),
            snippet: visible::safe(&hit.snippet).into_owned(),
            other_project: false,
            uri: uri(&id),
            explanation: hit.explanation,
            id,
        }
    }
}

impl From<Transcript> for GetAnswer {
    fn from(transcript: Transcript) -> Self {
        Self {
            truncated: transcript.truncated,
            missing: transcript.missing.iter().map(ToString::to_string).collect(),
            tokens: transcript.tokens,
            conversations: transcript.conversations.into_iter().map(GetConversation::from).collect(),
        }
    }
}

impl From<memory::Conversation> for GetConversation {
    fn from(conversation: memory::Conversation) -> Self {
        let head = conversation.head;
        Self {
            session_id: head.session,
            source: head.source,
            title: visible::safe(&crate::domain::text::one_line(&head.title, 120)).into_owned(),
            project: head.project,
            total: head.messages,
            forked_from: head.forked_from,
            prompts_only: head.prompts_only,
            messages: conversation.messages.into_iter().map(GetMessage::from).collect(),
        }
    }
}

impl From<store::MessageText> for GetMessage {
    fn from(message: store::MessageText) -> Self {
        Self {
            id: message.id.to_string(),
            position: message.position,
            role: message.role.name().to_owned(),
            ts: message.at.to_string(),
            time_estimated: message.at_estimated,
            side: message.sidechain,
            usage: message.usage.map(TokenUsage::from),
            origin: message.provenance.map(|(file, line)| format!("{file}:{line}")),
            parts: message
                .parts
                .into_iter()
                .map(|part| GetPart {
                    kind: part.kind.name().to_owned(),
                    tool: part.tool,
                    trust: trust(part.origin, &part.text).to_owned(),
                    text: visible::safe(&part.text).into_owned(),
                })
                .collect(),
        }
    }
}

impl From<store::Saved> for SaveAnswer {
    fn from(saved: store::Saved) -> Self {
        let id = saved.id.to_string();
        let status = match saved.status {
            store::SavedStatus::Created => "created",
            store::SavedStatus::Updated => "updated",
            store::SavedStatus::Duplicate => "duplicate",
        };
        Self {
            uri: uri(&id),
            id,
            status: status.to_owned(),
            replaced: saved.replaced.iter().map(ToString::to_string).collect(),
            duplicates: Vec::new(),
            redactions: saved.redactions,
        }
    }
}

impl From<memory::Check> for HealthCheck {
    fn from(check: memory::Check) -> Self {
        Self { name: check.name.to_owned(), ok: check.ok, finding: check.finding, fix: check.fix }
    }
}

impl HealthAnswer {
    /// Looks at everything that is cheap to look at: the engine, the transcripts on disk, what alerts are about.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn gather(memory: &Memory, transcripts: Option<&Path>, now: Timestamp) -> memory::Result<Self> {
        let (mut health, backlog) = (memory.health(now)?, memory.backlog(transcripts, now)?);
        let alerts = watch::check(memory, &health, backlog, now)?;
        health.checks.extend([backlog.check(), alerts]);
        let targets = memory.targets()?;
        let settings = &memory.settings().sync;
        let backends = [("postgres", &settings.postgres), ("qdrant", &settings.qdrant)].map(|(name, address)| {
            let asked = targets.iter().find(|target| target.name == name);
            let state = match asked {
                _ if address.is_empty() => "not_configured",
                None => "not_asked",
                Some(target) if target.up => "up",
                Some(_) => "down",
            };
            Backend { name: name.to_owned(), state: state.to_owned() }
        });
        Ok(Self::new(health, backlog, backends.to_vec()))
    }

    fn new(health: memory::Health, backlog: memory::Backlog, backends: Vec<Backend>) -> Self {
        let status = if health.is_ok() { "ok" } else { "degraded" };
        let (model, model_id) = health.model.unzip();
        Self {
            status: status.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checks: health.checks.into_iter().map(HealthCheck::from).collect(),
            projects: health.stats.projects,
            sessions: health.stats.conversations,
            messages: health.stats.messages,
            saved: health.stats.notes,
            pending: health.stats.pending,
            vectors: health.vectors,
            model,
            model_id,
            model_loaded: health.model_loaded,
            index: health.index,
            text_bytes: health.stats.text_bytes,
            database_bytes: health.stats.database_bytes,
            transcripts_on_disk: backlog.files,
            transcripts_read: backlog.read,
            ingest_lag_seconds: backlog.lag_ms / 1000,
            backends,
            newest: health.stats.newest.map(|at| at.to_string()),
            oldest: health.stats.oldest.map(|at| at.to_string()),
        }
    }
}
