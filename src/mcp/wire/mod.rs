//! JSON types of tool answers and of `--json`, separate from the internal types, so that those can change without
//! breaking a client. The contract: new fields may appear and unknown ones must be ignored; fields are never removed
//! and never change their meaning.

pub mod changes;
pub mod history;
pub mod injections;
pub mod operations;
pub mod outgoing;
pub mod request;
mod saved;
pub mod sessions;
pub mod suggestions;
pub mod why;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::saved::SaveAnswer;

use self::outgoing::{SafeText, sanitize_name, sanitize_title};
use self::sessions::PeriodAnswer;
use crate::domain::own_output::URI_PREFIX;
use crate::domain::text::suspicion::reads_like_an_instruction;
use crate::domain::{BeyondFilter, Hit, LaterMessage, LiftedCondition, Origin, Quote, SearchResults, Timestamp, Usage};
use crate::memory::{self, Memory, TranscriptExcerpt};
use crate::monitor::alert_evaluation;
use crate::store;

/// The answer of `memory_search`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SearchAnswer {
    /// strong, weak (related, perhaps not the answer) or none (nothing clearly matches; these are the nearest).
    pub confidence: String,
    /// Best first; if the query asks what holds now, results on the same thing as the best are in front, newest first.
    pub results: Vec<SearchHit>,
    /// If nothing that meets the filter answers the query: what there is without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<BeyondAnswer>,
    /// Period that the query names in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<PeriodAnswer>,
    /// How confidence and order came about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<String>,
    /// Pass it as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Part of the evidence was missing; `warnings` says which.
    pub degraded: bool,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// Estimated tokens of the answer as a model reads it.
    pub tokens: usize,
    /// Milliseconds.
    pub took_ms: f64,
}

/// Results without a condition of the filter.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BeyondAnswer {
    /// Condition that was lifted: after (these are older), before (these are newer), conditions (all but the project) or
    /// project.
    pub lifted: String,
    /// Time of the lifted condition: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// strong or weak.
    pub confidence: String,
    /// Best first.
    pub results: Vec<SearchHit>,
}

/// A later message on the same thing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LaterHit {
    /// For `memory_get`.
    pub id: String,
    /// RFC 3339, UTC.
    pub ts: String,
}

/// One result: a message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SearchHit {
    /// For `memory_get`.
    pub id: String,
    /// Session it was said in.
    pub session_id: String,
    /// Project name.
    pub project: SafeText,
    /// user, assistant, tool or system.
    pub role: String,
    /// text, thinking, `tool_use`, `tool_result`, summary, meta or note.
    pub kind: String,
    /// Title of the session.
    pub title: SafeText,
    /// The matching text.
    pub snippet: SafeText,
    /// RFC 3339, UTC.
    pub ts: String,
    /// Comparable within this answer only.
    pub score: f64,
    /// Why it was found.
    #[serde(rename = "match")]
    pub matched: SearchMatch,
    /// person, model, client, untrusted (tools and the web), elsewhere (another machine, not confirmed by the user), or
    /// suspicious: reads like an instruction to you.
    pub trust: String,
    /// Name of the other person who said it, if the user named them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_by: Option<SafeText>,
    /// True if it came from another machine, and no machine has signed its project and title.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// It is not of the project in which was asked.
    pub other_project: bool,
    /// Address of the memory.
    pub uri: String,
    /// What a person had asked when a model said this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<SearchQuote>,
    /// What a model answered when a person asked this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<SearchQuote>,
    /// The newest result on the same thing, by which this one was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later_changed: Option<LaterHit>,
    /// The newest result on the same thing, where results are not ordered by time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later_on_this: Option<LaterHit>,
    /// How the score came about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// The beginning of a message that stands before or after a hit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SearchQuote {
    /// For `memory_get`.
    pub id: String,
    /// person, model, client, untrusted (tools and the web), elsewhere (another machine, not confirmed by the user), or
    /// suspicious: reads like an instruction to you.
    pub trust: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// The text.
    pub text: SafeText,
}

