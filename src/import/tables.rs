//! Reads the database of another program, row by row. Owns opening it without changing anything, and reporting
//! unreadable rows; the importer of the program interprets the rows.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value};

use crate::disk::{self, ForeignFile};
use crate::domain::limits;
use crate::import::{BadRecord, Item, Position, ReadEnd, ReadOptions, RecordStream, TranscriptFile};

/// Time to wait for a tool that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Files that SQLite opens beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Time after which a statement learns of a signal.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// A query of the database. It is left out if its table is missing (older versions).
#[derive(Debug, Clone, Copy)]
pub(super) struct TableQuery {
    /// Name of the rows, for reports.
    pub(super) name: &'static str,
    /// Query for whole rows, oldest first. Columns that a version does not have are simply missing.
    pub(super) sql: &'static str,
}

impl TableQuery {
    /// Returns true if the query reads none of these tables.
    fn names_none_of(&self, tables: &HashSet<String>) -> bool {
        let mut words = self.sql.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        !words.any(|word| tables.contains(&word.to_lowercase()))
    }
}

/// Converts the rows of one tool to items.
pub(super) trait RowConverter: Send {
    /// Returns the queries in the order in which they must be read.
    fn table_queries(&self) -> &'static [TableQuery];

    /// Converts a row to items. The error is the reason it was skipped. `number` counts the rows of its table from 1.
    fn convert_row(&mut self, table: &str, row: &Value, number: u64) -> Result<Vec<Item>, String>;
}

/// Opens the database of a tool.
pub(super) fn open(
    transcript: &TranscriptFile,
    options: ReadOptions,
    client: impl RowConverter + 'static,
) -> io::Result<Box<dyn RecordStream>> {
    Ok(Box::new(TableReader::open(transcript, options.longest, client)?))
}

/// Reader of one database.
struct TableReader<C> {
    connection: Connection,
    path: PathBuf,
    bytes: u64,
    longest: usize,
    client: C,
}

impl<C: RowConverter> TableReader<C> {
    /// Opens the database for reading. What others write meanwhile is left for the next import.
    fn open(transcript: &TranscriptFile, longest: usize, client: C) -> io::Result<Self> {
        let path = transcript.path.clone();
        check_files(&path)?;
        let connection = open_connection(&path).map_err(|error| io::Error::other(explain_error(&error)))?;
        // A hostile column could be computed: a value larger than this is an error of its row.
        let most = i32::try_from(limits::ROW_BYTES.max(longest)).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, most).map_err(io::Error::other)?;
        Ok(Self { connection, path, bytes: transcript.size, longest, client })
    }
}

/// Checks that a database and what SQLite opens beside it are regular files: opening a FIFO would block.
fn check_files(path: &Path) -> io::Result<()> {
    drop(ForeignFile::open(path)?);
    for suffix in COMPANIONS {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        if Path::new(&beside).symlink_metadata().is_ok() {
            let why = |error| io::Error::other(format!("{}: {error}", Path::new(&beside).display()));
            drop(ForeignFile::open_unlinked(Path::new(&beside)).map_err(why)?);
        }
    }
    Ok(())
}

