//! Reads Claude Code's transcripts: `~/.claude/projects/<slug>/<session>.jsonl`, and those of sub-agents in
//! `<session>/subagents/` (older versions: `agent-<id>.jsonl` next to the session).
//!
//! Owns: streaming a transcript line by line, the position to resume from, and dispatching record types to the files of
//! this folder. Does not own: storage, and merging parts into messages (parts of one API message have the same
//! `external_id`).

mod attachment;
mod kinds;
mod message;
mod queue;
mod spilled;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::kinds::is_own_record;
use self::message::ProseSnapshots;
use self::queue::PromptQueue;
use super::claude_files::{self, is_claude_file};
use super::claude_history::{self, is_prompt_history};
use super::draft_builder::{DraftBuilder, text_field};
use super::importer::{ImportSteps, Importer, ImporterHelp, ImporterKind, SpecialRules};
use super::lines::{LineOutcome, LineReader};
use super::{
    BadRecord, Item, Position, ReadEnd, ReadOptions, RecordStream, SessionRef, SessionTitle, TitleRank, TranscriptFile,
    content,
};
use crate::config::env;
use crate::domain::json::{self, RecordOutcome};
use crate::domain::{Origin, PartKind, Role, Timestamp, own_output};

/// Name of this source in the store.
pub const SOURCE: &str = "claude-code";

/// The importer of Claude Code's transcripts.
pub(super) static IMPORTER: Importer = Importer {
    name: SOURCE,
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Claude Code's transcripts, prompts, memory files and plans",
        path: "Transcript, folder with transcripts, or Claude home [default: ~/.claude and ~/.config/claude]",
        hint: claude_files::HOME_HINT,
    },
    default_folder: Some(|| env::claude_folder().map(|folder| folder.join("projects"))),
    owns_file: |path| path.extension().is_some_and(|kind| kind == "jsonl") && !is_prompt_history(path),
    is_own_record,
    reader_version: 2,
    open: |transcript, from, options| Ok(Box::new(TranscriptReader::open(transcript, from, options)?)),
    special: SpecialRules {
        home_name: Some(".claude"),
        default_folders: Some(homes_with_transcripts),
        steps: Some(import_steps),
        can_resume: true,
        ..SpecialRules::NONE
    },
};

/// Returns the Claude homes that hold transcripts.
fn homes_with_transcripts() -> Vec<PathBuf> {
    env::claude_homes().into_iter().filter(|home| home.join("projects").is_dir()).collect()
}

/// Lists what is read for a Claude home, a folder with transcripts or one file: the prompts, memory files and plans of
/// Claude Code are history too.
fn import_steps(path: &Path) -> ImportSteps {
    let (history, files) = (&claude_history::IMPORTER, &claude_files::IMPORTER);
    if path.is_dir() && path.join("projects").is_dir() {
        let projects = path.join("projects");
        let more = ["plans", "todos", "tasks", "CLAUDE.md"].map(|name| (files, path.join(name)));
        let steps = [(&IMPORTER, projects.clone()), (files, projects)];
        let history = (history, path.join("history.jsonl"));
        return steps.into_iter().chain(more).chain([history]).filter(|(_, path)| path.exists()).collect();
    }
    match path {
        path if path.is_dir() => vec![(&IMPORTER, path.to_owned()), (files, path.to_owned())],
        path if is_prompt_history(path) => vec![(history, path.to_owned())],
        path if is_claude_file(path) => vec![(files, path.to_owned())],
        path => vec![(&IMPORTER, path.to_owned())],
    }
}

/// Reader of one transcript from a position on.
#[derive(Debug)]
pub struct TranscriptReader {
    lines: LineReader,
    path: PathBuf,
    file: TranscriptState,
    /// True if the transcript is no longer being written.
    settled: bool,
    /// Items of the current line that are not returned yet.
    ready: VecDeque<Item>,
    /// Start of the current line.
    line_start: Position,
    ended: bool,
    /// True if the last line was left for the next import.
    left_over: bool,
}

