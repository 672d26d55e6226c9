//! Turns of the person, newest first, with the text that each answers, and the notes that were made of them. Does not own
//! what a turn states.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, params, params_from_iter};

use super::Snapshot;
use super::error::Result;
use super::filter::{NOT_QUARANTINED, VISIBLE_CONVERSATION, push_in_list};
use super::message_queries::{read_origin, read_time, read_uid};
use crate::domain::{MessageId, Origin, PartKind, Role, Timestamp};

/// Selects turns of the person.
#[derive(Debug, Clone, Default)]
pub struct TurnFilter {
    /// Row ids of the projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    /// Lower bound of the time, inclusive.
    pub since: Option<Timestamp>,
    /// Only this message.
    pub id: Option<MessageId>,
    /// Maximum number of turns.
    pub limit: usize,
}

/// A turn that the person typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonTurn {
    pub id: MessageId,
    /// Row id in `messages`.
    pub message: i64,
    /// Row id in `conversations`.
    pub conversation: i64,
    pub at: Timestamp,
    /// Session id in its source.
    pub session: String,
    /// Row and name of the project.
    pub project: (i64, String),
    /// Working directory.
    pub directory: String,
    /// First passage of the turn, if it is indexed.
    pub passage: Option<i64>,
    pub text: String,
}

/// Text of a model that a turn answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposingText {
    pub id: MessageId,
    pub origin: Origin,
    /// Last passage of the text, if it is indexed.
    pub passage: Option<i64>,
    pub text: String,
}

/// Text that a person or an agent said in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenText {
    pub id: MessageId,
    /// Row id in `parts`.
    pub part: i64,
    pub at: Timestamp,
    pub origin: Origin,
    /// True if it belongs to a side conversation inside the session.
    pub is_sidechain: bool,
    pub text: String,
}

/// Note whose topic is a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnNote {
    pub id: MessageId,
    pub topic: String,
    /// Type of the note: decision, correction and so on.
    pub kind: String,
    /// True if another note replaced it.
    pub is_superseded: bool,
    /// True if it is from a machine that is not confirmed.
    pub is_from_elsewhere: bool,
}

/// ` AND …`: prompts that another source does not have with the whole session.
const NOT_ONLY_PROMPTS: &str = " AND NOT (c.source = 'claude-history' AND EXISTS (
    SELECT 1 FROM conversations o WHERE o.external_id = c.external_id AND o.source <> c.source))";

