//! `memory_timeline`: lists sessions in order of time.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    ToolOutcome, build_quoting_reply, build_tool, check_range, format_minute, parse_arguments, parse_time,
    read_only_annotations, resolve_ids, resolve_project_rows, session_label,
};
use crate::domain::names::{choose_value, names};
use crate::domain::text::counts::format_count;
use crate::domain::{Failure, Timestamp};
use crate::mcp::caller::Caller;
use crate::mcp::schema::NameOf;
use crate::mcp::wire::sessions::{SessionEntry, SessionsAnswer};
use crate::memory::Memory;
use crate::store::{SessionCursor, SessionFilter, SessionSummary};

const USAGE: &str = "everything is optional, for example {\"project\": \"current\", \"after\": \"last week\"}";
const MAX_SESSIONS: usize = 50;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TimelineToolInput {
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Not before: date, RFC 3339, "last week", "上周".
    after: Option<String>,
    /// Before: same forms.
    before: Option<String>,
    /// Around the session of this message.
    anchor_id: Option<String>,
    /// Headings in the text. Default day.
    #[schemars(with = "Option<NameOf<SessionGrouping>>")]
    group: Option<String>,
    /// Sessions, 1-50. Default 10.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
    /// From `next_cursor`.
    cursor: Option<String>,
}

/// Headings in a list of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionGrouping {
    Day,
    Session,
}

names!(SessionGrouping { Day: "day"; Session: "session"; });

pub(super) fn define_tool() -> Tool {
    build_tool::<TimelineToolInput, SessionsAnswer>(
        "memory_timeline",
        "Timeline",
        "Lists sessions in order of time with title, branch and files. Use it for \"what did we do last week\" or what \
         happened around a hit.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: TimelineToolInput = parse_arguments(arguments, USAGE)?;
    let group = choose_value("group", arguments.group.as_deref().unwrap_or("day"), &SessionGrouping::ALL)?;
    let limit = check_range(arguments.limit, 10, 1, MAX_SESSIONS, "limit")?;
    let filter = SessionFilter {
        projects: resolve_project_rows(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        after: parse_time(arguments.after.as_deref(), caller.now, USAGE)?,
        before: parse_time(arguments.before.as_deref(), caller.now, USAGE)?,
        ..SessionFilter::default()
    };
    let page = match &arguments.anchor_id {
        Some(anchor) => {
            let id = resolve_ids(memory, std::slice::from_ref(anchor), USAGE)?;
            let id = id.first().copied().ok_or_else(|| Failure::invalid_arguments("anchor_id is empty", USAGE))?;
            read_around(memory, &filter, memory.session_cursor(id)?, limit)?
        }
        None => read_page(memory, &filter, arguments.cursor.as_deref(), limit)?,
    };
    let text = render_sessions(&page, group == SessionGrouping::Day);
    build_quoting_reply(&page, &text)
}

/// Reads one page of sessions, newest first.
pub(super) fn read_page(
    memory: &Memory,
    filter: &SessionFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<SessionsAnswer, Failure> {
    let place = match cursor {
        Some(cursor) => Some(decode_cursor(cursor).ok_or_else(|| {
            Failure::invalid_arguments("this is no cursor of this list", "repeat the call without a cursor")
        })?),
        None => None,
    };
    let mut sessions = memory.list_sessions(filter, place, limit + 1)?;
    let more = sessions.len() > limit;
    sessions.truncate(limit);
    let last = sessions.last().filter(|_| more).map(|last| (last.started_at, last.row));
    Ok(SessionsAnswer { next_cursor: last.map(encode_cursor), sessions: session_entries(sessions) })
}

/// Reads the sessions around a position, newest first; at most half of them are later.
fn read_around(
    memory: &Memory,
    filter: &SessionFilter,
    place: SessionCursor,
    limit: usize,
) -> Result<SessionsAnswer, Failure> {
    let later = SessionFilter { oldest_first: true, ..filter.clone() };
    let mut sessions = memory.list_sessions(&later, Some(place), limit / 2)?;
    sessions.reverse();
    let (at, row) = place;
    let rest = limit - sessions.len();
    sessions.extend(memory.list_sessions(filter, Some((at, row + 1)), rest)?);
    Ok(SessionsAnswer { sessions: session_entries(sessions), next_cursor: None })
}

fn session_entries(sessions: Vec<SessionSummary>) -> Vec<SessionEntry> {
    sessions.into_iter().map(SessionEntry::from).collect()
}

fn encode_cursor((at, row): SessionCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("s{}:{row}", at.to_milliseconds()))
}

fn decode_cursor(cursor: &str) -> Option<SessionCursor> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (at, row) = text.strip_prefix('s')?.split_once(':')?;
    Some((Timestamp::from_milliseconds(at.parse().ok()?), row.parse().ok()?))
}

pub(super) fn render_sessions(found: &SessionsAnswer, by_day: bool) -> String {
    let mut text = String::new();
    let mut day = "";
    for session in &found.sessions {
        if by_day && session.day != day {
            day = &session.day;
            let _ = writeln!(text, "{day}");
        }
        let _ = writeln!(text, "{}", format_session(session));
    }
    if found.sessions.is_empty() {
        text.push_str("No session.\n");
    }
    if let Some(cursor) = &found.next_cursor {
        let _ = writeln!(text, "next page: cursor {cursor}");
    }
    text
}

/// Formats a session as one line:
/// `- 2026-01-22 05:17 · project · “title” · 12 messages · branch main · files a, b (+3) · session id`
pub(super) fn format_session(session: &SessionEntry) -> String {
    let mut line = format!(
        "- {} · {} · “{}” · {}",
        format_minute(&session.started_at),
        session.project,
        session.title,
        format_count(session.messages, "message")
    );
    if session.subagents > 0 {
        let _ = write!(line, " + {}", format_count(session.subagents, "subagent"));
    }
    if let Some(branch) = session.git_branch.as_deref().filter(|branch| !branch.is_empty()) {
        let _ = write!(line, " · branch {branch}");
    }
    if !session.files.is_empty() {
        let names: Vec<&str> = session.files.iter().map(|file| file.rsplit('/').next().unwrap_or(file)).collect();
        let more = session.files_total.saturating_sub(names.len() as u64);
        let more = if more > 0 { format!(" (+{more})") } else { String::new() };
        let _ = write!(line, " · files {}{more}", names.join(", "));
    }
    let _ = write!(line, " · session {}", session_label(&session.session_id));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_places() {
        let place = (Timestamp::from_milliseconds(1_700_000_000_123), 42);
        assert_eq!(decode_cursor(&encode_cursor(place)), Some(place));
        assert_eq!(decode_cursor("nonsense"), None);
    }
}
