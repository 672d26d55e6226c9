//! Ledger of injections: time, event, reason and tokens. One append-only file per session, with ids and no text; if a
//! file is lost, memories are injected again.

use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::disk::{self, FileLock, LockGuard};
use crate::domain::{ContentHash, MessageId, Timestamp, hash::to_hex};
use crate::memory::{ContextPack, Error, Memory, Result};

/// Ledgers of sessions that were inactive for longer are removed.
const LEDGER_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// Two hooks of the same compaction run within this time; a second compaction never follows so soon.
const SAME_COMPACTION_MS: i64 = 3_000;
/// Event after which nothing injected earlier is left in the session's context.
pub const COMPACTION_EVENT: &str = "compact";

/// Memories injected into a session at one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// Session id as given by its source.
    pub session: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Event: hook event of the client, or the tool that was called.
    pub moment: String,
    /// Estimated number of tokens.
    pub tokens: usize,
    /// Memories that were injected.
    pub items: Vec<InjectedItem>,
}

/// Message that was injected into a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectedItem {
    /// Id of the message.
    pub id: String,
    /// Reason for the injection.
    pub why: String,
}

impl Memory {
    fn ledger_path(&self, session: &str) -> PathBuf {
        // A session id comes from outside, so the file is named by its hash.
        self.injections_folder.join(format!("{}.jsonl", to_hex(&ContentHash::of_text(session).0)))
    }

    /// Acquires the lock for injecting into a session; `None` if another process holds it. Two hooks of one prompt
    /// would otherwise inject the same memories.
    pub fn lock_injections(&self, session: &str) -> Result<Option<LockGuard>> {
        let path = self.ledger_path(session).with_extension("lock");
        let taken = disk::create_private_folder(&self.injections_folder).and_then(|()| FileLock::try_acquire(&path));
        match taken.map_err(Error::path_error(&path))? {
            FileLock::Held(held) => Ok(Some(held)),
            FileLock::Taken(_) => Ok(None),
        }
    }

    /// Returns the ids injected into a session since it was last compacted.
    pub fn injected_ids(&self, session: &str) -> HashSet<MessageId> {
        let mut ids = HashSet::new();
        for injection in self.session_injections(session).unwrap_or_default() {
            if injection.moment == COMPACTION_EVENT {
                ids.clear();
            }
            ids.extend(injection.items.iter().filter_map(|item| item.id.parse::<MessageId>().ok()));
        }
        ids
    }

    /// Returns true if a session was handled after compaction within the last seconds: a client may have our hooks
    /// installed twice.
    pub fn was_just_compacted(&self, session: &str, now: Timestamp) -> bool {
        let last = self.session_injections(session).unwrap_or_default().pop();
        last.is_some_and(|last| {
            last.moment == COMPACTION_EVENT && (now.to_milliseconds() - last.at_ms).abs() < SAME_COMPACTION_MS
        })
    }

    /// Returns the number of tokens injected into a session since it was last compacted.
    pub fn injected_tokens(&self, session: &str) -> usize {
        let mut tokens = 0;
        for injection in self.session_injections(session).unwrap_or_default() {
            tokens = if injection.moment == COMPACTION_EVENT { 0 } else { tokens + injection.tokens };
        }
        tokens
    }

    /// Records what is injected into a session.
    ///
    /// # Errors
    /// If the ledger cannot be written: the pack should then not be injected.
    pub fn record_injection(&self, session: &str, moment: &str, pack: &ContextPack, now: Timestamp) -> Result<()> {
        let items = pack.items.iter().map(|item| InjectedItem { id: item.id.to_string(), why: item.reason.in_words() });
        let injection = Injection {
            session: session.to_owned(),
            at_ms: now.to_milliseconds(),
            moment: moment.to_owned(),
            tokens: pack.tokens,
            items: items.collect(),
        };
        let path = self.ledger_path(session);
        let write = || -> std::io::Result<()> {
            let mut line = serde_json::to_string(&injection)?;
            line.push('\n');
            disk::create_private_folder(&self.injections_folder)?;
            disk::open_private_append(&path)?.write_all(line.as_bytes())
        };
        write().map_err(Error::path_error(&path))
    }

    /// Returns the injections of a session, oldest first. Truncated lines are skipped.
    pub fn session_injections(&self, session: &str) -> Result<Vec<Injection>> {
        read_ledger(&self.ledger_path(session))
    }

    /// Returns the injections of all sessions, newest first.
    pub fn all_injections(&self) -> Result<Vec<Injection>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.injections_folder).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "jsonl") {
                all.extend(read_ledger(&entry.path())?);
            }
        }
        all.sort_by_key(|injection| std::cmp::Reverse(injection.at_ms));
        Ok(all)
    }

    /// Removes the ledgers of sessions that ended long ago.
    pub fn prune_injections(&self, now: Timestamp) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.to_milliseconds()).unwrap_or(0));
        for entry in fs::read_dir(&self.injections_folder).into_iter().flatten().flatten() {
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age > LEDGER_LIFETIME) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn read_ledger(path: &std::path::Path) -> Result<Vec<Injection>> {
    if fs::metadata(path).is_ok_and(|data| !data.is_file()) {
        return Ok(Vec::new());
    }
    match fs::read(path) {
        Ok(bytes) => {
            Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::path_error(path)(error)),
    }
}
