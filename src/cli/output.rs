//! Output of the command line: data to stdout, messages to stderr. No other code of the CLI writes to either.

use std::io::{IsTerminal as _, Write as _};

use console::Term;
use serde::Serialize;

use super::palette::Palette;

/// Columns of a line where no terminal says how many it has.
const DEFAULT_COLUMNS: usize = 80;
/// Most columns of running text: longer lines are hard to read.
const MAX_COLUMNS: usize = 110;

/// Output options of this process. A reader that closes the pipe (`| head`) is not an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct CliOutput {
    json: bool,
    quiet: bool,
    palette: Palette,
    error_palette: Palette,
}

impl CliOutput {
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, palette: Palette::for_stdout(), error_palette: Palette::for_stderr() }
    }

    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// Returns true if a progress bar is visible: stderr is a terminal and `--quiet` is not set.
    pub(super) fn shows_progress(self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Returns true if data goes to a terminal.
    pub(super) fn is_terminal(self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Returns the colours of data.
    pub(super) const fn palette(self) -> Palette {
        self.palette
    }

    /// Returns the colours of messages.
    pub(super) const fn error_palette(self) -> Palette {
        self.error_palette
    }

    /// Returns the columns of a line of data: those of the terminal, within bounds; 80 if none is known.
    pub(super) fn columns(self) -> usize {
        let known = if self.is_terminal() { Term::stdout().size_checked() } else { None };
        known.map_or(DEFAULT_COLUMNS, |(_, columns)| usize::from(columns)).clamp(40, MAX_COLUMNS)
    }

    /// Prints one line of data to stdout.
    pub(super) fn print_line(self, text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Prints data as JSON to stdout, indented on a terminal.
    pub(super) fn print_json(self, value: &impl Serialize) {
        let text = if self.is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
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
