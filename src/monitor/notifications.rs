//! Notifications of new alerts: a desktop message and a program of the user's. Both are optional; neither may block the
//! caller.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::alerts::AlertLine;
use crate::config::AlertSettings;

/// Timeout of a notification program.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between two checks for its exit.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Sends the notifications of one alert on a thread of its own.
pub fn notify_alert(line: &AlertLine, settings: &AlertSettings) {
    let program = settings.command_for_severity(&line.severity).to_vec();
    let desktop = settings.desktop.then(|| desktop_command(line)).flatten();
    let input = serde_json::to_vec(line).unwrap_or_default();
    if program.is_empty() && desktop.is_none() {
        return;
    }
    let work = move || {
        let user = program.split_first().map(|(name, arguments)| {
            let mut command = Command::new(name);
            command.args(arguments);
            command
        });
        for command in [user, desktop].into_iter().flatten() {
            run_command(command, &input);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("tell".to_owned()).spawn(work) {
        tracing::warn!(%error, "cannot start the notification thread");
    }
}

fn run_command(mut command: Command, input: &[u8]) {
    let program = command.get_program().to_string_lossy().into_owned();
    let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return tracing::warn!(program, %error, "cannot start the notification program"),
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A program need not read its input: an alert fits into the pipe buffer.
        let _ = stdin.write_all(input);
    }
    let deadline = Instant::now() + COMMAND_TIMEOUT;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return,
            Ok(Some(status)) => return tracing::warn!(program, %status, "notification program failed"),
            Ok(None) if Instant::now() < deadline => std::thread::park_timeout(POLL_INTERVAL),
            _ => break,
        }
    }
    tracing::warn!(program, "notification program timed out and was killed");
    let _ = child.kill();
    let _ = child.wait();
}

/// Builds the command of the system that shows a desktop notification; `None` on other systems.
fn desktop_command(line: &AlertLine) -> Option<Command> {
    let title = format!("{} {}", line.alertname, line.status);
    if cfg!(target_os = "macos") {
        let mut command = Command::new("osascript");
        // The texts are arguments, never part of the script.
        let script = "on run {title, body}\ndisplay notification body with title title\nend run";
        command.args(["-e", script, &title, &line.summary]);
        Some(command)
    } else if cfg!(unix) {
        let urgency = if line.severity == "critical" { "critical" } else { "normal" };
        let mut command = Command::new("notify-send");
        command.args(["--app-name=claude-memory", "--urgency", urgency, "--", &title, &line.summary]);
        Some(command)
    } else {
        None
    }
}
