//! PostgreSQL as a target: its tables, and the statements that apply a page. All values are bound, all names are fixed.

use std::collections::{BTreeMap, BTreeSet};

use pgvector::HalfVector;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::error::{Error, Result};
use super::nul_escapes::escape_nul;
use super::page::{ChangePage, conversation_id, project_id, vector_id};
use super::postgres_endpoint::PostgresEndpoint;
use super::postgres_schema::{VERSION, apply_steps, create_tables};
use super::signed_place::PlaceJson;
use super::target::{CompareBy, SyncTarget};
use super::{postgres, postgres_vectors};
use crate::domain::text::tokens;
use crate::domain::{MessageId, PartKind, Role};
use crate::memory::Memory;
use crate::store::{MessageRecord, TextSizes};

/// Advisory lock that a writer holds until its transaction ends, so that changes become visible in the order of their
/// numbers.
const WRITE_LOCK: i64 = 0x636c_6d65_6d6f;
/// Statement that gives the space of deleted rows back for new ones, which then overwrite them. It blocks no reader or
/// writer; `VACUUM FULL`, which would, is the operator's (see the runbook).
const VACUUM: &str = "VACUUM messages, message_parts, memory_units, embeddings, conversations, projects";
/// Maximum distinct words of a message that are indexed: PostgreSQL limits a `tsvector` to one mebibyte.
const MAX_WORDS: usize = 20_000;

/// A PostgreSQL database as a target.
#[derive(Debug)]
pub(super) struct PostgresTarget {
    place: PostgresEndpoint,
    client: Option<Client>,
    /// True if the database has the pgvector extension.
    has_pgvector: bool,
    /// True if rows were deleted since the last vacuum.
    has_deleted: bool,
}

impl PostgresTarget {
    pub(super) const fn new(place: PostgresEndpoint) -> Self {
        Self { place, client: None, has_pgvector: false, has_deleted: false }
    }

    /// Returns a live connection; reconnects if needed.
    pub(super) async fn live_client(&mut self) -> Result<&mut Client> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = Some(postgres::open_connection(&self.place).await?);
        }
        self.client.as_mut().ok_or_else(|| Error::Target { target: "postgres", why: "no connection".to_owned() })
    }
}

