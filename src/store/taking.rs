//! Taking in what other machines have sent to a common place: messages with their own ids, the newer text where two differ. What was
//! forgotten here stays forgotten.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::columns::raise_generation;
use super::embeddings::{Model, NewVector, lacking};
use super::error::{Error, Result};
use super::journal::{WholeMessage, WholeNote};
use super::messages::{self, Outcome, PreparedMessage, Preparer, Row};
use super::projects::{self, NewProject};
use crate::domain::{ContentHash, MessageId, Timestamp};

/// A message of another machine.
#[derive(Debug)]
pub struct Incoming {
    /// As it is there.
    pub message: WholeMessage,
    /// When it changed there.
    pub changed_at: Timestamp,
    /// The project of its folder on this machine.
    pub project: NewProject,
}

/// A vector of another machine.
#[derive(Debug)]
pub struct IncomingVector {
    /// The message.
    pub message: MessageId,
    /// The part.
    pub part: i64,
    /// The passage in it.
    pub ordinal: i64,
    /// Of its text over there.
    pub text_hash: ContentHash,
    /// Unit length.
    pub vector: Vec<f32>,
}

/// What became of messages of other machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Not known before.
    pub new: u64,
    /// Known, and newer there.
    pub changed: u64,
    /// Known, and nothing new.
    pub known: u64,
    /// Left out because they were forgotten here.
    pub forgotten: u64,
}

impl Store {
    /// Takes messages in, in one transaction.
    ///
    /// # Errors
    /// When writing fails; nothing is then taken in.
    pub fn take_in(&self, incoming: Vec<Incoming>) -> Result<TakenIn> {
        let preparer = Preparer::new()?;
        let mut prepared = Vec::with_capacity(incoming.len());
        for one in incoming {
            prepared.push((preparer.whole(&one.message)?, one));
        }
        self.write(move |connection| {
            let mut taken = TakenIn::default();
            let mut replaced = false;
            for (message, one) in &prepared {
                let count = match take(connection, message, one, &mut replaced)? {
                    Outcome::New => &mut taken.new,
                    Outcome::Extended | Outcome::Revised | Outcome::Collided => &mut taken.changed,
                    Outcome::Duplicate => &mut taken.known,
                    Outcome::Forgotten => &mut taken.forgotten,
                };
                *count += 1;
            }
            // Those that replace others are there by now.
            for (_, one) in &prepared {
                if let Some(note) = &one.message.note {
                    describe(connection, one.message.id, note)?;
                }
            }
            if replaced {
                raise_generation(connection).map_err(|error| Error::sqlite("take messages in", error))?;
            }
            Ok(taken)
        })
    }

    /// Takes vectors in where the text here is the one that they were made from; its parts need none of their own then. Returns how
    /// many were taken in.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub fn take_vectors(&self, model: Model, vectors: Vec<IncomingVector>) -> Result<u64> {
        let (model, _) = self.adopt_model(model)?;
        let mut fitting = Vec::with_capacity(vectors.len());
        // Vectors of one part come together.
        let mut text = (0, String::new());
        for vector in vectors {
            let Some((part, passage, range)) = self.passage_at(vector.message, vector.part, vector.ordinal)? else {
                continue;
            };
            if text.0 != part {
                text = (part, self.part_text(part)?);
            }
            if ContentHash::of(text.1.get(range).unwrap_or("").trim()) == vector.text_hash {
                fitting.push((part, NewVector { passage, text_hash: vector.text_hash, vector: vector.vector }));
            }
        }
        let count = fitting.len() as u64;
        let mut parts: Vec<i64> = fitting.iter().map(|(part, _)| *part).collect();
        parts.dedup();
        self.store_vectors(model, Vec::new(), fitting.into_iter().map(|(_, vector)| vector).collect())?;
        self.write(move |connection| {
            let sql = format!(
                "DELETE FROM pending WHERE part_id = ?2 AND NOT EXISTS
                   (SELECT 1 FROM passages a JOIN parts p ON p.id = a.part_id WHERE p.id = ?2 AND {})",
                lacking()
            );
            for part in &parts {
                connection
                    .prepare_cached(&sql)
                    .and_then(|mut statement| statement.execute([model, *part]))
                    .map_err(|error| Error::sqlite("take vectors in", error))?;
            }
            Ok(())
        })?;
        Ok(count)
    }

    fn part_text(&self, part: i64) -> Result<String> {
        self.read(|connection| {
            let sql = "SELECT body_text(body, body_bytes) FROM parts WHERE id = ?1";
            let text =
                connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([part], |row| row.get(0)));
            text.map_err(|error| Error::sqlite("read a text", error))
        })
    }

    /// The rows of a part and of a passage in it, and where that is in its text.
    fn passage_at(&self, message: MessageId, part: i64, ordinal: i64) -> Result<Option<(i64, i64, Range<usize>)>> {
        self.read(|connection| {
            let sql = "SELECT p.id, a.id, a.start_byte, a.end_byte FROM messages m JOIN parts p ON p.message_id = m.id AND p.key = ?2
                       JOIN passages a ON a.part_id = p.id AND a.ordinal = ?3 WHERE m.uid = ?1";
            let place = connection.prepare_cached(sql).and_then(|mut statement| {
                let values = params![message.as_bytes(), part, ordinal];
                statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?..row.get(3)?))).optional()
            });
            place.map_err(|error| Error::sqlite("find a passage", error))
        })
    }

    /// How far the changes of another place were taken in.
    ///
    /// # Errors
    /// When reading fails.
    pub fn pulled(&self, target: &str, place: &str) -> Result<i64> {
        self.read(|connection| {
            let sql = "SELECT pulled FROM targets WHERE name = ?1 AND place = ?2";
            let found = connection.query_row(sql, [target, place], |row| row.get(0)).optional();
            Ok(found.map_err(|error| Error::sqlite("read how far a target is", error))?.unwrap_or(0))
        })
    }

    /// Notes down how far the changes of another place were taken in. One that was never sent to begins at nothing.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_pulled(&self, target: &'static str, place: String, pulled: i64, now: Timestamp) -> Result<()> {
        let sent = self.progress(target, &place, "")?;
        self.note_progress(target, (place, String::new()), sent, false, now)?;
        self.write(move |connection| {
            let sql = "UPDATE targets SET pulled = ?2 WHERE name = ?1";
            connection
                .execute(sql, params![target, pulled])
                .map_err(|error| Error::sqlite("note down how far a target is", error))?;
            Ok(())
        })
    }
}

