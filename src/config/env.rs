//! Every environment variable that claude-memory reads. Only this file may read the environment.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::disk;
use crate::domain::Timestamp;

/// Environment variable, as the reference lists it.
#[derive(Debug)]
pub struct EnvVariable {
    pub name: &'static str,
    /// Explanation that the reference prints.
    pub meaning: &'static str,
}

/// Folder of the database and everything else.
pub const HOME: EnvVariable = EnvVariable {
    name: "CLAUDE_MEMORY_HOME",
    meaning: "Folder of the database and everything else; the flag --home wins over it. If it lies in a checkout, its config.toml names no program, library or server.",
};
/// Log filter for stderr.
pub const LOG: EnvVariable = EnvVariable {
    name: "CLAUDE_MEMORY_LOG",
    meaning: "Log filter for stderr, for example `info` or `claude_memory=debug`; default `warn`.",
};
/// Fixed time in place of the clock, for tests.
pub const TEST_NOW: EnvVariable = EnvVariable {
    name: "CLAUDE_MEMORY_TEST_NOW",
    meaning: "For tests: the time to use instead of the clock (RFC 3339).",
};
/// Seed that makes new ids repeat, for tests.
pub const TEST_SEED: EnvVariable =
    EnvVariable { name: "CLAUDE_MEMORY_TEST_SEED", meaning: "For tests: makes new message ids repeat (a number)." };
/// Readings in place of measured ones, for tests.
pub const TEST_READINGS: EnvVariable = EnvVariable {
    name: "CLAUDE_MEMORY_TEST_READINGS",
    meaning: "For tests: readings of `status` instead of measured ones, for example `cpu=10,disk=95`.",
};
/// Folders of Claude Code, if the user moved them.
pub const CLAUDE_CONFIG_DIR: EnvVariable = EnvVariable {
    name: "CLAUDE_CONFIG_DIR",
    meaning: "Set by Claude Code users who moved ~/.claude, also to several folders (with commas between them): `import claude-code` reads transcripts from all of them, `install` writes to the first.",
};
/// Folder of the calling session's project.
pub const CLAUDE_PROJECT_DIR: EnvVariable = EnvVariable {
    name: "CLAUDE_PROJECT_DIR",
    meaning: "Set by Claude Code for MCP servers and hooks: the folder of the current project.",
};
/// Id of the calling session.
pub const CLAUDE_CODE_SESSION_ID: EnvVariable = EnvVariable {
    name: "CLAUDE_CODE_SESSION_ID",
    meaning: "Set by Claude Code for MCP servers and hooks: the session, so that no memory is injected into it twice.",
};
/// Folder of Codex, if the user moved it.
pub const CODEX_HOME: EnvVariable = EnvVariable {
    name: "CODEX_HOME",
    meaning: "Set by Codex users who moved ~/.codex; `install codex` registers the server there.",
};
/// Folder of pi, if the user moved it.
pub const PI_CODING_AGENT_DIR: EnvVariable = EnvVariable {
    name: "PI_CODING_AGENT_DIR",
    meaning: "Set by users of pi who moved ~/.pi/agent; `import pi` reads its sessions there.",
};
/// Password of the PostgreSQL database of `[sync]`.
pub const POSTGRES_PASSWORD: EnvVariable = EnvVariable {
    name: "CLAUDE_MEMORY_POSTGRES_PASSWORD",
    meaning: "Password for sync.postgres and `migrate --from-postgres`; it wins over the file sync.postgres_password_file.",
};
/// Key of the Qdrant of `[sync]`.
pub const QDRANT_KEY: EnvVariable = EnvVariable {
    name: "CLAUDE_MEMORY_QDRANT_KEY",
    meaning: "Key for sync.qdrant; it wins over the file sync.qdrant_key_file.",
};
/// Folder in which systemd looks for the units of a user.
pub const XDG_CONFIG_HOME: EnvVariable = EnvVariable {
    name: "XDG_CONFIG_HOME",
    meaning: "Set by Linux users who moved ~/.config; `service` and `schedule` write systemd units there.",
};
/// Switches colours off.
pub const NO_COLOR: EnvVariable = EnvVariable {
    name: "NO_COLOR",
    meaning: "Set to anything: the command line prints no colours (https://no-color.org).",
};
/// Switches colours on or off, where [`NO_COLOR`] is not set.
pub const CLICOLOR_FORCE: EnvVariable = EnvVariable {
    name: "CLICOLOR_FORCE",
    meaning: "Set to anything but 0: colours also in a pipe or a file; CLICOLOR=0 prints none on a terminal.",
};
/// Folder in which some agents keep their data.
pub const XDG_DATA_HOME: EnvVariable = EnvVariable {
    name: "XDG_DATA_HOME",
    meaning: "Set by people who moved ~/.local/share; the sessions of opencode, Kilo and Amp are looked for there.",
};
/// Name pattern of the variables that override settings.
pub const SETTING: EnvVariable = EnvVariable {
    name: "CLAUDE_MEMORY_<SECTION>_<KEY>",
    meaning: "Overrides a setting, for example CLAUDE_MEMORY_EMBED_MODEL=off; see `claude-memory config show --origin`. Ignored for settings that name a program, a library, a file, a server or a key, or switch a protection off, unless `environment.allow` lists them.",
};

