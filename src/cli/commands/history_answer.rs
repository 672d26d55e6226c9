//! Layout of the answers of `blame`, `fix` and `handoff`, from the data of their tools.

use serde_json::Value;

use super::session_list::{ListedSession, print_sessions};
use crate::cli::calendar::Calendar;
use crate::cli::invocation::Invocation;
use crate::cli::last_results::{self, NumberedResult};
use crate::cli::layout::wrap_text;
use crate::cli::palette::Tone;
use crate::cli::speaker::Speaker;
use crate::cli::turn::print_turns;
use crate::domain::Timestamp;
use crate::domain::text::counts::format_count;
use crate::domain::text::outgoing::SafeText;

/// Columns of the number before a block.
const NUMBER_COLUMNS: usize = 3;

/// Printer of the answers of one run.
pub(super) struct HistoryPrinter<'a> {
    session: &'a Invocation,
    calendar: Calendar,
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list_of<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn time_of(value: &Value, name: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text_of(value, name)).unwrap_or_default()
}

/// Most characters of a title, a project, a branch or a list of files.
const MAX_LINE_CHARS: usize = 400;

/// Returns the beginning of an id, which a transcript may have chosen.
fn shorten_id(id: &str) -> String {
    let start: String = id.chars().take(8).collect();
    SafeText::single_line(&start, 8).to_string()
}

/// Returns a text in one line, safe for a terminal.
fn line_of(value: &Value, name: &str) -> SafeText {
    SafeText::single_line(text_of(value, name), MAX_LINE_CHARS)
}

/// Returns the speaker and the text of an excerpt.
fn read_turn(excerpt: &Value) -> (Speaker, String) {
    let said_by = excerpt.get("said_by").and_then(Value::as_str);
    (
        Speaker::of_trust(text_of(excerpt, "trust"), "", said_by),
        SafeText::multi_line(text_of(excerpt, "text")).to_string(),
    )
}

impl<'a> HistoryPrinter<'a> {
    pub(super) fn new(session: &'a Invocation) -> Self {
        Self { session, calendar: Calendar::at(session.now) }
    }

    fn print_line(&self, tone: Tone, text: &str) {
        self.session.output.print_line(&self.session.output.palette().paint(tone, text));
    }

    /// Prints the project with details of one block.
    fn print_about(&self, number: Option<usize>, project: &str, about: &[String]) {
        let palette = self.session.output.palette();
        let number = number.map(|number| number.to_string()).unwrap_or_default();
        self.session.output.print_line(&format!(
            "{number:<NUMBER_COLUMNS$}{} {project}  {}",
            palette.paint_project(project),
            palette.paint(Tone::Meta, &about.join(" · "))
        ));
    }

    fn print_title(&self, number: usize, title: &str) {
        let palette = self.session.output.palette();
        for (at, line) in wrap_text(title, self.session.output.columns() - NUMBER_COLUMNS).iter().take(2).enumerate() {
            let number = if at == 0 { number.to_string() } else { String::new() };
            self.session.output.print_line(&format!("{number:<NUMBER_COLUMNS$}{}", palette.paint(Tone::Title, line)));
        }
    }

    fn print_indented(&self, tone: Tone, text: &str) {
        let palette = self.session.output.palette();
        for line in wrap_text(text, self.session.output.columns() - NUMBER_COLUMNS) {
            self.session.output.print_line(&format!("{:NUMBER_COLUMNS$}{}", "", palette.paint(tone, &line)));
        }
    }

    fn save_numbers(&self, numbered: &[NumberedResult]) {
        if let Ok(paths) = self.session.resolve_paths() {
            last_results::save_results(&paths, numbered);
        }
    }

    /// Prints earlier occurrences of an error; returns false if there are none.
    pub(super) fn print_fixes(&self, found: &Value) -> bool {
        let fixes = list_of(found, "fixes");
        let newest = fixes.iter().filter_map(|fix| fix.get("error").map(|error| time_of(error, "ts"))).max();
        let Some(newest) = newest else {
            self.session.output.print_line("This error was not met before.");
            return false;
        };
        let count = format_count(fixes.len() as u64, "time");
        let head = if fixes.len() == 1 { "Met once".to_owned() } else { format!("Met {count}") };
        self.print_line(Tone::Title, &format!("{head}, last {}", self.calendar.format_dated(newest)));
        let mut numbered = Vec::new();
        for (at, fix) in fixes.iter().enumerate() {
            let error = fix.get("error").unwrap_or(&Value::Null);
            let session_id = text_of(fix, "session_id");
            self.session.output.print_line("");
            self.print_about(
                Some(at + 1),
                &line_of(fix, "project"),
                &[self.calendar.format_dated(time_of(error, "ts")), format!("session {}", shorten_id(session_id))],
            );
            print_turns(&[read_turn(error)], NUMBER_COLUMNS, self.session.output);
            match fix.get("conclusion") {
                Some(conclusion) => {
                    let is_lasting = fix.get("came_back") != Some(&Value::Bool(true));
                    let (tone, words) = if is_lasting {
                        (Tone::Good, "✓ how it ended")
                    } else {
                        (Tone::Weak, "✗ what was tried; it came back later in that session")
                    };
                    self.print_indented(tone, words);
                    print_turns(&[read_turn(conclusion)], NUMBER_COLUMNS, self.session.output);
                }
                None => self.print_indented(Tone::Meta, "nothing was said after it"),
            }
            let files: Vec<&str> = list_of(fix, "files").iter().filter_map(Value::as_str).collect();
            if !files.is_empty() {
                let files = SafeText::single_line(&files.join(", "), MAX_LINE_CHARS);
                self.print_indented(Tone::Meta, &format!("changed {files}"));
            }
            let id = text_of(error, "id").to_owned();
            numbered.push(NumberedResult { message: Some(id), session: session_id.to_owned() });
        }
        self.save_numbers(&numbered);
        true
    }

