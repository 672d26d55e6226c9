//! Opening one connection the house way. The only place that opens SQLite.

use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OpenFlags};

use super::error::{Error, Result};
use super::frames::Unpacker;
use super::pages;

/// "ClMm": tells our file from other SQLite databases.
pub(super) const APPLICATION_ID: i64 = 0x436c_4d6d;
/// The WAL-reset race that corrupts databases with several writers was fixed in 3.51.3.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How often, and after which pause, opening is tried again while another process is at the same point.
const OPEN_ATTEMPTS: u32 = 200;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// The one writer of a process.
    Write {
        /// `synchronous=FULL`, else NORMAL.
        full: bool,
    },
    /// Reads only, but may need to create the shared-memory file.
    Read,
    /// The folder cannot be written at all and no other process is writing.
    Frozen,
    /// It is made just now, and nobody else knows of it.
    Copy,
}

pub(super) fn open(path: &Path, access: Access) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::OldSqlite(rusqlite::version().to_owned()));
    }
    let failed = |source| Error::sqlite("open the database", source);
    let mut connection = open_file(path, access).map_err(failed)?;
    // Turning the write-ahead log on does not wait for another process that does the same, or that closes the last
    // connection at this moment; everything else in here waits by itself.
    let mut attempt = 1;
    while let Err(error) = configure(&mut connection, access) {
        if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) || attempt == OPEN_ATTEMPTS {
            return Err(failed(error));
        }
        attempt += 1;
        #[expect(
            clippy::disallowed_methods,
            reason = "there is nothing to wait on: SQLite does not say when the other is done"
        )]
        std::thread::sleep(OPEN_PAUSE);
    }
    register(&connection)?;
    Ok(connection)
}

/// An empty file that becomes a copy of a database. It is not synced: who copies does that at the end.
pub(super) fn open_copy(path: &Path) -> Result<Connection> {
    let failed = |source| Error::sqlite("open the copy", source);
    let connection = open_file(path, Access::Copy).map_err(failed)?;
    pages::reserve(&connection).map_err(failed)?;
    for (name, value) in [("synchronous", "off"), ("journal_mode", "off")] {
        connection.pragma_update(None, name, value).map_err(failed)?;
    }
    Ok(connection)
}

#[expect(clippy::disallowed_methods, reason = "the one place that opens connections")]
fn open_file(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    stop_counting_memory();
    let layer = pages::page_checksums()
        .map_err(|code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None))?;
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let named = |parameter: &str| {
        let escaped = path.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        format!("file:{escaped}?{parameter}=1")
    };
    let flags = flags | OpenFlags::SQLITE_OPEN_URI;
    match access {
        Access::Frozen => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY;
            return Connection::open_with_flags_and_vfs(named("immutable"), flags, layer);
        }
        Access::Copy => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            return Connection::open_with_flags_and_vfs(named(&pages::COPY.to_string_lossy()), flags, layer);
        }
        Access::Read | Access::Write { .. } => {}
    }
    let flags = flags - OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags_and_vfs(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE, layer)
}

/// SQLite otherwise counts every allocation under one lock, which costs a writer a fifth of its time.
fn stop_counting_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "a call into SQLite that rusqlite does not wrap")]
        // SAFETY: the option takes one int, and no connection has been opened yet: all are opened in this file.
        let refused = unsafe { rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0_i32) };
        // It is only slower when another part of the program was first.
        tracing::trace!(refused, "counting of memory switched off");
    });
}

/// The version of the SQLite that is inside.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Waits for a lock that another process holds: ten seconds in all, as SQLite's own waiting, and counted.
fn wait_for_others(attempt: i32) -> bool {
    const MOST: i32 = 220;
    BUSY_WAITS.fetch_add(1, Ordering::Relaxed);
    let pause = u64::try_from(attempt).unwrap_or(0).clamp(1, 50);
    // A wake-up that came early only makes one look more.
    std::thread::park_timeout(Duration::from_millis(pause));
    attempt < MOST
}

static BUSY_WAITS: AtomicU64 = AtomicU64::new(0);

/// How often this process waited for a lock since this was asked last.
pub fn take_busy_waits() -> u64 {
    BUSY_WAITS.swap(0, Ordering::Relaxed)
}

fn configure(connection: &mut Connection, access: Access) -> rusqlite::Result<()> {
    connection.busy_handler(Some(wait_for_others))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    match access {
        Access::Write { full } => {
            // Otherwise a statement is compiled again whenever a bound value might change its plan: a fifth of an import.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            pages::reserve(connection)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", if full { "full" } else { "normal" })?;
            connection.pragma_update(None, "secure_delete", true)?;
            connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
            connection.pragma_update(None, "wal_autocheckpoint", 1000)?;
            connection.pragma_update(None, "cache_size", -16_384)
        }
        Access::Read | Access::Frozen | Access::Copy => {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -8_192)
        }
    }
}

/// `body_text(frame, bytes)` reads a stored text.
fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let unpacker =
        Unpacker::new().map_err(|error| Error::io("prepare decompression for", Path::new("the store"), error))?;
    let unpacker = std::panic::AssertUnwindSafe(unpacker);
    let body_text = move |context: &Context<'_>| {
        let (unpacker, frame) = (&unpacker, context.get_raw(0));
        let frame = frame.as_blob().map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        unpacker.unpack(frame, context.get(1)?).map_err(|why| rusqlite::Error::UserFunctionError(why.into()))
    };
    connection
        .create_scalar_function("body_text", 2, flags, body_text)
        .map_err(|source| Error::sqlite("register the SQL functions", source))
}
