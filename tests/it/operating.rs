//! What an operator sets up once: services, timers, reports, logs.

use std::path::Path;

use serde_json::Value;

use crate::home::{TestHome, say, skip};

/// A `systemctl` that writes down what it is asked, for machines where no user manager runs.
#[cfg(unix)]
fn with_systemctl(home: &TestHome) -> impl Fn(&[&str]) -> crate::home::Ran + '_ {
    use std::os::unix::fs::PermissionsExt;
    let script = "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/asked\"\n";
    let path = home.write("bin/systemctl", script);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    let bin = home.path().join("bin");
    move |arguments| {
        let mut command = home.command();
        let output = command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).args(arguments).output().unwrap();
        crate::home::Ran::new(output)
    }
}

fn units(home: &TestHome) -> Vec<String> {
    let folder = home.path().join(".config/systemd/user");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort_unstable();
    names
}

#[test]
#[cfg(unix)]
fn timers_are_set_up_once_and_taken_out() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let run = with_systemctl(&home);
    let planned = run(&["schedule", "install", "--dry-run"]);
    assert!(planned.code == 0 && planned.stdout.contains("OnCalendar=*-*-* 02:00:00"), "{}", planned.stdout);
    assert!(units(&home).is_empty(), "a dry run writes nothing");
    assert_eq!(run(&["schedule", "install", "--json"]).json()["changed"], true);
    let first = units(&home);
    assert_eq!(first.len(), 10, "{first:?}");
    assert_eq!(run(&["schedule", "install", "--json"]).json()["changed"], false, "again it changes nothing");
    assert_eq!(units(&home), first);
    // Fewer: the others go.
    assert_eq!(run(&["schedule", "install", "--only", "backup,import", "--json"]).json()["changed"], true);
    assert_eq!(units(&home).len(), 4, "{:?}", units(&home));
    assert_eq!(run(&["schedule", "list", "--json"]).json()["timers"].as_array().unwrap().len(), 2);
    assert_eq!(run(&["schedule", "remove", "--json"]).json()["removed"], 2);
    assert!(units(&home).is_empty());
    run(&["schedule", "install", "--only", "lunch"]).fails(2, "use import, backup");
}

#[test]
#[cfg(unix)]
fn the_service_is_entered_and_taken_out() {
    let home = TestHome::new();
    let run = with_systemctl(&home);
    assert_eq!(run(&["service", "install"]).code, 0);
    assert_eq!(run(&["service", "install"]).code, 0);
    assert_eq!(units(&home), ["claude-memory.service"]);
    let unit = std::fs::read_to_string(home.path().join(".config/systemd/user/claude-memory.service")).unwrap();
    assert!(unit.contains("Type=notify") && unit.contains(home.memory().to_str().unwrap()), "{unit}");
    for deed in ["stop", "start", "restart", "reload", "status", "uninstall"] {
        assert_eq!(run(&["service", deed]).code, 0, "{deed}");
    }
    assert!(units(&home).is_empty());
    let asked = std::fs::read_to_string(home.path().join("bin/asked")).unwrap();
    for line in [
        "--user enable claude-memory.service",
        "--user restart claude-memory.service",
        "--user reload claude-memory.service",
    ] {
        assert!(asked.contains(line), "{line}: {asked}");
    }
    let plan = home.run(&["service", "install", "--dry-run", "--manager", "launchd"]);
    assert!(plan.code == 0 && plan.stdout.contains("launchctl bootstrap"), "{}", plan.stdout);
    // Where nothing runs services that is said, with what to do.
    home.run(&["service", "status"]).fails(2, "claude-memory serve");
}

