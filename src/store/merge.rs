//! Merges messages and embeddings that other machines have sent to a shared target. Messages keep their ids, and the
//! newer text wins where two differ. A tombstone of this machine stays in force. What no trusted machine has signed
//! changes nothing of what a trusted one, or this one, has said.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::change_log::MessageRecord;
use super::doc_values::bump_generation;
use super::embeddings::{NewVector, StoredModel, missing_embedding_sql};
use super::error::Result;
use super::machines::{self, Seal, StoredAuthor};
use super::merge_places;
use super::message_queries::read_origin;
use super::messages;
use super::note_rows::upsert_note_metadata;
use super::parts;
use super::prepared::{InsertContext, InsertOutcome, PreparedMessage};
use super::projects::{self, NewProject};
use super::{Snapshot, Store};
use crate::domain::{ContentHash, MachineKey, MessageId, Origin, PartKind, Timestamp};

/// Message received from another machine. Every seal in it was verified.
#[derive(Debug)]
pub struct IncomingMessage {
    /// Record as stored there.
    pub message: MessageRecord,
    /// Time of the last change there.
    pub changed_at: Timestamp,
    /// Project of its directory on this machine.
    pub project: NewProject,
}

/// Embedding received from another machine.
#[derive(Debug)]
pub struct IncomingVector {
    /// Id of the message.
    pub message: MessageId,
    /// Key of the part in its message.
    pub part: i64,
    /// Ordinal of the passage in its part.
    pub ordinal: i64,
    /// Hash of the passage's text there.
    pub text_hash: ContentHash,
    /// Embedding of unit length.
    pub vector: Vec<f32>,
}

/// Counts of merged messages by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeCounts {
    /// Messages that were not known before.
    pub new: u64,
    /// Known messages that the merge changed.
    pub changed: u64,
    /// Known messages without changes.
    pub known: u64,
    /// Messages left out because of a tombstone here.
    pub forgotten: u64,
    /// New messages whose project, branch and title no machine has signed.
    pub unsigned_places: u64,
    /// Messages whose project, branch or title was not what their machine had signed; what it had signed counts.
    pub altered: u64,
    /// Statements about the place of a message that were not by the machine behind its text.
    pub foreign_places: u64,
}

impl Snapshot<'_> {
    fn text_of_part(&self, part: i64) -> Result<String> {
        self.query("read a text", |connection| {
            let sql = "SELECT body_text(body, body_bytes) FROM parts WHERE id = ?1";
            let text =
                connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([part], |row| row.get(0)));
            Ok(text?)
        })
    }

    /// Finds the rows of a part and of a passage in it, with the byte range of the passage.
    fn find_passage(&self, message: MessageId, part: i64, ordinal: i64) -> Result<Option<(i64, i64, Range<usize>)>> {
        self.query("find a passage", |connection| {
            let sql = "SELECT p.id, a.id, a.start_byte, a.end_byte FROM messages m JOIN parts p ON p.message_id = m.id AND p.key = ?2
                       JOIN passages a ON a.part_id = p.id AND a.ordinal = ?3 WHERE m.uid = ?1";
            let place = connection.prepare_cached(sql).and_then(|mut statement| {
                let values = params![message.as_bytes(), part, ordinal];
                statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?..row.get(3)?))).optional()
            });
            Ok(place?)
        })
    }

    /// Returns the position up to which the changes of a target were merged.
    pub fn pull_position(&self, target: &str, place: &str) -> Result<i64> {
        self.query("read the cursor of a target", |connection| {
            let sql = "SELECT pulled FROM targets WHERE name = ?1 AND target_id = ?2";
            let found = connection.query_row(sql, [target, place], |row| row.get(0)).optional();
            Ok(found?.unwrap_or(0))
        })
    }
}

impl Store {
    /// Merges messages in one transaction.
    ///
    /// # Errors
    /// When writing fails; nothing is then merged.
    pub fn merge_remote(&self, incoming: Vec<IncomingMessage>) -> Result<MergeCounts> {
        let preparer = self.create_preparer()?;
        let mut prepared = Vec::with_capacity(incoming.len());
        for one in incoming {
            prepared.push((preparer.prepare_record(&one.message)?, one));
        }
        self.write("merge messages", move |connection| {
            let mut prepared = prepared;
            let mut taken = MergeCounts::default();
            let mut replaced = false;
            for (message, one) in &mut prepared {
                let outcome = merge_message(connection, message, one, &mut replaced)?;
                taken.unsigned_places += u64::from(outcome == InsertOutcome::New && one.message.place.is_none());
                let count = match outcome {
                    InsertOutcome::New => &mut taken.new,
                    InsertOutcome::Extended | InsertOutcome::Revised | InsertOutcome::Collided => &mut taken.changed,
                    InsertOutcome::Duplicate => &mut taken.known,
                    InsertOutcome::Forgotten => &mut taken.forgotten,
                };
                *count += 1;
            }
            // Messages that replace others are stored by now.
            for (_, one) in &prepared {
                if let Some(note) = &one.message.note {
                    upsert_note_metadata(connection, one.message.id, note)?;
                }
            }
            if replaced {
                bump_generation(connection)?;
            }
            if taken.forgotten > 0 {
                projects::delete_unused_projects(connection)?;
            }
            Ok(taken)
        })
    }

