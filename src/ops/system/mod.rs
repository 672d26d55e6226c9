//! What runs programs on this system without anybody logged in: systemd's user manager, launchd, cron. Owns the choice and the
//! calls; the texts of units, property lists and lines are in a file each.

mod cron;
mod launchd;
mod systemd;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{Error, Result};
use super::monitoring::Places;
use crate::disk;

pub(super) use systemd::quoted;
pub use systemd::units;

/// Who starts things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// systemd, as the user.
    Systemd,
    /// macOS.
    Launchd,
    /// cron: timers only.
    Cron,
}

impl Manager {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
            Self::Cron => "cron",
        }
    }

    /// The one of this machine that can run a service; `None` when there is none.
    pub fn for_service() -> Option<Self> {
        if cfg!(target_os = "macos") {
            return Some(Self::Launchd);
        }
        run("systemctl", &["--user", "show-environment"]).is_ok().then_some(Self::Systemd)
    }

    /// The one of this machine that can run timers.
    pub fn for_timers() -> Option<Self> {
        Self::for_service().or_else(|| cron::is_there().then_some(Self::Cron))
    }
}

/// Work that a timer does.
#[derive(Debug, Clone, Copy)]
pub struct Timer {
    /// Its name; units are called `claude-memory-NAME`.
    pub name: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    /// Arguments of the program.
    pub arguments: &'static [&'static str],
    /// When.
    pub when: When,
}

/// When a timer goes off; local time.
#[derive(Debug, Clone, Copy, Default)]
pub struct When {
    /// Minute of the hour.
    pub minute: u8,
    /// Hour of the day; every hour without it.
    pub hour: Option<u8>,
    /// Day of the week, 1 is Monday.
    pub weekday: Option<u8>,
    /// Day of the month.
    pub day: Option<u8>,
}

/// What is done where `serve` does not run.
pub const TIMERS: &[Timer] = &[
    Timer {
        name: "import",
        what: "read new conversations",
        arguments: &["import", "claude-code"],
        when: When { minute: 7, hour: None, weekday: None, day: None },
    },
    Timer {
        name: "backup",
        what: "a backup, restored and compared",
        arguments: &["backup", "create"],
        when: When { minute: 0, hour: Some(2), weekday: None, day: None },
    },
    Timer {
        name: "check",
        what: "compare everything with everything",
        arguments: &["doctor", "--deep"],
        when: When { minute: 30, hour: Some(2), weekday: Some(7), day: None },
    },
    Timer {
        name: "maintain",
        what: "the monthly round",
        arguments: &["maintain"],
        when: When { minute: 0, hour: Some(3), weekday: None, day: Some(1) },
    },
    Timer {
        name: "report",
        what: "the weekly report",
        arguments: &["report", "weekly", "--save"],
        when: When { minute: 0, hour: Some(6), weekday: Some(1), day: None },
    },
];

