//! Resolved, immutable [`Settings`], with the origin of each value.
//!
//! Owns: defaults, the layers over them, every environment variable, every path. Does not own: what the values mean.

mod change;
pub mod env;
mod guarded;
mod layers;
pub mod paths;
mod scheduled_job;
mod service;
mod suggestion;

use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::text::glossary::GlossaryLine;
use crate::domain::{Failure, FailureCode};

pub use change::{edit_setting, remove_guarded_settings};
pub use layers::{LayeredSettings, SettingOrigin, SettingValue};
pub use paths::Paths;
pub use scheduled_job::ScheduledJob;
pub use service::{
    AlertSettings, BackupSettings, LogSettings, ScheduleSettings, SearchBackend, ServeSettings, SyncSettings,
};
pub use suggestion::suggest_name;

/// Error of resolving settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file exists and cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The configuration file.
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {message}")]
    Syntax {
        /// The configuration file.
        path: PathBuf,
        /// Position and reason.
        message: String,
    },
    /// A value has the wrong type or is not one of the allowed words.
    #[error("setting {key} (from {origin}) has a wrong value: {message}")]
    Value {
        /// Name of the setting, `section.key`.
        key: String,
        /// Place where it was set.
        origin: String,
        /// Reason, with the allowed values.
        message: String,
    },
    /// No data folder can be found for this user.
    #[error("cannot find a data folder for this user; name one with --home or CLAUDE_MEMORY_HOME")]
    NoHome,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, hint) = match &error {
            Error::Read { .. } => (FailureCode::Unavailable, "check the permissions of this file"),
            Error::Syntax { .. } | Error::Value { .. } | Error::NoHome => {
                (FailureCode::InvalidInput, "`claude-memory config show --origin` lists every setting")
            }
        };
        Self::new(code, error.to_string(), Some(hint))
    }
}

/// All settings, one field for each section of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Settings {
    /// Durability of the database.
    pub store: StoreSettings,
    pub import: ImportSettings,
    /// Embedding model and its workers.
    pub embed: EmbedSettings,
    /// Engine of the vector index.
    pub vector: VectorSettings,
    /// Defaults of a search.
    pub search: SearchSettings,
    /// The MCP server.
    pub mcp: McpSettings,
    /// Claude Code's hooks.
    pub hooks: HookSettings,
    /// Redaction of secrets.
    pub redact: RedactSettings,
    /// Thresholds of `status` and of alerts.
    pub thresholds: ThresholdSettings,
    /// The long-running service.
    pub serve: ServeSettings,
    /// Scheduled jobs of the service.
    pub schedule: ScheduleSettings,
    /// Encryption of backups.
    pub backup: BackupSettings,
    /// Receivers of alerts.
    pub alerts: AlertSettings,
    /// Log of the service.
    pub log: LogSettings,
    /// Servers that the memory is synchronised with.
    pub sync: SyncSettings,
    /// What environment variables may set.
    pub environment: EnvironmentSettings,
}

/// Section `[environment]`: what environment variables may set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EnvironmentSettings {
    /// Guarded settings that a variable may set all the same, `section.key`.
    pub allow: Vec<String>,
}

/// Section `[thresholds]`: limits of the readings of `status` and alerts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ThresholdSettings {
    /// Percent of the disk used.
    pub disk: ThresholdBounds,
    /// Percent of the machine's memory used.
    pub memory: ThresholdBounds,
    /// Percent of all cores used.
    pub cpu: ThresholdBounds,
    /// Mean seconds of a request.
    pub response: ThresholdBounds,
    /// Megabytes of the database and its log.
    pub database: ThresholdBounds,
}

/// End of the normal range, start of a warning, start of critical; each at least the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "[u32; 3]")]
pub struct ThresholdBounds([u32; 3]);

impl ThresholdBounds {
    /// Returns the limits: normal, warning, critical.
    pub const fn to_array(self) -> [u32; 3] {
        self.0
    }
}

