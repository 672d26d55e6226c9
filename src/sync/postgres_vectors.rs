//! Semantic search inside PostgreSQL where the pgvector extension is installed: a searchable column, filled from the
//! half floats that are stored anyway. Owns the column and its indexes; without the extension there are neither.

use pgvector::HalfVector;
use tokio_postgres::{Client, Transaction};

use super::conditions::SqlConditions;
use super::error::{Error, Result};
use crate::store::decode_half_floats;
use crate::vector::ScoreSpread;

/// Rows filled per transaction.
const FILL_BATCH: i64 = 1_000;
/// Embeddings sampled to estimate how similar the query is to anything. Ids are digests, so the first rows are a fair
/// sample.
pub(super) const SAMPLE: u32 = 512;
/// `ef_search` of HNSW searches, also for Qdrant.
pub(super) const EF_SEARCH: u32 = 256;

/// Creates the column if the extension is installed. Returns true if it is.
pub(super) async fn prepare_column(transaction: &Transaction<'_>) -> Result<bool> {
    let row = transaction.query_one(&format!("SELECT to_regtype('halfvec') IS NOT NULL, {COLUMN}"), &[]).await?;
    let (known, there): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if known && !there {
        let sql = "ALTER TABLE embeddings ADD COLUMN embedding halfvec;
                   CREATE INDEX IF NOT EXISTS embeddings_to_fill ON embeddings (id) WHERE embedding IS NULL AND halves IS NOT NULL";
        transaction.batch_execute(sql).await?;
    }
    Ok(known)
}

const COLUMN: &str = "EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('embeddings') AND attname = 'embedding' AND NOT attisdropped)";

/// Writes embeddings into the column of their rows.
pub(super) async fn write_column(
    transaction: &Transaction<'_>,
    ids: &[String],
    vectors: Vec<HalfVector>,
) -> Result<()> {
    let sql = "UPDATE embeddings e SET embedding = n.vector FROM unnest($1::text[], $2::halfvec[]) n (id, vector)
               WHERE e.id = n.id::uuid AND e.embedding IS DISTINCT FROM n.vector";
    transaction.execute(sql, &[&ids, &vectors]).await?;
    Ok(())
}

/// Fills rows that other machines, or pushes before the extension was installed, left empty.
pub(super) async fn fill_column(client: &mut Client) -> Result<()> {
    let mut after = String::from("00000000-0000-0000-0000-000000000000");
    loop {
        let transaction = client.transaction().await?;
        let sql = "SELECT id::text, halves FROM embeddings WHERE embedding IS NULL AND halves IS NOT NULL
                   AND id > $1::text::uuid ORDER BY id LIMIT $2";
        let (mut ids, mut vectors) = (Vec::new(), Vec::new());
        for row in transaction.query(sql, &[&after, &FILL_BATCH]).await? {
            ids.push(row.try_get::<_, String>(0)?);
            vectors.push(HalfVector::from_f32_slice(&decode_half_floats(row.try_get(1)?)));
        }
        let Some(last) = ids.last() else { return Ok(()) };
        last.clone_into(&mut after);
        write_column(&transaction, &ids, vectors).await?;
        transaction.commit().await?;
    }
}

/// Creates the HNSW index of a model's embeddings unless it exists.
pub(super) async fn create_index(client: &Client, model: &str, dimension: usize) -> Result<()> {
    let model = validate_digest(model)?;
    let name = format!("embeddings_{}", model.get(..16).unwrap_or(model));
    let there: bool = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await?.try_get(0)?;
    if !there {
        let sql = format!(
            "CREATE INDEX IF NOT EXISTS {name} ON embeddings USING hnsw ((embedding::halfvec({dimension})) halfvec_ip_ops)
             WHERE model_name = '{model}'"
        );
        client.batch_execute(&sql).await?;
    }
    Ok(())
}

/// Returns the messages of the nearest embeddings, nearest first, and the spread of similarities; `None` without the
/// column.
pub(super) async fn nearest_messages(
    client: &Client,
    model: &str,
    vector: &[f32],
    conditions: &SqlConditions,
    count: usize,
) -> Result<Option<(Vec<String>, ScoreSpread)>> {
    let there: bool = client.query_one(&format!("SELECT {COLUMN}"), &[]).await?.try_get(0)?;
    if !there {
        return Ok(None);
    }
    // A filter may drop the first hits of the graph; iterative scan then continues.
    client.batch_execute(&format!("SET hnsw.ef_search = {EF_SEARCH}; SET hnsw.iterative_scan = relaxed_order")).await?;
    let (model, dimension) = (validate_digest(model)?, vector.len());
    let distance = format!("e.embedding::halfvec({dimension}) <#> $+1::halfvec");
    let from = "JOIN embeddings e ON e.message_id = m.id";
    let of_model = format!("e.model_name = '{model}' AND e.embedding IS NOT NULL");
    let question = HalfVector::from_f32_slice(vector);
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let further = format!("{of_model} ORDER BY {distance} LIMIT $+2");
    let nearest = conditions.select_rows(client, "m.id::text", from, &further, &[&question, &limit]).await?;
    let further = format!("{of_model} ORDER BY e.id LIMIT $+2");
    let column = format!("({distance})::real");
    let sample = conditions.select_rows(client, &column, from, &further, &[&question, &i64::from(SAMPLE)]).await?;
    // The operator is the negative inner product.
    let cosines = sample.iter().map(|row| Ok(-row.try_get::<_, f32>(0)?)).collect::<Result<Vec<f32>>>()?;
    let messages = nearest.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>()?;
    Ok(Some((messages, ScoreSpread::spread_of_scores(cosines.into_iter()))))
}

/// Validates a model digest as hexadecimal. It is written into the statement, because a partial index is used only when
/// its condition appears literally.
fn validate_digest(model: &str) -> Result<&str> {
    if model.is_empty() || !model.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::Target { target: "postgres", why: "the digest of a model is not hexadecimal".to_owned() });
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_stand_in_a_statement() {
        assert!(validate_digest("00ffA9").is_ok());
        assert!(validate_digest("").is_err() && validate_digest("0'; DROP TABLE messages; --").is_err());
    }
}
