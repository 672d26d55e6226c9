//! Counters that all processes of a folder share. Owns the rows; names are their owners' business.

use std::collections::BTreeMap;

use super::Store;
use super::error::{Error, Result};

impl Store {
    /// Adds to counters, in one transaction.
    ///
    /// # Errors
    /// When writing fails; nothing is then added.
    pub fn add_counters(&self, counters: Vec<(String, i64)>) -> Result<()> {
        self.write(move |connection| {
            let failed = |error| Error::sqlite("add to the counters", error);
            let sql = "INSERT INTO counters (name, value) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            for (name, more) in &counters {
                statement.execute((name, more)).map_err(failed)?;
            }
            Ok(())
        })
    }

    /// All counters.
    ///
    /// # Errors
    /// When reading fails.
    pub fn counters(&self) -> Result<BTreeMap<String, i64>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the counters", error);
            let mut statement = connection.prepare_cached("SELECT name, value FROM counters").map_err(failed)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}
