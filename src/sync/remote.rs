//! Searching what is in PostgreSQL and Qdrant. They say which texts may be answers, and what is counted over all texts; those texts,
//! with what was said around them, go into a store of their own that is thrown away afterwards, and the ranking is that of every
//! other search. Nothing of it enters the local store.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

use qdrant_client::qdrant::{
    Condition, Filter as Where, PayloadIncludeSelector, QueryPointsBuilder, Range, ScrollPointsBuilder,
    SearchParamsBuilder, VectorsOutput,
};
use tokio_postgres::Client;

use super::conditions::Conditions;
use super::error::{Error, Result};
use super::page::project_id;
use super::place::PostgresPlace;
use super::qdrant::QdrantPlace;
use super::qdrant_target::collection;
use super::{postgres, postgres_vectors, pull};
use crate::config::{Paths, SyncSettings, env};
use crate::disk;
use crate::domain::hash::{hex, random_32};
use crate::domain::{Answer, Filter, Ids, MessageId, Mode, Query, Timestamp};
use crate::memory::{self, Asked, Memory, Wide};
use crate::store::Open;
use crate::vector::Spread;

/// Messages that were said just before and after a candidate, on each side: a neighbour is judged by its own neighbours too.
const AROUND: i64 = 2;
/// A term that more messages hold is not counted to its end: it weighs next to nothing.
const COUNTED: i64 = 50_000;
/// From so many messages on, their number is the planner's estimate.
const ESTIMATED: f32 = 100_000.0;
/// Messages of a conversation that are fetched to read in it.
const READ: i64 = 2_000;

/// A production that can be asked.
#[derive(Debug)]
pub struct Remote {
    postgres: PostgresPlace,
    qdrant: Option<QdrantPlace>,
}

/// Which projects are meant, and where the question is asked. Names are looked up in production: who asks may know none of them.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `all`, `current`, or a project's name or path.
    pub project: &'a str,
    /// The folder in which the question is asked.
    pub directory: Option<&'a Path>,
}

/// A memory that holds what was fetched, and goes with its folder when it is dropped.
#[derive(Debug)]
pub struct Fetched {
    // Closed before its folder goes: fields are dropped in this order.
    memory: Memory,
    _folder: disk::Scratch,
}

impl std::ops::Deref for Fetched {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.memory
    }
}

impl Fetched {
    /// An empty one beside a memory, with its settings and its encoder.
    fn new(memory: &Memory, now: Timestamp) -> Result<Self> {
        let root = memory.paths().fetched();
        let failed =
            |error: std::io::Error| Error::File(format!("cannot make a folder in {}: {error}", root.display()));
        let folder = disk::Scratch::new(&root, &hex(&random_32()[..8])).map_err(failed)?;
        let paths = Paths::resolve(Some(folder.path().to_owned())).map_err(|error| Error::File(error.to_string()))?;
        let memory = memory.beside(&paths, Open::Create, Ids::System, now)?;
        Ok(Self { memory, _folder: folder })
    }
}

impl Remote {
    /// The places of the settings.
    ///
    /// # Errors
    /// When there is no PostgreSQL, or a place is set up wrongly.
    pub fn configured(settings: &SyncSettings) -> Result<Self> {
        if settings.postgres.is_empty() {
            return Err(Error::Invalid {
                message: "there is no production to search".to_owned(),
                hint: "set sync.postgres, and sync.qdrant, in the configuration",
            });
        }
        let postgres = PostgresPlace::configured(settings, env::postgres_password())?;
        let qdrant = (!settings.qdrant.is_empty()).then(|| QdrantPlace::configured(settings, env::qdrant_key()));
        Ok(Self { postgres, qdrant: qdrant.transpose()? })
    }

