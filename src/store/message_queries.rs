//! Queries that read messages: for search results and for sessions.

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::Snapshot;
use super::error::Result;
use super::filter::{NOT_QUARANTINED, VISIBLE_CONVERSATION, filter_clause};
use super::machines::SAID_BY_SQL;
use super::signed_places::UNSIGNED_PLACE_SQL;
use crate::domain::{ContentHash, Filter, IdPrefix, MessageId, Origin, PartKind, Role, Timestamp, Usage};

/// Passage that may become a result, without its text.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageCandidate {
    /// Row id in `passages`.
    pub passage: i64,
    /// Byte range of the passage in the part's text.
    pub range: std::ops::Range<usize>,
    /// Row id in `parts`.
    pub part: i64,
    /// Row id in `messages`.
    pub message: i64,
    /// Row id in `conversations`.
    pub conversation: i64,
    /// Id of the message.
    pub id: MessageId,
    /// Kind of the part.
    pub kind: PartKind,
    pub role: Role,
    /// Time of the message.
    pub at: Timestamp,
    /// Hash of the part's text. Equal texts count as the same memory.
    pub hash: ContentHash,
}

/// Text and context of a part for a search result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultContent {
    /// Text of the part.
    pub text: String,
    pub role: Role,
    pub origin: Origin,
    /// Session id in its source.
    pub session: String,
    /// Source of the session.
    pub source: String,
    /// Title of the session, or of the note; empty for a note without one.
    pub title: String,
    /// Row and name of the project.
    pub project: (i64, String),
    /// Name of the other person who said it, on a machine of theirs.
    pub said_by: Option<String>,
    /// True if it came from elsewhere and no machine has signed its project, branch and title.
    pub has_unsigned_place: bool,
}

/// Part of a message with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartText {
    pub kind: PartKind,
    pub origin: Origin,
    /// Name of the called tool.
    pub tool: Option<String>,
    /// Text of the part.
    pub text: String,
    /// Name of the other person who said it, on a machine of theirs.
    pub said_by: Option<String>,
}

/// Message with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    /// Id of the message.
    pub id: MessageId,
    /// Session id of the message.
    pub session: String,
    /// Position in its session, from 0.
    pub position: usize,
    pub role: Role,
    pub at: Timestamp,
    /// True if the record has no time and that of a neighbour was used.
    pub at_estimated: bool,
    /// True for messages of a side chain: taken back, or off the main thread.
    pub sidechain: bool,
    /// Token usage of the answer.
    pub usage: Option<Usage>,
    /// File and line that the message was imported from.
    pub provenance: Option<(String, u64)>,
    /// Parts in order of storage.
    pub parts: Vec<PartText>,
}

/// Session without its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationHead {
    /// Row id in `conversations`.
    pub row: i64,
    /// Session id in its source.
    pub session: String,
    /// Source of the session.
    pub source: String,
    /// Title of the session.
    pub title: String,
    /// Name of the session's project.
    pub project: String,
    /// Row of the session's project.
    pub project_row: i64,
    /// Time of the first message.
    pub started_at: Timestamp,
    /// Time of the last message.
    pub ended_at: Timestamp,
    /// Number of messages.
    pub messages: usize,
    /// Session that this one was forked from.
    pub forked_from: Option<String>,
    /// True if only the prompts of the session are known.
    pub prompts_only: bool,
    /// True if all of it came from elsewhere and no machine has signed its project and title.
    pub has_unsigned_place: bool,
}

/// SQL for the title of a session: the client's title, else the first typed text. The text is selected last: a sorted
/// query would decompress every text of the session.
pub(super) const TITLE_SQL: &str = "coalesce(c.title, (SELECT substr(body_text(b.body, b.body_bytes), 1, 200) FROM parts b WHERE b.id =
    (SELECT fp.id FROM messages fm JOIN parts fp ON fp.message_id = fm.id WHERE fm.conversation_id = c.id AND fp.kind IN (1, 7)
     ORDER BY fm.at, fm.id, fp.id LIMIT 1)), '')";

/// ` AND …`: conversations (`c`) with at least one message. One whose messages are all in quarantine has nothing to
/// show.
pub(super) const HAS_MESSAGES: &str = " AND EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id)";

/// Source with nothing but typed prompts. A session that another source has too is read from there.
const PROMPTS_ONLY_SOURCE: &str = "claude-history";

pub(super) fn invalid_number() -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(0, 0)
}

pub(super) fn read_kind(row: &Row<'_>, column: usize) -> rusqlite::Result<PartKind> {
    PartKind::from_number(row.get(column)?).ok_or_else(invalid_number)
}

pub(super) fn read_role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    Role::from_number(row.get(column)?).ok_or_else(invalid_number)
}

pub(super) fn read_origin(row: &Row<'_>, column: usize) -> rusqlite::Result<Origin> {
    Origin::from_number(row.get(column)?).ok_or_else(invalid_number)
}

pub(super) fn read_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_milliseconds)
}

