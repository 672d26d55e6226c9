//! Searches files for pieces of deleted texts. Owns the form in which a text is searched for and the walk over a folder;
//! does not own which folders are searched.
//!
//! A database holds a text as a compressed frame, so its bytes are searched for. A log or an export holds the text itself,
//! so its longest run of letters is searched for there.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use crate::domain::multi_pattern::MultiPattern;
use crate::store::Store;

/// Bytes of a file scanned at a time.
const CHUNK_BYTES: usize = 8 << 20;
/// Least and most bytes of a run of letters that is searched for. Shorter ones occur in other texts too.
const MIN_RUN_BYTES: usize = 18;
const MAX_RUN_BYTES: usize = 64;
/// First bytes of a file compressed with zstd.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Folders without texts: models and the runtime for them.
const FOLDERS_WITHOUT_TEXTS: [&str; 3] = ["models", "rerankers", "runtime"];
/// Endings of database files, which hold texts as frames only.
const DATABASE_ENDINGS: [&str; 2] = [".db", ".db-wal"];
/// Ending of the file by which SQLite's processes share the index of a write-ahead log.
const SHARED_MEMORY_ENDING: &str = ".db-shm";
/// Endings of archives, which are compared by unpacking them.
const ARCHIVE_ENDINGS: [&str; 2] = [".tar.zst", ".tar.zst.age"];

/// Pieces of deleted texts to search for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedPieces {
    /// Byte sequences of the stored frames.
    pub stored: Vec<Vec<u8>>,
    /// Runs of letters of the texts.
    pub plain: Vec<Vec<u8>>,
    /// Texts without a run that is long enough to be searched for in text files.
    pub too_short: u64,
}

/// Result of searching a folder or a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchedFiles {
    /// Number of files that were read to their end.
    pub files: u64,
    /// Files that contain a piece.
    pub found_in: Vec<PathBuf>,
    /// Files and folders that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl DeletedPieces {
    /// Adds the run of letters by which a text is recognised in text files.
    pub(in crate::memory) fn add_text(&mut self, text: &str) {
        match longest_run(text) {
            Some(run) => self.plain.push(run.as_bytes().to_vec()),
            None if text.trim().is_empty() => {}
            None => self.too_short += 1,
        }
    }

    /// Returns true if there is nothing to search for: the texts are gone, or there were none.
    pub const fn is_empty(&self) -> bool {
        self.stored.is_empty() && self.plain.is_empty() && self.too_short == 0
    }

    /// Searches a file, or all files of a folder. Links are not followed, except at `place` itself. No store of this
    /// process may be open there.
    ///
    /// # Errors
    /// If there are too many pieces for one search.
    pub fn search_files(&self, place: &Path) -> io::Result<SearchedFiles> {
        self.search_beside(place, None)
    }

    /// Searches the data folder of an open store.
    ///
    /// # Errors
    /// If there are too many pieces for one search.
    pub(in crate::memory) fn search_home(&self, store: &Store) -> io::Result<SearchedFiles> {
        self.search_beside(store.path().parent().unwrap_or(Path::new(".")), Some(store))
    }

    fn search_beside(&self, place: &Path, open: Option<&Store>) -> io::Result<SearchedFiles> {
        let all: Vec<Vec<u8>> = self.stored.iter().chain(&self.plain).cloned().collect();
        let stored = MultiPattern::new(&self.stored).map_err(io::Error::other)?;
        let all = MultiPattern::new(&all).map_err(io::Error::other)?;
        let mut result = SearchedFiles::default();
        let mut waiting = vec![place.to_owned()];
        while let Some(path) = waiting.pop() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let outcome = match fs::metadata(&path) {
                Ok(data) if data.is_dir() => list_folder(&path).map(|inside| waiting.extend(inside)),
                Ok(data) if data.is_file() => {
                    let is_database = DATABASE_ENDINGS.iter().any(|ending| name.ends_with(ending));
                    let pieces = if is_database { &stored } else { &all };
                    let found = match open.filter(|store| store.path() == path) {
                        Some(store) => store.read_raw_file().and_then(|mut file| search_stream(&mut file, pieces)),
                        None => search_file(&path, pieces),
                    };
                    found.map(|found| {
                        result.files += 1;
                        result.found_in.extend(found.then(|| path.clone()));
                    })
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            match outcome {
                // Deleted meanwhile: locks and caches of other processes.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path != place => {}
                Err(error) => result.unreadable.push((path, error.to_string())),
                Ok(()) => {}
            }
        }
        result.found_in.sort();
        Ok(result)
    }
}