impl SyncTarget for PostgresTarget {
    fn target_name(&self) -> &'static str {
        "postgres"
    }

    async fn prepare_target(&mut self) -> Result<String> {
        let transaction = self.live_client().await?.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&WRITE_LOCK]).await?;
        let there: Option<String> =
            transaction.query_one("SELECT to_regclass('claude_memory')::text", &[]).await?.try_get(0)?;
        let known = "SELECT value FROM claude_memory WHERE key = $1";
        if there.is_some() {
            let version: Option<String> =
                transaction.query_opt(known, &[&"version"]).await?.map(|row| row.try_get(0)).transpose()?;
            if version.as_deref() == Some(VERSION) {
                let place: String = transaction.query_one(known, &[&"place"]).await?.try_get(0)?;
                apply_steps(&transaction).await?;
                let has_pgvector = postgres_vectors::prepare_column(&transaction).await?;
                transaction.commit().await?;
                self.has_pgvector = has_pgvector;
                return Ok(place);
            }
            if let Some(version) = version {
                return Err(Error::Invalid {
                    message: format!("the tables have version {version}; this program supports version {VERSION}"),
                    hint: "use the same version of claude-memory on every machine",
                });
            }
        }
        create_tables(&transaction).await?;
        let place = Uuid::new_v4().to_string();
        let sql = "INSERT INTO claude_memory (key, value) VALUES ('version', $1), ('place', $2) ON CONFLICT DO NOTHING";
        transaction.execute(sql, &[&VERSION, &place]).await?;
        apply_steps(&transaction).await?;
        let has_pgvector = postgres_vectors::prepare_column(&transaction).await?;
        transaction.commit().await?;
        self.has_pgvector = has_pgvector;
        Ok(place)
    }

    async fn push(&mut self, page: &ChangePage) -> Result<()> {
        let has_pgvector = self.has_pgvector;
        let transaction = self.live_client().await?.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&WRITE_LOCK]).await?;
        upsert_marks(&transaction, page).await?;
        let messages: Vec<&MessageRecord> = page.messages.iter().map(|(message, _)| message).collect();
        upsert_projects(&transaction, &messages).await?;
        upsert_conversations(&transaction, &messages).await?;
        upsert_messages(&transaction, page).await?;
        upsert_parts(&transaction, page).await?;
        upsert_units(&transaction, page).await?;
        upsert_vectors(&transaction, page, has_pgvector).await?;
        delete_gone(&transaction, page).await?;
        transaction.commit().await?;
        self.has_deleted |= !page.forgotten.is_empty() || !page.hidden.is_empty();
        Ok(())
    }

    fn compared_by(&self) -> CompareBy {
        CompareBy::Messages
    }

    async fn finish_push(&mut self, memory: &Memory) -> Result<()> {
        let window = memory.mean_window()?.to_string();
        let sql = "INSERT INTO claude_memory (key, value) VALUES ('mean_window', $1) ON CONFLICT (key) DO UPDATE
                   SET value = excluded.value WHERE claude_memory.value <> excluded.value";
        let (has_pgvector, has_deleted) = (self.has_pgvector, self.has_deleted);
        let client = self.live_client().await?;
        client.execute(sql, &[&window]).await?;
        // Best effort: the rows are deleted, and the server vacuums by itself sooner or later.
        if has_deleted && let Err(error) = client.batch_execute(VACUUM).await {
            tracing::warn!(%error, "PostgreSQL did not vacuum the tables of deleted messages");
        }
        if has_pgvector {
            postgres_vectors::fill_column(client).await?;
            if let Some(first) =
                memory.snapshot()?.vectors_after(0, &memory.model_digest().unwrap_or_default(), 1)?.pop()
            {
                postgres_vectors::create_index(client, &first.model, first.vector.len()).await?;
            }
        }
        Ok(())
    }

    async fn hidden_messages(&mut self) -> Result<BTreeSet<MessageId>> {
        let sql = "SELECT message_id::text FROM quarantine_marks WHERE hidden";
        let rows = self.live_client().await?.query(sql, &[]).await?;
        rows.iter().map(|row| Ok(MessageId(parse_uuid(row.try_get(0)?)?))).collect()
    }

    async fn conversation_digests(&mut self) -> Result<BTreeMap<Uuid, String>> {
        let sql = format!(
            "SELECT conversation_id::text, encode(sha256(convert_to(string_agg(id::text || digest, ',' ORDER BY id), 'UTF8')), 'hex')
             FROM ({DIGESTS}) each_one GROUP BY conversation_id"
        );
        let rows = self.live_client().await?.query(&sql, &[]).await?;
        rows.iter().map(|row| Ok((parse_uuid(row.try_get(0)?)?, row.try_get(1)?))).collect()
    }

    async fn message_digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>> {
        let sql = format!("SELECT id::text, digest FROM ({DIGESTS}) each_one WHERE conversation_id = $1::text::uuid");
        let rows = self.live_client().await?.query(&sql, &[&conversation.to_string()]).await?;
        rows.iter().map(|row| Ok((MessageId(parse_uuid(row.try_get(0)?)?), row.try_get(1)?))).collect()
    }
}

/// Query for the digest of each of our messages, computed from the stored texts.
const DIGESTS: &str = "SELECT m.conversation_id, m.id, encode(sha256(convert_to(coalesce(string_agg(
        p.key || ':' || p.kind || ':' || p.origin || ':' || coalesce(p.tool, '') || ':' || p.text, E'\\x1e' ORDER BY p.key), ''),
        'UTF8')), 'hex') AS digest
    FROM messages m LEFT JOIN message_parts p ON p.message_id = m.id WHERE m.change IS NOT NULL GROUP BY m.id";

fn parse_uuid(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|error| Error::Target { target: "postgres", why: error.to_string() })
}

