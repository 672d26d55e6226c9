//! `hook`: called by Claude Code. Never fails and never waits long.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::cli::error::Failure;
use crate::cli::session::{Session, ids};
use crate::config::{Layered, env};
use crate::domain::limits;
use crate::hooks::{Hook, Input};

/// A session waits no longer than this, whatever happens; what is not done by then is done at the next event.
const DEADLINE: Duration = Duration::from_millis(150);

/// Handle an event of Claude Code (called by the hooks that `install --hooks` sets up)
///
/// Reads the event as JSON from stdin. Always ends with 0 after at most 150 ms; prints only what Claude Code shall hand to
/// the session. Turn it off with `claude-memory hooks off`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory hook SessionStart < event.json")]
pub(in crate::cli) struct Args {
    /// `SessionStart`, `UserPromptSubmit`, `Stop`, `SubagentStop`, `PreCompact` or `SessionEnd`; others do nothing
    event: String,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let (answer, wait) = channel();
    let (event, now) = (args.event.clone(), session.now);
    let paths = session.paths();
    // A thread of its own, so that neither a lock nor a slow disk can hold the session up: the process ends without it.
    let work = move || {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(limits::HOOK_BYTES as u64).read_to_end(&mut bytes).ok()?;
        let input = Input::parse(&bytes)?;
        let paths = paths.ok()?;
        let settings = Layered::load(&paths.config()).ok()?.settings;
        let done = Hook { paths, settings, ids: ids(), now }.run(&event, &input);
        done.inspect_err(|error| tracing::debug!(%error, "hook {event}")).ok().flatten()
    };
    let started = std::thread::Builder::new().name("hook".to_owned()).spawn(move || answer.send(work()));
    if started.is_ok()
        && let Ok(Some(text)) = wait.recv_timeout(env::deadline().unwrap_or(DEADLINE))
    {
        session.output.line(&text);
    }
    Ok(ExitCode::SUCCESS)
}
