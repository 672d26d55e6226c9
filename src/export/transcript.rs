//! Writes a session as a transcript that Claude Code can resume. Messages are repeated as they were; tool calls become
//! text in the answers, because ids and signatures of calls are not stored. Every record carries a mark by which
//! imports skip it.

use serde_json::{Value, json};

use crate::domain::directory::claude_code_slug;
use crate::domain::file_name::{is_windows_device, path_component};
use crate::domain::text::shell::quote_for_print;
use crate::domain::{MessageId, PartKind, Role};
use crate::import::claude_code::SOURCE;
use crate::memory::{Error, Memory, Result};
use crate::store::{MessageRecord, MessageState};

/// Name of the field that marks a restored record.
pub const RESTORED_MARK: &str = "claudeMemory";
/// Maximum characters of a tool's output in the transcript.
const MAX_OUTPUT_CHARS: usize = 2_000;

/// A transcript to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredTranscript {
    /// Full id of the session.
    pub session: String,
    /// Working directory of the session.
    pub directory: String,
    /// Records as JSON lines.
    pub text: String,
    /// Number of records.
    pub records: usize,
}

impl RestoredTranscript {
    /// Returns the folder in which Claude Code looks for transcripts of this directory; one component of a path.
    pub fn folder_name(&self) -> String {
        let slug = claude_code_slug(&self.directory);
        if is_windows_device(&slug) { path_component(&slug) } else { slug }
    }

    /// Returns the id by which Claude Code knows the transcript, also its file name: the session's id, unless that is
    /// not a valid file name.
    pub fn resume_id(&self) -> String {
        path_component(&self.session)
    }

    /// Returns the shell command that resumes the session.
    pub fn resume_command(&self) -> String {
        resume_command(&self.directory, &self.resume_id())
    }
}

/// Returns the shell command that resumes a session of Claude Code in its directory.
pub fn resume_command(directory: &str, id: &str) -> String {
    let quoted = quote_for_print(directory);
    // A directory name that begins with `-` must not be read as an option.
    let end = if directory.starts_with('-') { "-- " } else { "" };
    format!("cd {end}{quoted} && claude --resume {}", quote_for_print(id))
}

/// Builds the transcript of a session.
///
/// # Errors
/// If there is no such session of Claude Code, or it has no text.
pub fn build_transcript(memory: &Memory, session: &str) -> Result<RestoredTranscript> {
    let conversation = memory.read_session(session, true)?;
    if conversation.head.source != SOURCE {
        return Err(Error::NotFound {
            message: format!("{session} is not a session of Claude Code"),
            hint: Some("`claude-memory timeline` lists sessions".to_owned()),
        });
    }
    let mut spoken: Vec<MergedTurn> = Vec::new();
    for message in conversation.messages.iter().filter(|message| !message.sidechain) {
        if let MessageState::Here(whole) = memory.snapshot()?.message_state(message.id)? {
            append_message(&mut spoken, *whole);
        }
    }
    let directory = spoken.last().map(|spoken| spoken.first.directory.clone()).unwrap_or_default();
    let (mut text, mut parent) = (String::new(), Value::Null);
    let name = path_component(&conversation.head.session);
    for spoken in &spoken {
        let record = spoken.to_record(&conversation.head.session, &name, &parent);
        parent = record.get("uuid").cloned().unwrap_or_default();
        text.push_str(&record.to_string());
        text.push('\n');
    }
    if spoken.is_empty() || directory.is_empty() {
        return Err(Error::NotFound { message: format!("session {session} has no stored text"), hint: None });
    }
    Ok(RestoredTranscript { session: conversation.head.session.clone(), directory, text, records: spoken.len() })
}

/// Consecutive messages of one side, merged into one record.
struct MergedTurn {
    first: MessageRecord,
    assistant: bool,
    text: String,
}

fn append_message(spoken: &mut Vec<MergedTurn>, message: MessageRecord) {
    let assistant = matches!(message.role, Role::Assistant | Role::Tool);
    let text = spoken_text(&message);
    if text.is_empty() {
        return;
    }
    match spoken.last_mut().filter(|last| last.assistant && assistant) {
        Some(last) => {
            last.text.push_str("\n\n");
            last.text.push_str(&text);
        }
        None => spoken.push(MergedTurn { first: message, assistant, text }),
    }
}

/// Returns the text of a message without client metadata and reasoning.
fn spoken_text(message: &MessageRecord) -> String {
    let parts = message.parts.iter().filter_map(|part| {
        let tool = part.tool.as_deref().unwrap_or("tool");
        match part.kind {
            PartKind::Text | PartKind::Summary | PartKind::Note => Some(part.text.clone()),
            PartKind::ToolUse => Some(format!("[{tool}]\n{}", shorten_output(&part.text))),
            PartKind::ToolResult => Some(format!("[{tool} answered]\n{}", shorten_output(&part.text))),
            PartKind::Thinking | PartKind::Meta | PartKind::Earlier => None,
        }
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

fn shorten_output(text: &str) -> String {
    match text.char_indices().nth(MAX_OUTPUT_CHARS) {
        Some((end, _)) => format!("{}… (shortened)", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

impl MergedTurn {
    /// Builds the JSON record. `name` is the id under which Claude Code finds the session.
    fn to_record(&self, session: &str, name: &str, parent: &Value) -> Value {
        let message = &self.first;
        let uuid = MessageId::for_imported("restored", session, &message.id.to_string()).to_string();
        let (kind, spoken) = if self.assistant {
            let content = json!([{ "type": "text", "text": self.text }]);
            (
                "assistant",
                json!({
                    "id": format!("msg_{}", uuid.replace('-', "")), "type": "message", "role": "assistant",
                    "model": message.model.as_deref().unwrap_or("claude"), "content": content, "stop_reason": "end_turn", "stop_sequence": null,
                    "usage": { "input_tokens": 0, "output_tokens": 0 },
                }),
            )
        } else {
            ("user", json!({ "role": "user", "content": self.text }))
        };
        json!({
            "parentUuid": parent, "isSidechain": false, "userType": "external", "cwd": message.directory, "sessionId": name,
            "version": "2.0.0", "gitBranch": message.git_branch.as_deref().unwrap_or(""), "type": kind, "message": spoken, "uuid": uuid,
            "timestamp": message.at.to_string(), RESTORED_MARK: "restored",
        })
    }
}
