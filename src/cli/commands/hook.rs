//! `hook`: handles events of Claude Code, Codex and Gemini CLI. Never fails, and never blocks a session for long.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::cli::invocation::{Invocation, id_generator};
use crate::cli::progress::set_on_interrupt;
use crate::clients::McpClient;
use crate::config::{LayeredSettings, env};
use crate::domain::{Failure, limits};
use crate::embed::lower_thread_priority;
use crate::hooks::{self, HookHandler, HookInput};
use crate::import::Source;

/// Longest time a session waits for memories, whatever happens.
const RECALL_LIMIT: Duration = Duration::from_millis(150);
/// Longest time of a background capture, so that a hanging disk does not pile up processes. At 2 MB/s beside other work
/// this is a transcript of 60 MB; the rest is captured at the next event.
const CAPTURE_LIMIT: Duration = Duration::from_secs(30);
/// Time to finish the current batch: it takes a second or two, and ten more when another process writes. Both limits
/// together are less than the timeout that `install` gives Claude Code.
const BATCH_LIMIT: Duration = Duration::from_secs(15);

/// Longest time of a capture that the client waits for, because it exits afterwards.
const BLOCKING_CAPTURE_LIMIT: Duration = Duration::from_secs(2);
/// Time to finish the current batch of such a capture. The next import reads the rest.
const BLOCKING_BATCH_LIMIT: Duration = Duration::from_millis(500);

/// Handle an event of a client (called by the hooks that `install --hooks` sets up)
///
/// Reads the event as JSON from stdin and always exits with 0. For SessionStart, UserPromptSubmit, PreToolUse,
/// PostToolUseFailure and SubagentStart it prints memories to inject, within 150 ms. For Stop, SubagentStop,
/// PreCompact, SessionEnd and CatchUp it saves new messages of the transcript: in the background, at low priority, for
/// at most 30 s; where the client waits, for at most 2 s. The next event saves the rest. Turn it off with
/// `claude-memory hooks off`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory hook SessionStart < event.json\n  claude-memory hook --client codex Stop < event.json"
)]
pub(in crate::cli) struct HookArgs {
    /// Client that sends the event: claude-code, codex or gemini
    #[arg(long, default_value = "claude-code", value_parser = ["claude-code", "codex", "gemini"])]
    client: String,
    /// Event, for example `SessionStart` or `Stop`; `CatchUp` saves what earlier sessions left; unknown ones do nothing
    event: String,
}

pub(in crate::cli) fn run(args: &HookArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let (answer, wait) = channel();
    let (event, now) = (args.event.clone(), session.now);
    let client = McpClient::from_name(&args.client).unwrap_or(McpClient::ClaudeCode);
    let captures = hooks::is_background(&event);
    let awaited = captures && is_blocking(client, &event);
    let stop = Arc::new(AtomicBool::new(false));
    let (paths, stopped) = (session.resolve_paths(), Arc::clone(&stop));
    // On a separate thread, so that neither a lock nor a slow disk can block the session: the process exits without it.
    let work = move || {
        if captures && !awaited {
            lower_thread_priority();
        }
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(limits::HOOK_BYTES as u64).read_to_end(&mut bytes).ok()?;
        let input =
            HookInput { history: Some(history_source(client)), is_awaited: awaited, ..HookInput::from_json(&bytes)? };
        if captures {
            // A client that exits ends its background processes: keep what was read until then.
            set_on_interrupt(&stopped);
        }
        let paths = paths.ok()?;
        let settings = LayeredSettings::load_file(&paths.config_file()).ok()?.settings;
        let transcripts = env::claude_folder().map(|folder| folder.join("projects"));
        let hook = HookHandler { paths, settings, ids: id_generator(), now, transcripts };
        let done = hook.handle_event(&event, &input, &stopped);
        let text = done.inspect_err(|error| tracing::debug!(%error, "hook {event}")).ok().flatten();
        text.map(|text| name_event(&text, client, &event))
    };
    let started = std::thread::Builder::new().name("hook".to_owned()).spawn(move || answer.send(work()));
    if started.is_ok() {
        let (limit, batch) = time_limits(captures, awaited);
        let text = wait
            .recv_timeout(limit)
            .unwrap_or_else(|_| if captures { stop_capture(&wait, &stop, batch) } else { None });
        text.iter().for_each(|text| session.output.print_line(text));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns true if the client waits until a capture ends.
fn is_blocking(client: McpClient, event: &str) -> bool {
    client.hook_entries().iter().any(|hook| hook.argument == event && !hook.background)
}

/// Returns the time limits of the work and of its last batch.
fn time_limits(captures: bool, awaited: bool) -> (Duration, Duration) {
    match (captures, awaited) {
        (false, _) => (RECALL_LIMIT, Duration::ZERO),
        (true, false) => (CAPTURE_LIMIT, BATCH_LIMIT),
        (true, true) => (BLOCKING_CAPTURE_LIMIT, BLOCKING_BATCH_LIMIT),
    }
}

/// Returns the import source of a client's transcripts.
const fn history_source(client: McpClient) -> Source {
    match client {
        McpClient::Codex => Source::CODEX,
        McpClient::Gemini => Source::GEMINI,
        McpClient::ClaudeCode | McpClient::ClaudeDesktop | McpClient::Cursor => Source::CLAUDE_CODE,
    }
}

/// Replaces the event name in an answer with the client's own name for it.
fn name_event(text: &str, client: McpClient, event: &str) -> String {
    let Some(hook) = client.hook_entries().iter().find(|hook| hook.argument == event && hook.event != event) else {
        return text.to_owned();
    };
    let mut answer: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(name) = answer.pointer_mut("/hookSpecificOutput/hookEventName") {
        *name = hook.event.into();
    }
    answer.to_string()
}

/// Asks the capture to stop and waits until its current batch is saved.
fn stop_capture(wait: &Receiver<Option<String>>, stop: &AtomicBool, batch: Duration) -> Option<String> {
    stop.store(true, Ordering::Relaxed);
    wait.recv_timeout(batch).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_end_by_themselves_before_the_client_ends_them() {
        for (client, hook) in
            McpClient::ALL.iter().flat_map(|client| client.hook_entries().iter().map(move |hook| (*client, hook)))
        {
            let captures = hooks::is_background(hook.argument);
            let awaited = captures && is_blocking(client, hook.argument);
            assert_eq!(hook.background, captures && !awaited, "{client} {}", hook.argument);
            let (work, batch) = time_limits(captures, awaited);
            assert!(work + batch < Duration::from_secs(hook.timeout.into()), "{client} {}", hook.argument);
        }
    }

    #[test]
    fn an_answer_bears_the_name_that_the_client_has_for_the_event() {
        let answer = r#"{"hookSpecificOutput":{"hookEventName":"UserPromptSubmit","additionalContext":"x"}}"#;
        assert_eq!(name_event(answer, McpClient::Codex, "UserPromptSubmit"), answer);
        assert!(
            name_event(answer, McpClient::Gemini, "UserPromptSubmit").contains("\"hookEventName\":\"BeforeAgent\"")
        );
    }
}
