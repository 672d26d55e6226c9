//! Reads tool outputs that were too large for the transcript: `<session>/tool-results/<name>`. The record has the path
//! and the first 2 kB. The files are deleted with the transcript.

use std::fmt::Write as _;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::disk::ForeignFile;

/// Bytes kept from the start and the end of one output.
const HEAD_BYTES: u64 = 6 << 20;
const TAIL_BYTES: u64 = 2 << 20;
/// Maximum bytes of one piece. Keyword search covers the first 256 KiB of a text.
const PIECE_BYTES: usize = 192 << 10;

/// Reads the output that a preview refers to, in pieces; `None` if the text is no preview or the file is gone. Only
/// files in the session's own folders are read, whatever path the text names.
pub(super) fn read_spilled_output(preview: &str, folders: &[PathBuf]) -> Option<Vec<String>> {
    let preview = preview.trim_start();
    if !preview.starts_with("<persisted-output>") {
        return None;
    }
    let (_, path) = preview.split_once("saved to: ")?;
    let path = path.lines().next()?.trim();
    let name = path.rsplit(['/', '\\']).next().filter(|name| !matches!(*name, "" | "." | ".."))?;
    let file = folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file())?;
    let text = read_bounded(&file).ok()?;
    Some(split_pieces(&text).map(str::to_owned).collect())
}

/// Reads a file as text. The middle of a very large file is left out and the gap is marked.
fn read_bounded(path: &Path) -> io::Result<String> {
    let mut file = ForeignFile::open_unlinked(path)?;
    let length = file.size()?;
    let mut bytes = Vec::new();
    if length <= HEAD_BYTES + TAIL_BYTES {
        file.take(HEAD_BYTES + TAIL_BYTES).read_to_end(&mut bytes)?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let _ = write!(text, "\n[claude-memory: {} bytes left out]\n", length - HEAD_BYTES - TAIL_BYTES);
    bytes.clear();
    file.seek(SeekFrom::Start(length - TAIL_BYTES))?;
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    text.push_str(&String::from_utf8_lossy(&bytes));
    Ok(text)
}

/// Cuts a text at line ends, or inside a line that is longer than a piece.
fn split_pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let window = crate::domain::text::byte_prefix(rest, PIECE_BYTES);
        let end = match window.rfind('\n') {
            Some(at) if window.len() < rest.len() => at + 1,
            _ => window.len(),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sessions_own_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("tool-results");
        std::fs::create_dir_all(&results).unwrap();
        crate::disk::write_atomic(&results.join("t1.txt"), b"the whole output").unwrap();
        crate::disk::write_atomic(&folder.path().join("secret.txt"), b"not this").unwrap();
        let read = |path: &str| {
            read_spilled_output(
                &format!("<persisted-output>\nOutput too large. Full output saved to: {path}\n\nPreview"),
                std::slice::from_ref(&results),
            )
        };
        assert_eq!(read("/elsewhere/tool-results/t1.txt").unwrap(), ["the whole output"]);
        assert_eq!(read(r"C:\x\t1.txt").unwrap(), ["the whole output"]);
        for path in ["/etc/passwd", "../secret.txt", "..", ""] {
            assert!(read(path).is_none(), "{path}");
        }
        assert!(read_spilled_output("an output", &[results]).is_none());
    }

    #[test]
    fn pieces_are_the_text() {
        let text = format!("{}\n{}", "line of words\n".repeat(40_000), "字".repeat(100_000));
        let pieces: Vec<&str> = split_pieces(&text).collect();
        assert_eq!(pieces.concat(), text);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES) && pieces.len() > 4);
    }
}
