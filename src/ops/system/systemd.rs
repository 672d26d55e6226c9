//! Units of systemd, in the user's own folder.

use std::path::{Path, PathBuf};

use super::{Deed, Step, Timer, When, of_user};
use crate::config::env;
use crate::ops::error::Result;
use crate::ops::monitoring::{self, Places};

const SERVICE: &str = "claude-memory.service";

fn folder() -> Result<PathBuf> {
    Ok(of_user(env::config_folder())?.join("systemd").join("user"))
}

pub(super) fn service(deed: Deed, places: &Places) -> Result<Vec<Step>> {
    let unit = folder()?.join(SERVICE);
    let systemctl = |words: &[&str]| Step::run("systemctl", &[&["--user"], words].concat());
    Ok(match deed {
        Deed::Install => {
            let text = monitoring::file(SERVICE, places).unwrap_or_default();
            vec![
                Step::Write(unit, text),
                systemctl(&["daemon-reload"]),
                systemctl(&["enable", SERVICE]),
                systemctl(&["restart", SERVICE]),
            ]
        }
        Deed::Uninstall => vec![
            Step::attempt("systemctl", &["--user", "disable", "--now", SERVICE]),
            Step::Remove(unit),
            systemctl(&["daemon-reload"]),
        ],
        Deed::Start => vec![systemctl(&["start", SERVICE])],
        Deed::Stop => vec![systemctl(&["stop", SERVICE])],
        Deed::Restart => vec![systemctl(&["restart", SERVICE])],
        Deed::Reload => vec![systemctl(&["reload", SERVICE])],
    })
}

pub(super) fn timers(timers: &[Timer], places: &Places, log: &Path) -> Result<Vec<Step>> {
    let folder = folder()?;
    let wanted = |name: &str| timers.iter().any(|timer| timer.name == name);
    let mut steps = Vec::new();
    for gone in installed().into_iter().filter(|name| !wanted(name)) {
        let (unit, timer) = (format!("claude-memory-{gone}.service"), format!("claude-memory-{gone}.timer"));
        steps.push(Step::attempt("systemctl", &["--user", "disable", "--now", &timer]));
        steps.extend([Step::Remove(folder.join(unit)), Step::Remove(folder.join(timer))]);
    }
    let written = timers.iter().flat_map(|timer| units(timer, places, log));
    steps.extend(written.map(|(name, text)| Step::Write(folder.join(name), text)));
    steps.push(Step::run("systemctl", &["--user", "daemon-reload"]));
    for timer in timers {
        steps.push(Step::run(
            "systemctl",
            &["--user", "enable", "--now", &format!("claude-memory-{}.timer", timer.name)],
        ));
    }
    Ok(steps)
}

/// The timers whose unit is in the user's folder.
pub(super) fn installed() -> Vec<String> {
    let entries = folder().ok().and_then(|folder| std::fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_prefix("claude-memory-")?.strip_suffix(".timer")?.to_owned()))
        .collect();
    names.sort_unstable();
    names
}

/// Service and timer of some work: name and text of each.
pub fn units(timer: &Timer, places: &Places, log: &Path) -> [(String, String); 2] {
    let arguments: Vec<String> = timer.arguments.iter().map(|argument| quoted(argument)).collect();
    let (program, home) = (places.program.display().to_string(), places.home.display().to_string());
    // What comes after `append:` is not quoted and goes to the end of the line; only `%` means something there.
    let log = log.display().to_string().replace('%', "%%");
    let service = format!(
        "# Made by claude-memory.\n[Unit]\nDescription=claude-memory: {}\n\n[Service]\nType=oneshot\n\
         ExecStart={} --home {} {}\nStandardOutput=append:{log}\nStandardError=append:{log}\nUMask=0077\n\
         NoNewPrivileges=yes\nNice=10\nProtectSystem=strict\nReadWritePaths={}\nPrivateTmp=yes\n",
        timer.what,
        quoted(&program),
        quoted(&home),
        arguments.join(" "),
        quoted(&home),
    );
    let text = format!(
        "# Made by claude-memory.\n[Unit]\nDescription=claude-memory: {}\n\n[Timer]\nOnCalendar={}\nRandomizedDelaySec=5m\n\
         Persistent=true\n\n[Install]\nWantedBy=timers.target\n",
        timer.what,
        calendar(timer.when)
    );
    [(format!("claude-memory-{}.service", timer.name), service), (format!("claude-memory-{}.timer", timer.name), text)]
}

/// As systemd's calendar events have it.
fn calendar(when: When) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let weekday =
        when.weekday.and_then(|day| DAYS.get(usize::from(day) - 1)).map_or(String::new(), |day| format!("{day} "));
    let day = when.day.map_or_else(|| "*".to_owned(), |day| format!("{day:02}"));
    let hour = when.hour.map_or_else(|| "*".to_owned(), |hour| format!("{hour:02}"));
    format!("{weekday}*-*-{day} {hour}:{:02}:00", when.minute)
}

/// One word of a command line or a path: `%` and `$` mean something to systemd.
pub(in crate::ops) fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::system::TIMERS;

    #[test]
    fn calendars_are_of_systemds_form() {
        let calendars: Vec<String> = TIMERS.iter().map(|timer| calendar(timer.when)).collect();
        assert_eq!(
            calendars,
            ["*-*-* *:07:00", "*-*-* 02:00:00", "Sun *-*-* 02:30:00", "*-*-01 03:00:00", "Mon *-*-* 06:00:00"]
        );
        assert_eq!(quoted("/a b/50%\"$x"), "\"/a b/50%%\\\"$$x\"");
    }
}
