//! Vectors, the models that made them and the parts that still wait for theirs.

use half::f16;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};

use super::Store;
use super::error::{Error, Result};
use crate::domain::text::passages::MOST_EMBEDDED;
use crate::domain::{ContentHash, Kind};

/// A model whose vectors are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Digest of everything that shapes a vector.
    pub digest: String,
    /// For people.
    pub name: String,
    /// Length of a vector.
    pub dimensions: usize,
}

/// A part that waits for its vectors, with its text and the passages that get one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPart {
    /// Row of the part.
    pub part: i64,
    /// Its text.
    pub text: String,
    /// Row and byte range of each passage.
    pub passages: Vec<(i64, std::ops::Range<usize>)>,
}

/// One vector to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVector {
    /// Row of the passage.
    pub passage: i64,
    /// Hash of its text.
    pub text_hash: ContentHash,
    /// Unit length.
    pub vector: Vec<f32>,
}

/// One stored vector.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVector {
    /// Row of the embedding.
    pub id: i64,
    /// Row of the passage.
    pub passage: i64,
    /// The vector, widened from half floats.
    pub vector: Vec<f32>,
}

/// The passages (`a`, of parts `p`) that should have a vector of the model `?1` and have none. Quarantined messages have no
/// passages.
pub(super) fn lacking() -> String {
    let kinds = Kind::ALL.iter().filter(|kind| kind.is_embedded()).map(|kind| kind.number().to_string());
    format!(
        "p.kind IN ({}) AND (a.role <> 0 OR a.ordinal < {MOST_EMBEDDED})
           AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.passage_id = a.id AND e.model_id = ?1)",
        kinds.collect::<Vec<_>>().join(", ")
    )
}

impl Store {
    /// The row of a model, made if it is new. Parts that have no vector of this model are queued; returns the row and how
    /// many were queued.
    ///
    /// # Errors
    /// When writing fails.
    pub fn adopt_model(&self, model: Model) -> Result<(i64, usize)> {
        if let Some(id) = self.find_model(&model.digest)? {
            return Ok((id, 0));
        }
        self.queue_missing(model)
    }

    /// Registers a model and queues every text that it has no vector of; returns its row and how many were queued.
    ///
    /// # Errors
    /// When writing fails.
    pub fn queue_missing(&self, model: Model) -> Result<(i64, usize)> {
        self.write(move |connection| {
            let failed = |error| Error::sqlite("queue what has no vector", error);
            let id = register(connection, &model)?;
            let sql = format!(
                "INSERT OR IGNORE INTO pending (part_id, at) SELECT DISTINCT p.id, m.at FROM passages a
                 JOIN parts p ON p.id = a.part_id JOIN messages m ON m.id = p.message_id WHERE {}",
                lacking()
            );
            let queued = connection.execute(&sql, [id]).map_err(failed)?;
            Ok((id, queued))
        })
    }

    /// The row of a model that made vectors here before.
    ///
    /// # Errors
    /// When reading fails.
    pub fn find_model(&self, digest: &str) -> Result<Option<i64>> {
        self.read(|connection| {
            connection
                .query_row("SELECT id FROM models WHERE digest = ?1", [digest], |row| row.get(0))
                .optional()
                .map_err(|error| Error::sqlite("find a model", error))
        })
    }

    /// The next parts to embed, newest first; parts that failed before come last, and not at all after three failures.
    ///
    /// # Errors
    /// When reading fails.
    pub fn pending(&self, limit: usize) -> Result<Vec<PendingPart>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the queue of vectors", error);
            let sql = "SELECT p.id, body_text(p.body, p.body_bytes) FROM pending q JOIN parts p ON p.id = q.part_id
                       WHERE q.attempts < 3 ORDER BY q.attempts, q.at DESC LIMIT ?1";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([limit], |row| pending_part(connection, row)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// How many parts wait.
    ///
    /// # Errors
    /// When reading fails.
    pub fn pending_count(&self) -> Result<u64> {
        self.read(|connection| {
            connection
                .query_row("SELECT count(*) FROM pending WHERE attempts < 3", [], |row| row.get(0))
                .map_err(|error| Error::sqlite("count the queue of vectors", error))
        })
    }

    /// The stored vector of a text, if the model has embedded the same text before.
    ///
    /// # Errors
    /// When reading fails.
    pub fn find_vector(&self, model: i64, text: ContentHash) -> Result<Option<Vec<f32>>> {
        self.read(|connection| {
            let blob: Option<Vec<u8>> = connection
                .prepare_cached("SELECT vector FROM embeddings WHERE text_hash = ?1 AND model_id = ?2 LIMIT 1")
                .and_then(|mut statement| statement.query_row(params![text.0, model], |row| row.get(0)).optional())
                .map_err(|error| Error::sqlite("find a vector", error))?;
            Ok(blob.map(|blob| widen(&blob)))
        })
    }

