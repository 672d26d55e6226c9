//! What Claude Code tells a hook on stdin. Fields that are not needed are not read; unknown ones are no error, and a field of an
//! unexpected type counts as absent.

use std::path::PathBuf;

use serde_json::Value;

use crate::domain::json;

/// One event.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The session.
    pub session_id: Option<String>,
    /// Where its transcript is written.
    pub transcript_path: Option<PathBuf>,
    /// Where the subagent's transcript is written.
    pub agent_transcript_path: Option<PathBuf>,
    /// Its working directory.
    pub cwd: Option<PathBuf>,
    /// What was typed.
    pub prompt: Option<String>,
    /// How the session started: startup, resume, clear, compact.
    pub source: Option<String>,
}

impl Input {
    /// Reads an event, damaged or not; `None` when it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (value, _) = json::parse(bytes).ok()?;
        let fields = value.as_object()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let path = |name: &str| text(name).map(PathBuf::from);
        Some(Self {
            session_id: text("session_id"),
            transcript_path: path("transcript_path"),
            agent_transcript_path: path("agent_transcript_path"),
            cwd: path("cwd"),
            prompt: text("prompt"),
            source: text("source"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_no_error_and_nonsense_is_nothing() {
        let input = Input::parse(br#"{"session_id":"s","cwd":"/x","prompt":"hi","effort":{"level":1}}"#).unwrap();
        assert_eq!((input.session_id.as_deref(), input.prompt.as_deref()), (Some("s"), Some("hi")));
        assert!(Input::parse(b"\xff").is_none() && Input::parse(b"[1]").is_none());
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
            let input = Input::parse(bytes).unwrap();
            assert_eq!((input.session_id.as_deref(), input.prompt.as_deref()), (Some("s"), Some(prompt)));
        }
    }
}