/// Interrupts the statements of a connection once the process is asked to end.
struct StatementInterrupter {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StatementInterrupter {
    fn start(connection: &Connection) -> Self {
        let (handle, (done, ended)) = (connection.get_interrupt_handle(), channel());
        let watch = move || {
            while ended.recv_timeout(SIGNAL_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if disk::foreign_reads_stopped() {
                    handle.interrupt();
                }
            }
        };
        Self { done: Some(done), thread: Some(std::thread::spawn(watch)) }
    }
}

impl Drop for StatementInterrupter {
    fn drop(&mut self) {
        drop(self.done.take());
        // The thread only waits; it has nothing to report.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the house way is for the memory itself; this is the file of another program"
)]
fn open_connection(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if is_closed_wal(path) {
        // Takes no lock and creates no file next to the database.
        let uri = format!("file:{}?immutable=1", escape_uri_path(path));
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Nothing in a foreign file is executed, and a damaged page is an error.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Lists the table names of a database; empty if it cannot be read.
pub(super) fn table_names(path: &Path) -> Vec<String> {
    let read = |connection: Connection| -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    check_files(path).ok().and_then(|()| open_connection(path).and_then(read).ok()).unwrap_or_default()
}

/// Returns true for a WAL-mode database without a `-wal` file. Then no program has it open.
fn is_closed_wal(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = ForeignFile::open(path).and_then(|mut file| file.read_exact(&mut header));
    // Byte 18 of the header, "file format write version": 2 is WAL (sqlite.org/fileformat.html, 1.3).
    let [.., write_version, _] = header;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    read.is_ok() && write_version == 2 && !Path::new(&log).exists()
}

/// Escapes a file path for use in a URI.
fn escape_uri_path(path: &Path) -> String {
    let text = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    if cfg!(windows) { format!("/{}", text.replace('\\', "/")) } else { text }
}

/// Formats an error with what to do about it.
fn explain_error(error: &rusqlite::Error) -> String {
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

/// Converts a row to an object of numbers and texts. Blobs (vectors) become null.
fn row_to_object(row: &Row<'_>, longest: usize) -> Result<Value, String> {
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

impl<C: RowConverter> TableReader<C> {
    /// Lists the views and virtual tables. Reading one runs what its author wrote, for example a query without an end.
    fn computed_tables(&self) -> rusqlite::Result<HashSet<String>> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'";
        let mut statement = self.connection.prepare(sql)?;
        statement.query_map([], |row| row.get::<_, String>(0).map(|name| name.to_lowercase()))?.collect()
    }

    /// Counts the rows of a query; `None` if its table is missing.
    fn count_rows(&self, table: &TableQuery) -> Option<u64> {
        let sql = format!("SELECT count(*) FROM ({})", table.sql);
        match self.connection.query_row(&sql, [], |row| row.get(0)) {
            Ok(rows) => Some(rows),
            Err(error) if is_missing(&error) => None,
            // Reading the table reports the error.
            Err(_) => Some(0),
        }
    }
}

/// Returns true if a table or column of the query is missing.
fn is_missing(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqlInputError { .. }) || error.to_string().contains("no such")
}

/// Progress of reading. The rows of all tables stand for the bytes of the file.
struct RowProgress {
    position: Position,
    rows: u64,
    bytes: u64,
}

impl RowProgress {
    fn add_row(&mut self) {
        self.position.line += 1;
        self.position.offset = (self.bytes.saturating_mul(self.position.line) / self.rows.max(1)).min(self.bytes);
    }
}

impl<C: RowConverter> TableReader<C> {
    /// Reads one table and passes on its items. Returns `false` if no more are wanted.
    fn read_table(
        &mut self,
        table: TableQuery,
        way: &mut RowProgress,
        tell: &mut dyn FnMut(Item, Position) -> bool,
    ) -> io::Result<bool> {
        let Self { connection, path, longest, client, bytes: _ } = self;
        let bad = |line, why| vec![Item::Bad(BadRecord { path: path.clone(), line, why })];
        let failed = |error: rusqlite::Error| io::Error::other(explain_error(&error));
        let mut statement = connection.prepare(table.sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        for number in 1.. {
            let (items, goes_on) = match rows.next() {
                Ok(None) => break,
                Ok(Some(row)) => {
                    let items =
                        row_to_object(row, *longest).and_then(|row| client.convert_row(table.name, &row, number));
                    (items.unwrap_or_else(|why| bad(number, format!("row of {}: {why}", table.name))), true)
                }
                // The rest of this table cannot be read; the other tables can.
                Err(error) => {
                    (bad(number, format!("{} from this row on: {}", table.name, explain_error(&error))), false)
                }
            };
            way.add_row();
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

impl<C: RowConverter> RecordStream for TableReader<C> {
    fn for_each_item(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let _interrupter = StatementInterrupter::start(&self.connection);
        let computed = self.computed_tables().map_err(|error| io::Error::other(explain_error(&error)))?;
        let (queries, refused): (Vec<TableQuery>, Vec<TableQuery>) =
            self.client.table_queries().iter().partition(|query| query.names_none_of(&computed));
        for query in refused {
            let why = format!("{} is a view or a virtual table in this file, where the tool has a table", query.name);
            let bad = Item::Bad(BadRecord { path: self.path.clone(), line: 0, why });
            if !tell(bad, Position::default()) {
                return Ok(ReadEnd { position: Position::default(), complete: false });
            }
        }
        let counted = queries.iter().filter_map(|table| Some((*table, self.count_rows(table)?)));
        let tables: Vec<(TableQuery, u64)> = counted.collect();
        let rows = tables.iter().map(|(_, rows)| rows).sum();
        let mut way = RowProgress { position: Position::default(), rows, bytes: self.bytes };
        if tables.is_empty() {
            let wanted: Vec<&str> = self.client.table_queries().iter().map(|table| table.name).collect();
            let why = format!("holds none of {}: not a database of this tool", wanted.join(", "));
            tell(Item::Bad(BadRecord { path: self.path.clone(), line: 0, why }), way.position);
        }
        for (table, _) in tables {
            if !self.read_table(table, &mut way, tell)? {
                break;
            }
        }
        Ok(ReadEnd::completed_at(way.position))
    }
}
