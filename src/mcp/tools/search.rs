//! `memory_search`: finds earlier messages by meaning and by word.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;
use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Handle;

use super::{Outcome, define, minute, parse, quote, quoting, reading};
use crate::domain::{ContentHash, Detail, Filter, Kind, Mode, Query, Role, Timestamp, moment};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::SearchAnswer;
use crate::memory::Memory;
use crate::sync::Scope;

const USAGE: &str = "only `query` is needed, for example {\"query\": \"why did we switch to sqlite\"}";
/// No answer is larger than this, whatever is asked.
const MOST_TOKENS: usize = 20_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to look for, in your own words; a list must all match.
    query: OneOrMany,
    /// Hits, 1-50. Default 5.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Not before: date, RFC 3339, "last week", "上周".
    after: Option<String>,
    /// Before: same forms.
    before: Option<String>,
    /// Default hybrid; exact is for literal text.
    #[schemars(with = "Option<ModeName>")]
    mode: Option<String>,
    /// text, thinking, `tool_use`, `tool_result`, summary, meta, note.
    kinds: Option<Vec<String>>,
    /// user, assistant, tool, system.
    roles: Option<Vec<String>>,
    /// claude-code, codex, saved, ….
    sources: Option<Vec<String>>,
    /// Only this session.
    session_id: Option<String>,
    /// Only sessions that touched this file.
    file: Option<String>,
    /// Only this branch.
    git_branch: Option<String>,
    /// Default snippet.
    #[schemars(with = "Option<DetailName>")]
    detail: Option<String>,
    /// Budget of the answer. Default 1200.
    max_tokens: Option<usize>,
    /// Say how scores came about.
    explain: Option<bool>,
    /// From `next_cursor`.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ModeName {
    Hybrid,
    Semantic,
    Keyword,
    Exact,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum DetailName {
    Index,
    Snippet,
    Full,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, SearchAnswer>(
        "memory_search",
        "Search memory",
        "Finds messages of earlier sessions, by meaning and by word, in English and Chinese. Use it when the user refers to \
         earlier work, before repeating an investigation, and when an error or a file looks familiar. Returns snippets; read \
         around one with memory_get.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let mut arguments: Arguments = parse(arguments, USAGE)?;
    let directory = caller.directory.as_deref();
    // Production knows its projects by itself.
    let project = caller.remote.as_ref().map(|_| arguments.project.take().unwrap_or_else(|| "all".to_owned()));
    let query = arguments.into_query(memory, directory, caller.now)?;
    let found = match (&caller.remote, &project) {
        (Some(remote), Some(project)) => {
            let asked = remote.search(memory, &query, Scope { project, directory }, caller.now);
            Handle::current().block_on(asked)?
        }
        _ => memory.search(&query, caller.now)?,
    };
    let next = found.next.map(|offset| cursor_at(&query, offset));
    let mut found = SearchAnswer::new(found, next);
    let here = memory.project_names_of(&query.here)?;
    for hit in found.results.iter_mut().filter(|hit| !here.is_empty() && !here.contains(&hit.project)) {
        hit.other_project = true;
    }
    let text = render(&found);
    quoting(&found, &text)
}

impl Arguments {
    fn into_query(
        self,
        memory: &Memory,
        directory: Option<&std::path::Path>,
        now: Timestamp,
    ) -> Result<Query, Failure> {
        let zone = TimeZone::system();
        let bound = |text: Option<String>| match text {
            Some(text) => moment::parse(&text, now, &zone).map(Some).map_err(|why| Failure::arguments(why, USAGE)),
            None => Ok(None),
        };
        let settings = &memory.settings().search;
        let projects = match self.project.as_deref() {
            Some(wanted) => memory.resolve_projects(wanted, directory)?,
            None => None,
        };
        let mode = self.mode.as_deref().unwrap_or(&settings.mode);
        let mut query = Query {
            texts: match self.query {
                OneOrMany::One(text) => vec![text],
                OneOrMany::Many(texts) => texts,
            },
            mode: named(mode, "mode", Mode::from_name, "hybrid, semantic, keyword or exact")?,
            filter: Filter {
                projects,
                after: bound(self.after)?,
                before: bound(self.before)?,
                roles: all_named(self.roles, "roles", Role::from_name, "user, assistant, tool or system")?,
                kinds: all_named(
                    self.kinds,
                    "kinds",
                    Kind::from_name,
                    "text, thinking, tool_use, tool_result, summary, meta or note",
                )?,
                sources: self.sources.unwrap_or_default(),
                session: self.session_id,
                not_session: None,
                file: self.file,
                git_branch: self.git_branch,
            },
            limit: self.limit.unwrap_or(settings.limit),
            offset: 0,
            detail: match self.detail.as_deref() {
                Some(detail) => named(detail, "detail", Detail::from_name, "index, snippet or full")?,
                None => Detail::default(),
            },
            max_tokens: self.max_tokens.unwrap_or(settings.max_tokens).min(MOST_TOKENS),
            here: memory.projects_here(directory),
            explain: self.explain.unwrap_or(false),
            worth: None,
        };
        if let Some(cursor) = &self.cursor {
            query.offset = offset_of(&query, cursor).ok_or_else(|| {
                Failure::arguments("this cursor belongs to another query", "repeat the query without a cursor")
            })?;
        }
        Ok(query)
    }
}

fn named<T>(name: &str, argument: &str, read: impl Fn(&str) -> Option<T>, allowed: &str) -> Result<T, Failure> {
    read(name).ok_or_else(|| Failure::arguments(format!("{argument} is {name:?}"), format!("it must be {allowed}")))
}

fn all_named<T>(
    names: Option<Vec<String>>,
    argument: &str,
    read: impl Fn(&str) -> Option<T> + Copy,
    allowed: &str,
) -> Result<Vec<T>, Failure> {
    names.unwrap_or_default().iter().map(|name| named(name, argument, read, allowed)).collect()
}

/// What makes two pages belong to the same search.
fn fingerprint(query: &Query) -> i64 {
    let same = Query {
        offset: 0,
        limit: 0,
        max_tokens: 0,
        explain: false,
        worth: None,
        detail: Detail::Snippet,
        here: Vec::new(),
        ..query.clone()
    };
    ContentHash::of(&format!("{same:?}")).short_key()
}

/// The opaque cursor of the page that begins at `offset`.
pub fn cursor_at(query: &Query, offset: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{offset}:{}", fingerprint(query)))
}

/// The offset that a cursor of the same search stands for.
pub fn offset_of(query: &Query, cursor: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (offset, print) = text.split_once(':')?;
    (print.parse() == Ok(fingerprint(query))).then(|| offset.parse().ok())?
}

fn render(found: &SearchAnswer) -> String {
    let mut text = String::new();
    for warning in &found.warnings {
        let _ = writeln!(text, "note: {warning}");
    }
    if found.results.is_empty() {
        text.push_str("Nothing was found.\n");
    }
    for (number, hit) in (1..).zip(&found.results) {
        let _ = writeln!(
            text,
            "{number}. {} · {}{} · {} {} · {}\n   {}",
            minute(&hit.ts),
            hit.project,
            if hit.other_project { " (another project)" } else { "" },
            hit.role,
            hit.trust,
            hit.title,
            hit.uri
        );
        if !hit.snippet.is_empty() {
            let _ = writeln!(text, "{}", quote(&hit.snippet));
        }
        if let Some(explanation) = &hit.explanation {
            let _ = writeln!(text, "   ({explanation})");
        }
    }
    if let Some(cursor) = &found.next_cursor {
        let _ = writeln!(text, "next page: cursor {cursor}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let query = Query {
            texts: vec!["x".to_owned()],
            mode: Mode::Hybrid,
            filter: Filter::default(),
            limit: 5,
            offset: 5,
            detail: Detail::Snippet,
            max_tokens: 1200,
            here: Vec::new(),
            explain: false,
            worth: None,
        };
        let cursor = cursor_at(&query, 10);
        assert_eq!(offset_of(&Query { offset: 0, limit: 9, ..query.clone() }, &cursor), Some(10));
        assert_eq!(offset_of(&Query { texts: vec!["y".to_owned()], ..query.clone() }, &cursor), None);
        assert_eq!(offset_of(&query, "not base64!"), None);
    }
}
