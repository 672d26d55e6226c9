//! Output of the command line: data to stdout, messages to stderr. No other code of the CLI writes to either.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

/// Output options of this process. A reader that closes the pipe (`| head`) is not an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct CliOutput {
    json: bool,
    quiet: bool,
}

impl CliOutput {
    pub(super) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// Returns true if a progress bar is visible: stderr is a terminal and `--quiet` is not set.
    pub(super) fn shows_progress(self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Prints one line of data to stdout.
    pub(super) fn print_line(self, text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Prints data as JSON to stdout, indented on a terminal.
    pub(super) fn print_json(self, value: &impl Serialize) {
        let text = if std::io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        // Our wire types have string keys only, so this cannot fail.
        self.print_line(&text.unwrap_or_default());
    }

    /// Prints a message to stderr unless `--quiet` is set.
    pub(super) fn print_message(self, text: &str) {
        if !self.quiet {
            self.print_error(text);
        }
    }

    /// Prints a message to stderr, even with `--quiet`.
    pub(super) fn print_error(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}
