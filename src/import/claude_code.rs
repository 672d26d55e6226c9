//! Claude Code's own transcripts: `~/.claude/projects/<slug>/<session>.jsonl`, subagents in
//! `<session>/subagents/agent-<id>.jsonl` (older versions: `agent-<id>.jsonl` beside the session).
//!
//! Owns: which records are conversation, how blocks become parts, which texts were typed by a person. Streams one line
//! at a time. Does not own: storage, the merging of parts into stored messages (parts of one API message carry the
//! same `external_id`), redaction.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;

use super::claude_code_record::{Block, Content, Message, Record, arguments, files};
use super::lines::{Line, Lines};
use super::{BadLine, Item, Position, Records, Transcript};
use crate::domain::text::prompt;
use crate::domain::{Draft, DraftPart, Kind, Origin, Role, Timestamp, mark};

/// The name of this source in the store.
pub const SOURCE: &str = "claude-code";

/// Reads one transcript from a position on.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    path: PathBuf,
    /// `agent-<id>` for the transcript of a subagent.
    agent: Option<String>,
    stem: String,
    last_at: Timestamp,
    /// Names of the tools whose results may still come, by the id of the call.
    calls: HashMap<String, String>,
    /// Items of the current line that were not returned yet.
    ready: VecDeque<Item>,
    /// Where the current line begins.
    line_start: Position,
    ended: bool,
}

impl Reader {
    /// Opens the file. Lines longer than `longest` bytes are reported and passed over.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(transcript: &Transcript, from: Position, longest: usize) -> io::Result<Self> {
        Ok(Self::new(transcript, Lines::open(&transcript.path, from, longest)?))
    }

    /// Reads what stands for the file, from `from` on.
    pub fn over(transcript: &Transcript, input: Box<dyn io::Read + Send>, from: Position, longest: usize) -> Self {
        Self::new(transcript, Lines::over(input, from, longest))
    }

    fn new(transcript: &Transcript, lines: Lines) -> Self {
        let stem = transcript.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            lines,
            path: transcript.path.clone(),
            agent: stem.starts_with("agent-").then(|| stem.clone()),
            stem,
            last_at: Timestamp::from_milliseconds(transcript.modified),
            calls: HashMap::new(),
            ready: VecDeque::new(),
            line_start: Position::default(),
            ended: false,
        }
    }

    /// Everything before this position was returned and need not be read again. A line with several records is before it when
    /// the last of them was returned.
    pub fn position(&self) -> Position {
        if self.ready.is_empty() { self.lines.position } else { self.line_start }
    }

    /// The next item, or `None` at the end. A last line without a line end is taken if it is whole; else it is reported
    /// once and stays before the position, so that it is read again when its writer has finished it.
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
                Line::End => self.ended = true,
                Line::Complete => self.parse(self.lines.position.line),
                Line::TooLong(bytes) => {
                    let why = format!(
                        "line of {} MiB is over the limit and was passed over; to take it in, run again with --rescan and a larger --max-line-mib",
                        bytes >> 20
                    );
                    self.ready.push_back(Item::Bad(self.bad(self.lines.position.line, why)));
                }
                Line::Unfinished => self.unfinished(),
            }
        }
    }

    /// The bytes after the last line end. A writer may be in the middle of them.
    fn unfinished(&mut self) {
        self.ended = true;
        let line = self.lines.position.line + 1;
        self.parse(line);
        if self.ready.iter().any(|item| matches!(item, Item::Bad(_))) {
            let why = "last line is unfinished; it will be read when its writer has finished it".to_owned();
            self.ready.clear();
            self.ready.push_back(Item::Bad(self.bad(line, why)));
        } else {
            self.lines.accept_unfinished();
        }
    }

    fn bad(&self, line: u64, why: String) -> BadLine {
        BadLine { path: self.path.clone(), line, why }
    }

    fn parse(&mut self, line: u64) {
        // Taken out and put back, so that the records may borrow from it while `self` changes.
        let buffer = std::mem::take(&mut self.lines.buffer);
        if let Err(why) = self.parse_records(&buffer, line) {
            self.ready.push_back(Item::Bad(self.bad(line, why)));
        }
        self.lines.buffer = buffer;
    }

    /// Real transcripts hold lines with two records: two processes wrote at the same moment. All of them are read.
    fn parse_records(&mut self, buffer: &[u8], line: u64) -> Result<(), String> {
        let text = std::str::from_utf8(buffer)
            .map_err(|error| format!("not valid UTF-8 at byte {} of the line, skipped", error.valid_up_to() + 1))?;
        for record in serde_json::Deserializer::from_str(text).into_iter::<Record<'_>>() {
            let record = record.map_err(|error| format!("not a JSON record, skipped: {}", placed(&error)))?;
            let item = self.record(&record, line)?;
            self.ready.push_back(item);
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, line: u64) -> Result<Item, String> {
        if let Some(at) = record.timestamp.as_deref().and_then(Timestamp::parse) {
            self.last_at = at;
        }
        match record.kind.as_ref() {
            _ if record.claude_memory.is_some() => Ok(Item::Own),
            "user" | "assistant" => self.message(record, line),
            "custom-title" | "ai-title" => {
                let title = record.custom_title.as_ref().or(record.ai_title.as_ref());
                Ok(title.map_or(Item::Skipped, |title| Item::Title {
                    session: self.session(record).0,
                    title: title.clone().into_owned(),
                }))
            }
            _ => Ok(Item::Skipped),
        }
    }

    /// The session of a record and, for a subagent, the session that started it.
    fn session(&self, record: &Record<'_>) -> (String, Option<String>) {
        let named = record.session_id.as_deref().unwrap_or(&self.stem).to_owned();
        match &self.agent {
            Some(agent) => (format!("{named}/{agent}"), Some(named)),
            None => (named, None),
        }
    }

    fn message(&mut self, record: &Record<'_>, line: u64) -> Result<Item, String> {
        let raw = record.message.ok_or("a message record without a message, skipped")?;
        let message: Message<'_> = serde_json::from_str(raw.get())
            .map_err(|error| format!("message of an unknown shape, skipped: {}", placed(&error)))?;
        let content = Content::parse(message.content)
            .map_err(|error| format!("content of an unknown shape, skipped: {}", placed(&error)))?;
        let uuid = record.uuid.as_deref().map_or_else(|| format!("line-{line}"), str::to_owned);
        let assistant = record.kind == "assistant";
        let mut builder = Parts {
            record,
            assistant,
            uuid: &uuid,
            calls: &mut self.calls,
            parts: Vec::new(),
            files: Vec::new(),
            own: false,
            results: false,
        };
        match content {
            Content::Text(text) => builder.prose(0, &text),
            Content::Blocks(blocks) => {
                for (index, block) in blocks.iter().enumerate() {
                    builder.block(index, block);
                }
            }
        }
        let Parts { parts, files, own, results, .. } = builder;
        if parts.is_empty() {
            return Ok(if own { Item::Own } else { Item::Skipped });
        }
        let (session, parent_session) = self.session(record);
        let owned =
            |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().filter(|t| !t.is_empty()).map(str::to_owned);
        let external_id = if assistant { owned(&message.id).unwrap_or(uuid) } else { uuid };
        let role = match (assistant, results) {
            (true, _) => Role::Assistant,
            (false, true) => Role::Tool,
            (false, false) => Role::User,
        };
        Ok(Item::Draft(Box::new(Draft {
            parent_external_id: owned(&record.parent_uuid),
            parent_session,
            cwd: owned(&record.cwd),
            git_branch: owned(&record.git_branch),
            model: owned(&message.model),
            sidechain: record.is_sidechain.unwrap_or(false),
            files,
            line,
            parts,
            ..Draft::new(&session, &external_id, role, self.last_at)
        })))
    }
}