    /// Answers a query over everything that all machines have sent. The rows of projects in the query are of the local store and
    /// count for nothing; `scope` says which are meant.
    ///
    /// # Errors
    /// An impossible query, or PostgreSQL does not answer. Without Qdrant words carry the answer, and it says so.
    pub async fn search(&self, memory: &Memory, query: &Query, scope: Scope<'_>, now: Timestamp) -> Result<Answer> {
        if query.filter.file.is_some() {
            return Err(Error::Invalid {
                message: "production does not know which files a session touched".to_owned(),
                hint: "leave the file out, or search without --remote",
            });
        }
        let asked = memory.ask(query, now)?;
        let mut stages = Stages::begin();
        let client = postgres::connect(&self.postgres).await?;
        let here = scope.directory.map(|folder| memory::project_key(&folder.display().to_string()));
        let keys = keys_of(&client, scope, here.as_ref()).await?;
        let conditions = Conditions::of(&query.filter, keys.as_deref(), now);
        let mut warning = asked.warning.clone();
        let mut wide = counted(&client, &asked).await?;
        let mut found = match query.mode {
            Mode::Exact => literally(&client, query, &conditions).await?,
            _ => by_word(&client, &asked, &wide, &conditions).await?,
        };
        if let Some((model, vector)) = &asked.vector {
            let nearest = match &self.qdrant {
                Some(place) => in_qdrant(place, model, vector, &query.filter, keys.as_deref(), asked.candidates).await,
                None => in_postgres(&client, model, vector, &conditions, asked.candidates).await,
            };
            match nearest {
                Ok((messages, spread)) => {
                    found.extend(permitted(&client, &messages, &conditions).await?);
                    (wide.spread, wide.vector) = (Some(spread), Some(vector.clone()));
                }
                Err(error) => warning = Some(format!("searched by word only: {error}")),
            }
        }
        stages.end("candidates");
        let ids: Vec<String> = found.into_iter().collect();
        let ids = with_neighbours(&client, &ids, now).await?;
        wide.conversations = conversation_words(&client, &ids).await?;
        let model = asked.vector.as_ref().map(|(model, _)| model.as_str());
        let fetched = fetch(memory, &client, &ids, model, now).await?;
        let mut query = query.clone();
        query.filter.projects = match keys {
            Some(keys) => Some(fetched.project_rows(&keys)?),
            None => None,
        };
        query.here = fetched.project_rows(here.as_slice())?;
        if wide.vector.is_none() && query.mode != Mode::Exact {
            query.mode = Mode::Keyword;
        }
        stages.end("fetch");
        let mut answer = fetched.search_wide(&query, now, &wide)?;
        answer.stages.splice(0..0, stages.0);
        if let Some(warning) = warning {
            answer.degraded = true;
            answer.warnings.push(warning);
        }
        Ok(answer)
    }

    /// The conversation of a message, to be read in; `None` when production has no such message. Of a very long one what was said
    /// around the message.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub async fn conversation_of(&self, memory: &Memory, id: MessageId, now: Timestamp) -> Result<Option<Fetched>> {
        let client = postgres::connect(&self.postgres).await?;
        let sql = "WITH it AS (SELECT conversation_id, timestamp, change FROM messages WHERE id = $1::text::uuid AND change IS NOT NULL)
                   SELECT o.id::text FROM it, LATERAL (
                     (SELECT m.id FROM messages m WHERE m.conversation_id = it.conversation_id AND m.change IS NOT NULL
                        AND (m.timestamp, m.change) <= (it.timestamp, it.change) ORDER BY m.timestamp DESC, m.change DESC LIMIT $2)
                     UNION ALL
                     (SELECT m.id FROM messages m WHERE m.conversation_id = it.conversation_id AND m.change IS NOT NULL
                        AND (m.timestamp, m.change) > (it.timestamp, it.change) ORDER BY m.timestamp, m.change LIMIT $2)) o";
        let rows = client.query(sql, &[&id.to_string(), &(READ / 2)]).await?;
        let ids = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>>>()?;
        if ids.is_empty() {
            return Ok(None);
        }
        Ok(Some(fetch(memory, &client, &ids, None, now).await?))
    }
}

/// The messages of the nearest vectors, and how near the question is to any, as Qdrant knows.
async fn in_qdrant(
    place: &QdrantPlace,
    model: &str,
    vector: &[f32],
    filter: &Filter,
    keys: Option<&[String]>,
    count: usize,
) -> Result<(Vec<String>, Spread)> {
    let client = place.client()?;
    let (name, filter) = (collection(model), points(filter, keys));
    let asked = QueryPointsBuilder::new(&name)
        .query(vector.to_vec())
        .filter(filter.clone())
        .limit(count as u64)
        .params(SearchParamsBuilder::default().hnsw_ef(u64::from(postgres_vectors::EF)))
        .with_payload(PayloadIncludeSelector { fields: vec!["message".to_owned()] });
    let sample = ScrollPointsBuilder::new(&name)
        .filter(filter)
        .limit(postgres_vectors::SAMPLE)
        .with_payload(false)
        .with_vectors(true);
    let (nearest, sample) = tokio::try_join!(client.query(asked), client.scroll(sample))?;
    let message = |point: &qdrant_client::qdrant::ScoredPoint| point.payload.get("message")?.as_str().cloned();
    let messages = nearest.result.iter().filter_map(message).collect();
    let cosines = sample.result.into_iter().filter_map(|point| Some(dot(&dense(point.vectors.as_ref()?)?, vector)));
    Ok((messages, Spread::of(cosines)))
}

/// The same as PostgreSQL knows with pgvector.
async fn in_postgres(
    client: &Client,
    model: &str,
    vector: &[f32],
    conditions: &Conditions,
    count: usize,
) -> Result<(Vec<String>, Spread)> {
    postgres_vectors::nearest(client, model, vector, conditions, count).await?.ok_or_else(|| Error::Invalid {
        message: "sync.qdrant is not set, and the database has no pgvector".to_owned(),
        hint: "set sync.qdrant, or install the extension `vector` in the database and push again",
    })
}

