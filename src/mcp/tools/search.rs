//! `memory_search`: finds earlier messages by keyword, semantic or hybrid search.

use jiff::tz::TimeZone;
use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Handle;

use super::results::render_results;
use super::{ToolOutcome, build_quoting_reply, build_tool, estimate_tokens, parse_arguments, read_only_annotations};
use crate::config::SearchSettings;
use crate::domain::{Detail, Failure, SearchMode, limits};
use crate::mcp::caller::Caller;
use crate::mcp::schema::NameOf;
use crate::mcp::wire::SearchAnswer;
use crate::memory::{Memory, SearchArguments, encode_search_cursor};
use crate::sync::RemoteScope;

const USAGE: &str = "only `query` is needed, for example {\"query\": \"why did we switch to sqlite\"}";
/// Limits of `max_tokens`. The lower one leaves room for one hit with its frame.
const MOST_TOKENS: usize = 20_000;
const LEAST_TOKENS: usize = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchToolInput {
    /// What to look for, in your own words.
    query: String,
    /// Hits, 1-50. Default 5.
    limit: Option<usize>,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Not before: date, RFC 3339, "last week", "上周".
    after: Option<String>,
    /// Before: same forms.
    before: Option<String>,
    /// Default hybrid; exact is for literal text.
    #[schemars(with = "Option<NameOf<SearchMode>>")]
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
    #[schemars(with = "Option<NameOf<Detail>>")]
    detail: Option<String>,
    /// Budget of the answer, from 200. Default 1200.
    max_tokens: Option<usize>,
    /// Say how scores came about.
    explain: Option<bool>,
    /// From `next_cursor`.
    cursor: Option<String>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<SearchToolInput, SearchAnswer>(
        "memory_search",
        "Search memory",
        "Finds messages of earlier sessions, semantically and by keyword, in English and Chinese. Use it when the user refers \
         to earlier work, before repeating an investigation, and when an error or a file looks familiar. Says how clearly they \
         match; read around a hit with memory_get. A time in the query (\"yesterday\", 上周五) is understood. detail index lists titles only.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let mut arguments: SearchToolInput = parse_arguments(arguments, USAGE)?;
    let too_many = arguments.clamp_limit();
    let directory = caller.directory.as_deref();
    // The remote resolves projects itself.
    let project = caller.remote.as_ref().map(|_| arguments.project.take().unwrap_or_else(|| "all".to_owned()));
    let arguments = arguments.into_search(&memory.settings().search);
    if caller.remote.is_none() {
        memory.check_sources(&arguments.sources).map_err(with_usage)?;
    }
    let query = arguments.into_query(memory, directory, caller.now, &TimeZone::system()).map_err(with_usage)?;
    let found = match (&caller.remote, &project) {
        (Some(remote), Some(project)) => {
            let asked = remote.search(memory, &query, RemoteScope { project, directory }, caller.now);
            Handle::current().block_on(asked)?
        }
        _ => memory.answer_query(&query, caller.now)?,
    };
    let next = found.next.map(|offset| encode_search_cursor(&query, offset));
    let elsewhere: Vec<bool> = found.hits.iter().map(|hit| !query.here.contains(&hit.project_row)).collect();
    let mut found = SearchAnswer::new(found, next).with_sessions(memory, query.filter.projects.clone())?;
    for (hit, elsewhere) in found.results.iter_mut().zip(elsewhere) {
        hit.other_project = elsewhere && !query.here.is_empty();
    }
    found.warnings.splice(0..0, too_many);
    let text = render_results(&found);
    found.tokens = estimate_tokens(&text);
    build_quoting_reply(&found, &text)
}

fn with_usage(failure: Failure) -> Failure {
    Failure { hint: failure.hint.or_else(|| Some(USAGE.to_owned())), ..failure }
}

impl SearchToolInput {
    /// Clamps the number of hits and returns a warning if fewer than requested.
    fn clamp_limit(&mut self) -> Option<String> {
        let (asked, most) = (self.limit?, limits::QUERY_HITS);
        self.limit = Some(asked.clamp(1, most));
        (asked > most).then(|| format!("limit is {asked}; {most} hits are the most of one answer"))
    }

    fn into_search(self, settings: &SearchSettings) -> SearchArguments {
        SearchArguments {
            texts: vec![self.query],
            limit: self.limit,
            project: self.project,
            after: self.after,
            before: self.before,
            mode: self.mode,
            tier: None,
            kinds: self.kinds.unwrap_or_default(),
            roles: self.roles.unwrap_or_default(),
            sources: self.sources.unwrap_or_default(),
            session: self.session_id,
            file: self.file,
            branch: self.git_branch,
            detail: self.detail,
            max_tokens: Some(self.max_tokens.unwrap_or(settings.max_tokens).clamp(LEAST_TOKENS, MOST_TOKENS)),
            explain: self.explain.unwrap_or(false),
            cursor: self.cursor,
        }
    }
}