impl Records for Reader {
    fn each(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<Position> {
        while let Some(item) = self.next_item()? {
            if !tell(item, self.position()) {
                break;
            }
        }
        Ok(self.position())
    }
}

/// Where in the line serde stopped; its own words name a line number that would mislead here.
pub(super) fn placed(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
    format!("{why} at column {}", error.column())
}

/// Collects the parts of one record.
struct Parts<'r> {
    record: &'r Record<'r>,
    assistant: bool,
    uuid: &'r str,
    calls: &'r mut HashMap<String, String>,
    parts: Vec<DraftPart>,
    files: Vec<String>,
    own: bool,
    results: bool,
}

impl Parts<'_> {
    fn push(&mut self, index: usize, kind: Kind, origin: Origin, text: String, tool: Option<String>) {
        if !text.trim().is_empty() {
            let external_key = format!("{}/{index}", self.uuid);
            self.parts.push(DraftPart { external_key, kind, origin, text, tool });
        }
    }

    fn prose(&mut self, index: usize, text: &str) {
        if mark::is_own_output(text) {
            self.own = true;
            return;
        }
        let (kind, origin) = if self.assistant {
            (Kind::Text, Origin::Model)
        } else if self.record.is_compact_summary == Some(true) {
            (Kind::Summary, Origin::Client)
        } else if self.record.is_meta == Some(true) || prompt::is_client_text(text) {
            (Kind::Meta, Origin::Client)
        } else if self.record.is_sidechain == Some(true) {
            // The prompt of a subagent is written by the model that started it.
            (Kind::Text, Origin::Model)
        } else {
            (Kind::Text, Origin::Person)
        };
        self.push(index, kind, origin, text.to_owned(), None);
    }

    fn block(&mut self, index: usize, block: &Block<'_>) {
        match block.kind.as_ref() {
            "text" => self.prose(index, block.text.as_deref().unwrap_or("")),
            "thinking" => {
                let text = block.thinking.as_deref().unwrap_or("").to_owned();
                self.push(index, Kind::Thinking, Origin::Model, text, None);
            }
            "tool_use" | "server_tool_use" => self.call(index, block),
            "tool_result" => self.result(index, block),
            kind if kind.ends_with("_tool_result") => self.result(index, block),
            "image" => self.push(index, Kind::Meta, Origin::Client, "[image]".to_owned(), None),
            "document" => self.push(index, Kind::Meta, Origin::Client, "[document]".to_owned(), None),
            _ => {}
        }
    }

    fn call(&mut self, index: usize, block: &Block<'_>) {
        let name = block.name.as_deref().unwrap_or("tool").to_owned();
        if let Some(id) = &block.id {
            self.calls.insert(id.clone().into_owned(), name.clone());
        }
        let text = block.input.map(arguments).unwrap_or_default();
        self.files.extend(block.input.map(files).unwrap_or_default());
        // A call without arguments is still something that happened.
        let text = if text.trim().is_empty() { name.clone() } else { text };
        self.push(index, Kind::ToolUse, Origin::Model, text, Some(name));
    }

    fn result(&mut self, index: usize, block: &Block<'_>) {
        self.results = true;
        let name = block.tool_use_id.as_deref().and_then(|id| self.calls.remove(id));
        let text = block.content.map(result_text).unwrap_or_default();
        let own = match &name {
            Some(name) => mark::is_own_tool(name),
            // The call was read by an earlier import.
            None => mark::is_own_output(&text),
        };
        if own {
            self.own = true;
            return;
        }
        self.push(index, Kind::ToolResult, Origin::of_tool(name.as_deref()), text, name);
    }
}

