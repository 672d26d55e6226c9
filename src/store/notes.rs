//! What was saved on purpose: messages of the source `saved`, one conversation per project.

use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};

use super::Store;
use super::error::{Error, Result};
use super::messages::{self, Preparer, Row};
use super::projects::{self, NewProject};
use super::quarantine::IN_SIGHT;
use crate::domain::text::redact::Counts;
use crate::domain::{ContentHash, Draft, DraftPart, Kind, MessageId, Note, Origin, Role, Timestamp};

/// The name of this source.
pub(super) const SOURCE: &str = "saved";

/// What saving did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The memory.
    pub id: MessageId,
    /// What happened.
    pub status: SavedStatus,
    /// Memories that this one replaces from now on.
    pub replaced: Vec<MessageId>,
    /// Secrets that were taken out of it.
    pub redactions: u64,
}

/// What happened to a saved text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedStatus {
    /// It is new.
    Created,
    /// The same text was saved before in this project; nothing was added.
    Duplicate,
    /// It replaces what was saved under the same topic.
    Updated,
}

/// kind, title, topic, labels, pinned, end, folder.
fn note_of(row: &SqlRow<'_>) -> rusqlite::Result<Note> {
    let tags: String = row.get(3)?;
    Ok(Note {
        kind: Some(row.get(0)?),
        title: row.get(1)?,
        topic_key: row.get(2)?,
        tags: serde_json::from_str(&tags).unwrap_or_default(),
        pin: row.get(4)?,
        expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_milliseconds),
        cwd: Some(row.get(6)?),
        ..Note::default()
    })
}

impl Store {
    /// Saves a note under the id `uid`; returns after it is on disk. `redacted` counts what was taken out of it.
    ///
    /// # Errors
    /// When writing fails; nothing of it is then stored.
    pub fn save_note(
        &self,
        uid: MessageId,
        note: Note,
        redacted: Counts,
        project: NewProject,
        now: Timestamp,
    ) -> Result<Saved> {
        let redactions = redacted.values().sum();
        let external_key = uid.to_string();
        let session = format!("saved:{}", project.key);
        let draft = Draft {
            redacted,
            files: note.files.clone(),
            parts: vec![DraftPart {
                external_key,
                kind: Kind::Note,
                origin: if note.by_model { Origin::Model } else { Origin::Person },
                text: note.text.clone(),
                tool: None,
            }],
            ..Draft::new(&session, &uid.to_string(), Role::User, now)
        };
        let prepared = Preparer::new()?.message_with(uid, draft)?;
        let hash = ContentHash::of(&note.text);
        self.write(move |connection| {
            let place = projects::upsert(connection, &project, now)?;
            let project = place.project;
            if let Some(id) = same_text(connection, project, hash)? {
                return Ok(Saved { id, status: SavedStatus::Duplicate, replaced: Vec::new(), redactions });
            }
            let row = Row { source: SOURCE, place, file: None, reread: false, now };
            let (message, _) = messages::insert(connection, &row, &prepared)?;
            let topic = describe(connection, message, project, &note)?;
            let replaced = supersede(connection, message, &topic, &note)?;
            let status = if topic.is_empty() { SavedStatus::Created } else { SavedStatus::Updated };
            Ok(Saved { id: uid, status, replaced, redactions })
        })
    }
}

