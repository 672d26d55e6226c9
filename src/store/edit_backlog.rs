//! Edits of parts that were stored before their lines were kept, or with another key: read from the stored texts in pages,
//! each in one transaction with the place that it ends at.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::edited_lines::{PreparedEdit, store_edit};
use super::error::Result;
use crate::domain::edit::LineHasher;
use crate::domain::{DraftPart, Origin, PartKind};

/// Parts read in one transaction.
const PAGE: usize = 500;

/// Part that may hold an edit.
struct UnreadPart {
    id: i64,
    message: i64,
    part: DraftPart,
}

impl Store {
    /// Reads the edits of one page of parts that were not searched for them. Returns the number of parts read, 0 when
    /// none is left.
    ///
    /// # Errors
    /// When reading or writing fails; the page is then read again.
    pub fn read_edit_page(&self) -> Result<u64> {
        let Some(hasher) = self.line_hasher()? else { return Ok(0) };
        let is_done = self.snapshot()?.query("look for unread edits", |connection| {
            Ok(is_key_known(connection, hasher)? && find_last_read(connection)?.is_none())
        })?;
        if is_done {
            return Ok(0);
        }
        self.write("read stored edits", move |connection| {
            forget_other_key(connection, hasher)?;
            let Some(after) = find_last_read(connection)? else { return Ok(0) };
            let (parts, last) = read_page(connection, after)?;
            for unread in &parts {
                let edit = PreparedEdit::from_part(Some(hasher), &unread.part);
                store_edit(connection, unread.id, unread.message, unread.part.tool.as_deref(), &edit)?;
            }
            let Some(last) = last else {
                connection.execute("DELETE FROM meta WHERE key = 'edits_read'", [])?;
                return Ok(0);
            };
            connection.execute("UPDATE meta SET value = ?1 WHERE key = 'edits_read'", [last.to_string()])?;
            Ok(u64::try_from(last.saturating_sub(after)).unwrap_or(0))
        })
    }
}

/// Reads the calls and results after a row, and the row that the page ends at; `None` if there is no part any more.
fn read_page(connection: &Connection, after: i64) -> Result<(Vec<UnreadPart>, Option<i64>)> {
    let sql = "SELECT max(id) FROM (SELECT id FROM parts WHERE id > ?1 ORDER BY id LIMIT ?2)";
    let last: Option<i64> = connection.query_row(sql, params![after, PAGE], |row| row.get(0))?;
    let sql = "SELECT p.id, p.message_id, p.kind, p.tool, body_text(p.body, p.body_bytes) FROM parts p
               WHERE p.id > ?1 AND p.id <= ?2 AND p.kind IN (?3, ?4) ORDER BY p.id";
    let mut statement = connection.prepare_cached(sql)?;
    let (call, result) = (PartKind::ToolUse.number(), PartKind::ToolResult.number());
    let rows = statement.query_map(params![after, last, call, result], |row| {
        let kind = PartKind::from_number(row.get(2)?).unwrap_or(PartKind::Meta);
        let part =
            DraftPart { external_key: String::new(), kind, origin: Origin::Tool, text: row.get(4)?, tool: row.get(3)? };
        Ok(UnreadPart { id: row.get(0)?, message: row.get(1)?, part })
    })?;
    Ok((rows.collect::<rusqlite::Result<_>>()?, last))
}

fn find_last_read(connection: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'edits_read'";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
}

fn is_key_known(connection: &Connection, hasher: LineHasher) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'edits_key' AND value = ?1)";
    Ok(connection.query_row(sql, [hasher.check_number().to_string()], |row| row.get(0))?)
}

/// Begins anew if the rows were made with another key, as after a restore without the key.
fn forget_other_key(connection: &Connection, hasher: LineHasher) -> Result<()> {
    if is_key_known(connection, hasher)? {
        return Ok(());
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'edits_key')";
    if connection.query_row(sql, [], |row| row.get::<_, bool>(0))? {
        connection.execute_batch(
            "DELETE FROM edited_lines;
             INSERT OR REPLACE INTO meta (key, value) VALUES ('edits_read', '0')",
        )?;
    }
    let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES ('edits_key', ?1)";
    connection.execute(sql, [hasher.check_number().to_string()])?;
    Ok(())
}