/// Lists what is to be searched in a folder: no links to folders, nothing that holds no texts, no archives.
fn list_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut inside = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        let is_skipped = kind.is_dir() && FOLDERS_WITHOUT_TEXTS.contains(&name.as_str())
            || kind.is_file() && ARCHIVE_ENDINGS.iter().any(|ending| name.ends_with(ending))
            || kind.is_symlink() && entry.path().is_dir()
            // It holds page numbers only, and reading it would cost an open store its locks (`store::raw_file`).
            || name.ends_with(SHARED_MEMORY_ENDING);
        if !is_skipped {
            inside.push(entry.path());
        }
    }
    Ok(inside)
}

fn search_stream(stream: &mut impl Read, pieces: &MultiPattern) -> io::Result<bool> {
    if pieces.is_empty() { Ok(false) } else { stream_contains(stream, pieces, CHUNK_BYTES) }
}

/// Searches a file; a compressed one, such as a bundle, is also searched decompressed.
fn search_file(path: &Path, pieces: &MultiPattern) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if pieces.is_empty() {
        return Ok(false);
    }
    let mut head = Vec::new();
    (&mut file).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut head)?;
    file.rewind()?;
    if stream_contains(&mut file, pieces, CHUNK_BYTES)? {
        return Ok(true);
    }
    if head != ZSTD_MAGIC {
        return Ok(false);
    }
    file.rewind()?;
    stream_contains(&mut zstd::Decoder::new(file)?, pieces, CHUNK_BYTES)
}

/// Returns the longest run of letters, digits and spaces of a text, cut to a length; `None` if it is too short to be
/// recognised by. Formats of exports change punctuation and line ends, but not such a run.
fn longest_run(text: &str) -> Option<&str> {
    let run = text.split(|c: char| !(c.is_alphanumeric() || c == ' ')).map(str::trim).max_by_key(|run| run.len())?;
    let mut end = run.len().min(MAX_RUN_BYTES);
    while !run.is_char_boundary(end) {
        end -= 1;
    }
    run.get(..end).map(str::trim_end).filter(|run| run.len() >= MIN_RUN_BYTES)
}

/// Returns true if a stream contains any of the patterns, also across the boundary of two chunks.
fn stream_contains(stream: &mut impl Read, needles: &MultiPattern, piece_bytes: usize) -> io::Result<bool> {
    let mut piece = Vec::with_capacity(piece_bytes + needles.max_pattern_len());
    loop {
        let kept = piece.len();
        let read = stream.take(piece_bytes as u64).read_to_end(&mut piece)?;
        if needles.matches_any(&piece) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        let again = (needles.max_pattern_len() - 1).min(kept + read);
        piece.drain(..piece.len() - again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_across_two_pieces_is_found() {
        let needles = MultiPattern::new(&[b"needle".to_vec(), b"pin".to_vec()]).unwrap();
        for piece in 1..12 {
            for hay in ["xxxxneedlexxxx", "needle", "xxxxxxxxxxxpin"] {
                assert!(stream_contains(&mut hay.as_bytes(), &needles, piece).unwrap(), "{hay} by {piece}");
            }
            for hay in ["xxxxneedl exxx", "", "pi"] {
                assert!(!stream_contains(&mut hay.as_bytes(), &needles, piece).unwrap(), "{hay} by {piece}");
            }
        }
    }

    #[test]
    fn a_text_is_recognised_by_its_longest_run_of_letters() {
        assert_eq!(
            longest_run("\"no\", he said: the zeppelin leaves on Tuesday!"),
            Some("the zeppelin leaves on Tuesday")
        );
        assert_eq!(longest_run("飞艇每个星期二出发，不等人。"), Some("飞艇每个星期二出发"));
        assert_eq!(longest_run("ok, go on"), None);
        assert!(longest_run(&"词".repeat(100)).unwrap().len() <= MAX_RUN_BYTES);
    }

    #[test]
    fn every_file_is_searched_in_its_form_and_what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            crate::disk::write_atomic(&path, bytes).unwrap();
            path
        };
        let text = "the zeppelin leaves on Tuesday";
        let mut pieces = DeletedPieces { stored: vec![b"\x28\xb5frame".to_vec()], ..DeletedPieces::default() };
        pieces.add_text(text);
        pieces.add_text("ok");
        assert_eq!((pieces.plain.len(), pieces.too_short), (1, 1));
        let log = write("logs/deep/service.log", format!("x {text} y").as_bytes());
        let database = write("before/memory.db", b"xx\x28\xb5framexx");
        // Other frames may hold a run of the text too.
        write("memory.db", text.as_bytes());
        write("models/weights.bin", text.as_bytes());
        write("backups/claude-memory-20261123T100000Z.tar.zst", text.as_bytes());
        let found = pieces.search_files(folder.path()).unwrap();
        assert_eq!((found.files, found.found_in), (3, vec![database, log]));
        let missing = pieces.search_files(&folder.path().join("missing")).unwrap();
        assert_eq!((missing.files, missing.unreadable.len()), (0, 1));
    }
}
