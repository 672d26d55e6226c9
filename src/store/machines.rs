//! Machines by their public keys, how each relates to the person here, and the signatures under parts that came from
//! them. Does not own cryptography: the caller has verified every [`Seal`] that it passes.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::Result;
use super::{Snapshot, Store};
use crate::domain::{MachineKey, MessageId, Origin, Timestamp};

/// Signature of a machine under a part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Public key of the machine.
    pub machine: MachineKey,
    /// Time of the signature, which it covers.
    pub signed_at: Timestamp,
    pub signature: [u8; 64],
}

/// Relation of a machine to the person here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MachineRelation {
    /// Nothing was decided about the machine.
    Unknown,
    /// This machine.
    This,
    /// Another machine of the same person: what its person said is what the person here said.
    Own,
    /// Machine of somebody else, under the name that the person here gave.
    Other,
}

impl MachineRelation {
    const ALL: [Self; 4] = [Self::Unknown, Self::This, Self::Own, Self::Other];

    pub(super) fn from_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|known| known.number() == number).unwrap_or(Self::Unknown)
    }

    const fn number(self) -> i64 {
        match self {
            Self::Unknown => 0,
            Self::This => 1,
            Self::Own => 2,
            Self::Other => 3,
        }
    }

    /// Returns the name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::This => "this",
            Self::Own => "trusted",
            Self::Other => "other",
        }
    }

    /// Returns true if the origins that the machine sends hold here too.
    pub const fn is_trusted(self) -> bool {
        matches!(self, Self::This | Self::Own)
    }
}

/// Machine that has signed something that is here, or this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub key: MachineKey,
    /// Name that it gives itself, or that the person here gave it.
    pub name: String,
    pub relation: MachineRelation,
    pub first_seen: Timestamp,
    /// Number of parts here that it signed.
    pub parts: u64,
    /// Number of deletions here that it signed.
    pub deletions: u64,
}

/// SQL for the name of the person behind a part (`p`) of a machine of somebody else; NULL for all others.
pub(super) const SAID_BY_SQL: &str =
    "(SELECT k.name FROM remote_parts r JOIN machines k ON k.id = r.machine_id AND k.relation = 3
    WHERE r.part_id = p.id)";

