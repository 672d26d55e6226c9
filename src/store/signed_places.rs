//! Statements of other machines about where a message belongs: its project, its branch, the title of its session. Owns
//! their rows; which of them may replace what is stored is decided in `merge_places`.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::doc_values::bump_generation;
use super::error::Result;
use super::machines::{self, Seal};
use super::projects::{ProjectDir, ProjectRecord};
use crate::domain::{MachineKey, Timestamp};

/// Signed statement of a machine about where a message belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPlace {
    /// Project as the machine has it.
    pub project: ProjectRecord,
    pub git_branch: Option<String>,
    /// Title of the message's session.
    pub title: Option<String>,
    pub seal: Seal,
}

/// SQL that is true for a message (`m`) from elsewhere whose project, branch and title no machine has signed.
pub(super) const UNSIGNED_PLACE_SQL: &str =
    "(EXISTS (SELECT 1 FROM parts up JOIN remote_parts ur ON ur.part_id = up.id WHERE up.message_id = m.id)
      AND NOT EXISTS (SELECT 1 FROM parts op LEFT JOIN remote_parts orp ON orp.part_id = op.id
        WHERE op.message_id = m.id AND orp.part_id IS NULL)
      AND NOT EXISTS (SELECT 1 FROM signed_places us WHERE us.message_id = m.id))";

/// Returns the statement about a stored message.
pub(super) fn find_place(connection: &Connection, message: i64) -> rusqlite::Result<Option<SignedPlace>> {
    let sql = "SELECT s.project_key, s.name, s.root, s.remote, s.git_branch, s.title, k.key, s.signed_at, s.signature
               FROM signed_places s JOIN machines k ON k.id = s.machine_id WHERE s.message_id = ?1";
    connection.prepare_cached(sql)?.query_row([message], parse_place).optional()
}

fn parse_place(row: &Row<'_>) -> rusqlite::Result<SignedPlace> {
    Ok(SignedPlace {
        project: ProjectRecord { key: row.get(0)?, name: row.get(1)?, root: row.get(2)?, remote: row.get(3)? },
        git_branch: row.get(4)?,
        title: row.get(5)?,
        seal: Seal {
            machine: MachineKey(row.get(6)?),
            signed_at: Timestamp::from_milliseconds(row.get(7)?),
            signature: row.get(8)?,
        },
    })
}

/// Stores a statement in the place of an earlier one.
pub(super) fn store_place(connection: &Connection, message: i64, place: &SignedPlace) -> rusqlite::Result<()> {
    let SignedPlace { project, git_branch, title, seal } = place;
    let signed_at = seal.signed_at.to_milliseconds();
    machines::insert_machine(connection, seal.machine, signed_at)?;
    let sql = "INSERT OR REPLACE INTO signed_places
                 (message_id, machine_id, signed_at, signature, project_key, name, root, remote, git_branch, title)
               VALUES (?1, (SELECT id FROM machines WHERE key = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        message,
        seal.machine.0,
        signed_at,
        seal.signature,
        project.key,
        project.name,
        project.root,
        project.remote,
        git_branch,
        title
    ];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Removes the title from the statements about a session, whose title may quote a message that was deleted or hidden.
pub(super) fn remove_signed_titles(connection: &Connection, conversation: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE signed_places SET title = NULL
               WHERE title IS NOT NULL AND message_id IN (SELECT id FROM messages WHERE conversation_id = ?1)";
    connection.prepare_cached(sql)?.execute([conversation]).map(drop)
}

/// Gives a message that had come from elsewhere the project and branch of this machine's own transcript. Returns true
/// if it had come from elsewhere.
pub(super) fn claim_place(
    connection: &Connection,
    message: i64,
    directory: ProjectDir,
    git_branch: Option<&str>,
) -> Result<bool> {
    let sql = "SELECT 1 FROM parts p JOIN remote_parts r ON r.part_id = p.id WHERE p.message_id = ?1";
    if !connection.prepare_cached(sql)?.exists([message])? {
        return Ok(false);
    }
    connection.execute("DELETE FROM signed_places WHERE message_id = ?1", [message])?;
    let sql = "UPDATE messages SET project_id = ?2, directory_id = ?3, git_branch = ?4 WHERE id = ?1
                 AND (project_id IS NOT ?2 OR directory_id IS NOT ?3 OR git_branch IS NOT ?4)";
    let values = params![message, directory.project, directory.directory, git_branch];
    if connection.prepare_cached(sql)?.execute(values)? > 0 {
        move_session(connection, message)?;
        bump_generation(connection)?;
    }
    Ok(true)
}

/// Moves the session of a message to the project in which it began.
pub(super) fn move_session(connection: &Connection, message: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE conversations SET project_id = (SELECT f.project_id FROM messages f
                 WHERE f.conversation_id = conversations.id ORDER BY f.at, f.id LIMIT 1)
               WHERE source <> 'saved' AND id = (SELECT conversation_id FROM messages WHERE id = ?1)";
    connection.prepare_cached(sql)?.execute([message]).map(drop)
}
