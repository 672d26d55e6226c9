//! One resolved, immutable [`Settings`], with the origin of each value.
//!
//! Owns: defaults, the layers over them, every environment variable, every path. Does not own: what the values mean.

mod change;
pub mod env;
mod layers;
pub mod paths;
mod service;

use std::path::PathBuf;

use serde::Deserialize;

pub use change::changed;
pub use layers::{Layered, Origin, Value};
pub use paths::Paths;
pub use service::{AlertSettings, Backend, BackupSettings, LogSettings, ScheduleSettings, ServeSettings, SyncSettings};

/// Why settings could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file exists and cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The configuration file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {message}")]
    Syntax {
        /// The configuration file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A value has the wrong type or is not one of the allowed words.
    #[error("setting {key} (from {origin}) has a wrong value: {message}")]
    Value {
        /// `section.key`.
        key: String,
        /// Where it was set.
        origin: String,
        /// What is allowed.
        message: String,
    },
    /// No data folder can be found for this user.
    #[error("cannot find a data folder for this user; name one with --home or CLAUDE_MEMORY_HOME")]
    NoHome,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Settings {
    /// The database.
    pub store: StoreSettings,
    /// Reading transcripts.
    pub import: ImportSettings,
    /// Making vectors.
    pub embed: EmbedSettings,
    /// Finding near vectors.
    pub vector: VectorSettings,
    /// Searching.
    pub search: SearchSettings,
    /// The MCP server.
    pub mcp: McpSettings,
    /// Claude Code's hooks.
    pub hooks: HookSettings,
    /// Taking secrets out.
    pub redact: RedactSettings,
    /// When a reading is a reason to do something.
    pub thresholds: ThresholdSettings,
    /// The long-running service.
    pub serve: ServeSettings,
    /// What it does when.
    pub schedule: ScheduleSettings,
    /// Copies of everything.
    pub backup: BackupSettings,
    /// Whom it tells.
    pub alerts: AlertSettings,
    /// What it writes down about itself.
    pub log: LogSettings,
    /// Where else the memory is kept.
    pub sync: SyncSettings,
}

/// `[thresholds]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ThresholdSettings {
    /// Percent of the disk.
    pub disk: Bounds,
    /// Percent of the memory.
    pub memory: Bounds,
    /// Percent of all cores.
    pub cpu: Bounds,
    /// Seconds of a request.
    pub response: Bounds,
    /// Megabytes of the database.
    pub database: Bounds,
}

/// Where the normal range ends, where a warning begins, and where it is critical; each at least the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "[u32; 3]")]
pub struct Bounds([u32; 3]);

impl Bounds {
    /// Normal, warning, critical.
    pub const fn numbers(self) -> [u32; 3] {
        self.0
    }
}

impl TryFrom<[u32; 3]> for Bounds {
    type Error = &'static str;

    fn try_from(numbers: [u32; 3]) -> Result<Self, Self::Error> {
        if numbers.is_sorted() {
            Ok(Self(numbers))
        } else {
            Err("the numbers must not fall: normal, warning, critical")
        }
    }
}

/// `[redact]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RedactSettings {
    /// Whether secrets are taken out before anything is stored.
    pub enabled: bool,
    /// What looks like a secret and is none.
    pub allow: Vec<String>,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoreSettings {
    /// What an acknowledged write survives.
    pub durability: Durability,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A power cut.
    Full,
    /// A crash of the process.
    Normal,
}

/// `[import]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImportSettings {
    /// Longest line in MiB.
    pub max_line_mib: u32,
}

/// `[embed]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmbedSettings {
    /// Which encoder.
    pub model: String,
    /// ONNX Runtime library; empty for the shipped one.
    pub runtime: String,
    /// Workers; 0 for the default.
    pub threads: usize,
    /// Seconds until an unused encoder is dropped.
    pub idle_seconds: u64,
}

/// `[vector]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VectorSettings {
    /// Which engine.
    pub index: IndexChoice,
}

/// Which vector engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexChoice {
    /// By size.
    Auto,
    /// The exact quantised scan.
    Scan,
    /// The hnsw_rs graph.
    Hnsw,
}

/// `[search]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SearchSettings {
    /// Hits of one answer.
    pub limit: usize,
    /// Estimated tokens of one answer.
    pub max_tokens: usize,
    /// Default evidence.
    pub mode: String,
}

/// `[mcp]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct McpSettings {
    /// Whether vectors are made in the background.
    pub index: bool,
    /// Which tools are offered.
    pub profile: String,
}

/// `[hooks]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HookSettings {
    /// Whether hooks do anything.
    pub enabled: bool,
    /// Whether they hand memories to a session.
    pub recall: bool,
    /// Whether they keep what a session says.
    pub capture: bool,
    /// Tokens that one hook hands out at most.
    pub max_tokens: usize,
}

impl EmbedSettings {
    /// How many workers to start: unless the settings say, one a core when a person waits, else one less, at least one.
    pub fn workers(&self, waited_for: bool) -> usize {
        if self.threads > 0 {
            return self.threads.min(64);
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if waited_for { cores } else { (cores - 1).max(1) }
    }
}
