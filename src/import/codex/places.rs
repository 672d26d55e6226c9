//! Where Codex keeps its transcripts.

use std::io;
use std::path::{Path, PathBuf};

use super::super::discover::discover as discover_below;
use super::super::{BadLine, Transcript};
use super::titles::INDEX;

/// Folders with transcripts, below the folder of Codex.
pub(super) const FOLDERS: [&str; 2] = ["sessions", "archived_sessions"];

/// Recognises transcripts and the list with the names of sessions. `history.jsonl` is a list of prompts.
pub(in super::super) fn is_transcript(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.strip_suffix(".zst").unwrap_or(&name);
    Path::new(plain).extension().is_some_and(|kind| kind == "jsonl") && plain != "history.jsonl"
}

/// All transcripts below a file or folder, newest first. With the folder `sessions` come the archived ones beside it
/// and the names of all.
///
/// # Errors
/// When the path does not exist or cannot be read.
pub(in super::super) fn discover(path: &Path) -> io::Result<(Vec<Transcript>, Vec<BadLine>)> {
    let home = if path.file_name().is_some_and(|name| name == "sessions") {
        path.parent()
    } else {
        Some(path).filter(|path| FOLDERS.iter().any(|name| path.join(name).is_dir()))
    };
    // Everything may be archived.
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
    found.sort_by(|left, right| right.modified.cmp(&left.modified).then_with(|| left.path.cmp(&right.path)));
    Ok((found, bad))
}