/// Stores the name of the sender, and the decisions about messages that are later than those that are there.
async fn upsert_marks(transaction: &Transaction<'_>, page: &ChangePage) -> Result<()> {
    if let Some((machine, name)) = &page.sender {
        let sql =
            "INSERT INTO machines (key, name) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET name = excluded.name
                   WHERE machines.name <> excluded.name";
        transaction.execute(sql, &[&machine.0.as_slice(), name]).await?;
    }
    for mark in &page.marks {
        let sql = "INSERT INTO quarantine_marks (message_id, at, hidden, reason, machine, signature, change)
                   VALUES ($1::text::uuid, $2, $3, $4, $5, $6, nextval('claude_memory_changes'))
                   ON CONFLICT (message_id) DO UPDATE SET at = excluded.at, hidden = excluded.hidden, reason = excluded.reason,
                     machine = excluded.machine, signature = excluded.signature, change = excluded.change
                   WHERE (quarantine_marks.at, quarantine_marks.hidden) < (excluded.at, excluded.hidden)";
        let (machine, signature) = mark.seal.unzip();
        let (machine, signature) = (machine.map(|machine| machine.0.to_vec()), signature.map(|bytes| bytes.to_vec()));
        let (id, at) = (mark.message.to_string(), mark.at.to_milliseconds());
        let reason = mark.reason.replace('\0', "\u{2400}");
        transaction.execute(sql, &[&id, &at, &mark.hidden, &reason, &machine, &signature]).await?;
    }
    Ok(())
}

async fn upsert_projects(transaction: &Transaction<'_>, messages: &[&MessageRecord]) -> Result<()> {
    let distinct: BTreeMap<String, _> =
        messages.iter().map(|message| (project_id(&message.project.key), &message.project)).collect();
    let ids: Vec<&String> = distinct.keys().collect();
    let column = |of: fn(&crate::store::ProjectRecord) -> Option<String>| -> Vec<Option<String>> {
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

async fn upsert_conversations(transaction: &Transaction<'_>, messages: &[&MessageRecord]) -> Result<()> {
    let mut distinct: BTreeMap<Uuid, (&MessageRecord, i64, i64)> = BTreeMap::new();
    for message in messages {
        let (id, at) = (message_conversation_id(message), message.at.to_milliseconds());
        let entry = distinct.entry(id).or_insert((message, at, at));
        *entry = (message, entry.1.min(at), entry.2.max(at));
    }
    let ids: Vec<String> = distinct.keys().map(Uuid::to_string).collect();
    let of = |get: fn(&MessageRecord) -> Option<String>| -> Vec<Option<String>> {
        distinct.values().map(|(message, ..)| get(message)).collect()
    };
    let sources = of(|message| Some(message.conversation.source.clone()));
    let sessions = of(|message| Some(escape_nul(&message.conversation.session).0));
    let parents = of(|message| message.conversation.parent.clone());
    let titles = of(|message| message.conversation.title.as_ref().map(|title| escape_nul(title).0));
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

fn message_conversation_id(message: &MessageRecord) -> Uuid {
    conversation_id(&message.conversation.source, &message.conversation.session)
}

/// Upserts messages by column; of a message that is there the later change counts.
const UPSERT_MESSAGES: &str = "INSERT INTO messages (id, conversation_id, message_type, role, content, external_id, parent_external_id, project_id,
                 directory, git_branch, model, words, sidechain, timestamp, changed_at, token_count, texts, terms, prose_terms, change,
                 place, place_machine, place_signed_at, place_signature)
               SELECT n.id::uuid, n.conversation::uuid, n.type, n.role, n.content, n.external, n.parent, n.project, n.directory,
                 n.branch, n.model, array_to_tsvector(array_remove(string_to_array(n.words, ' '), '')), n.sidechain,
                 to_timestamp(n.at / 1000.0) AT TIME ZONE 'UTC', n.changed, n.tokens, n.texts, n.terms, n.prose, nextval('claude_memory_changes'),
                 n.place, n.place_machine, n.place_signed, n.place_signature
               FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                 $10::text[], $11::text[], $12::text[], $13::boolean[], $14::bigint[], $15::bigint[], $16::integer[], $18::integer[], $19::integer[],
                 $20::integer[], $22::text[], $23::bytea[], $24::bigint[], $25::bytea[])
                 n (id, conversation, type, role, content, external, parent, project, directory, branch, model, words, sidechain,
                    at, changed, tokens, texts, terms, prose, place, place_machine, place_signed, place_signature)
               WHERE NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.message_id = n.id::uuid)
               ON CONFLICT (id) DO UPDATE SET content = excluded.content, words = excluded.words, project_id = excluded.project_id,
                 conversation_id = excluded.conversation_id, git_branch = excluded.git_branch, model = excluded.model,
                 changed_at = excluded.changed_at, token_count = excluded.token_count, texts = excluded.texts,
                 terms = excluded.terms, prose_terms = excluded.prose_terms, change = excluded.change,
                 -- What a machine signed stays until another one is signed.
                 place = coalesce(excluded.place, messages.place),
                 place_machine = coalesce(excluded.place_machine, messages.place_machine),
                 place_signed_at = coalesce(excluded.place_signed_at, messages.place_signed_at),
                 place_signature = coalesce(excluded.place_signature, messages.place_signature)
               WHERE $17 OR messages.changed_at IS NULL OR messages.changed_at < excluded.changed_at
                 OR (messages.changed_at = excluded.changed_at AND messages.id = ANY ($21::text[]::uuid[]) AND EXISTS
                   (SELECT 1 FROM message_parts p WHERE p.message_id = messages.id AND p.signature IS NULL))
                 OR (messages.changed_at = excluded.changed_at AND messages.place_signature IS NULL
                   AND excluded.place_signature IS NOT NULL)";

