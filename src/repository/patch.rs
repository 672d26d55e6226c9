//! Parser of patches as `git log -p -U0 --cc` prints them, one commit at a time.
//!
//! Content is told from headers by the counts of each hunk, so that no content can pass for a header.

use std::io::{self, BufRead};

use super::commit_head::{CommitHead, HEAD_MARK, parse_head};
use super::quoted_path::unquote_path;

/// Bytes of a line that are kept; a longer one is generated, and has no text here.
const MAX_LINE_BYTES: usize = 16 << 10;
/// Changed lines of a commit that are read. A commit with more is an import of other people's work.
const MAX_LINES: usize = 400_000;

/// A line that a commit added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedLine {
    /// Number in the file after the commit, from 1.
    pub number: u32,
    /// Text without its end; empty if it is too long to be read.
    pub text: String,
}

/// Change of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilePatch {
    /// Path before the commit; `None` for a new file.
    pub old_path: Option<String>,
    /// Path after the commit; `None` for a deleted file.
    pub new_path: Option<String>,
    /// Added lines, in order. Of a merge only those that no parent has.
    pub added: Vec<AddedLine>,
    /// Removed lines, in order. Of a merge none.
    pub removed: Vec<String>,
}

/// A commit with its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPatch {
    /// Id, times, author and subject.
    pub head: CommitHead,
    /// Files with text that it changed. Binary files are left out.
    pub files: Vec<FilePatch>,
    /// False if it has more lines than are read.
    pub is_complete: bool,
}

/// Reader of a log with patches.
#[derive(Debug)]
pub(super) struct PatchReader<R> {
    input: R,
    line: Vec<u8>,
    /// The line in `line` was read and not used.
    is_pending: bool,
}

/// Lines of a hunk that are still to come.
#[derive(Debug)]
struct Hunk {
    /// By parent.
    old: Vec<u64>,
    new: u64,
    number: u32,
}

impl<R: BufRead> PatchReader<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, line: Vec::new(), is_pending: false }
    }

    /// Returns the input, to see how it ended.
    pub(super) fn into_input(self) -> R {
        self.input
    }

    /// Reads the next line into `line`; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        if self.is_pending {
            self.is_pending = false;
            return Ok(true);
        }
        read_line_start(&mut self.input, &mut self.line)
    }

    /// Returns the next commit; `None` at the end.
    ///
    /// # Errors
    /// Any I/O error of the input.
    pub(super) fn next_commit(&mut self) -> io::Result<Option<CommitPatch>> {
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            if let Some(head) = self.line.strip_prefix(HEAD_MARK).and_then(parse_head) {
                return self.read_files(head).map(Some);
            }
        }
    }

    /// Reads the files of a patch that has no head, such as that of `git diff`.
    pub(super) fn read_files(&mut self, head: CommitHead) -> io::Result<CommitPatch> {
        let mut patch = CommitPatch { head, files: Vec::new(), is_complete: true };
        let mut lines = 0;
        let mut file: Option<FilePatch> = None;
        while self.advance()? {
            if self.line.starts_with(HEAD_MARK) {
                self.is_pending = true;
                break;
            }
            if self.line.starts_with(b"diff --") {
                patch.files.extend(file.replace(FilePatch::default()).filter(FilePatch::has_text));
            } else if let (Some(file), true) = (&mut file, self.line.starts_with(b"@@")) {
                if let Some(hunk) = parse_hunk(&self.line) {
                    self.read_hunk(hunk, file, &mut lines)?;
                    patch.is_complete &= lines <= MAX_LINES;
                }
            } else if let Some(file) = &mut file {
                file.read_header(&self.line);
            }
        }
        patch.files.extend(file.filter(FilePatch::has_text));
        Ok(patch)
    }

    fn read_hunk(&mut self, mut hunk: Hunk, file: &mut FilePatch, lines: &mut usize) -> io::Result<()> {
        let columns = hunk.old.len();
        while hunk.new > 0 || hunk.old.iter().any(|left| *left > 0) {
            if !self.advance()? {
                return Ok(());
            }
            if self.line.starts_with(b"\\") {
                continue;
            }
            let marks = self.line.get(..columns).unwrap_or(&[]);
            let is_removed = marks.contains(&b'-');
            for (left, mark) in hunk.old.iter_mut().zip(marks) {
                let is_in_parent = if is_removed { *mark == b'-' } else { *mark == b' ' };
                *left = left.saturating_sub(u64::from(is_in_parent));
            }
            let is_added = !marks.is_empty() && marks.iter().all(|mark| *mark == b'+');
            *lines += 1;
            let text = || {
                let content = self.line.get(columns..).unwrap_or(&[]);
                let content = content.strip_suffix(b"\r").unwrap_or(content);
                if self.line.len() >= MAX_LINE_BYTES {
                    String::new()
                } else {
                    String::from_utf8_lossy(content).into_owned()
                }
            };
            if *lines <= MAX_LINES && is_added {
                file.added.push(AddedLine { number: hunk.number, text: text() });
            } else if *lines <= MAX_LINES && is_removed && columns == 1 {
                file.removed.push(text());
            }
            if !is_removed {
                hunk.new = hunk.new.saturating_sub(1);
                hunk.number = hunk.number.saturating_add(1);
            }
            if marks.len() < columns {
                // Not the hunk that its header announces; the next header is found again.
                return Ok(());
            }
        }
        Ok(())
    }
}