    /// Merges embeddings whose text is the same here; their parts then need none of their own. Returns how many were
    /// stored.
    pub fn merge_remote_vectors(&self, model: StoredModel, vectors: Vec<IncomingVector>) -> Result<u64> {
        let (model, _) = self.ensure_model(model)?;
        let mut fitting = Vec::with_capacity(vectors.len());
        // Embeddings of one part come together.
        let mut text = (0, String::new());
        for vector in vectors {
            let Some((part, passage, range)) =
                self.snapshot()?.find_passage(vector.message, vector.part, vector.ordinal)?
            else {
                continue;
            };
            if text.0 != part {
                text = (part, self.snapshot()?.text_of_part(part)?);
            }
            if ContentHash::of_text(text.1.get(range).unwrap_or("").trim()) == vector.text_hash {
                fitting.push((part, NewVector { passage, text_hash: vector.text_hash, vector: vector.vector }));
            }
        }
        let count = fitting.len() as u64;
        let mut parts: Vec<i64> = fitting.iter().map(|(part, _)| *part).collect();
        parts.dedup();
        self.store_vectors(model, Vec::new(), fitting.into_iter().map(|(_, vector)| vector).collect())?;
        self.write("merge embeddings", move |connection| {
            let sql = format!(
                "DELETE FROM pending WHERE part_id = ?2 AND NOT EXISTS
                   (SELECT 1 FROM passages a JOIN parts p ON p.id = a.part_id WHERE p.id = ?2 AND {})",
                missing_embedding_sql()
            );
            for part in &parts {
                connection.prepare_cached(&sql).and_then(|mut statement| statement.execute([model, *part]))?;
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Records the position up to which the changes of a target were merged. A target that was never sent to starts at
    /// 0.
    pub fn record_pull_position(&self, target: &'static str, place: String, pulled: i64, now: Timestamp) -> Result<()> {
        let sent = self.snapshot()?.target_cursor(target, &place, "")?;
        self.record_target_cursor(target, (place, String::new()), sent, false, now)?;
        self.write("record the cursor of a target", move |connection| {
            let sql = "UPDATE targets SET pulled = ?2 WHERE name = ?1";
            connection.execute(sql, params![target, pulled])?;
            Ok(())
        })
    }
}

/// Merges one message. Its parts and its note are reduced to what may change what is stored.
fn merge_message(
    connection: &Connection,
    message: &mut PreparedMessage,
    one: &mut IncomingMessage,
    replaced: &mut bool,
) -> Result<InsertOutcome> {
    let id = one.message.id;
    let uid = id.as_bytes();
    let trusted = keep_trusted_parts(connection, message, one)?;
    if message.parts.is_empty() && !one.message.parts.is_empty() {
        one.message.note = None;
        return Ok(InsertOutcome::Duplicate);
    }
    // The time that a trusted machine signed counts, not the one that came with it.
    if let Some(signed_at) = trusted {
        one.changed_at = signed_at;
    }
    let before = part_states(connection, id)?;
    let upgraded = trusted.is_some() && before.values().any(|state| state.origin == Origin::Elsewhere);
    let sql = "SELECT max(at) FROM changes WHERE uid = ?1";
    let changed_here: Option<i64> = connection.query_row(sql, [uid], |row| row.get(0))?;
    let is_newer = changed_here.is_none_or(|here| here < one.changed_at.to_milliseconds());
    let seal = one.message.place.as_ref().map(|place| place.seal);
    let place = if machines::relation_of_seal(connection, seal.as_ref())?.is_trusted() {
        projects::upsert_signed_project(connection, &one.project, one.changed_at)?
    } else {
        projects::upsert_project(connection, &one.project, one.changed_at)?
    };
    // Recorded with the time of the change there: sent back, it is nothing new.
    let row = InsertContext {
        source: &one.message.conversation.source,
        place,
        file: None,
        reread: false,
        is_remote: true,
        is_older: changed_here.is_some_and(|here| here > one.changed_at.to_milliseconds()),
        now: one.changed_at,
    };
    let (id, mut outcome) = messages::insert_message(connection, &row, message)?;
    let is_new = outcome == InsertOutcome::New;
    if outcome == InsertOutcome::Forgotten || id == 0 {
        return Ok(outcome);
    }
    if outcome != InsertOutcome::New && (is_newer || upgraded) {
        let changed = parts::replace_parts(connection, id, message)?;
        if changed {
            *replaced = true;
            outcome = InsertOutcome::Extended;
            let sql = "INSERT INTO changes (uid, change, at) VALUES (?1, 'upsert', ?2)";
            connection.execute(sql, params![uid, one.changed_at.to_milliseconds()])?;
        }
    }
    record_authors(connection, id, message, one, &before)?;
    if outcome != InsertOutcome::New && !is_newer && !upgraded && changed_here != Some(one.changed_at.to_milliseconds())
    {
        one.message.note = None;
    }
    if outcome == InsertOutcome::Duplicate && merge_places::merge_place(connection, id, &one.message, place, false)? {
        outcome = InsertOutcome::Extended;
    } else if outcome != InsertOutcome::Duplicate {
        merge_places::merge_place(connection, id, &one.message, place, is_new)?;
    }
    merge_places::merge_title(connection, id, &one.message, trusted.is_some())?;
    Ok(outcome)
}

/// Removes the parts, and the note, that may not change what is stored. Returns the time at which a trusted machine
/// signed what is left; `None` if none did.
fn keep_trusted_parts(
    connection: &Connection,
    message: &mut PreparedMessage,
    one: &mut IncomingMessage,
) -> Result<Option<Timestamp>> {
    let mut signed: HashMap<i64, Timestamp> = HashMap::new();
    let mut signers: HashSet<Option<MachineKey>> = HashSet::new();
    let mut has_trusted_note = false;
    for part in &one.message.parts {
        signers.insert(part.seal.map(|seal| seal.machine));
        let relation = machines::relation_of_seal(connection, part.seal.as_ref())?;
        if let Some(seal) = part.seal.filter(|_| relation.is_trusted()) {
            signed.insert(part.key, seal.signed_at);
            has_trusted_note |= part.kind == PartKind::Note;
        }
    }
    // The signature under the text of a note covers what the note says about itself.
    if !signed.is_empty() && !has_trusted_note {
        one.message.note = None;
    }
    let sql = "SELECT id FROM messages WHERE uid = ?1";
    let known: Option<i64> = connection.query_row(sql, [one.message.id.as_bytes()], |row| row.get(0)).optional()?;
    let author = known.map(|row| machines::author_of_message(connection, row)).transpose()?.flatten();
    let may_add_unsigned = match author {
        None => true,
        // Any signature is better than none; a second signer does not replace the first.
        Some(StoredAuthor::Elsewhere(None)) => signed.is_empty() && signers.len() == 1,
        Some(StoredAuthor::Elsewhere(signer)) => signed.is_empty() && signers.iter().all(|other| *other == signer),
        Some(StoredAuthor::Trusted) => false,
    };
    if !may_add_unsigned {
        message.parts.retain(|part| signed.contains_key(&part.key));
    }
    Ok(signed.values().max().copied())
}

/// State of a stored part before a merge.
struct PartState {
    hash: [u8; 16],
    is_remote: bool,
    origin: Origin,
}

fn part_states(connection: &Connection, message: MessageId) -> Result<HashMap<i64, PartState>> {
    let sql = "SELECT p.key, p.content_hash, r.part_id IS NOT NULL, p.origin FROM parts p JOIN messages m ON m.id = p.message_id
               LEFT JOIN remote_parts r ON r.part_id = p.id WHERE m.uid = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([message.as_bytes()], |row| {
        Ok((row.get(0)?, PartState { hash: row.get(1)?, is_remote: row.get(2)?, origin: read_origin(row, 3)? }))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records who vouches for the parts whose text came with this message. What this machine had already stays its own.
fn record_authors(
    connection: &Connection,
    id: i64,
    message: &PreparedMessage,
    one: &IncomingMessage,
    before: &HashMap<i64, PartState>,
) -> Result<()> {
    let sent: HashMap<i64, (Origin, Option<&Seal>)> =
        one.message.parts.iter().map(|part| (part.key, (part.origin, part.seal.as_ref()))).collect();
    for part in &message.parts {
        let was_same = before.get(&part.key).is_some_and(|state| state.hash == part.hash.0 && !state.is_remote);
        let sql = "SELECT content_hash = ?3 FROM parts WHERE message_id = ?1 AND key = ?2";
        let values = params![id, part.key, part.hash.0];
        let is_stored: Option<bool> = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional())?;
        if let Some((origin, seal)) = sent.get(&part.key)
            && is_stored == Some(true)
            && !was_same
        {
            machines::record_remote_part(connection, id, part.key, (*origin, *seal), one.changed_at)?;
        }
    }
    Ok(())
}
