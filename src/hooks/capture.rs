//! Capturing transcripts: what a session, or an earlier one, has written since it was read last.
//!
//! One process captures a transcript at a time. A second one leaves: whoever is at work looks again at the transcript after it
//! let go of the lock, so that what the second one was called for is captured by one of the two.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::{Hook, Input, switch};
use crate::disk::{self, Held, Lock};
use crate::domain::hash::hex;
use crate::domain::{Code, ContentHash, Timestamp};
use crate::import::Source;
use crate::memory::{Error, ImportOptions, Memory, Result};
use crate::store::Open;

/// Locks that nobody took for so long are removed.
const LOCKS_KEPT: Duration = Duration::from_hours(7 * 24);

impl Hook {
    /// Reads what the session, or the subagent, has written since the last time. `stop` ends it after the current batch.
    pub(super) fn capture(self, input: &Input, stop: &AtomicBool) -> Result<()> {
        let transcripts = input.transcripts();
        let Some(session) = input.transcript_path.as_ref().or_else(|| transcripts.first()) else { return Ok(()) };
        if transcripts.is_empty() {
            return Ok(());
        }
        let lock = lock_of(&self.paths.captures(), session);
        let Lock::Held(held) = take(&lock)? else { return Ok(()) };
        let now = self.now;
        let memory = Memory::open(&self.paths, self.settings, Open::Create, self.ids, now)?;
        read_alone(&lock, held, &transcripts, stop, &mut |path| import(&memory, path, now, stop))
    }

    /// Reads what sessions left behind that ended before they were captured, newest first.
    pub(super) fn catch_up(self, stop: &AtomicBool) -> Result<()> {
        let (locks, now) = (self.paths.captures(), self.now);
        let Some(folder) = self.transcripts else { return Ok(()) };
        // Without a memory nothing was ever captured, and nobody asked for the history.
        if !self.paths.database().exists() {
            return Ok(());
        }
        let Lock::Held(_held) = take(&locks.join("catch-up.lock"))? else { return Ok(()) };
        remove_old(&locks, now);
        switch::remove_old(&self.paths, now);
        let memory = Memory::open(&self.paths, self.settings, Open::Existing, self.ids, now)?;
        for path in memory.left_behind(&folder)? {
            let session = session_of(&path);
            let name = session.file_stem().unwrap_or_default().to_string_lossy();
            // Whose session an agent of an older version belongs to is only known by reading it; `import` does.
            if name.starts_with("agent-") || switch::is_left_out(&self.paths, &name) {
                continue;
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let lock = lock_of(&locks, &session);
            if let Lock::Held(held) = take(&lock)? {
                let read = &mut |path: &Path| import(&memory, path, now, stop);
                read_alone(&lock, held, std::slice::from_ref(&path), stop, read)?;
            }
        }
        memory.fold_words()
    }
}

/// Runs `read` on each path while nobody else does, and again while the files grow meanwhile.
fn read_alone(
    lock: &Path,
    mut held: Held,
    paths: &[PathBuf],
    stop: &AtomicBool,
    read: &mut dyn FnMut(&Path) -> Result<()>,
) -> Result<()> {
    loop {
        let before = sizes(paths);
        for path in paths {
            read(path)?;
        }
        drop(held);
        // Whoever came while the lock was held has left, and what he came for was in the files by then.
        if stop.load(Ordering::Relaxed) || sizes(paths) == before {
            return Ok(());
        }
        match take(lock)? {
            Lock::Held(again) => held = again,
            Lock::Taken(_) => return Ok(()),
        }
    }
}

/// Imports a transcript, or all of a folder; waits for another process that writes.
fn import(memory: &Memory, path: &Path, now: Timestamp, stop: &AtomicBool) -> Result<()> {
    let options = ImportOptions { settle: false, ..ImportOptions::of(memory.settings()) };
    loop {
        match memory.import(path, options, now, stop, &mut |_| {}) {
            Err(error) if error.code() == Code::Busy && !stop.load(Ordering::Relaxed) => {}
            other => return other.map(drop),
        }
    }
}

/// The lock of a session's transcript. A path comes from outside: its hash is a safe name.
fn lock_of(folder: &Path, session: &Path) -> PathBuf {
    folder.join(format!("{}.lock", hex(&ContentHash::of(&session.to_string_lossy()).0)))
}

fn take(lock: &Path) -> Result<Lock> {
    let folder = lock.parent().unwrap_or(Path::new("."));
    let taken = disk::create_private_folder(folder).and_then(|()| Lock::try_take(lock));
    taken.map_err(|error| Error::Unreadable { path: lock.display().to_string(), why: error.to_string() })
}

/// The transcript of the session that started a subagent, for the transcript of the subagent.
fn session_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| folder.ends_with("subagents")).and_then(Path::parent);
    folder.map_or_else(|| path.to_owned(), |session| session.with_extension("jsonl"))
}

/// Every transcript at these paths with its size and time.
fn sizes(paths: &[PathBuf]) -> Vec<(PathBuf, u64, i64)> {
    let found = paths.iter().filter_map(|path| Source::ClaudeCode.discover(path).ok());
    found.flat_map(|(found, _)| found).map(|found| (found.path, found.size, found.modified)).collect()
}

fn remove_old(folder: &Path, now: Timestamp) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.milliseconds()).unwrap_or(0));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > LOCKS_KEPT)
            && let Ok(Lock::Held(_held)) = Lock::try_take(&entry.path())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subagent_shares_the_lock_of_its_session() {
        assert_eq!(session_of(Path::new("/p/s-1/subagents/agent-7.jsonl")), Path::new("/p/s-1.jsonl"));
        assert_eq!(session_of(Path::new("/p/s-1.jsonl")), Path::new("/p/s-1.jsonl"));
    }
}