/// Upserts messages, except those that have a tombstone in the database.
async fn upsert_messages(transaction: &Transaction<'_>, page: &ChangePage) -> Result<()> {
    let of = |get: fn(&MessageRecord) -> Option<String>| -> Vec<Option<String>> {
        page.messages.iter().map(|(message, _)| get(message)).collect()
    };
    let ids = of(|message| Some(message.id.to_string()));
    let conversations = of(|message| Some(message_conversation_id(message).to_string()));
    let types = of(|message| Some(if message.role == Role::User { "human" } else { message.role.name() }.to_owned()));
    let roles = of(|message| Some(message.role.name().to_owned()));
    let contents = of(|message| Some(prose_content(message)));
    let externals = of(|message| Some(escape_nul(&message.external_id).0));
    let parents = of(|message| message.parent_external_id.as_ref().map(|id| escape_nul(id).0));
    let projects = of(|message| Some(project_id(&message.project.key)));
    let directories = of(|message| Some(escape_nul(&message.directory).0));
    let branches = of(|message| message.git_branch.as_ref().map(|branch| escape_nul(branch).0));
    let models = of(|message| message.model.as_ref().map(|model| escape_nul(model).0));
    let words = of(|message| {
        let mut words = Memory::search_terms_of(message);
        words.truncate(MAX_WORDS);
        Some(words.join(" "))
    });
    let size = |of: fn(&TextSizes) -> i32| -> Vec<i32> { page.sizes.iter().map(of).collect() };
    let sidechains: Vec<bool> = page.messages.iter().map(|(message, _)| message.sidechain).collect();
    let times: Vec<i64> = page.messages.iter().map(|(message, _)| message.at.to_milliseconds()).collect();
    let changes: Vec<i64> = page.messages.iter().map(|(_, at)| at.to_milliseconds()).collect();
    let counts = token_counts(page);
    let signed = signed_messages(page);
    let places = PlaceColumns::of_page(page);
    transaction
        .execute(
            UPSERT_MESSAGES,
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
                &signed,
                &places.texts,
                &places.machines,
                &places.times,
                &places.signatures,
            ],
        )
        .await?;
    Ok(())
}

/// Statements about the places of a page's messages, by column.
#[derive(Default)]
struct PlaceColumns {
    texts: Vec<Option<String>>,
    machines: Vec<Option<Vec<u8>>>,
    times: Vec<Option<i64>>,
    signatures: Vec<Option<Vec<u8>>>,
}

impl PlaceColumns {
    fn of_page(page: &ChangePage) -> Self {
        let mut columns = Self::default();
        for (message, _) in &page.messages {
            let seal = message.place.as_ref().map(|place| place.seal);
            let text = message.place.clone().map(|place| PlaceJson::from(place).to_text());
            columns.texts.push(text);
            columns.machines.push(seal.map(|seal| seal.machine.0.to_vec()));
            columns.times.push(seal.map(|seal| seal.signed_at.to_milliseconds()));
            columns.signatures.push(seal.map(|seal| seal.signature.to_vec()));
        }
        columns
    }
}

fn token_counts(page: &ChangePage) -> Vec<i32> {
    let tokens = |message: &MessageRecord| -> usize {
        message.parts.iter().map(|part| tokens::estimate_tokens(&part.text)).sum()
    };
    page.messages.iter().map(|(message, _)| i32::try_from(tokens(message)).unwrap_or(i32::MAX)).collect()
}

