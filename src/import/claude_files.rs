//! Texts that Claude Code keeps next to its transcripts: its own memory of a project (`projects/<slug>/memory/*.md`),
//! `CLAUDE.md`, plans (`plans/*.md`) and task lists (`todos/`, `tasks/`). A file is a session of one message; when it
//! changes, the new text is a new version of the message.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::draft_builder::{DraftBuilder, text_field};
use super::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use super::{
    BadRecord, Item, Position, ReadEnd, ReadOptions, RecordStream, SessionRef, SessionTitle, TitleRank, TranscriptFile,
    content,
};
use crate::disk;
use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, Origin, PartKind, Role, Timestamp, json};

/// Advice if a path has nothing of Claude Code.
pub(super) const HOME_HINT: &str =
    "name Claude Code's folder, usually ~/.claude, or its transcripts, usually ~/.claude/projects";

/// The importer of Claude Code's memory files, plans and task lists.
pub(super) static IMPORTER: Importer = Importer {
    name: "claude-files",
    kind: ImporterKind::Companion,
    help: ImporterHelp { command: "", path: "", hint: HOME_HINT },
    default_folder: None,
    owns_file: is_claude_file,
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| Ok(Box::new(ClaudeFile { transcript: transcript.clone(), options })),
    special: SpecialRules::NONE,
};

/// Kind of a file below a Claude home directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClaudeFileKind {
    Memory,
    Instructions,
    Plan,
    Tasks,
}

/// Returns true for a memory, `CLAUDE.md`, plan or task list below a Claude home directory.
pub(super) fn is_claude_file(path: &Path) -> bool {
    classify_file(path).is_some()
}

fn classify_file(path: &Path) -> Option<ClaudeFileKind> {
    let folder = |up: usize| path.ancestors().nth(up).and_then(Path::file_name).and_then(|name| name.to_str());
    let extension = path.extension().and_then(|kind| kind.to_str());
    match extension? {
        "md" if folder(0) == Some("CLAUDE.md") => Some(ClaudeFileKind::Instructions),
        "md" if folder(1) == Some("plans") => Some(ClaudeFileKind::Plan),
        "md" if folder(1) == Some("memory") && folder(3) == Some("projects") => Some(ClaudeFileKind::Memory),
        "json" if folder(1) == Some("todos") || folder(2) == Some("tasks") => Some(ClaudeFileKind::Tasks),
        _ => None,
    }
}

/// Reader of one such file.
struct ClaudeFile {
    transcript: TranscriptFile,
    options: ReadOptions,
}

impl RecordStream for ClaudeFile {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let path = &self.transcript.path;
        let end = Position { offset: self.transcript.size, line: 1 };
        let bad = |why: String| Item::Bad(BadRecord { path: path.clone(), line: 0, why });
        if self.transcript.size > self.options.longest as u64 {
            tell(Item::Bad(BadRecord::too_long(path, 0, self.transcript.size)), end);
            return Ok(ReadEnd::completed_at(end));
        }
        let bytes = disk::read_foreign_head(path, self.options.longest as u64)?;
        let sort = classify_file(path).unwrap_or(ClaudeFileKind::Memory);
        let text = match sort {
            ClaudeFileKind::Tasks => {
                json::parse_lenient(&bytes).map(|(value, _)| task_lines(&value)).map_err(|error| error.to_string())
            }
            _ => Ok(String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).into_owned()),
        };
        let items = match text {
            Ok(text) => self.build_items(sort, &text),
            Err(why) => vec![bad(format!("not JSON, skipped: {why}"))],
        };
        for item in items {
            if !tell(item, end) {
                return Ok(ReadEnd { position: end, complete: false });
            }
        }
        Ok(ReadEnd::completed_at(end))
    }
}

impl ClaudeFile {
    fn build_items(&self, sort: ClaudeFileKind, text: &str) -> Vec<Item> {
        let path = &self.transcript.path;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let project = path.ancestors().nth(2).filter(|_| sort == ClaudeFileKind::Memory);
        let at = Timestamp::from_milliseconds(self.transcript.modified);
        let (session, title) = match sort {
            // A task list is named after the id of the session it belongs to.
            ClaudeFileKind::Tasks => (format!("tasks/{}", tasks_session(path)), "Tasks".to_owned()),
            _ => (format!("file/{}", path_id(path)), read_title(text).unwrap_or_else(|| name.clone().into_owned())),
        };
        let mut builder = DraftBuilder::new(&session, &name, Role::Assistant, at, 1);
        builder.add_part(PartKind::Text, Origin::Model, text, None);
        let draft = builder.draft_mut();
        draft.cwd = project.and_then(find_project_folder);
        draft.files = vec![path.display().to_string()];
        let title = SessionTitle { session: SessionRef::Id(session), title, rank: TitleRank::Generated };
        vec![builder.finish(), Item::Title(title)]
    }
}

/// Builds an id from a file's name and a hash of its absolute path. It distinguishes files of the same name and stays
/// the same on this machine.
fn path_id(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let hash = ContentHash::of_text(&absolute.to_string_lossy());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    format!("{stem}-{}", to_hex(hash.0.get(..6).unwrap_or(&[])))
}

fn read_title(text: &str) -> Option<String> {
    let heading = text.lines().find_map(|line| line.strip_prefix("# ").map(str::trim))?;
    (!heading.is_empty()).then(|| heading.to_owned())
}

/// Returns the session of a task list: the folder in `tasks/`, or the first id in the name of a file in `todos/`.
fn tasks_session(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    if folder != "todos" {
        return folder.into_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.split("-agent-").next().unwrap_or(&stem).to_owned()
}

/// Formats a task list, one task per line with its status.
fn task_lines(value: &Value) -> String {
    let line = |task: &Value| {
        let texts = ["subject", "content", "description"].iter().filter_map(|name| text_field(task, name));
        let text = texts.collect::<Vec<_>>().join(": ");
        let status = text_field(task, "status").unwrap_or("open");
        if text.is_empty() { content::readable_strings(task) } else { format!("[{status}] {text}") }
    };
    let lines = match value {
        Value::Array(tasks) => tasks.iter().map(line).collect(),
        task => vec![line(task)],
    };
    lines.join("\n")
}

/// Finds the working directory of a project folder in one of its transcripts.
fn find_project_folder(folder: &Path) -> Option<String> {
    const MAX_TRANSCRIPTS: usize = 8;
    let mut transcripts: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    transcripts.retain(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    transcripts.sort();
    transcripts.iter().take(MAX_TRANSCRIPTS).find_map(|path| read_first_cwd(path))
}

/// Returns the first working directory that the first 256 KiB of a transcript name.
fn read_first_cwd(path: &Path) -> Option<String> {
    let bytes = disk::read_foreign_head(path, 256 << 10).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').find(|line| memchr::memmem::find(line, b"\"cwd\"").is_some())?;
    let (record, _) = json::parse_lenient(line).ok()?;
    text_field(&record, "cwd").map(str::to_owned)
}
