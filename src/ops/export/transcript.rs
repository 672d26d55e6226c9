//! A session of Claude Code as a transcript that it can resume. What was said is said again; what tools did stands as text in the answers, because
//! ids and signatures of calls were never kept. Every record carries a mark by which imports pass it over.

use serde_json::{Value, json};

use crate::domain::directory::claude_code_slug;
use crate::domain::file_name::{is_windows_device, path_component};
use crate::domain::text::shell::quoted_for_print;
use crate::domain::{Kind, MessageId, Role};
use crate::import::claude_code::SOURCE;
use crate::memory::{Error, Memory, Result};
use crate::store::{Standing, WholeMessage};

/// The field of the mark.
pub const MARK: &str = "claudeMemory";
/// Characters of what a tool said that are told again.
const MOST_OUTPUT: usize = 2_000;

/// A transcript to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The whole id of the session.
    pub session: String,
    /// Where it took place.
    pub directory: String,
    /// Lines of JSON.
    pub text: String,
    /// Records.
    pub records: usize,
}

impl Restored {
    /// Returns the folder in which Claude Code looks for transcripts of this directory; one component of a path.
    pub fn folder(&self) -> String {
        let slug = claude_code_slug(&self.directory);
        if is_windows_device(&slug) { path_component(&slug) } else { slug }
    }

    /// Returns the id by which Claude Code knows the transcript, which is also the name of its file: that of the session, unless it
    /// cannot be a file's name.
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
    let quoted = quoted_for_print(directory);
    // A name that begins with `-` is no option.
    let end = if directory.starts_with('-') { "-- " } else { "" };
    format!("cd {end}{quoted} && claude --resume {}", quoted_for_print(id))
}

/// Makes the transcript of a session.
///
/// # Errors
/// When there is no such session of Claude Code, or nothing was said in it.
pub fn restore(memory: &Memory, session: &str) -> Result<Restored> {
    let conversation = memory.conversation(session, true)?;
    if conversation.head.source != SOURCE {
        return Err(Error::NotFound {
            message: format!("{session} is no session of Claude Code"),
            hint: Some("`claude-memory timeline` lists sessions".to_owned()),
        });
    }
    let mut spoken: Vec<Spoken> = Vec::new();
    for message in conversation.messages.iter().filter(|message| !message.sidechain) {
        if let Standing::Here(whole) = memory.standing(message.id)? {
            add(&mut spoken, *whole);
        }
    }
    let directory = spoken.last().map(|spoken| spoken.first.directory.clone()).unwrap_or_default();
    let (mut text, mut parent) = (String::new(), Value::Null);
    let name = path_component(&conversation.head.session);
    for spoken in &spoken {
        let record = spoken.record(&conversation.head.session, &name, &parent);
        parent = record.get("uuid").cloned().unwrap_or_default();
        text.push_str(&record.to_string());
        text.push('\n');
    }
    if spoken.is_empty() || directory.is_empty() {
        return Err(Error::NotFound { message: format!("nothing is kept that was said in {session}"), hint: None });
    }
    Ok(Restored { session: conversation.head.session.clone(), directory, text, records: spoken.len() })
}

/// What one side said until the other one spoke.
struct Spoken {
    first: WholeMessage,
    assistant: bool,
    text: String,
}

fn add(spoken: &mut Vec<Spoken>, message: WholeMessage) {
    let assistant = matches!(message.role, Role::Assistant | Role::Tool);
    let text = said(&message);
    if text.is_empty() {
        return;
    }
    match spoken.last_mut().filter(|last| last.assistant && assistant) {
        Some(last) => {
            last.text.push_str("\n\n");
            last.text.push_str(&text);
        }
        None => spoken.push(Spoken { first: message, assistant, text }),
    }
}

/// The text of a message; what the client put there and what was thought is left out.
fn said(message: &WholeMessage) -> String {
    let parts = message.parts.iter().filter_map(|part| {
        let tool = part.tool.as_deref().unwrap_or("tool");
        match part.kind {
            Kind::Text | Kind::Summary | Kind::Note => Some(part.text.clone()),
            Kind::ToolUse => Some(format!("[{tool}]\n{}", short(&part.text))),
            Kind::ToolResult => Some(format!("[{tool} answered]\n{}", short(&part.text))),
            Kind::Thinking | Kind::Meta | Kind::Earlier => None,
        }
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MOST_OUTPUT) {
        Some((end, _)) => format!("{}… (shortened)", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

impl Spoken {
    /// `name` is the id under which Claude Code finds the session.
    fn record(&self, session: &str, name: &str, parent: &Value) -> Value {
        let message = &self.first;
        let uuid = MessageId::imported("restored", session, &message.id.to_string()).to_string();
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
            "timestamp": message.at.to_string(), MARK: "restored",
        })
    }
}