impl Snapshot<'_> {
    /// Calls `each` with the selected turns, newest first. Turns of subagents, side chains and other machines that are
    /// not confirmed are left out. Returns the number of turns.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn each_person_turn(&self, wanted: &TurnFilter, mut each: impl FnMut(PersonTurn)) -> Result<usize> {
        let (user, text, person) = (Role::User.number(), PartKind::Text.number(), Origin::Person.number());
        let mut sql = format!(
            "SELECT m.uid, m.id, m.conversation_id, m.at, c.external_id, pr.id, pr.name, d.directory,
               (SELECT min(a.id) FROM passages a WHERE a.part_id = p.id), body_text(p.body, p.body_bytes)
             FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN parts p ON p.message_id = m.id
             JOIN projects pr ON pr.id = m.project_id JOIN project_directories d ON d.id = m.directory_id
             WHERE m.role = {user} AND p.kind = {text} AND p.origin = {person} AND m.sidechain = 0
               AND c.parent_external_id IS NULL{VISIBLE_CONVERSATION}{NOT_ONLY_PROMPTS}"
        );
        let mut values = Vec::new();
        if let Some(projects) = &wanted.projects {
            push_in_list(&mut sql, &mut values, "m.project_id", projects.iter().map(|id| Value::from(*id)));
        }
        if let Some(since) = wanted.since {
            sql.push_str(" AND m.at >= ?");
            values.push(since.to_milliseconds().into());
        }
        if let Some(id) = wanted.id {
            sql.push_str(" AND m.uid = ?");
            values.push(id.as_bytes().to_vec().into());
        }
        sql.push_str(" ORDER BY m.at DESC, m.id DESC, p.id LIMIT ?");
        values.push(i64::try_from(wanted.limit).unwrap_or(i64::MAX).into());
        self.query("read the turns of the person", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                count += 1;
                each(parse_turn(row)?);
            }
            Ok(count)
        })
    }

    /// Returns the text of a model that a turn answers: the last one before it, with no other turn of the person between.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn text_answered_by(&self, turn: &PersonTurn) -> Result<Option<ProposingText>> {
        self.query("read the text before a turn", |connection| {
            let sql = format!(
                "SELECT m.uid, p.origin, (SELECT max(a.id) FROM passages a WHERE a.part_id = p.id), body_text(p.body, p.body_bytes), m.role
                 FROM messages m JOIN parts p ON p.message_id = m.id
                 WHERE m.conversation_id = ?1 AND (m.at, m.id) < (?2, ?3) AND m.role IN (?4, ?5) AND p.kind = ?6 AND m.sidechain = 0{NOT_QUARANTINED}
                 ORDER BY m.at DESC, m.id DESC, p.id DESC LIMIT 1"
            );
            let (user, assistant) = (Role::User.number(), Role::Assistant.number());
            let values = params![
                turn.conversation,
                turn.at.to_milliseconds(),
                turn.message,
                user,
                assistant,
                PartKind::Text.number()
            ];
            let read_row = |row: &Row<'_>| {
                let text = ProposingText {
                    id: read_uid(row, 0)?,
                    origin: read_origin(row, 1)?,
                    passage: row.get(2)?,
                    text: row.get(3)?,
                };
                Ok((text, row.get::<_, i64>(4)? == assistant))
            };
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_row(values, read_row).optional()?;
            Ok(found.filter(|(_, is_of_model)| *is_of_model).map(|(text, _)| text))
        })
    }

    /// Returns the last texts of the person before a part of a session, newest first; in the session of a subagent, the
    /// texts that gave it its task. With `is_agent` those of the agent.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn spoken_before(
        &self,
        conversation: i64,
        (at, part): (Timestamp, i64),
        is_agent: bool,
        limit: usize,
    ) -> Result<Vec<SpokenText>> {
        self.query("read the texts before an edit", |connection| {
            // The reason that a person gives with a refusal is in the message of a tool.
            let (user, agent) = (Role::User.number(), Role::Assistant.number());
            let (text, person) = (PartKind::Text.number(), Origin::Person.number());
            let speaker = if is_agent {
                format!("m.role = {agent}")
            } else {
                format!("(m.role = {user} OR p.origin = {person})")
            };
            let sql = format!(
                "SELECT m.uid, p.id, m.at, p.origin, m.sidechain, body_text(p.body, p.body_bytes)
                 FROM messages m JOIN parts p ON p.message_id = m.id
                 WHERE m.conversation_id = ?1 AND (m.at < ?2 OR m.at = ?2 AND p.id < ?3) AND {speaker}
                   AND p.kind = {text}{NOT_QUARANTINED}
                 ORDER BY m.at DESC, p.id DESC LIMIT ?4"
            );
            let values = params![conversation, at.to_milliseconds(), part, i64::try_from(limit).unwrap_or(i64::MAX)];
            let rows = connection
                .prepare_cached(&sql)?
                .query_map(values, |row| {
                    Ok(SpokenText {
                        id: read_uid(row, 0)?,
                        part: row.get(1)?,
                        at: read_time(row, 2)?,
                        origin: read_origin(row, 3)?,
                        is_sidechain: row.get(4)?,
                        text: row.get(5)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>();
            Ok(rows?)
        })
    }

    /// Returns the notes that were made of these turns, or of the next turn of a person that agreed with one of them.
    pub fn notes_of_turns(&self, ids: &[MessageId], topic_prefix: &str) -> Result<Vec<MessageId>> {
        self.query("look for the notes of turns", |connection| {
            // A note of a turn that agreed has the proposal as its title.
            let answer_sql = format!(
                "SELECT a.uid FROM messages m JOIN messages a ON a.conversation_id = m.conversation_id AND a.id > m.id
                 WHERE m.uid = ?1 AND EXISTS (SELECT 1 FROM parts p WHERE p.message_id = a.id AND p.kind = {} AND p.origin = {})
                 ORDER BY a.id LIMIT 1",
                PartKind::Text.number(),
                Origin::Person.number()
            );
            let mut answer = connection.prepare_cached(&answer_sql)?;
            let mut notes = connection.prepare_cached(
                "SELECT m.uid FROM notes n JOIN messages m ON m.id = n.message_id
                 WHERE n.topic_key = ?1 AND (?2 OR n.title IS NOT NULL)",
            )?;
            let mut turns = Vec::with_capacity(ids.len() * 2);
            for id in ids {
                turns.push((*id, true));
                let next: Option<[u8; 16]> = answer.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
                turns.extend(next.map(|uid| (MessageId::from_bytes(uid), false)));
            }
            let mut found = Vec::new();
            for (turn, is_itself) in turns {
                let topic = format!("{topic_prefix}{turn}");
                let rows = notes.query_map(params![topic, is_itself], |row| row.get(0).map(MessageId::from_bytes))?;
                found.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            Ok(found)
        })
    }

    /// Returns the notes whose topic begins with `prefix`, oldest first.
    pub fn notes_of_topics(&self, prefix: &str) -> Result<Vec<TurnNote>> {
        self.query("list the notes of turns", |connection| {
            let sql = format!(
                "SELECT m.uid, n.topic_key, n.kind, n.superseded_by IS NOT NULL, max(p.origin = ?2)
                 FROM notes n JOIN messages m ON m.id = n.message_id JOIN parts p ON p.message_id = m.id
                 WHERE n.topic_key IS NOT NULL AND substr(n.topic_key, 1, length(?1)) = ?1{NOT_QUARANTINED}
                 GROUP BY m.id ORDER BY m.at, m.id"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![prefix, Origin::Elsewhere.number()], |row| {
                Ok(TurnNote {
                    id: read_uid(row, 0)?,
                    topic: row.get(1)?,
                    kind: row.get(2)?,
                    is_superseded: row.get(3)?,
                    is_from_elsewhere: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn parse_turn(row: &Row<'_>) -> rusqlite::Result<PersonTurn> {
    Ok(PersonTurn {
        id: read_uid(row, 0)?,
        message: row.get(1)?,
        conversation: row.get(2)?,
        at: read_time(row, 3)?,
        session: row.get(4)?,
        project: (row.get(5)?, row.get(6)?),
        directory: row.get(7)?,
        passage: row.get(8)?,
        text: row.get(9)?,
    })
}