/// Why a message was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SearchMatch {
    /// Rank in keyword search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword_rank: Option<usize>,
    /// Rank in semantic search.
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
    pub source: SafeText,
    /// Its title.
    pub title: SafeText,
    /// Its project.
    pub project: SafeText,
    /// Messages it has in all.
    pub total: usize,
    /// The session whose history it continues: what they share stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<SafeText>,
    /// Whether only the prompts of it are known: the client deleted the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prompts_only: bool,
    /// All of it came from another machine, and no machine has signed its project and title.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// In order.
    pub messages: Vec<GetMessage>,
}

/// One message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GetMessage {
    /// Its id.
    pub id: String,
    /// Position in the session, from 0.
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
    pub origin: Option<SafeText>,
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
    pub tool: Option<SafeText>,
    /// person, model, client, untrusted (tools and the web), elsewhere (another machine, not confirmed by the user), or
    /// suspicious: reads like an instruction to you.
    pub trust: String,
    /// Name of the other person who said it, if the user named them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_by: Option<SafeText>,
    /// The verbatim text.
    pub text: SafeText,
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
    /// Texts not embedded yet.
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
    /// Sync targets of the memory.
    pub backends: Vec<BackendStatus>,
    /// The newest message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The oldest message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
}

/// A sync target of the memory.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BackendStatus {
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

/// Returns the trust level of a text, as readers of an answer see it.
fn trust_level(origin: Origin, text: &str) -> &'static str {
    match origin {
        // Applies to the user's own messages too: people paste pages and files.
        _ if reads_like_an_instruction(text) => "suspicious",
        Origin::Person => "person",
        Origin::Model => "model",
        Origin::Client => "client",
        Origin::Tool | Origin::Web => "untrusted",
        Origin::Elsewhere => "elsewhere",
    }
}

fn sanitize_person(name: Option<&String>) -> Option<SafeText> {
    name.map(|name| SafeText::single_line(name, 60))
}

fn message_uri(id: &str) -> String {
    format!("{URI_PREFIX}{id}")
}

fn round_score(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}

impl SearchAnswer {
    /// Adds the sessions of the period, if they are what the query asks for.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn with_sessions(mut self, memory: &Memory, projects: Option<Vec<i64>>) -> memory::Result<Self> {
        if let Some(period) = &mut self.period {
            period.add_sessions(memory, projects)?;
        }
        Ok(self)
    }

    /// Converts the engine's answer.
    pub fn new(answer: SearchResults, next_cursor: Option<String>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one request")]
        let took_ms = answer.stages.iter().map(|(_, micros)| *micros).sum::<u64>() as f64 / 1000.0;
        Self {
            confidence: answer.confidence.name().to_owned(),
            results: answer.hits.into_iter().map(SearchHit::from).collect(),
            beyond: answer.beyond.map(BeyondAnswer::from),
            period: answer.period.map(PeriodAnswer::from),
            explanation: answer.explanation,
            next_cursor,
            degraded: answer.degraded,
            warnings: answer.warnings,
            tokens: answer.tokens,
            took_ms,
        }
    }
}

impl From<BeyondFilter> for BeyondAnswer {
    fn from(beyond: BeyondFilter) -> Self {
        let (lifted, bound) = match beyond.lifted {
            LiftedCondition::After(after) => ("after", Some(after)),
            LiftedCondition::Before(before) => ("before", Some(before)),
            LiftedCondition::Conditions => ("conditions", None),
            LiftedCondition::Project => ("project", None),
        };
        Self {
            lifted: lifted.to_owned(),
            bound: bound.map(|at| at.to_string()),
            confidence: beyond.confidence.name().to_owned(),
            results: beyond.hits.into_iter().map(SearchHit::from).collect(),
        }
    }
}

impl From<LaterMessage> for LaterHit {
    fn from(later: LaterMessage) -> Self {
        Self { id: later.id.to_string(), ts: later.at.to_string() }
    }
}

