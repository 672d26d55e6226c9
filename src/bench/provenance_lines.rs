//! Scores of the lines at HEAD: blame of every file, and the grade of each line against the label of its commit.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use serde::Serialize;

use super::Error;
use super::provenance_labels::Labels;
use crate::domain::edit::LineHasher;
use crate::memory::{Grade, LinkedCommit};
use crate::repository::Repository;

/// Scores of lines at HEAD.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LineScores {
    /// Lines with text of their own, of commits since the first session.
    pub nontrivial: usize,
    /// Nontrivial lines of reachable commits.
    pub reachable: usize,
    /// Reachable lines of grade proved.
    pub proved: usize,
    /// Proved lines that a label confirms.
    pub right: usize,
}

/// Blames every file of HEAD on all cores and scores the lines.
///
/// # Errors
/// Errors of git but those of single files, which are left out.
pub(super) fn score_lines(
    repository: &Repository,
    commits: &[LinkedCommit],
    labels: &Labels,
    reachable: &HashSet<&str>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<LineScores, Error> {
    let files = repository.list_files(repository.head()).map_err(crate::memory::Error::from)?;
    let by_id: HashMap<&str, &LinkedCommit> = commits.iter().map(|linked| (linked.id.as_str(), linked)).collect();
    // Any key tells a line with text of its own from one without.
    let hasher = LineHasher::new([0; 32]);
    let next = AtomicUsize::new(0);
    let total = Mutex::new(LineScores::default());
    let score_file = |path: &str| {
        let mut scores = LineScores::default();
        let Ok(lines) = repository.blame_file(path, None, Some(repository.head())) else { return scores };
        for line in lines.iter().filter(|line| hasher.hash_line(&line.text).is_some()) {
            let Some(linked) = by_id.get(line.commit.as_str()) else { continue };
            scores.nontrivial += 1;
            if !reachable.contains(line.commit.as_str()) {
                continue;
            }
            scores.reachable += 1;
            let link = linked.find_line(&line.path, line.original, false).filter(|link| link.grade == Grade::Proved);
            if let Some(link) = link {
                scores.proved += 1;
                let is_right = labels.get(&line.commit).is_some_and(|labels| labels.contains(&link.session.session));
                scores.right += usize::from(is_right);
            }
        }
        scores
    };
    let (sender, finished) = mpsc::channel();
    let work = |sender: mpsc::Sender<()>| {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let scores = score_file(path);
            if let Ok(mut total) = total.lock() {
                total.add_scores(&scores);
            }
            // Nobody counts any more if the run was abandoned.
            let _ = sender.send(());
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..cores {
            let (work, sender) = (&work, sender.clone());
            scope.spawn(move || work(sender));
        }
        drop(sender);
        for (done, ()) in finished.iter().enumerate() {
            progress(done + 1, files.len());
        }
    });
    Ok(total.into_inner().unwrap_or_default())
}

impl LineScores {
    const fn add_scores(&mut self, other: &Self) {
        self.nontrivial += other.nontrivial;
        self.reachable += other.reachable;
        self.proved += other.proved;
        self.right += other.right;
    }
}
