//! Taking in what other machines have sent: changes in the order in which the database numbered them. What this machine forgot it does
//! not take back; where a text differs, the one that changed last counts.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::error::{Error, Result};
use super::postgres_target::PostgresTarget;
use super::target::Target as _;
use crate::domain::{ContentHash, Kind, MessageId, Origin, Role, Timestamp};
use crate::memory::Memory;
use crate::store::{IncomingVector, WholeConversation, WholeMessage, WholeNote, WholePart, WholeProject, widen};

/// Changes that are taken in at once.
const TOGETHER: i64 = 500;

/// What was taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Messages that are new here.
    pub new: u64,
    /// Vectors that need not be made here any more.
    pub vectors: u64,
    /// Messages that were newer there.
    pub changed: u64,
    /// Messages that were the same.
    pub known: u64,
    /// Messages left out because they were forgotten here.
    pub forgotten: u64,
    /// Messages that were forgotten there and are gone here now.
    pub gone: u64,
    /// Whether it was stopped. The next run goes on.
    pub interrupted: bool,
}

/// Takes in all changes that were not seen.
pub(super) async fn pull(
    memory: &Memory,
    target: &mut PostgresTarget,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Pulled> {
    let place = target.prepare().await?;
    let mut at = memory.pulled(target.name(), &place)?;
    let mut pulled = Pulled::default();
    let all = target.changes_waiting(at).await?;
    let mut seen = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            pulled.interrupted = true;
            return Ok(pulled);
        }
        let changes = target.changes_after(at, TOGETHER).await?;
        let Some(last) = changes.last else { break };
        seen += (changes.messages.len() + changes.forgotten.len()) as u64;
        pulled.gone += memory.bury(changes.forgotten, now())?;
        let ids: Vec<String> = changes.messages.iter().map(|(message, _)| message.id.to_string()).collect();
        let taken = memory.take_in(changes.messages)?;
        if let Some(model) = memory.model_digest() {
            // What another machine has made need not be made here again.
            pulled.vectors += memory.take_vectors(vectors(target.client().await?, &ids, &model).await?)?;
        }
        pulled.new += taken.new;
        pulled.changed += taken.changed;
        pulled.known += taken.known;
        pulled.forgotten += taken.forgotten;
        at = last;
        memory.note_pulled(target.name(), &place, at, now())?;
        progress(seen, all);
    }
    memory.settle()?;
    Ok(pulled)
}

/// Some changes, in order.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Messages, with the moment of their change.
    pub(super) messages: Vec<(WholeMessage, Timestamp)>,
    /// Messages that were forgotten, with the reason.
    pub(super) forgotten: Vec<(MessageId, String)>,
    /// The number of the last change; `None` when there was none.
    pub(super) last: Option<i64>,
}

const MESSAGES: &str = "SELECT m.id::text, m.change, m.changed_at, m.external_id, m.parent_external_id, m.role,
        (extract(epoch FROM m.timestamp) * 1000)::bigint, m.directory, m.git_branch, m.model, m.sidechain, c.source, c.session_id,
        c.parent_session_id, c.title, p.key, p.name, p.root, p.remote,
        u.unit_type, u.title, u.topic_key, coalesce(u.keywords::text, '[]'), u.pinned,
        (extract(epoch FROM u.expires_at) * 1000)::bigint, u.superseded_by::text
    FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN projects p ON p.id = m.project_id
    LEFT JOIN memory_units u ON u.id = m.id";

impl PostgresTarget {
    /// How many changes come after one.
    async fn changes_waiting(&mut self, after: i64) -> Result<u64> {
        let sql = "SELECT (SELECT count(*) FROM messages WHERE change > $1) + (SELECT count(*) FROM tombstones WHERE change > $1)";
        let row = self.client().await?.query_one(sql, &[&after]).await?;
        Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
    }

    /// The next changes after one.
    async fn changes_after(&mut self, after: i64, most: i64) -> Result<Changes> {
        let client = self.client().await?;
        // Numbers are given out while writers wait for each other: what is seen below a number is all there is below it.
        let sql = "SELECT max(change) FROM (SELECT change FROM (SELECT change FROM messages WHERE change > $1
                   UNION ALL SELECT change FROM tombstones WHERE change > $1) each_one ORDER BY change LIMIT $2) chosen";
        let last: Option<i64> = client.query_one(sql, &[&after, &most]).await?.try_get(0)?;
        let Some(until) = last else { return Ok(Changes::default()) };
        let mut changes = Changes { last, ..Changes::default() };
        let sql = "SELECT message_id::text, reason FROM tombstones WHERE change > $1 AND change <= $2 ORDER BY change";
        for row in client.query(sql, &[&after, &until]).await? {
            changes.forgotten.push((id(row.try_get(0)?)?, row.try_get(1)?));
        }
        changes.messages = messages(client, "m.change > $1 AND m.change <= $2", &[&after, &until]).await?;
        Ok(changes)
    }
}