/// All variables, in the order of the reference.
pub const ALL: [&EnvVariable; 17] = [
    &HOME,
    &LOG,
    &SETTING,
    &CLAUDE_PROJECT_DIR,
    &CLAUDE_CODE_SESSION_ID,
    &CLAUDE_CONFIG_DIR,
    &CODEX_HOME,
    &PI_CODING_AGENT_DIR,
    &POSTGRES_PASSWORD,
    &QDRANT_KEY,
    &XDG_CONFIG_HOME,
    &NO_COLOR,
    &CLICOLOR_FORCE,
    &XDG_DATA_HOME,
    &TEST_NOW,
    &TEST_SEED,
    &TEST_READINGS,
];

#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Wish of the user for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourWish {
    /// No colours at all.
    Never,
    /// Colours on a terminal.
    OnTerminal,
    /// Colours also in a pipe or a file.
    Always,
}

/// Returns the wish in [`NO_COLOR`], [`CLICOLOR_FORCE`] and `CLICOLOR`.
pub fn colour_wish() -> ColourWish {
    let off = |name: &str| read_variable(name).is_some_and(|value| value == "0");
    if read_variable(NO_COLOR.name).is_some() {
        ColourWish::Never
    } else if read_variable(CLICOLOR_FORCE.name).is_some() && !off(CLICOLOR_FORCE.name) {
        ColourWish::Always
    } else if off("CLICOLOR") || read_variable("TERM").is_some_and(|terminal| terminal == "dumb") {
        ColourWish::Never
    } else {
        ColourWish::OnTerminal
    }
}

/// Returns true if the terminal knows 256 colours, judged by `TERM` and `COLORTERM`.
pub fn has_many_colours() -> bool {
    read_variable("COLORTERM").is_some() || read_variable("TERM").is_some_and(|terminal| terminal.contains("256color"))
}

/// Returns the folder that [`HOME`] names.
pub fn memory_home() -> Option<PathBuf> {
    read_variable(HOME.name).map(PathBuf::from)
}

/// Returns the filter in [`LOG`].
pub fn log_filter() -> Option<String> {
    read_variable(LOG.name)
}

/// Returns the current time: [`TEST_NOW`], else the clock.
pub fn current_time() -> Timestamp {
    read_variable(TEST_NOW.name).and_then(|text| Timestamp::parse_rfc3339(&text)).unwrap_or_else(Timestamp::read_clock)
}

/// Returns the number in [`TEST_SEED`].
pub fn test_seed() -> Option<u64> {
    read_variable(TEST_SEED.name)?.parse().ok()
}

/// Returns the readings in [`TEST_READINGS`], by name.
pub fn test_readings() -> Vec<(String, f64)> {
    let text = read_variable(TEST_READINGS.name).unwrap_or_default();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// Most bytes of a file that holds the name of the machine.
const MAX_MACHINE_NAME: u64 = 1024;

/// Returns the name of this machine as the system gives it; empty if it gives none.
pub fn machine_name() -> String {
    let named = read_variable("COMPUTERNAME").or_else(|| read_variable("HOSTNAME"));
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter();
    let mut read = files.filter_map(|path| disk::read_foreign_text(Path::new(path), MAX_MACHINE_NAME).ok());
    named.or_else(|| read.next()).map(|name| name.trim().to_owned()).unwrap_or_default()
}

/// Returns the folder that Claude Code is configured in: the first of [`CLAUDE_CONFIG_DIR`], else `~/.claude`.
pub fn claude_folder() -> Option<PathBuf> {
    moved_claude_folder().or_else(|| user_home().map(|home| home.join(".claude")))
}

/// Returns every folder that holds histories of Claude Code: those of [`CLAUDE_CONFIG_DIR`], else `~/.claude` and
/// `~/.config/claude`. Only folders that exist, each once; the first of them if there is none.
pub fn claude_homes() -> Vec<PathBuf> {
    let text = read_variable(CLAUDE_CONFIG_DIR.name).unwrap_or_default();
    existing_homes(
        &parse_folder_list(&text, user_home().as_deref()),
        user_home().as_deref(),
        config_folder().as_deref(),
    )
}

fn existing_homes(moved: &[PathBuf], home: Option<&Path>, config: Option<&Path>) -> Vec<PathBuf> {
    let usual = [home.map(|home| home.join(".claude")), config.map(|config| config.join("claude"))];
    // Named folders replace the usual ones, which may belong to another account.
    let candidates: Vec<PathBuf> =
        if moved.is_empty() { usual.into_iter().flatten().collect() } else { moved.to_vec() };
    let mut seen = HashSet::new();
    let is_new = |folder: &&PathBuf| folder.is_dir() && seen.insert(std::fs::canonicalize(folder).ok());
    let found: Vec<PathBuf> = candidates.iter().filter(is_new).cloned().collect();
    if found.is_empty() { candidates.into_iter().take(1).collect() } else { found }
}

/// Splits the folders of a variable: one, or several with commas or the separator of `PATH` between them.
///
/// A folder that exists may have either separator in its name. `~` is the home folder.
fn parse_folder_list(text: &str, home: Option<&Path>) -> Vec<PathBuf> {
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

/// Replaces a `~` at the start: no shell did so if the variable comes from a file.
fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(['/', '\\']));
    match (rest, home) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches(['/', '\\'])),
        _ => PathBuf::from(path),
    }
}

