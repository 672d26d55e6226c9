//! Merges what other machines have pushed, in the order of the database's change numbers. Messages deleted here do not
//! come back; where a text differs, the later change wins.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::conditions::NOT_HIDDEN;
use super::counts::PullCounts;
use super::error::{Error, Result};
use super::postgres_target::PostgresTarget;
use super::signed_place::PlaceJson;
use super::signing::{self, Signer};
use super::target::SyncTarget as _;
use crate::domain::{ContentHash, MachineKey, MessageId, Origin, PartKind, Role, Timestamp};
use crate::memory::Memory;
use crate::store::{
    ConversationRecord, IncomingVector, MessageRecord, NoteRecord, PartRecord, ProjectRecord, QuarantineMark, Seal,
    SignedPlace, Tombstone, decode_half_floats,
};

/// Changes per batch.
const BATCH_SIZE: i64 = 500;

/// Merges all changes after the stored cursor.
pub(super) async fn pull_changes(
    memory: &Memory,
    target: &mut PostgresTarget,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<PullCounts> {
    let place = target.prepare_target().await?;
    // The key tells what returns from what comes from others.
    Signer::load_key(memory, now())?;
    let mut at = memory.snapshot()?.pull_position(target.target_name(), &place)?;
    let mut pulled = PullCounts::default();
    memory.record_machines(read_machines(target.live_client().await?).await?, now())?;
    merge_marks(memory, target, &place, &mut pulled).await?;
    let all = target.count_changes(at).await?;
    let mut seen = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            pulled.interrupted = true;
            return Ok(pulled);
        }
        let changes = target.read_changes(at, BATCH_SIZE).await?;
        let Some(last) = changes.last else { break };
        seen += (changes.messages.len() + changes.forgotten.len()) as u64;
        let gone = memory.apply_tombstones(changes.forgotten, now())?;
        pulled.gone += gone.count_remote() + gone.here;
        pulled.gone_by.merge(gone);
        pulled.signatures.invalid += changes.invalid;
        pulled.signatures.refused_deletions += changes.refused;
        let ids: Vec<String> = changes.messages.iter().map(|(message, _)| message.id.to_string()).collect();
        let taken = memory.merge_remote(changes.messages)?;
        if let Some(model) = memory.model_digest() {
            // Embeddings computed by another machine need not be computed again.
            pulled.vectors +=
                memory.store_remote_embeddings(read_vectors(target.live_client().await?, &ids, &model).await?)?;
        }
        pulled.new += taken.new;
        pulled.changed += taken.changed;
        pulled.known += taken.known;
        pulled.forgotten += taken.forgotten;
        pulled.signatures.add_merge(&taken);
        at = last;
        memory.save_pull_cursor(target.target_name(), &place, at, now())?;
        progress(seen, all);
    }
    memory.flush_pending()?;
    Ok(pulled)
}

/// Merges the decisions to hide and to release messages. They come before the messages.
async fn merge_marks(memory: &Memory, target: &mut PostgresTarget, place: &str, pulled: &mut PullCounts) -> Result<()> {
    let mut at = memory.quarantine_cursor(target.target_name(), place)?;
    loop {
        let sql = "SELECT message_id::text, at, hidden, reason, machine, signature, change FROM quarantine_marks
                   WHERE change > $1 ORDER BY change LIMIT $2";
        let rows = target.live_client().await?.query(sql, &[&at, &BATCH_SIZE]).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        at = last.try_get(6)?;
        let mut marks = rows.iter().map(parse_mark).collect::<Result<Vec<_>>>()?;
        let invalid = marks.iter_mut().filter_map(|mark| signing::drop_invalid_mark_seal(mark).then_some(())).count();
        pulled.signatures.invalid += invalid as u64;
        let (hidden, released) = memory.merge_quarantine(marks)?;
        pulled.hidden += hidden;
        pulled.released += released;
        memory.save_quarantine_cursor(target.target_name(), place, at)?;
    }
}

/// Reads the names that machines give themselves; those of keys that are none are left out.
pub(super) async fn read_machines(client: &Client) -> Result<Vec<(MachineKey, String)>> {
    let rows = client.query("SELECT key, name FROM machines ORDER BY key LIMIT 1000", &[]).await?;
    let mut machines = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Ok(key) = row.try_get::<_, &[u8]>(0)?.try_into() {
            machines.push((MachineKey(key), row.try_get(1)?));
        }
    }
    Ok(machines)
}