/// Returns the messages whose parts are all signed: they replace the same ones that were sent before signatures.
fn signed_messages(page: &ChangePage) -> Vec<String> {
    let is_signed = |message: &MessageRecord| message.parts.iter().all(|part| part.seal.is_some());
    page.messages.iter().filter(|(message, _)| is_signed(message)).map(|(message, _)| message.id.to_string()).collect()
}

/// Joins the prose of a message into one text, for people who read the table; tool output is only in its parts.
fn prose_content(message: &MessageRecord) -> String {
    let prose = message.parts.iter().filter(|part| !matches!(part.kind, PartKind::ToolUse | PartKind::ToolResult));
    let texts: Vec<String> = prose.map(|part| part.text.replace('\0', "\u{2400}")).collect();
    texts.join("\n\n")
}

async fn upsert_parts(transaction: &Transaction<'_>, page: &ChangePage) -> Result<()> {
    let (mut ids, mut keys, mut kinds, mut origins) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tools, mut texts, mut flags, mut changes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut machines, mut times, mut signatures) = (Vec::new(), Vec::new(), Vec::new());
    for (message, at) in &page.messages {
        for part in &message.parts {
            let (text, flag) = escape_nul(&part.text);
            ids.push(message.id.to_string());
            keys.push(part.key);
            kinds.push(part.kind.name());
            origins.push(part.origin.name());
            tools.push(part.tool.clone());
            texts.push(text);
            flags.push(flag);
            changes.push(at.to_milliseconds());
            machines.push(part.seal.map(|seal| seal.machine.0.to_vec()));
            times.push(part.seal.map(|seal| seal.signed_at.to_milliseconds()));
            signatures.push(part.seal.map(|seal| seal.signature.to_vec()));
        }
    }
    // A part that is there unsigned is replaced by the same one signed.
    let sql = "INSERT INTO message_parts (message_id, key, kind, origin, tool, text, escaped, changed_at, machine, signed_at, signature)
               SELECT n.id::uuid, n.key, n.kind, n.origin, n.tool, n.text, n.escaped, n.changed, n.machine, n.signed, n.signature
               FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::bigint[],
                 $10::bytea[], $11::bigint[], $12::bytea[])
                 n (id, key, kind, origin, tool, text, escaped, changed, machine, signed, signature)
               WHERE EXISTS (SELECT 1 FROM messages m WHERE m.id = n.id::uuid)
               ON CONFLICT (message_id, key) DO UPDATE SET kind = excluded.kind, origin = excluded.origin, tool = excluded.tool,
                 text = excluded.text, escaped = excluded.escaped, changed_at = excluded.changed_at, machine = excluded.machine,
                 signed_at = excluded.signed_at, signature = excluded.signature
               WHERE $9 OR message_parts.changed_at < excluded.changed_at OR (message_parts.changed_at = excluded.changed_at
                 AND message_parts.signature IS NULL AND excluded.signature IS NOT NULL)";
    transaction
        .execute(
            sql,
            &[
                &ids,
                &keys,
                &kinds,
                &origins,
                &tools,
                &texts,
                &flags,
                &changes,
                &page.mends,
                &machines,
                &times,
                &signatures,
            ],
        )
        .await?;
    Ok(())
}

/// Copies saved notes into `memory_units`, the predecessor's table.
async fn upsert_units(transaction: &Transaction<'_>, page: &ChangePage) -> Result<()> {
    for (message, at) in &page.messages {
        let Some(note) = &message.note else { continue };
        let text = prose_content(message);
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
        let expires = note.expires_at.map(crate::domain::Timestamp::to_milliseconds);
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
                    &at.to_milliseconds(),
                    &page.mends,
                ],
            )
            .await?;
    }
    Ok(())
}