/// State of a transcript while it is read.
#[derive(Debug)]
struct TranscriptState {
    /// Sub-agent of this transcript: `agent-<id>`, prefixed with the folder of its workflow run if it has one.
    agent: Option<String>,
    /// Session id from the file name.
    session: String,
    /// Folders that may hold tool outputs moved out of the transcript.
    spilled: Vec<PathBuf>,
    /// Tool calls by id.
    calls: HashMap<String, PendingCall>,
    queue: PromptQueue,
    snapshots: ProseSnapshots,
    /// Working directory for records without one: the first that the transcript names.
    cwd: Option<String>,
}

/// A tool call whose result may still follow.
#[derive(Debug)]
struct PendingCall {
    tool: String,
    /// Key of the call's part.
    key: String,
    /// True if it is a command that fetches what others wrote.
    fetches: bool,
}

impl TranscriptReader {
    /// Opens a transcript. Records over the size limit are reported and skipped.
    pub fn open(transcript: &TranscriptFile, from: Position, options: ReadOptions) -> io::Result<Self> {
        Ok(Self::new(transcript, LineReader::open(&transcript.path, from, options.longest)?, options))
    }

    /// Reads the transcript from other input that begins at position `from`.
    pub fn from_input(
        transcript: &TranscriptFile,
        input: Box<dyn io::Read + Send>,
        from: Position,
        options: ReadOptions,
    ) -> Self {
        Self::new(transcript, LineReader::from_input(input, from, options.longest), options)
    }

    fn new(transcript: &TranscriptFile, lines: LineReader, options: ReadOptions) -> Self {
        Self {
            lines,
            path: transcript.path.clone(),
            file: TranscriptState::new(transcript),
            settled: transcript.is_finished(options.now),
            ready: VecDeque::new(),
            line_start: Position::default(),
            ended: false,
            left_over: false,
        }
    }

    /// Position to resume from. Everything before it was returned. A line with several records is included once the
    /// last of them was returned; a prompt that is still in the queue is not.
    pub fn position(&self) -> Position {
        let here = if self.ready.is_empty() { self.lines.position } else { self.line_start };
        self.file
            .queue
            .oldest_position()
            .map_or(here, |waiting| if waiting.offset < here.offset { waiting } else { here })
    }

    /// Returns the next item, or `None` at the end. A last line without a line end is read if it is complete or the
    /// file is no longer being written; otherwise it is reported and left for the next import.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.ended {
                return Ok(None);
            }
            self.line_start = self.lines.position;
            match self.lines.next()? {
                LineOutcome::End => self.finish_reading(),
                LineOutcome::Complete => self.read_line(self.lines.position.line),
                LineOutcome::TooLong(bytes) => {
                    let bad = BadRecord::too_long(&self.path, self.lines.position.line, bytes);
                    self.ready.push_back(Item::Bad(bad));
                }
                LineOutcome::Unfinished => self.read_unfinished(),
            }
        }
    }

    fn finish_reading(&mut self) {
        self.ended = true;
        if self.settled {
            self.ready.extend(
                self.file.queue.take_remaining().into_iter().map(|prompt| self.file.build_queued_prompt(&prompt)),
            );
        }
    }

    fn read_line(&mut self, line: u64) {
        let found = json::read_records_without(&self.lines.buffer, &kinds::UNREAD, is_record);
        self.read_found(found, line);
    }

    fn read_found(&mut self, found: Vec<RecordOutcome>, line: u64) {
        for found in found {
            let bad = |why| BadRecord { path: self.path.clone(), line, why };
            match found {
                RecordOutcome::Whole(record) | RecordOutcome::Repaired(record) => {
                    self.file.read_record(&record, self.line_start, line, &self.path, &mut self.ready);
                }
                RecordOutcome::Partial(record) => {
                    let why = "record cut off; the readable part is kept".to_owned();
                    self.ready.push_back(Item::Warning(bad(why)));
                    self.file.read_record(&record, self.line_start, line, &self.path, &mut self.ready);
                }
                RecordOutcome::Unreadable(error) => {
                    self.ready.push_back(Item::Bad(bad(format!("not a JSON record, skipped: {error}"))));
                }
            }
        }
    }

    /// Reads the bytes after the last line end, unless they are incomplete and may still be written.
    fn read_unfinished(&mut self) {
        let line = self.lines.position.line + 1;
        let found = json::read_records_without(&self.lines.buffer, &kinds::UNREAD, is_record);
        let whole = found.iter().all(|found| matches!(found, RecordOutcome::Whole(_) | RecordOutcome::Repaired(_)));
        if whole || self.settled {
            self.read_found(found, line);
            self.lines.accept_unfinished();
            self.finish_reading();
        } else {
            let why = "last line is unfinished; it will be read when its writer has finished it".to_owned();
            self.ready.push_back(Item::Warning(BadRecord { path: self.path.clone(), line, why }));
            (self.ended, self.left_over) = (true, true);
        }
    }
}

