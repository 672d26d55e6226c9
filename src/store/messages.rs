//! Writes messages and their dependent rows: session, parts, files, usage, the change log. All of one batch and its
//! import cursors go into one savepoint.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::cursors::{self, ImportCursor};
use super::edited_lines;
use super::error::{Error, Result};
use super::forks;
use super::note_rows;
use super::part_versions::{self, PartOutcome};
use super::parts;
use super::prepared::{InsertContext, InsertOutcome, PreparedMessage};
use super::projects::{self, NewProject};
use super::quarantine;
use super::signed_places;
use super::titles::{self, NewTitle};
use super::{Store, WriteReceipt};
use crate::domain::{Draft, MessageId, Timestamp, Usage};

/// One batch of an import.
#[derive(Debug, Default)]
pub struct ImportBatch {
    /// Messages in the order of their files.
    pub messages: Vec<PreparedMessage>,
    /// Project of each working directory that occurs; `""` stands for an unknown one.
    pub projects: HashMap<String, NewProject>,
    pub titles: Vec<NewTitle>,
    /// Another source. A message whose texts that source has in the same session is a duplicate.
    pub known_in: Option<&'static str>,
    /// Cursor of each file after this batch, with the number of messages up to the last one of that file.
    pub cursors: Vec<(usize, ImportCursor)>,
}

impl Store {
    /// Queues a batch of imported messages. The receipt returns the outcome of each, in order.
    ///
    /// # Errors
    /// When the write lane cannot be started.
    pub fn import_later(
        &self,
        source: &'static str,
        batch: ImportBatch,
        now: Timestamp,
    ) -> Result<WriteReceipt<Vec<InsertOutcome>>> {
        self.write_later("store messages", move |connection| import_batch(connection, source, &batch, now))
    }
}

fn import_batch(
    connection: &Connection,
    source: &str,
    batch: &ImportBatch,
    now: Timestamp,
) -> Result<Vec<InsertOutcome>> {
    let mut ids = HashMap::new();
    // Shorter paths first: a folder joins the project of the one above it.
    let mut places: Vec<_> = batch.projects.iter().collect();
    places.sort();
    for (directory, project) in places {
        ids.insert(directory.as_str(), projects::upsert_own_project(connection, project, now)?);
    }
    let mut files = Vec::with_capacity(batch.cursors.len());
    for (until, cursor) in &batch.cursors {
        files.push((*until, cursors::upsert_cursor_row(connection, source, &cursor.path, now)?));
    }
    let mut outcomes = Vec::with_capacity(batch.messages.len());
    for (number, message) in batch.messages.iter().enumerate() {
        let file = files.get(files.partition_point(|(until, _)| *until <= number)).map(|(_, row)| *row);
        let place = ids.get(message.working_directory()).copied().ok_or(Error::Closed)?;
        let reread = batch.cursors.get(batch.cursors.partition_point(|(until, _)| *until <= number));
        let reread = reread.is_some_and(|(_, cursor)| cursor.reread);
        let row = InsertContext { source, place, file, reread, is_remote: false, is_older: false, now };
        if let Some(other) = batch.known_in
            && forks::is_known_elsewhere(connection, other, message)?
        {
            outcomes.push(InsertOutcome::Duplicate);
            continue;
        }
        let (row, outcome) = insert_message(connection, &row, message)?;
        if let Some(note) = message.draft.note.as_deref().filter(|_| outcome == InsertOutcome::New) {
            note_rows::insert_note_metadata(connection, row, place.project, note)?;
        }
        outcomes.push(outcome);
    }
    if outcomes.contains(&InsertOutcome::Forgotten) {
        projects::delete_unused_projects(connection)?;
    }
    for title in &batch.titles {
        titles::store_title(connection, source, title, now)?;
    }
    for (_, cursor) in &batch.cursors {
        cursors::save_cursor(connection, cursor, now)?;
    }
    Ok(outcomes)
}

