//! Shared history of sessions: forks, whose copied messages are stored once, and rewound prompts.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Result;
use super::prepared::{InsertContext, PreparedMessage, PreparedPart};
use crate::domain::{MessageId, Origin, PartKind, Role};

/// Finds the session from which a fork copied this message. It has the same key and the same texts. Only globally
/// unique ids count.
pub(super) fn find_original(
    connection: &Connection,
    row: &InsertContext<'_>,
    message: &PreparedMessage,
) -> Result<Option<String>> {
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
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional())?;
        if found.is_none() || original.as_ref().is_some_and(|original| Some(original) != found.as_ref()) {
            return Ok(None);
        }
        original = found;
    }
    Ok(original)
}

/// True if the id is globally unique: a `msg_` id or a UUID.
fn is_unique(external_id: &str) -> bool {
    external_id.starts_with("msg_") || uuid::Uuid::try_parse(external_id).is_ok()
}

/// Returns the tombstone id that covers the copies of a message in all sessions.
pub(super) fn shared_tombstone_id(source: &str, external_id: &str) -> Option<MessageId> {
    is_unique(external_id).then(|| MessageId::for_imported(source, "", external_id))
}

/// Looks a stored message up and returns its [`shared_tombstone_id`].
pub(super) fn find_shared_tombstone(connection: &Connection, id: MessageId) -> Result<Option<MessageId>> {
    let sql = "SELECT c.source, m.external_id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.uid = ?1";
    let found: Option<(String, String)> = connection.prepare_cached(sql).and_then(|mut statement| {
        statement.query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    })?;
    Ok(found.and_then(|(source, external_id)| shared_tombstone_id(&source, &external_id)))
}

/// Records that a session continues another one. The first recorded origin stays.
pub(super) fn link_fork(connection: &Connection, conversation: i64, original: &str) -> Result<()> {
    let sql = "UPDATE conversations SET forked_from = ?2 WHERE id = ?1 AND forked_from IS NULL AND external_id <> ?2";
    Ok(connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params![conversation, original]))
        .map(drop)?)
}

/// Returns true if the same session of another source has every typed text of a message.
pub(super) fn is_known_elsewhere(connection: &Connection, source: &str, message: &PreparedMessage) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM conversations c JOIN messages m ON m.conversation_id = c.id
               JOIN parts p ON p.message_id = m.id WHERE c.source = ?1 AND c.external_id = ?2 AND p.content_hash = ?3)";
    let mut texts = message.parts.iter().filter(|part| part.part.kind == PartKind::Text).peekable();
    if texts.peek().is_none() {
        return Ok(false);
    }
    for part in texts {
        let values = params![source, message.draft.session, part.hash.0];
        let known: bool =
            connection.prepare_cached(sql).and_then(|mut statement| statement.query_row(values, |row| row.get(0)))?;
        if !known {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Marks rewound messages as side chain. A prompt typed in the place of an earlier one, with the same parent, takes
/// back the earlier prompt and everything that followed it.
pub(super) fn mark_rewound(
    connection: &Connection,
    row: &InsertContext<'_>,
    id: i64,
    message: &PreparedMessage,
) -> Result<()> {
    let draft = &message.draft;
    let typed = |part: &PreparedPart| (part.part.kind, part.part.origin) == (PartKind::Text, Origin::Person);
    let Some(parent) = draft.parent_external_id.as_ref().filter(|_| draft.role == Role::User && !draft.sidechain)
    else {
        return Ok(());
    };
    if !message.parts.iter().any(typed) {
        return Ok(());
    }
    let sql = "SELECT min(e.at) FROM messages m JOIN messages e ON e.conversation_id = m.conversation_id
               AND e.parent_external_id = ?2 AND e.role = 1 AND e.id <> m.id AND e.at < m.at AND e.sidechain = 0
               AND EXISTS (SELECT 1 FROM parts p WHERE p.message_id = e.id AND p.kind = 1 AND p.origin = 1)
               WHERE m.id = ?1";
    let from: Option<i64> = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(params![id, parent], |row| row.get(0)))?;
    let Some(from) = from else { return Ok(()) };
    let sql = "UPDATE messages SET sidechain = 1 WHERE sidechain = 0 AND at >= ?2 AND at < ?3 AND id <> ?1
               AND conversation_id = (SELECT conversation_id FROM messages WHERE id = ?1) RETURNING uid";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![id, from, draft.at.to_milliseconds()], |row| row.get::<_, [u8; 16]>(0));
    let marked: Vec<[u8; 16]> = rows?.collect::<rusqlite::Result<_>>()?;
    for uid in marked {
        let sql = "INSERT INTO changes (uid, change, at) VALUES (?1, 'upsert', ?2)";
        let values = params![uid, row.now.to_milliseconds()];
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values))?;
    }
    Ok(())
}
