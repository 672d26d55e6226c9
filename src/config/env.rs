//! Every environment variable that claude-memory reads. The only file that may read the environment.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

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
    meaning: "Set by Claude Code users who moved ~/.claude, also to several folders (with commas between them): `import claude-code` reads transcripts from all of them, `install` writes to the first.",
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
pub const ALL: [&Variable; 14] = [
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

/// Returns the folder that Claude Code is configured in: the first of [`CLAUDE_CONFIG_DIR`], else `~/.claude`.
pub fn claude_folder() -> Option<PathBuf> {
    moved_claude_folder().or_else(|| user_home().map(|home| home.join(".claude")))
}

/// Returns every folder that holds histories of Claude Code: those of [`CLAUDE_CONFIG_DIR`], else `~/.claude` and
/// `~/.config/claude`. Only folders that exist, each once; the first of them if there is none.
pub fn claude_homes() -> Vec<PathBuf> {
    let text = read(CLAUDE_CONFIG_DIR.name).unwrap_or_default();
    existing_homes(&folder_list(&text, user_home().as_deref()), user_home().as_deref(), config_folder().as_deref())
}

fn existing_homes(moved: &[PathBuf], home: Option<&Path>, config: Option<&Path>) -> Vec<PathBuf> {
    let usual = [home.map(|home| home.join(".claude")), config.map(|config| config.join("claude"))];
    // Who names homes means these: the usual one may be that of another account.
    let candidates: Vec<PathBuf> =
        if moved.is_empty() { usual.into_iter().flatten().collect() } else { moved.to_vec() };
    let mut seen = HashSet::new();
    let is_new = |folder: &&PathBuf| folder.is_dir() && seen.insert(std::fs::canonicalize(folder).ok());
    let found: Vec<PathBuf> = candidates.iter().filter(is_new).cloned().collect();
    if found.is_empty() { candidates.into_iter().take(1).collect() } else { found }
}

/// The folders of a variable: one, or several with commas or the separator of `PATH` between them. A folder that exists may have
/// either in its name. `~` is the home folder.
fn folder_list(text: &str, home: Option<&Path>) -> Vec<PathBuf> {
    let whole = expand_home(text.trim(), home);
    if text.trim().is_empty() || whole.is_dir() {
        return if text.trim().is_empty() { Vec::new() } else { vec![whole] };
    }
    let mut folders = Vec::new();
    for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
        let folder = expand_home(piece, home);
        if folder.is_dir() {
            folders.push(folder);
            continue;
        }
        let pieces = std::env::split_paths(piece).filter(|folder| !folder.as_os_str().is_empty());
        folders.extend(pieces.map(|folder| expand_home(&folder.to_string_lossy(), home)));
    }
    folders
}

/// Replaces a `~` at the start, which only a shell does: a variable may come from a file.
fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(['/', '\\']));
    match (rest, home) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches(['/', '\\'])),
        _ => PathBuf::from(path),
    }
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

/// Returns the first folder of [`CLAUDE_CONFIG_DIR`], if it is set.
pub fn moved_claude_folder() -> Option<PathBuf> {
    folder_list(&read(CLAUDE_CONFIG_DIR.name)?, user_home().as_deref()).into_iter().next()
}

/// [`CODEX_HOME`], if it is set.
pub fn moved_codex_folder() -> Option<PathBuf> {
    read(CODEX_HOME.name).map(|text| expand_home(&text, user_home().as_deref()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_folders_is_read_in_every_form() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let named = |name: &str| home.join(name);
        let read = |text: &str| folder_list(text, Some(home));
        assert_eq!(read("~/x"), [named("x")]);
        assert_eq!(read("~"), [home]);
        assert_eq!(read("~other/x"), [PathBuf::from("~other/x")]);
        assert_eq!(read(" , "), Vec::<PathBuf>::new());
        assert_eq!(read("~/a, ~/b,"), [named("a"), named("b")]);
        let joined = std::env::join_paths([named("a"), named("b")]).unwrap().into_string().unwrap();
        assert_eq!(read(&joined), [named("a"), named("b")]);
        for name in ["a,b", "c:d"] {
            if std::fs::create_dir(named(name)).is_ok() {
                assert_eq!(read(&named(name).display().to_string()), [named(name)]);
            }
        }
    }

    #[test]
    fn every_home_that_exists_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        let (home, config) = (folder.path().join("home"), folder.path().join("home/.config"));
        let homes = |moved: &[PathBuf]| existing_homes(moved, Some(&home), Some(&config));
        let (usual, second, work) = (home.join(".claude"), config.join("claude"), folder.path().join("work"));
        assert_eq!(homes(&[]), std::slice::from_ref(&usual));
        assert_eq!(homes(std::slice::from_ref(&work)), std::slice::from_ref(&work));
        std::fs::create_dir_all(&second).unwrap();
        assert_eq!(homes(&[]), std::slice::from_ref(&second));
        std::fs::create_dir_all(&usual).unwrap();
        std::fs::create_dir_all(&work).unwrap();
        assert_eq!(homes(&[]), [usual, second]);
        assert_eq!(homes(&[work.clone(), work.join("../work"), folder.path().join("none")]), [work]);
        assert_eq!(existing_homes(&[], None, None), Vec::<PathBuf>::new());
    }
}