    /// Prints the edits of a file and the sessions that named it; returns false if there are none.
    pub(super) fn print_edits(&self, found: &Value) -> bool {
        let (edits, readers) = (list_of(found, "edits"), list_of(found, "readers"));
        if edits.is_empty() && readers.is_empty() {
            self.session.output.print_line("No session named this file.");
            return false;
        }
        let mut numbered = Vec::new();
        for (at, edit) in edits.iter().enumerate() {
            if at > 0 {
                self.session.output.print_line("");
            }
            let (session_id, branch) = (text_of(edit, "session_id"), line_of(edit, "git_branch"));
            self.print_title(at + 1, &line_of(edit, "title"));
            let changes = list_of(edit, "edits");
            let mut about =
                vec![self.calendar.format_dated(time_of(edit, "ts")), format_count(changes.len() as u64, "edit")];
            about.extend(Some(format!("branch {branch}")).filter(|_| !branch.is_empty()));
            about.push(format!("session {}", shorten_id(session_id)));
            self.print_about(None, &line_of(edit, "project"), &about);
            let turns = ["request", "explanation"].iter().filter_map(|name| edit.get(name)).map(read_turn);
            print_turns(&turns.collect::<Vec<_>>(), NUMBER_COLUMNS, self.session.output);
            let message = changes.first().and_then(Value::as_str).map(str::to_owned);
            numbered.push(NumberedResult { message, session: session_id.to_owned() });
        }
        if readers.is_empty() {
            self.save_numbers(&numbered);
            return true;
        }
        if !edits.is_empty() {
            self.session.output.print_line("");
        }
        self.print_line(Tone::Title, "Named without being changed");
        let sessions: Vec<ListedSession> = readers.iter().map(ListedSession::from_value).collect();
        print_sessions(&sessions, &self.calendar, self.session);
        if !edits.is_empty() {
            self.save_numbers(&numbered);
        }
        true
    }

    /// Prints what a session was asked, left open and ended with.
    pub(super) fn print_handoff(&self, found: &Value) -> bool {
        let (palette, output) = (self.session.output.palette(), self.session.output);
        let head = found.get("session").unwrap_or(&Value::Null);
        let session_id = text_of(head, "session_id");
        self.print_title(1, &line_of(head, "title"));
        let messages = head.get("messages").and_then(Value::as_u64).unwrap_or_default();
        self.print_about(
            None,
            &line_of(head, "project"),
            &[
                self.calendar.format_dated(time_of(head, "ended_at")),
                format_count(messages, "message"),
                format!("session {}", shorten_id(session_id)),
            ],
        );
        if let Some(summary) = found.get("summary") {
            self.print_indented(Tone::Title, "Summary by the client");
            self.print_indented(Tone::Meta, &SafeText::multi_line(text_of(summary, "text")));
        }
        let left_out = found.get("left_out").and_then(Value::as_u64).unwrap_or_default();
        for (at, request) in list_of(found, "requests").iter().enumerate() {
            if at == 1 && left_out > 0 {
                self.print_indented(Tone::Meta, &format!("… {} in between", format_count(left_out, "request")));
            }
            print_turns(&[read_turn(request)], NUMBER_COLUMNS, output);
        }
        for step in list_of(found, "open") {
            let mark = if text_of(step, "status") == "in_progress" { "◐" } else { "○" };
            let mark = palette.paint(Tone::Accent, mark);
            output.print_line(&format!("{:NUMBER_COLUMNS$}{mark} {}", "", line_of(step, "content")));
        }
        let last: Vec<(Speaker, String)> = list_of(found, "last").iter().map(read_turn).collect();
        print_turns(&last, NUMBER_COLUMNS, output);
        self.save_numbers(&[NumberedResult { message: None, session: session_id.to_owned() }]);
        true
    }
}
