//! `search`: searches from the command line, with the same engine as the tool `memory_search`.

use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::build_runtime;
use super::search_results::{ResultGroup, ResultPrinter, group_hits};
use super::session_list::{ListedSession, print_sessions};
use crate::cli::calendar::Calendar;
use crate::cli::help;
use crate::cli::invocation::Invocation;
use crate::cli::last_results::{self, NumberedResult};
use crate::cli::palette::Tone;
use crate::config::env;
use crate::domain::text::shell::quote_for_print;
use crate::domain::{AskedPeriod, Confidence, Failure, PeriodUse, SearchMode, SearchResults};
use crate::mcp::wire::SearchAnswer;
use crate::memory::{Memory, SearchArguments, encode_search_cursor};
use crate::store::OpenMode;
use crate::sync::{RemoteMemory, RemoteScope};

/// Search earlier messages with keyword and semantic search
///
/// Ask in your own words, in English or Chinese. A time in the question (yesterday, 上周五) is a period. Nothing found:
/// exit code 1 (0 with --json).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory search \"why did the nightly build time out\"\n  \
    claude-memory search 数据库连接池 --after 上周\n  \
    claude-memory search --mode exact 'SQLITE_BUSY_SNAPSHOT' --json")]
pub(in crate::cli) struct SearchArgs {
    /// Words of one query, or several queries in quotes
    #[arg(required = true, value_name = "QUERY", help_heading = help::FILTERS)]
    queries: Vec<String>,
    /// Mode: hybrid, semantic, keyword or exact
    #[arg(long, short, help_heading = help::FILTERS)]
    mode: Option<String>,
    /// Tier: fast, or rerank with your reranker
    #[arg(long, help_heading = help::FILTERS)]
    tier: Option<String>,
    /// Search what all machines sent (sync.postgres, sync.qdrant)
    #[arg(long, help_heading = help::FILTERS)]
    remote: bool,
    /// Project: all, current, or a name or path
    #[arg(long, short, default_value = "all", hide_default_value = true, help_heading = help::FILTERS)]
    project: String,
    /// From this time on: 2026-01-22, "3 days ago", 上周
    #[arg(long, alias = "since", value_name = "TIME", help_heading = help::FILTERS)]
    after: Option<String>,
    /// Before this time, in the same forms
    #[arg(long, alias = "until", value_name = "TIME", help_heading = help::FILTERS)]
    before: Option<String>,
    /// Role: user, assistant, tool, system
    #[arg(long = "role", value_name = "ROLE", help_heading = help::FILTERS)]
    roles: Vec<String>,
    /// Kind: text, thinking, tool_use, tool_result, note
    #[arg(long = "kind", value_name = "KIND", help_heading = help::FILTERS)]
    kinds: Vec<String>,
    /// Source: claude-code, codex, saved, …
    #[arg(long = "source", value_name = "SOURCE", help_heading = help::FILTERS)]
    sources: Vec<String>,
    /// This session and its subagents: an id or a number
    #[arg(long, value_name = "ID", help_heading = help::FILTERS)]
    session: Option<String>,
    /// Sessions that touched this file
    #[arg(long, help_heading = help::FILTERS)]
    file: Option<String>,
    /// Git branch
    #[arg(long, help_heading = help::FILTERS)]
    branch: Option<String>,
    /// Number of hits, 1 to 50 [default: search.limit]
    #[arg(long, short = 'n', help_heading = help::OUTPUT)]
    limit: Option<usize>,
    /// Text of each hit: index, snippet or full
    #[arg(long, default_value = "snippet", hide_default_value = true, help_heading = help::OUTPUT)]
    detail: String,
    /// Token budget, for models [default: search.max_tokens]
    #[arg(long, value_name = "N", help_heading = help::OUTPUT)]
    max_tokens: Option<usize>,
    /// Explain how each score was computed
    #[arg(long, help_heading = help::OUTPUT)]
    explain: bool,
    /// Next page, as printed at the end of the previous one
    #[arg(long, help_heading = help::OUTPUT)]
    cursor: Option<String>,
}