/// Returns true if an object is a record of a transcript rather than a part of one.
fn is_record(value: &Value) -> bool {
    let has = |name| value.get(name).is_some();
    has("type") && (has("sessionId") || has("leafUuid") || (has("uuid") && has("timestamp")))
}

impl RecordStream for TranscriptReader {
    fn for_each_item(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        while let Some(item) = self.next_item()? {
            if !tell(item, self.position()) {
                return Ok(ReadEnd { position: self.position(), complete: false });
            }
        }
        let complete = !self.left_over && self.file.queue.oldest_position().is_none();
        Ok(ReadEnd { position: self.position(), complete })
    }
}

impl TranscriptState {
    fn new(transcript: &TranscriptFile) -> Self {
        let path = &transcript.path;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folders: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let below = folders.iter().rposition(|folder| folder == "subagents");
        let agent = stem.starts_with("agent-").then(|| {
            let run = below.and_then(|below| folders.get(below + 1..folders.len() - 1)).unwrap_or(&[]);
            run.iter().cloned().chain([stem.clone()]).collect::<Vec<_>>().join("/")
        });
        // <session>.jsonl lies next to <session>/, a sub-agent's transcript below <session>/subagents/.
        let mut spilled = vec![path.with_extension("").join("tool-results")];
        let up = below.map(|below| folders.len() - below);
        spilled.extend(up.and_then(|up| path.ancestors().nth(up)).map(|session| session.join("tool-results")));
        Self {
            agent,
            session: stem,
            spilled,
            calls: HashMap::new(),
            queue: PromptQueue::default(),
            snapshots: ProseSnapshots::default(),
            cwd: None,
        }
    }

    /// Reads one record. Exactly one of its items is counted.
    fn read_record(&mut self, record: &Value, start: Position, line: u64, path: &Path, items: &mut VecDeque<Item>) {
        let kind = text_field(record, "type").unwrap_or("");
        let speaks = record.pointer("/message/content").is_some();
        if self.cwd.is_none() {
            self.cwd = text_field(record, "cwd").map(str::to_owned);
        }
        let item = match kind {
            _ if record.get("claudeMemory").is_some() => Item::Own,
            "assistant" => {
                let item = self.read_message(record, line);
                // Prompts that were queued but never delivered were absorbed into the turn before this answer.
                items.extend(self.queue.take_absorbed().iter().map(|prompt| self.build_queued_prompt(prompt)));
                item
            }
            "user" => self.read_message(record, line),
            "attachment" => self.read_attachment(record, line),
            "queue-operation" => {
                self.read_queue_operation(record, start, line, items);
                return;
            }
            "progress" => self.read_progress(record, line),
            "system" => self.read_system(record, line),
            "summary" | "custom-title" | "ai-title" | "agent-name" => {
                items.extend(self.read_title(record, kind).map(Item::Title));
                Item::Bookkeeping(kind.to_owned().into())
            }
            _ if kinds::is_bookkeeping(kind) => Item::Bookkeeping(kind.to_owned().into()),
            _ if speaks
                && matches!(record.pointer("/message/role").and_then(Value::as_str), Some("user" | "assistant")) =>
            {
                self.read_message(record, line)
            }
            _ => self.build_unknown(record, if kind.is_empty() { "record without a type" } else { kind }, line),
        };
        if let Item::Bad(mut bad) = item {
            path.clone_into(&mut bad.path);
            items.push_back(Item::Bad(bad));
        } else {
            items.push_back(item);
        }
        // The record that queued a prompt is bookkeeping if another record has its words.
        let delivered = std::iter::from_fn(|| self.queue.take_delivered());
        items.extend(delivered.map(|()| Item::Bookkeeping("queue-operation".into())));
    }

