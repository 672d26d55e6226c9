//! Copies of the store (backups, previous data folders, exports) and the deletions that each has not seen yet. Owns the
//! rows; does not own the files.
//!
//! Deletions are numbered in their order. A copy follows them by a cursor, as a sync target follows the change log. Only
//! ids are kept, never a text.

use rusqlite::{Connection, Row, params};

use super::error::Result;
use super::machines;
use super::{Snapshot, Store};
use crate::domain::{MachineKey, MessageId, Timestamp};

/// Fate of the copies of deleted messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyPolicy {
    /// Copies lose the messages too.
    Remove,
    /// Copies keep them until the person agrees: a model deleted the messages, or another machine.
    Keep,
    /// No copy can contain them.
    NotCopied,
}

impl CopyPolicy {
    /// Returns the number of a deletion, given the next free one, and whether it is confirmed.
    pub(super) const fn number_deletion(self, next: i64) -> (i64, bool) {
        match self {
            Self::Remove => (next, true),
            Self::Keep => (next, false),
            Self::NotCopied => (0, true),
        }
    }
}

/// Kind of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyKind {
    /// Archive made by `backup create`.
    Backup,
    /// Data folder that `restore` put aside.
    Folder,
    /// Exported texts: a file or a folder.
    Export,
    /// Backup that was written to standard output.
    Stream,
}

impl CopyKind {
    const ALL: [Self; 4] = [Self::Backup, Self::Folder, Self::Export, Self::Stream];

    /// Returns the name used in the database and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Folder => "folder",
            Self::Export => "export",
            Self::Stream => "stream",
        }
    }

    fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Export)
    }
}

/// Copy of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRecord {
    /// Path, relative to the data folder where the copy is inside.
    pub path: String,
    pub kind: CopyKind,
    /// Time at which it was made or found.
    pub at: Timestamp,
    /// Number of the last deletion before it was made.
    pub made: i64,
    /// Number of the last confirmed deletion that it has seen.
    pub removed: i64,
    /// Reason why it could not be cleaned.
    pub trouble: Option<String>,
}

/// Deletion of one message, with its place among all deletions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionRecord {
    pub message: MessageId,
    pub at: Timestamp,
    pub reason: String,
    /// Place of the deletion in the order of all.
    pub number: i64,
    /// True if copies lose the message too.
    pub confirmed: bool,
    /// Session of the message, if it was known.
    pub session: Option<String>,
    /// Machine that signed the deletion, if another machine sent it.
    pub sender: Option<DeletionSender>,
}

/// Machine behind a deletion that came from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionSender {
    /// Time that it signed.
    pub at: Timestamp,
    /// Key and signature; `None` if nobody signed it.
    pub seal: Option<(MachineKey, [u8; 64])>,
}

impl DeletionSender {
    /// Builds the sender from the columns time, key, signature from the sixth on.
    fn parse(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let Some(at) = row.get(6)? else { return Ok(None) };
        let machine: Option<[u8; 32]> = row.get(7)?;
        Ok(Some(Self { at: Timestamp::from_milliseconds(at), seal: machine.map(MachineKey).zip(row.get(8)?) }))
    }
}

/// Everything that a store restored from an earlier state has to take over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletionState {
    pub deletions: Vec<DeletionRecord>,
    /// Keys of deleted parts.
    pub parts: Vec<i64>,
    /// Quarantined messages, since when, and why.
    pub quarantine: Vec<(MessageId, Timestamp, String)>,
    pub copies: Vec<CopyRecord>,
}

fn parse_copy(row: &Row<'_>) -> rusqlite::Result<CopyRecord> {
    Ok(CopyRecord {
        path: row.get(0)?,
        kind: CopyKind::from_name(&row.get::<_, String>(1)?),
        at: row.get(2).map(Timestamp::from_milliseconds)?,
        made: row.get(3)?,
        removed: row.get(4)?,
        trouble: row.get(5)?,
    })
}