pub(in crate::cli) fn run(args: &SearchArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    // A search of what other machines sent needs no memory on this one.
    let memory = session.open_memory(if args.remote { OpenMode::Create } else { OpenMode::Existing })?;
    let here = env::project_folder();
    let arguments = args.to_search(session)?;
    if !args.remote {
        memory.check_sources(&arguments.sources)?;
    }
    let query = arguments.into_query(&memory, here.as_deref(), session.now, &TimeZone::system())?;
    let answer = if args.remote {
        let remote = RemoteMemory::from_settings(&memory.settings().sync)?;
        let scope = RemoteScope { project: &args.project, directory: here.as_deref() };
        build_runtime()?.block_on(remote.search(&memory, &query, scope, session.now))?
    } else {
        memory.answer_query(&query, session.now)?
    };
    memory.leak_model_on_exit();
    let cursor = answer.next.map(|offset| encode_search_cursor(&query, offset));
    if session.output.is_json() {
        let answer = SearchAnswer::new(answer, cursor);
        session.output.print_json(&answer.with_sessions(&memory, query.filter.projects.clone())?);
        return Ok(ExitCode::SUCCESS);
    }
    let is_unfolded = args.session.is_some() || args.explain || query.mode == SearchMode::Exact;
    let printer = ResultPrinter::new(session.output, Calendar::at(session.now), is_unfolded);
    for warning in &answer.warnings {
        session
            .output
            .print_message(&format!("{} {warning}", session.output.error_palette().paint(Tone::Meta, "note:")));
    }
    if let Some(period) = answer.period.as_ref().filter(|period| period.usage == PeriodUse::Timeline) {
        return print_period(period, query.filter.projects.clone(), &memory, session);
    }
    if answer.confidence == Confidence::None {
        print_nothing(&answer, &memory, &printer, session)?;
        return Ok(ExitCode::from(NOT_FOUND));
    }
    let groups = group_hits(&answer.hits);
    printer.print_confidence(&answer, &groups);
    printer.print_period(&answer);
    printer.print_groups(&groups);
    number_groups(&groups, session);
    args.print_next(cursor, session);
    Ok(ExitCode::SUCCESS)
}

/// Exit code if nothing speaks of what was asked.
pub(super) const NOT_FOUND: u8 = 1;

/// Sessions of a period that are listed.
const MAX_PERIOD_SESSIONS: usize = 50;