fn result_text(raw: &serde_json::value::RawValue) -> String {
    match Content::parse(raw) {
        Ok(Content::Text(text)) => text.into_owned(),
        Ok(Content::Blocks(blocks)) => {
            let texts: Vec<&str> = blocks
                .iter()
                .map(|block| match block.kind.as_ref() {
                    "image" => "[image]",
                    _ => block.text.as_deref().unwrap_or(""),
                })
                .filter(|text| !text.is_empty())
                .collect();
            texts.join("\n")
        }
        // A shape that no version was seen to write: kept as it stands rather than lost.
        Err(_) => raw.get().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    fn read(content: &str) -> Vec<Item> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.jsonl");
        crate::disk::write_atomic(&path, content.as_bytes()).unwrap();
        let (found, bad) = Source::ClaudeCode.discover(folder.path()).unwrap();
        assert!(bad.is_empty());
        let mut reader = Reader::open(&found[0], Position::default(), 1 << 20).unwrap();
        let mut items = Vec::new();
        while let Some(item) = reader.next_item().unwrap() {
            items.push(item);
        }
        items
    }

    fn draft(item: &Item) -> &Draft {
        match item {
            Item::Draft(draft) => draft,
            other => panic!("not a draft: {other:?}"),
        }
    }

    #[test]
    fn blocks_of_one_message_share_its_id() {
        let items = read(concat!(
            r#"{"type":"assistant","uuid":"u1","sessionId":"s","timestamp":"2026-01-01T00:00:00Z","message":{"id":"m","content":[{"type":"thinking","thinking":"hm"}]}}"#,
            "\n",
            r#"{"type":"assistant","uuid":"u2","sessionId":"s","timestamp":"2026-01-01T00:00:01Z","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"Read","input":{"file_path":"/a/b.rs","limit":3}}]}}"#,
            "\n",
            r#"{"type":"user","uuid":"u3","sessionId":"s","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"line\none"}]}]}}"#,
            "\n",
        ));
        assert_eq!(items.len(), 3);
        assert_eq!((draft(&items[0]).external_id.as_str(), draft(&items[0]).parts[0].kind), ("m", Kind::Thinking));
        let call = draft(&items[1]);
        assert_eq!((call.external_id.as_str(), call.parts[0].text.as_str()), ("m", "file_path: /a/b.rs\nlimit: 3"));
        assert_eq!(call.files, ["/a/b.rs"]);
        let result = draft(&items[2]);
        assert_eq!((result.role, result.parts[0].tool.as_deref()), (Role::Tool, Some("Read")));
        assert_eq!(result.at, call.at, "a record without a time takes the one before");
    }

    #[test]
    fn own_output_is_not_taken_in() {
        let items = read(concat!(
            r#"{"type":"assistant","uuid":"1","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"mcp__mem__memory_search","input":{"query":"x"}}]}}"#,
            "\n",
            r#"{"type":"user","uuid":"2","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"old memory"}]}}"#,
            "\n",
            r#"{"type":"attachment","attachment":{"type":"hook_additional_context","content":"old memory"}}"#,
            "\n",
        ));
        assert!(matches!(items[..], [Item::Draft(_), Item::Own, Item::Skipped]));
    }

    #[test]
    fn bad_lines_have_a_place_and_the_rest_goes_in() {
        let items = read(
            "{\"type\":\"user\",\"message\":{\"content\":\"a\"}}\nnot json\n\n{\"type\":\"user\",\"message\":7}\n{\"type\":\"user\",\"mess",
        );
        assert!(matches!(&items[0], Item::Draft(draft) if draft.parts[0].text == "a" && draft.session == "s"));
        assert!(matches!(&items[1], Item::Bad(bad) if bad.line == 2 && bad.why.contains("column 2")), "{:?}", items[1]);
        assert!(matches!(&items[2], Item::Bad(bad) if bad.line == 4 && bad.why.contains("unknown shape")));
        assert!(matches!(&items[3], Item::Bad(bad) if bad.line == 5 && bad.why.contains("unfinished")));
        assert_eq!(items.len(), 4);
    }

    #[test]
    fn two_records_on_one_line_are_both_read() {
        let items = read(
            "{\"type\":\"user\",\"uuid\":\"1\",\"message\":{\"content\":\"a\"}}{\"type\":\"user\",\"uuid\":\"2\",\"message\":{\"content\":\"b\"}} trash\n",
        );
        assert!(
            matches!(&items[..], [Item::Draft(a), Item::Draft(b), Item::Bad(bad)]
            if a.parts[0].text == "a" && b.parts[0].text == "b" && bad.line == 1),
            "{items:?}"
        );
    }

    #[test]
    fn a_line_is_read_when_its_last_record_is() {
        let text = "{\"type\":\"user\",\"uuid\":\"1\",\"message\":{\"content\":\"a\"}}{\"type\":\"user\",\"uuid\":\"2\",\"message\":{\"content\":\"b\"}}\n";
        let transcript = Transcript { path: PathBuf::from("s.jsonl"), size: 0, modified: 0 };
        let mut reader = Reader::over(&transcript, Box::new(text.as_bytes()), Position::default(), 1000);
        assert!(reader.next_item().unwrap().is_some());
        assert_eq!(reader.position(), Position::default(), "the second record would be lost");
        assert!(reader.next_item().unwrap().is_some());
        assert_eq!(reader.position(), Position { offset: text.len() as u64, line: 1 });
    }

    #[test]
    fn who_wrote_a_user_message() {
        let kind = |record: &str| {
            let items = read(record);
            let part = &draft(&items[0]).parts[0];
            (part.kind, part.origin)
        };
        assert_eq!(kind(r#"{"type":"user","message":{"content":"fix it"}}"#), (Kind::Text, Origin::Person));
        assert_eq!(
            kind(r#"{"type":"user","message":{"content":"<command-name>/clear</command-name>"}}"#),
            (Kind::Meta, Origin::Client)
        );
        assert_eq!(kind(r#"{"type":"user","isMeta":true,"message":{"content":"x"}}"#), (Kind::Meta, Origin::Client));
        assert_eq!(
            kind(r#"{"type":"user","isCompactSummary":true,"message":{"content":"x"}}"#),
            (Kind::Summary, Origin::Client)
        );
        assert_eq!(
            kind(r#"{"type":"user","isSidechain":true,"message":{"content":"x"}}"#),
            (Kind::Text, Origin::Model)
        );
    }

    #[test]
    fn subagents_are_sessions_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("p/s1/subagents");
        std::fs::create_dir_all(&inner).unwrap();
        let record = br#"{"type":"user","uuid":"1","sessionId":"s1","isSidechain":true,"message":{"content":"look"}}"#;
        crate::disk::write_atomic(&inner.join("agent-7.jsonl"), record).unwrap();
        let (found, _) = Source::ClaudeCode.discover(folder.path()).unwrap();
        let mut reader = Reader::open(&found[0], Position::default(), 1 << 20).unwrap();
        let item = reader.next_item().unwrap().unwrap();
        assert_eq!(draft(&item).session, "s1/agent-7");
        assert_eq!(draft(&item).parent_session.as_deref(), Some("s1"));
        assert_eq!(reader.position(), Position { offset: record.len() as u64, line: 1 });
    }
}
