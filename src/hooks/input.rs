//! Input of a hook on stdin; all clients use the form of Claude Code. Fields that are not needed are not read; unknown
//! fields are no error, and a field of an unexpected type counts as absent.

use std::path::PathBuf;

use serde_json::Value;

use crate::domain::json;
use crate::import::Source;

/// Event of a client that runs a hook.
#[derive(Debug, Clone, Default)]
pub struct HookInput {
    /// Id of the session.
    pub session_id: Option<String>,
    /// Path of the session's transcript.
    pub transcript_path: Option<PathBuf>,
    /// Path of the subagent's transcript.
    pub agent_transcript_path: Option<PathBuf>,
    /// Working directory of the session.
    pub cwd: Option<PathBuf>,
    /// Prompt that the person typed.
    pub prompt: Option<String>,
    /// Reason for the start of the session: startup, resume, clear, compact.
    pub source: Option<String>,
    /// Name of the tool that is called, or was.
    pub tool_name: Option<String>,
    /// Path of the file that it is called for.
    pub file: Option<String>,
    /// Error text of the tool.
    pub error: Option<String>,
    /// True if the person interrupted the tool.
    pub is_interrupt: bool,
    /// Id of the subagent that starts.
    pub agent_id: Option<String>,
    /// Source of the transcripts; Claude Code if `None`.
    pub history: Option<Source>,
    /// True if the client waits for the hook and ends after it.
    pub is_awaited: bool,
}

impl HookInput {
    /// Parses an event, damaged or not; `None` if it is not a JSON object.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let (value, _) = json::parse_lenient(bytes).ok()?;
        let fields = value.as_object()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let path = |name: &str| text(name).map(PathBuf::from);
        Some(Self {
            session_id: text("session_id"),
            transcript_path: path("transcript_path"),
            agent_transcript_path: path("agent_transcript_path"),
            cwd: path("cwd"),
            prompt: text("prompt").map(|prompt| strip_hook_context(&prompt).to_owned()),
            source: text("source"),
            tool_name: text("tool_name"),
            file: fields.get("tool_input").and_then(|input| {
                let path = ["file_path", "notebook_path", "path"].into_iter().find_map(|name| input.get(name));
                path.and_then(Value::as_str).map(str::to_owned)
            }),
            error: text("error"),
            is_interrupt: fields.get("is_interrupt").and_then(Value::as_bool).unwrap_or(false),
            agent_id: text("agent_id"),
            history: None,
            is_awaited: false,
        })
    }
}

/// Returns the typed part of a prompt: Gemini CLI puts the output of session start hooks before the first prompt.
fn strip_hook_context(prompt: &str) -> &str {
    // The output of hooks has no angle brackets: Gemini CLI writes them as entities.
    let context = prompt.strip_prefix("<hook_context>").and_then(|rest| rest.split_once("</hook_context>"));
    context.map_or(prompt, |(_, rest)| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_no_error_and_nonsense_is_nothing() {
        let input =
            HookInput::from_json(br#"{"session_id":"s","cwd":"/x","prompt":"hi","effort":{"level":1}}"#).unwrap();
        assert_eq!((input.session_id.as_deref(), input.prompt.as_deref()), (Some("s"), Some("hi")));
        assert!(HookInput::from_json(b"\xff").is_none() && HookInput::from_json(b"[1]").is_none());
    }

    #[test]
    fn a_prompt_is_what_was_typed() {
        let event = br#"{"session_id":"s","prompt":"<hook_context>port 1 &lt;b&gt;</hook_context>\n\nwhich port?"}"#;
        assert_eq!(HookInput::from_json(event).unwrap().prompt.as_deref(), Some("which port?"));
    }

    #[test]
    fn a_damaged_event_is_read() {
        for (bytes, prompt) in [
            (&b"\xef\xbb\xbf{\"session_id\":\"s\",\"prompt\":\"hi\"}\r\n"[..], "hi"),
            (br#"{"session_id":"s","prompt":"fix \ud83d it"}"#, "fix \u{fffd} it"),
            (b"{\"session_id\":\"s\",\"prompt\":\"fix \xff it\"}", "fix \u{fffd} it"),
            (br#"{"session_id":"s","prompt":"hi","cost":NaN,"source":7,"cwd":null}"#, "hi"),
            (b"\0\0{\"session_id\":\"s\",\"prompt\":\"hi\"}\0", "hi"),
        ] {
            let input = HookInput::from_json(bytes).unwrap();
            assert_eq!((input.session_id.as_deref(), input.prompt.as_deref()), (Some("s"), Some(prompt)));
        }
    }
}
