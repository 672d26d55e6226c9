//! Service managers and timers of this system: systemd's user manager, launchd, cron. Owns the choice and the calls;
//! units, property lists and crontab lines are rendered in a file each.

mod cron;
mod launchd;
mod monitoring_files;
pub mod schedule;
mod systemd;
mod templates;
pub mod ticket;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::disk;
use crate::domain::names::names;
use crate::domain::{Failure, FailureCode};

pub use monitoring_files::export_files;
pub use templates::DeployPaths;

/// Service manager of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceManager {
    /// systemd's user manager.
    Systemd,
    /// launchd on macOS.
    Launchd,
    /// cron, which runs timers only.
    Cron,
}

names!(ServiceManager { Systemd: "systemd"; Launchd: "launchd"; Cron: "cron"; });

impl ServiceManager {
    /// Returns this machine's manager that can run a service, if there is one.
    pub fn for_service() -> Option<Self> {
        if cfg!(target_os = "macos") {
            return Some(Self::Launchd);
        }
        run_program("systemctl", &["--user", "show-environment"]).is_ok().then_some(Self::Systemd)
    }

    /// Returns this machine's manager that can run timers, if there is one.
    pub fn for_timers() -> Option<Self> {
        Self::for_service().or_else(|| cron::crontab_exists().then_some(Self::Cron))
    }
}

/// Command that a timer runs.
#[derive(Debug, Clone, Copy)]
pub struct SystemTimer {
    /// Name of the timer; units are called `claude-memory-NAME`.
    pub name: &'static str,
    /// Description for people.
    pub what: &'static str,
    /// Arguments of the program.
    pub arguments: &'static [&'static str],
    /// Time of day, week or month.
    pub when: TimerSchedule,
}

/// Schedule of a timer, in local time.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimerSchedule {
    /// Minute of the hour.
    pub minute: u8,
    /// Hour of the day; `None` for every hour.
    pub hour: Option<u8>,
    /// Day of the week, 1 is Monday.
    pub weekday: Option<u8>,
    /// Day of the month.
    pub day: Option<u8>,
}

/// Timers for machines on which `serve` does not run.
pub const TIMERS: &[SystemTimer] = &[
    SystemTimer {
        name: "import",
        what: "import new sessions",
        arguments: &["import", "claude-code"],
        when: TimerSchedule { minute: 7, hour: None, weekday: None, day: None },
    },
    SystemTimer {
        name: "backup",
        what: "create and verify a backup",
        arguments: &["backup", "create"],
        when: TimerSchedule { minute: 0, hour: Some(2), weekday: None, day: None },
    },
    SystemTimer {
        name: "check",
        what: "verify the whole store",
        arguments: &["doctor", "--deep"],
        when: TimerSchedule { minute: 30, hour: Some(2), weekday: Some(7), day: None },
    },
    SystemTimer {
        name: "maintain",
        what: "monthly maintenance",
        arguments: &["maintain"],
        when: TimerSchedule { minute: 0, hour: Some(3), weekday: None, day: Some(1) },
    },
    SystemTimer {
        name: "report",
        what: "save the weekly report",
        arguments: &["report", "weekly", "--save"],
        when: TimerSchedule { minute: 0, hour: Some(6), weekday: Some(1), day: None },
    },
];

