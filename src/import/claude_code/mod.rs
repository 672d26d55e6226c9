//! Claude Code's transcripts: `~/.claude/projects/<slug>/<session>.jsonl`, and those of sub-agents in
//! `<session>/subagents/` (older versions: `agent-<id>.jsonl` beside the session).
//!
//! Owns: streaming a transcript line by line, where reading goes on next time, which kind of record is read by which
//! file of this folder. Does not own: storage, and merging parts into messages (parts of one API message carry the same
//! `external_id`).

mod attachment;
mod kinds;
mod message;
mod queue;
mod spilled;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;

use serde_json::Value;

use self::message::Snapshots;
use self::queue::Queue;
use super::draft_builder::{DraftBuilder, field};
use super::lines::{Line, Lines};
use super::{BadLine, End, Item, Position, ReadOptions, Records, SessionRef, Title, TitleRank, Transcript, content};
use crate::domain::json::{self, Found};
use crate::domain::{Kind, Origin, Role, Timestamp, mark};

/// The name of this source in the store.
pub const SOURCE: &str = "claude-code";

/// Reads one transcript from a position on.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    path: PathBuf,
    file: File,
    /// Whether nobody is writing the transcript any more.
    settled: bool,
    /// Items of the current line that were not returned yet.
    ready: VecDeque<Item>,
    /// Where the current line begins.
    line_start: Position,
    ended: bool,
    /// Whether the last line was left for the next time.
    left_over: bool,
}

/// What is known of a transcript while it is read.
#[derive(Debug)]
struct File {
    /// The sub-agent whose transcript this is: `agent-<id>`, below the folder of its workflow run if it has one.
    agent: Option<String>,
    /// The session that the file name gives.
    session: String,
    /// Folders that may hold outputs which were moved out of the transcript.
    spilled: Vec<PathBuf>,
    /// Tool calls by their id.
    calls: HashMap<String, Call>,
    queue: Queue,
    snapshots: Snapshots,
    /// The working directory that stands for records without one.
    cwd: Option<String>,
}

/// A call of a tool whose result may still come.
#[derive(Debug)]
struct Call {
    tool: String,
    /// The key of its part.
    key: String,
}

impl Reader {
    /// Opens a transcript. Records longer than the bound are reported and passed over.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(transcript: &Transcript, from: Position, options: ReadOptions) -> io::Result<Self> {
        Ok(Self::new(transcript, Lines::open(&transcript.path, from, options.longest)?, options))
    }

    /// Reads what stands for the transcript, from `from` on.
    pub fn over(
        transcript: &Transcript,
        input: Box<dyn io::Read + Send>,
        from: Position,
        options: ReadOptions,
    ) -> Self {
        Self::new(transcript, Lines::over(input, from, options.longest), options)
    }

    fn new(transcript: &Transcript, lines: Lines, options: ReadOptions) -> Self {
        Self {
            lines,
            path: transcript.path.clone(),
            file: File::new(transcript),
            settled: transcript.is_settled(options.now),
            ready: VecDeque::new(),
            line_start: Position::default(),
            ended: false,
            left_over: false,
        }
    }

    /// Everything before this position was returned and need not be read again. A line with several records is before it
    /// when the last of them was returned; a prompt that still waits in the queue is not.
    pub fn position(&self) -> Position {
        let here = if self.ready.is_empty() { self.lines.position } else { self.line_start };
        self.file
            .queue
            .first_waiting()
            .map_or(here, |waiting| if waiting.offset < here.offset { waiting } else { here })
    }

    /// Returns the next item, or `None` at the end. A last line without a line end is taken if it is whole or nobody is
    /// writing it any more; else it is reported and left for the next time.
    ///
    /// # Errors
    /// When reading fails.
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
                Line::End => self.end(),
                Line::Complete => self.read_line(self.lines.position.line),
                Line::TooLong(bytes) => {
                    let bad = BadLine::too_long(&self.path, self.lines.position.line, bytes);
                    self.ready.push_back(Item::Bad(bad));
                }
                Line::Unfinished => self.read_unfinished(),
            }
        }
    }

    fn end(&mut self) {
        self.ended = true;
        if self.settled {
            self.ready.extend(self.file.queue.flush().into_iter().map(|prompt| self.file.queued_prompt(&prompt)));
        }
    }

    fn read_line(&mut self, line: u64) {
        let found = json::read_records_without(&self.lines.buffer, &kinds::UNREAD, is_record);
        self.take_found(found, line);
    }

    fn take_found(&mut self, found: Vec<Found>, line: u64) {
        for found in found {
            let bad = |why| BadLine { path: self.path.clone(), line, why };
            match found {
                Found::Whole(record) | Found::Repaired(record) => {
                    self.file.take_record(&record, self.line_start, line, &self.path, &mut self.ready);
                }
                Found::Partial(record) => {
                    let why = "record cut off; what is left of it is kept".to_owned();
                    self.ready.push_back(Item::Warning(bad(why)));
                    self.file.take_record(&record, self.line_start, line, &self.path, &mut self.ready);
                }
                Found::Unreadable(error) => {
                    self.ready.push_back(Item::Bad(bad(format!("not a JSON record, skipped: {error}"))));
                }
            }
        }
    }

    /// The bytes after the last line end. A writer may be in the middle of them.
    fn read_unfinished(&mut self) {
        let line = self.lines.position.line + 1;
        let found = json::read_records_without(&self.lines.buffer, &kinds::UNREAD, is_record);
        let whole = found.iter().all(|found| matches!(found, Found::Whole(_) | Found::Repaired(_)));
        if whole || self.settled {
            self.take_found(found, line);
            self.lines.accept_unfinished();
            self.end();
        } else {
            let why = "last line is unfinished; it will be read when its writer has finished it".to_owned();
            self.ready.push_back(Item::Warning(BadLine { path: self.path.clone(), line, why }));
            (self.ended, self.left_over) = (true, true);
        }
    }
}