/// A file that is written, or a command that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A file and its text.
    Write(PathBuf, String),
    /// A file that goes.
    Remove(PathBuf),
    /// A program and its arguments.
    Run(&'static str, Vec<String>),
    /// As `Run`, but it may fail: to stop what may not run.
    Try(&'static str, Vec<String>),
    /// The lines of the user's crontab that are ours.
    Crontab(Vec<String>),
}

impl Step {
    fn run(program: &'static str, arguments: &[&str]) -> Self {
        Self::Run(program, arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }

    fn attempt(program: &'static str, arguments: &[&str]) -> Self {
        Self::Try(program, arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write(path, text) => write!(formatter, "write {}:\n{text}", path.display()),
            Self::Remove(path) => write!(formatter, "remove {}", path.display()),
            Self::Run(program, arguments) | Self::Try(program, arguments) => {
                write!(formatter, "run {program} {}", arguments.join(" "))
            }
            Self::Crontab(lines) => write!(formatter, "lines of the crontab:\n{}", lines.join("\n")),
        }
    }
}

/// What can be done with the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Enter it and start it.
    Install,
    /// Stop it and take it out.
    Uninstall,
    /// Start it.
    Start,
    /// End it.
    Stop,
    /// End it and start it.
    Restart,
    /// Let it read its configuration again.
    Reload,
}

/// What a deed takes.
///
/// # Errors
/// When this user has no home folder.
pub fn service(manager: Manager, deed: Deed, places: &Places) -> Result<Vec<Step>> {
    match manager {
        Manager::Systemd => systemd::service(deed, places),
        Manager::Launchd => launchd::service(deed, places),
        Manager::Cron => Err(none()),
    }
}

/// What its manager says of the service that runs.
///
/// # Errors
/// What it says when it does not run.
pub fn service_state(manager: Manager) -> std::result::Result<String, String> {
    match manager {
        Manager::Systemd => run("systemctl", &["--user", "status", "--no-pager", "claude-memory.service"]),
        Manager::Launchd => run("launchctl", &["print", &launchd::target("serve")]),
        Manager::Cron => Err("cron runs no services".to_owned()),
    }
}

/// What it takes to have exactly these timers; without any they are taken out.
///
/// # Errors
/// When this user has no home folder, or the crontab cannot be read.
pub fn timers(manager: Manager, timers: &[Timer], places: &Places, log: &Path) -> Result<Vec<Step>> {
    match manager {
        Manager::Systemd => systemd::timers(timers, places, log),
        Manager::Launchd => launchd::timers(timers, places, log),
        Manager::Cron => Ok(vec![Step::Crontab(cron::lines(timers, places, log))]),
    }
}

/// The timers that are installed, by name, wherever they are.
pub fn installed() -> Vec<(Manager, String)> {
    let mut found: Vec<(Manager, String)> = Vec::new();
    let known = |name: &str| TIMERS.iter().any(|timer| timer.name == name);
    found.extend(systemd::installed().into_iter().filter(|name| known(name)).map(|name| (Manager::Systemd, name)));
    found.extend(launchd::installed().into_iter().filter(|name| known(name)).map(|name| (Manager::Launchd, name)));
    found.extend(cron::installed().into_iter().map(|name| (Manager::Cron, name)));
    found
}

/// There is nobody who could run a service.
pub fn none() -> Error {
    Error::Invalid {
        message: "there is no service manager of this user here (systemd or launchd)".to_owned(),
        hint: "run `claude-memory serve` under the one you have; `claude-memory monitoring export` writes units to start from",
    }
}

/// Does the steps. What is as it should be is left alone; returns how many changed something.
///
/// # Errors
/// When a file cannot be written or a program fails.
pub fn carry_out(steps: &[Step]) -> Result<usize> {
    let mut changed = 0;
    for step in steps {
        match step {
            Step::Write(path, text) => {
                if std::fs::read_to_string(path).is_ok_and(|there| there == *text) {
                    continue;
                }
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
                }
                disk::write_atomic(path, text.as_bytes()).map_err(Error::io("write", path))?;
                changed += 1;
            }
            Step::Remove(path) => match std::fs::remove_file(path) {
                Ok(()) => changed += 1,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("remove", path)(error)),
            },
            Step::Run(program, arguments) => {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                run(program, &arguments).map_err(Error::Program)?;
            }
            Step::Try(program, arguments) => {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                if let Err(why) = run(program, &arguments) {
                    tracing::debug!(why, "that was not needed");
                }
            }
            Step::Crontab(lines) => changed += usize::from(cron::replace(lines)?),
        }
    }
    Ok(changed)
}

/// Runs a program of the system; its output, or what it complains about.
fn run(program: &str, arguments: &[&str]) -> std::result::Result<String, String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = if complaint.is_empty() { text.trim().to_owned() } else { complaint };
    Err(format!("{program} {}: {said}", arguments.join(" ")))
}

/// The folder of this user that is looked for; `None` when there is no home.
fn of_user(folder: Option<PathBuf>) -> Result<PathBuf> {
    folder.ok_or_else(|| Error::Invalid { message: "this user has no home folder".to_owned(), hint: "set HOME" })
}