fn parse_mark(row: &Row) -> Result<QuarantineMark> {
    let machine = row.try_get::<_, Option<&[u8]>>(4)?.and_then(|key| key.try_into().ok()).map(MachineKey);
    let signature = row.try_get::<_, Option<&[u8]>>(5)?.and_then(|bytes| bytes.try_into().ok());
    Ok(QuarantineMark {
        message: parse_id(row.try_get(0)?)?,
        at: Timestamp::from_milliseconds(row.try_get(1)?),
        hidden: row.try_get(2)?,
        reason: row.try_get(3)?,
        seal: machine.zip(signature),
    })
}

/// A batch of changes, in order.
#[derive(Debug, Default)]
pub(super) struct ChangeBatch {
    /// Messages, each with the time of its change.
    pub(super) messages: Vec<(MessageRecord, Timestamp)>,
    /// Deleted messages.
    pub(super) forgotten: Vec<Tombstone>,
    /// Number of signatures that do not hold, and were removed.
    pub(super) invalid: u64,
    /// Number of deletions left out because their signature does not hold.
    pub(super) refused: u64,
    /// Number of the last change; `None` if there was none.
    pub(super) last: Option<i64>,
}

const MESSAGES_COLUMNS: &str = "m.id::text, m.change, m.changed_at, m.external_id, m.parent_external_id, m.role,
        (extract(epoch FROM m.timestamp) * 1000)::bigint, m.directory, m.git_branch, m.model, m.sidechain, c.source, c.session_id,
        c.parent_session_id, c.title, p.key, p.name, p.root, p.remote,
        u.unit_type, u.title, u.topic_key, coalesce(u.keywords::text, '[]'), u.pinned,
        (extract(epoch FROM u.expires_at) * 1000)::bigint, u.superseded_by::text";
const MESSAGES_FROM: &str =
    "FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN projects p ON p.id = m.project_id
    LEFT JOIN memory_units u ON u.id = m.id";

impl PostgresTarget {
    /// Counts the changes after a number.
    async fn count_changes(&mut self, after: i64) -> Result<u64> {
        let sql = "SELECT (SELECT count(*) FROM messages WHERE change > $1) + (SELECT count(*) FROM tombstones WHERE change > $1)";
        let row = self.live_client().await?.query_one(sql, &[&after]).await?;
        Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
    }

    /// Reads the next `most` changes after a number.
    async fn read_changes(&mut self, after: i64, most: i64) -> Result<ChangeBatch> {
        let client = self.live_client().await?;
        // Writers take numbers under a lock, so every change below a visible number is visible too.
        let sql = "SELECT max(change) FROM (SELECT change FROM (SELECT change FROM messages WHERE change > $1
                   UNION ALL SELECT change FROM tombstones WHERE change > $1) each_one ORDER BY change LIMIT $2) chosen";
        let last: Option<i64> = client.query_one(sql, &[&after, &most]).await?.try_get(0)?;
        let Some(until) = last else { return Ok(ChangeBatch::default()) };
        let mut changes = ChangeBatch { last, ..ChangeBatch::default() };
        let sql = "SELECT message_id::text, reason, machine, signed_at, signature,
                     (extract(epoch FROM at) * 1000)::bigint FROM tombstones
                   WHERE change > $1 AND change <= $2 ORDER BY change";
        for row in client.query(sql, &[&after, &until]).await? {
            let tombstone = parse_tombstone(&row)?;
            if signing::has_valid_seal(&tombstone) {
                changes.forgotten.push(tombstone);
            } else {
                changes.refused += 1;
            }
        }
        (changes.messages, changes.invalid) =
            read_messages(client, "m.change > $1 AND m.change <= $2", &[&after, &until]).await?;
        Ok(changes)
    }
}

