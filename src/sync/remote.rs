//! Searches PostgreSQL and Qdrant. They supply candidates and corpus statistics; the candidates and their neighbours go
//! into a scratch store that is deleted afterwards, where the usual ranking runs. Nothing of it enters the local store.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::conditions::SqlConditions;
use super::error::{Error, Result};
use super::page::project_id;
use super::postgres_endpoint::PostgresEndpoint;
use super::postgres_schema::{TableAccess, check_access};
use super::qdrant::QdrantEndpoint;
use super::qdrant_target::collection_name;
use super::qdrant_wire::{QueryHits, ScrollPage, match_any};
use super::{postgres, postgres_vectors, pull};
use crate::config::{Paths, SyncSettings, env};
use crate::disk;
use crate::domain::hash::{random_key, to_hex};
use crate::domain::{Filter, IdGenerator, MessageId, Query, SearchMode, SearchResults, Timestamp};
use crate::memory::{self, CorpusStats, Memory, RemoteQuery};
use crate::store::OpenMode;
use crate::vector::ScoreSpread;

/// Messages fetched before and after a candidate, on each side: a neighbour is scored by its own neighbours too.
const NEIGHBOURS: i64 = 2;
/// Cap on a term's message count: a term in more messages has almost no weight.
const COUNT_CAP: i64 = 50_000;
/// Number of messages from which the planner's estimate replaces an exact count.
const ESTIMATE_FROM: f32 = 100_000.0;
/// Maximum messages of a conversation that are fetched for reading.
const READ_LIMIT: i64 = 2_000;

/// A production deployment that can be searched.
#[derive(Debug)]
pub struct RemoteMemory {
    postgres: PostgresEndpoint,
    qdrant: Option<QdrantEndpoint>,
}

/// Projects to search, and the folder of the question. Project names are resolved in production: this machine may know
/// none of them.
#[derive(Debug, Clone, Copy)]
pub struct RemoteScope<'a> {
    /// `all`, `current`, or a project's name or path.
    pub project: &'a str,
    /// Folder in which the question is asked.
    pub directory: Option<&'a Path>,
}

/// A scratch memory with what was fetched. Its folder is deleted when it is dropped.
#[derive(Debug)]
pub struct ScratchMemory {
    // Closed before its folder is deleted: fields are dropped in this order.
    memory: Memory,
    _folder: disk::ScratchFolder,
}

impl std::ops::Deref for ScratchMemory {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.memory
    }
}

impl ScratchMemory {
    /// Creates an empty one beside a memory, with the same settings and embedding model.
    fn new(memory: &Memory, now: Timestamp) -> Result<Self> {
        let root = memory.paths().fetch_folder();
        let failed =
            |error: std::io::Error| Error::File(format!("cannot make a folder in {}: {error}", root.display()));
        let folder = disk::ScratchFolder::new(&root, &to_hex(&random_key()[..8])).map_err(failed)?;
        let paths =
            Paths::resolve_home(Some(folder.path().to_owned())).map_err(|error| Error::File(error.to_string()))?;
        let memory = memory.open_scratch(&paths, OpenMode::Create, IdGenerator::System, now)?;
        Ok(Self { memory, _folder: folder })
    }
}

impl RemoteMemory {
    /// Reads the deployment of the settings.
    ///
    /// # Errors
    /// If `sync.postgres` is not set, or a setting is invalid.
    pub fn from_settings(settings: &SyncSettings) -> Result<Self> {
        if settings.postgres.is_empty() {
            return Err(Error::Invalid {
                message: "no production deployment is configured".to_owned(),
                hint: "set sync.postgres and sync.qdrant in the configuration",
            });
        }
        let postgres = PostgresEndpoint::from_settings(settings, env::postgres_password())?;
        let qdrant = (!settings.qdrant.is_empty()).then(|| QdrantEndpoint::from_settings(settings, env::qdrant_key()));
        Ok(Self { postgres, qdrant: qdrant.transpose()? })
    }

