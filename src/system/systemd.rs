//! systemd units in the user's own folder.

use std::path::{Path, PathBuf};

use super::templates::{DeployPaths, fill_template};
use super::{ServiceAction, SystemStep, SystemTimer, TimerSchedule, require_folder};
use crate::config::env;
use crate::domain::Failure;

pub(super) const SERVICE: &str = "claude-memory.service";

/// Renders the unit of the service.
pub(super) fn render_service(places: &DeployPaths) -> String {
    let template = include_str!("../../data/monitoring/claude-memory.service");
    fill_template(places, template, quote_argument)
}

fn unit_folder() -> Result<PathBuf, Failure> {
    Ok(require_folder(env::config_folder())?.join("systemd").join("user"))
}

pub(super) fn service_steps(deed: ServiceAction, places: &DeployPaths) -> Result<Vec<SystemStep>, Failure> {
    let unit = unit_folder()?.join(SERVICE);
    let systemctl = |words: &[&str]| SystemStep::new_run("systemctl", &[&["--user"], words].concat());
    Ok(match deed {
        ServiceAction::Install => {
            vec![
                SystemStep::Write(unit, render_service(places)),
                systemctl(&["daemon-reload"]),
                systemctl(&["enable", SERVICE]),
                systemctl(&["restart", SERVICE]),
            ]
        }
        ServiceAction::Uninstall => vec![
            SystemStep::new_attempt("systemctl", &["--user", "disable", "--now", SERVICE]),
            SystemStep::Remove(unit),
            systemctl(&["daemon-reload"]),
        ],
        ServiceAction::Start => vec![systemctl(&["start", SERVICE])],
        ServiceAction::Stop => vec![systemctl(&["stop", SERVICE])],
        ServiceAction::Restart => vec![systemctl(&["restart", SERVICE])],
        ServiceAction::Reload => vec![systemctl(&["reload", SERVICE])],
    })
}

pub(super) fn timer_steps(
    timers: &[SystemTimer],
    places: &DeployPaths,
    log: &Path,
) -> Result<Vec<SystemStep>, Failure> {
    let folder = unit_folder()?;
    let wanted = |name: &str| timers.iter().any(|timer| timer.name == name);
    let mut steps = Vec::new();
    for gone in installed_timers().into_iter().filter(|name| !wanted(name)) {
        let (unit, timer) = (format!("claude-memory-{gone}.service"), format!("claude-memory-{gone}.timer"));
        steps.push(SystemStep::new_attempt("systemctl", &["--user", "disable", "--now", &timer]));
        steps.extend([SystemStep::Remove(folder.join(unit)), SystemStep::Remove(folder.join(timer))]);
    }
    let written = timers.iter().flat_map(|timer| render_units(timer, places, log));
    steps.extend(written.map(|(name, text)| SystemStep::Write(folder.join(name), text)));
    steps.push(SystemStep::new_run("systemctl", &["--user", "daemon-reload"]));
    for timer in timers {
        steps.push(SystemStep::new_run(
            "systemctl",
            &["--user", "enable", "--now", &format!("claude-memory-{}.timer", timer.name)],
        ));
    }
    Ok(steps)
}

/// Returns the timers whose unit is in the user's folder.
pub(super) fn installed_timers() -> Vec<String> {
    let entries = unit_folder().ok().and_then(|folder| std::fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_prefix("claude-memory-")?.strip_suffix(".timer")?.to_owned()))
        .collect();
    names.sort_unstable();
    names
}

/// Renders the service and timer units of a timer: name and text of each.
pub(super) fn render_units(timer: &SystemTimer, places: &DeployPaths, log: &Path) -> [(String, String); 2] {
    let arguments: Vec<String> = timer.arguments.iter().map(|argument| quote_argument(argument)).collect();
    let (program, home) = (places.program.display().to_string(), places.home.display().to_string());
    // The path after `append:` is not quoted and extends to the end of the line; only `%` is special there.
    let log = log.display().to_string().replace('%', "%%");
    let service = format!(
        "# Made by claude-memory.\n[Unit]\nDescription=claude-memory: {}\n\n[Service]\nType=oneshot\n\
         ExecStart={} --home {} {}\nStandardOutput=append:{log}\nStandardError=append:{log}\nUMask=0077\n\
         NoNewPrivileges=yes\nNice=10\nProtectSystem=strict\nReadWritePaths={}\nPrivateTmp=yes\n",
        timer.what,
        quote_argument(&program),
        quote_argument(&home),
        arguments.join(" "),
        quote_argument(&home),
    );
    let text = format!(
        "# Made by claude-memory.\n[Unit]\nDescription=claude-memory: {}\n\n[Timer]\nOnCalendar={}\nRandomizedDelaySec=5m\n\
         Persistent=true\n\n[Install]\nWantedBy=timers.target\n",
        timer.what,
        format_calendar(timer.when)
    );
    [(format!("claude-memory-{}.service", timer.name), service), (format!("claude-memory-{}.timer", timer.name), text)]
}

/// Formats a time as a systemd calendar event.
fn format_calendar(when: TimerSchedule) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let weekday =
        when.weekday.and_then(|day| DAYS.get(usize::from(day) - 1)).map_or(String::new(), |day| format!("{day} "));
    let day = when.day.map_or_else(|| "*".to_owned(), |day| format!("{day:02}"));
    let hour = when.hour.map_or_else(|| "*".to_owned(), |hour| format!("{hour:02}"));
    format!("{weekday}*-*-{day} {hour}:{:02}:00", when.minute)
}

/// Quotes a word of a command line or a path: `%` and `$` are special to systemd.
fn quote_argument(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::TIMERS;

    #[test]
    fn calendars_are_of_systemds_form() {
        let calendars: Vec<String> = TIMERS.iter().map(|timer| format_calendar(timer.when)).collect();
        assert_eq!(
            calendars,
            ["*-*-* *:07:00", "*-*-* 02:00:00", "Sun *-*-* 02:30:00", "*-*-01 03:00:00", "Mon *-*-* 06:00:00"]
        );
        assert_eq!(quote_argument("/a b/50%\"$x"), "\"/a b/50%%\\\"$$x\"");
    }
}
