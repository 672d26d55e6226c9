//! Our lines in the user's crontab, between two marks; all other lines are preserved. Writing them again changes
//! nothing.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::templates::DeployPaths;
use super::{SystemTimer, TIMERS, TimerSchedule, program_failure};
use crate::domain::Failure;

const BEGIN: &str = "# claude-memory begin: `claude-memory schedule` owns the lines until the end mark";
const END: &str = "# claude-memory end";

/// Returns true if a crontab program is installed.
pub(super) fn crontab_exists() -> bool {
    Command::new("crontab").arg("-l").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Renders the crontab lines of these timers.
pub(super) fn render_lines(timers: &[SystemTimer], places: &DeployPaths, log: &Path) -> Vec<String> {
    let (program, home) = (places.program.display().to_string(), places.home.display().to_string());
    let line = |timer: &SystemTimer| {
        let words = [program.as_str(), "--home", &home].into_iter().chain(timer.arguments.iter().copied());
        let words: Vec<String> = words.map(quote_word).collect();
        format!(
            "{} {} >> {} 2>&1",
            format_schedule(timer.when),
            words.join(" "),
            quote_word(&log.display().to_string())
        )
    };
    timers.iter().map(line).collect()
}

/// Returns the names of the timers in the crontab.
pub(super) fn installed_timers() -> Vec<String> {
    let Ok(text) = read_crontab() else { return Vec::new() };
    let ours: Vec<&str> = text.lines().skip_while(|line| *line != BEGIN).take_while(|line| *line != END).collect();
    let is_in = |timer: &&SystemTimer| {
        let words: Vec<String> = timer.arguments.iter().map(|word| quote_word(word)).collect();
        ours.iter().any(|line| line.contains(&format!(" {} >> ", words.join(" "))))
    };
    TIMERS.iter().filter(is_in).map(|timer| timer.name.to_owned()).collect()
}

/// Replaces our lines in the crontab. Returns true if that changed anything.
pub(super) fn replace_lines(lines: &[String]) -> Result<bool, Failure> {
    let before = read_crontab()?;
    let after = merge_lines(&before, lines);
    if after == before {
        return Ok(false);
    }
    let failed = |error: std::io::Error| program_failure(format!("cannot run crontab: {error}"));
    let mut child =
        Command::new("crontab").arg("-").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(after.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(true);
    }
    Err(program_failure(format!("crontab: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Reads the crontab; a missing one is empty.
fn read_crontab() -> Result<String, Failure> {
    let output = Command::new("crontab").arg("-l").stdin(Stdio::null()).output();
    let output = output.map_err(|error| program_failure(format!("cannot run crontab: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    // A crontab that cannot be read must not be overwritten.
    if complaint.contains("no crontab for") {
        Ok(String::new())
    } else {
        Err(program_failure(format!("crontab -l: {complaint}")))
    }
}

fn merge_lines(before: &str, lines: &[String]) -> String {
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

/// Formats a time as minute, hour, day of the month, month, day of the week.
fn format_schedule(when: TimerSchedule) -> String {
    let or_any = |number: Option<u8>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
    format!("{} {} {} * {}", when.minute, or_any(when.hour), or_any(when.day), or_any(when.weekday))
}

/// Quotes a word for the shell; an unescaped `%` is a line break to cron.
fn quote_word(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''").replace('%', "\\%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_stay_and_ours_are_there_once() {
        let theirs = "MAILTO=me\n0 1 * * * their own\n";
        let ours = vec!["5 * * * * 'x'".to_owned()];
        let once = merge_lines(theirs, &ours);
        assert!(once.starts_with(theirs) && once.ends_with("# claude-memory end\n"), "{once}");
        assert_eq!(merge_lines(&once, &ours), once);
        assert_eq!(merge_lines(&once, &[]), theirs);
        // An end mark that is missing takes nothing of theirs that stands before.
        assert!(merge_lines(&format!("{theirs}{BEGIN}\n5 * * * * 'x'\n"), &ours).starts_with(theirs));
        assert_eq!(
            format_schedule(TimerSchedule { minute: 0, hour: Some(3), day: Some(1), weekday: None }),
            "0 3 1 * *"
        );
        assert_eq!(quote_word("/a'b/50%"), "'/a'\\''b/50\\%'");
    }
}
