//! Property lists of launchd, in the user's own folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Deed, Step, Timer, of_user};
use crate::config::env;
use crate::ops::error::Result;
use crate::ops::monitoring::{self, Places, xml};

fn label(name: &str) -> String {
    format!("com.claude-memory.{name}")
}

/// The service in the session of this user.
pub(super) fn target(name: &str) -> String {
    format!("{}/{}", domain(), label(name))
}

fn domain() -> String {
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

/// There is no launchd.
#[cfg(not(unix))]
const fn user_id() -> u32 {
    0
}

fn folder() -> Result<PathBuf> {
    Ok(of_user(env::user_home())?.join("Library").join("LaunchAgents"))
}

fn file(name: &str) -> Result<PathBuf> {
    Ok(folder()?.join(format!("{}.plist", label(name))))
}

pub(super) fn service(deed: Deed, places: &Places) -> Result<Vec<Step>> {
    let (file, target) = (file("serve")?, target("serve"));
    let path = file.display().to_string();
    Ok(match deed {
        Deed::Install => {
            let text = monitoring::file("com.claude-memory.serve.plist", places).unwrap_or_default();
            vec![
                Step::attempt("launchctl", &["bootout", &target]),
                Step::Write(file, text),
                Step::run("launchctl", &["bootstrap", &domain(), &path]),
            ]
        }
        Deed::Uninstall => vec![Step::attempt("launchctl", &["bootout", &target]), Step::Remove(file)],
        Deed::Start => vec![
            Step::attempt("launchctl", &["bootstrap", &domain(), &path]),
            Step::run("launchctl", &["kickstart", &target]),
        ],
        // What keeps it alive is gone with it; `start` brings it back.
        Deed::Stop => vec![Step::run("launchctl", &["bootout", &target])],
        Deed::Restart => vec![Step::run("launchctl", &["kickstart", "-k", &target])],
        Deed::Reload => vec![Step::run("launchctl", &["kill", "SIGHUP", &target])],
    })
}

pub(super) fn timers(timers: &[Timer], places: &Places, log: &Path) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for gone in installed().into_iter().filter(|name| timers.iter().all(|timer| timer.name != name)) {
        steps.push(Step::attempt("launchctl", &["bootout", &target(&gone)]));
        steps.push(Step::Remove(file(&gone)?));
    }
    for timer in timers {
        let file = file(timer.name)?;
        let path = file.display().to_string();
        steps.push(Step::attempt("launchctl", &["bootout", &target(timer.name)]));
        steps.push(Step::Write(file, list(timer, places, log)));
        steps.push(Step::run("launchctl", &["bootstrap", &domain(), &path]));
    }
    Ok(steps)
}

pub(super) fn installed() -> Vec<String> {
    let entries = folder().ok().and_then(|folder| std::fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_prefix("com.claude-memory.")?.strip_suffix(".plist")?.to_owned()))
        .collect();
    names.sort_unstable();
    names
}

fn list(timer: &Timer, places: &Places, log: &Path) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n  <key>Label</key><string>{}</string>\n  \
         <key>ProgramArguments</key>\n  <array>\n",
        label(timer.name)
    );
    let (program, home) = (places.program.display().to_string(), places.home.display().to_string());
    let words = [program.as_str(), "--home", &home].into_iter().chain(timer.arguments.iter().copied());
    for word in words {
        let _ = writeln!(text, "    <string>{}</string>", xml(word));
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
    let log = xml(&log.display().to_string());
    let _ = write!(
        text,
        "  </dict>\n  <key>StandardOutPath</key><string>{log}</string>\n  <key>StandardErrorPath</key><string>{log}</string>\n  \
         <key>ProcessType</key><string>Background</string>\n  <key>Umask</key><integer>63</integer>\n</dict>\n</plist>\n"
    );
    text
}