/// One step of a change to the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemStep {
    /// Writes a file with this text.
    Write(PathBuf, String),
    /// Removes a file.
    Remove(PathBuf),
    /// Runs a program with arguments.
    Run(&'static str, Vec<String>),
    /// Runs a program that may fail, such as stopping a service that may not run.
    Try(&'static str, Vec<String>),
    /// Replaces our lines of the user's crontab.
    Crontab(Vec<String>),
}

impl SystemStep {
    fn new_run(program: &'static str, arguments: &[&str]) -> Self {
        Self::Run(program, arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }

    fn new_attempt(program: &'static str, arguments: &[&str]) -> Self {
        Self::Try(program, arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }
}

impl std::fmt::Display for SystemStep {
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

/// Action on the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceAction {
    /// Installs and starts the service.
    Install,
    /// Stops and removes the service.
    Uninstall,
    /// Starts the service.
    Start,
    /// Stops the service.
    Stop,
    /// Stops and starts the service.
    Restart,
    /// Reloads the configuration of the service.
    Reload,
}

/// Plans the steps of an action on the service.
///
/// # Errors
/// If this user has no home folder, or the manager runs no services.
pub fn service_steps(
    manager: ServiceManager,
    deed: ServiceAction,
    places: &DeployPaths,
) -> Result<Vec<SystemStep>, Failure> {
    match manager {
        ServiceManager::Systemd => systemd::service_steps(deed, places),
        ServiceManager::Launchd => launchd::service_steps(deed, places),
        ServiceManager::Cron => Err(no_manager()),
    }
}

/// Returns the manager's status text of the running service. The error is its text if it does not run.
pub fn service_state(manager: ServiceManager) -> Result<String, String> {
    match manager {
        ServiceManager::Systemd => {
            run_program("systemctl", &["--user", "status", "--no-pager", "claude-memory.service"])
        }
        ServiceManager::Launchd => run_program("launchctl", &["print", &launchd::job_target("serve")]),
        ServiceManager::Cron => Err("cron runs no services".to_owned()),
    }
}

/// Plans the steps that leave exactly these timers installed; an empty list removes all.
pub fn timer_steps(
    manager: ServiceManager,
    timers: &[SystemTimer],
    places: &DeployPaths,
    log: &Path,
) -> Result<Vec<SystemStep>, Failure> {
    match manager {
        ServiceManager::Systemd => systemd::timer_steps(timers, places, log),
        ServiceManager::Launchd => launchd::timer_steps(timers, places, log),
        ServiceManager::Cron => Ok(vec![SystemStep::Crontab(cron::render_lines(timers, places, log))]),
    }
}

/// Returns the installed timers, by name, of every manager.
pub fn installed_timers() -> Vec<(ServiceManager, String)> {
    let mut found: Vec<(ServiceManager, String)> = Vec::new();
    let known = |name: &str| TIMERS.iter().any(|timer| timer.name == name);
    found.extend(
        systemd::installed_timers().into_iter().filter(|name| known(name)).map(|name| (ServiceManager::Systemd, name)),
    );
    found.extend(
        launchd::installed_timers().into_iter().filter(|name| known(name)).map(|name| (ServiceManager::Launchd, name)),
    );
    found.extend(cron::installed_timers().into_iter().map(|name| (ServiceManager::Cron, name)));
    found
}

/// Builds the error for a system without a service manager.
pub fn no_manager() -> Failure {
    Failure::invalid_arguments(
        "this system has no service manager for users (systemd or launchd)",
        "run `claude-memory serve` under your own; `claude-memory monitoring export` writes example units",
    )
}

/// Builds the failure of a program of the system that failed or is not installed.
fn program_failure(message: String) -> Failure {
    Failure::new(FailureCode::Unavailable, message, None)
}

/// Executes the steps, skipping files that are already right. Returns how many changed something.
///
/// # Errors
/// If a file cannot be written or a program fails.
pub fn execute_steps(steps: &[SystemStep]) -> Result<usize, Failure> {
    let mut changed = 0;
    for step in steps {
        match step {
            SystemStep::Write(path, text) => {
                if std::fs::read_to_string(path).is_ok_and(|there| there == *text) {
                    continue;
                }
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(Failure::from_io("create", folder))?;
                }
                disk::write_atomic(path, text.as_bytes()).map_err(Failure::from_io("write", path))?;
                changed += 1;
            }
            SystemStep::Remove(path) => match std::fs::remove_file(path) {
                Ok(()) => changed += 1,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::from_io("remove", path)(error)),
            },
            SystemStep::Run(program, arguments) => {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                run_program(program, &arguments).map_err(program_failure)?;
            }
            SystemStep::Try(program, arguments) => {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                if let Err(why) = run_program(program, &arguments) {
                    tracing::debug!(why, "optional step failed");
                }
            }
            SystemStep::Crontab(lines) => changed += usize::from(cron::replace_lines(lines)?),
        }
    }
    Ok(changed)
}

/// Runs a program of the system. Returns its output, or its error message.
fn run_program(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = if complaint.is_empty() { text.trim().to_owned() } else { complaint };
    Err(format!("{program} {}: {said}", arguments.join(" ")))
}

/// Unwraps a folder of this user; fails if there is no home folder.
fn require_folder(folder: Option<PathBuf>) -> Result<PathBuf, Failure> {
    folder.ok_or_else(|| Failure::invalid_arguments("this user has no home folder", "set HOME"))
}
