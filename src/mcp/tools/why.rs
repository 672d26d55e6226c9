//! `memory_why`: the session and the request behind lines of a file or behind commits.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{message_label, quote_labelled};
use super::{
    ToolOutcome, build_quoting_reply, build_tool, format_minute, parse_arguments, read_only_annotations, session_label,
};
use crate::domain::Failure;
use crate::domain::text::is_cjk;
use crate::mcp::caller::Caller;
use crate::mcp::wire::request::RequestEntry;
use crate::mcp::wire::why::{WhyAnswer, WhyEntry, WhySession};
use crate::memory::{CommitExplanation, Memory, SessionLink, parse_lines, split_location};

const USAGE: &str =
    "name a `path` with a `line`, or a `commit`, for example {\"path\": \"src/pool.rs\", \"line\": \"6\"}";
/// Attributions whose request is read, and those that are listed in the text.
const MAX_REQUESTS: usize = 1;
const MAX_LISTED: usize = 30;
/// Words of the text for one line or commit; what does not fit is left out, and its id is in the data.
const MAX_WORDS: usize = 250;
/// Runs of lines of one attribution that are listed in the text.
const MAX_RANGE_CHARACTERS: usize = 60;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhyToolInput {
    /// File in a git repository, or `FILE:LINE`.
    path: Option<String>,
    /// Line or lines: `6` or `4-6`. Default: the whole file.
    line: Option<String>,
    /// Instead of a path: a commit, or a range such as `main..HEAD`.
    commit: Option<String>,
    /// Instead of both: true for what is staged.
    staged: Option<bool>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<WhyToolInput, WhyAnswer>(
        "memory_why",
        "Why a line is so",
        "Finds the session that wrote lines of a file or a commit, how certain that is, and the request behind it. Use it \
         before changing code whose reason is not clear. Unknown says why.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: WhyToolInput = parse_arguments(arguments, USAGE)?;
    let folder = caller.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let (found, is_short) = match arguments {
        WhyToolInput { path: Some(path), line, commit: None, staged: None | Some(false) } => {
            explain_path(memory, caller, &folder, &path, line.as_deref())?
        }
        WhyToolInput { path: None, line: None, commit: Some(commit), staged: None | Some(false) } => {
            let repository = memory.open_repository(&folder)?;
            if commit.contains("..") {
                (WhyAnswer::from_commits(memory.explain_range(&repository, &commit)?), true)
            } else {
                (explain_one(memory, memory.explain_commit(&repository, &commit)?)?, false)
            }
        }
        WhyToolInput { path: None, line: None, commit: None, staged: Some(true) } => {
            let repository = memory.open_repository(&folder)?;
            (explain_one(memory, memory.explain_staged(&repository, caller.now)?)?, false)
        }
        _ => return Err(Failure::invalid_arguments("it is not clear what to explain", USAGE)),
    };
    let text = if is_short { render_table(&found) } else { render_attributions(&found) };
    build_quoting_reply(&found, &text)
}

fn explain_path(
    memory: &Memory,
    caller: &Caller,
    folder: &Path,
    path: &str,
    line: Option<&str>,
) -> Result<(WhyAnswer, bool), Failure> {
    let (path, lines) = match line {
        None => split_location(path, folder),
        Some(line) => {
            let lines = parse_lines(line).ok_or_else(|| {
                Failure::invalid_arguments(format!("line is {line:?}"), "give a line or lines: `6` or `4-6`")
            })?;
            (path.to_owned(), Some(lines))
        }
    };
    let file = folder.join(&path);
    // The file may belong to another repository than the folder: a submodule, or a worktree.
    let start = file.parent().filter(|parent| parent.is_dir()).unwrap_or(folder);
    let repository = memory.open_repository(start)?;
    let inside = repository.relative_path(&file, folder).map_err(crate::memory::Error::from)?;
    let explained = memory.explain_file(&repository, &inside, lines, caller.now)?;
    let requests = if lines.is_some() { MAX_REQUESTS } else { 0 };
    let links: Vec<Option<SessionLink>> =
        explained.groups.iter().take(requests).map(|group| group.link.clone()).collect();
    let mut answer = WhyAnswer::from_file(explained);
    add_requests(memory, &mut answer, &links)?;
    Ok((answer, lines.is_none()))
}

fn explain_one(memory: &Memory, found: CommitExplanation) -> Result<WhyAnswer, Failure> {
    let links = [found.links.first().cloned()];
    let mut answer = WhyAnswer::from_commits(vec![found]);
    add_requests(memory, &mut answer, &links)?;
    Ok(answer)
}

/// Adds the requests behind the edits of the first attributions.
fn add_requests(memory: &Memory, answer: &mut WhyAnswer, links: &[Option<SessionLink>]) -> Result<(), Failure> {
    for (entry, link) in answer.attributions.iter_mut().zip(links) {
        let Some(part) = link.as_ref().and_then(|link| link.part) else { continue };
        entry.request = memory.read_edit_request(part)?.map(RequestEntry::from);
    }
    Ok(())
}

fn render_attributions(found: &WhyAnswer) -> String {
    let mut text = String::new();
    for line in &found.lines {
        let _ = writeln!(text, "{:>5}  {}", line.number, line.text);
    }
    for entry in found.attributions.iter().take(MAX_LISTED) {
        if !text.is_empty() {
            text.push('\n');
        }
        let written =
            entry.session.as_ref().map(|session| format!(" · written in “{}”", session.title)).unwrap_or_default();
        let _ = writeln!(text, "{} {}{}{written}", grade_mark(&entry.grade), entry.grade, format_lines(found, entry));
        let _ = writeln!(text, "  {}", describe_place(entry));
        let _ = writeln!(text, "  {}", entry.reason);
        render_others(&mut text, entry);
        if let Some(request) = &entry.request {
            render_request(&mut text, request);
        }
    }
    text
}

/// Lists the attributions, one a line, after their shares.
fn render_table(found: &WhyAnswer) -> String {
    let all = (found.proved + found.likely + found.unknown).max(1);
    let share = |part: usize| part * 100 / all;
    let what = if found.path.is_some() { "lines" } else { "commits" };
    let mut text = format!(
        "{} {what}: {} % proved, {} % likely, {} % unknown\n",
        found.proved + found.likely + found.unknown,
        share(found.proved),
        share(found.likely),
        share(found.unknown)
    );
    for entry in found.attributions.iter().take(MAX_LISTED) {
        let commit = entry.commit.as_ref().map(|commit| format!("{} {} ", day_of(&commit.ts), commit.short_id()));
        let about = match &entry.session {
            Some(session) => format!("“{}” · session {}", session.title, session_label(&session.session_id)),
            None => entry.reason.clone(),
        };
        let subject = match (&found.path, &entry.commit) {
            (None, Some(commit)) => format!("{} · ", commit.subject),
            _ => String::new(),
        };
        let lines = entry.lines.as_ref().map(|lines| format!("{} · ", shorten_ranges(lines))).unwrap_or_default();
        let _ = writeln!(text, "{} {lines}{}{subject}{about}", grade_mark(&entry.grade), commit.unwrap_or_default());
    }
    if found.attributions.len() > MAX_LISTED {
        let _ = writeln!(text, "and {} more; ask about a line", found.attributions.len() - MAX_LISTED);
    }
    text
}

fn render_others(text: &mut String, entry: &WhyEntry) {
    let name = |session: &WhySession| {
        format!("“{}” (session {}, {})", session.title, session_label(&session.session_id), session.grade)
    };
    if entry.others.is_empty() {
        return;
    }
    let names: Vec<String> = entry.others.iter().take(3).map(name).collect();
    let _ = writeln!(text, "  also: {}", names.join("; "));
}

fn render_request(text: &mut String, request: &RequestEntry) {
    if let Some(plan) = &request.plan {
        let _ = writeln!(text, "plan: “{plan}”");
    }
    for (what, excerpt) in request.labelled() {
        let quoted = quote_labelled(&message_label(&excerpt.trust, &excerpt.id), &excerpt.text);
        if count_words(text) + count_words(&quoted) < MAX_WORDS {
            let _ = writeln!(text, "{what}: {quoted}");
        }
    }
}

/// Counts words; two Chinese characters are one.
fn count_words(text: &str) -> usize {
    let han = text.chars().filter(|character| is_cjk(*character)).count();
    text.split_whitespace().count() + han / 2
}

fn format_lines(found: &WhyAnswer, entry: &WhyEntry) -> String {
    match &entry.lines {
        Some(lines) if found.attributions.len() > 1 => format!(" · lines {}", shorten_ranges(lines)),
        _ => String::new(),
    }
}

fn describe_place(entry: &WhyEntry) -> String {
    let mut facts = Vec::new();
    if let Some(session) = &entry.session {
        facts.push(format!(
            "{} · {} · session {}",
            session.project,
            format_minute(&session.started_at),
            session_label(&session.session_id)
        ));
    }
    match &entry.commit {
        Some(commit) => facts.push(format!(
            "commit {} of {} by {}: {}",
            commit.short_id(),
            day_of(&commit.ts),
            commit.author,
            commit.subject
        )),
        None => facts.push("not committed".to_owned()),
    }
    facts.join(" · ")
}

fn shorten_ranges(ranges: &str) -> String {
    let cut = ranges.char_indices().nth(MAX_RANGE_CHARACTERS).map(|(end, _)| end);
    let kept = cut.and_then(|end| ranges.get(..end)).and_then(|kept| kept.rsplit_once(", "));
    kept.map_or_else(|| ranges.to_owned(), |(kept, _)| format!("{kept} …"))
}

const fn grade_mark(grade: &str) -> &'static str {
    match grade.as_bytes() {
        b"proved" => "●",
        b"likely" => "◐",
        _ => "○",
    }
}

fn day_of(ts: &str) -> &str {
    ts.get(..10).unwrap_or(ts)
}
