//! Settings of the long-running service: capture, scheduled jobs, backups, alerts, its log, synchronisation.

use serde::Deserialize;

/// Section `[serve]`: the long-running service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServeSettings {
    /// True to import transcripts while they are written.
    pub follow: bool,
    /// Store that answers searches.
    pub backend: SearchBackend,
    /// Seconds over which the mean response time is taken.
    pub window_seconds: u32,
    /// Seconds between two evaluations of the alert rules and probes of PostgreSQL and Qdrant.
    pub watch_seconds: u32,
}

/// Store that answers searches of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchBackend {
    /// The store of this machine.
    Local,
    /// PostgreSQL and Qdrant.
    Production,
}

/// Section `[schedule]`: scheduled jobs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ScheduleSettings {
    /// True to run the scheduled jobs in `serve`.
    pub enabled: bool,
    /// Hours between two backups; 0 for none.
    pub backup_hours: u32,
    /// Days between two full integrity checks; 0 for none.
    pub integrity_days: u32,
    /// Days between two runs of maintenance; 0 for none.
    pub maintain_days: u32,
    /// Age in days of messages that maintenance deletes; 0 keeps all.
    pub cleanup_days: u32,
}

/// Section `[backup]`: encryption of backups.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BackupSettings {
    /// age recipients that new backups are encrypted for; empty for no encryption.
    pub recipients: Vec<String>,
    /// File with the age identity that decrypts them.
    pub identity_file: String,
}

/// Section `[alerts]`: evaluation and receivers of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AlertSettings {
    /// True to evaluate the alert rules in `serve` itself.
    pub watch: bool,
    /// True to show new alerts on the desktop.
    pub desktop: bool,
    /// Program and arguments for alerts of this severity; it gets the alert as JSON on stdin.
    pub critical: Vec<String>,
    /// Program for alerts of this severity, as for `critical`.
    pub warning: Vec<String>,
    /// Program for alerts of this severity, as for `critical`.
    pub info: Vec<String>,
}

impl AlertSettings {
    /// Returns the program for a severity; empty for none.
    pub fn command_for_severity(&self, severity: &str) -> &[String] {
        match severity {
            "critical" => &self.critical,
            "warning" => &self.warning,
            "info" => &self.info,
            _ => &[],
        }
    }
}

/// Section `[log]`: log of the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogSettings {
    /// Filter for the log of `serve`.
    pub filter: String,
}

/// Section `[sync]`: servers that the memory is synchronised with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SyncSettings {
    /// Address of the PostgreSQL database, without a password; empty for none.
    pub postgres: String,
    /// File that holds its password.
    pub postgres_password_file: String,
    /// Program and arguments that print the password.
    pub postgres_password_command: Vec<String>,
    /// Address of Qdrant's REST interface; empty for none.
    pub qdrant: String,
    /// File that holds its key.
    pub qdrant_key_file: String,
    /// Program and arguments that print the key.
    pub qdrant_key_command: Vec<String>,
    /// Shards of a new collection; 0 for the server's default.
    pub qdrant_shards: u32,
    /// Copies of each shard of a new collection; 0 for the server's default.
    pub qdrant_replicas: u32,
    /// File with certificates of authorities to trust for PostgreSQL besides those of the system.
    pub postgres_ca_file: String,
    /// True to allow connections without TLS to servers on other machines.
    pub allow_plaintext: bool,
}
