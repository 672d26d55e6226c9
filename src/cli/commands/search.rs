//! `search`: searches from the command line, with the same engine as the tool `memory_search`.

use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::build_runtime;
use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::config::env;
use crate::domain::text::outgoing::SafeText;
use crate::domain::{Confidence, Failure, Hit, LiftedCondition, Origin, SearchResults};
use crate::mcp::wire::SearchAnswer;
use crate::memory::{SearchArguments, encode_search_cursor};
use crate::store::OpenMode;
use crate::sync::{RemoteMemory, RemoteScope};

/// Search earlier messages with keyword and semantic search
///
/// Ask in your own words, in English or Chinese. The words are one query; if one of the arguments contains a space, each
/// argument is a query, and all must match. Semantic search finds texts that share no word with the query; keyword search finds names, identifiers
/// and error codes. `--mode exact` finds literal text anywhere, tool output included.
///
/// The first line says how clearly the results match. If nothing speaks of what you ask, it says so, shows at most two
/// of the nearest texts in a line each, and the exit code is 1; with --json the exit code is 0 and `confidence` says it.
/// If you ask what was decided or what holds now, results on the same thing come newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory search \"why did the nightly build time out\"\n  \
    claude-memory search 数据库连接池 --after 上周\n  claude-memory search E0382 --role tool --project current\n  \
    claude-memory search --mode exact 'SQLITE_BUSY_SNAPSHOT' --json\n  \
    claude-memory search \"who decided on the schema\" --remote")]
pub(in crate::cli) struct SearchArgs {
    /// Words of one query, or several queries of which one contains a space
    #[arg(required = true, value_name = "QUERY")]
    queries: Vec<String>,
    /// Number of hits, 1 to 50 [default: setting search.limit]
    #[arg(long, short = 'n')]
    limit: Option<usize>,
    /// Project: all, current (of this folder), or a name or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Only messages from this time on: 2026-01-22, RFC 3339, yesterday, "3 days ago", 上周
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// Only messages before this time, in the same formats
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Search mode: hybrid, semantic, keyword or exact [default: setting search.mode]
    #[arg(long, short)]
    mode: Option<String>,
    /// Only these roles: user, assistant, tool, system
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Only these kinds: text, thinking, tool_use, tool_result, summary, meta, note
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only these sources: claude-code, saved, …
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
    /// Amount of text per hit: index, snippet or full
    #[arg(long, default_value = "snippet")]
    detail: String,
    /// Maximum estimated tokens of the answer [default: setting search.max_tokens]
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Explain how each score was computed
    #[arg(long)]
    explain: bool,
    /// Search what all machines have sent to PostgreSQL and Qdrant (settings sync.postgres, sync.qdrant)
    #[arg(long)]
    remote: bool,
    /// Cursor of the next page, as printed at the end of the previous one
    #[arg(long)]
    cursor: Option<String>,
}

pub(in crate::cli) fn run(args: &SearchArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    // A search of what other machines sent needs no memory on this one.
    let memory = session.open_memory(if args.remote { OpenMode::Create } else { OpenMode::Existing })?;
    let here = env::project_folder();
    let query = args.to_search().into_query(&memory, here.as_deref(), session.now, &TimeZone::system())?;
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
        session.output.print_json(&SearchAnswer::new(answer, cursor));
        return Ok(ExitCode::SUCCESS);
    }
    for warning in &answer.warnings {
        session.output.print_message(&format!("note: {warning}"));
    }
    print_confidence(&answer, session.output);
    if answer.confidence == Confidence::None {
        print_beyond(&answer, session.output);
        print_nearest(&answer, session.output);
    } else {
        print_hits(&answer.hits, session.output, true);
    }
    if let Some(cursor) = cursor {
        session.output.print_message(&format!("more: --cursor {cursor}"));
    }
    Ok(if answer.confidence == Confidence::None { ExitCode::from(NOT_FOUND) } else { ExitCode::SUCCESS })
}

/// Exit code if nothing speaks of what was asked.
const NOT_FOUND: u8 = 1;
/// Results printed then, in a line each.
const MAX_NEAREST: usize = 2;

/// Prints how clearly the results match, and with `--explain` why.
pub(super) fn print_confidence(answer: &SearchResults, output: CliOutput) {
    match answer.confidence {
        Confidence::Strong => output.print_line("Strong match:"),
        Confidence::Weak => output.print_line("Perhaps:"),
        // What was found without a condition of the filter says itself that nothing was found with it.
        Confidence::None if answer.beyond.is_some() => {}
        Confidence::None => output.print_line("Nothing here speaks of that."),
    }
    for explanation in &answer.explanation {
        output.print_line(&format!("     ({explanation})"));
    }
}