/// A store of these messages and their vectors.
async fn fetch(
    memory: &Memory,
    client: &Client,
    ids: &[String],
    model: Option<&str>,
    now: Timestamp,
) -> Result<Fetched> {
    let messages = pull::messages(client, "m.id = ANY ($1::text[]::uuid[])", &[&ids]).await?;
    let vectors = match model {
        Some(model) => pull::vectors(client, ids, model).await?,
        None => Vec::new(),
    };
    let fetched = Fetched::new(memory, now)?;
    fetched.take_in(messages)?;
    fetched.take_vectors(vectors)?;
    Ok(fetched)
}

/// What tells the projects of a scope from others; `None` for all of them.
async fn keys_of(client: &Client, scope: Scope<'_>, here: Option<&String>) -> Result<Option<Vec<String>>> {
    let unknown = |message: String| Error::Memory(memory::Error::NotFound { message, hint: None });
    match (scope.project, here) {
        ("all", _) => Ok(None),
        ("current", Some(here)) => Ok(Some(vec![here.clone()])),
        ("current", None) => Err(unknown("the current project is not known here; name one, or use \"all\"".to_owned())),
        (name, _) => {
            let sql = "SELECT key FROM projects WHERE key IS NOT NULL AND $1 IN (name, root, key)";
            let rows = client.query(sql, &[&name]).await?;
            if rows.is_empty() {
                return Err(unknown(format!("no project in production is called {name:?}")));
            }
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>().map(Some)
        }
    }
}