    /// Returns the session of a record and, for a sub-agent, the session that started it.
    fn session_of(&self, record: &Value) -> (String, Option<String>) {
        let named = record.get("sessionId").and_then(id_text).unwrap_or_else(|| self.session.clone());
        match &self.agent {
            Some(agent) => (format!("{named}/{agent}"), Some(named)),
            None => (named, None),
        }
    }

    /// Starts a message for a record that is not an API message.
    fn start_message(&self, record: &Value, id: &str, role: Role, line: u64) -> DraftBuilder {
        let (session, parent_session) = self.session_of(record);
        let mut builder =
            DraftBuilder::new(&session, id, role, super::draft_builder::parse_time(record.get("timestamp")), line);
        self.set_context(&mut builder, record, parent_session);
        builder
    }

    fn set_context(&self, builder: &mut DraftBuilder, record: &Value, parent_session: Option<String>) {
        let draft = builder.draft_mut();
        draft.parent_session = parent_session;
        draft.parent_external_id = record.get("parentUuid").and_then(id_text);
        draft.cwd = text_field(record, "cwd").map(str::to_owned).or_else(|| self.cwd.clone());
        draft.git_branch = record.get("gitBranch").and_then(id_text);
        draft.sidechain = record.get("isSidechain") == Some(&Value::Bool(true));
        // The one trace of a fork: copied answers name the session that they were requested in.
        let requested = text_field(record, "requestSessionId").filter(|session| *session != draft.session);
        draft.forked_from = requested.filter(|_| draft.parent_session.is_none()).map(str::to_owned);
    }

    fn read_title(&self, record: &Value, kind: &str) -> Option<SessionTitle> {
        let (names, rank): (&[&str], _) = match kind {
            "custom-title" => (&["customTitle", "title"], TitleRank::Chosen),
            "summary" => (&["summary"], TitleRank::Generated),
            "ai-title" => (&["aiTitle", "title"], TitleRank::Generated),
            _ => (&["agentName"], TitleRank::Generated),
        };
        let title = names.iter().find_map(|name| text_field(record, name))?.to_owned();
        let session = match text_field(record, "leafUuid") {
            // The leaf may be in another file; its first part is the one that certainly exists.
            Some(leaf) if kind == "summary" => SessionRef::PartKey(format!("{leaf}/0")),
            _ => SessionRef::Id(self.session_of(record).0),
        };
        Some(SessionTitle { session, title, rank })
    }

    /// Reads a sub-agent's message, which older versions write into the main transcript.
    fn read_progress(&mut self, record: &Value, line: u64) -> Item {
        let data = record.get("data").unwrap_or(&Value::Null);
        let kind = text_field(data, "type").unwrap_or("unknown");
        let inner = data.get("message").filter(|inner| inner.get("message").is_some());
        let (Some(mut inner), Some(agent)) = (inner.cloned(), data.get("agentId").and_then(id_text)) else {
            return Item::Bookkeeping(format!("progress:{kind}").into());
        };
        if let Some(fields) = inner.as_object_mut() {
            for name in ["sessionId", "cwd", "gitBranch"] {
                if let Some(value) = record.get(name) {
                    fields.entry(name).or_insert_with(|| value.clone());
                }
            }
            fields.insert("isSidechain".to_owned(), Value::Bool(true));
        }
        let own = self.agent.replace(format!("agent-{agent}"));
        let item = self.read_message(&inner, line);
        self.agent = own;
        item
    }

