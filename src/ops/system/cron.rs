//! Our lines in the user's crontab, between two marks; all others stay as they are. Written again they are the same lines.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{TIMERS, Timer, When};
use crate::ops::error::{Error, Result};
use crate::ops::monitoring::Places;

const BEGIN: &str = "# claude-memory begin: `claude-memory schedule` owns the lines until the end mark";
const END: &str = "# claude-memory end";

/// Whether there is a crontab program.
pub(super) fn is_there() -> bool {
    Command::new("crontab").arg("-l").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The lines of these timers.
pub(super) fn lines(timers: &[Timer], places: &Places, log: &Path) -> Vec<String> {
    let (program, home) = (places.program.display().to_string(), places.home.display().to_string());
    let line = |timer: &Timer| {
        let words = [program.as_str(), "--home", &home].into_iter().chain(timer.arguments.iter().copied());
        let words: Vec<String> = words.map(quoted).collect();
        format!("{} {} >> {} 2>&1", when(timer.when), words.join(" "), quoted(&log.display().to_string()))
    };
    timers.iter().map(line).collect()
}

/// The names of the timers that are in the crontab.
pub(super) fn installed() -> Vec<String> {
    let Ok(text) = read() else { return Vec::new() };
    let ours: Vec<&str> = text.lines().skip_while(|line| *line != BEGIN).take_while(|line| *line != END).collect();
    let is_in = |timer: &&Timer| {
        let words: Vec<String> = timer.arguments.iter().map(|word| quoted(word)).collect();
        ours.iter().any(|line| line.contains(&format!(" {} >> ", words.join(" "))))
    };
    TIMERS.iter().filter(is_in).map(|timer| timer.name.to_owned()).collect()
}

/// Puts our lines in the place of those that are there; returns whether that changed anything.
pub(super) fn replace(lines: &[String]) -> Result<bool> {
    let before = read()?;
    let after = merged(&before, lines);
    if after == before {
        return Ok(false);
    }
    let failed = |error: std::io::Error| Error::Program(format!("crontab cannot be run: {error}"));
    let mut child =
        Command::new("crontab").arg("-").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(after.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(true);
    }
    Err(Error::Program(format!("crontab: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// The crontab; one that does not exist is empty.
fn read() -> Result<String> {
    let output = Command::new("crontab").arg("-l").stdin(Stdio::null()).output();
    let output = output.map_err(|error| Error::Program(format!("crontab cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    // What is not known to be empty is not written over.
    if complaint.contains("no crontab for") {
        Ok(String::new())
    } else {
        Err(Error::Program(format!("crontab -l: {complaint}")))
    }
}

fn merged(before: &str, lines: &[String]) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in before.lines() {
        match line {
            BEGIN => inside = true,
            END if inside => inside = false,
            _ if !inside => kept.push(line),
            _ => {}
        }
    }
    if !lines.is_empty() {
        kept.push(BEGIN);
        kept.extend(lines.iter().map(String::as_str));
        kept.push(END);
    }
    kept.push("");
    kept.join("\n")
}

/// Minute, hour, day of the month, month, day of the week.
fn when(when: When) -> String {
    let or_any = |number: Option<u8>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
    format!("{} {} {} * {}", when.minute, or_any(when.hour), or_any(when.day), or_any(when.weekday))
}

/// One word for the shell; a bare `%` is a line break to cron.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''").replace('%', "\\%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_stay_and_ours_are_there_once() {
        let theirs = "MAILTO=me\n0 1 * * * their own\n";
        let ours = vec!["5 * * * * 'x'".to_owned()];
        let once = merged(theirs, &ours);
        assert!(once.starts_with(theirs) && once.ends_with("# claude-memory end\n"), "{once}");
        assert_eq!(merged(&once, &ours), once);
        assert_eq!(merged(&once, &[]), theirs);
        // An end mark that is missing takes nothing of theirs that stands before.
        assert!(merged(&format!("{theirs}{BEGIN}\n5 * * * * 'x'\n"), &ours).starts_with(theirs));
        assert_eq!(when(When { minute: 0, hour: Some(3), day: Some(1), weekday: None }), "0 3 1 * *");
        assert_eq!(quoted("/a'b/50%"), "'/a'\\''b/50\\%'");
    }
}