/// Inserts the parts that are not stored yet. Returns the message's row, 0 if there is none, and the outcome.
pub(super) fn insert_message(
    connection: &Connection,
    row: &InsertContext<'_>,
    message: &PreparedMessage,
) -> Result<(i64, InsertOutcome)> {
    let uid = message.uid.as_bytes();
    if has_tombstone(connection, row, message)? {
        return Ok((0, InsertOutcome::Forgotten));
    }
    let draft = &message.draft;
    let known: Option<i64> = connection
        .prepare_cached("SELECT id FROM messages WHERE uid = ?1")
        .and_then(|mut statement| statement.query_row([uid], |row| row.get(0)).optional())?;
    let id = if let Some(id) = known {
        id
    } else {
        let original = forks::find_original(connection, row, message)?;
        let conversation = upsert_conversation(connection, row, draft)?;
        if let Some(original) = original.as_ref().or(draft.forked_from.as_ref()) {
            forks::link_fork(connection, conversation, original)?;
        }
        if original.is_some() {
            return Ok((0, InsertOutcome::Duplicate));
        }
        let sql =
            "INSERT INTO messages (uid, conversation_id, external_id, parent_external_id, project_id, directory_id,
                         role, at, git_branch, model, sidechain, source_file, source_line, at_estimated)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        let values = params![
            uid,
            conversation,
            draft.external_id,
            draft.parent_external_id,
            row.place.project,
            row.place.directory,
            draft.role.number(),
            draft.at.to_milliseconds(),
            draft.git_branch,
            draft.model,
            draft.sidechain,
            row.file,
            draft.line,
            draft.at_estimated
        ];
        connection.prepare_cached(sql).and_then(|mut statement| statement.insert(values))?
    };
    if known.is_some() && !row.is_remote {
        signed_places::claim_place(connection, id, row.place, draft.git_branch.as_deref())?;
    }
    let mut outcome = PartOutcome::Known;
    for part in &message.parts {
        outcome = outcome.max(part_versions::store_part(connection, row, (id, draft.at), part)?);
    }
    for call in &draft.failed_calls {
        edited_lines::remove_failed_call(connection, id, call, message.hasher)?;
    }
    if let Some(usage) = draft.usage {
        upsert_usage(connection, id, usage)?;
    }
    if known.is_none() {
        forks::mark_rewound(connection, row, id, message)?;
    }
    insert_files(connection, id, &draft.files)?;
    if known.is_none() {
        quarantine::hide_if_marked(connection, message.uid, id)?;
    }
    let outcome = match (known, outcome) {
        (None, _) => InsertOutcome::New,
        (Some(_), PartOutcome::Known) => InsertOutcome::Duplicate,
        (Some(_), PartOutcome::Added | PartOutcome::Grown) => InsertOutcome::Extended,
        (Some(_), PartOutcome::Revised) => InsertOutcome::Revised,
        (Some(_), PartOutcome::Collided) => InsertOutcome::Collided,
    };
    if outcome != InsertOutcome::Duplicate {
        parts::count_redactions(connection, &draft.redacted)?;
        let sql = "INSERT INTO changes (uid, change, at) VALUES (?1, 'upsert', ?2)";
        let values = params![uid, row.now.to_milliseconds()];
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values))?;
    }
    Ok((id, outcome))
}

/// Returns true if the message was deleted, under its own id or the one that its copies in other sessions share.
fn has_tombstone(connection: &Connection, row: &InsertContext<'_>, message: &PreparedMessage) -> Result<bool> {
    let everywhere = forks::shared_tombstone_id(row.source, &message.draft.external_id);
    let found = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM tombstones WHERE uid = ?1 OR uid = ?2)")
        .and_then(|mut statement| {
            let values = params![message.uid.as_bytes(), everywhere.as_ref().map(MessageId::as_bytes)];
            statement.query_row(values, |row| row.get(0))
        });
    Ok(found?)
}

fn upsert_conversation(connection: &Connection, row: &InsertContext<'_>, draft: &Draft) -> Result<i64> {
    let sql = "INSERT INTO conversations (source, external_id, parent_external_id, project_id, started_at, ended_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?5)
               ON CONFLICT (source, external_id) DO UPDATE SET
                 started_at = min(started_at, excluded.started_at), ended_at = max(ended_at, excluded.ended_at)
               RETURNING id";
    let values =
        params![row.source, draft.session, draft.parent_session, row.place.project, draft.at.to_milliseconds()];
    Ok(connection.prepare_cached(sql).and_then(|mut statement| statement.query_row(values, |row| row.get(0)))?)
}

/// Stores the files that a message names, for its session.
fn insert_files(connection: &Connection, message: i64, files: &[String]) -> rusqlite::Result<()> {
    let sql =
        "INSERT OR IGNORE INTO files (conversation_id, path) SELECT conversation_id, ?2 FROM messages WHERE id = ?1";
    for path in files {
        connection.prepare_cached(sql)?.execute(params![message, path])?;
    }
    Ok(())
}

/// Stores the token usage of an answer. A client writes it again while the answer grows: the largest counts.
fn upsert_usage(connection: &Connection, message: i64, usage: Usage) -> rusqlite::Result<()> {
    let sql = "INSERT INTO usage (message_id, input, output, cache_read, cache_write) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (message_id) DO UPDATE SET input = max(input, excluded.input), output = max(output, excluded.output),
                 cache_read = max(cache_read, excluded.cache_read), cache_write = max(cache_write, excluded.cache_write)";
    let values = params![message, usage.input, usage.output, usage.cache_read, usage.cache_write];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}
