//! Consistency checks of rows, passages and embeddings. The keyword index is compared with the texts in
//! [`super::keyword_index`].

use rusqlite::params;

use super::Snapshot;
use super::embeddings::missing_embedding_sql;
use super::error::Result;
use crate::domain::PartKind;

/// Counts of inconsistencies; all zero in a consistent store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inconsistencies {
    /// Parts that have text but no passages, so that no search finds them.
    pub without_passages: u64,
    /// Passages that should be embedded, are not, and are not queued.
    pub without_vectors: u64,
    /// Embeddings of another length than their model's.
    pub odd_vectors: u64,
    /// Passages of quarantined messages, which searches can find.
    pub leaking: u64,
}

impl Inconsistencies {
    /// Returns true if there is no inconsistency.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Snapshot<'_> {
    /// Counts the inconsistencies between rows. Reads no text. `model` is the row and the dimensions of the embedding
    /// model in use.
    pub fn check_consistency(&self, model: Option<(i64, usize)>) -> Result<Inconsistencies> {
        self.query("compare the rows with each other", |connection| {
            let one = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
                connection.query_row(sql, values, |row| row.get::<_, u64>(0))
            };
            let hidden = "(SELECT 1 FROM quarantine q WHERE q.message_id = p.message_id)";
            let sql = format!(
                "SELECT count(*) FROM parts p WHERE p.body_bytes > 0 AND p.kind <> {} AND NOT EXISTS {hidden}
                   AND NOT EXISTS (SELECT 1 FROM passages a WHERE a.part_id = p.id)",
                PartKind::Earlier.number()
            );
            let without_passages = one(&sql, &[])?;
            let sql = "SELECT count(*) FROM quarantine q JOIN passages a ON a.message_id = q.message_id";
            let leaking = one(sql, &[])?;
            let (mut without_vectors, mut odd_vectors) = (0, 0);
            if let Some((model, dimensions)) = model {
                let sql = format!(
                    "SELECT count(*) FROM passages a JOIN parts p ON p.id = a.part_id WHERE {}
                       AND NOT EXISTS (SELECT 1 FROM pending w WHERE w.part_id = p.id)",
                    missing_embedding_sql()
                );
                without_vectors = one(&sql, params![model])?;
                let sql = "SELECT count(*) FROM embeddings WHERE model_id = ?1 AND length(vector) <> ?2";
                odd_vectors = one(sql, params![model, dimensions * 2])?;
            }
            Ok(Inconsistencies { without_passages, without_vectors, odd_vectors, leaking })
        })
    }
}
