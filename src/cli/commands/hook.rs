//! `hook`: called by Claude Code. Never fails, and never makes a session wait long.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::cli::error::Failure;
use crate::cli::progress::set_on_interrupt;
use crate::cli::session::{Session, ids};
use crate::config::{Layered, env};
use crate::domain::limits;
use crate::embed::give_way;
use crate::hooks::{self, Hook, Input};

/// A session waits no longer than this for memories, whatever happens.
const RECALL_LIMIT: Duration = Duration::from_millis(150);
/// Nobody waits for a capture. It ends after this time all the same, so that a disk that hangs does not collect processes; at
/// two megabytes a second beside other work this is a transcript of 60 MB, and what is left is captured at the next event.
const CAPTURE_LIMIT: Duration = Duration::from_secs(30);
/// The batch at hand is finished within this time: it takes a second or two, and ten more when another process writes. Both
/// together are less than what `install` tells Claude Code.
const BATCH_LIMIT: Duration = Duration::from_secs(15);

/// Handle an event of Claude Code (called by the hooks that `install --hooks` sets up)
///
/// Reads the event as JSON from stdin and always ends with 0. For SessionStart and UserPromptSubmit it prints what Claude Code
/// hands to the session, within 150 ms. The other events read what is new of the transcript: in the background, at low
/// priority, for at most 30 s; what is left then is read at the next event. Turn it off with `claude-memory hooks off`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory hook SessionStart < event.json")]
pub(in crate::cli) struct Args {
    /// `SessionStart`, `UserPromptSubmit`, `Stop`, `SubagentStop`, `PreCompact`, `SessionEnd`, or `CatchUp` for what earlier
    /// sessions left; others do nothing
    event: String,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let (answer, wait) = channel();
    let (event, now) = (args.event.clone(), session.now);
    let background = hooks::is_background(&event);
    let stop = Arc::new(AtomicBool::new(false));
    let (paths, stopped) = (session.paths(), Arc::clone(&stop));
    // A thread of its own, so that neither a lock nor a slow disk can hold the session up: the process ends without it.
    let work = move || {
        if background {
            give_way();
        }
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(limits::HOOK_BYTES as u64).read_to_end(&mut bytes).ok()?;
        let input = Input::parse(&bytes)?;
        if background {
            // Claude Code ends what runs in the background when it ends itself: what was read by then is kept.
            set_on_interrupt(&stopped);
        }
        let paths = paths.ok()?;
        let settings = Layered::load(&paths.config()).ok()?.settings;
        let transcripts = env::claude_folder().map(|folder| folder.join("projects"));
        let hook = Hook { paths, settings, ids: ids(), now, transcripts };
        let done = hook.run(&event, &input, &stopped);
        done.inspect_err(|error| tracing::debug!(%error, "hook {event}")).ok().flatten()
    };
    let started = std::thread::Builder::new().name("hook".to_owned()).spawn(move || answer.send(work()));
    if started.is_ok() {
        let limit = if background { CAPTURE_LIMIT } else { RECALL_LIMIT };
        let text = wait.recv_timeout(limit).unwrap_or_else(|_| if background { end(&wait, &stop) } else { None });
        text.iter().for_each(|text| session.output.line(text));
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the capture to end and waits until the batch at hand is kept.
fn end(wait: &Receiver<Option<String>>, stop: &AtomicBool) -> Option<String> {
    stop.store(true, Ordering::Relaxed);
    wait.recv_timeout(BATCH_LIMIT).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::HOOKS;

    #[test]
    fn hooks_end_by_themselves_before_the_client_ends_them() {
        for hook in HOOKS {
            let background = hooks::is_background(hook.argument);
            assert_eq!(hook.background, background, "{}", hook.argument);
            let longest = if background { CAPTURE_LIMIT + BATCH_LIMIT } else { RECALL_LIMIT };
            assert!(longest < Duration::from_secs(hook.timeout.into()), "{}", hook.argument);
        }
    }
}