#[test]
#[cfg(target_os = "linux")]
fn systemd_understands_the_units() {
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        return say("skipped: systemd-analyze is not here");
    }
    let home = TestHome::new();
    let folder = home.path().join("out");
    let files = home.json(&["monitoring", "export", folder.to_str().unwrap()]);
    let units: Vec<&str> = files["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let is_unit = |name: &&str| Path::new(name).extension().is_some_and(|kind| kind == "service" || kind == "timer");
    let units: Vec<&str> = units.into_iter().filter(is_unit).collect();
    assert_eq!(units.len(), 11, "{units:?}");
    let mut verify = std::process::Command::new("systemd-analyze");
    let verified = verify.args(["verify", "--user"]).args(&units).env("XDG_RUNTIME_DIR", home.path()).output().unwrap();
    let text = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("claude-memory")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

/// With the real cron, in CI only: outside it would be the crontab of whoever runs the test.
#[test]
#[cfg(target_os = "linux")]
fn cron_lines_are_there_once() {
    if std::env::var_os("CI").is_none() {
        return say("skipped: it changes the crontab, so only CI tries it");
    }
    if !Path::new("/usr/bin/crontab").exists() {
        return skip("cron", "apt-get install cron");
    }
    let home = TestHome::new();
    let _ = home.import_samples();
    let crontab = || {
        let output = std::process::Command::new("crontab").arg("-l").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let before = crontab();
    let run = |arguments: &[&str]| {
        let output = home.command().env("PATH", "/usr/bin:/bin").args(arguments).output().unwrap();
        crate::home::Ran::new(output)
    };
    assert_eq!(run(&["schedule", "install", "--manager", "cron", "--json"]).json()["changed"], true);
    let once = crontab();
    assert_eq!(run(&["schedule", "install", "--manager", "cron", "--json"]).json()["changed"], false);
    assert_eq!(crontab(), once, "cron lines are never doubled");
    assert_eq!(once.matches("'backup' 'create'").count(), 1, "{once}");
    assert!(once.contains(&before));
    // A line does what it says.
    let line = once.lines().find(|line| line.contains("'backup'")).unwrap();
    let shell = line.splitn(6, ' ').nth(5).unwrap();
    let ran =
        std::process::Command::new("sh").args(["-c", shell]).env_clear().env("HOME", home.path()).status().unwrap();
    assert!(ran.success(), "{shell}");
    assert!(std::fs::read_to_string(home.memory().join("logs/cron.log")).unwrap().contains("claude-memory-"));
    assert_eq!(run(&["schedule", "remove", "--json"]).json()["removed"], 5);
    assert_eq!(crontab(), before);
}

#[test]
fn reports_say_what_there_is_and_what_comes() {
    let home = TestHome::new();
    let _ = home.import_samples();
    assert_eq!(home.run(&["backup", "create"]).code, 0);
    let report = home.json(&["report", "capacity"]);
    assert_eq!((report["messages"].as_u64(), report["disk_used_percent"].as_f64()), (Some(82), Some(10.0)), "{report}");
    assert!(report["forecast"].as_array().unwrap().len() == 4 && report["backups_mb"].as_f64() > Some(0.0), "{report}");
    let weekly = home.json(&["report", "weekly"]);
    assert_eq!((&weekly["from"], &weekly["until"]), (&Value::from("2026-11-17"), &Value::from("2026-11-23")));
    let saved = home.run(&["report", "weekly", "--save"]);
    assert!(saved.code == 0 && saved.stdout.contains("| messages |"), "{}", saved.stdout);
    let folder = home.memory().join("reports");
    let picture = std::fs::read_to_string(folder.join("weekly-2026-11-23-1.svg")).unwrap();
    assert_eq!(picture.matches("<rect").count(), 7);
    assert!(folder.join("weekly-2026-11-23.md").exists() && folder.join("weekly-2026-11-23.json").exists());
}

#[test]
fn logs_are_shown_from_their_end() {
    let home = TestHome::new();
    home.run(&["logs"]).fails(1, "it is created at");
    home.write("memory/logs/cron.log", "one\ntwo \u{1b}[31mred\nthree\n");
    let shown = home.run(&["logs", "cron", "--lines", "2"]);
    assert_eq!((shown.code, shown.stdout.lines().count()), (0, 2), "{}", shown.stdout);
    assert!(!shown.stdout.contains('\u{1b}'), "nothing in a log acts on the terminal");
    assert_eq!(home.json(&["logs", "cron"])["lines"].as_array().unwrap().len(), 3);
}
