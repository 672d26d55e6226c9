//! Telling of a new alert: on the desktop, and with a program of the user's. Both are the user's wish; neither may hold anything up.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::alerts::Line;
use crate::config::AlertSettings;

/// A program that is told of an alert has so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Tells of one alert, on a thread of its own.
pub fn tell(line: &Line, settings: &AlertSettings) {
    let program = settings.command(&line.severity).to_vec();
    let desktop = settings.desktop.then(|| desktop(line)).flatten();
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
            run(command, &input);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("tell".to_owned()).spawn(work) {
        tracing::warn!(%error, "nobody was told of an alert");
    }
}

fn run(mut command: Command, input: &[u8]) {
    let program = command.get_program().to_string_lossy().into_owned();
    let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return tracing::warn!(program, %error, "a program that tells of alerts cannot be started"),
    };
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read is fine: an alert fits into the pipe.
        let _ = stdin.write_all(input);
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return,
            Ok(Some(status)) => return tracing::warn!(program, %status, "a program that tells of alerts failed"),
            Ok(None) if Instant::now() < deadline => std::thread::park_timeout(LOOK),
            _ => break,
        }
    }
    tracing::warn!(program, "a program that tells of alerts did not end and is ended");
    let _ = child.kill();
    let _ = child.wait();
}

/// The system's own way to show a notification.
fn desktop(line: &Line) -> Option<Command> {
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
