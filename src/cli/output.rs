//! stdout is data, stderr is talk. The only place of the command line that writes to either.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

/// How this process speaks. A reader that goes away (`| head`) is a signal to be quiet, not an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(super) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// Whether a progress bar would be seen.
    pub(super) fn shows_progress(self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// One line of data for people.
    pub(super) fn line(self, text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Data as JSON, indented when a person looks at it.
    pub(super) fn json(self, value: &impl Serialize) {
        let text = if std::io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        // Our wire types have string keys only, so this cannot fail.
        self.line(&text.unwrap_or_default());
    }

    /// Talk.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// What must be seen even when quiet.
    pub(super) fn error(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}
