//! Reads transcripts while they are written: the file system tells which ones have changed, nothing is asked in a loop. Now and then
//! everything is looked at, for what was not told.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::{EventKind, RecursiveMode, Watcher as _};

use super::live::Live;
use super::tasks::{Rest, Woken};
use crate::bridge::Desk;
use crate::config::env;
use crate::import::Source;
use crate::memory::{self, ImportOptions, Memory};

/// What is written in bursts is read once.
const SETTLE: Duration = Duration::from_millis(200);
/// Between two looks at everything, and at whether the folder is there by now.
const ROUND: Duration = Duration::from_mins(10);
const MISSING: Duration = Duration::from_secs(30);
/// Between two looks when the file system tells nothing.
const BLIND: Duration = Duration::from_secs(10);

/// Files that have changed since they were read, and new folders.
type Changed = Arc<Mutex<HashSet<PathBuf>>>;

/// Reads one source.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) source: Source,
    pub(super) desk: Desk<Memory, memory::Error>,
    pub(super) live: Live,
}

impl Follower {
    /// Follows the files below a folder until the service ends.
    pub(super) fn follow(&self, rest: &Rest, waker: &Sender<()>, folder: &Path) {
        // Whoever started it first wants an answer.
        let mut pause = SETTLE;
        loop {
            match rest.wait(pause) {
                Woken::End => return,
                Woken::Call | Woken::Time => {}
            }
            if !self.live.get().serve.follow || !folder.is_dir() {
                pause = MISSING;
                continue;
            }
            if self.watch(rest, waker, folder) {
                return;
            }
            pause = MISSING;
        }
    }

    /// Follows while the folder is there and that is wanted. Returns whether the service ends.
    fn watch(&self, rest: &Rest, waker: &Sender<()>, folder: &Path) -> bool {
        let changed = Changed::default();
        let watcher = watcher(self.source, folder, &changed, waker);
        if let Err(error) = &watcher {
            tracing::warn!(%error, "the file system does not tell what changes; transcripts are looked at every {BLIND:?}");
        }
        let round = if watcher.is_ok() { ROUND } else { BLIND };
        self.read(rest, folder);
        let mut looked = Instant::now();
        loop {
            let woken = rest.wait(round.saturating_sub(looked.elapsed()));
            if woken == Woken::End {
                return true;
            }
            if !folder.is_dir() || !self.live.get().serve.follow {
                return false;
            }
            if woken == Woken::Time {
                self.read(rest, folder);
                looked = Instant::now();
                continue;
            }
            // More of the same comes in a moment.
            let until = Instant::now() + SETTLE;
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                match rest.wait(left) {
                    Woken::End => return true,
                    Woken::Time => break,
                    Woken::Call => {}
                }
            }
            let files = std::mem::take(&mut *changed.lock().unwrap_or_else(PoisonError::into_inner));
            files.iter().filter(|path| path.exists()).for_each(|path| self.read(rest, path));
        }
    }

    /// Reads a transcript, or all below a folder.
    fn read(&self, rest: &Rest, path: &Path) {
        let outcome = self.desk.opened().and_then(|memory| {
            let options = ImportOptions { source: self.source, ..ImportOptions::of(memory.settings()) };
            memory.import(path, options, env::now(), rest.stop(), &mut |_| {})
        });
        match outcome {
            Ok(report) => {
                for bad in &report.bad {
                    tracing::warn!("a line of a transcript cannot be read: {bad}");
                }
                if report.new > 0 {
                    tracing::info!(new = report.new, "read what was said");
                }
            }
            Err(error) => tracing::warn!(%error, "transcripts were not read now"),
        }
    }
}

fn watcher(
    source: Source,
    folder: &Path,
    changed: &Changed,
    waker: &Sender<()>,
) -> notify::Result<notify::RecommendedWatcher> {
    let (changed, waker) = (Arc::clone(changed), waker.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if !matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_)) {
            return;
        }
        // What was written into a new folder before it was watched is told by nobody: the folder itself is looked through.
        let is_new = matches!(event.kind, EventKind::Create(_));
        let is_worth = |path: &PathBuf| if path.is_dir() { is_new } else { source.has(path) };
        let transcripts = event.paths.into_iter().filter(is_worth);
        let mut changed = changed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = changed.len();
        changed.extend(transcripts);
        if changed.len() > before {
            // The service ends when nobody listens.
            let _ = waker.send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}
