//! launchd property lists in the user's own folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::templates::{DeployPaths, fill_template};
use super::{ServiceAction, SystemStep, SystemTimer, require_folder};
use crate::config::env;
use crate::domain::Failure;
use crate::domain::text::escape_xml;

pub(super) const SERVICE: &str = "com.claude-memory.serve.plist";

/// Renders the property list of the service.
pub(super) fn render_service(places: &DeployPaths) -> String {
    fill_template(places, include_str!("../../data/monitoring/com.claude-memory.serve.plist"), escape_xml)
}

fn job_label(name: &str) -> String {
    format!("com.claude-memory.{name}")
}

/// Returns the launchd target of a job in this user's session.
pub(super) fn job_target(name: &str) -> String {
    format!("{}/{}", user_domain(), job_label(name))
}

fn user_domain() -> String {
    format!("gui/{}", user_id())
}

#[cfg(unix)]
fn user_id() -> u32 {
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: the call takes nothing and cannot fail.
    unsafe {
        libc::getuid()
    }
}

/// Placeholder: only Unix has user ids.
#[cfg(not(unix))]
const fn user_id() -> u32 {
    0
}

fn agents_folder() -> Result<PathBuf, Failure> {
    Ok(require_folder(env::user_home())?.join("Library").join("LaunchAgents"))
}

fn plist_path(name: &str) -> Result<PathBuf, Failure> {
    Ok(agents_folder()?.join(format!("{}.plist", job_label(name))))
}

pub(super) fn service_steps(deed: ServiceAction, places: &DeployPaths) -> Result<Vec<SystemStep>, Failure> {
    let (file, target) = (plist_path("serve")?, job_target("serve"));
    let path = file.display().to_string();
    Ok(match deed {
        ServiceAction::Install => {
            vec![
                SystemStep::new_attempt("launchctl", &["bootout", &target]),
                SystemStep::Write(file, render_service(places)),
                SystemStep::new_run("launchctl", &["bootstrap", &user_domain(), &path]),
            ]
        }
        ServiceAction::Uninstall => {
            vec![SystemStep::new_attempt("launchctl", &["bootout", &target]), SystemStep::Remove(file)]
        }
        ServiceAction::Start => vec![
            SystemStep::new_attempt("launchctl", &["bootstrap", &user_domain(), &path]),
            SystemStep::new_run("launchctl", &["kickstart", &target]),
        ],
        // Removes KeepAlive too, so launchd does not restart it; `start` loads it again.
        ServiceAction::Stop => vec![SystemStep::new_run("launchctl", &["bootout", &target])],
        ServiceAction::Restart => vec![SystemStep::new_run("launchctl", &["kickstart", "-k", &target])],
        ServiceAction::Reload => vec![SystemStep::new_run("launchctl", &["kill", "SIGHUP", &target])],
    })
}

pub(super) fn timer_steps(
    timers: &[SystemTimer],
    places: &DeployPaths,
    log: &Path,
) -> Result<Vec<SystemStep>, Failure> {
    let mut steps = Vec::new();
    for gone in installed_timers().into_iter().filter(|name| timers.iter().all(|timer| timer.name != name)) {
        steps.push(SystemStep::new_attempt("launchctl", &["bootout", &job_target(&gone)]));
        steps.push(SystemStep::Remove(plist_path(&gone)?));
    }
    for timer in timers {
        let file = plist_path(timer.name)?;
        let path = file.display().to_string();
        steps.push(SystemStep::new_attempt("launchctl", &["bootout", &job_target(timer.name)]));
        steps.push(SystemStep::Write(file, render_plist(timer, places, log)));
        steps.push(SystemStep::new_run("launchctl", &["bootstrap", &user_domain(), &path]));
    }
    Ok(steps)
}

pub(super) fn installed_timers() -> Vec<String> {
    let entries = agents_folder().ok().and_then(|folder| std::fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_prefix("com.claude-memory.")?.strip_suffix(".plist")?.to_owned()))
        .collect();
    names.sort_unstable();
    names
}

fn render_plist(timer: &SystemTimer, places: &DeployPaths, log: &Path) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n  <key>Label</key><string>{}</string>\n  \
         <key>ProgramArguments</key>\n  <array>\n",
        job_label(timer.name)
    );
    let (program, home) = (places.program.display().to_string(), places.home.display().to_string());
    let words = [program.as_str(), "--home", &home].into_iter().chain(timer.arguments.iter().copied());
    for word in words {
        let _ = writeln!(text, "    <string>{}</string>", escape_xml(word));
    }
    text.push_str("  </array>\n  <key>StartCalendarInterval</key>\n  <dict>\n");
    let when = timer.when;
    // launchd counts Sunday as 0 and as 7.
    let parts = [("Minute", Some(when.minute)), ("Hour", when.hour), ("Weekday", when.weekday), ("Day", when.day)];
    for (name, number) in parts {
        if let Some(number) = number {
            let _ = writeln!(text, "    <key>{name}</key><integer>{number}</integer>");
        }
    }
    let log = escape_xml(&log.display().to_string());
    let _ = write!(
        text,
        "  </dict>\n  <key>StandardOutPath</key><string>{log}</string>\n  <key>StandardErrorPath</key><string>{log}</string>\n  \
         <key>ProcessType</key><string>Background</string>\n  <key>Umask</key><integer>63</integer>\n</dict>\n</plist>\n"
    );
    text
}
