//! `hooks`: turns the hooks off and on again.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::config::env;
use crate::domain::Code;
use crate::hooks::switch::Scope;

/// Turn the hooks off for this session or this project, or on again
///
/// Inside Claude Code, `! claude-memory hooks off` is about the running session. For a whole run start it with
/// `CLAUDE_MEMORY_HOOKS_ENABLED=false`; for good set `hooks.enabled`, `hooks.recall` or `hooks.capture`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory hooks off\n  claude-memory hooks on")]
pub(in crate::cli) struct Args {
    /// off, on or status
    #[arg(value_parser = ["off", "on", "status"])]
    action: String,
    /// A session by its id [default: the one this runs in]
    #[arg(long, value_name = "ID", conflicts_with = "project")]
    session: Option<String>,
    /// The project of a folder [default: this folder]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".")]
    project: Option<PathBuf>,
}

#[derive(Serialize)]
struct State {
    enabled: bool,
    recall: bool,
    capture: bool,
    scopes: Vec<ScopeState>,
}

#[derive(Serialize)]
struct ScopeState {
    scope: String,
    off: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    let folder = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let current = env::session();
    let mut scopes: Vec<Scope> = match (&args.session, &args.project) {
        (Some(id), _) => vec![Scope::Session(id.clone())],
        (None, Some(path)) => vec![Scope::Project(folder(path))],
        (None, None) => current.into_iter().map(Scope::Session).collect(),
    };
    if args.action == "status" {
        if args.session.is_none() && args.project.is_none() {
            scopes.extend(env::project_folder().map(Scope::Project));
        }
        return status(&scopes, session);
    }
    let Some(scope) = scopes.first() else {
        let hint = "name it with --session ID, or use --project for this folder";
        return Err(Failure::new(Code::InvalidInput, "this does not run inside a session of Claude Code", Some(hint)));
    };
    let off = args.action == "off";
    scope.set(&paths, off).map_err(|error| {
        Failure::new(Code::Unavailable, format!("cannot write below {}: {error}", paths.home().display()), None)
    })?;
    let state = ScopeState { scope: name(scope), off };
    if session.output.is_json() {
        session.output.json(&state);
    } else {
        session.output.line(&format!("hooks are {} for {}", args.action, state.scope));
    }
    Ok(ExitCode::SUCCESS)
}

fn status(scopes: &[Scope], session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    let hooks = session.settings(&paths)?.settings.hooks;
    let of = |scope: &Scope| ScopeState { scope: name(scope), off: scope.is_off(&paths) };
    let state = State {
        enabled: hooks.enabled,
        recall: hooks.recall,
        capture: hooks.capture,
        scopes: scopes.iter().map(of).collect(),
    };
    if session.output.is_json() {
        session.output.json(&state);
        return Ok(ExitCode::SUCCESS);
    }
    let word = |on: bool| if on { "on" } else { "off" };
    session.output.line(&format!(
        "hooks are {}: recall {}, capture {}",
        word(state.enabled),
        word(state.recall),
        word(state.capture)
    ));
    for scope in &state.scopes {
        session.output.line(&format!("  {} for {}", word(!scope.off), scope.scope));
    }
    Ok(ExitCode::SUCCESS)
}

fn name(scope: &Scope) -> String {
    match scope {
        Scope::Session(id) => format!("session {id}"),
        Scope::Project(folder) => format!("the project of {}", folder.display()),
    }
}