impl FilePatch {
    fn has_text(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty()
    }

    fn read_header(&mut self, line: &[u8]) {
        if let Some(path) = line.strip_prefix(b"--- ") {
            self.old_path = parse_side(path, b"a/");
        } else if let Some(path) = line.strip_prefix(b"+++ ") {
            self.new_path = parse_side(path, b"b/");
        }
    }
}

/// Reads a line without its end, and keeps its first [`MAX_LINE_BYTES`]. False at the end of the input.
fn read_line_start(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut has_read = false;
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(has_read);
        }
        has_read = true;
        let end = memchr::memchr(b'\n', chunk);
        let taken = end.unwrap_or(chunk.len());
        let kept = taken.min(MAX_LINE_BYTES.saturating_sub(line.len()));
        line.extend_from_slice(chunk.get(..kept).unwrap_or(&[]));
        input.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// Returns the path of a `---` or `+++` line; `None` for `/dev/null`.
fn parse_side(printed: &[u8], prefix: &[u8]) -> Option<String> {
    let printed = printed.strip_suffix(b"\t").unwrap_or(printed);
    if printed == b"/dev/null" {
        return None;
    }
    let path = unquote_path(printed);
    let prefix = String::from_utf8_lossy(prefix);
    Some(path.strip_prefix(&*prefix).map_or(path.clone(), str::to_owned))
}

/// Parses `@@ -1,2 +3 @@`, or `@@@ -1 -2,0 +3,4 @@@` of a merge.
fn parse_hunk(line: &[u8]) -> Option<Hunk> {
    let text = String::from_utf8_lossy(line);
    let marks = text.chars().take_while(|mark| *mark == '@').count();
    let inner = text.get(marks..)?.split("@@").next()?;
    let mut old = Vec::new();
    let mut new = None;
    for range in inner.split_whitespace() {
        let (start, count) = match range.get(1..)?.split_once(',') {
            Some((start, count)) => (start.parse::<u32>().ok()?, count.parse::<u64>().ok()?),
            None => (range.get(1..)?.parse::<u32>().ok()?, 1),
        };
        match range.as_bytes().first()? {
            b'-' => old.push(count),
            b'+' => new = Some((start, count)),
            _ => return None,
        }
    }
    let (number, new) = new?;
    (old.len() + 1 == marks).then_some(Hunk { old, new, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<CommitPatch> {
        let mut reader = PatchReader::new(text.as_bytes());
        std::iter::from_fn(|| reader.next_commit().unwrap()).collect()
    }

    const HEAD: &str = "\u{1e}4b825dc642cb6eb9a060e54bf8d69288fbee4904\u{1f}\u{1f}1767614400\u{1f}1767614401\u{1f}Ann\u{1f}ann@x.org\u{1f}Retry\n";

    #[test]
    fn content_that_looks_like_a_header_is_content() {
        let text = format!(
            "{HEAD}\ndiff --git a/a b.sql b/a b.sql\nindex 1..2 100644\n--- a/a b.sql\t\n+++ b/a b.sql\t\n@@ -3,2 +3 @@ f\n--- drop\n-diff --git a b\n+++ keep\n\\ No newline at end of file\ndiff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+\u{1e}one\n+@@ -1 +1 @@\n"
        );
        let commits = read(&text);
        let [commit] = commits.as_slice() else { panic!("{commits:?}") };
        assert_eq!((commit.head.subject.as_str(), commit.files.len()), ("Retry", 2));
        let first = &commit.files[0];
        assert_eq!(first.removed, ["-- drop", "diff --git a b"]);
        assert_eq!(first.added, [AddedLine { number: 3, text: "++ keep".to_owned() }]);
        assert_eq!((first.old_path.as_deref(), first.new_path.as_deref()), (Some("a b.sql"), Some("a b.sql")));
        assert_eq!(commit.files[1].old_path, None);
        assert_eq!(commit.files[1].added[1].text, "@@ -1 +1 @@");
    }

    #[test]
    fn of_a_merge_only_what_no_parent_has_is_added() {
        let text = format!(
            "{HEAD}\ndiff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1,2 -1,2 +1,3 @@@\n++both\n +second\n- first\n -other\n+ one\n{HEAD}"
        );
        let commits = read(&text);
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[0].files[0].added, [AddedLine { number: 1, text: "both".to_owned() }]);
        assert!(commits[0].files[0].removed.is_empty() && commits[1].files.is_empty());
    }

    #[test]
    fn a_long_line_has_no_text() {
        let long = "x".repeat(1 << 20);
        let text = format!("{HEAD}\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+{long}\n+short\n");
        let added = read(&text).remove(0).files.remove(0).added;
        assert_eq!((added[0].text.as_str(), added[1].text.as_str(), added[1].number), ("", "short", 2));
    }
}
