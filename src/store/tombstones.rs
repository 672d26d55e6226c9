//! Deletions as they travel between machines, and who signed those that came. Owns the rows of `remote_tombstones`; the
//! caller has verified every signature.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Result;
use super::machines::{self, MachineRelation};
use super::message_queries::{read_time, read_uid};
use super::{Snapshot, Store};
use crate::domain::{MachineKey, MessageId, Timestamp};

/// Deletion of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    pub message: MessageId,
    /// Time of the deletion; of one from another machine the time that it signed.
    pub at: Timestamp,
    pub reason: String,
    /// True if another machine sent it.
    pub is_remote: bool,
    /// Machine that signed it, and its signature.
    pub seal: Option<(MachineKey, [u8; 64])>,
}

/// Numbers of deletions by who signed them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeletionSigners {
    /// Made on this machine.
    pub here: u64,
    /// Signed by another machine of the person here.
    pub trusted: u64,
    /// Signed by a machine of somebody whom the person named.
    pub other: u64,
    /// Signed by a machine that is not confirmed.
    pub unknown: u64,
    /// Signed by nobody.
    pub unsigned: u64,
}

impl DeletionSigners {
    /// Counts deletions that were signed by a machine of a relation; `None` for nobody.
    pub fn add(&mut self, signer: Option<MachineRelation>, count: u64) {
        *match signer {
            Some(MachineRelation::This) => &mut self.here,
            Some(MachineRelation::Own) => &mut self.trusted,
            Some(MachineRelation::Other) => &mut self.other,
            Some(MachineRelation::Unknown) => &mut self.unknown,
            None => &mut self.unsigned,
        } += count;
    }

    /// Adds the numbers of another count.
    pub fn merge(&mut self, other: Self) {
        self.here += other.here;
        self.trusted += other.trusted;
        self.other += other.other;
        self.unknown += other.unknown;
        self.unsigned += other.unsigned;
    }

    /// Returns the number of deletions that other machines made.
    pub const fn count_remote(&self) -> u64 {
        self.trusted + self.other + self.unknown + self.unsigned
    }
}

const TOMBSTONE_SQL: &str = "SELECT t.uid, coalesce(r.at, t.at), t.reason, r.uid IS NOT NULL, k.key, r.signature
    FROM tombstones t LEFT JOIN remote_tombstones r ON r.uid = t.uid LEFT JOIN machines k ON k.id = r.machine_id";

/// Returns the deletion of a message.
pub(super) fn find_tombstone(connection: &Connection, id: MessageId) -> rusqlite::Result<Option<Tombstone>> {
    let sql = format!("{TOMBSTONE_SQL} WHERE t.uid = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([id.as_bytes()], |row| {
            let machine: Option<[u8; 32]> = row.get(4)?;
            Ok(Tombstone {
                message: read_uid(row, 0)?,
                at: read_time(row, 1)?,
                reason: row.get(2)?,
                is_remote: row.get(3)?,
                seal: machine.map(MachineKey).zip(row.get(5)?),
            })
        })
        .optional()
}

impl Snapshot<'_> {
    /// Counts all deletions by who signed them. The daily test message is none.
    pub fn deletion_signers(&self) -> Result<DeletionSigners> {
        self.query("count the deletions", |connection| {
            let sql = "SELECT r.uid IS NULL, k.relation, count(*) FROM tombstones t
                         LEFT JOIN remote_tombstones r ON r.uid = t.uid LEFT JOIN machines k ON k.id = r.machine_id
                       WHERE t.number > 0 GROUP BY 1, 2";
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            let mut signers = DeletionSigners::default();
            while let Some(row) = rows.next()? {
                let relation: Option<i64> = row.get(1)?;
                let is_here: bool = row.get(0)?;
                let signer =
                    if is_here { Some(MachineRelation::This) } else { relation.map(MachineRelation::from_number) };
                signers.add(signer, row.get(2)?);
            }
            Ok(signers)
        })
    }
}

impl Store {
    /// Records who signed deletions that came from other machines. A signature replaces none, and that of a trusted
    /// machine replaces any other; what was deleted here stays this machine's own. Returns those that are not carried
    /// out yet: the deletion, and with it the tombstone, follows.
    ///
    /// # Errors
    /// When writing fails; nothing is then recorded.
    pub fn record_remote_tombstones(&self, tombstones: Vec<Tombstone>, now: Timestamp) -> Result<Vec<Tombstone>> {
        self.write("record deletions of other machines", move |connection| {
            let mut due = Vec::new();
            for tombstone in &tombstones {
                if record_remote_tombstone(connection, tombstone, now)? {
                    due.push(tombstone.clone());
                }
            }
            Ok(due)
        })
    }
}

/// Records who signed a deletion. Returns true if the message is here or has no tombstone yet.
fn record_remote_tombstone(connection: &Connection, tombstone: &Tombstone, now: Timestamp) -> Result<bool> {
    let uid = tombstone.message.as_bytes();
    let known = find_tombstone(connection, tombstone.message)?;
    let rank = |seal: Option<MachineKey>| -> rusqlite::Result<u8> {
        let Some(machine) = seal else { return Ok(0) };
        Ok(if machines::relation_of_machine(connection, machine)?.is_trusted() { 2 } else { 1 })
    };
    let machine = tombstone.seal.map(|(machine, _)| machine);
    let replaces = match &known {
        None => true,
        Some(known) if !known.is_remote => false,
        Some(known) => rank(known.seal.map(|(machine, _)| machine))? < rank(machine)?,
    };
    if replaces {
        if let Some(machine) = machine {
            machines::insert_machine(connection, machine, now.to_milliseconds())?;
        }
        let sql = "INSERT OR REPLACE INTO remote_tombstones (uid, at, machine_id, signature)
                   VALUES (?1, ?2, (SELECT id FROM machines WHERE key = ?3), ?4)";
        let signature = tombstone.seal.map(|(_, signature)| signature);
        let values = params![uid, tombstone.at.to_milliseconds(), machine.map(|machine| machine.0), signature];
        connection.prepare_cached(sql)?.execute(values)?;
        // The signature covers the reason.
        let sql = "UPDATE tombstones SET reason = ?2 WHERE uid = ?1";
        connection.prepare_cached(sql)?.execute(params![uid, tombstone.reason])?;
    }
    let sql = "SELECT 1 FROM messages WHERE uid = ?1";
    Ok(known.is_none() || connection.prepare_cached(sql)?.exists([uid])?)
}
