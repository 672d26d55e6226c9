//! Sheet for reading without labels: lines at HEAD with the request that is shown for each, to judge by hand whether the
//! text tells why the line was written.

use std::fmt::Write as _;
use std::path::Path;

use super::Error;
use crate::disk;
use crate::domain::{ContentHash, Timestamp};
use crate::memory::{EditRequest, Grade, LineGroup, Memory};

/// Lines on a sheet, each of another commit.
const LINES: usize = 60;
/// Files that are looked at.
const MAX_FILES: usize = 400;

/// Writes lines of proved attribution, drawn at random but the same each time, with what is shown for them.
///
/// # Errors
/// Errors of the store, of git, or of writing.
pub fn write_reading_sheet(memory: &Memory, folder: &Path, sheet: &Path, now: Timestamp) -> Result<(), Error> {
    let repository = memory.open_repository(folder)?;
    let mut files = repository.list_files(repository.head()).map_err(crate::memory::Error::from)?;
    files.sort_by_key(|path| ContentHash::of_text(path).0);
    let mut text = "# Does the text shown tell why the line was written? Mark each line yes or no.\n".to_owned();
    let mut commits = std::collections::HashSet::new();
    for path in files.iter().take(MAX_FILES) {
        if commits.len() >= LINES {
            break;
        }
        let Ok(explained) = memory.explain_file(&repository, path, None, now) else { continue };
        let proved = explained.groups.into_iter().filter(|group| group.grade() == Grade::Proved);
        let mut fresh =
            proved.filter(|group| group.commit.as_ref().is_some_and(|commit| !commits.contains(&commit.id)));
        let Some(group) = fresh.next() else { continue };
        let part = group.link.as_ref().and_then(|link| link.part);
        let request = part.map(|part| memory.read_edit_request(part)).transpose()?.flatten();
        let shown = read_line(&repository, path, &group);
        commits.extend(group.commit.as_ref().map(|commit| commit.id.clone()));
        write_entry(&mut text, commits.len(), path, &shown, request.as_ref());
    }
    disk::write_atomic(sheet, text.as_bytes()).map_err(super::disk_error(sheet))
}

/// Returns a number and text of the group: its longest line, which says most.
fn read_line(repository: &crate::repository::Repository, path: &str, group: &LineGroup) -> (u32, String) {
    let (first, last) = group.ranges.first().copied().unwrap_or((1, 1));
    let blamed = repository.blame_file(path, Some((first, last)), None).unwrap_or_default();
    let longest = blamed.into_iter().max_by_key(|line| line.text.trim().len());
    longest.map_or((first, String::new()), |line| (line.number, line.text.trim().to_owned()))
}

fn write_entry(text: &mut String, number: usize, path: &str, line: &(u32, String), request: Option<&EditRequest>) {
    let _ = writeln!(text, "\n## {number}. {path}:{}\n\n    {}\n", line.0, line.1);
    let Some(request) = request else {
        text.push_str("nothing is shown\n");
        return;
    };
    if let Some(title) = &request.plan_title {
        let _ = writeln!(text, "plan: {title}");
    }
    let turns = request.turns.iter().map(|turn| ("asked", turn));
    let rest = request.referred.iter().map(|said| ("about", said));
    let rest = rest.chain(request.task.iter().map(|said| ("task", said)));
    for (what, said) in turns.chain(rest).chain(request.explanation.iter().map(|said| ("said", said))) {
        let _ = writeln!(text, "{what}: {}", said.text.replace('\n', "\n    "));
    }
}
