//! Counters shared by all processes of a data folder. Owns the rows; the names belong to the callers.

use std::collections::BTreeMap;

use super::error::Result;
use super::{Snapshot, Store};

impl Snapshot<'_> {
    /// Returns all counters by name.
    pub fn read_counters(&self) -> Result<BTreeMap<String, i64>> {
        self.query("read the counters", |connection| {
            let mut statement = connection.prepare_cached("SELECT name, value FROM counters")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Store {
    /// Adds to counters in one transaction.
    ///
    /// # Errors
    /// When writing fails; nothing is then added.
    pub fn add_counters(&self, counters: Vec<(String, i64)>) -> Result<()> {
        self.write("add to the counters", move |connection| {
            let sql = "INSERT INTO counters (name, value) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";
            let mut statement = connection.prepare_cached(sql)?;
            for (name, more) in &counters {
                statement.execute((name, more))?;
            }
            Ok(())
        })
    }
}