    fn read_system(&self, record: &Value, line: u64) -> Item {
        let subtype = text_field(record, "subtype").unwrap_or("unknown");
        let text = content::content_text(record.get("content").unwrap_or(&Value::Null));
        if kinds::is_system_bookkeeping(subtype) || text.trim().is_empty() {
            return Item::Bookkeeping(format!("system:{subtype}").into());
        }
        let id = message::record_id(record, &text);
        let mut builder = self.start_message(record, &id, Role::System, line);
        match subtype {
            "local_command" => {
                message::add_prompt_pieces(&mut builder, &format!("{id}/0"), &text, Origin::Person, false);
            }
            "away_summary" => builder.add_keyed_part(format!("{id}/0"), PartKind::Summary, Origin::Client, &text, None),
            _ => builder.add_keyed_part(format!("{id}/0"), PartKind::Meta, Origin::Client, &text, None),
        }
        builder.finish()
    }

    fn read_queue_operation(&mut self, record: &Value, start: Position, line: u64, items: &mut VecDeque<Item>) {
        let text = record.get("content").map(content::content_text).unwrap_or_default();
        match text_field(record, "operation").unwrap_or("") {
            "enqueue" if has_typed_words(&text) => {
                self.queue.enqueue(record.clone(), text, start, line);
                return;
            }
            "remove" | "popAll" => self.queue.mark_absorbed(Some(text.as_str()).filter(|text| !text.is_empty())),
            "dequeue" => self.queue.mark_dequeued(),
            _ => {}
        }
        items.push_back(Item::Bookkeeping("queue-operation".into()));
    }

    /// Builds a message from a prompt that is only in the queue.
    fn build_queued_prompt(&self, prompt: &queue::QueuedPrompt) -> Item {
        let id = message::record_id(&prompt.record, &prompt.text);
        let mut builder = self.start_message(&prompt.record, &id, Role::User, prompt.line);
        message::add_prompt_pieces(&mut builder, &format!("{id}/0"), &prompt.text, Origin::Person, true);
        builder.finish()
    }

    /// Builds an item for a record of an unknown type, with its readable strings.
    fn build_unknown(&self, record: &Value, kind: &str, line: u64) -> Item {
        let words = content::readable_strings(&without_envelope(record));
        let kept = (!words.is_empty() && !own_output::is_own_output(&words)).then(|| {
            let id = message::record_id(record, &words);
            let mut builder = self.start_message(record, &id, Role::System, line);
            builder.add_keyed_part(format!("{id}/0"), PartKind::Meta, Origin::Client, &words, None);
            builder.finish()
        });
        match kept {
            Some(Item::Draft(draft)) => Item::NotUnderstood(kind.to_owned(), Some(draft)),
            _ => Item::NotUnderstood(kind.to_owned(), None),
        }
    }
}

/// Returns true if a queued text has words of a person. Empty texts and notices of the client have none.
fn has_typed_words(text: &str) -> bool {
    !text.trim().is_empty() && !crate::domain::text::prompt::is_client_text(text)
}

/// Returns a record without the fields that every record has.
fn without_envelope(record: &Value) -> Value {
    const ENVELOPE: [&str; 14] = [
        "cwd",
        "gitBranch",
        "version",
        "userType",
        "entrypoint",
        "slug",
        "timestamp",
        "parentUuid",
        "uuid",
        "sessionId",
        "rendered",
        "renderedRole",
        "logicalParentUuid",
        "session_id",
    ];
    let fields = record.as_object().into_iter().flatten();
    let kept = fields.filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Returns an id that is a string or a number as text.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn record_time(record: &Value) -> Option<Timestamp> {
    super::draft_builder::parse_time(record.get("timestamp"))
}

#[cfg(test)]
mod tests;