fn dense(vectors: &VectorsOutput) -> Option<Vec<f32>> {
    use qdrant_client::qdrant::vector_output::Vector;
    match vectors.get_vector()? {
        Vector::Dense(dense) => Some(dense.data),
        _ => None,
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// What took how long, in microseconds.
struct Stages(Vec<(&'static str, u64)>, Instant);

impl Stages {
    fn begin() -> Self {
        Self(Vec::new(), Instant::now())
    }

    fn end(&mut self, stage: &'static str) {
        self.0.push((stage, u64::try_from(self.1.elapsed().as_micros()).unwrap_or(u64::MAX)));
        self.1 = Instant::now();
    }
}

/// What Qdrant knows of a filter; the rest is for PostgreSQL.
fn points(filter: &Filter, keys: Option<&[String]>) -> Where {
    let mut must = Vec::new();
    if let Some(keys) = keys {
        must.push(Condition::matches("project", keys.iter().map(|key| project_id(key)).collect::<Vec<_>>()));
    }
    if !filter.roles.is_empty() {
        must.push(Condition::matches(
            "role",
            filter.roles.iter().map(|role| role.name().to_owned()).collect::<Vec<_>>(),
        ));
    }
    if filter.after.is_some() || filter.before.is_some() {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact below 2^53")]
        let bound = |at: Option<Timestamp>| at.map(|at| at.milliseconds() as f64);
        must.push(Condition::range(
            "at",
            Range { gte: bound(filter.after), lt: bound(filter.before), ..Range::default() },
        ));
    }
    Where::must(must)
}

/// A term as PostgreSQL writes it in a query of words.
fn quoted(term: &str) -> String {
    format!("'{}'", term.replace('\\', "\\\\").replace('\'', "''"))
}

/// What is counted over all texts.
async fn counted(client: &Client, asked: &Asked) -> Result<Wide> {
    let sql = "SELECT greatest((SELECT reltuples FROM pg_class WHERE oid = 'messages'::regclass), 0)::real,
                      (SELECT value FROM claude_memory WHERE key = 'mean_window')";
    let row = client.query_one(sql, &[]).await?;
    let (estimate, window): (f32, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    let sample = if estimate > ESTIMATED { "TABLESAMPLE SYSTEM (5)" } else { "" };
    let sql = format!(
        "SELECT count(*)::real, coalesce(sum(texts), 0)::real, coalesce(sum(terms), 0)::real FROM messages {sample}"
    );
    let row = client.query_one(&sql, &[]).await?;
    let (messages, texts, terms): (f32, f32, f32) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let all = if estimate > ESTIMATED { texts / messages.max(1.0) * estimate } else { texts };
    let mean_words = (terms / texts.max(1.0)).max(1.0);
    let mean_window = window.and_then(|window| window.parse().ok()).unwrap_or(mean_words * 2.0);
    let mut wide = Wide { texts: all, mean_words, mean_window, ..Wide::default() };
    let words: BTreeSet<&String> = asked.groups.iter().flatten().collect();
    let queries: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let sql =
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM messages m WHERE m.words @@ t.query::tsquery LIMIT $2) known)
               FROM unnest($1::text[]) WITH ORDINALITY t (query, place) ORDER BY t.place";
    for (row, word) in client.query(sql, &[&queries, &COUNTED]).await?.iter().zip(words) {
        wide.holding.insert(word.clone(), usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0));
    }
    Ok(wide)
}

/// The messages that hold the most of the question's words, weighed as BM25 does.
async fn by_word(client: &Client, asked: &Asked, wide: &Wide, conditions: &Conditions) -> Result<BTreeSet<String>> {
    let groups: Vec<String> = asked
        .groups
        .iter()
        .filter(|group| !group.is_empty())
        .map(|group| format!("({})", group.iter().map(|term| quoted(term)).collect::<Vec<_>>().join(" | ")))
        .collect();
    if groups.is_empty() {
        return Ok(BTreeSet::new());
    }
    let terms: BTreeSet<&String> = asked.groups.iter().flatten().collect();
    let queries: Vec<String> = terms.iter().map(|term| quoted(term)).collect();
    let weights: Vec<f64> = terms.iter().map(|term| f64::from(wide.weight(term))).collect();
    let (k1, b, mean) = (f64::from(asked.weights.k1), f64::from(asked.weights.b), f64::from(wide.mean_words));
    let further = "m.words @@ $+1::text::tsquery
        ORDER BY (SELECT sum(t.weight) FROM unnest($+2::text[], $+3::float8[]) t (query, weight) WHERE m.words @@ t.query::tsquery)
          / (1 + $+4::float8 * (1 - $+5::float8 + $+5::float8 * m.terms / greatest(m.texts, 1) / $+6::float8)) DESC,
          m.timestamp DESC LIMIT $+7";
    let count = i64::try_from(asked.candidates).unwrap_or(i64::MAX);
    conditions.ids(client, further, &[&groups.join(" & "), &queries, &weights, &k1, &b, &mean, &count]).await
}

/// The newest messages that hold the literal characters of every text.
async fn literally(client: &Client, query: &Query, conditions: &Conditions) -> Result<BTreeSet<String>> {
    let further = "EXISTS (SELECT 1 FROM message_parts l WHERE l.message_id = m.id
                     AND NOT EXISTS (SELECT 1 FROM unnest($+1::text[]) t (wanted) WHERE strpos(lower(l.text), lower(t.wanted)) = 0))
                   ORDER BY m.timestamp DESC LIMIT $+2";
    let count = i64::try_from(query.offset + query.limit + 1).unwrap_or(i64::MAX);
    conditions.ids(client, further, &[&query.texts, &count]).await
}

/// Those of these messages that the filter lets through.
async fn permitted(client: &Client, messages: &[String], conditions: &Conditions) -> Result<BTreeSet<String>> {
    conditions.ids(client, "m.id = ANY ($+1::text[]::uuid[])", &[&messages]).await
}

/// These messages and the prose just before and after each.
async fn with_neighbours(client: &Client, ids: &[String], now: Timestamp) -> Result<Vec<String>> {
    let conditions = Conditions::base(now);
    let further = "m.id IN (SELECT unnest($+1::text[]::uuid[]) UNION
        SELECT o.id FROM messages f, LATERAL (
          (SELECT p.id FROM messages p WHERE p.conversation_id = f.conversation_id AND p.prose_terms > 0
             AND (p.timestamp, p.change) < (f.timestamp, f.change) ORDER BY p.timestamp DESC, p.change DESC LIMIT $+2)
          UNION ALL
          (SELECT p.id FROM messages p WHERE p.conversation_id = f.conversation_id AND p.prose_terms > 0
             AND (p.timestamp, p.change) > (f.timestamp, f.change) ORDER BY p.timestamp, p.change LIMIT $+2)) o
        WHERE f.id = ANY ($+1::text[]::uuid[]))";
    Ok(conditions.ids(client, further, &[&ids, &AROUND]).await?.into_iter().collect())
}

/// Terms of all prose of the conversations of these messages.
async fn conversation_words(client: &Client, ids: &[String]) -> Result<HashMap<(String, String), f32>> {
    let sql = "SELECT c.source, c.session_id, sum(m.prose_terms)::real FROM conversations c JOIN messages m ON m.conversation_id = c.id
               WHERE c.id IN (SELECT conversation_id FROM messages WHERE id = ANY ($1::text[]::uuid[])) AND m.change IS NOT NULL
               GROUP BY c.id";
    let mut words = HashMap::new();
    for row in client.query(sql, &[&ids]).await? {
        words.insert((row.try_get(0)?, row.try_get(1)?), row.try_get::<_, Option<f32>>(2)?.unwrap_or(0.0));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_quoted() {
        assert_eq!(quoted("it's"), "'it''s'");
        assert_eq!(quoted("a\\b"), "'a\\\\b'");
        assert_eq!(quoted("连接池"), "'连接池'");
    }
}
