//! `memory_timeline`: the sessions in order of time.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, define, ids_of, minute, parse, projects_of, quoting, reading, session_label, time_of, within};
use crate::domain::Timestamp;
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::sessions::{SessionEntry, SessionsAnswer};
use crate::memory::Memory;
use crate::store::{SessionFilter, SessionPlace, SessionSummary};

const USAGE: &str = "everything is optional, for example {\"project\": \"current\", \"after\": \"last week\"}";
const MOST: usize = 50;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Not before: date, RFC 3339, "last week", "上周".
    after: Option<String>,
    /// Before: same forms.
    before: Option<String>,
    /// Around the session of this message.
    anchor_id: Option<String>,
    /// Headings in the text. Default day.
    #[schemars(with = "Option<Group>")]
    group: Option<String>,
    /// Sessions, 1-50. Default 10.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
    /// From `next_cursor`.
    cursor: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Group {
    Day,
    Session,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, SessionsAnswer>(
        "memory_timeline",
        "Timeline",
        "Lists sessions in order of time with title, branch and files. Use it for \"what did we do last week\" or what \
         happened around a hit.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let by_day = match arguments.group.as_deref() {
        None | Some("day") => true,
        Some("session") => false,
        Some(other) => return Err(Failure::arguments(format!("group is {other:?}"), "it must be day or session")),
    };
    let limit = within(arguments.limit, 10, 1, MOST, "limit")?;
    let filter = SessionFilter {
        projects: projects_of(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        after: time_of(arguments.after.as_deref(), caller.now, USAGE)?,
        before: time_of(arguments.before.as_deref(), caller.now, USAGE)?,
        ..SessionFilter::default()
    };
    let page = match &arguments.anchor_id {
        Some(anchor) => {
            let id = ids_of(std::slice::from_ref(anchor), USAGE)?;
            let id = id.first().copied().ok_or_else(|| Failure::arguments("anchor_id is empty", USAGE))?;
            around(memory, &filter, memory.place_of(id)?, limit)?
        }
        None => page(memory, &filter, arguments.cursor.as_deref(), limit)?,
    };
    let text = render(&page, by_day);
    quoting(&page, &text)
}

/// One page of a list of sessions.
pub(super) fn page(
    memory: &Memory,
    filter: &SessionFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<SessionsAnswer, Failure> {
    let place =
        match cursor {
            Some(cursor) => Some(place_of(cursor).ok_or_else(|| {
                Failure::arguments("this is no cursor of this list", "repeat the call without a cursor")
            })?),
            None => None,
        };
    let mut sessions = memory.sessions(filter, place, limit + 1)?;
    let more = sessions.len() > limit;
    sessions.truncate(limit);
    let last = sessions.last().filter(|_| more).map(|last| (last.started_at, last.row));
    Ok(SessionsAnswer { next_cursor: last.map(cursor_at), sessions: entries(sessions) })
}

/// The session at a place with those before and after it, newest first.
fn around(
    memory: &Memory,
    filter: &SessionFilter,
    place: SessionPlace,
    limit: usize,
) -> Result<SessionsAnswer, Failure> {
    let later = SessionFilter { oldest_first: true, ..filter.clone() };
    let mut sessions = memory.sessions(&later, Some(place), limit / 2)?;
    sessions.reverse();
    let (at, row) = place;
    let rest = limit - sessions.len();
    sessions.extend(memory.sessions(filter, Some((at, row + 1)), rest)?);
    Ok(SessionsAnswer { sessions: entries(sessions), next_cursor: None })
}

fn entries(sessions: Vec<SessionSummary>) -> Vec<SessionEntry> {
    sessions.into_iter().map(SessionEntry::from).collect()
}

fn cursor_at((at, row): SessionPlace) -> String {
    URL_SAFE_NO_PAD.encode(format!("s{}:{row}", at.milliseconds()))
}

fn place_of(cursor: &str) -> Option<SessionPlace> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (at, row) = text.strip_prefix('s')?.split_once(':')?;
    Some((Timestamp::from_milliseconds(at.parse().ok()?), row.parse().ok()?))
}

pub(super) fn render(found: &SessionsAnswer, by_day: bool) -> String {
    let mut text = String::new();
    let mut day = "";
    for session in &found.sessions {
        if by_day && session.day != day {
            day = &session.day;
            let _ = writeln!(text, "{day}");
        }
        let _ = writeln!(text, "{}", line(session));
    }
    if found.sessions.is_empty() {
        text.push_str("No session.\n");
    }
    if let Some(cursor) = &found.next_cursor {
        let _ = writeln!(text, "next page: cursor {cursor}");
    }
    text
}

/// `- 2026-01-22 05:17 · project · title · 12 messages · branch main · files a, b (+3) · session id`
pub(super) fn line(session: &SessionEntry) -> String {
    let mut line = format!(
        "- {} · {} · {} · {} messages",
        minute(&session.started_at),
        session.project,
        session.title,
        session.messages
    );
    if session.subagents > 0 {
        let _ = write!(line, " + {} subagents", session.subagents);
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
        assert_eq!(place_of(&cursor_at(place)), Some(place));
        assert_eq!(place_of("nonsense"), None);
    }
}
