//! Histories that share messages: forks, whose copied messages are stored once, and prompts that were taken back.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::{Error, Result};
use super::messages::{PreparedMessage, Row};
use crate::domain::{Kind, MessageId, Origin, Role};

/// The session that already holds this message under the same key and with the same texts: a fork copied it. Only ids
/// that nobody else can have count.
pub(super) fn find_original(
    connection: &Connection,
    row: &Row<'_>,
    message: &PreparedMessage,
) -> Result<Option<String>> {
    let failed = |error| Error::sqlite("look for the original of a message", error);
    if !is_unique(&message.draft.external_id) || message.parts.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT c.external_id FROM parts p JOIN messages m ON m.id = p.message_id
               JOIN conversations c ON c.id = m.conversation_id
               WHERE p.key = ?1 AND p.content_hash = ?2 AND m.external_id = ?3 AND c.source = ?4 AND c.external_id <> ?5
               AND c.parent_external_id IS ?6 ORDER BY c.id LIMIT 1";
    let mut original = None;
    for part in &message.parts {
        let draft = &message.draft;
        let values = params![part.key, part.hash.0, draft.external_id, row.source, draft.session, draft.parent_session];
        let found: Option<String> = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional())
            .map_err(failed)?;
        if found.is_none() || original.as_ref().is_some_and(|original| Some(original) != found.as_ref()) {
            return Ok(None);
        }
        original = found;
    }
    Ok(original)
}

/// Whether nobody else can have this id.
fn is_unique(external_id: &str) -> bool {
    external_id.starts_with("msg_") || uuid::Uuid::try_parse(external_id).is_ok()
}

/// The id under which a message is deleted in all sessions that may have copied it.
pub(super) fn deleted_everywhere(source: &str, external_id: &str) -> Option<MessageId> {
    is_unique(external_id).then(|| MessageId::imported(source, "", external_id))
}

/// That id of a stored message.
pub(super) fn id_everywhere(connection: &Connection, id: MessageId) -> Result<Option<MessageId>> {
    let sql = "SELECT c.source, m.external_id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.uid = ?1";
    let found: Option<(String, String)> = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(|error| Error::sqlite("look for the source of a message", error))?;
    Ok(found.and_then(|(source, external_id)| deleted_everywhere(&source, &external_id)))
}

/// Notes that a session continues another one.
pub(super) fn link_fork(connection: &Connection, conversation: i64, original: &str) -> Result<()> {
    let sql = "UPDATE conversations SET forked_from = ?2 WHERE id = ?1 AND forked_from IS NULL AND external_id <> ?2";
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params![conversation, original]))
        .map(drop)
        .map_err(|error| Error::sqlite("link a fork", error))
}

/// Whether every typed text of a message stands in the same session of another source.
pub(super) fn is_known_elsewhere(connection: &Connection, source: &str, message: &PreparedMessage) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM conversations c JOIN messages m ON m.conversation_id = c.id
               JOIN parts p ON p.message_id = m.id WHERE c.source = ?1 AND c.external_id = ?2 AND p.content_hash = ?3)";
    let mut texts = message.parts.iter().filter(|part| part.part.kind == Kind::Text).peekable();
    if texts.peek().is_none() {
        return Ok(false);
    }
    for part in texts {
        let values = params![source, message.draft.session, part.hash.0];
        let known: bool = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)))
            .map_err(|error| Error::sqlite("look for a prompt", error))?;
        if !known {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Marks what was taken back when a prompt was typed in the place of an earlier one: the earlier prompt and all that
/// followed it. Both have the same parent.
pub(super) fn mark_rewound(connection: &Connection, row: &Row<'_>, id: i64, message: &PreparedMessage) -> Result<()> {
    let draft = &message.draft;
    let typed =
        |part: &super::messages::PreparedPart| (part.part.kind, part.part.origin) == (Kind::Text, Origin::Person);
    let Some(parent) = draft.parent_external_id.as_ref().filter(|_| draft.role == Role::User && !draft.sidechain)
    else {
        return Ok(());
    };
    if !message.parts.iter().any(typed) {
        return Ok(());
    }
    let failed = |error| Error::sqlite("mark what was taken back", error);
    let sql = "SELECT min(e.at) FROM messages m JOIN messages e ON e.conversation_id = m.conversation_id
               AND e.parent_external_id = ?2 AND e.role = 1 AND e.id <> m.id AND e.at < m.at AND e.sidechain = 0
               AND EXISTS (SELECT 1 FROM parts p WHERE p.message_id = e.id AND p.kind = 1 AND p.origin = 1)
               WHERE m.id = ?1";
    let from: Option<i64> = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(params![id, parent], |row| row.get(0)))
        .map_err(failed)?;
    let Some(from) = from else { return Ok(()) };
    let sql = "UPDATE messages SET sidechain = 1 WHERE sidechain = 0 AND at >= ?2 AND at < ?3 AND id <> ?1
               AND conversation_id = (SELECT conversation_id FROM messages WHERE id = ?1) RETURNING uid";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement.query_map(params![id, from, draft.at.milliseconds()], |row| row.get::<_, [u8; 16]>(0));
    let marked: Vec<[u8; 16]> = rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)?;
    for uid in marked {
        let sql = "INSERT INTO outbox (uid, change, at) VALUES (?1, 'upsert', ?2)";
        let values = params![uid, row.now.milliseconds()];
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)?;
    }
    Ok(())
}
