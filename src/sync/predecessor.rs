//! Migration from the predecessor's PostgreSQL database (`conversations`, `messages`, `memory_units`), verified after
//! the import. Its embeddings are of another model and are not imported. The database is only read.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::{IsolationLevel, Row, Transaction};

use super::counts::{MigrationProgress, MigrationReport};
use super::error::{Error, Result};
use super::postgres;
use super::postgres_endpoint::PostgresEndpoint;
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::{ContentHash, Draft, DraftPart, Origin, PartKind, Role, Timestamp};
use crate::memory::{self, Memory};

/// Source name of the imported conversations.
const SOURCE: &str = "predecessor";
/// Messages per batch.
const BATCH_SIZE: i32 = 500;
/// Maximum bytes of texts per batch.
const BATCH_BYTES: usize = 8 << 20;
/// Messages per page when reading back for comparison.
const PAGE: usize = 200;
/// Maximum number of differing conversations that are listed.
const MAX_LISTED: usize = 100;

/// Messages, and units as summaries of their conversation, ordered by conversation. Older versions of the predecessor
/// have no `project_id`; its times are UTC without a zone.
const ROWS: &str = "
    SELECT conversation, id, kind, body, at, project, title, live FROM (
        SELECT m.conversation_id::text AS conversation, m.id::text AS id, m.message_type AS kind, m.content AS body,
               (extract(epoch FROM m.timestamp) * 1000)::bigint AS at, to_jsonb(c)->>'project_id' AS project, c.title AS title,
               true AS live
        FROM messages m JOIN conversations c ON c.id = m.conversation_id
        UNION ALL
        SELECT u.conversation_id::text, 'unit:' || u.id::text, 'unit:' || u.unit_type,
               concat_ws(E'\\n\\n', nullif(u.title, ''), nullif(u.summary, ''), nullif(nullif(u.content, u.summary), '')),
               (extract(epoch FROM u.created_at) * 1000)::bigint, to_jsonb(u)->>'project_id', c.title,
               u.is_active AND (u.expires_at IS NULL OR u.expires_at > now() AT TIME ZONE 'UTC')
        FROM memory_units u JOIN conversations c ON c.id = u.conversation_id
    ) every ORDER BY conversation, at, id";

/// Imports everything, then compares. `dry_run` only counts.
///
/// # Errors
/// If the database cannot be reached or is not the predecessor's, or the store cannot be written. Imported messages
/// stay, and running it again imports the rest.
pub async fn migrate_database(
    memory: &Memory,
    place: &PostgresEndpoint,
    dry_run: bool,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(MigrationProgress),
) -> Result<MigrationReport> {
    let mut client = postgres::open_connection(place).await?;
    // One snapshot for all reads: rows written meanwhile are left for the next run.
    let look =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?;
    let mut done = count_source(&look).await?;
    if dry_run {
        return Ok(done);
    }
    let mut state = MigrationProgress { total: done.messages + done.units, ..MigrationProgress::default() };
    import_rows(memory, &look, now, stop, &mut done, &mut |rows| {
        state.done += rows;
        progress(state);
    })
    .await?;
    memory.flush_pending()?;
    if done.interrupted {
        return Ok(done);
    }
    state = MigrationProgress { done: 0, comparing: true, ..state };
    compare_rows(memory, &look, stop, &mut done, &mut |rows| {
        state.done += rows;
        progress(state);
    })
    .await?;
    Ok(done)
}

async fn count_source(look: &Transaction<'_>) -> Result<MigrationReport> {
    let tables = "SELECT count(*) FROM unnest(ARRAY['conversations', 'messages', 'memory_units']) name WHERE to_regclass(name) IS NOT NULL";
    let found: i64 = look.query_one(tables, &[]).await?.try_get(0)?;
    if found != 3 {
        return Err(Error::Invalid {
            message: "the database has not the predecessor's tables conversations, messages and memory_units"
                .to_owned(),
            hint: "name the database in the address, for example postgresql://claude_memory@localhost/claude_memory_db",
        });
    }
    let sql = "SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages), (SELECT count(*) FROM memory_units)";
    let row = look.query_one(sql, &[]).await?;
    let number = |column| -> Result<u64> { Ok(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0)) };
    Ok(MigrationReport {
        conversations: number(0)?,
        messages: number(1)?,
        units: number(2)?,
        ..MigrationReport::default()
    })
}

/// One message or unit.
struct MigratedRow {
    draft: Draft,
    title: String,
}

/// Converts a row; `None` for one that is skipped and counted.
fn parse_row(row: &Row, done: &mut MigrationReport) -> Result<Option<MigratedRow>> {
    let text: String = row.try_get("body")?;
    if !row.try_get::<_, bool>("live")? {
        done.inactive += 1;
        return Ok(None);
    }
    if text.trim().is_empty() {
        done.blank += 1;
        return Ok(None);
    }
    let kind: String = row.try_get("kind")?;
    let unit = kind.starts_with("unit:");
    let (role, origin) = match kind.as_str() {
        "human" | "user" => (Role::User, Origin::Person),
        "system" => (Role::System, Origin::Client),
        kind if kind.starts_with("tool") => (Role::Tool, Origin::Tool),
        // A text not known to come from a person is not trusted as one.
        _ => (Role::Assistant, Origin::Model),
    };
    let part = DraftPart {
        external_key: "0".to_owned(),
        kind: if unit { PartKind::Summary } else { PartKind::Text },
        origin,
        text,
        tool: None,
    };
    let project: Option<String> = row.try_get("project")?;
    let (id, session): (String, String) = (row.try_get("id")?, row.try_get("conversation")?);
    let at = Timestamp::from_milliseconds(row.try_get("at")?);
    let draft = Draft { cwd: project, parts: vec![part], ..Draft::new(&session, &id, role, at) };
    Ok(Some(MigratedRow { draft, title: row.try_get("title")? }))
}