impl From<Hit> for SearchHit {
    fn from(hit: Hit) -> Self {
        let id = hit.id.to_string();
        Self {
            session_id: hit.session,
            project: sanitize_name(&hit.project),
            role: hit.role.name().to_owned(),
            kind: hit.kind.name().to_owned(),
            title: sanitize_title(&hit.title),
            ts: hit.at.to_string(),
            score: round_score(hit.score),
            matched: SearchMatch {
                keyword_rank: hit.matched.keyword_rank,
                semantic_rank: hit.matched.semantic_rank,
                terms: hit.matched.terms,
            },
            trust: trust_level(hit.origin, &hit.snippet).to_owned(),
            said_by: sanitize_person(hit.said_by.as_ref()),
            unsigned: hit.has_unsigned_place,
            snippet: SafeText::multi_line(&hit.snippet),
            other_project: false,
            uri: message_uri(&id),
            asked: hit.asked.map(SearchQuote::from),
            answered: hit.answered.map(SearchQuote::from),
            later_changed: hit.changed_by.map(LaterHit::from),
            later_on_this: hit.later.map(LaterHit::from),
            explanation: hit.explanation,
            id,
        }
    }
}

impl From<Quote> for SearchQuote {
    fn from(quote: Quote) -> Self {
        Self {
            id: quote.id.to_string(),
            trust: trust_level(quote.origin, &quote.text).to_owned(),
            ts: quote.at.to_string(),
            text: SafeText::multi_line(&quote.text),
        }
    }
}

impl From<TranscriptExcerpt> for GetAnswer {
    fn from(transcript: TranscriptExcerpt) -> Self {
        Self {
            truncated: transcript.truncated,
            missing: transcript.missing.iter().map(ToString::to_string).collect(),
            tokens: transcript.tokens,
            conversations: transcript.conversations.into_iter().map(GetConversation::from).collect(),
        }
    }
}

impl From<memory::SessionMessages> for GetConversation {
    fn from(conversation: memory::SessionMessages) -> Self {
        let head = conversation.head;
        Self {
            session_id: head.session,
            source: sanitize_name(&head.source),
            title: sanitize_title(&head.title),
            project: sanitize_name(&head.project),
            total: head.messages,
            forked_from: head.forked_from.as_deref().map(sanitize_name),
            prompts_only: head.prompts_only,
            unsigned: head.has_unsigned_place,
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
            origin: message.provenance.map(|(file, line)| sanitize_name(&format!("{file}:{line}"))),
            parts: message
                .parts
                .into_iter()
                .map(|part| GetPart {
                    kind: part.kind.name().to_owned(),
                    tool: part.tool.as_deref().map(sanitize_name),
                    trust: trust_level(part.origin, &part.text).to_owned(),
                    said_by: sanitize_person(part.said_by.as_ref()),
                    text: SafeText::multi_line(&part.text),
                })
                .collect(),
        }
    }
}

impl From<memory::CheckResult> for HealthCheck {
    fn from(check: memory::CheckResult) -> Self {
        Self { name: check.name.to_owned(), ok: check.ok, finding: check.finding, fix: check.fix }
    }
}

impl HealthAnswer {
    /// Runs the cheap checks: the engine, the transcripts on disk, the alert conditions.
    pub fn gather_health(memory: &Memory, transcripts: Option<&Path>, now: Timestamp) -> memory::Result<Self> {
        let (mut health, backlog) = (memory.check_health(now)?, memory.import_backlog(transcripts, now)?);
        let alerts = alert_evaluation::check_alerts(memory, &health, backlog, now)?;
        health.checks.extend([backlog.backlog_check(), alerts]);
        let targets = memory.target_states()?;
        let settings = &memory.settings().sync;
        let backends = [("postgres", &settings.postgres), ("qdrant", &settings.qdrant)].map(|(name, address)| {
            let asked = targets.iter().find(|target| target.name == name);
            let state = match asked {
                _ if address.is_empty() => "not_configured",
                None => "not_asked",
                Some(target) if target.up => "up",
                Some(_) => "down",
            };
            BackendStatus { name: name.to_owned(), state: state.to_owned() }
        });
        Ok(Self::new(health, backlog, backends.to_vec()))
    }

    fn new(health: memory::MemoryHealth, backlog: memory::Backlog, backends: Vec<BackendStatus>) -> Self {
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