/// Returns the folder of Codex: [`CODEX_HOME`], else `~/.codex`.
pub fn codex_folder() -> Option<PathBuf> {
    moved_codex_folder().or_else(|| user_home().map(|home| home.join(".codex")))
}

/// Returns the folder of Gemini CLI: `~/.gemini`.
pub fn gemini_folder() -> Option<PathBuf> {
    user_home().map(|home| home.join(".gemini"))
}

/// Returns the folder of pi's agent: [`PI_CODING_AGENT_DIR`], else `~/.pi/agent`.
pub fn pi_folder() -> Option<PathBuf> {
    let home = user_home();
    let moved = read_variable(PI_CODING_AGENT_DIR.name).map(|text| expand_home(&text, home.as_deref()));
    moved.or_else(|| home.map(|home| home.join(".pi").join("agent")))
}

/// Returns the folder of the project: [`CLAUDE_PROJECT_DIR`], else the working directory.
pub fn project_folder() -> Option<PathBuf> {
    read_variable(CLAUDE_PROJECT_DIR.name).map(PathBuf::from).or_else(|| std::env::current_dir().ok())
}

/// Variables by which agents mark the commands that they run.
const AGENT_VARIABLES: [&str; 8] = [
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CODEX_THREAD_ID",
    "CODEX_SANDBOX",
    "GEMINI_CLI",
    "OPENCODE",
    "COPILOT_CLI",
    "QWEN_CODE",
];

/// Returns whether an agent runs this command, judged by its environment.
pub fn runs_in_agent() -> bool {
    session_id().is_some()
        || AGENT_VARIABLES.iter().any(|name| read_variable(name).is_some_and(|value| !value.is_empty()))
}

/// Returns the id in [`CLAUDE_CODE_SESSION_ID`].
pub fn session_id() -> Option<String> {
    read_variable(CLAUDE_CODE_SESSION_ID.name)
}

/// Returns the first folder of [`CLAUDE_CONFIG_DIR`], if it is set.
pub fn moved_claude_folder() -> Option<PathBuf> {
    parse_folder_list(&read_variable(CLAUDE_CONFIG_DIR.name)?, user_home().as_deref()).into_iter().next()
}

/// Returns the folder in [`CODEX_HOME`], if it is set.
pub fn moved_codex_folder() -> Option<PathBuf> {
    read_variable(CODEX_HOME.name).map(|text| expand_home(&text, user_home().as_deref()))
}

/// Returns the password in [`POSTGRES_PASSWORD`].
pub fn postgres_password() -> Option<String> {
    read_variable(POSTGRES_PASSWORD.name)
}

/// Returns the key in [`QDRANT_KEY`].
pub fn qdrant_key() -> Option<String> {
    read_variable(QDRANT_KEY.name)
}

/// Returns [`XDG_CONFIG_HOME`], else `~/.config`: also on macOS, which has no systemd.
pub fn config_folder() -> Option<PathBuf> {
    read_variable(XDG_CONFIG_HOME.name).map(PathBuf::from).or_else(|| user_home().map(|home| home.join(".config")))
}

/// Returns [`XDG_DATA_HOME`], else `~/.local/share`: the folder of programs that use it on every system.
pub fn xdg_data_folder() -> Option<PathBuf> {
    read_variable(XDG_DATA_HOME.name).map(PathBuf::from).or_else(|| user_home().map(|home| home.join(".local/share")))
}

/// Returns the folder for configurations of desktop programs: `~/.config`, `~/Library/Application Support`,
/// `%APPDATA%`.
pub fn application_folder() -> Option<PathBuf> {
    let native = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(if cfg!(target_os = "macos") { native.data_dir() } else { native.config_dir() })
}

/// Returns the folder for data of programs: `~/.local/share`, `~/Library/Application Support`, `%APPDATA%`.
pub fn data_folder() -> Option<PathBuf> {
    etcetera::base_strategy::choose_native_strategy().ok().map(|native| native.data_dir())
}

/// Returns the user's home folder.
pub fn user_home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// Returns name and text of the variable that overrides `section.key`, if it is set.
pub fn setting_override(key: &str) -> Option<(String, String)> {
    let name = format!("CLAUDE_MEMORY_{}", key.replace('.', "_").to_uppercase());
    read_variable(&name).map(|text| (name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_folders_is_read_in_every_form() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let named = |name: &str| home.join(name);
        let read = |text: &str| parse_folder_list(text, Some(home));
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