async fn import_rows(
    memory: &Memory,
    look: &Transaction<'_>,
    now: Timestamp,
    stop: &AtomicBool,
    done: &mut MigrationReport,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let cursor = look.bind(ROWS, &[]).await?;
    loop {
        let rows = look.query_portal(&cursor, BATCH_SIZE).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let (mut drafts, mut titles, mut bytes) = (Vec::new(), Vec::new(), 0);
        for row in &rows {
            let Some(MigratedRow { draft, title }) = parse_row(row, done)? else { continue };
            bytes += draft.parts.iter().map(|part| part.text.len()).sum::<usize>();
            if !title.is_empty() && titles.last().is_none_or(|(session, _)| *session != draft.session) {
                titles.push((draft.session.clone(), title));
            }
            drafts.push(draft);
            if bytes >= BATCH_BYTES {
                bytes = 0;
                import_batch(memory, std::mem::take(&mut drafts), std::mem::take(&mut titles), now, done)?;
            }
        }
        import_batch(memory, drafts, titles, now, done)?;
        progress(rows.len() as u64);
        if stop.load(Ordering::Relaxed) {
            done.interrupted = true;
            return Ok(());
        }
    }
}

fn import_batch(
    memory: &Memory,
    drafts: Vec<Draft>,
    titles: Vec<(String, String)>,
    now: Timestamp,
    done: &mut MigrationReport,
) -> Result<()> {
    let taken = memory.import_drafts(SOURCE, drafts, titles, now)?;
    done.new += taken.new;
    done.duplicate += taken.duplicate;
    done.forgotten += taken.forgotten;
    Ok(())
}

/// Reads the database once more and compares it with the store, conversation by conversation.
async fn compare_rows(
    memory: &Memory,
    look: &Transaction<'_>,
    stop: &AtomicBool,
    done: &mut MigrationReport,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let cursor = look.bind(ROWS, &[]).await?;
    let (mut session, mut there) = (String::new(), Vec::new());
    // Skipped rows were counted during the import.
    let mut again = MigrationReport::default();
    loop {
        let rows = look.query_portal(&cursor, BATCH_SIZE).await?;
        for row in &rows {
            let Some(MigratedRow { mut draft, .. }) = parse_row(row, &mut again)? else { continue };
            if draft.session != session {
                compare_conversation(memory, &session, std::mem::take(&mut there), done)?;
                session.clone_from(&draft.session);
            }
            let text = draft.parts.pop().map(|part| part.text).unwrap_or_default();
            there.push(message_digest(draft.role, draft.at, &memory.redact_text(text)?));
        }
        progress(rows.len() as u64);
        if rows.is_empty() || stop.load(Ordering::Relaxed) {
            break;
        }
    }
    if stop.load(Ordering::Relaxed) {
        done.interrupted = true;
        return Ok(());
    }
    compare_conversation(memory, &session, there, done)
}

/// Compares one conversation and records the result.
fn compare_conversation(
    memory: &Memory,
    session: &str,
    mut there: Vec<ContentHash>,
    done: &mut MigrationReport,
) -> Result<()> {
    if there.is_empty() {
        return Ok(());
    }
    let mut here = stored_digests(memory, session)?;
    there.sort_unstable();
    here.sort_unstable();
    done.compared += 1;
    // Messages deleted here are missing on purpose.
    let same = if done.forgotten == 0 { here == there } else { here.iter().all(|hash| there.contains(hash)) };
    if !same && done.different.len() < MAX_LISTED {
        done.different.push(session.to_owned());
    }
    Ok(())
}

fn stored_digests(memory: &Memory, session: &str) -> Result<Vec<ContentHash>> {
    let mut hashes = Vec::new();
    loop {
        let what = Selection::Session { session: session.to_owned(), from: hashes.len(), count: PAGE };
        let page = match memory.read_messages(&ReadRequest { what, max_tokens: usize::MAX, include_tools: true }) {
            Err(memory::Error::NotFound { .. }) => return Ok(hashes),
            other => other?,
        };
        let messages: Vec<_> = page.conversations.into_iter().flat_map(|found| found.messages).collect();
        if messages.is_empty() {
            return Ok(hashes);
        }
        for message in messages {
            let text: String = message.parts.iter().map(|part| part.text.as_str()).collect();
            hashes.push(message_digest(message.role, message.at, &text));
        }
    }
}

fn message_digest(role: Role, at: Timestamp, text: &str) -> ContentHash {
    ContentHash::of_parts(&[role.name().as_bytes(), &at.to_milliseconds().to_be_bytes(), text.as_bytes()])
}