async fn upsert_vectors(transaction: &Transaction<'_>, page: &ChangePage, has_pgvector: bool) -> Result<()> {
    let ids: Vec<String> = page.vectors.iter().map(|vector| vector_id(vector).to_string()).collect();
    let messages: Vec<String> = page.vectors.iter().map(|vector| vector.message.to_string()).collect();
    let keys: Vec<i64> = page.vectors.iter().map(|vector| vector.part).collect();
    let ordinals: Vec<i32> =
        page.vectors.iter().map(|vector| i32::try_from(vector.ordinal).unwrap_or(i32::MAX)).collect();
    let models: Vec<&str> = page.vectors.iter().map(|vector| vector.model.as_str()).collect();
    let dimensions: Vec<i32> =
        page.vectors.iter().map(|vector| i32::try_from(vector.vector.len()).unwrap_or(i32::MAX)).collect();
    let halves: Vec<Vec<u8>> =
        page.vectors.iter().map(|vector| crate::store::encode_half_floats(&vector.vector)).collect();
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
        postgres_vectors::write_column(transaction, &ids, vectors).await?;
    }
    let whole: Vec<String> = page.whole.iter().map(ToString::to_string).collect();
    let sql = "DELETE FROM embeddings WHERE message_id = ANY ($1::text[]::uuid[]) AND id <> ALL ($2::text[]::uuid[])";
    if !whole.is_empty() {
        transaction.execute(sql, &[&whole, &ids]).await?;
    }
    Ok(())
}

/// Stores tombstones. One that is signed replaces one that is not the same: the database cannot tell whose is right.
async fn insert_tombstones(transaction: &Transaction<'_>, page: &ChangePage) -> Result<()> {
    if page.forgotten.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = page.forgotten.iter().map(|one| one.message.to_string()).collect();
    let times: Vec<i64> = page.forgotten.iter().map(|one| one.at.to_milliseconds()).collect();
    let reasons: Vec<String> = page.forgotten.iter().map(|one| one.reason.replace('\0', "\u{2400}")).collect();
    let machines: Vec<Option<Vec<u8>>> =
        page.forgotten.iter().map(|one| one.seal.map(|(machine, _)| machine.0.to_vec())).collect();
    let signatures: Vec<Option<Vec<u8>>> =
        page.forgotten.iter().map(|one| one.seal.map(|(_, signature)| signature.to_vec())).collect();
    let sql = "INSERT INTO tombstones (message_id, at, reason, change, machine, signed_at, signature)
               SELECT n.id::uuid, to_timestamp(n.at / 1000.0) AT TIME ZONE 'UTC', n.reason, nextval('claude_memory_changes'),
                 n.machine, CASE WHEN n.machine IS NOT NULL THEN n.at END, n.signature
               FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[]) n (id, at, reason, machine, signature)
               ON CONFLICT (message_id) DO UPDATE SET at = excluded.at, reason = excluded.reason, change = excluded.change,
                 machine = excluded.machine, signed_at = excluded.signed_at, signature = excluded.signature
               WHERE excluded.signature IS NOT NULL AND tombstones.signature IS DISTINCT FROM excluded.signature";
    transaction.execute(sql, &[&ids, &times, &reasons, &machines, &signatures]).await?;
    Ok(())
}

/// Deletes quarantined and deleted messages; the deleted ones also get a tombstone.
async fn delete_gone(transaction: &Transaction<'_>, page: &ChangePage) -> Result<()> {
    insert_tombstones(transaction, page).await?;
    let ids: Vec<String> = page.forgotten.iter().map(|one| one.message.to_string()).collect();
    let hidden: Vec<String> = page
        .hidden
        .iter()
        .copied()
        .chain(page.marks.iter().map(|mark| mark.message))
        .map(|id| id.to_string())
        .collect();
    // Another machine may have released it later.
    let sql = "SELECT message_id::text FROM quarantine_marks WHERE hidden AND message_id = ANY ($1::text[]::uuid[])";
    let rows = if hidden.is_empty() { Vec::new() } else { transaction.query(sql, &[&hidden]).await? };
    let hidden = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>>>()?;
    let all: Vec<String> = ids.into_iter().chain(hidden).collect();
    for table in ["embeddings WHERE message_id", "memory_units WHERE id", "messages WHERE id"] {
        transaction.execute(&format!("DELETE FROM {table} = ANY ($1::text[]::uuid[])"), &[&all]).await?;
    }
    // A conversation without messages is deleted too.
    let sql = "DELETE FROM conversations c WHERE source IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id)";
    // Names of projects and folders go with the last message; those of the predecessor have no key.
    let projects = "DELETE FROM projects p WHERE key IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.project_id = p.id)
                      AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.project_id = p.id)";
    if !all.is_empty() {
        transaction.execute(sql, &[]).await?;
        transaction.execute(projects, &[]).await?;
    }
    Ok(())
}