/// What a note says about itself, and what may be changed in it; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteChange {
    /// decision, preference and so on.
    pub kind: Option<String>,
    /// Its heading.
    pub title: Option<String>,
    /// Its labels.
    pub tags: Option<Vec<String>>,
    /// Whether it is kept at hand.
    pub pin: Option<bool>,
    /// Not returned after this moment.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// The note with this id, as it would be saved again, without its text; `None` when it is not there or was replaced.
    ///
    /// # Errors
    /// When reading fails.
    pub fn find_note(&self, id: MessageId) -> Result<Option<Note>> {
        self.read(|connection| {
            let sql = format!(
                "SELECT n.kind, n.title, n.topic_key, n.tags, n.pinned, n.expires_at, d.directory FROM notes n
                 JOIN messages m ON m.id = n.message_id JOIN project_directories d ON d.id = m.directory_id
                 WHERE m.uid = ?1 AND n.superseded_by IS NULL{IN_SIGHT}"
            );
            let found = connection.query_row(&sql, [id.as_bytes()], note_of).optional();
            found.map_err(|error| Error::sqlite("find a note", error))
        })
    }

    /// The notes in force at `now`, pinned ones first, then the newest; from a place on.
    ///
    /// # Errors
    /// When reading fails.
    pub fn notes(&self, now: Timestamp, from: usize, count: usize) -> Result<Vec<(MessageId, Note)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the notes", error);
            let sql = format!(
                "SELECT n.kind, n.title, n.topic_key, n.tags, n.pinned, n.expires_at, d.directory, m.uid FROM notes n
                 JOIN messages m ON m.id = n.message_id JOIN project_directories d ON d.id = m.directory_id
                 WHERE n.superseded_by IS NULL AND (n.expires_at IS NULL OR n.expires_at > ?1){IN_SIGHT}
                 ORDER BY n.pinned DESC, m.at DESC, m.id DESC LIMIT ?2 OFFSET ?3"
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(params![now.milliseconds(), count, from], |row| {
                let uid: [u8; 16] = row.get(7)?;
                Ok((MessageId::from_bytes(uid), note_of(row)?))
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Changes what a note says about itself; `false` when it is not there.
    ///
    /// # Errors
    /// When writing fails.
    pub fn change_note(&self, id: MessageId, change: NoteChange, now: Timestamp) -> Result<bool> {
        self.write(move |connection| {
            let failed = |error| Error::sqlite("change a note", error);
            let tags = change.tags.map(|tags| serde_json::Value::from(tags).to_string());
            let expires = change.expires_at.map(Timestamp::milliseconds);
            let sql =
                "UPDATE notes SET kind = coalesce(?2, kind), title = coalesce(?3, title), tags = coalesce(?4, tags),
                         pinned = coalesce(?5, pinned), expires_at = coalesce(?6, expires_at)
                       WHERE superseded_by IS NULL AND message_id = (SELECT id FROM messages WHERE uid = ?1)";
            let values = params![id.as_bytes(), change.kind, change.title, tags, change.pin, expires];
            let changed = connection.execute(sql, values).map_err(failed)? > 0;
            if changed {
                let sql = "INSERT INTO outbox (uid, change, at) VALUES (?1, 'upsert', ?2)";
                connection.execute(sql, params![id.as_bytes(), now.milliseconds()]).map_err(failed)?;
            }
            Ok(changed)
        })
    }
}

/// The note of a project, in force, with this text. The kind stands in it as a number, or the index of notes would not be used.
fn the_same_text() -> String {
    let note = Kind::Note.number();
    format!(
        "SELECT m.uid FROM parts p JOIN messages m ON m.id = p.message_id JOIN notes n ON n.message_id = m.id
         WHERE p.kind = {note} AND p.content_hash = ?1 AND m.project_id = ?2 AND n.superseded_by IS NULL{IN_SIGHT} LIMIT 1"
    )
}

fn same_text(connection: &Connection, project: i64, hash: ContentHash) -> Result<Option<MessageId>> {
    let found: Option<[u8; 16]> = connection
        .prepare_cached(&the_same_text())
        .and_then(|mut statement| statement.query_row(params![hash.0, project], |row| row.get(0)))
        .optional()
        .map_err(|error| Error::sqlite("look for the same note", error))?;
    Ok(found.map(MessageId::from_bytes))
}

/// Stores what the note says about itself; returns the ids that its topic key replaces.
pub(super) fn describe(connection: &Connection, message: i64, project: i64, note: &Note) -> Result<Vec<MessageId>> {
    let failed = |error| Error::sqlite("store a note", error);
    let mut replaced = Vec::new();
    if let Some(topic) = &note.topic_key {
        let sql = "SELECT m.uid FROM notes n JOIN messages m ON m.id = n.message_id
                   WHERE n.topic_key = ?1 AND m.project_id = ?2 AND n.superseded_by IS NULL";
        let mut statement = connection.prepare(sql).map_err(failed)?;
        let rows = statement.query_map(params![topic, project], |row| row.get(0)).map_err(failed)?;
        for uid in rows {
            replaced.push(MessageId::from_bytes(uid.map_err(failed)?));
        }
    }
    let tags = serde_json::Value::from(note.tags.clone()).to_string();
    let sql = "INSERT INTO notes (message_id, kind, title, topic_key, tags, pinned, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let kind = note.kind.as_deref().unwrap_or("note");
    let expires = note.expires_at.map(Timestamp::milliseconds);
    connection
        .execute(sql, params![message, kind, note.title, note.topic_key, tags, note.pin, expires])
        .map_err(failed)?;
    Ok(replaced)
}

fn supersede(connection: &Connection, by: i64, topic: &[MessageId], note: &Note) -> Result<Vec<MessageId>> {
    let failed = |error| Error::sqlite("replace a note", error);
    let mut replaced = Vec::new();
    for id in topic.iter().chain(&note.supersedes) {
        let sql = "UPDATE notes SET superseded_by = ?2
                   WHERE message_id = (SELECT id FROM messages WHERE uid = ?1) AND message_id <> ?2";
        if connection.execute(sql, params![id.as_bytes(), by]).map_err(failed)? > 0 && !replaced.contains(id) {
            replaced.push(*id);
            let sql = "INSERT INTO outbox (uid, change, at) SELECT ?1, 'upsert', at FROM messages WHERE id = ?2";
            connection.execute(sql, params![id.as_bytes(), by]).map_err(failed)?;
        }
    }
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Open;
    use crate::store::connection::{self, Access};

    /// In a store that has never been closed in peace SQLite has no statistics, and once read all texts for each save.
    #[test]
    fn saving_reads_no_texts_to_find_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.db");
        drop(Store::open(&path, Open::Create, false, Timestamp::from_milliseconds(0)).unwrap());
        let connection = connection::open(&path, Access::Write { full: false }).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", the_same_text())).unwrap();
        let rows = statement.query_map(params![[0_u8; 16], 1], |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = rows.collect::<rusqlite::Result<_>>().unwrap();
        assert!(plan.iter().any(|step| step.contains("parts_of_notes (content_hash=?)")), "{plan:?}");
        assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "{plan:?}");
    }
}
