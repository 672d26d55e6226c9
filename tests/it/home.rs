//! A scratch home for one test: its own data folder, a cleared environment, a fixed clock and seed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const NOW: &str = "2026-11-23T10:00:00Z";

/// A folder that is removed at the end.
pub(crate) struct TestHome {
    folder: TempDir,
}

/// What a run printed; its exit code must be looked at.
#[must_use = "assert the exit code or the output"]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON on stdout of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    #[track_caller]
    pub(crate) fn fails(self, code: i32, message: &str) {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{all}");
        assert!(all.contains(message), "{message:?} is not in: {all}");
    }
}

impl TestHome {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn memory(&self) -> PathBuf {
        self.path().join("memory")
    }

    /// The binary with nothing of the caller's environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claude-memory"));
        command.env_clear().current_dir(self.path()).stdin(Stdio::null());
        command.env("HOME", self.path()).env("CLAUDE_MEMORY_HOME", self.memory());
        command.env("CLAUDE_MEMORY_TEST_NOW", NOW).env("TZ", "UTC");
        // What is tested is not how full and busy this machine is.
        command.env("CLAUDE_MEMORY_TEST_READINGS", "disk=10,memory=10,cpu=10");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command().args(arguments).output().unwrap())
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat()).json()
    }

    /// Writes a file below the home and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, content.as_ref()).unwrap();
        path
    }

    /// The database, for breaking things on purpose.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        database(&self.memory())
    }

    /// Imports the sample conversations of the project; returns the report.
    pub(crate) fn import_samples(&self) -> Value {
        self.json(&["import", "claude-code", samples().to_str().unwrap()])
    }
}

impl TestHome {
    /// Lets environment variables set settings that name servers or programs. `settings` is a list in TOML.
    pub(crate) fn allow_variables(&self, settings: &str) {
        let _ = self.json(&["config", "set", "environment.allow", settings]);
    }

    /// Puts the sample conversations where Claude Code keeps its own, in a home below this one (`""` is this one).
    pub(crate) fn keep_samples(&self, below: &str) {
        for entry in std::fs::read_dir(samples()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                self.write(&format!("{below}.claude/projects/demo/{name}"), std::fs::read(&path).unwrap());
            }
        }
    }
}

/// The database of a data folder. Our checksums of pages are kept, as SQLite's own tools would not.
pub(crate) fn database(folder: &Path) -> rusqlite::Connection {
    let layer = claude_memory::testing::store::checksum_vfs_name().unwrap();
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    rusqlite::Connection::open_with_flags_and_vfs(folder.join("memory.db"), flags, layer).unwrap()
}

/// The sample conversations.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo")
}

/// A transcript line of a person.
pub(crate) fn user(uuid: &str, session: &str, text: &str) -> String {
    serde_json::json!({
        "type": "user", "uuid": uuid, "parentUuid": null, "sessionId": session, "cwd": "/work/project",
        "timestamp": "2026-05-01T08:00:00.000Z", "message": { "role": "user", "content": text }
    })
    .to_string()
}

/// A part of a real program, below `.real/` or the folder that `CLAUDE_MEMORY_TEST_REAL` names.
pub(crate) fn real_part(path: &str) -> PathBuf {
    let folder = std::env::var_os("CLAUDE_MEMORY_TEST_REAL").unwrap_or_else(|| ".real".into());
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(path)
}

/// Niceness of each thread of a process.
#[cfg(target_os = "linux")]
pub(crate) fn niceness(process: u32) -> Vec<i32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| niceness_in(&thread.path().join("stat"))).collect()
}

/// Niceness of this thread, which what it starts inherits.
#[cfg(target_os = "linux")]
pub(crate) fn own_niceness() -> i32 {
    niceness_in(Path::new("/proc/thread-self/stat")).unwrap()
}

/// Field 19; the name in field 2 may hold spaces.
#[cfg(target_os = "linux")]
fn niceness_in(stat: &Path) -> Option<i32> {
    let stat = std::fs::read_to_string(stat).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()
}

/// Talks past the capture of the test harness, which hides what passing tests print.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// Whether a test that needs a real part may be left out: never in CI.
pub(crate) fn skip(part: &str, how: &str) {
    let inside_ci = std::env::var_os("CI").is_some();
    assert!(!inside_ci, "{part} is missing in CI: {how}");
    say(&format!("skipped: {part} is not here; {how}"));
}