impl Snapshot<'_> {
    /// Returns all known copies, by path.
    pub fn list_copies(&self) -> Result<Vec<CopyRecord>> {
        self.query("list the copies", |connection| {
            let sql = "SELECT path, kind, at, made, removed, trouble FROM copies ORDER BY path";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], parse_copy)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the number of the last deletion; 0 if there is none.
    pub fn last_deletion(&self) -> Result<i64> {
        self.query("read the last deletion", |connection| {
            let sql = "SELECT coalesce(max(number), 0) FROM tombstones";
            Ok(connection.query_row(sql, [], |row| row.get(0))?)
        })
    }

    /// Returns the confirmed deletions after a number, and the number of the last of them.
    pub fn deletions_after(&self, number: i64) -> Result<(Vec<MessageId>, i64)> {
        self.query("list deletions", |connection| {
            let sql = "SELECT uid, number FROM tombstones WHERE number > ?1 AND confirmed = 1 ORDER BY number, uid";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([number])?;
            let (mut ids, mut last) = (Vec::new(), number);
            while let Some(row) = rows.next()? {
                ids.push(MessageId::from_bytes(row.get(0)?));
                last = row.get(1)?;
            }
            Ok((ids, last))
        })
    }

    /// Counts the deletions after a number: confirmed ones, and ones that wait for the person.
    pub fn count_deletions_after(&self, number: i64) -> Result<(u64, u64)> {
        self.query("count deletions", |connection| {
            let sql =
                "SELECT coalesce(sum(confirmed), 0), coalesce(sum(1 - confirmed), 0) FROM tombstones WHERE number > ?1";
            Ok(connection.query_row(sql, [number], |row| Ok((row.get(0)?, row.get(1)?)))?)
        })
    }

    /// Returns the deleted messages that a name means: a message id, or a session id or its first six characters.
    pub fn deleted_messages_named(&self, name: &str) -> Result<Vec<MessageId>> {
        let id = name.parse::<MessageId>().ok();
        self.query("find a deletion", |connection| {
            let sql = "SELECT uid FROM tombstones WHERE uid = ?1 OR session = ?2
                         OR length(?2) >= 6 AND substr(session, 1, length(?2)) = ?2 ORDER BY uid";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map(params![id.as_ref().map(MessageId::as_bytes), name], |row| {
                row.get(0).map(MessageId::from_bytes)
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns all deletions, the quarantine and the copies, for a store that is put in the place of this one.
    pub fn deletion_state(&self) -> Result<DeletionState> {
        let copies = self.list_copies()?;
        self.query("read deletions and quarantine", |connection| {
            let sql = "SELECT t.uid, t.at, t.reason, t.number, t.confirmed, t.session, r.at, k.key, r.signature
                       FROM tombstones t LEFT JOIN remote_tombstones r ON r.uid = t.uid
                         LEFT JOIN machines k ON k.id = r.machine_id ORDER BY t.number, t.uid";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(DeletionRecord {
                    message: row.get(0).map(MessageId::from_bytes)?,
                    at: row.get(1).map(Timestamp::from_milliseconds)?,
                    reason: row.get(2)?,
                    number: row.get(3)?,
                    confirmed: row.get(4)?,
                    session: row.get(5)?,
                    sender: DeletionSender::parse(row)?,
                })
            })?;
            let deletions = rows.collect::<rusqlite::Result<_>>()?;
            let mut statement = connection.prepare("SELECT key FROM deleted_parts ORDER BY key")?;
            let parts = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            let sql =
                "SELECT m.uid, q.at, q.reason FROM quarantine q JOIN messages m ON m.id = q.message_id ORDER BY m.id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let id = row.get(0).map(MessageId::from_bytes)?;
                Ok((id, row.get(1).map(Timestamp::from_milliseconds)?, row.get(2)?))
            })?;
            let quarantine = rows.collect::<rusqlite::Result<_>>()?;
            Ok(DeletionState { deletions, parts, quarantine, copies })
        })
    }
}

