//! Embedding models besides the one in use: listing them, embedding for them without touching the queue, removing one.

use rusqlite::params;

use super::embeddings::{PendingPart, StoredModel, missing_embedding_sql, parse_pending_part, upsert_model};
use super::error::Result;
use super::{Snapshot, Store};

/// Rows deleted in one transaction, so that other writes do not wait long.
const DELETE_BATCH: usize = 5_000;

impl Snapshot<'_> {
    /// Returns all known models with the number of embeddings of each.
    pub fn list_models(&self) -> Result<Vec<(StoredModel, u64)>> {
        self.query("list the models", |connection| {
            let sql = "SELECT m.digest, m.name, m.dimensions, count(e.id) FROM models m
                       LEFT JOIN embeddings e ON e.model_id = m.id GROUP BY m.id ORDER BY m.id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let model = StoredModel { digest: row.get(0)?, name: row.get(1)?, dimensions: row.get(2)? };
                Ok((model, row.get(3)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the next parts below the row `before`, newest first, that lack an embedding of a model.
    pub fn parts_without_embedding(&self, model: i64, before: i64, limit: usize) -> Result<Vec<PendingPart>> {
        self.query("look for texts without embeddings", |connection| {
            let sql = format!(
                "SELECT p.id, body_text(p.body, p.body_bytes) FROM parts p WHERE p.id < ?2
                   AND EXISTS (SELECT 1 FROM passages a WHERE a.part_id = p.id AND {})
                 ORDER BY p.id DESC LIMIT ?3",
                missing_embedding_sql()
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![model, before, limit], |row| parse_pending_part(connection, row))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Counts the parts that lack an embedding of a model.
    pub fn count_without_embedding(&self, model: i64) -> Result<u64> {
        self.query("count the texts without embeddings", |connection| {
            let sql = format!(
                "SELECT count(*) FROM parts p WHERE EXISTS (SELECT 1 FROM passages a WHERE a.part_id = p.id AND {})",
                missing_embedding_sql()
            );
            Ok(connection.query_row(&sql, [model], |row| row.get(0))?)
        })
    }
}

impl Store {
    /// Registers a model and returns its row. Queues nothing.
    pub fn register_model(&self, model: StoredModel) -> Result<i64> {
        self.write("register a model", move |connection| upsert_model(connection, &model))
    }

    /// Deletes a model and its embeddings in several transactions. Returns how many embeddings there were. If it is
    /// interrupted, some are already deleted.
    pub fn remove_model(&self, model: i64) -> Result<u64> {
        let mut gone = 0;
        loop {
            let removed = self.write("remove a model", move |connection| {
                let sql = "DELETE FROM embeddings WHERE id IN (SELECT id FROM embeddings WHERE model_id = ?1 LIMIT ?2)";
                let removed = connection.execute(sql, params![model, DELETE_BATCH]);
                let removed = removed?;
                if removed < DELETE_BATCH {
                    connection.execute("DELETE FROM models WHERE id = ?1", [model])?;
                }
                Ok(removed)
            })?;
            gone += removed as u64;
            if removed < DELETE_BATCH {
                return Ok(gone);
            }
        }
    }
}
