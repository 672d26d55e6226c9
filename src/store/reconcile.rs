//! Whether rows, passages and vectors agree with each other. Words are compared with the texts in [`super::words`].

use rusqlite::params;

use super::Store;
use super::embeddings::lacking;
use super::error::{Error, Result};
use crate::domain::Kind;

/// What does not agree; all zero when all is well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disagreement {
    /// Parts with a text that no search can find.
    pub without_passages: u64,
    /// Passages that should have a vector, have none, and do not wait for one.
    pub without_vectors: u64,
    /// Vectors of another length than their model makes.
    pub odd_vectors: u64,
    /// Messages in quarantine that can be found all the same.
    pub leaking: u64,
}

impl Disagreement {
    /// Whether all is well.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// Compares everything with everything. Reads no text. `model` is the row and the dimensions of the encoder in use.
    ///
    /// # Errors
    /// When reading fails.
    pub fn reconcile(&self, model: Option<(i64, usize)>) -> Result<Disagreement> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("compare the rows with each other", error);
            let one = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
                connection.query_row(sql, values, |row| row.get::<_, u64>(0)).map_err(failed)
            };
            let hidden = "(SELECT 1 FROM quarantine q WHERE q.message_id = p.message_id)";
            let sql = format!(
                "SELECT count(*) FROM parts p WHERE p.body_bytes > 0 AND p.kind <> {} AND NOT EXISTS {hidden}
                   AND NOT EXISTS (SELECT 1 FROM passages a WHERE a.part_id = p.id)",
                Kind::Earlier.number()
            );
            let without_passages = one(&sql, &[])?;
            let sql = "SELECT count(*) FROM quarantine q JOIN passages a ON a.message_id = q.message_id";
            let leaking = one(sql, &[])?;
            let (mut without_vectors, mut odd_vectors) = (0, 0);
            if let Some((model, dimensions)) = model {
                let sql = format!(
                    "SELECT count(*) FROM passages a JOIN parts p ON p.id = a.part_id WHERE {}
                       AND NOT EXISTS (SELECT 1 FROM pending w WHERE w.part_id = p.id)",
                    lacking()
                );
                without_vectors = one(&sql, params![model])?;
                let sql = "SELECT count(*) FROM embeddings WHERE model_id = ?1 AND length(vector) <> ?2";
                odd_vectors = one(sql, params![model, dimensions * 2])?;
            }
            Ok(Disagreement { without_passages, without_vectors, odd_vectors, leaking })
        })
    }
}