/// Prints the results without a condition of the filter, if there are any.
fn print_beyond(answer: &SearchResults, output: CliOutput) {
    let Some(beyond) = &answer.beyond else { return };
    let zone = TimeZone::system();
    output.print_line(&match beyond.lifted {
        LiftedCondition::After(after) => format!("Nothing since {}; before that:", after.format_minute(&zone)),
        LiftedCondition::Before(before) => format!("Nothing before {}; after that:", before.format_minute(&zone)),
        LiftedCondition::Conditions => "Nothing with these filters; without them:".to_owned(),
        LiftedCondition::Project => "Nothing in this project; in others:".to_owned(),
    });
    print_hits(&beyond.hits, output, true);
}

/// Prints the nearest results where nothing speaks of what was asked.
fn print_nearest(answer: &SearchResults, output: CliOutput) {
    if answer.hits.is_empty() {
        return;
    }
    output.print_line("nearest, probably unrelated:");
    for hit in answer.hits.iter().take(MAX_NEAREST) {
        let text = if hit.snippet.is_empty() { &hit.title } else { &hit.snippet };
        output.print_line(&format!(
            "     {} · {} (show {})",
            hit.at.format_minute(&TimeZone::system()),
            SafeText::single_line(text, MAX_TITLE_CHARS),
            hit.id
        ));
    }
}

impl SearchArgs {
    fn to_search(&self) -> SearchArguments {
        SearchArguments {
            texts: join_words(&self.queries),
            limit: self.limit,
            // The servers resolve projects themselves.
            project: (!self.remote).then(|| self.project.clone()),
            after: self.after.clone(),
            before: self.before.clone(),
            mode: self.mode.clone(),
            kinds: self.kinds.clone(),
            roles: self.roles.clone(),
            sources: self.sources.clone(),
            session: self.session.clone(),
            file: self.file.clone(),
            branch: self.branch.clone(),
            detail: Some(self.detail.clone()),
            max_tokens: self.max_tokens,
            explain: self.explain,
            cursor: self.cursor.clone(),
        }
    }
}

/// Joins arguments of one word each to one query. If one contains a space, each is a query.
fn join_words(arguments: &[String]) -> Vec<String> {
    if arguments.iter().any(|argument| argument.trim().contains(char::is_whitespace)) {
        return arguments.to_vec();
    }
    vec![arguments.join(" ")]
}

/// Maximum characters of a title.
const MAX_TITLE_CHARS: usize = 80;
const MAX_LINE_CHARS: usize = 160;

/// Describes who said what came from another machine; empty for everything else.
pub(super) fn describe_author(origin: Origin, said_by: Option<&str>) -> String {
    match (origin, said_by) {
        (Origin::Elsewhere, Some(name)) => format!(" (said by {})", SafeText::single_line(name, MAX_LINE_CHARS)),
        (Origin::Elsewhere, None) => " (from elsewhere, not confirmed)".to_owned(),
        _ => String::new(),
    }
}

/// Returns what is said beside the project and title that no machine has signed; empty for signed ones.
pub(super) const fn describe_place(is_unsigned: bool) -> &'static str {
    if is_unsigned { " (project and title unsigned)" } else { "" }
}

/// Prints hits as text; `address` adds the `show` command that opens each.
pub(super) fn print_hits(hits: &[Hit], output: CliOutput, address: bool) {
    let zone = TimeZone::system();
    for (number, hit) in (1..).zip(hits) {
        output.print_line(&format!(
            "{number}. {} · {} · {} {}{} · {}{}",
            hit.at.format_minute(&zone),
            SafeText::single_line(&hit.project, MAX_LINE_CHARS),
            hit.role.name(),
            hit.kind.name(),
            describe_author(hit.origin, hit.said_by.as_deref()),
            SafeText::single_line(&hit.title, MAX_TITLE_CHARS),
            describe_place(hit.has_unsigned_place)
        ));
        if let Some(asked) = &hit.asked {
            output.print_line(&format!("     you: {}", SafeText::single_line(&asked.text, MAX_LINE_CHARS)));
        }
        for line in SafeText::multi_line(&hit.snippet).lines().filter(|line| !line.trim().is_empty()) {
            output.print_line(&format!("     {line}"));
        }
        if let Some(answered) = &hit.answered {
            output.print_line(&format!("     answer: {}", SafeText::single_line(&answered.text, MAX_LINE_CHARS)));
        }
        if let Some(later) = &hit.changed_by {
            output.print_line(&format!("     later changed, {}: show {}", later.at.format_minute(&zone), later.id));
        }
        if let Some(later) = &hit.later {
            output.print_line(&format!("     later on this: {} (show {})", later.at.format_minute(&zone), later.id));
        }
        if let Some(explanation) = &hit.explanation {
            output.print_line(&format!("     ({explanation})"));
        }
        if address {
            output.print_line(&format!("     show {}", hit.id));
        }
    }
}