fn take(connection: &Connection, message: &PreparedMessage, one: &Incoming, replaced: &mut bool) -> Result<Outcome> {
    let failed = |error| Error::sqlite("take a message in", error);
    let uid = one.message.id.as_bytes();
    let sql = "SELECT max(at) FROM outbox WHERE uid = ?1";
    let changed_here: Option<i64> = connection.query_row(sql, [uid], |row| row.get(0)).map_err(failed)?;
    let place = projects::upsert(connection, &one.project, one.changed_at)?;
    // Written down with the moment of the change there: sent back it is nothing new.
    let row = Row { source: &one.message.conversation.source, place, file: None, reread: false, now: one.changed_at };
    let (id, mut outcome) = messages::insert(connection, &row, message)?;
    if outcome == Outcome::Forgotten {
        return Ok(outcome);
    }
    if outcome != Outcome::New && changed_here.is_none_or(|here| here < one.changed_at.milliseconds()) {
        let changed = messages::replace_parts(connection, id, message)?;
        if changed {
            *replaced = true;
            outcome = Outcome::Extended;
            let sql = "INSERT INTO outbox (uid, change, at) VALUES (?1, 'upsert', ?2)";
            connection.execute(sql, params![uid, one.changed_at.milliseconds()]).map_err(failed)?;
        }
    }
    if let Some(title) = &one.message.conversation.title {
        let sql = "UPDATE conversations SET title = ?2 WHERE id = (SELECT conversation_id FROM messages WHERE id = ?1)
                   AND source NOT LIKE 'quarantine:%' AND title IS NOT ?2";
        connection.execute(sql, params![id, title]).map_err(failed)?;
    }
    Ok(outcome)
}

fn describe(connection: &Connection, id: MessageId, note: &WholeNote) -> Result<()> {
    let sql = "INSERT INTO notes (message_id, kind, title, topic_key, tags, pinned, expires_at, superseded_by)
               SELECT m.id, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT s.id FROM messages s WHERE s.uid = ?8) FROM messages m WHERE m.uid = ?1
               ON CONFLICT (message_id) DO UPDATE SET kind = excluded.kind, title = excluded.title, topic_key = excluded.topic_key,
                 tags = excluded.tags, pinned = excluded.pinned, expires_at = excluded.expires_at,
                 superseded_by = coalesce(excluded.superseded_by, superseded_by)";
    let values = params![
        id.as_bytes(),
        note.kind,
        note.title,
        note.topic_key,
        note.tags,
        note.pinned,
        note.expires_at.map(Timestamp::milliseconds),
        note.superseded_by.as_ref().map(MessageId::as_bytes)
    ];
    connection.execute(sql, values).map_err(|error| Error::sqlite("describe a saved text", error))?;
    Ok(())
}