    /// Stores vectors and takes their parts off the queue.
    ///
    /// # Errors
    /// When writing fails; the parts then stay queued.
    pub fn store_vectors(&self, model: i64, parts: Vec<i64>, vectors: Vec<NewVector>) -> Result<()> {
        self.write(move |connection| {
            let failed = |error| Error::sqlite("store vectors", error);
            // A part may have been forgotten since; its vectors must not come back.
            let sql = "INSERT OR REPLACE INTO embeddings (passage_id, model_id, text_hash, vector)
                       SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM passages WHERE id = ?1)";
            for new in &vectors {
                let values = params![new.passage, model, new.text_hash.0, halves(&new.vector)];
                connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)?;
            }
            for part in &parts {
                let sql = "DELETE FROM pending WHERE part_id = ?1";
                connection.prepare_cached(sql).and_then(|mut statement| statement.execute([part])).map_err(failed)?;
            }
            Ok(())
        })
    }

    /// Notes that a part could not be embedded.
    ///
    /// # Errors
    /// When writing fails.
    pub fn mark_failed(&self, part: i64, why: String) -> Result<()> {
        self.write(move |connection| {
            connection
                .execute(
                    "UPDATE pending SET attempts = attempts + 1, failure = ?2 WHERE part_id = ?1",
                    params![part, why],
                )
                .map(drop)
                .map_err(|error| Error::sqlite("mark a failed vector", error))
        })
    }

    /// Calls `each` with the next `limit` vectors of a model whose row is after `after`, in order.
    ///
    /// # Errors
    /// When reading fails.
    pub fn each_vector(&self, model: i64, after: i64, limit: usize, mut each: impl FnMut(StoredVector)) -> Result<()> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the vectors", error);
            let sql =
                "SELECT id, vector, passage_id FROM embeddings WHERE id > ?2 AND model_id = ?1 ORDER BY id LIMIT ?3";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let mut rows = statement.query(params![model, after, limit]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let blob = row.get_ref(1).map_err(failed)?;
                let vector = widen(blob.as_blob().unwrap_or(&[]));
                each(StoredVector { id: row.get(0).map_err(failed)?, passage: row.get(2).map_err(failed)?, vector });
            }
            Ok(())
        })
    }

    /// How often rows were taken away, and whether there are vectors of a model after a row.
    ///
    /// # Errors
    /// When reading fails.
    pub fn vectors_beyond(&self, model: i64, row: i64) -> Result<(i64, bool)> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("look for new vectors", error);
            let sql = "SELECT EXISTS (SELECT 1 FROM embeddings WHERE id > ?2 AND model_id = ?1)";
            let more = connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.query_row([model, row], |row| row.get(0)));
            Ok((super::columns::generation(connection).map_err(failed)?, more.map_err(failed)?))
        })
    }

    /// The last row of a model's vectors up to `most`, with the hash of its text.
    ///
    /// # Errors
    /// When reading fails.
    pub fn last_vector(&self, model: i64, most: i64) -> Result<Option<(i64, ContentHash)>> {
        self.read(|connection| {
            let sql = "SELECT id, text_hash FROM embeddings WHERE id <= ?2 AND model_id = ?1 ORDER BY id DESC LIMIT 1";
            connection
                .query_row(sql, [model, most], |row| Ok((row.get(0)?, ContentHash(row.get(1)?))))
                .optional()
                .map_err(|error| Error::sqlite("find the last vector", error))
        })
    }

    /// The passages that have a vector of a model, ascending.
    ///
    /// # Errors
    /// When reading fails.
    pub fn vector_labels(&self, model: i64) -> Result<Vec<u32>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the vectors", error);
            let sql = "SELECT passage_id FROM embeddings WHERE model_id = ?1 ORDER BY passage_id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([model], |row| row.get(0)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// How many vectors a model has.
    ///
    /// # Errors
    /// When reading fails.
    pub fn vector_count(&self, model: i64) -> Result<u64> {
        self.read(|connection| {
            connection
                .query_row("SELECT count(*) FROM embeddings WHERE model_id = ?1", [model], |row| row.get(0))
                .map_err(|error| Error::sqlite("count the vectors", error))
        })
    }
}

/// The row of a model, made if it is new.
pub(super) fn register(connection: &Connection, model: &Model) -> Result<i64> {
    let sql = "INSERT INTO models (digest, name, dimensions) VALUES (?1, ?2, ?3)
               ON CONFLICT (digest) DO UPDATE SET name = excluded.name RETURNING id";
    connection
        .query_row(sql, params![model.digest, model.name, model.dimensions], |row| row.get(0))
        .map_err(|error| Error::sqlite("register a model", error))
}

/// A part from a row of its number and its text.
pub(super) fn pending_part(connection: &Connection, row: &SqlRow<'_>) -> rusqlite::Result<PendingPart> {
    let part = row.get(0)?;
    Ok(PendingPart { part, text: row.get(1)?, passages: embedded_passages(connection, part)? })
}

fn embedded_passages(connection: &Connection, part: i64) -> rusqlite::Result<Vec<(i64, std::ops::Range<usize>)>> {
    let sql = "SELECT id, start_byte, end_byte FROM passages WHERE part_id = ?1 AND (role <> 0 OR ordinal < ?2) ORDER BY ordinal";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![part, MOST_EMBEDDED], |row| Ok((row.get(0)?, row.get::<_, usize>(1)?..row.get(2)?)))?;
    rows.collect()
}

/// A vector as it is stored: IEEE half floats, little endian.
pub fn halves(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

/// Back from [`halves`].
pub fn widen(blob: &[u8]) -> Vec<f32> {
    blob.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
}
