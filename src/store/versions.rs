//! Versions of a part: a known key with another text is never dropped. Owns which text is shown and which is kept beside it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::raise_generation;
use super::error::{Error, Result};
use super::messages::{PreparedPart, Row, StoredPart, insert_part, replace_part, stored_by_key};
use crate::domain::text::redact::is_redacted_form;
use crate::domain::{ContentHash, Kind, Timestamp};

/// What became of a part that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartOutcome {
    /// The same text is known.
    Known,
    /// It was not there.
    Added,
    /// It continues the text that was there.
    Grown,
    /// It is another text: it is shown, the earlier one is kept.
    Revised,
    /// Another file has another text under the same key: both are shown.
    Collided,
}

/// Stores a part of a message that is there, whatever is known under its key.
pub(super) fn put_part(
    connection: &Connection,
    row: &Row<'_>,
    message: (i64, Timestamp),
    part: &PreparedPart,
) -> Result<PartOutcome> {
    let failed = |error| Error::sqlite("store a part", error);
    let (id, at) = message;
    if insert_part(connection, id, at, part).map_err(failed)? {
        return Ok(PartOutcome::Added);
    }
    let Some((stored, hash)) = stored_by_key(connection, id, part.key).map_err(failed)? else {
        return Ok(PartOutcome::Known);
    };
    let (kind, origin) = (part.part.kind, part.part.origin);
    if hash == part.hash {
        // A newer reader may know better what it is.
        if row.reread && (stored.part.kind, stored.part.origin) != (kind, origin) {
            replace(connection, &stored, part)?;
        }
        return Ok(PartOutcome::Known);
    }
    let text = new_text(connection, part)?;
    let text = text.as_str();
    let earlier = stored.part.text.as_str();
    if text.starts_with(earlier) {
        replace(connection, &stored, part)?;
        return Ok(PartOutcome::Grown);
    }
    // A shorter copy, or the text from before redaction knew its secrets, brings nothing.
    if earlier.starts_with(text) || is_redacted_form(earlier, text) || is_earlier_version(connection, id, part)? {
        return Ok(PartOutcome::Known);
    }
    if row.reread || is_redacted_form(text, earlier) {
        replace(connection, &stored, part)?;
        return Ok(PartOutcome::Revised);
    }
    if comes_from_another_file(connection, id, row.file)? {
        let beside = part.under_key(version_key(part.key, part.hash));
        let added = insert_part(connection, id, at, &beside).map_err(failed)?;
        return Ok(if added { PartOutcome::Collided } else { PartOutcome::Known });
    }
    keep_earlier(connection, &stored, version_key(part.key, hash))?;
    replace(connection, &stored, part)?;
    Ok(PartOutcome::Revised)
}

/// Keeps a text that is no longer shown as a part of its own.
fn keep_earlier(connection: &Connection, stored: &StoredPart, key: i64) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO parts (message_id, key, kind, origin, tool, body, body_bytes, dictionary_id, content_hash)
               SELECT message_id, ?2, ?3, origin, tool, body, body_bytes, dictionary_id, content_hash FROM parts WHERE id = ?1";
    let values = params![stored.id, key, Kind::Earlier.number()];
    let kept = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
    kept.map(drop).map_err(|error| Error::sqlite("keep an earlier version", error))
}

fn new_text(connection: &Connection, part: &PreparedPart) -> Result<String> {
    let values = params![part.frame, part.body_bytes];
    let text = connection
        .prepare_cached("SELECT body_text(?1, ?2)")
        .and_then(|mut statement| statement.query_row(values, |row| row.get(0)));
    text.map_err(|error| Error::sqlite("read a new text", error))
}

fn replace(connection: &Connection, stored: &StoredPart, part: &PreparedPart) -> Result<()> {
    replace_part(connection, stored, part)?;
    raise_generation(connection).map_err(|error| Error::sqlite("replace a text", error))
}

/// The key under which a version is kept.
fn version_key(key: i64, hash: ContentHash) -> i64 {
    ContentHash::of_parts(&[&key.to_le_bytes(), &hash.0]).short_key()
}

fn is_earlier_version(connection: &Connection, message: i64, part: &PreparedPart) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM parts WHERE message_id = ?1 AND key = ?2)";
    let values = params![message, version_key(part.key, part.hash)];
    let found = connection.prepare_cached(sql).and_then(|mut statement| statement.query_row(values, |row| row.get(0)));
    found.map_err(|error| Error::sqlite("look for a version", error))
}

fn comes_from_another_file(connection: &Connection, message: i64, file: Option<i64>) -> Result<bool> {
    let sql = "SELECT source_file FROM messages WHERE id = ?1";
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([message], |row| row.get::<_, Option<i64>>(0)).optional());
    let stored = found.map_err(|error| Error::sqlite("look for a version", error))?.flatten();
    Ok(stored.is_some() && file.is_some() && stored != file)
}
