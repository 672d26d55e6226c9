//! Notes, which users and agents save: messages of the source `saved`, one session per project.

use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};

use super::error::Result;
use super::filter::NOT_QUARANTINED;
use super::message_queries::read_uid;
use super::messages;
use super::note_rows::insert_note_metadata;
use super::prepared::InsertContext;
use super::projects::{self, NewProject};
use super::{Snapshot, Store};
use crate::domain::text::redact::RedactionCounts;
use crate::domain::{ContentHash, Draft, DraftNote, DraftPart, MessageId, Origin, PartKind, Role, Timestamp};

/// Source name of saved notes.
pub(super) const NOTE_SOURCE: &str = "saved";

/// Result of saving a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedNote {
    /// Id of the stored note, or of the duplicate found.
    pub id: MessageId,
    pub status: SavedStatus,
    /// Notes that this one replaces from now on.
    pub replaced: Vec<MessageId>,
    /// Number of secrets that were redacted in the note.
    pub redactions: u64,
}

/// Outcome of saving a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedStatus {
    /// The note is new.
    Created,
    /// The same text was saved before in this project; nothing was added. It replaces the notes that it supersedes.
    Duplicate,
    /// The note replaces one with the same topic key.
    Updated,
}

/// Builds a note from the columns kind, title, topic key, tags, pinned, expiry, directory.
fn parse_note(row: &SqlRow<'_>) -> rusqlite::Result<DraftNote> {
    let tags: String = row.get(3)?;
    Ok(DraftNote {
        kind: Some(row.get(0)?),
        title: row.get(1)?,
        topic_key: row.get(2)?,
        tags: serde_json::from_str(&tags).unwrap_or_default(),
        pin: row.get(4)?,
        expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_milliseconds),
        cwd: Some(row.get(6)?),
        ..DraftNote::default()
    })
}

impl Store {
    /// Saves a note under the id `uid` and waits for the commit. `redacted` counts the secrets that were removed.
    ///
    /// # Errors
    /// When writing fails; nothing of it is then stored.
    pub fn save_note(
        &self,
        uid: MessageId,
        note: DraftNote,
        redacted: RedactionCounts,
        project: NewProject,
        now: Timestamp,
    ) -> Result<SavedNote> {
        let redactions = redacted.values().sum();
        let external_key = uid.to_string();
        let session = format!("saved:{}", project.key);
        let draft = Draft {
            redacted,
            files: note.files.clone(),
            parts: vec![DraftPart {
                external_key,
                kind: PartKind::Note,
                origin: match note.copied_from {
                    Some(origin) if note.by_model => origin,
                    _ if note.by_model => Origin::Model,
                    _ => Origin::Person,
                },
                text: note.text.clone(),
                tool: None,
            }],
            ..Draft::new(&session, &uid.to_string(), if note.by_model { Role::Assistant } else { Role::User }, now)
        };
        let prepared = self.create_preparer()?.prepare_message_as(uid, draft)?;
        let hash = ContentHash::of_text(&note.text);
        self.write_soon("save a note", move |connection| {
            let place = projects::upsert_own_project(connection, &project, now)?;
            let project = place.project;
            if let Some(id) = find_same_text(connection, project, hash)? {
                let sql = "SELECT id FROM messages WHERE uid = ?1";
                let row: i64 = connection.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0))?;
                let replaced = supersede_notes(connection, row, &[], &note)?;
                return Ok(SavedNote { id, status: SavedStatus::Duplicate, replaced, redactions });
            }
            let row = InsertContext {
                source: NOTE_SOURCE,
                place,
                file: None,
                reread: false,
                is_remote: false,
                is_older: false,
                now,
            };
            let (message, _) = messages::insert_message(connection, &row, &prepared)?;
            let topic = insert_note_metadata(connection, message, project, &note)?;
            let replaced = supersede_notes(connection, message, &topic, &note)?;
            let status = if topic.is_empty() { SavedStatus::Created } else { SavedStatus::Updated };
            Ok(SavedNote { id: uid, status, replaced, redactions })
        })
    }
}

/// Changes to a note's metadata; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteUpdate {
    /// Type of the note: decision, preference and so on.
    pub kind: Option<String>,
    /// Heading of the note.
    pub title: Option<String>,
    /// Labels of the note.
    pub tags: Option<Vec<String>>,
    /// True to pin the note.
    pub pin: Option<bool>,
    /// Time after which the note is no longer returned.
    pub expires_at: Option<Timestamp>,
}

