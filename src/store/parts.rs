//! Rows of parts with their passages, terms and place in the embedding queue: inserts, finds and replaces them.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::doc_values::bump_generation;
use super::edited_lines::{self, StoredCall};
use super::error::Result;
use super::filter::is_quarantined;
use super::frames::DICTIONARY_ID;
use super::keyword_index;
use super::prepared::{PreparedMessage, PreparedPart, Preparer, StoredPart};
use super::{Snapshot, Store};
use crate::domain::text::redact::RedactionCounts;
use crate::domain::text::terms::TermExtractor;
use crate::domain::{ContentHash, DraftPart, Origin, PartKind, Role, Timestamp};

/// Inserts a part. Returns true if its key was new.
pub(super) fn insert_part(
    connection: &Connection,
    message: i64,
    at: Timestamp,
    prepared: &PreparedPart,
) -> Result<bool> {
    let part = &prepared.part;
    let sql = "INSERT OR IGNORE INTO parts (message_id, key, kind, origin, tool, body, body_bytes, dictionary_id, content_hash)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        message,
        prepared.key,
        part.kind.number(),
        part.origin.number(),
        part.tool,
        prepared.frame,
        prepared.body_bytes,
        DICTIONARY_ID,
        prepared.hash.0
    ];
    if connection.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(false);
    }
    let id = connection.last_insert_rowid();
    insert_passages(connection, id, message, at, prepared)?;
    edited_lines::store_edit(connection, id, message, part.tool.as_deref(), &prepared.edit)?;
    Ok(true)
}

/// Inserts the passages of a part with their terms, and queues the part for embedding. Quarantined messages get none.
fn insert_passages(
    connection: &Connection,
    id: i64,
    message: i64,
    at: Timestamp,
    prepared: &PreparedPart,
) -> rusqlite::Result<()> {
    let part = &prepared.part;
    if is_quarantined(connection, message)? {
        return Ok(());
    }
    for (ordinal, passage) in prepared.passages.iter().enumerate() {
        let sql =
            "INSERT INTO passages (part_id, message_id, kind, purpose, asks, ordinal, start_byte, end_byte, words, script)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let (start, end) = (passage.range.start, passage.range.end);
        let (purpose, kind) = (passage.purpose.number(), part.kind.number());
        let values = params![
            id,
            message,
            kind,
            purpose,
            passage.asks,
            ordinal,
            start,
            end,
            passage.words,
            passage.script.number()
        ];
        let row = connection.prepare_cached(sql)?.insert(values)?;
        if let Some(terms) = &passage.terms {
            keyword_index::add_pending_terms(connection, row, terms)?;
        }
    }
    if part.kind.is_embedded() {
        connection
            .prepare_cached("INSERT OR REPLACE INTO pending (part_id, at) VALUES (?1, ?2)")?
            .execute(params![id, at.to_milliseconds()])?;
    }
    Ok(())
}