impl TryFrom<[u32; 3]> for ThresholdBounds {
    type Error = &'static str;

    fn try_from(numbers: [u32; 3]) -> Result<Self, Self::Error> {
        if numbers.is_sorted() {
            Ok(Self(numbers))
        } else {
            Err("the numbers must not fall: normal, warning, critical")
        }
    }
}

/// Section `[redact]`: redaction of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RedactSettings {
    /// True to redact secrets before anything is stored.
    pub enabled: bool,
    /// Texts that look like secrets and are none.
    pub allow: Vec<String>,
    /// True to redact personal data too.
    pub personal_data: bool,
}

/// Section `[store]`: the database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoreSettings {
    /// Failure that an acknowledged write survives.
    pub durability: Durability,
}

/// Failure that an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A power cut.
    Full,
    /// A crash of the process.
    Normal,
}

/// Section `[import]`: reading of transcripts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImportSettings {
    /// Longest line of a transcript in MiB; a longer one is skipped.
    pub max_line_mib: u32,
}

/// Section `[embed]`: embedding model and its workers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmbedSettings {
    /// Embedding model: `builtin`, `off` or `dir:PATH`.
    pub model: String,
    /// Path of the ONNX Runtime library; empty for the shipped one.
    pub runtime: String,
    /// Number of workers; 0 for the default of [`EmbedSettings::worker_count`].
    pub threads: usize,
    /// Seconds until an unused model is unloaded.
    pub idle_seconds: u64,
}

/// Section `[vector]`: the vector index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VectorSettings {
    /// Engine of the vector index.
    pub index: IndexChoice,
}

/// Engine of the vector index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexChoice {
    /// The one that measures best, which is the scan at every size that was measured (docs/decisions/0013).
    Auto,
    /// The exact quantised scan.
    Scan,
    /// The hnsw_rs graph.
    Hnsw,
}

/// Section `[search]`: defaults of a search.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SearchSettings {
    /// Most hits of one answer.
    pub limit: usize,
    /// Most tokens of one answer, estimated.
    pub max_tokens: usize,
    /// Default mode of a search.
    pub mode: String,
    /// Default tier of a search: `fast` or `rerank`.
    pub tier: String,
    /// Reranker of the user for the tier `rerank`; empty for none.
    pub reranker: String,
    /// Lines that the user adds to the glossary.
    pub glossary: UserGlossary,
    /// Ranking weights that differ from the defaults, `NAME=NUMBER` each.
    pub weights: Vec<String>,
}

/// Lines that the user adds to the glossary, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct UserGlossary(Vec<GlossaryLine>);

impl UserGlossary {
    /// Returns the lines.
    pub fn lines(&self) -> &[GlossaryLine] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for UserGlossary {
    type Error = String;

    fn try_from(lines: Vec<String>) -> Result<Self, String> {
        lines.iter().map(|line| GlossaryLine::parse(line)).collect::<Result<_, _>>().map(Self)
    }
}

/// Section `[mcp]`: the MCP server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct McpSettings {
    /// True to embed messages in the background.
    pub index: bool,
    /// Set of tools offered: `core`, `full` or `admin`.
    pub profile: String,
    /// True to add structured data to the text of answers.
    pub structured: bool,
}

/// Section `[hooks]`: Claude Code's hooks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HookSettings {
    /// True to run hooks at all.
    pub enabled: bool,
    /// True to inject memories into sessions.
    pub recall: bool,
    /// True to capture sessions while they run.
    pub capture: bool,
    /// Most tokens that one hook injects, estimated.
    pub max_tokens: usize,
}

impl EmbedSettings {
    /// Returns the number of workers to start, at most 64 of those that the settings ask for.
    ///
    /// By default one per core if a person waits (`waited_for`), else one less, at least one.
    pub fn worker_count(&self, waited_for: bool) -> usize {
        if self.threads > 0 {
            return self.threads.min(64);
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if waited_for { cores } else { (cores - 1).max(1) }
    }
}
