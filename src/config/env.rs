//! Every environment variable that claude-memory reads. The only file that may read the environment.

use std::path::PathBuf;
use std::time::Duration;

use etcetera::BaseStrategy as _;

use crate::domain::Timestamp;

/// One variable, for the reference.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Where the data lives.
pub const HOME: Variable = Variable {
    name: "CLAUDE_MEMORY_HOME",
    meaning: "Folder of the database and everything else; the flag --home wins over it.",
};
/// What is logged.
pub const LOG: Variable = Variable {
    name: "CLAUDE_MEMORY_LOG",
    meaning: "Log filter for stderr, for example `info` or `claude_memory=debug`; default `warn`.",
};
/// Freezes the clock.
pub const TEST_NOW: Variable =
    Variable { name: "CLAUDE_MEMORY_TEST_NOW", meaning: "For tests: the time to use instead of the clock (RFC 3339)." };
/// Fixes new ids.
pub const TEST_SEED: Variable =
    Variable { name: "CLAUDE_MEMORY_TEST_SEED", meaning: "For tests: makes new message ids repeat (a number)." };
/// How long a hook may take.
pub const TEST_DEADLINE: Variable = Variable {
    name: "CLAUDE_MEMORY_TEST_DEADLINE",
    meaning: "For tests on a busy machine: milliseconds that a hook may take instead of 150.",
};
/// Readings that stand for measured ones.
pub const TEST_READINGS: Variable = Variable {
    name: "CLAUDE_MEMORY_TEST_READINGS",
    meaning: "For tests: readings of `status` instead of measured ones, for example `cpu=10,disk=95`.",
};
/// The fixtures of the official MCP conformance suite.
pub const TEST_FIXTURES: Variable = Variable {
    name: "CLAUDE_MEMORY_TEST_FIXTURES",
    meaning: "For tests of debug builds: `1` adds the tools, resources and prompts that the official MCP suite calls.",
};
/// Claude Code's own folder.
pub const CLAUDE_CONFIG_DIR: Variable = Variable {
    name: "CLAUDE_CONFIG_DIR",
    meaning: "Set by Claude Code users who moved ~/.claude; `import claude-code` looks there for transcripts.",
};
/// The project of the calling session.
pub const CLAUDE_PROJECT_DIR: Variable = Variable {
    name: "CLAUDE_PROJECT_DIR",
    meaning: "Set by Claude Code for MCP servers and hooks: the folder of the current project.",
};
/// The calling session.
pub const CLAUDE_CODE_SESSION_ID: Variable = Variable {
    name: "CLAUDE_CODE_SESSION_ID",
    meaning: "Set by Claude Code for MCP servers and hooks: the session, so that nothing is handed to it twice.",
};
/// Codex's own folder.
pub const CODEX_HOME: Variable = Variable {
    name: "CODEX_HOME",
    meaning: "Set by Codex users who moved ~/.codex; `install codex` enters the server there.",
};
/// Password of the PostgreSQL database of `[sync]`.
pub const POSTGRES_PASSWORD: Variable = Variable {
    name: "CLAUDE_MEMORY_POSTGRES_PASSWORD",
    meaning: "Password for sync.postgres and `migrate --from-postgres`; the file sync.postgres_password_file comes after it.",
};
/// Key of the Qdrant of `[sync]`.
pub const QDRANT_KEY: Variable = Variable {
    name: "CLAUDE_MEMORY_QDRANT_KEY",
    meaning: "Key for sync.qdrant; the file sync.qdrant_key_file comes after it.",
};
/// Where systemd looks for the units of a user.
pub const XDG_CONFIG_HOME: Variable = Variable {
    name: "XDG_CONFIG_HOME",
    meaning: "Set by Linux users who moved ~/.config; `service` and `schedule` write systemd units there.",
};
/// Any setting.
pub const SETTING: Variable = Variable {
    name: "CLAUDE_MEMORY_<SECTION>_<KEY>",
    meaning: "Overrides a setting, for example CLAUDE_MEMORY_EMBED_MODEL=off; see `claude-memory config show --origin`.",
};