fn parse_tombstone(row: &Row) -> Result<Tombstone> {
    let (machine, signature): (Option<&[u8]>, Option<&[u8]>) = (row.try_get(2)?, row.try_get(4)?);
    // A seal that is there and is none does not hold.
    let seal = machine.or(signature).map(|_| {
        let machine = machine.and_then(|key| key.try_into().ok()).map_or(MachineKey([0; 32]), MachineKey);
        (machine, signature.and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; 64]))
    });
    let at: Option<i64> = row.try_get(3)?;
    Ok(Tombstone {
        message: parse_id(row.try_get(0)?)?,
        at: Timestamp::from_milliseconds(at.map_or_else(|| row.try_get(5), Ok)?),
        reason: row.try_get(1)?,
        is_remote: true,
        seal,
    })
}

/// Returns true if the database has signatures under the places of messages.
async fn has_signed_places(client: &Client) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('messages') AND NOT attisdropped
                 AND attname = 'place_signature')";
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}

/// Returns true if the database has signatures and quarantine, which a program of this version adds when it writes.
pub(super) async fn has_provenance(client: &Client) -> Result<bool> {
    let sql = "SELECT to_regclass('quarantine_marks') IS NOT NULL";
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}

/// Reads messages that satisfy a condition and are not hidden, in the order of their changes. Signatures that do not hold
/// are left out; returns their number too.
pub(super) async fn read_messages(
    client: &Client,
    condition: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<(Vec<(MessageRecord, Timestamp)>, u64)> {
    let (visible, signature) = if has_provenance(client).await? {
        (format!("{condition} AND {NOT_HIDDEN}"), "p.machine, p.signed_at, p.signature")
    } else {
        (condition.to_owned(), "NULL::bytea, NULL::bigint, NULL::bytea")
    };
    let condition = &visible;
    let place = if has_signed_places(client).await? {
        "m.place, m.place_machine, m.place_signed_at, m.place_signature"
    } else {
        "NULL::text, NULL::bytea, NULL::bigint, NULL::bytea"
    };
    let rows = client
        .query(
            &format!("SELECT {MESSAGES_COLUMNS}, {place} {MESSAGES_FROM} WHERE {condition} ORDER BY m.change"),
            values,
        )
        .await?;
    let mut found = rows.iter().map(parse_message).collect::<Result<Vec<_>>>()?;
    let sql = format!(
        "SELECT p.message_id::text, p.key, p.kind, p.origin, p.tool, p.text, p.escaped, {signature} FROM message_parts p
         JOIN messages m ON m.id = p.message_id WHERE {condition} ORDER BY m.change, p.key"
    );
    let rows = client.query(&sql, values).await?;
    let mut current = found.iter_mut().peekable();
    for row in &rows {
        let owner = parse_id(row.try_get(0)?)?;
        // Both result sets are in the order of changes; messages without parts are skipped.
        while current.peek().is_some_and(|(message, _)| message.id != owner) {
            current.next();
        }
        if let Some((message, _)) = current.peek_mut() {
            message.parts.push(parse_part(row)?);
        }
    }
    let mut invalid = 0;
    for (message, _) in &mut found {
        invalid += signing::drop_invalid_seals(message);
        // The title in the table belongs to the session and may be a later one.
        if let Some(place) = &message.place {
            message.conversation.title.clone_from(&place.title);
        }
    }
    Ok((found, invalid))
}

/// Reads the embeddings of messages made by a model.
pub(super) async fn read_vectors(client: &Client, messages: &[String], model: &str) -> Result<Vec<IncomingVector>> {
    let sql = "SELECT message_id::text, part_key, ordinal, text_hash, halves FROM embeddings
               WHERE message_id = ANY ($1::text[]::uuid[]) AND model_name = $2 AND text_hash IS NOT NULL
               ORDER BY message_id, part_key, ordinal";
    let mut found = Vec::new();
    for row in client.query(sql, &[&messages, &model]).await? {
        let hash: &[u8] = row.try_get(3)?;
        found.push(IncomingVector {
            message: parse_id(row.try_get(0)?)?,
            part: row.try_get(1)?,
            ordinal: row.try_get::<_, i32>(2)?.into(),
            text_hash: ContentHash(hash.try_into().map_err(|_| unexpected_value("an invalid hash"))?),
            vector: decode_half_floats(row.try_get(4)?),
        });
    }
    Ok(found)
}

fn unexpected_value(what: &str) -> Error {
    Error::Target { target: "postgres", why: format!("a row contains {what}, which this program never writes") }
}

fn parse_id(text: &str) -> Result<MessageId> {
    text.parse().map_err(|_| unexpected_value("an invalid id"))
}

fn parse_part(row: &Row) -> Result<PartRecord> {
    let text: String = row.try_get(5)?;
    Ok(PartRecord {
        key: row.try_get(1)?,
        kind: PartKind::from_name(row.try_get(2)?).ok_or_else(|| unexpected_value("an unknown kind"))?,
        origin: Origin::from_name(row.try_get(3)?).ok_or_else(|| unexpected_value("an unknown origin"))?,
        tool: row.try_get(4)?,
        text: if row.try_get(6)? { unescape_nul(&text) } else { text },
        is_remote: true,
        seal: parse_seal(row, 7)?,
    })
}

/// Builds a seal from the columns key of the machine, time, signature from a column on.
fn parse_seal(row: &Row, first: usize) -> Result<Option<Seal>> {
    let machine = row.try_get::<_, Option<&[u8]>>(first)?.and_then(|key| key.try_into().ok()).map(MachineKey);
    let signature = row.try_get::<_, Option<&[u8]>>(first + 2)?.and_then(|bytes| bytes.try_into().ok());
    let at = row.try_get::<_, Option<i64>>(first + 1)?.map(Timestamp::from_milliseconds);
    Ok(machine.zip(at).zip(signature).map(|((machine, signed_at), signature)| Seal { machine, signed_at, signature }))
}

fn parse_message(row: &Row) -> Result<(MessageRecord, Timestamp)> {
    let note = match row.try_get::<_, Option<String>>(19)? {
        None => None,
        Some(kind) => Some(NoteRecord {
            kind,
            title: row.try_get::<_, Option<String>>(20)?.filter(|title| !title.is_empty()),
            topic_key: row.try_get(21)?,
            tags: row.try_get(22)?,
            pinned: row.try_get::<_, Option<bool>>(23)?.unwrap_or(false),
            expires_at: row.try_get::<_, Option<i64>>(24)?.map(Timestamp::from_milliseconds),
            superseded_by: row.try_get::<_, Option<String>>(25)?.map(|text| parse_id(&text)).transpose()?,
        }),
    };
    let text = |column: usize| -> Result<String> { Ok(row.try_get::<_, Option<String>>(column)?.unwrap_or_default()) };
    let message = MessageRecord {
        id: parse_id(row.try_get(0)?)?,
        conversation: ConversationRecord {
            source: text(11)?,
            session: text(12)?,
            parent: row.try_get(13)?,
            title: row.try_get::<_, Option<String>>(14)?.filter(|title| !title.is_empty()),
        },
        external_id: text(3)?,
        parent_external_id: row.try_get(4)?,
        role: Role::from_name(row.try_get(5)?).ok_or_else(|| unexpected_value("an unknown role"))?,
        at: Timestamp::from_milliseconds(row.try_get(6)?),
        directory: text(7)?,
        project: ProjectRecord { key: text(15)?, name: text(16)?, root: text(17)?, remote: row.try_get(18)? },
        git_branch: row.try_get(8)?,
        model: row.try_get(9)?,
        sidechain: row.try_get::<_, Option<bool>>(10)?.unwrap_or(false),
        parts: Vec::new(),
        note,
        place: parse_place(row)?,
    };
    Ok((message, Timestamp::from_milliseconds(row.try_get::<_, Option<i64>>(2)?.unwrap_or(0))))
}

fn parse_place(row: &Row) -> Result<Option<SignedPlace>> {
    let place = row.try_get::<_, Option<&str>>(26)?.and_then(PlaceJson::parse);
    Ok(place.zip(parse_seal(row, 27)?).map(|(place, seal)| place.with_seal(seal)))
}

/// Reverses the escaping of [`escape_nul`](super::nul_escapes::escape_nul).
fn unescape_nul(text: &str) -> String {
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
    use super::super::nul_escapes::escape_nul;
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        for text in ["a\0b", "\0", "\\0\0\\", "\\\\\0", "反斜杠\\\0"] {
            assert_eq!(unescape_nul(&escape_nul(text).0), text);
        }
    }
}