/// Whether an object is a record of a transcript rather than a part of one.
fn is_record(value: &Value) -> bool {
    let has = |name| value.get(name).is_some();
    has("type") && (has("sessionId") || has("leafUuid") || (has("uuid") && has("timestamp")))
}

impl Records for Reader {
    fn each(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End> {
        while let Some(item) = self.next_item()? {
            if !tell(item, self.position()) {
                return Ok(End { position: self.position(), complete: false });
            }
        }
        let complete = !self.left_over && self.file.queue.first_waiting().is_none();
        Ok(End { position: self.position(), complete })
    }
}

impl File {
    fn new(transcript: &Transcript) -> Self {
        let path = &transcript.path;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folders: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let below = folders.iter().rposition(|folder| folder == "subagents");
        let agent = stem.starts_with("agent-").then(|| {
            let run = below.and_then(|below| folders.get(below + 1..folders.len() - 1)).unwrap_or(&[]);
            run.iter().cloned().chain([stem.clone()]).collect::<Vec<_>>().join("/")
        });
        // <session>.jsonl lies beside <session>/, a sub-agent's transcript below <session>/subagents/.
        let mut spilled = vec![path.with_extension("").join("tool-results")];
        let up = below.map(|below| folders.len() - below);
        spilled.extend(up.and_then(|up| path.ancestors().nth(up)).map(|session| session.join("tool-results")));
        Self {
            agent,
            session: stem,
            spilled,
            calls: HashMap::new(),
            queue: Queue::default(),
            snapshots: Snapshots::default(),
            cwd: None,
        }
    }

    /// Reads one record: exactly one of its items is counted.
    fn take_record(
        &mut self,
        record: &Value,
        start: Position,
        line: u64,
        path: &std::path::Path,
        items: &mut VecDeque<Item>,
    ) {
        let kind = field(record, "type").unwrap_or("");
        let speaks = record.pointer("/message/content").is_some();
        if self.cwd.is_none() {
            self.cwd = field(record, "cwd").map(str::to_owned);
        }
        let item = match kind {
            _ if record.get("claudeMemory").is_some() => Item::Own,
            "assistant" => {
                let item = self.message(record, line);
                // What was queued and never delivered was taken over in the middle of the turn before this answer.
                items.extend(self.queue.release_absorbed().iter().map(|prompt| self.queued_prompt(prompt)));
                item
            }
            "user" => self.message(record, line),
            "attachment" => self.attachment(record, line),
            "queue-operation" => {
                self.queue_operation(record, start, line, items);
                return;
            }
            "progress" => self.progress(record, line),
            "system" => self.system(record, line),
            "summary" | "custom-title" | "ai-title" | "agent-name" => {
                items.extend(self.title(record, kind).map(Item::Title));
                Item::Bookkeeping(kind.to_owned().into())
            }
            _ if kinds::is_bookkeeping(kind) => Item::Bookkeeping(kind.to_owned().into()),
            _ if speaks
                && matches!(record.pointer("/message/role").and_then(Value::as_str), Some("user" | "assistant")) =>
            {
                self.message(record, line)
            }
            _ => self.not_understood(record, if kind.is_empty() { "record without a type" } else { kind }, line),
        };
        if let Item::Bad(mut bad) = item {
            path.clone_into(&mut bad.path);
            items.push_back(Item::Bad(bad));
        } else {
            items.push_back(item);
        }
        // The record that queued a prompt is bookkeeping when another record carries its words.
        let delivered = std::iter::from_fn(|| self.queue.account_delivered());
        items.extend(delivered.map(|()| Item::Bookkeeping("queue-operation".into())));
    }

    /// The session of a record and, for a sub-agent, the session that started it.
    fn session_of(&self, record: &Value) -> (String, Option<String>) {
        let named = record.get("sessionId").and_then(id_text).unwrap_or_else(|| self.session.clone());
        match &self.agent {
            Some(agent) => (format!("{named}/{agent}"), Some(named)),
            None => (named, None),
        }
    }

    /// Begins a message of a record that is no API message.
    fn begin(&self, record: &Value, id: &str, role: Role, line: u64) -> DraftBuilder {
        let (session, parent_session) = self.session_of(record);
        let mut builder =
            DraftBuilder::new(&session, id, role, super::draft_builder::moment(record.get("timestamp")), line);
        self.describe(&mut builder, record, parent_session);
        builder
    }

