//! PostgreSQL as a copy of the memory: its tables, and the statements that take a page in. All values are bound, all names are fixed.

use std::collections::BTreeMap;

use pgvector::HalfVector;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::error::{Error, Result};
use super::page::{Page, conversation_id, escaped, project_id, vector_id};
use super::place::PostgresPlace;
use super::target::{Holds, Target};
use super::{postgres, postgres_vectors};
use crate::domain::text::tokens;
use crate::domain::{Kind, MessageId, Role};
use crate::memory::Memory;
use crate::store::{Sizes, WholeMessage};

const SCHEMA: &str = include_str!("schema.sql");
/// The version of the tables.
const VERSION: &str = "1";
/// Who writes takes this lock until its transaction ends: changes get their numbers in the order in which others see them.
const WRITING: i64 = 0x636c_6d65_6d6f;
/// PostgreSQL bounds one text of words to a mebibyte; a message of more distinct words is found by its first ones.
const WORDS: usize = 20_000;

/// A database.
#[derive(Debug)]
pub(super) struct PostgresTarget {
    place: PostgresPlace,
    client: Option<Client>,
    /// Whether the database can search vectors itself.
    has_pgvector: bool,
}

impl PostgresTarget {
    pub(super) const fn new(place: PostgresPlace) -> Self {
        Self { place, client: None, has_pgvector: false }
    }

    /// A connection that works, if one can be had.
    pub(super) async fn client(&mut self) -> Result<&mut Client> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = Some(postgres::connect(&self.place).await?);
        }
        self.client.as_mut().ok_or_else(|| Error::Target { target: "postgres", why: "no connection".to_owned() })
    }
}

impl Target for PostgresTarget {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn prepare(&mut self) -> Result<String> {
        let transaction = self.client().await?.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&WRITING]).await?;
        let there: Option<String> =
            transaction.query_one("SELECT to_regclass('claude_memory')::text", &[]).await?.try_get(0)?;
        let known = "SELECT value FROM claude_memory WHERE key = $1";
        if there.is_some() {
            let version: Option<String> =
                transaction.query_opt(known, &[&"version"]).await?.map(|row| row.try_get(0)).transpose()?;
            if version.as_deref() == Some(VERSION) {
                let place: String = transaction.query_one(known, &[&"place"]).await?.try_get(0)?;
                let has_pgvector = postgres_vectors::prepare(&transaction).await?;
                transaction.commit().await?;
                self.has_pgvector = has_pgvector;
                return Ok(place);
            }
            if let Some(version) = version {
                return Err(Error::Invalid {
                    message: format!("the tables are of version {version}; this program knows {VERSION}"),
                    hint: "use the same version of claude-memory on every machine",
                });
            }
        }
        transaction.batch_execute(SCHEMA).await?;
        let place = Uuid::new_v4().to_string();
        let sql = "INSERT INTO claude_memory (key, value) VALUES ('version', $1), ('place', $2) ON CONFLICT DO NOTHING";
        transaction.execute(sql, &[&VERSION, &place]).await?;
        let has_pgvector = postgres_vectors::prepare(&transaction).await?;
        transaction.commit().await?;
        self.has_pgvector = has_pgvector;
        Ok(place)
    }

    async fn push(&mut self, page: &Page) -> Result<()> {
        let has_pgvector = self.has_pgvector;
        let transaction = self.client().await?.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&WRITING]).await?;
        let messages: Vec<&WholeMessage> = page.messages.iter().map(|(message, _)| message).collect();
        projects(&transaction, &messages).await?;
        conversations(&transaction, &messages).await?;
        self::messages(&transaction, page).await?;
        parts(&transaction, page).await?;
        units(&transaction, page).await?;
        vectors(&transaction, page, has_pgvector).await?;
        gone(&transaction, page).await?;
        transaction.commit().await?;
        Ok(())
    }

    fn holds(&self) -> Holds {
        Holds::Messages
    }

    async fn finish(&mut self, memory: &Memory) -> Result<()> {
        let window = memory.mean_window()?.to_string();
        let sql = "INSERT INTO claude_memory (key, value) VALUES ('mean_window', $1) ON CONFLICT (key) DO UPDATE
                   SET value = excluded.value WHERE claude_memory.value <> excluded.value";
        let has_pgvector = self.has_pgvector;
        let client = self.client().await?;
        client.execute(sql, &[&window]).await?;
        if has_pgvector {
            postgres_vectors::fill(client).await?;
            if let Some(first) = memory.vectors_after(0, 1)?.pop() {
                postgres_vectors::index(client, &first.model, first.vector.len()).await?;
            }
        }
        Ok(())
    }

    async fn summaries(&mut self) -> Result<BTreeMap<Uuid, String>> {
        let sql = format!(
            "SELECT conversation_id::text, encode(sha256(convert_to(string_agg(id::text || digest, ',' ORDER BY id), 'UTF8')), 'hex')
             FROM ({DIGESTS}) each_one GROUP BY conversation_id"
        );
        let rows = self.client().await?.query(&sql, &[]).await?;
        rows.iter().map(|row| Ok((uuid(row.try_get(0)?)?, row.try_get(1)?))).collect()
    }

    async fn digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>> {
        let sql = format!("SELECT id::text, digest FROM ({DIGESTS}) each_one WHERE conversation_id = $1::text::uuid");
        let rows = self.client().await?.query(&sql, &[&conversation.to_string()]).await?;
        rows.iter().map(|row| Ok((MessageId(uuid(row.try_get(0)?)?), row.try_get(1)?))).collect()
    }
}

