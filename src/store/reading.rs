//! Reading messages back: for a page of hits, for a conversation.

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::Store;
use super::error::{Error, Result};
use super::filter::clause;
use super::quarantine::{IN_SIGHT, NO_TWIN};
use crate::domain::{ContentHash, Filter, Kind, MessageId, Origin, Role, Timestamp, Usage};

/// A passage that may become a hit, without its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Row of the passage.
    pub passage: i64,
    /// Its byte range in the part.
    pub range: std::ops::Range<usize>,
    /// Row of the part.
    pub part: i64,
    /// Row of the message.
    pub message: i64,
    /// Row of the conversation.
    pub conversation: i64,
    /// The message.
    pub id: MessageId,
    /// What the part is.
    pub kind: Kind,
    /// Who speaks.
    pub role: Role,
    /// When it was said.
    pub at: Timestamp,
    /// Hash of the part's text: equal texts are the same memory.
    pub hash: ContentHash,
}

/// What a hit shows beside its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The text of the part.
    pub text: String,
    /// Who speaks.
    pub role: Role,
    /// Who vouches for it.
    pub origin: Origin,
    /// Session id in its source.
    pub session: String,
    /// The source.
    pub source: String,
    /// Title of the session, or of the note.
    pub title: String,
    /// Name of the project.
    pub project: String,
}

/// One part with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartText {
    /// What it is.
    pub kind: Kind,
    /// Who vouches for it.
    pub origin: Origin,
    /// Name of the tool.
    pub tool: Option<String>,
    /// The text.
    pub text: String,
}

/// One message with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    /// The message.
    pub id: MessageId,
    /// Its session.
    pub session: String,
    /// Position in its session, from 0.
    pub position: usize,
    /// Who speaks.
    pub role: Role,
    /// When.
    pub at: Timestamp,
    /// Whether the record has no time and that of a neighbour stands for it.
    pub at_estimated: bool,
    /// Taken back, or part of a side conversation.
    pub sidechain: bool,
    /// Tokens that it cost.
    pub usage: Option<Usage>,
    /// The file and line that it was imported from.
    pub provenance: Option<(String, u64)>,
    /// The parts, in order.
    pub parts: Vec<PartText>,
}

/// What a conversation is, without its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationHead {
    /// Row.
    pub row: i64,
    /// Session id in its source.
    pub session: String,
    /// The source.
    pub source: String,
    /// Its title.
    pub title: String,
    /// Name of its project.
    pub project: String,
    /// First message.
    pub started_at: Timestamp,
    /// Last message.
    pub ended_at: Timestamp,
    /// How many messages.
    pub messages: usize,
    /// The session whose history it continues.
    pub forked_from: Option<String>,
    /// Whether only its prompts are known.
    pub prompts_only: bool,
}

/// The client's title, else the first words that a person typed. The text is looked for last: in a sorted query every text of
/// the conversation would be unpacked.
pub(super) const TITLE: &str = "coalesce(c.title, (SELECT substr(body_text(b.body, b.body_bytes), 1, 200) FROM parts b WHERE b.id =
    (SELECT fp.id FROM messages fm JOIN parts fp ON fp.message_id = fm.id WHERE fm.conversation_id = c.id AND fp.kind IN (1, 7)
     ORDER BY fm.at, fm.id, fp.id LIMIT 1)), '')";

/// ` AND …`: conversations (`c`) with anything in them. One whose messages are all in quarantine has nothing to show.
pub(super) const PEOPLED: &str = " AND EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id)";

/// The source that holds nothing but what was typed. A session that is known otherwise comes first.
const PROMPTS_ONLY: &str = "claude-history";

pub(super) fn bad_number() -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(0, 0)
}

pub(super) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Kind> {
    Kind::from_number(row.get(column)?).ok_or_else(bad_number)
}

pub(super) fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    Role::from_number(row.get(column)?).ok_or_else(bad_number)
}

pub(super) fn origin(row: &Row<'_>, column: usize) -> rusqlite::Result<Origin> {
    Origin::from_number(row.get(column)?).ok_or_else(bad_number)
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_milliseconds)
}

