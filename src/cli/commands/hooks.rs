//! `hooks`: turns hooks off and on, and approves which agent notes they may inject.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::text::{sanitise, to_one_line};
use crate::domain::{Failure, FailureCode, MessageId};
use crate::hooks::switch::SwitchScope;
use crate::store::{OpenMode, PinnedNote};

/// Turn hooks off or on for this session or project; approve notes of agents
///
/// Notes that an agent pinned, or saved as a preference or an instruction, are injected into later sessions only after
/// you approve them: `hooks notes` lists the waiting ones, `hooks allow` approves them.
///
/// Inside Claude Code, `! claude-memory hooks off` applies to the running session. For one run of Claude Code, start it
/// with `CLAUDE_MEMORY_HOOKS_ENABLED=false`; permanently, set `hooks.enabled`, `hooks.recall` or `hooks.capture`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory hooks off\n  claude-memory hooks on\n  claude-memory hooks notes\n  claude-memory hooks allow c39f3828"
)]
pub(in crate::cli) struct HooksArgs {
    /// Action: off, on, status, notes or allow
    #[arg(value_parser = ["off", "on", "status", "notes", "allow"])]
    action: String,
    /// For allow: ids of the notes
    #[arg(value_name = "ID")]
    notes: Vec<String>,
    /// For allow: all waiting notes
    #[arg(long)]
    all: bool,
    /// Session id [default: the session this runs in]
    #[arg(long, value_name = "ID", conflicts_with = "project")]
    session: Option<String>,
    /// Project of this folder [default: the current folder]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".")]
    project: Option<PathBuf>,
}

#[derive(Serialize)]
struct HooksState {
    enabled: bool,
    recall: bool,
    capture: bool,
    scopes: Vec<HookScopeState>,
}

#[derive(Serialize)]
struct HookScopeState {
    scope: String,
    off: bool,
}

pub(in crate::cli) fn run(args: &HooksArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    if args.action == "notes" || args.action == "allow" {
        return review_notes(args, session);
    }
    let paths = session.resolve_paths()?;
    let folder = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let current = env::session_id();
    let mut scopes: Vec<SwitchScope> = match (&args.session, &args.project) {
        (Some(id), _) => vec![SwitchScope::Session(id.clone())],
        (None, Some(path)) => vec![SwitchScope::Project(folder(path))],
        (None, None) => current.into_iter().map(SwitchScope::Session).collect(),
    };
    if args.action == "status" {
        if args.session.is_none() && args.project.is_none() {
            scopes.extend(env::project_folder().map(SwitchScope::Project));
        }
        return show_status(&scopes, session);
    }
    let Some(scope) = scopes.first() else {
        let hint = "name it with --session ID, or use --project for this folder";
        return Err(Failure::new(
            FailureCode::InvalidInput,
            "this does not run inside a session of Claude Code",
            Some(hint),
        ));
    };
    let off = args.action == "off";
    scope.set_off(&paths, off).map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot write to {}: {error}", paths.home().display()), None)
    })?;
    let state = HookScopeState { scope: describe_scope(scope), off };
    if session.output.is_json() {
        session.output.print_json(&state);
    } else {
        session.output.print_line(&format!("hooks are {} for {}", args.action, state.scope));
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists agent notes that wait for approval, or approves some.
fn review_notes(args: &HooksArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let waiting = memory.notes_without_consent(None, session.now)?;
    if args.action == "allow" {
        if env::runs_in_agent() {
            let hint = "run it in your own terminal, outside the agent's session";
            return Err(Failure::new(FailureCode::InvalidInput, "an agent cannot approve its own notes", Some(hint)));
        }
        let mut ids: Vec<MessageId> = Vec::new();
        for named in &args.notes {
            ids.push(memory.resolve_id(named)?);
        }
        ids.extend(waiting.iter().filter(|_| args.all).map(|note| note.excerpt.id));
        ids.retain(|id| waiting.iter().any(|note| note.excerpt.id == *id));
        if ids.is_empty() {
            let hint = "`claude-memory hooks notes` lists the waiting notes";
            return Err(Failure::new(FailureCode::NotFound, "no waiting note has this id", Some(hint)));
        }
        memory.consent_to_notes(&ids)?;
        let left = waiting.len() - ids.len();
        session.output.print_message(&format!(
            "allowed: {}; still waiting: {left}. A note that reads like an instruction to obey is never injected",
            ids.len()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let notes: Vec<WaitingNote> = waiting.into_iter().map(WaitingNote::from).collect();
    if session.output.is_json() {
        session.output.print_json(&notes);
        return Ok(ExitCode::SUCCESS);
    }
    for note in &notes {
        let author = match (note.origin.as_str(), &note.said_by) {
            (_, Some(name)) => format!("said by {name}"),
            ("elsewhere", None) => "from elsewhere, not confirmed".to_owned(),
            ("web" | "tool", None) => "copied from a tool's output".to_owned(),
            _ => "saved by an agent".to_owned(),
        };
        let (id, at) = (&note.id, &note.ts);
        session.output.print_line(&format!("{id}  {at} · {} · {} · {author}", note.project, note.kind));
        note.title.iter().for_each(|title| session.output.print_line(&format!("    title: {title}")));
        note.text.lines().for_each(|line| session.output.print_line(&format!("    {line}")));
    }
    session.output.print_message(match notes.len() {
        0 => "no agent note is waiting for your approval",
        _ => "approve one with `claude-memory hooks allow ID`, or delete it with `claude-memory forget ID --yes`",
    });
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct WaitingNote {
    id: String,
    ts: String,
    project: String,
    kind: String,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    said_by: Option<String>,
    title: Option<String>,
    text: String,
}

impl From<PinnedNote> for WaitingNote {
    fn from(note: PinnedNote) -> Self {
        let line = |text: &str| sanitise::sanitise_text(&to_one_line(text, 100)).into_owned();
        Self {
            id: note.excerpt.id.to_string(),
            ts: note.excerpt.at.to_string(),
            project: line(&note.project),
            kind: line(&note.kind),
            origin: note.excerpt.origin.name().to_owned(),
            said_by: note.excerpt.said_by.as_deref().map(line),
            title: note.title.as_deref().map(line),
            text: sanitise::sanitise_text(&note.excerpt.text).into_owned(),
        }
    }
}

fn show_status(scopes: &[SwitchScope], session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    let hooks = session.load_settings(&paths)?.settings.hooks;
    let of = |scope: &SwitchScope| HookScopeState { scope: describe_scope(scope), off: scope.is_off(&paths) };
    let state = HooksState {
        enabled: hooks.enabled,
        recall: hooks.recall,
        capture: hooks.capture,
        scopes: scopes.iter().map(of).collect(),
    };
    if session.output.is_json() {
        session.output.print_json(&state);
        return Ok(ExitCode::SUCCESS);
    }
    let word = |on: bool| if on { "on" } else { "off" };
    session.output.print_line(&format!(
        "hooks are {}: recall {}, capture {}",
        word(state.enabled),
        word(state.recall),
        word(state.capture)
    ));
    for scope in &state.scopes {
        session.output.print_line(&format!("  {} for {}", word(!scope.off), scope.scope));
    }
    Ok(ExitCode::SUCCESS)
}

fn describe_scope(scope: &SwitchScope) -> String {
    match scope {
        SwitchScope::Session(id) => format!("session {id}"),
        SwitchScope::Project(folder) => format!("the project of {}", folder.display()),
    }
}