/// Each of our messages with what it holds, made from the texts themselves.
const DIGESTS: &str = "SELECT m.conversation_id, m.id, encode(sha256(convert_to(coalesce(string_agg(
        p.key || ':' || p.kind || ':' || p.origin || ':' || coalesce(p.tool, '') || ':' || p.text, E'\\x1e' ORDER BY p.key), ''),
        'UTF8')), 'hex') AS digest
    FROM messages m LEFT JOIN message_parts p ON p.message_id = m.id WHERE m.change IS NOT NULL GROUP BY m.id";

fn uuid(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|error| Error::Target { target: "postgres", why: error.to_string() })
}

async fn projects(transaction: &Transaction<'_>, messages: &[&WholeMessage]) -> Result<()> {
    let distinct: BTreeMap<String, _> =
        messages.iter().map(|message| (project_id(&message.project.key), &message.project)).collect();
    let ids: Vec<&String> = distinct.keys().collect();
    let column = |of: fn(&crate::store::WholeProject) -> Option<String>| -> Vec<Option<String>> {
        distinct.values().map(|project| of(project)).collect()
    };
    let sql = "INSERT INTO projects (id, name, key, root, remote)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, root = excluded.root, remote = excluded.remote,
                 updated_at = now() AT TIME ZONE 'UTC'
               WHERE (projects.name, projects.root, projects.remote) IS DISTINCT FROM (excluded.name, excluded.root, excluded.remote)";
    let (names, keys) = (column(|project| Some(project.name.clone())), column(|project| Some(project.key.clone())));
    let (roots, remotes) = (column(|project| Some(project.root.clone())), column(|project| project.remote.clone()));
    transaction.execute(sql, &[&ids, &names, &keys, &roots, &remotes]).await?;
    Ok(())
}

