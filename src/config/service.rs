//! Settings of the long-running service: what it follows, what it does when, whom it tells, where else the memory is kept.

use serde::Deserialize;

/// `[serve]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServeSettings {
    /// Whether transcripts are read while they are written.
    pub follow: bool,
    /// Where searches are answered from.
    pub backend: Backend,
    /// Seconds that the mean response time speaks for.
    pub window_seconds: u32,
    /// Seconds between two looks at what alerts are about, and at other places of the memory.
    pub watch_seconds: u32,
}

/// Where searches of the service are answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The store of this machine.
    Local,
    /// PostgreSQL and Qdrant.
    Production,
}

/// `[schedule]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ScheduleSettings {
    /// Whether `serve` does this work.
    pub enabled: bool,
    /// Hours between two backups; 0 for none.
    pub backup_hours: u32,
    /// Days between two comparisons of everything with everything; 0 for none.
    pub integrity_days: u32,
    /// Days between two rounds of maintenance; 0 for none.
    pub maintain_days: u32,
    /// Messages older than so many days go with that round; 0 keeps all.
    pub cleanup_days: u32,
}

/// `[backup]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BackupSettings {
    /// age recipients that new backups are encrypted for; none: they are not encrypted.
    pub recipients: Vec<String>,
    /// A file with the age identity that reads them.
    pub identity_file: String,
}

/// `[alerts]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AlertSettings {
    /// Whether `serve` itself looks at what the rules are about.
    pub watch: bool,
    /// Whether the desktop shows them.
    pub desktop: bool,
    /// Program and arguments for each severity; the alert comes in as JSON.
    pub critical: Vec<String>,
    /// See `critical`.
    pub warning: Vec<String>,
    /// See `critical`.
    pub info: Vec<String>,
}

impl AlertSettings {
    /// The program for a severity; empty for none.
    pub fn command(&self, severity: &str) -> &[String] {
        match severity {
            "critical" => &self.critical,
            "warning" => &self.warning,
            "info" => &self.info,
            _ => &[],
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogSettings {
    /// What `serve` writes into its log.
    pub filter: String,
}

/// `[sync]`: where else the memory is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SyncSettings {
    /// Address of the PostgreSQL database, without a password; empty for none.
    pub postgres: String,
    /// The file that holds its password.
    pub postgres_password_file: String,
    /// A program and its arguments that say the password.
    pub postgres_password_command: Vec<String>,
    /// Address of Qdrant's gRPC port; empty for none.
    pub qdrant: String,
    /// The file that holds its key.
    pub qdrant_key_file: String,
    /// A program and its arguments that say the key.
    pub qdrant_key_command: Vec<String>,
    /// Shards of a new collection; 0: as the server is set up.
    pub qdrant_shards: u32,
    /// Copies of each shard of a new collection; 0: as the server is set up.
    pub qdrant_replicas: u32,
    /// A file with certificates of authorities to trust for PostgreSQL besides the system's.
    pub postgres_ca_file: String,
    /// Whether servers that are not on this machine may be talked to without TLS.
    pub allow_plaintext: bool,
}
