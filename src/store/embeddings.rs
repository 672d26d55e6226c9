//! Embeddings, their models, and the queue of parts not embedded yet.

use half::f16;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};

use super::error::Result;
use super::{Snapshot, Store};
use crate::domain::text::passages::MAX_EMBEDDED;
use crate::domain::{ContentHash, PartKind};

/// An embedding model known to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredModel {
    /// Digest of everything that affects an embedding.
    pub digest: String,
    /// Display name of the model.
    pub name: String,
    /// Length of an embedding.
    pub dimensions: usize,
}

/// A part that is not embedded yet, with its text and the passages to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPart {
    /// Row id in `parts`.
    pub part: i64,
    /// Text of the whole part.
    pub text: String,
    /// Row id and byte range of each passage to embed.
    pub passages: Vec<(i64, std::ops::Range<usize>)>,
}

/// An embedding to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVector {
    /// Row id in `passages`.
    pub passage: i64,
    /// Hash of the passage's text.
    pub text_hash: ContentHash,
    /// Embedding of unit length.
    pub vector: Vec<f32>,
}

/// A stored embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVector {
    /// Row id in `embeddings`.
    pub id: i64,
    /// Row id in `passages`.
    pub passage: i64,
    /// Embedding, widened from half floats.
    pub vector: Vec<f32>,
}

/// Condition for passages (`a`, of parts `p`) that should have an embedding of the model `?1` and have none.
/// Quarantined messages have no passages.
pub(super) fn missing_embedding_sql() -> String {
    let kinds = PartKind::ALL.iter().filter(|kind| kind.is_embedded()).map(|kind| kind.number().to_string());
    format!(
        "p.kind IN ({}) AND (a.purpose <> 0 OR a.ordinal < {MAX_EMBEDDED})
           AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.passage_id = a.id AND e.model_id = ?1)",
        kinds.collect::<Vec<_>>().join(", ")
    )
}