impl Snapshot<'_> {
    /// Returns those of these messages of which a part came from another machine, trusted or not.
    pub fn remote_among(&self, ids: &[MessageId]) -> Result<Vec<MessageId>> {
        self.query("look for messages of other machines", |connection| {
            let sql =
                "SELECT 1 FROM messages m JOIN parts p ON p.message_id = m.id JOIN remote_parts r ON r.part_id = p.id
                       WHERE m.uid = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let mut remote = Vec::new();
            for id in ids {
                if statement.exists([id.as_bytes()])? {
                    remote.push(*id);
                }
            }
            Ok(remote)
        })
    }

    /// Returns all machines, this one first.
    pub fn machines(&self) -> Result<Vec<Machine>> {
        self.query("list the machines", |connection| {
            let sql = "SELECT k.key, k.name, k.relation, k.first_seen,
                         (SELECT count(*) FROM remote_parts r WHERE r.machine_id = k.id),
                         (SELECT count(*) FROM remote_tombstones t WHERE t.machine_id = k.id)
                       FROM machines k ORDER BY k.relation <> 1, k.first_seen, k.id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Machine {
                    key: MachineKey(row.get(0)?),
                    name: row.get(1)?,
                    relation: row.get(2).map(MachineRelation::from_number)?,
                    first_seen: row.get(3).map(Timestamp::from_milliseconds)?,
                    parts: row.get(4)?,
                    deletions: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the number of parts that came from elsewhere without a valid signature.
    pub fn unsigned_parts(&self) -> Result<u64> {
        self.query("count parts without a signature", |connection| {
            let sql = "SELECT count(*) FROM remote_parts WHERE machine_id IS NULL";
            Ok(connection.query_row(sql, [], |row| row.get(0))?)
        })
    }
}

impl Store {
    /// Records machines under the names that they give themselves. Names and relations that are known stay.
    pub fn record_machines(&self, machines: Vec<(MachineKey, String)>, now: Timestamp) -> Result<()> {
        self.write("record the machines", move |connection| {
            for (key, name) in &machines {
                let sql = "INSERT INTO machines (key, name, first_seen) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE
                           SET name = excluded.name WHERE relation = 0 AND excluded.name <> ''";
                connection.execute(sql, params![key.0, name, now.to_milliseconds()])?;
            }
            Ok(())
        })
    }

    /// Sets the relation of a machine, and with it the origins of what it signed. `name` replaces its name.
    pub fn relate_machine(
        &self,
        key: MachineKey,
        relation: MachineRelation,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<()> {
        self.write("record a machine", move |connection| {
            let sql = "INSERT INTO machines (key, name, relation, first_seen) VALUES (?1, coalesce(?2, ''), ?3, ?4)
                       ON CONFLICT (key) DO UPDATE SET name = coalesce(?2, name), relation = excluded.relation";
            connection.execute(sql, params![key.0, name, relation.number(), now.to_milliseconds()])?;
            if relation == MachineRelation::This {
                // The folder was moved here from another machine of the same person.
                connection.execute("UPDATE machines SET relation = 2 WHERE relation = 1 AND key <> ?1", [key.0])?;
            }
            let sql = "UPDATE parts SET origin = iif(?2, (SELECT r.origin FROM remote_parts r WHERE r.part_id = parts.id), ?3)
                       WHERE id IN (SELECT r.part_id FROM remote_parts r JOIN machines k ON k.id = r.machine_id WHERE k.key = ?1)";
            connection.execute(sql, params![key.0, relation.is_trusted(), Origin::Elsewhere.number()])?;
            if relation.is_trusted() {
                // What it signed may have been turned away before.
                connection.execute("UPDATE targets SET pulled = 0", [])?;
                // What was changed here of its notes is sent once more: now it can be signed here.
                let sql = "INSERT INTO changes (uid, change, at) SELECT m.uid, 'upsert', ?2 FROM messages m WHERE m.id IN (
                             SELECT n.message_id FROM notes n JOIN parts p ON p.message_id = n.message_id
                               JOIN remote_parts r ON r.part_id = p.id JOIN machines k ON k.id = r.machine_id
                             WHERE k.key = ?1 AND n.superseded_by IS NOT NULL)";
                connection.execute(sql, params![key.0, now.to_milliseconds()])?;
            }
            Ok(())
        })
    }
}

/// Returns the relation of the machine behind a seal; unknown without one.
pub(super) fn relation_of_seal(connection: &Connection, seal: Option<&Seal>) -> rusqlite::Result<MachineRelation> {
    seal.map_or(Ok(MachineRelation::Unknown), |seal| relation_of_machine(connection, seal.machine))
}

/// Returns the relation of a machine; unknown for one that was never met.
pub(super) fn relation_of_machine(connection: &Connection, machine: MachineKey) -> rusqlite::Result<MachineRelation> {
    let sql = "SELECT relation FROM machines WHERE key = ?1";
    let found: Option<i64> = connection.prepare_cached(sql)?.query_row([machine.0], |row| row.get(0)).optional()?;
    Ok(found.map_or(MachineRelation::Unknown, MachineRelation::from_number))
}

/// Records a machine without a name, unless it is known.
pub(super) fn insert_machine(connection: &Connection, machine: MachineKey, first_seen: i64) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO machines (key, name, first_seen) VALUES (?1, '', ?2)";
    connection.prepare_cached(sql)?.execute(params![machine.0, first_seen]).map(drop)
}

/// Returns true if a part of a message is this machine's own.
pub(super) fn has_own_part(connection: &Connection, message: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM parts p LEFT JOIN remote_parts r ON r.part_id = p.id
               WHERE p.message_id = ?1 AND r.part_id IS NULL";
    connection.prepare_cached(sql)?.exists([message])
}

/// Records that a stored part came from elsewhere, and gives it the origin that it deserves.
pub(super) fn record_remote_part(
    connection: &Connection,
    message: i64,
    key: i64,
    (origin, seal): (Origin, Option<&Seal>),
    now: Timestamp,
) -> Result<()> {
    let sql = "SELECT id FROM parts WHERE message_id = ?1 AND key = ?2";
    let found = connection.prepare_cached(sql)?.query_row(params![message, key], |row| row.get(0)).optional()?;
    let Some(part): Option<i64> = found else { return Ok(()) };
    if let Some(seal) = seal {
        insert_machine(connection, seal.machine, now.to_milliseconds())?;
    }
    let sql = "INSERT OR REPLACE INTO remote_parts (part_id, machine_id, origin, signed_at, signature)
               VALUES (?1, (SELECT id FROM machines WHERE key = ?2), ?3, ?4, ?5)";
    connection.prepare_cached(sql)?.execute(params![
        part,
        seal.map(|seal| seal.machine.0),
        origin.number(),
        seal.map(|seal| seal.signed_at.to_milliseconds()),
        seal.map(|seal| seal.signature)
    ])?;
    let held = if relation_of_seal(connection, seal)?.is_trusted() { origin } else { Origin::Elsewhere };
    connection.prepare_cached("UPDATE parts SET origin = ?2 WHERE id = ?1")?.execute(params![part, held.number()])?;
    Ok(())
}

/// Records that a part which had come from elsewhere is this machine's own after all: a transcript of it was imported.
pub(super) fn claim_part(connection: &Connection, part: i64, origin: Origin) -> rusqlite::Result<()> {
    if connection.prepare_cached("DELETE FROM remote_parts WHERE part_id = ?1")?.execute([part])? > 0 {
        let sql = "UPDATE parts SET origin = ?2 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![part, origin.number()])?;
    }
    Ok(())
}

/// Signer of the parts of a stored message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StoredAuthor {
    /// At least one part is this machine's own, or that of a trusted machine.
    Trusted,
    /// All parts came from elsewhere, from this machine or unsigned.
    Elsewhere(Option<MachineKey>),
}

/// Finds who is behind a stored message; `None` if it has no parts.
pub(super) fn author_of_message(connection: &Connection, message: i64) -> rusqlite::Result<Option<StoredAuthor>> {
    let sql = "SELECT p.origin <> ?2, k.key FROM parts p LEFT JOIN remote_parts r ON r.part_id = p.id
               LEFT JOIN machines k ON k.id = r.machine_id WHERE p.message_id = ?1 ORDER BY 1 DESC LIMIT 1";
    let read = |row: &Row<'_>| {
        let key: Option<[u8; 32]> = row.get(1)?;
        Ok(if row.get(0)? { StoredAuthor::Trusted } else { StoredAuthor::Elsewhere(key.map(MachineKey)) })
    };
    connection.prepare_cached(sql)?.query_row(params![message, Origin::Elsewhere.number()], read).optional()
}

/// Returns whether everything in the session of a message came from other machines, and whether none of these is
/// trusted.
pub(super) fn remote_conversation(connection: &Connection, message: i64) -> rusqlite::Result<(bool, bool)> {
    let sql = "SELECT coalesce(min(r.part_id IS NOT NULL), 1), coalesce(min(p.origin = ?2), 1)
               FROM messages o JOIN parts p ON p.message_id = o.id LEFT JOIN remote_parts r ON r.part_id = p.id
               WHERE o.conversation_id = (SELECT conversation_id FROM messages WHERE id = ?1)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    connection.prepare_cached(sql)?.query_row(params![message, Origin::Elsewhere.number()], read)
}
