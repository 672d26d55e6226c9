//! What Claude Code tells a hook on stdin. Fields that are not needed are not read; unknown ones are no error.

use std::path::PathBuf;

use serde::Deserialize;

/// One event.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
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
    /// Reads an event; `None` when it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
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
}