pub(super) fn uid(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageId> {
    row.get(column).map(MessageId::from_bytes)
}

impl Store {
    /// The candidates among these passages that the filter allows.
    ///
    /// # Errors
    /// When reading fails.
    pub fn candidates(&self, passages: &[i64], filter: &Filter, now: Timestamp) -> Result<Vec<Candidate>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the candidates", error);
            let clause = clause(filter, now);
            let sql = format!(
                "SELECT a.id, a.start_byte, a.end_byte, p.id, m.id, c.id, m.uid, p.kind, m.role, m.at, p.content_hash
                 FROM passages a JOIN parts p ON p.id = a.part_id JOIN messages m ON m.id = p.message_id
                 JOIN conversations c ON c.id = m.conversation_id WHERE a.id = ?{}",
                clause.sql
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let mut found = Vec::with_capacity(passages.len());
            for passage in passages {
                let values =
                    std::iter::once(rusqlite::types::Value::from(*passage)).chain(clause.values.iter().cloned());
                found.extend(statement.query_row(params_from_iter(values), candidate).optional().map_err(failed)?);
            }
            Ok(found)
        })
    }

    /// The text of one passage; empty if it is gone.
    ///
    /// # Errors
    /// When reading fails or the text is damaged.
    pub fn passage_text(&self, passage: i64) -> Result<String> {
        self.read(|connection| {
            let sql = "SELECT body_text(p.body, p.body_bytes), a.start_byte, a.end_byte
                       FROM passages a JOIN parts p ON p.id = a.part_id WHERE a.id = ?1";
            let row = |row: &Row<'_>| {
                let (text, start, end): (String, usize, usize) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(text.get(start..end).unwrap_or("").to_owned())
            };
            let found =
                connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([passage], row).optional());
            Ok(found.map_err(|error| Error::sqlite("read a text", error))?.unwrap_or_default())
        })
    }

    /// What to show of a part.
    ///
    /// # Errors
    /// When it is gone or damaged.
    pub fn body(&self, part: i64) -> Result<Body> {
        self.read(|connection| {
            let sql = format!(
                "SELECT body_text(p.body, p.body_bytes), m.role, p.origin, c.external_id, c.source,
                   coalesce((SELECT title FROM notes WHERE message_id = m.id), {TITLE}), pr.name
                 FROM parts p JOIN messages m ON m.id = p.message_id JOIN conversations c ON c.id = m.conversation_id
                 JOIN projects pr ON pr.id = m.project_id WHERE p.id = ?1"
            );
            let row = |row: &Row<'_>| {
                Ok(Body {
                    text: row.get(0)?,
                    role: role(row, 1)?,
                    origin: origin(row, 2)?,
                    session: row.get(3)?,
                    source: row.get(4)?,
                    title: row.get(5)?,
                    project: row.get(6)?,
                })
            };
            connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.query_row([part], row))
                .map_err(|error| Error::sqlite("read a text", error))
        })
    }

    /// The conversation and position of a message.
    ///
    /// # Errors
    /// When reading fails.
    pub fn find_message(&self, id: MessageId) -> Result<Option<(ConversationHead, usize)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("find a message", error);
            let sql = format!(
                "SELECT m.conversation_id, (SELECT count(*) FROM messages o WHERE o.conversation_id = m.conversation_id
                   AND (o.at, o.id) < (m.at, m.id)) FROM messages m WHERE m.uid = ?1{IN_SIGHT}"
            );
            let place: Option<(i64, usize)> = connection
                .query_row(&sql, [id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
                .map_err(failed)?;
            let Some((conversation, position)) = place else { return Ok(None) };
            let head = head(connection, "c.id = ?1", &conversation)?;
            Ok(head.map(|head| (head, position)))
        })
    }

    /// Rows of a session's conversation and of those it started.
    ///
    /// # Errors
    /// When reading fails.
    pub fn conversations_of(&self, session: &str) -> Result<Vec<i64>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("find a conversation", error);
            let sql = format!(
                "SELECT c.id FROM conversations c WHERE (c.external_id = ?1 OR c.parent_external_id = ?1){NO_TWIN}"
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map([session], |row| row.get(0)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// A conversation by its session id, or by a prefix of it that only one has.
    ///
    /// # Errors
    /// When reading fails.
    pub fn find_conversation(&self, session: &str) -> Result<Option<ConversationHead>> {
        self.read(|connection| {
            if let Some(exact) = head(connection, "c.external_id = ?1", &session)? {
                return Ok(Some(exact));
            }
            if session.len() < 6 {
                return Ok(None);
            }
            let failed = |error| Error::sqlite("find a conversation", error);
            let sql = format!(
                "SELECT c.id FROM conversations c
                 WHERE substr(c.external_id, 1, length(?1)) = ?1 AND c.parent_external_id IS NULL{NO_TWIN}{PEOPLED} LIMIT 2"
            );
            let mut statement = connection.prepare(&sql).map_err(failed)?;
            let rows = statement.query_map([session], |row| row.get(0)).map_err(failed)?;
            let found: Vec<i64> = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
            match found.as_slice() {
                [only] => head(connection, "c.id = ?1", only),
                _ => Ok(None),
            }
        })
    }

    /// Messages `from` to `from + count` of a conversation, in order of time.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn messages(&self, conversation: i64, from: usize, count: usize) -> Result<Vec<MessageText>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read a conversation", error);
            let sql = "SELECT m.id, m.uid, c.external_id, m.role, m.at, m.sidechain, f.path, m.source_line, m.at_estimated,
                         u.input, u.output, u.cache_read, u.cache_write FROM messages m
                       JOIN conversations c ON c.id = m.conversation_id LEFT JOIN import_cursors f ON f.id = m.source_file
                       LEFT JOIN usage u ON u.message_id = m.id
                       WHERE m.conversation_id = ?1 ORDER BY m.at, m.id LIMIT ?2 OFFSET ?3";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![conversation, count, from]).map_err(failed)?;
            let mut messages = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let position = from + messages.len();
                messages.push(message(connection, row, position).map_err(failed)?);
            }
            Ok(messages)
        })
    }
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        passage: row.get(0)?,
        range: row.get(1)?..row.get(2)?,
        part: row.get(3)?,
        message: row.get(4)?,
        conversation: row.get(5)?,
        id: uid(row, 6)?,
        kind: kind(row, 7)?,
        role: role(row, 8)?,
        at: time(row, 9)?,
        hash: ContentHash(row.get(10)?),
    })
}

