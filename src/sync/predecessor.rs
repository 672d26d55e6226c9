//! The predecessor's PostgreSQL database (`conversations`, `messages`, `memory_units`), read into the store and compared with what
//! was read. Its vectors are of another model and stay behind. Owns the reading; nothing over there is changed.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::{IsolationLevel, Row, Transaction};

use super::error::{Error, Result};
use super::place::PostgresPlace;
use super::postgres;
use crate::domain::query::{Reading, Selection};
use crate::domain::{ContentHash, Draft, DraftPart, Kind, Origin, Role, Timestamp};
use crate::memory::{self, Memory};

/// What its conversations are filed under.
pub const SOURCE: &str = "predecessor";
/// Messages that are handed over at once, and bytes of their texts.
const TOGETHER: i32 = 500;
const TOGETHER_BYTES: usize = 8 << 20;
/// Messages that are read back at once.
const PAGE: usize = 200;
/// Conversations that differ are listed up to this number.
const LISTED: usize = 100;

/// Messages, and units as summaries of their conversation, in the order of conversations. Older versions of the predecessor have
/// no `project_id`; its times are UTC without saying so.
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

/// How far a migration is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Messages and units there are.
    pub total: u64,
    /// Those that were read; then those that were compared.
    pub done: u64,
    /// Whether it is comparing.
    pub comparing: bool,
}

/// What was found over there, and what became of it.
#[derive(Debug, Clone, Default)]
pub struct Migrated {
    /// Conversations over there.
    pub conversations: u64,
    /// Messages over there.
    pub messages: u64,
    /// Memory units over there.
    pub units: u64,
    /// Messages and units that are new here.
    pub new: u64,
    /// Known before.
    pub duplicate: u64,
    /// Left out because they were forgotten here.
    pub forgotten: u64,
    /// Left out because they hold no text.
    pub blank: u64,
    /// Units that were switched off or had expired.
    pub inactive: u64,
    /// Conversations that were compared: text, speaker and time of everything.
    pub compared: u64,
    /// Conversations that are not the same here, the first hundred.
    pub different: Vec<String>,
    /// Whether it was stopped. The next run goes on.
    pub interrupted: bool,
}

/// Reads everything, then compares. `dry_run` only counts.
///
/// # Errors
/// When the database cannot be reached or is not the predecessor's, or the store cannot be written; what was stored stays, and
/// running it again takes in the rest.
pub async fn migrate(
    memory: &Memory,
    place: &PostgresPlace,
    dry_run: bool,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Migrated> {
    let mut client = postgres::connect(place).await?;
    // One look at everything: what is written over there meanwhile is for the next run.
    let look =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?;
    let mut done = count(&look).await?;
    if dry_run {
        return Ok(done);
    }
    let mut state = Progress { total: done.messages + done.units, ..Progress::default() };
    read(memory, &look, now, stop, &mut done, &mut |rows| {
        state.done += rows;
        progress(state);
    })
    .await?;
    memory.settle()?;
    if done.interrupted {
        return Ok(done);
    }
    state = Progress { done: 0, comparing: true, ..state };
    compare(memory, &look, stop, &mut done, &mut |rows| {
        state.done += rows;
        progress(state);
    })
    .await?;
    Ok(done)
}

async fn count(look: &Transaction<'_>) -> Result<Migrated> {
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
    Ok(Migrated { conversations: number(0)?, messages: number(1)?, units: number(2)?, ..Migrated::default() })
}

/// One message or unit.
struct Entry {
    draft: Draft,
    title: String,
}

/// `None`: nothing to take in, and it was counted.
fn entry(row: &Row, done: &mut Migrated) -> Result<Option<Entry>> {
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
        // What no person is known to have said is not trusted as if one had.
        _ => (Role::Assistant, Origin::Model),
    };
    let part = DraftPart {
        external_key: "0".to_owned(),
        kind: if unit { Kind::Summary } else { Kind::Text },
        origin,
        text,
        tool: None,
    };
    let project: Option<String> = row.try_get("project")?;
    let (id, session): (String, String) = (row.try_get("id")?, row.try_get("conversation")?);
    let at = Timestamp::from_milliseconds(row.try_get("at")?);
    let draft = Draft { cwd: project, parts: vec![part], ..Draft::new(&session, &id, role, at) };
    Ok(Some(Entry { draft, title: row.try_get("title")? }))
}

