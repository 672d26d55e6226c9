//! Paths of Codex's transcripts.

use std::io;
use std::path::{Path, PathBuf};

use super::super::discover::{find_files as discover_below, sort_newest_first};
use super::super::{BadRecord, TranscriptFile};
use super::titles::INDEX;

/// Folders with transcripts, below the Codex home directory.
pub(super) const FOLDERS: [&str; 2] = ["sessions", "archived_sessions"];

/// Returns true for transcripts and the index of session names. `history.jsonl` is a list of prompts and is excluded.
pub(super) fn is_transcript(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.strip_suffix(".zst").unwrap_or(&name);
    Path::new(plain).extension().is_some_and(|kind| kind == "jsonl") && plain != "history.jsonl"
}

/// Finds all transcripts below a file or folder, newest first. The folder `sessions` includes the archived ones next to
/// it and the index of session names.
pub(super) fn find_transcripts(path: &Path) -> io::Result<(Vec<TranscriptFile>, Vec<BadRecord>)> {
    let home = if path.file_name().is_some_and(|name| name == "sessions") {
        path.parent()
    } else {
        Some(path).filter(|path| FOLDERS.iter().any(|name| path.join(name).is_dir()))
    };
    // All sessions may be archived, so each place may be missing.
    let places = home.into_iter().flat_map(|home| [FOLDERS[0], FOLDERS[1], INDEX].map(|name| home.join(name)));
    let places: Vec<PathBuf> = places.filter(|place| place.exists()).collect();
    if places.is_empty() {
        return discover_below(path, &is_transcript);
    }
    let (mut found, mut bad) = (Vec::new(), Vec::new());
    for place in places {
        let (transcripts, unreadable) = discover_below(&place, &is_transcript)?;
        found.extend(transcripts);
        bad.extend(unreadable);
    }
    sort_newest_first(&mut found);
    Ok((found, bad))
}