/// All of them, for the reference.
pub const ALL: [&Variable; 15] = [
    &HOME,
    &LOG,
    &SETTING,
    &CLAUDE_PROJECT_DIR,
    &CLAUDE_CODE_SESSION_ID,
    &CLAUDE_CONFIG_DIR,
    &CODEX_HOME,
    &POSTGRES_PASSWORD,
    &QDRANT_KEY,
    &XDG_CONFIG_HOME,
    &TEST_NOW,
    &TEST_SEED,
    &TEST_DEADLINE,
    &TEST_READINGS,
    &TEST_FIXTURES,
];

#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// [`HOME`]
pub fn home() -> Option<PathBuf> {
    read(HOME.name).map(PathBuf::from)
}

/// [`LOG`]
pub fn log() -> Option<String> {
    read(LOG.name)
}

/// The time to use: [`TEST_NOW`], else the clock.
pub fn now() -> Timestamp {
    read(TEST_NOW.name).and_then(|text| Timestamp::parse(&text)).unwrap_or_else(Timestamp::read_clock)
}

/// [`TEST_SEED`]
pub fn seed() -> Option<u64> {
    read(TEST_SEED.name)?.parse().ok()
}

/// [`TEST_DEADLINE`]
pub fn deadline() -> Option<Duration> {
    read(TEST_DEADLINE.name)?.parse().ok().map(Duration::from_millis)
}

/// [`TEST_READINGS`]: by name.
pub fn readings() -> Vec<(String, f64)> {
    let text = read(TEST_READINGS.name).unwrap_or_default();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// [`TEST_FIXTURES`]
#[cfg(debug_assertions)]
pub fn fixtures() -> bool {
    read(TEST_FIXTURES.name).as_deref() == Some("1")
}

/// [`CLAUDE_CONFIG_DIR`], else `~/.claude`.
pub fn claude_folder() -> Option<PathBuf> {
    moved_claude_folder().or_else(|| user_home().map(|home| home.join(".claude")))
}

/// [`CODEX_HOME`], else `~/.codex`.
pub fn codex_folder() -> Option<PathBuf> {
    moved_codex_folder().or_else(|| user_home().map(|home| home.join(".codex")))
}

/// `~/.gemini`.
pub fn gemini_folder() -> Option<PathBuf> {
    user_home().map(|home| home.join(".gemini"))
}

/// [`CLAUDE_PROJECT_DIR`], else the working directory.
pub fn project_folder() -> Option<PathBuf> {
    read(CLAUDE_PROJECT_DIR.name).map(PathBuf::from).or_else(|| std::env::current_dir().ok())
}

/// [`CLAUDE_CODE_SESSION_ID`]
pub fn session() -> Option<String> {
    read(CLAUDE_CODE_SESSION_ID.name)
}

/// [`CLAUDE_CONFIG_DIR`], if it is set.
pub fn moved_claude_folder() -> Option<PathBuf> {
    read(CLAUDE_CONFIG_DIR.name).map(PathBuf::from)
}

/// [`CODEX_HOME`], if it is set.
pub fn moved_codex_folder() -> Option<PathBuf> {
    read(CODEX_HOME.name).map(PathBuf::from)
}

/// [`POSTGRES_PASSWORD`]
pub fn postgres_password() -> Option<String> {
    read(POSTGRES_PASSWORD.name)
}

/// [`QDRANT_KEY`]
pub fn qdrant_key() -> Option<String> {
    read(QDRANT_KEY.name)
}

/// [`XDG_CONFIG_HOME`], else `~/.config`: also on macOS, where systemd is not.
pub fn config_folder() -> Option<PathBuf> {
    read(XDG_CONFIG_HOME.name).map(PathBuf::from).or_else(|| user_home().map(|home| home.join(".config")))
}

/// Where desktop programs keep their configuration: `~/.config`, `~/Library/Application Support`, `%APPDATA%`.
pub fn application_folder() -> Option<PathBuf> {
    let native = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(if cfg!(target_os = "macos") { native.data_dir() } else { native.config_dir() })
}

/// Where programs keep their data: `~/.local/share`, `~/Library/Application Support`, `%APPDATA%`.
pub fn data_folder() -> Option<PathBuf> {
    etcetera::base_strategy::choose_native_strategy().ok().map(|native| native.data_dir())
}

/// The user's home folder.
pub fn user_home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// The variable that overrides `section.key`, if it is set: its name and text.
pub fn setting(key: &str) -> Option<(String, String)> {
    let name = format!("CLAUDE_MEMORY_{}", key.replace('.', "_").to_uppercase());
    read(&name).map(|text| (name, text))
}
