//! Rows of edits: which lines a tool call inserted and removed, and the commits that a command printed. They are written with
//! the part that they are from. Does not own how a call is read (`domain::edit`) or reading the rows (`edit_queries`).

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Result;
use crate::domain::edit::{
    LineChange, LineHasher, PrintedCommit, is_edit_tool, is_failed_edit, is_shell_tool, makes_commits, read_file_edits,
    read_printed_commits,
};
use crate::domain::{ContentHash, DraftPart, PartKind};

/// Blocks of one record among which the call of a result is looked for.
const MAX_BLOCKS: usize = 8;

/// Call of a tool as it is stored.
pub(super) struct StoredCall {
    pub(super) id: i64,
    pub(super) tool: Option<String>,
    pub(super) text: String,
}

impl StoredCall {
    pub(super) fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, tool: row.get(1)?, text: row.get(2)? })
    }
}

/// Edit of a part that is ready to be written as rows.
#[derive(Debug, Clone, Default)]
pub(super) struct PreparedEdit {
    hasher: Option<LineHasher>,
    /// Sorted hashes of the changed lines, each once.
    lines: Vec<(i64, LineChange)>,
    commits: Vec<PrintedCommit>,
    /// True for the result of an edit that failed.
    is_failure: bool,
}

impl PreparedEdit {
    /// Reads the edit in a part: the lines of a call, or the commits or the failure that a result reports. Without a
    /// hasher nothing is read.
    pub(super) fn from_part(hasher: Option<LineHasher>, part: &DraftPart) -> Self {
        let mut edit = Self { hasher, ..Self::default() };
        let (Some(hasher), tool) = (hasher, part.tool.as_deref()) else { return edit };
        match part.kind {
            PartKind::ToolUse => edit.lines = hash_lines(hasher, tool.unwrap_or(""), &part.text),
            PartKind::ToolResult => {
                // The tool is unknown if the call was read by an earlier import.
                let is_shell = tool.is_none_or(is_shell_tool);
                edit.is_failure = tool.is_none_or(is_edit_tool) && is_failed_edit(tool.unwrap_or("bash"), &part.text);
                if is_shell && !edit.is_failure {
                    edit.commits = read_printed_commits(&part.text);
                }
            }
            _ => {}
        }
        edit
    }
}

fn hash_lines(hasher: LineHasher, tool: &str, call: &str) -> Vec<(i64, LineChange)> {
    let mut lines = Vec::new();
    for edit in read_file_edits(tool, call) {
        let hashes = |texts: &[String], change| {
            texts.iter().filter_map(|line| Some((hasher.hash_line(line)?, change))).collect::<Vec<_>>()
        };
        lines.extend(hashes(&edit.inserted, LineChange::Inserted));
        lines.extend(hashes(&edit.removed, LineChange::Removed));
    }
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Stores the rows of a part that was stored, or removes those of the call that it reports as failed.
pub(super) fn store_edit(
    connection: &Connection,
    part: i64,
    message: i64,
    tool: Option<&str>,
    edit: &PreparedEdit,
) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO edited_lines (hash, part, kind) VALUES (?1, ?2, ?3)";
    if !edit.lines.is_empty() {
        let mut statement = connection.prepare_cached(sql)?;
        for (hash, change) in &edit.lines {
            statement.execute(params![hash, part, change.number()])?;
        }
    }
    if edit.is_failure
        && let Some(call) = find_call(connection, part, message, tool)?
    {
        remove_lines(connection, &call, edit.hasher)?;
    }
    if edit.commits.is_empty() {
        return Ok(());
    }
    // A log or a document may hold lines of that form.
    if find_call(connection, part, message, tool)?.is_some_and(|call| !makes_commits(&call.text)) {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO printed_commits (part, ordinal, id, subject) VALUES (?1, ?2, ?3, ?4)";
    for (ordinal, commit) in edit.commits.iter().enumerate() {
        connection.prepare_cached(sql)?.execute(params![part, ordinal, commit.id, commit.subject])?;
    }
    Ok(())
}

/// Removes the rows of a part whose text is about to be replaced.
pub(super) fn remove_edit(connection: &Connection, stored: &StoredCall, new: &PreparedEdit) -> Result<()> {
    remove_lines(connection, stored, new.hasher)?;
    connection.prepare_cached("DELETE FROM printed_commits WHERE part = ?1")?.execute([stored.id])?;
    Ok(())
}

/// Removes the lines of a call that its source reports as failed, by the key of the part in the session of a message.
pub(super) fn remove_failed_call(
    connection: &Connection,
    message: i64,
    external_key: &str,
    hasher: Option<LineHasher>,
) -> Result<()> {
    match find_by_key(connection, message, external_key)? {
        Some(call) if !is_shell_tool(call.tool.as_deref().unwrap_or("")) => remove_lines(connection, &call, hasher),
        _ => Ok(()),
    }
}

/// Removes the lines of parts that were deleted. Reads the whole table once.
pub(super) fn remove_lines_of_parts(connection: &Connection, parts: &[i64]) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let list = serde_json::Value::from(parts).to_string();
    let sql = "DELETE FROM edited_lines WHERE part IN (SELECT value FROM json_each(?1))";
    connection.prepare_cached(sql)?.execute([list])?;
    Ok(())
}