pub(super) fn read_uid(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageId> {
    row.get(column).map(MessageId::from_bytes)
}

impl Snapshot<'_> {
    /// Returns those of these passages that the filter allows.
    pub fn filter_candidates(
        &self,
        passages: &[i64],
        filter: &Filter,
        now: Timestamp,
    ) -> Result<Vec<PassageCandidate>> {
        self.query("read the candidates", |connection| {
            let clause = filter_clause(filter, now);
            let sql = format!(
                "SELECT a.id, a.start_byte, a.end_byte, p.id, m.id, c.id, m.uid, p.kind, m.role, m.at, p.content_hash
                 FROM passages a JOIN parts p ON p.id = a.part_id JOIN messages m ON m.id = p.message_id
                 JOIN conversations c ON c.id = m.conversation_id WHERE a.id = ?{}",
                clause.sql
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = Vec::with_capacity(passages.len());
            for passage in passages {
                let values =
                    std::iter::once(rusqlite::types::Value::from(*passage)).chain(clause.values.iter().cloned());
                found.extend(statement.query_row(params_from_iter(values), parse_candidate).optional()?);
            }
            Ok(found)
        })
    }

    /// Returns the text of one passage; empty if it does not exist.
    ///
    /// # Errors
    /// When reading fails or the text is damaged.
    pub fn passage_text(&self, passage: i64) -> Result<String> {
        self.query("read a text", |connection| {
            let sql = "SELECT body_text(p.body, p.body_bytes), a.start_byte, a.end_byte
                       FROM passages a JOIN parts p ON p.id = a.part_id WHERE a.id = ?1";
            let row = |row: &Row<'_>| {
                let (text, start, end): (String, usize, usize) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(text.get(start..end).unwrap_or("").to_owned())
            };
            let found =
                connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([passage], row).optional());
            Ok(found?.unwrap_or_default())
        })
    }

    /// Returns text and context of a part.
    ///
    /// # Errors
    /// When the part does not exist or is damaged.
    pub fn read_content(&self, part: i64) -> Result<ResultContent> {
        self.query("read a text", |connection| {
            let sql = format!(
                "SELECT body_text(p.body, p.body_bytes), m.role, p.origin, c.external_id, c.source,
                   coalesce((SELECT coalesce(title, '') FROM notes WHERE message_id = m.id), {TITLE_SQL}), pr.id, pr.name, {SAID_BY_SQL},
                   {UNSIGNED_PLACE_SQL}
                 FROM parts p JOIN messages m ON m.id = p.message_id JOIN conversations c ON c.id = m.conversation_id
                 JOIN projects pr ON pr.id = m.project_id WHERE p.id = ?1"
            );
            let row = |row: &Row<'_>| {
                Ok(ResultContent {
                    text: row.get(0)?,
                    role: read_role(row, 1)?,
                    origin: read_origin(row, 2)?,
                    session: row.get(3)?,
                    source: row.get(4)?,
                    title: row.get(5)?,
                    project: (row.get(6)?, row.get(7)?),
                    said_by: row.get(8)?,
                    has_unsigned_place: row.get(9)?,
                })
            };
            Ok(connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([part], row))?)
        })
    }

    /// Returns the session of a message and its position in it. Quarantined messages are not found.
    pub fn find_message(&self, id: MessageId) -> Result<Option<(ConversationHead, usize)>> {
        self.query("find a message", |connection| {
            let sql = format!(
                "SELECT m.conversation_id, (SELECT count(*) FROM messages o WHERE o.conversation_id = m.conversation_id
                   AND (o.at, o.id) < (m.at, m.id)) FROM messages m WHERE m.uid = ?1{NOT_QUARANTINED}"
            );
            let place: Option<(i64, usize)> =
                connection.query_row(&sql, [id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((conversation, position)) = place else { return Ok(None) };
            let head = read_conversation_head(connection, "c.id = ?1", &conversation)?;
            Ok(head.map(|head| (head, position)))
        })
    }

    /// Returns up to two message ids with this prefix: two mean that it is ambiguous.
    pub fn ids_with_prefix(&self, prefix: IdPrefix) -> Result<Vec<MessageId>> {
        let (first, last) = prefix.id_bounds();
        self.query("find a message", |connection| {
            let sql = format!("SELECT m.uid FROM messages m WHERE m.uid BETWEEN ?1 AND ?2{NOT_QUARANTINED} LIMIT 2");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([first.as_bytes(), last.as_bytes()], |row| read_uid(row, 0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the rows of a session and of the subagents it started.
    pub fn conversations_of_session(&self, session: &str) -> Result<Vec<i64>> {
        self.query("find a session", |connection| {
            let sql = format!(
                "SELECT c.id FROM conversations c WHERE (c.external_id = ?1 OR c.parent_external_id = ?1){VISIBLE_CONVERSATION}"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([session], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Finds a session by its id, or by a unique prefix of at least four characters.
    pub fn find_conversation(&self, session: &str) -> Result<Option<ConversationHead>> {
        self.query("find a session", |connection| {
            if let Some(exact) = read_conversation_head(connection, "c.external_id = ?1", &session)? {
                return Ok(Some(exact));
            }
            if session.len() < 4 {
                return Ok(None);
            }
            let sql = format!(
                "SELECT c.id FROM conversations c
                 WHERE substr(c.external_id, 1, length(?1)) = ?1 AND c.parent_external_id IS NULL{VISIBLE_CONVERSATION}{HAS_MESSAGES} LIMIT 2"
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map([session], |row| row.get(0))?;
            let found: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
            match found.as_slice() {
                [only] => read_conversation_head(connection, "c.id = ?1", only),
                _ => Ok(None),
            }
        })
    }

    /// Returns messages `from` to `from + count` of a session, in order of time.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn read_messages(&self, conversation: i64, from: usize, count: usize) -> Result<Vec<MessageText>> {
        self.query("read a session", |connection| {
            let sql = "SELECT m.id, m.uid, c.external_id, m.role, m.at, m.sidechain, f.path, m.source_line, m.at_estimated,
                         u.input, u.output, u.cache_read, u.cache_write FROM messages m
                       JOIN conversations c ON c.id = m.conversation_id LEFT JOIN import_cursors f ON f.id = m.source_file
                       LEFT JOIN usage u ON u.message_id = m.id
                       WHERE m.conversation_id = ?1 ORDER BY m.at, m.id LIMIT ?2 OFFSET ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![conversation, count, from])?;
            let mut messages = Vec::new();
            while let Some(row) = rows.next()? {
                let position = from + messages.len();
                messages.push(parse_message(connection, row, position)?);
            }
            Ok(messages)
        })
    }
}

fn parse_candidate(row: &Row<'_>) -> rusqlite::Result<PassageCandidate> {
    Ok(PassageCandidate {
        passage: row.get(0)?,
        range: row.get(1)?..row.get(2)?,
        part: row.get(3)?,
        message: row.get(4)?,
        conversation: row.get(5)?,
        id: read_uid(row, 6)?,
        kind: read_kind(row, 7)?,
        role: read_role(row, 8)?,
        at: read_time(row, 9)?,
        hash: ContentHash(row.get(10)?),
    })
}

fn parse_message(connection: &Connection, row: &Row<'_>, position: usize) -> rusqlite::Result<MessageText> {
    let sql = format!(
        "SELECT p.kind, p.origin, p.tool, body_text(p.body, p.body_bytes), {SAID_BY_SQL} FROM parts p
         WHERE p.message_id = ?1 ORDER BY p.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let part = |row: &Row<'_>| {
        let (kind, origin) = (read_kind(row, 0)?, read_origin(row, 1)?);
        Ok(PartText { kind, origin, tool: row.get(2)?, text: row.get(3)?, said_by: row.get(4)? })
    };
    let parts = statement.query_map([row.get::<_, i64>(0)?], part)?.collect::<rusqlite::Result<_>>()?;
    let file: Option<String> = row.get(6)?;
    let line: Option<u64> = row.get(7)?;
    Ok(MessageText {
        id: read_uid(row, 1)?,
        session: row.get(2)?,
        position,
        role: read_role(row, 3)?,
        at: read_time(row, 4)?,
        at_estimated: row.get(8)?,
        sidechain: row.get(5)?,
        usage: parse_usage(row)?,
        provenance: file.zip(line),
        parts,
    })
}

fn parse_usage(row: &Row<'_>) -> rusqlite::Result<Option<Usage>> {
    let Some(input) = row.get(9)? else { return Ok(None) };
    Ok(Some(Usage { input, output: row.get(10)?, cache_read: row.get(11)?, cache_write: row.get(12)? }))
}

fn read_conversation_head(
    connection: &Connection,
    condition: &str,
    value: &dyn rusqlite::ToSql,
) -> Result<Option<ConversationHead>> {
    let sql = format!(
        "SELECT c.id, c.external_id, c.source, {TITLE_SQL}, pr.name, c.started_at, c.ended_at,
           (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id), c.forked_from, c.source = '{PROMPTS_ONLY_SOURCE}', pr.id,
           NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id AND NOT {UNSIGNED_PLACE_SQL})
         FROM conversations c JOIN projects pr ON pr.id = c.project_id WHERE {condition}{VISIBLE_CONVERSATION}{HAS_MESSAGES}
         ORDER BY c.source = '{PROMPTS_ONLY_SOURCE}' LIMIT 1"
    );
    let row = |row: &Row<'_>| {
        Ok(ConversationHead {
            row: row.get(0)?,
            session: row.get(1)?,
            source: row.get(2)?,
            title: row.get(3)?,
            project: row.get(4)?,
            project_row: row.get(10)?,
            started_at: read_time(row, 5)?,
            ended_at: read_time(row, 6)?,
            messages: row.get(7)?,
            forked_from: row.get(8)?,
            prompts_only: row.get(9)?,
            has_unsigned_place: row.get(11)?,
        })
    };
    Ok(connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([value], row).optional())?)
}