impl Snapshot<'_> {
    /// Returns the metadata of a note, without its text. `None` if it is unknown, quarantined or was replaced.
    pub fn find_note(&self, id: MessageId) -> Result<Option<DraftNote>> {
        self.query("find a note", |connection| {
            let sql = format!(
                "SELECT n.kind, n.title, n.topic_key, n.tags, n.pinned, n.expires_at, d.directory FROM notes n
                 JOIN messages m ON m.id = n.message_id JOIN project_directories d ON d.id = m.directory_id
                 WHERE m.uid = ?1 AND n.superseded_by IS NULL{NOT_QUARANTINED}"
            );
            let found = connection.query_row(&sql, [id.as_bytes()], parse_note).optional();
            Ok(found?)
        })
    }

    /// Returns the row of a message's project; `None` if there is no such message.
    pub fn project_of_message(&self, id: MessageId) -> Result<Option<i64>> {
        self.query("find the project of a message", |connection| {
            let sql = "SELECT project_id FROM messages WHERE uid = ?1";
            Ok(connection.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
        })
    }

    /// Returns the notes in force among `ids` and under a topic of a project, each with whether a person saved it.
    pub fn replaced_notes(&self, ids: &[MessageId], topic: Option<(i64, &str)>) -> Result<Vec<(MessageId, bool)>> {
        self.query("find a note", |connection| {
            let sql = "SELECT m.uid, max(p.origin = ?1) FROM notes n JOIN messages m ON m.id = n.message_id
                       JOIN parts p ON p.message_id = m.id WHERE n.superseded_by IS NULL";
            let person = Origin::Person.number();
            let read_row = |row: &SqlRow<'_>| Ok((read_uid(row, 0)?, row.get(1)?));
            let mut found = Vec::new();
            let mut statement = connection.prepare_cached(&format!("{sql} AND m.uid = ?2 GROUP BY m.id"))?;
            for id in ids {
                found.extend(statement.query_row(params![person, id.as_bytes()], read_row).optional()?);
            }
            if let Some((project, key)) = topic {
                let sql = format!("{sql} AND m.project_id = ?2 AND n.topic_key = ?3 GROUP BY m.id");
                let mut statement = connection.prepare_cached(&sql)?;
                for row in statement.query_map(params![person, project, key], read_row)? {
                    found.push(row?);
                }
            }
            Ok(found)
        })
    }

    /// Returns `count` notes in force at `now` from the offset `from`: pinned ones first, then the newest.
    pub fn list_notes(&self, now: Timestamp, from: usize, count: usize) -> Result<Vec<(MessageId, DraftNote)>> {
        self.query("list the notes", |connection| {
            let sql = format!(
                "SELECT n.kind, n.title, n.topic_key, n.tags, n.pinned, n.expires_at, d.directory, m.uid FROM notes n
                 JOIN messages m ON m.id = n.message_id JOIN project_directories d ON d.id = m.directory_id
                 WHERE n.superseded_by IS NULL AND (n.expires_at IS NULL OR n.expires_at > ?1){NOT_QUARANTINED}
                 ORDER BY n.pinned DESC, m.at DESC, m.id DESC LIMIT ?2 OFFSET ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![now.to_milliseconds(), count, from], |row| {
                let uid: [u8; 16] = row.get(7)?;
                Ok((MessageId::from_bytes(uid), parse_note(row)?))
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Store {
    /// Changes the metadata of a note. Returns false if it is unknown or was replaced.
    pub fn update_note(&self, id: MessageId, change: NoteUpdate, now: Timestamp) -> Result<bool> {
        self.write("change a note", move |connection| {
            let tags = change.tags.map(|tags| serde_json::Value::from(tags).to_string());
            let expires = change.expires_at.map(Timestamp::to_milliseconds);
            let sql =
                "UPDATE notes SET kind = coalesce(?2, kind), title = coalesce(?3, title), tags = coalesce(?4, tags),
                         pinned = coalesce(?5, pinned), expires_at = coalesce(?6, expires_at)
                       WHERE superseded_by IS NULL AND message_id = (SELECT id FROM messages WHERE uid = ?1)";
            let values = params![id.as_bytes(), change.kind, change.title, tags, change.pin, expires];
            let changed = connection.execute(sql, values)? > 0;
            if changed {
                let sql = "INSERT INTO changes (uid, change, at) VALUES (?1, 'upsert', ?2)";
                connection.execute(sql, params![id.as_bytes(), now.to_milliseconds()])?;
            }
            Ok(changed)
        })
    }
}

/// SQL that finds a note in force with a given text in a project. It holds the kind as a literal number, or the index
/// of notes would not be used.
fn same_text_sql() -> String {
    let (note, elsewhere) = (PartKind::Note.number(), Origin::Elsewhere.number());
    format!(
        "SELECT m.uid FROM parts p JOIN messages m ON m.id = p.message_id JOIN notes n ON n.message_id = m.id
         WHERE p.kind = {note} AND p.content_hash = ?1 AND p.origin <> {elsewhere} AND m.project_id = ?2 AND n.superseded_by IS NULL{NOT_QUARANTINED} LIMIT 1"
    )
}

fn find_same_text(connection: &Connection, project: i64, hash: ContentHash) -> Result<Option<MessageId>> {
    let found: Option<[u8; 16]> = connection
        .prepare_cached(&same_text_sql())
        .and_then(|mut statement| statement.query_row(params![hash.0, project], |row| row.get(0)))
        .optional()?;
    Ok(found.map(MessageId::from_bytes))
}

fn supersede_notes(connection: &Connection, by: i64, topic: &[MessageId], note: &DraftNote) -> Result<Vec<MessageId>> {
    let mut replaced = Vec::new();
    for id in topic.iter().chain(&note.supersedes) {
        let sql = "UPDATE notes SET superseded_by = ?2
                   WHERE message_id = (SELECT id FROM messages WHERE uid = ?1) AND message_id <> ?2";
        if connection.execute(sql, params![id.as_bytes(), by])? > 0 && !replaced.contains(id) {
            replaced.push(*id);
            let sql = "INSERT INTO changes (uid, change, at) SELECT ?1, 'upsert', at FROM messages WHERE id = ?2";
            connection.execute(sql, params![id.as_bytes(), by])?;
        }
    }
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OpenMode;
    use crate::store::connection::{self, AccessMode};

    /// In a store that has never been closed in peace SQLite has no statistics, and once read all texts for each save.
    #[test]
    fn saving_reads_no_texts_to_find_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.db");
        drop(Store::open(&path, OpenMode::Create, false, Timestamp::from_milliseconds(0)).unwrap());
        let connection = connection::open(&path, AccessMode::Write { full: false }).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", same_text_sql())).unwrap();
        let rows = statement.query_map(params![[0_u8; 16], 1], |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = rows.collect::<rusqlite::Result<_>>().unwrap();
        assert!(plan.iter().any(|step| step.contains("parts_of_notes (content_hash=?)")), "{plan:?}");
        assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "{plan:?}");
    }
}
