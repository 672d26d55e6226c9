//! How far each transcript was read.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::error::{Error, Result};
use crate::domain::{ContentHash, Ledger, Timestamp};

/// The state of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The source that reads it.
    pub source: &'static str,
    /// The file.
    pub path: String,
    /// Its size when it was last read to its end; 0 before.
    pub size: u64,
    /// Its modification time then, milliseconds since the epoch.
    pub modified: i64,
    /// Bytes read.
    pub offset: u64,
    /// Lines read.
    pub line: u64,
    /// Hash of its first bytes.
    pub head: ContentHash,
    /// Version of the reader.
    pub reader: u32,
    /// What became of its records.
    pub ledger: Ledger,
    /// Whether it is read again because an older reader read it. Not stored.
    pub reread: bool,
}

impl Store {
    /// All cursors of a source, by path.
    ///
    /// # Errors
    /// When reading fails.
    pub fn cursors(&self, source: &'static str) -> Result<std::collections::HashMap<String, Cursor>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the import cursors", error);
            let sql =
                "SELECT path, size, modified, offset, line, head, reader, ledger FROM import_cursors WHERE source = ?1";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([source], |row| {
                let path: String = row.get(0)?;
                Ok((
                    path.clone(),
                    Cursor {
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
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

/// The row of a file, made if it is new. Provenance of messages points to it.
pub(super) fn row(connection: &Connection, source: &str, path: &str, now: Timestamp) -> Result<i64> {
    let failed = |error| Error::sqlite("find an import cursor", error);
    let known = connection
        .prepare_cached("SELECT id FROM import_cursors WHERE source = ?1 AND path = ?2")
        .and_then(|mut statement| statement.query_row([source, path], |row| row.get(0)).optional())
        .map_err(failed)?;
    if let Some(id) = known {
        return Ok(id);
    }
    let sql = "INSERT INTO import_cursors (source, path, size, modified, offset, line, head, imported_at)
               VALUES (?1, ?2, 0, 0, 0, 0, x'', ?3)";
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.insert(params![source, path, now.milliseconds()]))
        .map_err(failed)
}

pub(super) fn advance(connection: &Connection, cursor: &Cursor, now: Timestamp) -> Result<()> {
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
        now.milliseconds(),
        cursor.reader,
        ledger_to_json(&cursor.ledger)
    ];
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map(drop)
        .map_err(|error| Error::sqlite("advance an import cursor", error))
}

/// A ledger as it is stored.
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

/// A stored ledger; what an older version did not count is 0.
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

impl Store {
    /// What became of the records of all files that were read, by source.
    ///
    /// # Errors
    /// When reading fails.
    pub fn ledgers(&self) -> Result<Vec<(String, Ledger)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read what imports account for", error);
            let sql = "SELECT source, ledger FROM import_cursors ORDER BY source";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let mut rows = statement.query([]).map_err(failed)?;
            let mut found: Vec<(String, Ledger)> = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let (source, ledger): (String, String) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
                if found.last().is_none_or(|(last, _)| *last != source) {
                    found.push((source, Ledger::default()));
                }
                if let Some((_, sum)) = found.last_mut() {
                    sum.merge(&ledger_from_json(&ledger));
                }
            }
            Ok(found)
        })
    }
}