impl Store {
    /// Records a copy. A known one keeps its cursor, unless `replace` says that it was made again.
    pub fn record_copy(&self, copy: CopyRecord, replace: bool) -> Result<()> {
        self.write("record a copy", move |connection| {
            let verb = if replace { "INSERT OR REPLACE" } else { "INSERT OR IGNORE" };
            let sql =
                format!("{verb} INTO copies (path, kind, at, made, removed, trouble) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
            let CopyRecord { path, kind, at, made, removed, trouble } = &copy;
            connection.execute(&sql, params![path, kind.name(), at.to_milliseconds(), made, removed, trouble])?;
            Ok(())
        })
    }

    /// Stores the cursor of a copy, and why it could not be cleaned further.
    pub fn update_copy(&self, path: String, removed: i64, trouble: Option<String>) -> Result<()> {
        self.write("record a copy", move |connection| {
            let sql = "UPDATE copies SET removed = ?2, trouble = ?3 WHERE path = ?1";
            connection.execute(sql, params![path, removed, trouble])?;
            Ok(())
        })
    }

    /// Removes the record of a copy that no longer exists.
    pub fn remove_copy(&self, path: String) -> Result<()> {
        self.write("remove the record of a copy", move |connection| {
            connection.execute("DELETE FROM copies WHERE path = ?1", [path])?;
            Ok(())
        })
    }

    /// Confirms deletions, or all of them: copies then lose these messages too. Returns how many were not confirmed
    /// before.
    pub fn confirm_deletions(&self, only: Option<Vec<MessageId>>) -> Result<u64> {
        self.write("confirm deletions", move |connection| {
            // A new number: copies that went past the old one see it again.
            let next: i64 = connection.query_row(NEXT_NUMBER, [], |row| row.get(0))?;
            let sql = "UPDATE tombstones SET confirmed = 1, number = ?1 WHERE confirmed = 0";
            let Some(ids) = &only else { return Ok(connection.execute(sql, [next])? as u64) };
            let mut statement = connection.prepare(&format!("{sql} AND uid = ?2"))?;
            let mut changed = 0;
            for id in ids {
                changed += statement.execute(params![next, id.as_bytes()])? as u64;
            }
            Ok(changed)
        })
    }

    /// Deletes and quarantines here what another state of this store had deleted and quarantined, and takes over its
    /// numbers and copies. Returns how many messages were deleted and quarantined.
    ///
    /// # Errors
    /// When writing fails; calling it again completes it.
    pub fn apply_deletion_state(&self, mut state: DeletionState, now: Timestamp) -> Result<(u64, u64)> {
        let ids: Vec<MessageId> = state.deletions.iter().map(|one| one.message).collect();
        let deleted = if ids.is_empty() { 0 } else { self.forget(ids, String::new(), CopyPolicy::Keep, now)?.messages };
        let mut quarantined = 0;
        for (id, at, reason) in std::mem::take(&mut state.quarantine) {
            quarantined += self.quarantine_messages(vec![id], reason, at)?;
        }
        let DeletionState { deletions, parts, copies, .. } = state;
        self.write("take over deletions", move |connection| {
            let sql = "INSERT OR REPLACE INTO tombstones (uid, at, reason, number, confirmed, session)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let mut statement = connection.prepare(sql)?;
            for one in &deletions {
                let DeletionRecord { message, at, reason, number, confirmed, session, sender } = one;
                statement.execute(params![
                    message.as_bytes(),
                    at.to_milliseconds(),
                    reason,
                    number,
                    confirmed,
                    session
                ])?;
                restore_sender(connection, *message, sender.as_ref())?;
            }
            let mut statement = connection.prepare("INSERT OR IGNORE INTO deleted_parts (key) VALUES (?1)")?;
            for key in &parts {
                statement.execute([key])?;
            }
            connection.execute("DELETE FROM copies", [])?;
            Ok(())
        })?;
        for copy in copies {
            self.record_copy(copy, true)?;
        }
        Ok((deleted, quarantined))
    }
}

/// Stores which machine is behind a deletion.
fn restore_sender(
    connection: &Connection,
    message: MessageId,
    sender: Option<&DeletionSender>,
) -> rusqlite::Result<()> {
    let Some(DeletionSender { at, seal }) = sender else {
        let sql = "DELETE FROM remote_tombstones WHERE uid = ?1";
        return connection.prepare_cached(sql)?.execute([message.as_bytes()]).map(drop);
    };
    let (machine, signature) = seal.unzip();
    if let Some(machine) = machine {
        machines::insert_machine(connection, machine, at.to_milliseconds())?;
    }
    let sql = "INSERT OR REPLACE INTO remote_tombstones (uid, at, machine_id, signature)
               VALUES (?1, ?2, (SELECT id FROM machines WHERE key = ?3), ?4)";
    let values = params![message.as_bytes(), at.to_milliseconds(), machine.map(|machine| machine.0), signature];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// SQL for the number of the next deletion.
pub(super) const NEXT_NUMBER: &str = "SELECT coalesce(max(number), 0) + 1 FROM tombstones";

/// Returns true if a message was deleted of the session that a title names, by its id or by the key of a part: the title
/// may quote the message.
pub(super) fn may_quote_deleted(connection: &Connection, session: Option<&str>, part: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM tombstones WHERE session = ?1)
                 OR EXISTS (SELECT 1 FROM deleted_parts WHERE key = ?2)";
    connection.prepare_cached(sql)?.query_row(params![session, part], |row| row.get(0))
}