async fn conversations(transaction: &Transaction<'_>, messages: &[&WholeMessage]) -> Result<()> {
    let mut distinct: BTreeMap<Uuid, (&WholeMessage, i64, i64)> = BTreeMap::new();
    for message in messages {
        let (id, at) = (id_of(message), message.at.milliseconds());
        let entry = distinct.entry(id).or_insert((message, at, at));
        *entry = (message, entry.1.min(at), entry.2.max(at));
    }
    let ids: Vec<String> = distinct.keys().map(Uuid::to_string).collect();
    let of = |get: fn(&WholeMessage) -> Option<String>| -> Vec<Option<String>> {
        distinct.values().map(|(message, ..)| get(message)).collect()
    };
    let sources = of(|message| Some(message.conversation.source.clone()));
    let sessions = of(|message| Some(escaped(&message.conversation.session).0));
    let parents = of(|message| message.conversation.parent.clone());
    let titles = of(|message| message.conversation.title.as_ref().map(|title| escaped(title).0));
    let projects = of(|message| Some(project_id(&message.project.key)));
    let starts: Vec<i64> = distinct.values().map(|(_, start, _)| *start).collect();
    let ends: Vec<i64> = distinct.values().map(|(.., end)| *end).collect();
    let sql = "INSERT INTO conversations (id, source, session_id, parent_session_id, title, project_id, started_at, ended_at)
               SELECT id::uuid, source, session, parent, coalesce(title, ''), project,
                      to_timestamp(start / 1000.0) AT TIME ZONE 'UTC', to_timestamp(\"end\" / 1000.0) AT TIME ZONE 'UTC'
               FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
                 each_one (id, source, session, parent, title, project, start, \"end\")
               ON CONFLICT (id) DO UPDATE SET
                 title = CASE WHEN excluded.title = '' THEN conversations.title ELSE excluded.title END,
                 project_id = excluded.project_id, updated_at = now() AT TIME ZONE 'UTC',
                 started_at = least(conversations.started_at, excluded.started_at),
                 ended_at = greatest(conversations.ended_at, excluded.ended_at)";
    transaction.execute(sql, &[&ids, &sources, &sessions, &parents, &titles, &projects, &starts, &ends]).await?;
    Ok(())
}

fn id_of(message: &WholeMessage) -> Uuid {
    conversation_id(&message.conversation.source, &message.conversation.session)
}

/// What was forgotten over there already is left out.
async fn messages(transaction: &Transaction<'_>, page: &Page) -> Result<()> {
    let of = |get: fn(&WholeMessage) -> Option<String>| -> Vec<Option<String>> {
        page.messages.iter().map(|(message, _)| get(message)).collect()
    };
    let ids = of(|message| Some(message.id.to_string()));
    let conversations = of(|message| Some(id_of(message).to_string()));
    let types = of(|message| Some(if message.role == Role::User { "human" } else { message.role.name() }.to_owned()));
    let roles = of(|message| Some(message.role.name().to_owned()));
    let contents = of(|message| Some(content(message)));
    let externals = of(|message| Some(escaped(&message.external_id).0));
    let parents = of(|message| message.parent_external_id.as_ref().map(|id| escaped(id).0));
    let projects = of(|message| Some(project_id(&message.project.key)));
    let directories = of(|message| Some(escaped(&message.directory).0));
    let branches = of(|message| message.git_branch.as_ref().map(|branch| escaped(branch).0));
    let models = of(|message| message.model.as_ref().map(|model| escaped(model).0));
    let words = of(|message| {
        let mut words = Memory::words_of(message);
        words.truncate(WORDS);
        Some(words.join(" "))
    });
    let size = |of: fn(&Sizes) -> i32| -> Vec<i32> { page.sizes.iter().map(of).collect() };
    let sidechains: Vec<bool> = page.messages.iter().map(|(message, _)| message.sidechain).collect();
    let times: Vec<i64> = page.messages.iter().map(|(message, _)| message.at.milliseconds()).collect();
    let changes: Vec<i64> = page.messages.iter().map(|(_, at)| at.milliseconds()).collect();
    let counts: Vec<i32> = page
        .messages
        .iter()
        .map(|(message, _)| message.parts.iter().map(|part| tokens::estimate(&part.text)).sum::<usize>())
        .map(|count| i32::try_from(count).unwrap_or(i32::MAX))
        .collect();
    let sql = "INSERT INTO messages (id, conversation_id, message_type, role, content, external_id, parent_external_id, project_id,
                 directory, git_branch, model, words, sidechain, timestamp, changed_at, token_count, texts, terms, prose_terms, change)
               SELECT n.id::uuid, n.conversation::uuid, n.type, n.role, n.content, n.external, n.parent, n.project, n.directory,
                 n.branch, n.model, array_to_tsvector(array_remove(string_to_array(n.words, ' '), '')), n.sidechain,
                 to_timestamp(n.at / 1000.0) AT TIME ZONE 'UTC', n.changed, n.tokens, n.texts, n.terms, n.prose, nextval('claude_memory_changes')
               FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                 $10::text[], $11::text[], $12::text[], $13::boolean[], $14::bigint[], $15::bigint[], $16::integer[], $18::integer[], $19::integer[],
                 $20::integer[])
                 n (id, conversation, type, role, content, external, parent, project, directory, branch, model, words, sidechain,
                    at, changed, tokens, texts, terms, prose)
               WHERE NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.message_id = n.id::uuid)
               ON CONFLICT (id) DO UPDATE SET content = excluded.content, words = excluded.words, project_id = excluded.project_id,
                 conversation_id = excluded.conversation_id, git_branch = excluded.git_branch, model = excluded.model,
                 changed_at = excluded.changed_at, token_count = excluded.token_count, texts = excluded.texts,
                 terms = excluded.terms, prose_terms = excluded.prose_terms, change = excluded.change
               WHERE $17 OR messages.changed_at IS NULL OR messages.changed_at < excluded.changed_at";
    transaction
        .execute(
            sql,
            &[
                &ids,
                &conversations,
                &types,
                &roles,
                &contents,
                &externals,
                &parents,
                &projects,
                &directories,
                &branches,
                &models,
                &words,
                &sidechains,
                &times,
                &changes,
                &counts,
                &page.mends,
                &size(|sizes| sizes.texts),
                &size(|sizes| sizes.terms),
                &size(|sizes| sizes.prose_terms),
            ],
        )
        .await?;
    Ok(())
}

