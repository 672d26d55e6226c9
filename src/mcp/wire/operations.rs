//! JSON types of the answers of backup and maintain.

use schemars::JsonSchema;
use serde::Serialize;

use super::HealthCheck;
use crate::backup::ListedBackup;
use crate::backup::maintenance::MaintenanceReport;

/// The answer of `memory_backup`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BackupAnswer {
    /// The backup that was made now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Those that there are, the newest first.
    pub backups: Vec<BackupEntry>,
}

/// One backup.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BackupEntry {
    /// Its file.
    pub path: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// Its length.
    pub bytes: u64,
    /// Messages in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl From<ListedBackup> for BackupEntry {
    fn from(listed: ListedBackup) -> Self {
        let (messages, error) = match listed.manifest {
            Ok(manifest) => (Some(manifest.counts.messages), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            path: listed.path.display().to_string(),
            created_at: listed.at.to_string(),
            bytes: listed.bytes,
            messages,
            error,
        }
    }
}

/// The answer of `memory_maintain`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MaintainAnswer {
    /// Nothing was changed.
    pub dry_run: bool,
    /// The backup that was made first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Messages that are older and may be deleted.
    pub old_messages: u64,
    /// Sessions they belong to.
    pub old_sessions: u64,
    /// Saved texts that are as old and stay.
    pub old_saved_kept: u64,
    /// Messages that were deleted.
    pub removed: u64,
    /// Bytes of database and log before.
    pub bytes_before: u64,
    /// And after.
    pub bytes_after: u64,
    /// Bytes in it that held nothing.
    pub free_bytes: u64,
    /// Whether the database was rebuilt; absent when it was worth it and there was no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vacuumed: Option<bool>,
    /// It was stopped before its end; the next run goes on.
    pub interrupted: bool,
    /// Whether everything agrees.
    pub checks: Vec<HealthCheck>,
}

impl MaintainAnswer {
    /// Converts the report of a maintenance run.
    pub fn new(done: MaintenanceReport, dry_run: bool) -> Self {
        Self {
            dry_run,
            backup: done.backup.map(|path| path.display().to_string()),
            old_messages: done.old.messages,
            old_sessions: done.old.conversations,
            old_saved_kept: done.old.kept,
            removed: done.removed,
            bytes_before: done.bytes.0,
            bytes_after: done.bytes.1,
            free_bytes: done.free_bytes,
            vacuumed: done.vacuumed,
            interrupted: done.interrupted,
            checks: done.checks.into_iter().map(HealthCheck::from).collect(),
        }
    }
}
