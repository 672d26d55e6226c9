//! Reads transcripts while they are written. File system notifications say which files changed, so there is no polling;
//! a full scan every ten minutes catches changes that no notification reported.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::{EventKind, RecursiveMode, Watcher as _};

use super::live_settings::LiveSettings;
use super::tasks::{Ticker, Wake};
use crate::bridge::EngineHandle;
use crate::config::env;
use crate::import::Source;
use crate::memory::{self, ImportOptions, Memory};

/// Delay that collects a burst of writes into one read.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// Pause between two full scans.
const FULL_SCAN: Duration = Duration::from_mins(10);
/// Pause before looking again for a folder that does not exist.
const MISSING_RETRY: Duration = Duration::from_secs(30);
/// Pause between two full scans when file system notifications do not work.
const BLIND_SCAN: Duration = Duration::from_secs(10);

/// Shortest pause between two reads of a database, which is read from its start.
const DATABASE_PAUSE: Duration = Duration::from_secs(30);
/// Pause after a read of a database, as a multiple of the time that the read took.
const PAUSE_PER_READ: u32 = 20;

/// Files that changed since they were read, and new folders.
type ChangedPaths = Arc<Mutex<HashSet<PathBuf>>>;

/// Follower of one source's folder.
#[derive(Debug)]
pub(super) struct TranscriptFollower {
    pub(super) source: Source,
    pub(super) desk: EngineHandle<Memory, memory::Error>,
    pub(super) live: LiveSettings,
}

impl TranscriptFollower {
    /// Follows the files below a folder until the service ends.
    pub(super) fn follow_folder(&self, rest: &Ticker, waker: &Sender<()>, folder: &Path) {
        // A short pause first: answering the session that started the service comes before reading.
        let mut pause = DEBOUNCE;
        loop {
            match rest.sleep_for(pause) {
                Wake::End => return,
                Wake::Call | Wake::Time => {}
            }
            if !self.live.get().serve.follow || !folder.is_dir() {
                pause = MISSING_RETRY;
                continue;
            }
            if self.watch_folder(rest, waker, folder) {
                return;
            }
            pause = MISSING_RETRY;
        }
    }

    /// Follows until the folder vanishes or `serve.follow` is switched off. Returns true if the service ends.
    fn watch_folder(&self, rest: &Ticker, waker: &Sender<()>, folder: &Path) -> bool {
        let changed = ChangedPaths::default();
        let watcher = start_watcher(self.source, folder, &changed, waker);
        if let Err(error) = &watcher {
            tracing::warn!(%error, "cannot watch the transcript folder; scanning it every {BLIND_SCAN:?} instead");
        }
        let round = if watcher.is_ok() { FULL_SCAN } else { BLIND_SCAN };
        self.import_path(rest, folder);
        let mut looked = Instant::now();
        let mut spent = Duration::ZERO;
        loop {
            let woken = rest.sleep_for(round.saturating_sub(looked.elapsed()));
            if woken == Wake::End {
                return true;
            }
            if !folder.is_dir() || !self.live.get().serve.follow {
                return false;
            }
            if woken == Wake::Time {
                self.import_path(rest, folder);
                looked = Instant::now();
                continue;
            }
            // More changes of the same burst follow.
            let database_pause = DATABASE_PAUSE.max(spent * PAUSE_PER_READ);
            let until = Instant::now() + if self.source.is_database() { database_pause } else { DEBOUNCE };
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                match rest.sleep_for(left) {
                    Wake::End => return true,
                    Wake::Time => break,
                    Wake::Call => {}
                }
            }
            let files = std::mem::take(&mut *changed.lock().unwrap_or_else(PoisonError::into_inner));
            let began = Instant::now();
            files.iter().filter(|path| path.exists()).for_each(|path| self.import_path(rest, path));
            spent = began.elapsed();
        }
    }

    /// Imports one transcript, or every transcript below a folder.
    fn import_path(&self, rest: &Ticker, path: &Path) {
        let outcome = self.desk.get_or_open().and_then(|memory| {
            let options = ImportOptions { source: self.source, ..ImportOptions::from_settings(memory.settings()) };
            memory.import_path(path, options, env::current_time(), rest.stop_flag(), &mut |_| {})
        });
        match outcome {
            Ok(report) => {
                for bad in &report.bad {
                    tracing::warn!("cannot parse a transcript line: {bad}");
                }
                if report.new > 0 {
                    tracing::info!(new = report.new, "imported new messages");
                }
            }
            Err(error) => tracing::warn!(%error, "failed to import transcripts"),
        }
    }
}

fn start_watcher(
    source: Source,
    folder: &Path,
    changed: &ChangedPaths,
    waker: &Sender<()>,
) -> notify::Result<notify::RecommendedWatcher> {
    let (changed, waker) = (Arc::clone(changed), waker.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if !matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_)) {
            return;
        }
        // Files written into a new folder before it was watched are not reported: the folder itself is scanned.
        let is_new = matches!(event.kind, EventKind::Create(_));
        let worth_reading = |path: PathBuf| {
            if path.is_dir() { Some(path).filter(|_| is_new) } else { source.followed_file(&path) }
        };
        let transcripts = event.paths.into_iter().filter_map(worth_reading);
        let mut changed = changed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = changed.len();
        changed.extend(transcripts);
        if changed.len() > before {
            // The receiver is gone only when the service ends.
            let _ = waker.send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}
