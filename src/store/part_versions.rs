//! Versions of a part: a known key with another text is never dropped. Owns which text is shown and which is kept as an
//! earlier version.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::doc_values::bump_generation;
use super::error::Result;
use super::machines::claim_part;
use super::parts::{find_part_by_key, insert_part, replace_part};
use super::prepared::{InsertContext, PreparedPart, StoredPart};
use crate::domain::text::redact::is_redacted_form;
use crate::domain::{ContentHash, PartKind, Timestamp};

/// Outcome of storing one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartOutcome {
    /// The part was known with the same text.
    Known,
    /// The part was new.
    Added,
    /// The new text continues the stored one.
    Grown,
    /// The new text differs: it is shown, the earlier one is kept.
    Revised,
    /// Another file has another text under the same key: both are shown.
    Collided,
}

/// Stores a part of a stored message, and resolves conflicts with the part under its key.
pub(super) fn store_part(
    connection: &Connection,
    row: &InsertContext<'_>,
    message: (i64, Timestamp),
    part: &PreparedPart,
) -> Result<PartOutcome> {
    let (id, at) = message;
    if insert_part(connection, id, at, part)? {
        return Ok(PartOutcome::Added);
    }
    let Some((stored, hash)) = find_part_by_key(connection, id, part.key)? else {
        return Ok(PartOutcome::Known);
    };
    let (kind, origin) = (part.part.kind, part.part.origin);
    if hash == part.hash {
        // A newer parser may classify it better.
        if row.reread && (stored.part.kind, stored.part.origin) != (kind, origin) {
            replace_stored_part(connection, &stored, part)?;
        } else if !row.is_remote {
            claim_part(connection, stored.id, origin)?;
        }
        return Ok(PartOutcome::Known);
    }
    let text = prepared_text(connection, part)?;
    let text = text.as_str();
    let earlier = stored.part.text.as_str();
    if text.starts_with(earlier) {
        replace_stored_part(connection, &stored, part)?;
        return Ok(PartOutcome::Grown);
    }
    // A shorter copy, or the text from before redaction knew its secrets, adds nothing.
    if earlier.starts_with(text) || is_redacted_form(earlier, text) || is_earlier_version(connection, id, part)? {
        return Ok(PartOutcome::Known);
    }
    // Another machine's version from before the last change here.
    if row.is_older {
        return Ok(PartOutcome::Known);
    }
    if row.reread || is_redacted_form(text, earlier) {
        replace_stored_part(connection, &stored, part)?;
        return Ok(PartOutcome::Revised);
    }
    if comes_from_another_file(connection, id, row.file)? {
        let beside = part.with_key(version_key(part.key, part.hash));
        let added = insert_part(connection, id, at, &beside)?;
        return Ok(if added { PartOutcome::Collided } else { PartOutcome::Known });
    }
    keep_earlier_version(connection, &stored, version_key(part.key, hash))?;
    replace_stored_part(connection, &stored, part)?;
    Ok(PartOutcome::Revised)
}

/// Stores a text that is no longer shown as a part of its own.
fn keep_earlier_version(connection: &Connection, stored: &StoredPart, key: i64) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO parts (message_id, key, kind, origin, tool, body, body_bytes, dictionary_id, content_hash)
               SELECT message_id, ?2, ?3, origin, tool, body, body_bytes, dictionary_id, content_hash FROM parts WHERE id = ?1";
    let values = params![stored.id, key, PartKind::Earlier.number()];
    let kept = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
    Ok(kept.map(drop)?)
}

fn prepared_text(connection: &Connection, part: &PreparedPart) -> Result<String> {
    let values = params![part.frame, part.body_bytes];
    let text = connection
        .prepare_cached("SELECT body_text(?1, ?2)")
        .and_then(|mut statement| statement.query_row(values, |row| row.get(0)));
    Ok(text?)
}

fn replace_stored_part(connection: &Connection, stored: &StoredPart, part: &PreparedPart) -> Result<()> {
    replace_part(connection, stored, part)?;
    // The machine that vouched for the earlier text did not do so for this one.
    connection.prepare_cached("DELETE FROM remote_parts WHERE part_id = ?1")?.execute([stored.id])?;
    Ok(bump_generation(connection)?)
}

/// Returns the key under which a version is stored.
fn version_key(key: i64, hash: ContentHash) -> i64 {
    ContentHash::of_parts(&[&key.to_le_bytes(), &hash.0]).short_key()
}

fn is_earlier_version(connection: &Connection, message: i64, part: &PreparedPart) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM parts WHERE message_id = ?1 AND key = ?2)";
    let values = params![message, version_key(part.key, part.hash)];
    let found = connection.prepare_cached(sql).and_then(|mut statement| statement.query_row(values, |row| row.get(0)));
    Ok(found?)
}

fn comes_from_another_file(connection: &Connection, message: i64, file: Option<i64>) -> Result<bool> {
    let sql = "SELECT source_file FROM messages WHERE id = ?1";
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([message], |row| row.get::<_, Option<i64>>(0)).optional());
    let stored = found?.flatten();
    Ok(stored.is_some() && file.is_some() && stored != file)
}