fn message(connection: &Connection, row: &Row<'_>, position: usize) -> rusqlite::Result<MessageText> {
    let sql = "SELECT kind, origin, tool, body_text(body, body_bytes) FROM parts WHERE message_id = ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let part = |row: &Row<'_>| {
        Ok(PartText { kind: kind(row, 0)?, origin: origin(row, 1)?, tool: row.get(2)?, text: row.get(3)? })
    };
    let parts = statement.query_map([row.get::<_, i64>(0)?], part)?.collect::<rusqlite::Result<_>>()?;
    let file: Option<String> = row.get(6)?;
    let line: Option<u64> = row.get(7)?;
    Ok(MessageText {
        id: uid(row, 1)?,
        session: row.get(2)?,
        position,
        role: role(row, 3)?,
        at: time(row, 4)?,
        at_estimated: row.get(8)?,
        sidechain: row.get(5)?,
        usage: usage(row)?,
        provenance: file.zip(line),
        parts,
    })
}

fn usage(row: &Row<'_>) -> rusqlite::Result<Option<Usage>> {
    let Some(input) = row.get(9)? else { return Ok(None) };
    Ok(Some(Usage { input, output: row.get(10)?, cache_read: row.get(11)?, cache_write: row.get(12)? }))
}

fn head(connection: &Connection, condition: &str, value: &dyn rusqlite::ToSql) -> Result<Option<ConversationHead>> {
    let sql = format!(
        "SELECT c.id, c.external_id, c.source, {TITLE}, pr.name, c.started_at, c.ended_at,
           (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id), c.forked_from, c.source = '{PROMPTS_ONLY}'
         FROM conversations c JOIN projects pr ON pr.id = c.project_id WHERE {condition}{NO_TWIN}{PEOPLED}
         ORDER BY c.source = '{PROMPTS_ONLY}' LIMIT 1"
    );
    let row = |row: &Row<'_>| {
        Ok(ConversationHead {
            row: row.get(0)?,
            session: row.get(1)?,
            source: row.get(2)?,
            title: row.get(3)?,
            project: row.get(4)?,
            started_at: time(row, 5)?,
            ended_at: time(row, 6)?,
            messages: row.get(7)?,
            forked_from: row.get(8)?,
            prompts_only: row.get(9)?,
        })
    };
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([value], row).optional())
        .map_err(|error| Error::sqlite("find a conversation", error))
}