impl Snapshot<'_> {
    /// Returns the row of a known model.
    pub fn find_model(&self, digest: &str) -> Result<Option<i64>> {
        self.query("find a model", |connection| {
            Ok(connection
                .query_row("SELECT id FROM models WHERE digest = ?1", [digest], |row| row.get(0))
                .optional()?)
        })
    }

    /// Returns the next parts to embed, newest first. Parts that failed before come last, and not at all after three
    /// failures.
    pub fn pending_parts(&self, limit: usize) -> Result<Vec<PendingPart>> {
        self.query("read the embedding queue", |connection| {
            let sql = "SELECT p.id, body_text(p.body, p.body_bytes) FROM pending q JOIN parts p ON p.id = q.part_id
                       WHERE q.attempts < 3 ORDER BY q.attempts, q.at DESC LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([limit], |row| parse_pending_part(connection, row))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Counts the parts not embedded yet, without those that failed three times.
    pub fn pending_count(&self) -> Result<u64> {
        self.query("count the embedding queue", |connection| {
            Ok(connection.query_row("SELECT count(*) FROM pending WHERE attempts < 3", [], |row| row.get(0))?)
        })
    }

    /// Returns the embedding of a text that the model has embedded before.
    pub fn find_vector(&self, model: i64, text: ContentHash) -> Result<Option<Vec<f32>>> {
        self.query("find an embedding", |connection| {
            let blob: Option<Vec<u8>> = connection
                .prepare_cached("SELECT vector FROM embeddings WHERE text_hash = ?1 AND model_id = ?2 LIMIT 1")
                .and_then(|mut statement| statement.query_row(params![text.0, model], |row| row.get(0)).optional())?;
            Ok(blob.map(|blob| decode_half_floats(&blob)))
        })
    }

    /// Returns the embedding of a passage.
    pub fn vector_of_passage(&self, model: i64, passage: i64) -> Result<Option<Vec<f32>>> {
        self.query("read an embedding", |connection| {
            let blob: Option<Vec<u8>> = connection
                .prepare_cached("SELECT vector FROM embeddings WHERE passage_id = ?1 AND model_id = ?2")
                .and_then(|mut statement| statement.query_row(params![passage, model], |row| row.get(0)).optional())?;
            Ok(blob.map(|blob| decode_half_floats(&blob)))
        })
    }

    /// Calls `each` with the next `limit` embeddings of a model after the row `after`, in row order.
    pub fn each_vector(&self, model: i64, after: i64, limit: usize, mut each: impl FnMut(StoredVector)) -> Result<()> {
        self.query("read the embeddings", |connection| {
            let sql =
                "SELECT id, vector, passage_id FROM embeddings WHERE id > ?2 AND model_id = ?1 ORDER BY id LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![model, after, limit])?;
            while let Some(row) = rows.next()? {
                let blob = row.get_ref(1)?;
                let vector = decode_half_floats(blob.as_blob().unwrap_or(&[]));
                each(StoredVector { id: row.get(0)?, passage: row.get(2)?, vector });
            }
            Ok(())
        })
    }

    /// Returns the deletion counter, and whether a model has embeddings after a row.
    pub fn has_vectors_after(&self, model: i64, row: i64) -> Result<(i64, bool)> {
        self.query("look for new embeddings", |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM embeddings WHERE id > ?2 AND model_id = ?1)";
            let more = connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.query_row([model, row], |row| row.get(0)));
            Ok((super::doc_values::read_generation(connection)?, more?))
        })
    }

    /// Returns the last embedding of a model at or before the row `most`: its row and the hash of its text.
    pub fn last_vector(&self, model: i64, most: i64) -> Result<Option<(i64, ContentHash)>> {
        self.query("find the last embedding", |connection| {
            let sql = "SELECT id, text_hash FROM embeddings WHERE id <= ?2 AND model_id = ?1 ORDER BY id DESC LIMIT 1";
            Ok(connection
                .query_row(sql, [model, most], |row| Ok((row.get(0)?, ContentHash(row.get(1)?))))
                .optional()?)
        })
    }

    /// Returns the rows of the passages that a model has embedded, ascending.
    pub fn embedded_passage_ids(&self, model: i64) -> Result<Vec<u32>> {
        self.query("list the embeddings", |connection| {
            let sql = "SELECT passage_id FROM embeddings WHERE model_id = ?1 ORDER BY passage_id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([model], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Counts the embeddings of a model.
    pub fn vector_count(&self, model: i64) -> Result<u64> {
        self.query("count the embeddings", |connection| {
            Ok(connection
                .query_row("SELECT count(*) FROM embeddings WHERE model_id = ?1", [model], |row| row.get(0))?)
        })
    }
}

impl Store {
    /// Returns the row of a model and how many parts were queued for it. Registers a new model and queues every part
    /// without an embedding; a known model queues nothing.
    pub fn ensure_model(&self, model: StoredModel) -> Result<(i64, usize)> {
        if let Some(id) = self.snapshot()?.find_model(&model.digest)? {
            return Ok((id, 0));
        }
        self.queue_missing(model)
    }

    /// Registers a model and queues every part without an embedding of it. Returns the model's row and how many parts
    /// were queued.
    pub fn queue_missing(&self, model: StoredModel) -> Result<(i64, usize)> {
        self.write("queue texts without embeddings", move |connection| {
            let id = upsert_model(connection, &model)?;
            let sql = format!(
                "INSERT OR IGNORE INTO pending (part_id, at) SELECT DISTINCT p.id, m.at FROM passages a
                 JOIN parts p ON p.id = a.part_id JOIN messages m ON m.id = p.message_id WHERE {}",
                missing_embedding_sql()
            );
            let queued = connection.execute(&sql, [id])?;
            Ok((id, queued))
        })
    }

    /// Stores embeddings and removes their parts from the queue.
    ///
    /// # Errors
    /// When writing fails; the parts then stay queued.
    pub fn store_vectors(&self, model: i64, parts: Vec<i64>, vectors: Vec<NewVector>) -> Result<()> {
        self.write("store embeddings", move |connection| {
            // A part may have been deleted since; its embeddings must not come back.
            let sql = "INSERT OR REPLACE INTO embeddings (passage_id, model_id, text_hash, vector)
                       SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM passages WHERE id = ?1)";
            for new in &vectors {
                let values = params![new.passage, model, new.text_hash.0, encode_half_floats(&new.vector)];
                connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values))?;
            }
            for part in &parts {
                let sql = "DELETE FROM pending WHERE part_id = ?1";
                connection.prepare_cached(sql).and_then(|mut statement| statement.execute([part]))?;
            }
            Ok(())
        })
    }

    /// Records a failed attempt to embed a part.
    pub fn record_embedding_failure(&self, part: i64, why: String) -> Result<()> {
        self.write("record a failed embedding", move |connection| {
            Ok(connection
                .execute(
                    "UPDATE pending SET attempts = attempts + 1, failure = ?2 WHERE part_id = ?1",
                    params![part, why],
                )
                .map(drop)?)
        })
    }
}

/// Returns the row of a model, inserted if new. The name is updated.
pub(super) fn upsert_model(connection: &Connection, model: &StoredModel) -> Result<i64> {
    let sql = "INSERT INTO models (digest, name, dimensions) VALUES (?1, ?2, ?3)
               ON CONFLICT (digest) DO UPDATE SET name = excluded.name RETURNING id";
    Ok(connection.query_row(sql, params![model.digest, model.name, model.dimensions], |row| row.get(0))?)
}

/// Builds a [`PendingPart`] from a row of part id and text.
pub(super) fn parse_pending_part(connection: &Connection, row: &SqlRow<'_>) -> rusqlite::Result<PendingPart> {
    let part = row.get(0)?;
    Ok(PendingPart { part, text: row.get(1)?, passages: embedded_passages(connection, part)? })
}

fn embedded_passages(connection: &Connection, part: i64) -> rusqlite::Result<Vec<(i64, std::ops::Range<usize>)>> {
    let sql = "SELECT id, start_byte, end_byte FROM passages WHERE part_id = ?1 AND (purpose <> 0 OR ordinal < ?2) ORDER BY ordinal";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![part, MAX_EMBEDDED], |row| Ok((row.get(0)?, row.get::<_, usize>(1)?..row.get(2)?)))?;
    rows.collect()
}

/// Encodes a vector as it is stored: IEEE half floats, little endian.
pub fn encode_half_floats(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

/// Decodes a vector encoded by [`encode_half_floats`].
pub fn decode_half_floats(blob: &[u8]) -> Vec<f32> {
    blob.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
}
