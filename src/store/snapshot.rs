//! Read transactions: everything that one request reads is from one snapshot.

use rusqlite::Connection;

use super::connection::{self, AccessMode};
use super::error::Result;
use super::{Store, lock_readers};

/// Maximum number of idle readers kept open.
const MAX_IDLE_READERS: usize = 4;

/// Consistent view of the database. All its queries see the state at the first of them, whatever other connections and
/// processes commit meanwhile. While it lives the write-ahead log cannot be restarted: keep one for a request or a
/// page, not for a long run.
#[derive(Debug)]
pub struct Snapshot<'store> {
    store: &'store Store,
    /// Connection in a read transaction; `None` only while it is dropped.
    connection: Option<Connection>,
}

impl Store {
    /// Begins a read transaction on an idle connection, or on a new one.
    pub fn snapshot(&self) -> Result<Snapshot<'_>> {
        let idle = lock_readers(&self.readers).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connection::open(&self.path, if self.frozen { AccessMode::Frozen } else { AccessMode::Read })?,
        };
        reader.execute_batch("BEGIN")?;
        Ok(Snapshot { store: self, connection: Some(reader) })
    }

    /// Returns a reader to the pool of idle ones, or closes it if the pool is full.
    pub(super) fn recycle_reader(&self, reader: Connection) {
        let mut readers = lock_readers(&self.readers);
        if readers.len() < MAX_IDLE_READERS {
            readers.push(reader);
        }
    }
}

impl Snapshot<'_> {
    /// Returns the store of this snapshot.
    pub(super) const fn store(&self) -> &Store {
        self.store
    }

    /// Runs queries. `operation` completes "cannot …" in the error of a query that fails.
    pub(super) fn query<T>(&self, operation: &'static str, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match &self.connection {
            Some(connection) => read(connection).map_err(|error| error.with_operation(operation)),
            None => Err(super::error::Error::Closed),
        }
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written; ending the transaction cannot lose anything. A connection that cannot end it is closed.
        if let Some(reader) = self.connection.take()
            && reader.execute_batch("ROLLBACK").is_ok()
        {
            self.store.recycle_reader(reader);
        }
    }
}