/// The prose of a message in one text, for who reads the table; what tools said is in its parts.
fn content(message: &WholeMessage) -> String {
    let prose = message.parts.iter().filter(|part| !matches!(part.kind, Kind::ToolUse | Kind::ToolResult));
    let texts: Vec<String> = prose.map(|part| part.text.replace('\0', "\u{2400}")).collect();
    texts.join("\n\n")
}

async fn parts(transaction: &Transaction<'_>, page: &Page) -> Result<()> {
    let (mut ids, mut keys, mut kinds, mut origins) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tools, mut texts, mut flags, mut changes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (message, at) in &page.messages {
        for part in &message.parts {
            let (text, flag) = escaped(&part.text);
            ids.push(message.id.to_string());
            keys.push(part.key);
            kinds.push(part.kind.name());
            origins.push(part.origin.name());
            tools.push(part.tool.clone());
            texts.push(text);
            flags.push(flag);
            changes.push(at.milliseconds());
        }
    }
    let sql = "INSERT INTO message_parts (message_id, key, kind, origin, tool, text, escaped, changed_at)
               SELECT n.id::uuid, n.key, n.kind, n.origin, n.tool, n.text, n.escaped, n.changed
               FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::bigint[])
                 n (id, key, kind, origin, tool, text, escaped, changed)
               WHERE EXISTS (SELECT 1 FROM messages m WHERE m.id = n.id::uuid)
               ON CONFLICT (message_id, key) DO UPDATE SET kind = excluded.kind, origin = excluded.origin, tool = excluded.tool,
                 text = excluded.text, escaped = excluded.escaped, changed_at = excluded.changed_at
               WHERE $9 OR message_parts.changed_at < excluded.changed_at";
    transaction.execute(sql, &[&ids, &keys, &kinds, &origins, &tools, &texts, &flags, &changes, &page.mends]).await?;
    Ok(())
}

/// Saved texts also stand where the predecessor kept its units.
async fn units(transaction: &Transaction<'_>, page: &Page) -> Result<()> {
    for (message, at) in &page.messages {
        let Some(note) = &message.note else { continue };
        let text = content(message);
        let title = note.title.clone().unwrap_or_default();
        let replaced = note.superseded_by.map(|id| id.to_string());
        let sql = "INSERT INTO memory_units (id, project_id, conversation_id, unit_type, title, summary, content, keywords, created_at,
                     expires_at, is_active, topic_key, pinned, superseded_by, changed_at)
                   SELECT m.id, $2, m.conversation_id, $3, $4, '', $5, $6::text::json, m.timestamp,
                     to_timestamp($7::bigint / 1000.0) AT TIME ZONE 'UTC', $8::text IS NULL, $9, $10, $8::text::uuid, $11
                   FROM messages m WHERE m.id = $1::text::uuid
                   ON CONFLICT (id) DO UPDATE SET unit_type = excluded.unit_type, title = excluded.title, content = excluded.content,
                     keywords = excluded.keywords, expires_at = excluded.expires_at, is_active = excluded.is_active,
                     topic_key = excluded.topic_key, pinned = excluded.pinned, superseded_by = excluded.superseded_by,
                     changed_at = excluded.changed_at, updated_at = now() AT TIME ZONE 'UTC'
                   WHERE $12 OR memory_units.changed_at IS NULL OR memory_units.changed_at < excluded.changed_at";
        let expires = note.expires_at.map(crate::domain::Timestamp::milliseconds);
        transaction
            .execute(
                sql,
                &[
                    &message.id.to_string(),
                    &project_id(&message.project.key),
                    &note.kind,
                    &title,
                    &text,
                    &note.tags,
                    &expires,
                    &replaced,
                    &note.topic_key,
                    &note.pinned,
                    &at.milliseconds(),
                    &page.mends,
                ],
            )
            .await?;
    }
    Ok(())
}