    /// Searches everything that all machines have pushed. Project rows in the query belong to the local store and are
    /// ignored; `scope` selects the projects.
    ///
    /// # Errors
    /// If the query is invalid or PostgreSQL fails. If semantic search fails, the answer is keyword-only and carries a
    /// warning.
    pub async fn search(
        &self,
        memory: &Memory,
        query: &Query,
        scope: RemoteScope<'_>,
        now: Timestamp,
    ) -> Result<SearchResults> {
        if query.filter.file.is_some() {
            return Err(Error::Invalid {
                message: "search by file is not available in production".to_owned(),
                hint: "remove the file filter, or search without --remote",
            });
        }
        let asked = memory.plan_remote(query, now)?;
        let mut stages = StageTimes::start_timer();
        let client = postgres::open_connection(&self.postgres).await?;
        check_access(&client, TableAccess::Read).await?;
        let knows_hidden = pull::has_provenance(&client).await?;
        let here = scope.directory.map(|folder| memory::project_key(&folder.display().to_string()));
        let keys = resolve_scope(&client, scope, here.as_ref()).await?;
        let base = || SqlConditions::base_conditions(knows_hidden, now);
        let conditions = base().with_filter(&query.filter, keys.as_deref());
        let mut warning = asked.warning.clone();
        let mut wide = read_corpus_stats(&client, &asked).await?;
        let mut found = match query.mode {
            SearchMode::Exact => literal_candidates(&client, query, &conditions).await?,
            _ => keyword_candidates(&client, &asked, &wide, &conditions).await?,
        };
        if let Some((model, vector)) = &asked.vector {
            let nearest = match &self.qdrant {
                Some(place) => {
                    nearest_in_qdrant(place, model, vector, &query.filter, keys.as_deref(), asked.candidates).await
                }
                None => nearest_in_postgres(&client, model, vector, &conditions, asked.candidates).await,
            };
            match nearest {
                Ok((messages, spread)) => {
                    found.extend(filter_messages(&client, &messages, &conditions).await?);
                    (wide.spread, wide.vector) = (Some(spread), Some(vector.clone()));
                }
                Err(error) => warning = Some(format!("keyword search only: {error}")),
            }
        }
        stages.end_stage("candidates");
        let ids: Vec<String> = found.into_iter().collect();
        let ids = add_neighbours(&client, &ids, &base()).await?;
        wide.conversations = count_conversation_terms(&client, &ids).await?;
        let model = asked.vector.as_ref().map(|(model, _)| model.as_str());
        let fetched = fetch_messages(memory, &client, &ids, model, now).await?;
        let mut query = query.clone();
        query.filter.projects = match keys {
            Some(keys) => Some(fetched.project_rows(&keys)?),
            None => None,
        };
        query.here = fetched.project_rows(here.as_slice())?;
        if wide.vector.is_none() && query.mode != SearchMode::Exact {
            query.mode = SearchMode::Keyword;
        }
        stages.end_stage("fetch");
        let mut answer = fetched.search_with_corpus(&query, now, &wide)?;
        answer.stages.splice(0..0, stages.0);
        if let Some(warning) = warning {
            answer.degraded = true;
            answer.warnings.push(warning);
        }
        Ok(answer)
    }

