//! Which memories a session was already handed, so that none is handed to it twice: 16 bytes a memory, one file a session,
//! only ever appended to. Ids and no text; a lost file costs a repetition.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Error, Memory, Result};
use crate::disk;
use crate::domain::{ContentHash, MessageId, Timestamp, hash::hex};

/// A session that was not heard of for so long is over.
const KEPT: Duration = Duration::from_hours(30 * 24);

impl Memory {
    fn given_file(&self, session: &str) -> PathBuf {
        // A session id comes from outside: its hash is a safe name.
        self.given_folder.join(hex(&ContentHash::of(session).0))
    }

    /// What a session was already handed.
    pub fn given(&self, session: &str) -> HashSet<MessageId> {
        let bytes = fs::read(self.given_file(session)).unwrap_or_default();
        bytes.chunks_exact(16).filter_map(|id| Some(MessageId::from_bytes(id.try_into().ok()?))).collect()
    }

    /// Notes that a session is being handed these.
    ///
    /// # Errors
    /// When it cannot be written down: they should then not be handed out.
    pub fn remember_given(&self, session: &str, ids: &[MessageId]) -> Result<()> {
        let path = self.given_file(session);
        let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
        let write = || -> std::io::Result<()> {
            disk::create_private_folder(&self.given_folder)?;
            disk::append_private(&path)?.write_all(&bytes)
        };
        write().map_err(|error| Error::Unreadable { path: path.display().to_string(), why: error.to_string() })
    }

    /// Removes the notes of sessions that ended long ago.
    pub fn forget_old_given(&self, now: Timestamp) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.milliseconds()).unwrap_or(0));
        for entry in fs::read_dir(&self.given_folder).into_iter().flatten().flatten() {
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age > KEPT) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