/// Returns the parts of a message that may have lines.
pub(super) fn find_edit_parts(connection: &Connection, message: i64) -> Result<Vec<i64>> {
    let sql = "SELECT id, tool FROM parts WHERE message_id = ?1 AND kind = ?2 AND tool IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![message, PartKind::ToolUse.number()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut parts = Vec::new();
    for row in rows {
        let (part, tool) = row?;
        parts.extend(is_edit_tool(&tool).then_some(part));
    }
    Ok(parts)
}

fn remove_lines(connection: &Connection, call: &StoredCall, hasher: Option<LineHasher>) -> Result<()> {
    let Some(hasher) = hasher else { return remove_lines_of_parts(connection, &[call.id]) };
    let sql = "DELETE FROM edited_lines WHERE hash = ?1 AND part = ?2 AND kind = ?3";
    let lines = hash_lines(hasher, call.tool.as_deref().unwrap_or(""), &call.text);
    for (hash, change) in lines {
        connection.prepare_cached(sql)?.execute(params![hash, call.id, change.number()])?;
    }
    Ok(())
}

/// Finds the call that a result answers: a block of the record before it, else the last call of the tool.
fn find_call(connection: &Connection, part: i64, message: i64, tool: Option<&str>) -> Result<Option<StoredCall>> {
    let sql = "SELECT parent_external_id FROM messages WHERE id = ?1";
    let parent: Option<String> =
        connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([message], |row| row.get(0)))?;
    let is_it = |call: &StoredCall| tool.is_none() || call.tool.as_deref() == tool;
    for block in 0..parent.as_ref().map_or(0, |_| MAX_BLOCKS) {
        let key = format!("{}/{block}", parent.as_deref().unwrap_or(""));
        if let Some(call) = find_by_key(connection, message, &key)?.filter(is_it) {
            return Ok(Some(call));
        }
    }
    let Some(tool) = tool else { return Ok(None) };
    let sql = "SELECT p.id, p.tool, body_text(p.body, p.body_bytes) FROM messages r
               JOIN messages m ON m.conversation_id = r.conversation_id AND m.at <= r.at
               JOIN parts p ON p.message_id = m.id
               WHERE r.id = ?1 AND p.kind = ?2 AND p.tool = ?3 AND p.id < ?4 ORDER BY m.at DESC, m.id DESC, p.id DESC LIMIT 1";
    let values = params![message, PartKind::ToolUse.number(), tool, part];
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(values, StoredCall::from_row).optional());
    Ok(found?)
}

fn find_by_key(connection: &Connection, message: i64, external_key: &str) -> Result<Option<StoredCall>> {
    let sql = "SELECT p.id, p.tool, body_text(p.body, p.body_bytes) FROM parts p JOIN messages m ON m.id = p.message_id
               WHERE p.key = ?1 AND p.kind = ?2 AND m.conversation_id = (SELECT conversation_id FROM messages WHERE id = ?3)";
    let values = params![ContentHash::of_text(external_key).short_key(), PartKind::ToolUse.number(), message];
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(values, StoredCall::from_row).optional());
    Ok(found?)
}
