//! The database of another tool, row by row. Owns opening it so that nothing in it changes, and rows that cannot be read; what a row means
//! belongs to the tool.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value};

use crate::import::{BadLine, End, Item, Position, Records, Transcript};

/// How long a tool that is writing is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A question to the database; where its table is missing (older versions) it is left out.
#[derive(Debug, Clone, Copy)]
pub(in crate::import) struct Table {
    /// What its rows are, for reports.
    pub(super) name: &'static str,
    /// Whole rows, oldest first; columns that a version does not have are simply not there.
    pub(super) sql: &'static str,
}

/// What makes items of the rows of one tool.
pub(in crate::import) trait Peer: Send {
    /// In the order in which they are needed.
    fn tables(&self) -> &'static [Table];

    /// What a row holds, or why it cannot be read. `number` counts the rows of its table from 1.
    fn row(&mut self, table: &str, row: &Value, number: u64) -> Result<Vec<Item>, String>;
}

/// A database that is being read.
pub(in crate::import) struct Tables<P> {
    connection: Connection,
    path: PathBuf,
    bytes: u64,
    longest: usize,
    peer: P,
}

impl<P: Peer> Tables<P> {
    /// Opens it for reading. What others write meanwhile is for the next time.
    pub(in crate::import) fn open(transcript: &Transcript, longest: usize, peer: P) -> io::Result<Self> {
        let path = transcript.path.clone();
        let connection = open(&path).map_err(|error| io::Error::other(why(&error)))?;
        Ok(Self { connection, path, bytes: transcript.size, longest, peer })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the house way is for the memory itself; this is the file of another program"
)]
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if is_at_rest(path) {
        // Not even a lock is taken, and no file appears beside it.
        let uri = format!("file:{}?immutable=1", escaped(path));
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    connection.busy_timeout(PATIENCE)?;
    // What stands in a file from elsewhere runs nothing here, and a damaged page is an error.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Names of the tables of a database; none where it cannot be read.
pub(in crate::import) fn table_names(path: &Path) -> Vec<String> {
    let read = |connection: Connection| -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    open(path).and_then(read).unwrap_or_default()
}

/// Whether a database that has a write-ahead log when somebody has it open has none now.
fn is_at_rest(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    // Byte 18 of the header, "file format write version": 2 is WAL (sqlite.org/fileformat.html, 1.3).
    let [.., write_version, _] = header;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    read.is_ok() && write_version == 2 && !Path::new(&log).exists()
}

/// A path as the path of a URI.
fn escaped(path: &Path) -> String {
    let text = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    if cfg!(windows) { format!("/{}", text.replace('\\', "/")) } else { text }
}

/// The error and what to do about it.
fn why(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseCorrupt, NotADatabase};
    let advice = match error.sqlite_error_code() {
        Some(NotADatabase) => "name the tool's database",
        Some(DatabaseBusy) => "the tool is writing; stop it and run this again",
        Some(CannotOpen) => "copy it with its -wal file to a folder that can be written, and name the copy",
        Some(DatabaseCorrupt) => "it is damaged; `sqlite3 FILE .recover` saves what can be saved",
        _ => return error.to_string(),
    };
    format!("{error}; {advice}")
}

/// A row as an object: numbers and texts; other bytes (vectors) are null.
fn object(row: &Row<'_>, longest: usize) -> Result<Value, String> {
    let mut fields = Map::new();
    let mut length = 0;
    for (place, name) in row.as_ref().column_names().enumerate() {
        let value = match row.get_ref(place).map_err(|error| error.to_string())? {
            ValueRef::Integer(number) => Value::from(number),
            ValueRef::Real(number) => Value::from(number),
            ValueRef::Text(text) => {
                length += text.len();
                if length > longest {
                    return Err(format!("row of {} MiB is over the limit; see --max-line-mib", length >> 20));
                }
                // Bytes that are not UTF-8 become U+FFFD: the rest of the text is sound.
                Value::from(String::from_utf8_lossy(text))
            }
            ValueRef::Null | ValueRef::Blob(_) => Value::Null,
        };
        fields.insert(name.to_owned(), value);
    }
    Ok(Value::Object(fields))
}

impl<P: Peer> Tables<P> {
    /// Rows of each question; `None` where its table is missing.
    fn count(&self, table: &Table) -> Option<u64> {
        let sql = format!("SELECT count(*) FROM ({})", table.sql);
        match self.connection.query_row(&sql, [], |row| row.get(0)) {
            Ok(rows) => Some(rows),
            Err(error) if is_missing(&error) => None,
            // Reading it will tell.
            Err(_) => Some(0),
        }
    }
}

/// Whether the table, or a column that the question is about, is missing.
fn is_missing(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqlInputError { .. }) || error.to_string().contains("no such")
}

/// How far reading is, for progress: rows of all tables stand for the bytes of the file.
struct Way {
    position: Position,
    rows: u64,
    bytes: u64,
}

impl Way {
    fn step(&mut self) {
        self.position.line += 1;
        self.position.offset = (self.bytes.saturating_mul(self.position.line) / self.rows.max(1)).min(self.bytes);
    }
}

impl<P: Peer> Tables<P> {
    /// Tells what one table holds; `false` when nobody wants more.
    fn table(&mut self, table: Table, way: &mut Way, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<bool> {
        let Self { connection, path, longest, peer, bytes: _ } = self;
        let bad = |line, why| vec![Item::Bad(BadLine { path: path.clone(), line, why })];
        let failed = |error: rusqlite::Error| io::Error::other(why(&error));
        let mut statement = connection.prepare(table.sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        for number in 1.. {
            let (items, goes_on) = match rows.next() {
                Ok(None) => break,
                Ok(Some(row)) => {
                    let items = object(row, *longest).and_then(|row| peer.row(table.name, &row, number));
                    (items.unwrap_or_else(|why| bad(number, format!("row of {}: {why}", table.name))), true)
                }
                // The rest of this table cannot be reached; the other tables can.
                Err(error) => (bad(number, format!("{} from this row on: {}", table.name, why(&error))), false),
            };
            way.step();
            if !items.into_iter().all(|item| tell(item, way.position)) {
                return Ok(false);
            }
            if !goes_on {
                break;
            }
        }
        Ok(true)
    }
}

impl<P: Peer> Records for Tables<P> {
    fn each(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End> {
        let counted = self.peer.tables().iter().filter_map(|table| Some((*table, self.count(table)?)));
        let tables: Vec<(Table, u64)> = counted.collect();
        let rows = tables.iter().map(|(_, rows)| rows).sum();
        let mut way = Way { position: Position::default(), rows, bytes: self.bytes };
        if tables.is_empty() {
            let wanted: Vec<&str> = self.peer.tables().iter().map(|table| table.name).collect();
            let why = format!("holds none of {}: it is the database of something else", wanted.join(", "));
            tell(Item::Bad(BadLine { path: self.path.clone(), line: 0, why }), way.position);
        }
        for (table, _) in tables {
            if !self.table(table, &mut way, tell)? {
                break;
            }
        }
        Ok(End::complete(way.position))
    }
}
