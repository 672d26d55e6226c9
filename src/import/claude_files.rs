//! Texts that Claude Code keeps beside its transcripts: its own memory of a project (`projects/<slug>/memory/*.md`),
//! `CLAUDE.md`, plans (`plans/*.md`) and lists of tasks (`todos/`, `tasks/`). A file is a session of one message; when it
//! changes, the new text is a new version of the message.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::draft_builder::{DraftBuilder, field};
use super::{BadLine, End, Item, Position, ReadOptions, Records, SessionRef, Title, TitleRank, Transcript, content};
use crate::domain::hash::hex;
use crate::domain::{ContentHash, Kind, Origin, Role, Timestamp, json};

/// What a file of a Claude home is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Memory,
    Instructions,
    Plan,
    Tasks,
}

/// Whether a file below a Claude home is one of these.
pub(super) fn is_claude_file(path: &Path) -> bool {
    sort_of(path).is_some()
}

fn sort_of(path: &Path) -> Option<Sort> {
    let folder = |up: usize| path.ancestors().nth(up).and_then(Path::file_name).and_then(|name| name.to_str());
    let extension = path.extension().and_then(|kind| kind.to_str());
    match extension? {
        "md" if folder(0) == Some("CLAUDE.md") => Some(Sort::Instructions),
        "md" if folder(1) == Some("plans") => Some(Sort::Plan),
        "md" if folder(1) == Some("memory") && folder(3) == Some("projects") => Some(Sort::Memory),
        "json" if folder(1) == Some("todos") || folder(2) == Some("tasks") => Some(Sort::Tasks),
        _ => None,
    }
}

/// One file that is being read.
pub(super) struct ClaudeFile {
    pub(super) transcript: Transcript,
    pub(super) options: ReadOptions,
}

impl Records for ClaudeFile {
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End> {
        let path = &self.transcript.path;
        let end = Position { offset: self.transcript.size, line: 1 };
        let bad = |why: String| Item::Bad(BadLine { path: path.clone(), line: 0, why });
        if self.transcript.size > self.options.longest as u64 {
            tell(Item::Bad(BadLine::too_long(path, 0, self.transcript.size)), end);
            return Ok(End::complete(end));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(self.options.longest as u64).read_to_end(&mut bytes)?;
        let sort = sort_of(path).unwrap_or(Sort::Memory);
        let text = match sort {
            Sort::Tasks => json::parse(&bytes).map(|(value, _)| task_lines(&value)).map_err(|error| error.to_string()),
            _ => Ok(String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).into_owned()),
        };
        let items = match text {
            Ok(text) => self.items(sort, &text),
            Err(why) => vec![bad(format!("not JSON, skipped: {why}"))],
        };
        for item in items {
            if !tell(item, end) {
                return Ok(End { position: end, complete: false });
            }
        }
        Ok(End::complete(end))
    }
}

impl ClaudeFile {
    fn items(&self, sort: Sort, text: &str) -> Vec<Item> {
        let path = &self.transcript.path;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let project = path.ancestors().nth(2).filter(|_| sort == Sort::Memory);
        let at = Timestamp::from_milliseconds(self.transcript.modified);
        let (session, title) = match sort {
            // Lists of tasks belong to a session, by whose id they are named.
            Sort::Tasks => (format!("tasks/{}", tasks_session(path)), "Tasks".to_owned()),
            _ => (format!("file/{}", path_id(path)), title_of(text).unwrap_or_else(|| name.clone().into_owned())),
        };
        let mut builder = DraftBuilder::new(&session, &name, Role::Assistant, at, 1);
        builder.add_part(Kind::Text, Origin::Model, text, None);
        let draft = builder.draft();
        draft.cwd = project.and_then(project_folder);
        draft.files = vec![path.display().to_string()];
        let title = Title { session: SessionRef::Id(session), title, rank: TitleRank::Generated };
        vec![builder.finish(), Item::Title(title)]
    }
}

/// What tells files of one name apart and stays the same on this machine.
fn path_id(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let hash = ContentHash::of(&absolute.to_string_lossy());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    format!("{stem}-{}", hex(hash.0.get(..6).unwrap_or(&[])))
}

fn title_of(text: &str) -> Option<String> {
    let heading = text.lines().find_map(|line| line.strip_prefix("# ").map(str::trim))?;
    (!heading.is_empty()).then(|| heading.to_owned())
}

/// The session of a list of tasks: the folder in `tasks/`, or the first id in the name of a file in `todos/`.
fn tasks_session(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    if folder != "todos" {
        return folder.into_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.split("-agent-").next().unwrap_or(&stem).to_owned()
}

/// The tasks of a list, a line each with its status.
fn task_lines(value: &Value) -> String {
    let line = |task: &Value| {
        let texts = ["subject", "content", "description"].iter().filter_map(|name| field(task, name));
        let text = texts.collect::<Vec<_>>().join(": ");
        let status = field(task, "status").unwrap_or("open");
        if text.is_empty() { content::readable_strings(task) } else { format!("[{status}] {text}") }
    };
    let lines = match value {
        Value::Array(tasks) => tasks.iter().map(line).collect(),
        task => vec![line(task)],
    };
    lines.join("\n")
}

/// The working directory of a project folder, as one of its transcripts names it.
fn project_folder(folder: &Path) -> Option<String> {
    const LOOKED_AT: usize = 8;
    let mut transcripts: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    transcripts.retain(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    transcripts.sort();
    transcripts.iter().take(LOOKED_AT).find_map(|path| first_cwd(path))
}

/// The first working directory in a transcript, looked for in its first 256 KiB.
fn first_cwd(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(256 << 10).read_to_end(&mut bytes).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').find(|line| memchr::memmem::find(line, b"\"cwd\"").is_some())?;
    let (record, _) = json::parse(line).ok()?;
    field(&record, "cwd").map(str::to_owned)
}
