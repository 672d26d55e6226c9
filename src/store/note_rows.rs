//! Rows of notes: the metadata that a note has besides its message, as saved here and as received from another machine.

use rusqlite::{Connection, params};

use super::change_log::NoteRecord;
use super::error::Result;
use crate::domain::{DraftNote, MessageId, Timestamp};

/// Stores the metadata of a note. Returns the ids that its topic key replaces.
pub(super) fn insert_note_metadata(
    connection: &Connection,
    message: i64,
    project: i64,
    note: &DraftNote,
) -> Result<Vec<MessageId>> {
    let mut replaced = Vec::new();
    if let Some(topic) = &note.topic_key {
        let sql = "SELECT m.uid FROM notes n JOIN messages m ON m.id = n.message_id
                   WHERE n.topic_key = ?1 AND m.project_id = ?2 AND n.superseded_by IS NULL";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map(params![topic, project], |row| row.get(0))?;
        for uid in rows {
            replaced.push(MessageId::from_bytes(uid?));
        }
    }
    let tags = serde_json::Value::from(note.tags.clone()).to_string();
    let sql = "INSERT INTO notes (message_id, kind, title, topic_key, tags, pinned, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let kind = note.kind.as_deref().unwrap_or("note");
    let expires = note.expires_at.map(Timestamp::to_milliseconds);
    connection.execute(sql, params![message, kind, note.title, note.topic_key, tags, note.pin, expires])?;
    Ok(replaced)
}

/// Stores the metadata of a received note, or replaces what is stored. Does nothing if its message is not here.
pub(super) fn upsert_note_metadata(connection: &Connection, id: MessageId, note: &NoteRecord) -> Result<()> {
    let sql = "INSERT INTO notes (message_id, kind, title, topic_key, tags, pinned, expires_at, superseded_by)
               SELECT m.id, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT s.id FROM messages s WHERE s.uid = ?8) FROM messages m WHERE m.uid = ?1
               ON CONFLICT (message_id) DO UPDATE SET kind = excluded.kind, title = excluded.title, topic_key = excluded.topic_key,
                 tags = excluded.tags, pinned = excluded.pinned, expires_at = excluded.expires_at,
                 superseded_by = coalesce(excluded.superseded_by, superseded_by)";
    let values = params![
        id.as_bytes(),
        note.kind,
        note.title,
        note.topic_key,
        note.tags,
        note.pinned,
        note.expires_at.map(Timestamp::to_milliseconds),
        note.superseded_by.as_ref().map(MessageId::as_bytes)
    ];
    connection.execute(sql, values)?;
    Ok(())
}
