//! Merges what other machines say of a message's place: project, branch, and title of its session. Owns which statement
//! replaces what is stored; the caller has verified every signature.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::change_log::MessageRecord;
use super::doc_values::bump_generation;
use super::error::Result;
use super::machines::{self, Seal, StoredAuthor};
use super::projects::ProjectDir;
use super::signed_places::{SignedPlace, find_place, move_session, store_place};
use crate::domain::MachineKey;

impl MessageRecord {
    /// Returns what this record says of the message's place, under a seal.
    pub fn describe_place(&self, seal: Seal) -> SignedPlace {
        SignedPlace {
            project: self.project.clone(),
            git_branch: self.git_branch.clone(),
            title: self.conversation.title.clone(),
            seal,
        }
    }

    /// Puts what a machine has signed in the place of what the record says; returns true if that was something else.
    pub fn adopt_place(&mut self) -> bool {
        let Some(place) = &self.place else { return false };
        let differs = *place != self.describe_place(place.seal);
        if differs {
            self.project = place.project.clone();
            self.git_branch.clone_from(&place.git_branch);
            self.conversation.title.clone_from(&place.title);
        }
        differs
    }

    /// Returns true if the statement about the place is by one of these machines, or by the one that signed the parts
    /// where none of these did: nobody moves what another machine has said.
    pub fn is_place_by_author(&self, trusted: &dyn Fn(MachineKey) -> bool) -> bool {
        let Some(place) = &self.place else { return true };
        let signers = || self.parts.iter().filter_map(|part| part.seal.map(|seal| seal.machine));
        trusted(place.seal.machine)
            || (!signers().any(trusted) && signers().any(|machine| machine == place.seal.machine))
    }
}

/// Merges the statement that came with a message, which was stored just now or is known. A known message moves with it;
/// `directory` is where the statement puts it. Returns true if the message moved.
pub(super) fn merge_place(
    connection: &Connection,
    message: i64,
    incoming: &MessageRecord,
    directory: ProjectDir,
    is_new: bool,
) -> Result<bool> {
    let Some(place) = &incoming.place else { return Ok(false) };
    if !is_new && !may_replace_place(connection, message, &place.seal)? {
        return Ok(false);
    }
    store_place(connection, message, place)?;
    if is_new {
        return Ok(false);
    }
    let sql = "UPDATE messages SET project_id = ?2, git_branch = ?3
               WHERE id = ?1 AND (project_id IS NOT ?2 OR git_branch IS NOT ?3)";
    let values = params![message, directory.project, place.git_branch];
    let moved = connection.prepare_cached(sql)?.execute(values)? > 0;
    if moved {
        move_session(connection, message)?;
        bump_generation(connection)?;
    }
    Ok(moved)
}

/// Returns true if a statement counts more than what is known of a message. What this machine has imported itself is
/// its own.
fn may_replace_place(connection: &Connection, message: i64, seal: &Seal) -> rusqlite::Result<bool> {
    if machines::has_own_part(connection, message)? {
        return Ok(false);
    }
    let stored = find_place(connection, message)?.map(|place| place.seal);
    let is_trusted = machines::relation_of_seal(connection, Some(seal))?.is_trusted();
    Ok(match stored {
        Some(stored) if machines::relation_of_seal(connection, Some(&stored))?.is_trusted() => {
            is_trusted && stored.signed_at < seal.signed_at
        }
        Some(stored) => is_trusted || (stored.machine == seal.machine && stored.signed_at < seal.signed_at),
        None if is_trusted => true,
        // A machine may sign later what it sent unsigned.
        None => match machines::author_of_message(connection, message)? {
            Some(StoredAuthor::Trusted) => false,
            Some(StoredAuthor::Elsewhere(author)) => author.is_none_or(|author| author == seal.machine),
            None => true,
        },
    })
}

/// Sets the title of a session of other machines to the one that came with a message, unless what is known of the
/// session was signed by more trusted machines, or by equally trusted ones later.
pub(super) fn merge_title(
    connection: &Connection,
    message: i64,
    incoming: &MessageRecord,
    has_trusted_part: bool,
) -> rusqlite::Result<()> {
    let Some(title) = &incoming.conversation.title else { return Ok(()) };
    let sql =
        "SELECT c.title IS NOT ?2 FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE m.id = ?1";
    if !connection.prepare_cached(sql)?.query_row(params![message, title], |row| row.get(0))? {
        return Ok(());
    }
    let (is_remote, is_foreign) = machines::remote_conversation(connection, message)?;
    let known = latest_statement(connection, message)?;
    let may_set = match &incoming.place {
        Some(place) => {
            let is_trusted = machines::relation_of_seal(connection, Some(&place.seal))?.is_trusted();
            known <= Some((is_trusted, place.seal.signed_at.to_milliseconds()))
        }
        // An earlier version of a trusted machine signs its texts only.
        None => known.is_none_or(|(is_trusted, _)| has_trusted_part && !is_trusted),
    };
    if is_remote && may_set && (is_foreign || has_trusted_part) {
        let sql = "UPDATE conversations SET title = ?2 WHERE id = (SELECT conversation_id FROM messages WHERE id = ?1)
                     AND source NOT LIKE 'quarantine:%'
                     AND NOT EXISTS (SELECT 1 FROM tombstones WHERE session = conversations.external_id)";
        connection.execute(sql, params![message, title])?;
    }
    Ok(())
}

/// Returns whether the latest statement of the most trusted machine about a message's session is by a trusted one, and
/// its time; `None` if there is no statement.
fn latest_statement(connection: &Connection, message: i64) -> rusqlite::Result<Option<(bool, i64)>> {
    let sql = "SELECT k.relation IN (1, 2), s.signed_at FROM signed_places s JOIN messages m ON m.id = s.message_id
                 JOIN machines k ON k.id = s.machine_id
               WHERE m.conversation_id = (SELECT conversation_id FROM messages WHERE id = ?1)
               ORDER BY 1 DESC, 2 DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([message], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}