    fn describe(&self, builder: &mut DraftBuilder, record: &Value, parent_session: Option<String>) {
        let draft = builder.draft();
        draft.parent_session = parent_session;
        draft.parent_external_id = record.get("parentUuid").and_then(id_text);
        draft.cwd = field(record, "cwd").map(str::to_owned).or_else(|| self.cwd.clone());
        draft.git_branch = record.get("gitBranch").and_then(id_text);
        draft.sidechain = record.get("isSidechain") == Some(&Value::Bool(true));
        // The one trace of a fork: copied answers name the session that they were requested in.
        let requested = field(record, "requestSessionId").filter(|session| *session != draft.session);
        draft.forked_from = requested.filter(|_| draft.parent_session.is_none()).map(str::to_owned);
    }

    fn title(&self, record: &Value, kind: &str) -> Option<Title> {
        let (names, rank): (&[&str], _) = match kind {
            "custom-title" => (&["customTitle", "title"], TitleRank::Chosen),
            "summary" => (&["summary"], TitleRank::Generated),
            "ai-title" => (&["aiTitle", "title"], TitleRank::Generated),
            _ => (&["agentName"], TitleRank::Generated),
        };
        let title = names.iter().find_map(|name| field(record, name))?.to_owned();
        let session = match field(record, "leafUuid") {
            // The leaf may stand in another file; its first part is the one that is there for sure.
            Some(leaf) if kind == "summary" => SessionRef::PartKey(format!("{leaf}/0")),
            _ => SessionRef::Id(self.session_of(record).0),
        };
        Some(Title { session, title, rank })
    }

    /// What a sub-agent said, as the main transcript of older versions holds it.
    fn progress(&mut self, record: &Value, line: u64) -> Item {
        let data = record.get("data").unwrap_or(&Value::Null);
        let kind = field(data, "type").unwrap_or("unknown");
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
        let item = self.message(&inner, line);
        self.agent = own;
        item
    }

    fn system(&self, record: &Value, line: u64) -> Item {
        let subtype = field(record, "subtype").unwrap_or("unknown");
        let text = content::content_text(record.get("content").unwrap_or(&Value::Null));
        if kinds::is_system_bookkeeping(subtype) || text.trim().is_empty() {
            return Item::Bookkeeping(format!("system:{subtype}").into());
        }
        let id = message::record_id(record, &text);
        let mut builder = self.begin(record, &id, Role::System, line);
        match subtype {
            "local_command" => message::add_pieces(&mut builder, &format!("{id}/0"), &text, Origin::Person, false),
            "away_summary" => builder.add_keyed_part(format!("{id}/0"), Kind::Summary, Origin::Client, &text, None),
            _ => builder.add_keyed_part(format!("{id}/0"), Kind::Meta, Origin::Client, &text, None),
        }
        builder.finish()
    }

    fn queue_operation(&mut self, record: &Value, start: Position, line: u64, items: &mut VecDeque<Item>) {
        let text = record.get("content").map(content::content_text).unwrap_or_default();
        match field(record, "operation").unwrap_or("") {
            "enqueue" if says_something(&text) => {
                self.queue.enqueue(record.clone(), text, start, line);
                return;
            }
            "remove" | "popAll" => self.queue.absorb(Some(text.as_str()).filter(|text| !text.is_empty())),
            "dequeue" => self.queue.dequeue(),
            _ => {}
        }
        items.push_back(Item::Bookkeeping("queue-operation".into()));
    }

    /// A prompt that stands in the queue only.
    fn queued_prompt(&self, prompt: &queue::Prompt) -> Item {
        let id = message::record_id(&prompt.record, &prompt.text);
        let mut builder = self.begin(&prompt.record, &id, Role::User, prompt.line);
        message::add_pieces(&mut builder, &format!("{id}/0"), &prompt.text, Origin::Person, true);
        builder.finish()
    }

    /// A record of an unknown type, with the words in it.
    fn not_understood(&self, record: &Value, kind: &str, line: u64) -> Item {
        let words = content::readable_strings(&without_envelope(record));
        let kept = (!words.is_empty() && !mark::is_own_output(&words)).then(|| {
            let id = message::record_id(record, &words);
            let mut builder = self.begin(record, &id, Role::System, line);
            builder.add_keyed_part(format!("{id}/0"), Kind::Meta, Origin::Client, &words, None);
            builder.finish()
        });
        match kept {
            Some(Item::Draft(draft)) => Item::NotUnderstood(kind.to_owned(), Some(draft)),
            _ => Item::NotUnderstood(kind.to_owned(), None),
        }
    }
}

/// Whether a queued text holds words of a person and is no notice of the client.
fn says_something(text: &str) -> bool {
    !text.trim().is_empty() && !crate::domain::text::prompt::is_client_text(text)
}

/// A record without the fields that every record has.
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

/// An id or label of whatever type as text.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The time of a record.
fn time_of(record: &Value) -> Option<Timestamp> {
    super::draft_builder::moment(record.get("timestamp"))
}

#[cfg(test)]
mod tests;