impl Snapshot<'_> {
    /// Returns at most `limit` parts after a row, in row order.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn parts_after(&self, row: i64, limit: usize) -> Result<Vec<StoredPart>> {
        self.query("read the texts", |connection| {
            let sql = format!("{SELECT_STORED_PARTS} WHERE p.id > ?1 ORDER BY p.id LIMIT ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![row, limit], parse_stored_part);
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Store {
    /// Replaces the texts of these parts. Terms and passages are rebuilt, and the parts are embedded again. `redacted`
    /// counts the secrets that were removed.
    ///
    /// # Errors
    /// When writing fails; nothing is then changed.
    pub fn replace_texts(
        &self,
        parts: Vec<(StoredPart, String)>,
        redacted: RedactionCounts,
        now: Timestamp,
    ) -> Result<()> {
        let preparer = self.create_preparer()?;
        let mut prepared = Vec::with_capacity(parts.len());
        for (stored, text) in parts {
            let new = preparer.prepare_part(stored.role, DraftPart { text, ..stored.part.clone() })?;
            prepared.push((stored, new));
        }
        self.write("replace a text", move |connection| {
            for (stored, new) in &prepared {
                replace_part(connection, stored, new)?;
                let sql = "INSERT INTO changes (uid, change, at) SELECT uid, 'upsert', ?2 FROM messages WHERE id = ?1";
                connection.execute(sql, params![stored.message, now.to_milliseconds()])?;
            }
            count_redactions(connection, &redacted)?;
            Ok(bump_generation(connection)?)
        })
    }
}

const SELECT_STORED_PARTS: &str =
    "SELECT p.id, p.message_id, m.role, m.at, p.kind, p.origin, p.tool, body_text(p.body, p.body_bytes),
      p.content_hash FROM parts p JOIN messages m ON m.id = p.message_id";

fn parse_stored_part(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredPart> {
    Ok(StoredPart {
        id: row.get(0)?,
        message: row.get(1)?,
        role: Role::from_number(row.get(2)?).unwrap_or(Role::System),
        at: Timestamp::from_milliseconds(row.get(3)?),
        part: DraftPart {
            external_key: String::new(),
            kind: PartKind::from_number(row.get(4)?).unwrap_or(PartKind::Meta),
            origin: Origin::from_number(row.get(5)?).unwrap_or(Origin::Client),
            tool: row.get(6)?,
            text: row.get(7)?,
        },
    })
}

/// Finds the stored part under a key, with the hash of its text.
pub(super) fn find_part_by_key(
    connection: &Connection,
    message: i64,
    key: i64,
) -> rusqlite::Result<Option<(StoredPart, ContentHash)>> {
    let sql = format!("{SELECT_STORED_PARTS} WHERE p.message_id = ?1 AND p.key = ?2");
    let row = |row: &rusqlite::Row<'_>| Ok((parse_stored_part(row)?, ContentHash(row.get(8)?)));
    connection.prepare_cached(&sql)?.query_row(params![message, key], row).optional()
}

/// Replaces the text of a part: its terms are indexed again and it is queued for embedding.
pub(super) fn replace_part(connection: &Connection, stored: &StoredPart, new: &PreparedPart) -> Result<()> {
    keyword_index::remove_passages(connection, "a.part_id = ?1", stored.id, &TermExtractor::default())?;
    let (tool, text) = (stored.part.tool.clone(), stored.part.text.clone());
    edited_lines::remove_edit(connection, &StoredCall { id: stored.id, tool, text }, &new.edit)?;
    write_replacement(connection, stored, new)?;
    edited_lines::store_edit(connection, stored.id, stored.message, new.part.tool.as_deref(), &new.edit)
}

fn write_replacement(connection: &Connection, stored: &StoredPart, new: &PreparedPart) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM passages WHERE part_id = ?1", [stored.id])?;
    connection.execute("DELETE FROM pending WHERE part_id = ?1", [stored.id])?;
    let sql = "UPDATE parts SET kind = ?2, origin = ?3, tool = ?4, body = ?5, body_bytes = ?6, dictionary_id = ?7,
               content_hash = ?8 WHERE id = ?1";
    let (kind, origin) = (new.part.kind.number(), new.part.origin.number());
    let values = params![stored.id, kind, origin, new.part.tool, new.frame, new.body_bytes, DICTIONARY_ID, new.hash.0];
    connection.execute(sql, values)?;
    insert_passages(connection, stored.id, stored.message, stored.at, new)
}

/// Replaces the stored texts that differ from these parts. Returns true if any did.
pub(super) fn replace_parts(connection: &Connection, message: i64, new: &PreparedMessage) -> Result<bool> {
    let mut replaced = false;
    for part in &new.parts {
        let sql = format!("{SELECT_STORED_PARTS} WHERE p.message_id = ?1 AND p.key = ?2 AND p.content_hash <> ?3");
        let stored = connection.prepare_cached(&sql).and_then(|mut statement| {
            statement.query_row(params![message, part.key, part.hash.0], parse_stored_part).optional()
        })?;
        if let Some(stored) = stored {
            replace_part(connection, &stored, part)?;
            replaced = true;
        }
    }
    Ok(replaced)
}

/// Builds the passages of all parts of a message that has none.
pub(super) fn rebuild_passages(connection: &Connection, message: i64, preparer: &Preparer) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!("{SELECT_STORED_PARTS} WHERE m.id = ?1 ORDER BY p.id"))?;
    let parts = statement.query_map([message], parse_stored_part)?;
    for stored in parts {
        let stored = stored?;
        let prepared = preparer.prepare_part(stored.role, stored.part.clone())?;
        insert_passages(connection, stored.id, message, stored.at, &prepared)?;
    }
    Ok(())
}

/// Adds to the number of secrets that each rule removed.
pub(super) fn count_redactions(connection: &Connection, redacted: &RedactionCounts) -> rusqlite::Result<()> {
    for (rule, count) in redacted {
        let sql = "INSERT INTO redactions (rule, count) VALUES (?1, ?2)
                   ON CONFLICT (rule) DO UPDATE SET count = count + excluded.count";
        connection.prepare_cached(sql)?.execute(params![rule, count])?;
    }
    Ok(())
}
