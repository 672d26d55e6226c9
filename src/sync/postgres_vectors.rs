//! Vectors inside PostgreSQL, where the extension pgvector is installed in the database: a column that it can search, filled from
//! the halves that are there anyway. Owns the column and its indexes; without the extension there is neither.

use pgvector::HalfVector;
use tokio_postgres::{Client, Transaction};

use super::conditions::Conditions;
use super::error::{Error, Result};
use crate::store::widen;
use crate::vector::Spread;

/// Rows that are filled at once.
const ROWS: i64 = 1_000;
/// Vectors by which it is judged how near the question is to anything. Ids are digests, so the first ones are a fair sample.
pub(super) const SAMPLE: u32 = 512;
/// Candidates that a search of the graph keeps; so many for Qdrant too.
pub(super) const EF: u32 = 256;

/// Whether there is a column; it is made if the extension is there.
pub(super) async fn prepare(transaction: &Transaction<'_>) -> Result<bool> {
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

/// Writes vectors into the column of their rows.
pub(super) async fn put(transaction: &Transaction<'_>, ids: &[String], vectors: Vec<HalfVector>) -> Result<()> {
    let sql = "UPDATE embeddings e SET embedding = n.vector FROM unnest($1::text[], $2::halfvec[]) n (id, vector)
               WHERE e.id = n.id::uuid AND e.embedding IS DISTINCT FROM n.vector";
    transaction.execute(sql, &[&ids, &vectors]).await?;
    Ok(())
}

/// Fills what other machines, or a time before the extension, left empty.
pub(super) async fn fill(client: &mut Client) -> Result<()> {
    let mut after = String::from("00000000-0000-0000-0000-000000000000");
    loop {
        let transaction = client.transaction().await?;
        let sql = "SELECT id::text, halves FROM embeddings WHERE embedding IS NULL AND halves IS NOT NULL
                   AND id > $1::text::uuid ORDER BY id LIMIT $2";
        let (mut ids, mut vectors) = (Vec::new(), Vec::new());
        for row in transaction.query(sql, &[&after, &ROWS]).await? {
            ids.push(row.try_get::<_, String>(0)?);
            vectors.push(HalfVector::from_f32_slice(&widen(row.try_get(1)?)));
        }
        let Some(last) = ids.last() else { return Ok(()) };
        last.clone_into(&mut after);
        put(&transaction, &ids, vectors).await?;
        transaction.commit().await?;
    }
}

/// Makes the graph of a model's vectors unless there is one.
pub(super) async fn index(client: &Client, model: &str, dimension: usize) -> Result<()> {
    let model = digits(model)?;
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

/// The messages of the nearest vectors, nearest first, and how near the question is to any; `None` without the column.
pub(super) async fn nearest(
    client: &Client,
    model: &str,
    vector: &[f32],
    conditions: &Conditions,
    count: usize,
) -> Result<Option<(Vec<String>, Spread)>> {
    let there: bool = client.query_one(&format!("SELECT {COLUMN}"), &[]).await?.try_get(0)?;
    if !there {
        return Ok(None);
    }
    // A filter may leave out what the graph finds first; then it goes on looking.
    client.batch_execute(&format!("SET hnsw.ef_search = {EF}; SET hnsw.iterative_scan = relaxed_order")).await?;
    let (model, dimension) = (digits(model)?, vector.len());
    let distance = format!("e.embedding::halfvec({dimension}) <#> $+1::halfvec");
    let from = "JOIN embeddings e ON e.message_id = m.id";
    let of_model = format!("e.model_name = '{model}' AND e.embedding IS NOT NULL");
    let question = HalfVector::from_f32_slice(vector);
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let further = format!("{of_model} ORDER BY {distance} LIMIT $+2");
    let nearest = conditions.rows(client, "m.id::text", from, &further, &[&question, &limit]).await?;
    let further = format!("{of_model} ORDER BY e.id LIMIT $+2");
    let column = format!("({distance})::real");
    let sample = conditions.rows(client, &column, from, &further, &[&question, &i64::from(SAMPLE)]).await?;
    // The operator is the negative inner product.
    let cosines = sample.iter().map(|row| Ok(-row.try_get::<_, f32>(0)?)).collect::<Result<Vec<f32>>>()?;
    let messages = nearest.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>()?;
    Ok(Some((messages, Spread::of(cosines.into_iter()))))
}

/// The digest of a model, which stands in a statement because an index of some rows is used only where its condition is written out.
fn digits(model: &str) -> Result<&str> {
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
        assert!(digits("00ffA9").is_ok());
        assert!(digits("").is_err() && digits("0'; DROP TABLE messages; --").is_err());
    }
}
