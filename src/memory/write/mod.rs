//! What changes the store: import, saving, deletion, redaction, quarantine, projects, replication.

pub(super) mod consent;
pub(super) mod copied_notes;
pub(super) mod copied_text;
pub(super) mod copies;
pub(super) mod deleted_repeats;
pub(super) mod edits;
pub(super) mod forget;
pub(super) mod forget_requests;
pub(super) mod forks;
pub(super) mod import_report;
pub(super) mod ingest;
pub(super) mod parallel;
pub(super) mod projects;
#[cfg(test)]
mod projects_tests;
pub(super) mod quarantine;
pub(super) mod redaction;
pub(super) mod related_notes;
pub(super) mod remains;
pub(super) mod renamed_projects;
pub(super) mod replication;
#[cfg(test)]
mod replication_tests;
pub(super) mod retention;
pub(super) mod save;
pub(super) mod suggestions;
