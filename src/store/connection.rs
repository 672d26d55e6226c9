//! Connection setup, with the same settings everywhere. The only place that opens SQLite.

use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OpenFlags};

use super::error::{Error, Result};
use super::frames::TextDecompressor;
use super::pages;

/// Oldest SQLite accepted. The WAL-reset race that corrupts databases with several writers was fixed in 3.51.3.
const MIN_SQLITE_VERSION: i32 = 3_051_003;

/// Attempts to open, and the pause between them, while another process is opening or closing too.
const OPEN_ATTEMPTS: u32 = 200;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Access mode of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccessMode {
    /// Read and write: the one writer of a process.
    Write {
        /// `synchronous=FULL`, else NORMAL.
        full: bool,
    },
    /// Reads only, but may need to create the shared-memory file.
    Read,
    /// Read-only and immutable: the folder cannot be written and no other process is writing.
    Frozen,
    /// A new file that no other process knows of yet.
    Copy,
}

pub(super) fn open(path: &Path, access: AccessMode) -> Result<Connection> {
    if rusqlite::version_number() < MIN_SQLITE_VERSION {
        return Err(Error::OldSqlite(rusqlite::version().to_owned()));
    }
    let mut connection = open_file(path, access).map_err(|error| Error::from_sqlite("open the database", error))?;
    // Turning the write-ahead log on does not wait for another process that does the same, or that closes the last
    // connection at this moment; all other statements wait by themselves.
    let mut attempt = 1;
    while let Err(error) = configure_connection(&mut connection, access) {
        if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) || attempt == OPEN_ATTEMPTS {
            return Err(Error::from_sqlite("open the database", error));
        }
        attempt += 1;
        #[expect(
            clippy::disallowed_methods,
            reason = "there is nothing to wait on: SQLite does not say when the other is done"
        )]
        std::thread::sleep(OPEN_PAUSE);
    }
    register_functions(&connection)?;
    Ok(connection)
}

/// Opens an empty database in memory, to compute what a schema should be.
pub(super) fn open_in_memory() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    register_functions(&connection)?;
    Ok(connection)
}

/// Opens an empty file as the destination of a copy. It is not synced: the caller does that at the end.
pub(super) fn open_copy(path: &Path) -> Result<Connection> {
    let connection = open_file(path, AccessMode::Copy)?;
    pages::reserve_page_bytes(&connection)?;
    for (name, value) in [("synchronous", "off"), ("journal_mode", "off")] {
        connection.pragma_update(None, name, value)?;
    }
    Ok(connection)
}

#[expect(clippy::disallowed_methods, reason = "the one place that opens connections")]
fn open_file(path: &Path, access: AccessMode) -> rusqlite::Result<Connection> {
    disable_memory_stats();
    let layer = pages::checksum_vfs_name()
        .map_err(|code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None))?;
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let named = |parameter: &str| {
        let escaped = path.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        format!("file:{escaped}?{parameter}=1")
    };
    let flags = flags | OpenFlags::SQLITE_OPEN_URI;
    match access {
        AccessMode::Frozen => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY;
            return Connection::open_with_flags_and_vfs(named("immutable"), flags, layer);
        }
        AccessMode::Copy => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            return Connection::open_with_flags_and_vfs(named(&pages::COPY_PARAMETER.to_string_lossy()), flags, layer);
        }
        AccessMode::Read | AccessMode::Write { .. } => {}
    }
    let flags = flags - OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags_and_vfs(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE, layer)
}

/// Turns SQLite's memory statistics off. It otherwise counts every allocation under one lock, which costs a writer a
/// fifth of its time.
fn disable_memory_stats() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "a call into SQLite that rusqlite does not wrap")]
        // SAFETY: the option takes one int, and no connection has been opened yet: all are opened in this file.
        let refused = unsafe { rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0_i32) };
        // Refused if SQLite was initialised before; the only cost is speed.
        tracing::trace!(refused, "SQLite memory statistics turned off");
    });
}

/// Returns the version of the linked SQLite.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Busy handler: waits for a lock of another process, five seconds in all. Counts the waits.
fn handle_busy(attempt: i32) -> bool {
    const MAX_ATTEMPTS: i32 = 125;
    BUSY_WAITS.fetch_add(1, Ordering::Relaxed);
    let pause = u64::try_from(attempt).unwrap_or(0).clamp(1, 50);
    // An early wake-up only costs one more attempt.
    std::thread::park_timeout(Duration::from_millis(pause));
    attempt < MAX_ATTEMPTS
}

static BUSY_WAITS: AtomicU64 = AtomicU64::new(0);

/// Returns how often this process waited for a lock since the last call, and resets the count.
pub fn take_busy_waits() -> u64 {
    BUSY_WAITS.swap(0, Ordering::Relaxed)
}

fn configure_connection(connection: &mut Connection, access: AccessMode) -> rusqlite::Result<()> {
    connection.busy_handler(Some(handle_busy))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    match access {
        AccessMode::Write { full } => {
            // Otherwise a statement is compiled again whenever a bound value might change its plan: a fifth of an import.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            pages::reserve_page_bytes(connection)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", if full { "full" } else { "normal" })?;
            connection.pragma_update(None, "secure_delete", true)?;
            connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
            connection.pragma_update(None, "wal_autocheckpoint", 1000)?;
            connection.pragma_update(None, "cache_size", -16_384)
        }
        AccessMode::Read | AccessMode::Frozen | AccessMode::Copy => {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -8_192)
        }
    }
}

/// Registers the SQL function `body_text(frame, bytes)`, which decompresses a stored text.
fn register_functions(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let unpacker = TextDecompressor::new()
        .map_err(|error| Error::from_io("prepare decompression for", Path::new("the store"), error))?;
    let unpacker = std::panic::AssertUnwindSafe(unpacker);
    let body_text = move |context: &Context<'_>| {
        let (unpacker, frame) = (&unpacker, context.get_raw(0));
        let frame = frame.as_blob().map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        unpacker.decompress_text(frame, context.get(1)?).map_err(|why| rusqlite::Error::UserFunctionError(why.into()))
    };
    Ok(connection.create_scalar_function("body_text", 2, flags, body_text)?)
}
