//! Captures transcripts: imports what a session, or an earlier one, has written since the last import.
//!
//! One process captures a transcript at a time. A second one leaves: the first one checks the transcript again after it
//! released the lock, so that one of the two captures what the second one was started for.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::{HookHandler, HookInput, switch};
use crate::disk::{self, FileLock, LockGuard};
use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, FailureCode, Timestamp};
use crate::import::Source;
use crate::memory::{Error, ImportOptions, Memory, Result};
use crate::store::OpenMode;

/// Age after which an unused lock file is removed.
const LOCK_MAX_AGE: Duration = Duration::from_hours(7 * 24);

impl HookHandler {
    /// Imports what the session, or the subagent, has written since the last import.
    ///
    /// `stop` ends it after the current batch.
    pub(super) fn capture_session(self, input: &HookInput, stop: &AtomicBool) -> Result<()> {
        let transcripts = input.list_transcripts();
        let Some(session) = input.transcript_path.as_ref().or_else(|| transcripts.first()) else { return Ok(()) };
        if transcripts.is_empty() {
            return Ok(());
        }
        let lock = lock_path(&self.paths.capture_locks_folder(), session);
        let held = match try_lock(&lock)? {
            FileLock::Held(held) => held,
            // The client ends now, and with it the process that holds the lock; the caller limits the time.
            FileLock::Taken(_) if input.is_awaited => {
                LockGuard::acquire_blocking(&lock).map_err(Error::path_error(&lock))?
            }
            FileLock::Taken(_) => return Ok(()),
        };
        let (source, now) = (input.history.unwrap_or(Source::CLAUDE_CODE), self.now);
        let memory = Memory::open(&self.paths, self.settings, OpenMode::Create, self.ids, now)?;
        read_exclusively(&lock, held, source, &transcripts, stop, &mut |path| {
            import_transcript(&memory, source, path, now, stop)
        })
    }

    /// Imports the transcripts of sessions that ended before they were captured, newest first.
    pub(super) fn capture_missed_sessions(self, stop: &AtomicBool) -> Result<()> {
        let (locks, now) = (self.paths.capture_locks_folder(), self.now);
        let Some(folder) = self.transcripts else { return Ok(()) };
        // Without a memory nothing was ever captured, and no import of the history was requested.
        if !self.paths.database_file().exists() {
            return Ok(());
        }
        let FileLock::Held(_held) = try_lock(&locks.join("catch-up.lock"))? else { return Ok(()) };
        remove_old_locks(&locks, now);
        switch::remove_old_marks(&self.paths, now);
        let memory = Memory::open(&self.paths, self.settings, OpenMode::Existing, self.ids, now)?;
        for path in memory.unread_transcripts(&folder)? {
            let session = session_transcript(&path);
            let name = session.file_stem().unwrap_or_default().to_string_lossy();
            // The session of a subagent of an older version is only known by reading the transcript; `import` does.
            if name.starts_with("agent-") || switch::is_excluded(&self.paths, &name) {
                continue;
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let lock = lock_path(&locks, &session);
            if let FileLock::Held(held) = try_lock(&lock)? {
                let source = Source::CLAUDE_CODE;
                let read = &mut |path: &Path| import_transcript(&memory, source, path, now, stop);
                read_exclusively(&lock, held, source, std::slice::from_ref(&path), stop, read)?;
            }
        }
        memory.merge_postings()
    }
}

/// Runs `read` on each path under the lock, and again as long as the files grow meanwhile.
fn read_exclusively(
    lock: &Path,
    mut held: LockGuard,
    source: Source,
    paths: &[PathBuf],
    stop: &AtomicBool,
    read: &mut dyn FnMut(&Path) -> Result<()>,
) -> Result<()> {
    loop {
        let before = transcript_sizes(source, paths);
        for path in paths {
            read(path)?;
        }
        drop(held);
        // A process that came while the lock was held has left; its new records were in the files by then.
        if stop.load(Ordering::Relaxed) || transcript_sizes(source, paths) == before {
            return Ok(());
        }
        match try_lock(lock)? {
            FileLock::Held(again) => held = again,
            FileLock::Taken(_) => return Ok(()),
        }
    }
}

/// Imports a transcript, or all of a folder; retries while another process writes.
fn import_transcript(memory: &Memory, source: Source, path: &Path, now: Timestamp, stop: &AtomicBool) -> Result<()> {
    let options = ImportOptions { source, settle: false, ..ImportOptions::from_settings(memory.settings()) };
    loop {
        match memory.import_path(path, options, now, stop, &mut |_| {}) {
            Err(error) if error.code() == FailureCode::Busy && !stop.load(Ordering::Relaxed) => {}
            other => return other.map(drop),
        }
    }
}

/// Returns the lock file of a session's transcript. The path comes from outside: its hash is a safe name.
fn lock_path(folder: &Path, session: &Path) -> PathBuf {
    folder.join(format!("{}.lock", to_hex(&ContentHash::of_text(&session.to_string_lossy()).0)))
}

fn try_lock(lock: &Path) -> Result<FileLock> {
    let folder = lock.parent().unwrap_or(Path::new("."));
    let taken = disk::create_private_folder(folder).and_then(|()| FileLock::try_acquire(lock));
    taken.map_err(Error::path_error(lock))
}

/// Returns the transcript of the session that started a subagent, given that of the subagent.
fn session_transcript(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| folder.ends_with("subagents")).and_then(Path::parent);
    folder.map_or_else(|| path.to_owned(), |session| session.with_extension("jsonl"))
}

/// Lists the transcripts at these paths with size and modification time.
fn transcript_sizes(source: Source, paths: &[PathBuf]) -> Vec<(PathBuf, u64, i64)> {
    let found = paths.iter().filter_map(|path| source.find_transcripts(path).ok());
    found.flat_map(|(found, _)| found).map(|found| (found.path, found.size, found.modified)).collect()
}

fn remove_old_locks(folder: &Path, now: Timestamp) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.to_milliseconds()).unwrap_or(0));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > LOCK_MAX_AGE)
            && let Ok(FileLock::Held(_held)) = FileLock::try_acquire(&entry.path())
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
        assert_eq!(session_transcript(Path::new("/p/s-1/subagents/agent-7.jsonl")), Path::new("/p/s-1.jsonl"));
        assert_eq!(session_transcript(Path::new("/p/s-1.jsonl")), Path::new("/p/s-1.jsonl"));
    }
}
