//! Models beside the one in use: what they have made, making the rest without touching the queue, taking one out.

use rusqlite::params;

use super::Store;
use super::embeddings::{Model, PendingPart, lacking, pending_part, register};
use super::error::{Error, Result};

/// Rows that go in one transaction, so that nobody waits long.
const BATCH: usize = 5_000;

impl Store {
    /// Registers a model and queues nothing; returns its row.
    ///
    /// # Errors
    /// When writing fails.
    pub fn register_model(&self, model: Model) -> Result<i64> {
        self.write(move |connection| register(connection, &model))
    }

    /// All models that ever made vectors here, with how many there are of each.
    ///
    /// # Errors
    /// When reading fails.
    pub fn models(&self) -> Result<Vec<(Model, u64)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the models", error);
            let sql = "SELECT m.digest, m.name, m.dimensions, count(e.id) FROM models m
                       LEFT JOIN embeddings e ON e.model_id = m.id GROUP BY m.id ORDER BY m.id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement
                .query_map([], |row| {
                    let model = Model { digest: row.get(0)?, name: row.get(1)?, dimensions: row.get(2)? };
                    Ok((model, row.get(3)?))
                })
                .map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// The next parts below the row `before`, newest first, that lack a vector of a model.
    ///
    /// # Errors
    /// When reading fails.
    pub fn parts_without(&self, model: i64, before: i64, limit: usize) -> Result<Vec<PendingPart>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("look for texts without a vector", error);
            let sql = format!(
                "SELECT p.id, body_text(p.body, p.body_bytes) FROM parts p WHERE p.id < ?2
                   AND EXISTS (SELECT 1 FROM passages a WHERE a.part_id = p.id AND {})
                 ORDER BY p.id DESC LIMIT ?3",
                lacking()
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement
                .query_map(params![model, before, limit], |row| pending_part(connection, row))
                .map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// How many parts lack a vector of a model.
    ///
    /// # Errors
    /// When reading fails.
    pub fn count_without(&self, model: i64) -> Result<u64> {
        self.read(|connection| {
            let sql = format!(
                "SELECT count(*) FROM parts p WHERE EXISTS (SELECT 1 FROM passages a WHERE a.part_id = p.id AND {})",
                lacking()
            );
            connection
                .query_row(&sql, [model], |row| row.get(0))
                .map_err(|error| Error::sqlite("count the texts without a vector", error))
        })
    }

    /// Takes a model and its vectors out; returns how many there were. Stopped in between, it has taken out some.
    ///
    /// # Errors
    /// When writing fails.
    pub fn remove_model(&self, model: i64) -> Result<u64> {
        let mut gone = 0;
        loop {
            let removed = self.write(move |connection| {
                let sql = "DELETE FROM embeddings WHERE id IN (SELECT id FROM embeddings WHERE model_id = ?1 LIMIT ?2)";
                let removed = connection.execute(sql, params![model, BATCH]);
                let removed = removed.map_err(|error| Error::sqlite("take vectors out", error))?;
                if removed < BATCH {
                    connection
                        .execute("DELETE FROM models WHERE id = ?1", [model])
                        .map_err(|error| Error::sqlite("take a model out", error))?;
                }
                Ok(removed)
            })?;
            gone += removed as u64;
            if removed < BATCH {
                return Ok(gone);
            }
        }
    }
}