async fn vectors(transaction: &Transaction<'_>, page: &Page, has_pgvector: bool) -> Result<()> {
    let ids: Vec<String> = page.vectors.iter().map(|vector| vector_id(vector).to_string()).collect();
    let messages: Vec<String> = page.vectors.iter().map(|vector| vector.message.to_string()).collect();
    let keys: Vec<i64> = page.vectors.iter().map(|vector| vector.part).collect();
    let ordinals: Vec<i32> =
        page.vectors.iter().map(|vector| i32::try_from(vector.ordinal).unwrap_or(i32::MAX)).collect();
    let models: Vec<&str> = page.vectors.iter().map(|vector| vector.model.as_str()).collect();
    let dimensions: Vec<i32> =
        page.vectors.iter().map(|vector| i32::try_from(vector.vector.len()).unwrap_or(i32::MAX)).collect();
    let halves: Vec<Vec<u8>> = page.vectors.iter().map(|vector| crate::store::halves(&vector.vector)).collect();
    let hashes: Vec<&[u8]> = page.vectors.iter().map(|vector| vector.text_hash.0.as_slice()).collect();
    let sql = "INSERT INTO embeddings (id, message_id, part_key, ordinal, model_name, dimension, halves, text_hash)
               SELECT n.id::uuid, n.message::uuid, n.key, n.ordinal, n.model, n.dimension, n.halves, n.hash
               FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::integer[], $7::bytea[], $8::bytea[])
                 n (id, message, key, ordinal, model, dimension, halves, hash)
               WHERE EXISTS (SELECT 1 FROM messages m WHERE m.id = n.message::uuid)
               ON CONFLICT (id) DO UPDATE SET halves = excluded.halves, text_hash = excluded.text_hash
               WHERE (embeddings.halves, embeddings.text_hash) IS DISTINCT FROM (excluded.halves, excluded.text_hash)";
    transaction.execute(sql, &[&ids, &messages, &keys, &ordinals, &models, &dimensions, &halves, &hashes]).await?;
    if has_pgvector {
        let vectors = page.vectors.iter().map(|vector| HalfVector::from_f32_slice(&vector.vector)).collect();
        postgres_vectors::put(transaction, &ids, vectors).await?;
    }
    let whole: Vec<String> = page.whole.iter().map(ToString::to_string).collect();
    let sql = "DELETE FROM embeddings WHERE message_id = ANY ($1::text[]::uuid[]) AND id <> ALL ($2::text[]::uuid[])";
    if !whole.is_empty() {
        transaction.execute(sql, &[&whole, &ids]).await?;
    }
    Ok(())
}

/// What is hidden goes and may come back; what is forgotten never does.
async fn gone(transaction: &Transaction<'_>, page: &Page) -> Result<()> {
    let ids: Vec<String> = page.forgotten.iter().map(|(id, ..)| id.to_string()).collect();
    let times: Vec<i64> = page.forgotten.iter().map(|(_, at, _)| at.milliseconds()).collect();
    let reasons: Vec<&str> = page.forgotten.iter().map(|(.., reason)| reason.as_str()).collect();
    let sql = "INSERT INTO tombstones (message_id, at, reason, change)
               SELECT n.id::uuid, to_timestamp(n.at / 1000.0) AT TIME ZONE 'UTC', n.reason, nextval('claude_memory_changes')
               FROM unnest($1::text[], $2::bigint[], $3::text[]) n (id, at, reason) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&ids, &times, &reasons]).await?;
    let all: Vec<String> = ids.into_iter().chain(page.hidden.iter().map(ToString::to_string)).collect();
    for table in ["embeddings WHERE message_id", "memory_units WHERE id", "messages WHERE id"] {
        transaction.execute(&format!("DELETE FROM {table} = ANY ($1::text[]::uuid[])"), &[&all]).await?;
    }
    // A conversation of which nothing is left says nothing either.
    let sql = "DELETE FROM conversations c WHERE source IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id)";
    if !all.is_empty() {
        transaction.execute(sql, &[]).await?;
    }
    Ok(())
}