    /// Fetches the conversation of a message for reading; `None` if production has no such message. Of a very long one
    /// only the messages around it are fetched.
    pub async fn conversation_of(
        &self,
        memory: &Memory,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Option<ScratchMemory>> {
        let client = postgres::open_connection(&self.postgres).await?;
        check_access(&client, TableAccess::Read).await?;
        let sql = "WITH it AS (SELECT conversation_id, timestamp, change FROM messages WHERE id = $1::text::uuid AND change IS NOT NULL)
                   SELECT o.id::text FROM it, LATERAL (
                     (SELECT m.id FROM messages m WHERE m.conversation_id = it.conversation_id AND m.change IS NOT NULL
                        AND (m.timestamp, m.change) <= (it.timestamp, it.change) ORDER BY m.timestamp DESC, m.change DESC LIMIT $2)
                     UNION ALL
                     (SELECT m.id FROM messages m WHERE m.conversation_id = it.conversation_id AND m.change IS NOT NULL
                        AND (m.timestamp, m.change) > (it.timestamp, it.change) ORDER BY m.timestamp, m.change LIMIT $2)) o";
        let rows = client.query(sql, &[&id.to_string(), &(READ_LIMIT / 2)]).await?;
        let ids = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>>>()?;
        if ids.is_empty() {
            return Ok(None);
        }
        Ok(Some(fetch_messages(memory, &client, &ids, None, now).await?))
    }
}

/// Returns the messages of the nearest embeddings in Qdrant, and the spread of similarities.
async fn nearest_in_qdrant(
    place: &QdrantEndpoint,
    model: &str,
    vector: &[f32],
    filter: &Filter,
    keys: Option<&[String]>,
    count: usize,
) -> Result<(Vec<String>, ScoreSpread)> {
    let client = place.new_client();
    let (name, filter) = (collection_name(model), qdrant_filter(filter, keys));
    let asked = json!({
        "query": vector,
        "filter": filter,
        "limit": count,
        "params": { "hnsw_ef": postgres_vectors::EF_SEARCH },
        "with_payload": ["message"],
    });
    let sample =
        json!({ "filter": filter, "limit": postgres_vectors::SAMPLE, "with_payload": false, "with_vector": true });
    let (nearest, sample): (QueryHits, ScrollPage) = tokio::try_join!(
        client.send("POST", format!("/collections/{name}/points/query"), &asked),
        client.send("POST", format!("/collections/{name}/points/scroll"), &sample)
    )?;
    let messages = nearest.points.iter().filter_map(|point| point.text("message")).map(str::to_owned).collect();
    let cosines = sample.points.iter().filter_map(|point| Some(dot_product(point.vector.as_ref()?, vector)));
    Ok((messages, ScoreSpread::spread_of_scores(cosines)))
}

/// Returns the same from PostgreSQL with pgvector.
async fn nearest_in_postgres(
    client: &Client,
    model: &str,
    vector: &[f32],
    conditions: &SqlConditions,
    count: usize,
) -> Result<(Vec<String>, ScoreSpread)> {
    postgres_vectors::nearest_messages(client, model, vector, conditions, count).await?.ok_or_else(|| Error::Invalid {
        message: "sync.qdrant is not set, and the database has no pgvector".to_owned(),
        hint: "set sync.qdrant, or install the extension `vector` in the database and push again",
    })
}

/// Builds a scratch store of these messages and their embeddings.
async fn fetch_messages(
    memory: &Memory,
    client: &Client,
    ids: &[String],
    model: Option<&str>,
    now: Timestamp,
) -> Result<ScratchMemory> {
    let (mut messages, _) = pull::read_messages(client, "m.id = ANY ($1::text[]::uuid[])", &[&ids]).await?;
    // What is in quarantine here is served from nowhere.
    let found: Vec<MessageId> = messages.iter().map(|(message, _)| message.id).collect();
    let hidden: BTreeSet<MessageId> = memory.snapshot()?.hidden_among(&found)?.into_iter().collect();
    messages.retain(|(message, _)| !hidden.contains(&message.id));
    let vectors = match model {
        Some(model) => pull::read_vectors(client, ids, model).await?,
        None => Vec::new(),
    };
    let fetched = ScratchMemory::new(memory, now)?;
    // A machine that was met in a search can be confirmed without a pull.
    if pull::has_provenance(client).await? && !memory.is_read_only() {
        memory.record_machines(pull::read_machines(client).await?, now)?;
    }
    // Texts are trusted there as far as they are here.
    for machine in memory.machines()? {
        fetched.relate_machine(machine.key, machine.relation, Some(&machine.name), now)?;
    }
    fetched.merge_remote(messages)?;
    fetched.store_remote_embeddings(vectors)?;
    Ok(fetched)
}

/// Resolves a scope to project keys; `None` for all projects.
async fn resolve_scope(client: &Client, scope: RemoteScope<'_>, here: Option<&String>) -> Result<Option<Vec<String>>> {
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

fn dot_product(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// Durations of the search stages in microseconds.
struct StageTimes(Vec<(&'static str, u64)>, Instant);

impl StageTimes {
    fn start_timer() -> Self {
        Self(Vec::new(), Instant::now())
    }

    fn end_stage(&mut self, stage: &'static str) {
        self.0.push((stage, u64::try_from(self.1.elapsed().as_micros()).unwrap_or(u64::MAX)));
        self.1 = Instant::now();
    }
}

/// Translates the conditions Qdrant can evaluate; PostgreSQL evaluates the rest.
fn qdrant_filter(filter: &Filter, keys: Option<&[String]>) -> Value {
    let mut must = Vec::new();
    if let Some(keys) = keys {
        must.push(match_any("project", keys.iter().map(|key| project_id(key))));
    }
    if !filter.roles.is_empty() {
        must.push(match_any("role", filter.roles.iter().map(|role| role.name().to_owned())));
    }
    if filter.after.is_some() || filter.before.is_some() {
        let bound = |at: Option<Timestamp>| at.map(Timestamp::to_milliseconds);
        must.push(json!({ "key": "at", "range": { "gte": bound(filter.after), "lt": bound(filter.before) } }));
    }
    json!({ "must": must })
}

/// Quotes a term for a `tsquery`.
fn quote_term(term: &str) -> String {
    format!("'{}'", term.replace('\\', "\\\\").replace('\'', "''"))
}

/// Reads the corpus statistics.
async fn read_corpus_stats(client: &Client, asked: &RemoteQuery) -> Result<CorpusStats> {
    let sql = "SELECT greatest((SELECT reltuples FROM pg_class WHERE oid = 'messages'::regclass), 0)::real,
                      (SELECT value FROM claude_memory WHERE key = 'mean_window')";
    let row = client.query_one(sql, &[]).await?;
    let (estimate, window): (f32, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    let sample = if estimate > ESTIMATE_FROM { "TABLESAMPLE SYSTEM (5)" } else { "" };
    let sql = format!(
        "SELECT count(*)::real, coalesce(sum(texts), 0)::real, coalesce(sum(terms), 0)::real FROM messages {sample}"
    );
    let row = client.query_one(&sql, &[]).await?;
    let (messages, texts, terms): (f32, f32, f32) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let all = if estimate > ESTIMATE_FROM { texts / messages.max(1.0) * estimate } else { texts };
    let mean_words = (terms / texts.max(1.0)).max(1.0);
    let mean_window = window.and_then(|window| window.parse().ok()).unwrap_or(mean_words * 2.0);
    let mut wide = CorpusStats { texts: all, mean_words, mean_window, ..CorpusStats::default() };
    let words: BTreeSet<&String> = asked.groups.iter().flatten().collect();
    let queries = words.iter().map(|word| quote_term(word)).collect();
    let counts = count_matches(client, queries).await?;
    wide.holding = words.into_iter().cloned().zip(counts).collect();
    let queries = asked.spellings.iter().map(|spellings| any_of(spellings)).collect();
    wide.holding_any = asked.spellings.iter().cloned().zip(count_matches(client, queries).await?).collect();
    Ok(wide)
}

/// Returns a `tsquery` of messages with all terms of any of these spellings.
fn any_of(spellings: &[Vec<String>]) -> String {
    let all_of = |terms: &Vec<String>| {
        let quoted: Vec<String> = terms.iter().map(|term| quote_term(term)).collect();
        format!("({})", quoted.join(" & "))
    };
    spellings.iter().filter(|terms| !terms.is_empty()).map(all_of).collect::<Vec<_>>().join(" | ")
}

/// Returns how many messages match each `tsquery`, at most [`COUNT_CAP`].
async fn count_matches(client: &Client, queries: Vec<String>) -> Result<Vec<usize>> {
    let sql =
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM messages m WHERE m.words @@ t.query::tsquery LIMIT $2) known)
               FROM unnest($1::text[]) WITH ORDINALITY t (query, place) ORDER BY t.place";
    let rows = client.query(sql, &[&queries, &COUNT_CAP]).await?;
    rows.iter().map(|row| Ok(usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))).collect()
}

/// Returns the messages with the best BM25 score for the query's words.
async fn keyword_candidates(
    client: &Client,
    asked: &RemoteQuery,
    wide: &CorpusStats,
    conditions: &SqlConditions,
) -> Result<BTreeSet<String>> {
    let groups: Vec<String> = asked
        .groups
        .iter()
        .filter(|group| !group.is_empty())
        .map(|group| format!("({})", group.iter().map(|term| quote_term(term)).collect::<Vec<_>>().join(" | ")))
        .collect();
    if groups.is_empty() {
        return Ok(BTreeSet::new());
    }
    let terms: BTreeSet<&String> = asked.groups.iter().flatten().collect();
    let queries: Vec<String> = terms.iter().map(|term| quote_term(term)).collect();
    let weights: Vec<f64> = terms.iter().map(|term| f64::from(wide.term_weight(term))).collect();
    let (k1, b, mean) = (f64::from(asked.weights.k1), f64::from(asked.weights.b), f64::from(wide.mean_words));
    let further = "m.words @@ $+1::text::tsquery
        ORDER BY (SELECT sum(t.weight) FROM unnest($+2::text[], $+3::float8[]) t (query, weight) WHERE m.words @@ t.query::tsquery)
          / (1 + $+4::float8 * (1 - $+5::float8 + $+5::float8 * m.terms / greatest(m.texts, 1) / $+6::float8)) DESC,
          m.timestamp DESC LIMIT $+7";
    let count = i64::try_from(asked.candidates).unwrap_or(i64::MAX);
    conditions.select_ids(client, further, &[&groups.join(" & "), &queries, &weights, &k1, &b, &mean, &count]).await
}

/// Returns the newest messages with a part that contains every literal text.
async fn literal_candidates(client: &Client, query: &Query, conditions: &SqlConditions) -> Result<BTreeSet<String>> {
    let further = "EXISTS (SELECT 1 FROM message_parts l WHERE l.message_id = m.id
                     AND NOT EXISTS (SELECT 1 FROM unnest($+1::text[]) t (wanted) WHERE strpos(lower(l.text), lower(t.wanted)) = 0))
                   ORDER BY m.timestamp DESC LIMIT $+2";
    let count = i64::try_from(query.offset + query.limit + 1).unwrap_or(i64::MAX);
    conditions.select_ids(client, further, &[&query.texts, &count]).await
}

/// Filters messages by the conditions.
async fn filter_messages(client: &Client, messages: &[String], conditions: &SqlConditions) -> Result<BTreeSet<String>> {
    conditions.select_ids(client, "m.id = ANY ($+1::text[]::uuid[])", &[&messages]).await
}

/// Adds the prose messages just before and after each message.
async fn add_neighbours(client: &Client, ids: &[String], conditions: &SqlConditions) -> Result<Vec<String>> {
    let further = "m.id IN (SELECT unnest($+1::text[]::uuid[]) UNION
        SELECT o.id FROM messages f, LATERAL (
          (SELECT p.id FROM messages p WHERE p.conversation_id = f.conversation_id AND p.prose_terms > 0
             AND (p.timestamp, p.change) < (f.timestamp, f.change) ORDER BY p.timestamp DESC, p.change DESC LIMIT $+2)
          UNION ALL
          (SELECT p.id FROM messages p WHERE p.conversation_id = f.conversation_id AND p.prose_terms > 0
             AND (p.timestamp, p.change) > (f.timestamp, f.change) ORDER BY p.timestamp, p.change LIMIT $+2)) o
        WHERE f.id = ANY ($+1::text[]::uuid[]))";
    Ok(conditions.select_ids(client, further, &[&ids, &NEIGHBOURS]).await?.into_iter().collect())
}

/// Sums the prose terms of the conversations of these messages.
async fn count_conversation_terms(client: &Client, ids: &[String]) -> Result<HashMap<(String, String), f32>> {
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
    fn spellings_are_alternatives() {
        let spellings = [vec!["pool".to_owned()], vec!["连".to_owned(), "接'".to_owned()], Vec::new()];
        assert_eq!(any_of(&spellings), "('pool') | ('连' & '接''')");
    }

    #[test]
    fn terms_are_quoted() {
        assert_eq!(quote_term("it's"), "'it''s'");
        assert_eq!(quote_term("a\\b"), "'a\\\\b'");
        assert_eq!(quote_term("连接池"), "'连接池'");
    }
}