/// Prints the sessions of a period: nothing else was asked.
fn print_period(
    period: &AskedPeriod,
    projects: Option<Vec<i64>>,
    memory: &Memory,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let (sessions, more) = memory.sessions_in_period(period, projects, MAX_PERIOD_SESSIONS)?;
    let calendar = Calendar::at(session.now);
    let last = period.before.minus_milliseconds(1);
    if sessions.is_empty() {
        let days = calendar.name_days(period.after, last);
        session.output.print_line(&format!("No session: {days}."));
        return Ok(ExitCode::from(NOT_FOUND));
    }
    let sessions: Vec<ListedSession> = sessions.into_iter().map(ListedSession::from).collect();
    print_sessions(&sessions, &calendar, session);
    if more {
        let (after, before) = (calendar.date_of(period.after), calendar.date_of(period.before));
        session.output.print_message(&format!("More: claude-memory timeline --after {after} --before {before}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints that nothing speaks of what was asked, and what comes nearest.
fn print_nothing(
    answer: &SearchResults,
    memory: &Memory,
    printer: &ResultPrinter,
    session: &Invocation,
) -> Result<(), Failure> {
    let messages = memory.snapshot()?.collect_stats()?.messages;
    if messages == 0 {
        session.output.print_line("Your memory is empty. Import your history: claude-memory setup");
        return Ok(());
    }
    printer.print_confidence(answer, &[]);
    if let Some(beyond) = &answer.beyond {
        session.output.print_line(&printer.describe_beyond(beyond));
        let groups = group_hits(&beyond.hits);
        printer.print_groups(&groups);
        number_groups(&groups, session);
    }
    printer.print_nothing(answer, messages);
    Ok(())
}

/// Saves the numbers of the groups, which `show 1` opens.
fn number_groups(groups: &[ResultGroup<'_>], session: &Invocation) {
    if let Ok(paths) = session.resolve_paths() {
        let results: Vec<NumberedResult> = groups.iter().map(ResultGroup::to_numbered).collect();
        last_results::save_results(&paths, &results);
    }
}

impl SearchArgs {
    fn to_search(&self, session: &Invocation) -> Result<SearchArguments, Failure> {
        let paths = session.resolve_paths()?;
        let one_session = self.session.as_ref().map(|text| last_results::resolve_session(&paths, text)).transpose()?;
        // The budget is for models. A person gets as many results as they ask for.
        let is_person = !session.output.is_json() && !env::runs_in_agent();
        let no_budget = (self.limit.is_some() || is_person).then_some(usize::MAX);
        Ok(SearchArguments {
            texts: join_words(&self.queries),
            limit: self.limit,
            // The servers resolve projects themselves.
            project: (!self.remote).then(|| self.project.clone()),
            after: self.after.clone(),
            before: self.before.clone(),
            mode: self.mode.clone(),
            tier: self.tier.clone(),
            kinds: self.kinds.clone(),
            roles: self.roles.clone(),
            sources: self.sources.clone(),
            session: one_session,
            file: self.file.clone(),
            branch: self.branch.clone(),
            detail: Some(self.detail.clone()),
            max_tokens: self.max_tokens.or(no_budget),
            explain: self.explain,
            cursor: self.cursor.clone(),
        })
    }

    /// Prints how to open a result, and the command of the next page.
    fn print_next(&self, cursor: Option<String>, session: &Invocation) {
        let palette = session.output.error_palette();
        let mut next = Vec::new();
        if let Some(cursor) = cursor {
            next.push(format!("More: {}", self.build_next_command(&cursor)));
        }
        next.push("Open one: claude-memory show 1".to_owned());
        session.output.print_message("");
        next.iter().for_each(|line| session.output.print_message(&palette.paint(Tone::Meta, line)));
    }

    /// Builds the command of the next page: the same search with a cursor.
    fn build_next_command(&self, cursor: &str) -> String {
        let mut words = vec!["claude-memory".to_owned(), "search".to_owned()];
        words.extend(self.queries.iter().map(|query| quote_for_print(query)));
        let limit = self.limit.map(|limit| limit.to_string());
        let max_tokens = self.max_tokens.map(|most| most.to_string());
        let project = Some(&self.project).filter(|project| *project != "all");
        let detail = Some(&self.detail).filter(|detail| *detail != "snippet");
        let one = [
            ("--limit", limit.as_ref()),
            ("--project", project),
            ("--after", self.after.as_ref()),
            ("--before", self.before.as_ref()),
            ("--mode", self.mode.as_ref()),
            ("--tier", self.tier.as_ref()),
            ("--session", self.session.as_ref()),
            ("--file", self.file.as_ref()),
            ("--branch", self.branch.as_ref()),
            ("--detail", detail),
            ("--max-tokens", max_tokens.as_ref()),
        ];
        let one = one.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let many = [("--role", &self.roles), ("--kind", &self.kinds), ("--source", &self.sources)];
        let many = many.iter().flat_map(|(name, values)| values.iter().map(move |value| (*name, value)));
        for (name, value) in one.chain(many) {
            words.extend([name.to_owned(), quote_for_print(value)]);
        }
        words.extend(
            [(self.explain, "--explain"), (self.remote, "--remote")]
                .into_iter()
                .filter(|(is_set, _)| *is_set)
                .map(|(_, name)| name.to_owned()),
        );
        words.extend(["--cursor".to_owned(), cursor.to_owned()]);
        words.join(" ")
    }
}

/// Joins arguments of one word each to one query. If one contains a space, each is a query.
fn join_words(arguments: &[String]) -> Vec<String> {
    if arguments.iter().any(|argument| argument.trim().contains(char::is_whitespace)) {
        return arguments.to_vec();
    }
    vec![arguments.join(" ")]
}
