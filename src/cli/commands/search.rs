//! `search`: the same engine as `memory_search`, for people.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::runtime;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::config::{Settings, env};
use crate::domain::text::visible;
use crate::domain::{Answer, Detail, Filter, Kind, Mode, Query, Role, moment};
use crate::mcp::tools::{cursor_at, offset_of};
use crate::mcp::wire::SearchAnswer;
use crate::memory::Memory;
use crate::store::Open;
use crate::sync::{Remote, Scope};

/// Find earlier messages by meaning and by word
///
/// Ask in your own words, in English or Chinese; several quoted queries must all match. Meaning finds what shares no
/// word with the question, words find names, identifiers and error codes. `--mode exact` finds literal text anywhere,
/// tool output included.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory search \"why did the nightly build time out\"\n  \
    claude-memory search 数据库连接池 --after 上周\n  claude-memory search E0382 --role tool --project current\n  \
    claude-memory search --mode exact 'SQLITE_BUSY_SNAPSHOT' --json\n  \
    claude-memory search \"who decided on the schema\" --remote")]
pub(in crate::cli) struct Args {
    /// What to look for
    #[arg(required = true, value_name = "QUERY")]
    queries: Vec<String>,
    /// Hits to show, 1 to 50 [default: setting search.limit]
    #[arg(long, short = 'n')]
    limit: Option<usize>,
    /// all, current (of this folder), or a project's name or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Not before: 2026-01-22, RFC 3339, yesterday, "3 days ago", 上周
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// Before: the same forms
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Evidence: hybrid, semantic, keyword or exact [default: setting search.mode]
    #[arg(long, short)]
    mode: Option<String>,
    /// Only these roles: user, assistant, tool, system
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Only these kinds: text, thinking, tool_use, tool_result, summary, meta, note
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only what came from these: claude-code, saved, …
    #[arg(long = "source", value_name = "SOURCE")]
    sources: Vec<String>,
    /// Only this session and its subagents
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only sessions that touched this file
    #[arg(long)]
    file: Option<String>,
    /// Only this git branch
    #[arg(long)]
    branch: Option<String>,
    /// index, snippet or full
    #[arg(long, default_value = "snippet")]
    detail: String,
    /// Bound of the answer in estimated tokens [default: setting search.max_tokens]
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Say how each score came about
    #[arg(long)]
    explain: bool,
    /// Search what all machines have sent to PostgreSQL and Qdrant (settings sync.postgres, sync.qdrant)
    #[arg(long)]
    remote: bool,
    /// Next page: the cursor that the last answer ended with
    #[arg(long)]
    cursor: Option<String>,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    // Who only reads what others have sent needs no memory of his own.
    let memory = session.open(if args.remote { Open::Create } else { Open::Existing })?;
    let query = args.query(&memory, session)?;
    let answer = if args.remote {
        let remote = Remote::configured(&memory.settings().sync)?;
        let here = env::project_folder();
        let scope = Scope { project: &args.project, directory: here.as_deref() };
        runtime()?.block_on(remote.search(&memory, &query, scope, session.now))?
    } else {
        memory.search(&query, session.now)?
    };
    memory.abandon_encoder();
    let cursor = answer.next.map(|offset| cursor_at(&query, offset));
    if session.output.is_json() {
        session.output.json(&SearchAnswer::new(answer, cursor));
        return Ok(ExitCode::SUCCESS);
    }
    for warning in &answer.warnings {
        session.output.say(&format!("note: {warning}"));
    }
    if answer.hits.is_empty() {
        session.output.say("nothing was found");
    }
    print(&answer, session.output, true);
    if let Some(cursor) = cursor {
        session.output.say(&format!("more: --cursor {cursor}"));
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn query(&self, memory: &Memory, session: &Session) -> Result<Query, Failure> {
        let zone = TimeZone::system();
        let bound = |text: &Option<String>| match text {
            Some(text) => moment::parse(text, session.now, &zone).map(Some).map_err(Failure::invalid),
            None => Ok(None),
        };
        let Settings { search, .. } = memory.settings();
        let here: Option<PathBuf> = env::project_folder();
        let mode = self.mode.as_deref().unwrap_or(&search.mode);
        let mut query = Query {
            texts: self.queries.clone(),
            mode: Mode::from_name(mode).ok_or_else(|| wrong("mode", mode, "hybrid, semantic, keyword or exact"))?,
            filter: Filter {
                projects: if self.remote { None } else { memory.resolve_projects(&self.project, here.as_deref())? },
                after: bound(&self.after)?,
                before: bound(&self.before)?,
                roles: all(&self.roles, Role::from_name, "role", "user, assistant, tool or system")?,
                kinds: all(
                    &self.kinds,
                    Kind::from_name,
                    "kind",
                    "text, thinking, tool_use, tool_result, summary, meta or note",
                )?,
                sources: self.sources.clone(),
                session: self.session.clone(),
                not_session: None,
                file: self.file.clone(),
                git_branch: self.branch.clone(),
            },
            limit: self.limit.unwrap_or(search.limit),
            offset: 0,
            detail: Detail::from_name(&self.detail)
                .ok_or_else(|| wrong("detail", &self.detail, "index, snippet or full"))?,
            max_tokens: self.max_tokens.unwrap_or(search.max_tokens),
            here: memory.projects_here(here.as_deref()),
            explain: self.explain,
            worth: None,
        };
        if let Some(cursor) = &self.cursor {
            query.offset =
                offset_of(&query, cursor).ok_or_else(|| Failure::invalid("this cursor belongs to another query"))?;
        }
        Ok(query)
    }
}

fn wrong(what: &str, value: &str, allowed: &str) -> Failure {
    Failure::invalid(format!("{what} is {value:?}; it must be {allowed}"))
}

fn all<T>(names: &[String], read: impl Fn(&str) -> Option<T>, what: &str, allowed: &str) -> Result<Vec<T>, Failure> {
    names.iter().map(|name| read(name).ok_or_else(|| wrong(what, name, allowed))).collect()
}

/// Prints hits for a person; `address` adds how to read on.
pub(super) fn print(answer: &Answer, output: Output, address: bool) {
    let zone = TimeZone::system();
    for (number, hit) in (1..).zip(&answer.hits) {
        output.line(&format!(
            "{number}. {} · {} · {} {} · {}",
            hit.at.to_minute(&zone),
            visible::safe(&hit.project),
            hit.role.name(),
            hit.kind.name(),
            visible::safe(&hit.title)
        ));
        for line in visible::safe(&hit.snippet).lines().filter(|line| !line.trim().is_empty()) {
            output.line(&format!("     {line}"));
        }
        if let Some(explanation) = &hit.explanation {
            output.line(&format!("     ({explanation})"));
        }
        if address {
            output.line(&format!("     show {}", hit.id));
        }
    }
}
