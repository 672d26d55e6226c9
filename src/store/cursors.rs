//! Import cursors: how far each transcript was read.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Result;
use super::{Snapshot, Store};
use crate::domain::{ContentHash, Ledger, MessageId, Timestamp};

/// Import state of one transcript file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportCursor {
    /// Name of the source that reads the file.
    pub source: &'static str,
    /// Path of the file.
    pub path: String,
    /// File size when it was last read to its end; 0 before.
    pub size: u64,
    /// Modification time at that read, milliseconds since the epoch.
    pub modified: i64,
    /// Offset up to which the file was read.
    pub offset: u64,
    /// Number of lines read.
    pub line: u64,
    /// Hash of the file's first bytes.
    pub head: ContentHash,
    /// Version of the parser that read it.
    pub reader: u32,
    /// Counts of the file's records by outcome.
    pub ledger: Ledger,
    /// True if the file is read again because an older parser read it. Not stored.
    pub reread: bool,
}

impl Snapshot<'_> {
    /// Returns all cursors of a source, by path.
    pub fn import_cursors(&self, source: &'static str) -> Result<std::collections::HashMap<String, ImportCursor>> {
        self.query("read the import cursors", |connection| {
            let sql =
                "SELECT path, size, modified, offset, line, head, reader, ledger FROM import_cursors WHERE source = ?1";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([source], |row| {
                let path: String = row.get(0)?;
                Ok((
                    path.clone(),
                    ImportCursor {
                        source,
                        path,
                        size: row.get(1)?,
                        modified: row.get(2)?,
                        offset: row.get(3)?,
                        line: row.get(4)?,
                        head: ContentHash(row.get(5)?),
                        reader: row.get(6)?,
                        ledger: ledger_from_json(&row.get::<_, String>(7)?),
                        reread: false,
                    },
                ))
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Snapshot<'_> {
    /// Returns the files that messages were imported from: row and path.
    pub fn source_files(&self, messages: &[MessageId]) -> Result<Vec<(i64, String)>> {
        self.query("list imported files", |connection| {
            let sql =
                "SELECT f.id, f.path FROM messages m JOIN import_cursors f ON f.id = m.source_file WHERE m.uid = ?1";
            let mut statement = connection.prepare(sql)?;
            let mut files = BTreeMap::new();
            for id in messages {
                let found = statement.query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                files.extend(found);
            }
            Ok(files.into_iter().collect())
        })
    }
}

impl Store {
    /// Deletes those of these cursors whose files no message is from any more.
    pub fn delete_unused_cursors(&self, files: Vec<i64>) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        self.write("delete import cursors", move |connection| {
            let sql = "SELECT DISTINCT source_file FROM messages WHERE source_file IS NOT NULL";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            let used: HashSet<i64> = rows.collect::<rusqlite::Result<_>>()?;
            for file in files.iter().filter(|file| !used.contains(file)) {
                connection.execute("DELETE FROM import_cursors WHERE id = ?1", [file])?;
            }
            Ok(())
        })
    }
}

/// Returns the row of a file, inserted if new. Provenance of messages points to it.
pub(super) fn upsert_cursor_row(connection: &Connection, source: &str, path: &str, now: Timestamp) -> Result<i64> {
    let known = connection
        .prepare_cached("SELECT id FROM import_cursors WHERE source = ?1 AND path = ?2")
        .and_then(|mut statement| statement.query_row([source, path], |row| row.get(0)).optional())?;
    if let Some(id) = known {
        return Ok(id);
    }
    let sql = "INSERT INTO import_cursors (source, path, size, modified, offset, line, head, imported_at)
               VALUES (?1, ?2, 0, 0, 0, 0, x'', ?3)";
    Ok(connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.insert(params![source, path, now.to_milliseconds()]))?)
}

pub(super) fn save_cursor(connection: &Connection, cursor: &ImportCursor, now: Timestamp) -> Result<()> {
    let sql =
        "INSERT INTO import_cursors (source, path, size, modified, offset, line, head, imported_at, reader, ledger)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
               ON CONFLICT (source, path) DO UPDATE SET size = ?3, modified = ?4, offset = ?5, line = ?6, head = ?7,
                 imported_at = ?8, reader = ?9, ledger = ?10";
    let values = params![
        cursor.source,
        cursor.path,
        cursor.size,
        cursor.modified,
        cursor.offset,
        cursor.line,
        cursor.head.0,
        now.to_milliseconds(),
        cursor.reader,
        ledger_to_json(&cursor.ledger)
    ];
    Ok(connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map(drop)?)
}

/// Serializes a ledger as it is stored.
fn ledger_to_json(ledger: &Ledger) -> String {
    serde_json::json!({
        "messages": ledger.messages,
        "own": ledger.own,
        "bookkeeping": ledger.bookkeeping,
        "not_understood": ledger.not_understood,
        "damaged": ledger.damaged,
    })
    .to_string()
}

/// Parses a stored ledger. What an older version did not count is 0.
fn ledger_from_json(json: &str) -> Ledger {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let count = |name: &str| value.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let kinds = |name: &str| {
        let kinds = value.get(name).and_then(serde_json::Value::as_object).into_iter().flatten();
        kinds.filter_map(|(kind, count)| Some((kind.clone(), count.as_u64()?))).collect()
    };
    Ledger {
        messages: count("messages"),
        own: count("own"),
        bookkeeping: kinds("bookkeeping"),
        not_understood: kinds("not_understood"),
        damaged: count("damaged"),
    }
}

impl Snapshot<'_> {
    /// Returns the record counts of all files read, summed by source.
    pub fn import_ledgers(&self) -> Result<Vec<(String, Ledger)>> {
        self.query("read the import ledgers", |connection| {
            let sql = "SELECT source, ledger FROM import_cursors ORDER BY source";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut found: Vec<(String, Ledger)> = Vec::new();
            while let Some(row) = rows.next()? {
                let (source, ledger): (String, String) = (row.get(0)?, row.get(1)?);
                if found.last().is_none_or(|(last, _)| *last != source) {
                    found.push((source, Ledger::default()));
                }
                if let Some((_, sum)) = found.last_mut() {
                    sum.add_counts(&ledger_from_json(&ledger));
                }
            }
            Ok(found)
        })
    }
}