async fn read(
    memory: &Memory,
    look: &Transaction<'_>,
    now: Timestamp,
    stop: &AtomicBool,
    done: &mut Migrated,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let cursor = look.bind(ROWS, &[]).await?;
    loop {
        let rows = look.query_portal(&cursor, TOGETHER).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let (mut drafts, mut titles, mut bytes) = (Vec::new(), Vec::new(), 0);
        for row in &rows {
            let Some(Entry { draft, title }) = entry(row, done)? else { continue };
            bytes += draft.parts.iter().map(|part| part.text.len()).sum::<usize>();
            if !title.is_empty() && titles.last().is_none_or(|(session, _)| *session != draft.session) {
                titles.push((draft.session.clone(), title));
            }
            drafts.push(draft);
            if bytes >= TOGETHER_BYTES {
                bytes = 0;
                take(memory, std::mem::take(&mut drafts), std::mem::take(&mut titles), now, done)?;
            }
        }
        take(memory, drafts, titles, now, done)?;
        progress(rows.len() as u64);
        if stop.load(Ordering::Relaxed) {
            done.interrupted = true;
            return Ok(());
        }
    }
}

fn take(
    memory: &Memory,
    drafts: Vec<Draft>,
    titles: Vec<(String, String)>,
    now: Timestamp,
    done: &mut Migrated,
) -> Result<()> {
    let taken = memory.import_drafts(SOURCE, drafts, titles, now)?;
    done.new += taken.new;
    done.duplicate += taken.duplicate;
    done.forgotten += taken.forgotten;
    Ok(())
}

/// Reads everything over there once more and compares it with what the store gives back, conversation by conversation.
async fn compare(
    memory: &Memory,
    look: &Transaction<'_>,
    stop: &AtomicBool,
    done: &mut Migrated,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let cursor = look.bind(ROWS, &[]).await?;
    let (mut session, mut there) = (String::new(), Vec::new());
    // Counted when they were read.
    let mut again = Migrated::default();
    loop {
        let rows = look.query_portal(&cursor, TOGETHER).await?;
        for row in &rows {
            let Some(Entry { mut draft, .. }) = entry(row, &mut again)? else { continue };
            if draft.session != session {
                settle(memory, &session, std::mem::take(&mut there), done)?;
                session.clone_from(&draft.session);
            }
            let text = draft.parts.pop().map(|part| part.text).unwrap_or_default();
            there.push(digest(draft.role, draft.at, &memory.clean_text(text)?));
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
    settle(memory, &session, there, done)
}

/// Compares one conversation.
fn settle(memory: &Memory, session: &str, mut there: Vec<ContentHash>, done: &mut Migrated) -> Result<()> {
    if there.is_empty() {
        return Ok(());
    }
    let mut here = stored(memory, session)?;
    there.sort_unstable();
    here.sort_unstable();
    done.compared += 1;
    // What was forgotten here is missing on purpose.
    let same = if done.forgotten == 0 { here == there } else { here.iter().all(|hash| there.contains(hash)) };
    if !same && done.different.len() < LISTED {
        done.different.push(session.to_owned());
    }
    Ok(())
}

fn stored(memory: &Memory, session: &str) -> Result<Vec<ContentHash>> {
    let mut hashes = Vec::new();
    loop {
        let what = Selection::Session { session: session.to_owned(), from: hashes.len(), count: PAGE };
        let page = match memory.read(&Reading { what, max_tokens: usize::MAX, include_tools: true }) {
            Err(memory::Error::NotFound { .. }) => return Ok(hashes),
            other => other?,
        };
        let messages: Vec<_> = page.conversations.into_iter().flat_map(|found| found.messages).collect();
        if messages.is_empty() {
            return Ok(hashes);
        }
        for message in messages {
            let text: String = message.parts.iter().map(|part| part.text.as_str()).collect();
            hashes.push(digest(message.role, message.at, &text));
        }
    }
}

fn digest(role: Role, at: Timestamp, text: &str) -> ContentHash {
    ContentHash::of_parts(&[role.name().as_bytes(), &at.milliseconds().to_be_bytes(), text.as_bytes()])
}