/// Messages for which a condition is true, in the order of their changes.
pub(super) async fn messages(
    client: &Client,
    condition: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<(WholeMessage, Timestamp)>> {
    let rows = client.query(&format!("{MESSAGES} WHERE {condition} ORDER BY m.change"), values).await?;
    let mut found = rows.iter().map(message).collect::<Result<Vec<_>>>()?;
    let sql = format!(
        "SELECT p.message_id::text, p.key, p.kind, p.origin, p.tool, p.text, p.escaped FROM message_parts p
         JOIN messages m ON m.id = p.message_id WHERE {condition} ORDER BY m.change, p.key"
    );
    let rows = client.query(&sql, values).await?;
    let mut current = found.iter_mut().peekable();
    for row in &rows {
        let owner = id(row.try_get(0)?)?;
        // Both come in the order of changes; a message without parts is passed over.
        while current.peek().is_some_and(|(message, _)| message.id != owner) {
            current.next();
        }
        if let Some((message, _)) = current.peek_mut() {
            message.parts.push(part(row)?);
        }
    }
    Ok(found)
}

/// Vectors of a model that messages have.
pub(super) async fn vectors(client: &Client, messages: &[String], model: &str) -> Result<Vec<IncomingVector>> {
    let sql = "SELECT message_id::text, part_key, ordinal, text_hash, halves FROM embeddings
               WHERE message_id = ANY ($1::text[]::uuid[]) AND model_name = $2 AND text_hash IS NOT NULL
               ORDER BY message_id, part_key, ordinal";
    let mut found = Vec::new();
    for row in client.query(sql, &[&messages, &model]).await? {
        let hash: &[u8] = row.try_get(3)?;
        found.push(IncomingVector {
            message: id(row.try_get(0)?)?,
            part: row.try_get(1)?,
            ordinal: row.try_get::<_, i32>(2)?.into(),
            text_hash: ContentHash(hash.try_into().map_err(|_| odd("a hash that is none"))?),
            vector: widen(row.try_get(4)?),
        });
    }
    Ok(found)
}

fn odd(what: &str) -> Error {
    Error::Target { target: "postgres", why: format!("a row holds {what}, which nothing here has written") }
}

fn id(text: &str) -> Result<MessageId> {
    text.parse().map_err(|_| odd("an id that is none"))
}

fn part(row: &Row) -> Result<WholePart> {
    let text: String = row.try_get(5)?;
    Ok(WholePart {
        key: row.try_get(1)?,
        kind: Kind::from_name(row.try_get(2)?).ok_or_else(|| odd("an unknown kind"))?,
        origin: Origin::from_name(row.try_get(3)?).ok_or_else(|| odd("an unknown origin"))?,
        tool: row.try_get(4)?,
        text: if row.try_get(6)? { unescaped(&text) } else { text },
    })
}

fn message(row: &Row) -> Result<(WholeMessage, Timestamp)> {
    let note = match row.try_get::<_, Option<String>>(19)? {
        None => None,
        Some(kind) => Some(WholeNote {
            kind,
            title: row.try_get::<_, Option<String>>(20)?.filter(|title| !title.is_empty()),
            topic_key: row.try_get(21)?,
            tags: row.try_get(22)?,
            pinned: row.try_get::<_, Option<bool>>(23)?.unwrap_or(false),
            expires_at: row.try_get::<_, Option<i64>>(24)?.map(Timestamp::from_milliseconds),
            superseded_by: row.try_get::<_, Option<String>>(25)?.map(|text| id(&text)).transpose()?,
        }),
    };
    let text = |column: usize| -> Result<String> { Ok(row.try_get::<_, Option<String>>(column)?.unwrap_or_default()) };
    let message = WholeMessage {
        id: id(row.try_get(0)?)?,
        conversation: WholeConversation {
            source: text(11)?,
            session: text(12)?,
            parent: row.try_get(13)?,
            title: row.try_get::<_, Option<String>>(14)?.filter(|title| !title.is_empty()),
        },
        external_id: text(3)?,
        parent_external_id: row.try_get(4)?,
        role: Role::from_name(row.try_get(5)?).ok_or_else(|| odd("an unknown role"))?,
        at: Timestamp::from_milliseconds(row.try_get(6)?),
        directory: text(7)?,
        project: WholeProject { key: text(15)?, name: text(16)?, root: text(17)?, remote: row.try_get(18)? },
        git_branch: row.try_get(8)?,
        model: row.try_get(9)?,
        sidechain: row.try_get::<_, Option<bool>>(10)?.unwrap_or(false),
        parts: Vec::new(),
        note,
    };
    Ok((message, Timestamp::from_milliseconds(row.try_get::<_, Option<i64>>(2)?.unwrap_or(0))))
}

/// Back from [`escaped`](super::page::escaped).
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.push(if letters.next() == Some('0') { '\0' } else { '\\' }),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::page::escaped;
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        for text in ["a\0b", "\0", "\\0\0\\", "\\\\\0", "反斜杠\\\0"] {
            assert_eq!(unescaped(&escaped(text).0), text);
        }
    }
}
