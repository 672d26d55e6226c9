//! Layout of a list of sessions: a heading a day, a line a session. Owns the columns; the sessions come from a tool's
//! answer or from the memory.

use jiff::civil::Date;
use serde_json::Value;

use crate::cli::calendar::Calendar;
use crate::cli::invocation::Invocation;
use crate::cli::last_results::{self, NumberedResult};
use crate::cli::layout::{display_width, fit_text, pad_text};
use crate::cli::palette::Tone;
use crate::domain::Timestamp;
use crate::domain::text::counts::format_count;
use crate::domain::text::outgoing::SafeText;
use crate::store::SessionSummary;

/// Most characters of a project's name.
const MAX_PROJECT_CHARS: usize = 120;
/// Most characters of a title.
const MAX_TITLE_CHARS: usize = 200;
/// Widest column of projects.
const MAX_PROJECT_COLUMNS: usize = 20;
/// Columns before the project: number, time and spaces.
const TIME_COLUMNS: usize = 12;

/// Columns below which a line has no counts.
const NARROW_COLUMNS: usize = 76;

/// One session of a list.
pub(super) struct ListedSession {
    session: String,
    started_at: Timestamp,
    project: SafeText,
    title: SafeText,
    messages: u64,
    files: u64,
}

impl ListedSession {
    /// Reads a session of a tool's answer.
    pub(super) fn from_value(value: &Value) -> Self {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        Self {
            session: text("session_id").to_owned(),
            started_at: Timestamp::parse_rfc3339(text("started_at")).unwrap_or_default(),
            project: SafeText::single_line(text("project"), MAX_PROJECT_CHARS),
            title: SafeText::single_line(text("title"), MAX_TITLE_CHARS),
            messages: number("messages"),
            files: number("files_total"),
        }
    }
}

/// Widths of the columns that depend on the sessions.
struct ListLayout {
    project: usize,
    details: usize,
}

impl ListedSession {
    /// Describes the size of the session, as far as there is room, and its id.
    fn describe(&self, columns: usize) -> String {
        let id: String = self.session.chars().take(8).collect();
        let id = SafeText::single_line(&id, 8);
        let messages = format_count(self.messages, "message");
        match self.files {
            _ if columns < NARROW_COLUMNS => id.to_string(),
            0 => format!("{id}  {messages}"),
            files => format!("{id}  {messages}, {}", format_count(files, "file")),
        }
    }
}

impl From<SessionSummary> for ListedSession {
    fn from(session: SessionSummary) -> Self {
        Self {
            session: session.session,
            started_at: session.started_at,
            project: SafeText::single_line(&session.project, MAX_PROJECT_CHARS),
            title: SafeText::single_line(&session.title, MAX_TITLE_CHARS),
            messages: session.messages,
            files: session.files_total,
        }
    }
}

/// Prints sessions by day, newest day first, and saves their numbers.
pub(super) fn print_sessions(sessions: &[ListedSession], calendar: &Calendar, session: &Invocation) {
    let mut numbered = Vec::new();
    let widest = sessions.iter().map(|one| display_width(&one.project)).max().unwrap_or(0);
    let details: Vec<String> = sessions.iter().map(|one| one.describe(session.output.columns())).collect();
    let layout = ListLayout {
        project: widest.min(MAX_PROJECT_COLUMNS),
        details: details.iter().map(|text| display_width(text)).max().unwrap_or(0),
    };
    let mut rest = sessions;
    while let Some(first) = rest.first() {
        let day = calendar.date_of(first.started_at);
        let count = rest.iter().take_while(|one| calendar.date_of(one.started_at) == day).count();
        let (today, later) = rest.split_at(count);
        if !numbered.is_empty() {
            session.output.print_line("");
        }
        print_day(day, today, calendar, session);
        // Within a day as it went.
        for one in today.iter().rev() {
            numbered.push(NumberedResult { message: None, session: one.session.clone() });
            print_session(numbered.len(), one, &layout, calendar, session);
        }
        rest = later;
    }
    if let Ok(paths) = session.resolve_paths() {
        last_results::save_results(&paths, &numbered);
    }
}

fn print_day(day: Date, sessions: &[ListedSession], calendar: &Calendar, session: &Invocation) {
    let palette = session.output.palette();
    let messages = sessions.iter().map(|one| one.messages).sum();
    let about = format!("  {}, {}", format_count(sessions.len() as u64, "session"), format_count(messages, "message"));
    let named = palette.paint(Tone::Title, &calendar.name_day(day));
    session.output.print_line(&format!("{named}{}", palette.paint(Tone::Meta, &about)));
}

fn print_session(number: usize, one: &ListedSession, layout: &ListLayout, calendar: &Calendar, session: &Invocation) {
    let (palette, columns) = (session.output.palette(), layout.project);
    let about = format!("  {}", pad_text(&one.describe(session.output.columns()), layout.details));
    let project = fit_text(&one.project, columns);
    let room = session.output.columns().saturating_sub(TIME_COLUMNS + columns + 4 + display_width(&about));
    let title = fit_text(&one.title, room.max(16));
    session.output.print_line(&format!(
        "{number:>3}  {}  {} {}  {}{}",
        palette.paint(Tone::Meta, &calendar.format_clock(one.started_at)),
        palette.paint_project(&one.project),
        pad_text(&project, columns),
        pad_text(&title, room.max(16)),
        palette.paint(Tone::Meta, about.trim_end())
    ));
}
