//! Entering this program into the configuration of the clients that use it, and taking it out again.
//!
//! Owns where each client keeps its configuration and what the entry looks like; touches its own keys and nothing else;
//! refuses what it cannot parse. Does not own what is said about it on the command line.

mod edit;
mod error;
mod hooks;
mod places;
mod record;

use std::path::{Path, PathBuf};

pub use error::{Error, Result};
pub use hooks::EVENTS;
pub use places::{Client, Places, Scope};
pub use record::Backups;

/// The name under which the server is entered.
pub const SERVER: &str = "claude-memory";

/// How the entry starts this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// What comes before the command: `--home DIR`, if it is not the usual one.
    pub before: Vec<String>,
}

impl Launch {
    /// The arguments of the MCP server.
    pub fn server_arguments(&self) -> Vec<String> {
        self.before.iter().cloned().chain(["mcp".to_owned()]).collect()
    }

    /// The shell line of a hook.
    pub fn hook_line(&self, event: &str) -> String {
        let words = std::iter::once(self.program.display().to_string()).chain(self.before.iter().cloned());
        let quoted: Vec<String> = words.map(|word| quoted(&word)).collect();
        format!("{} hook {event}", quoted.join(" "))
    }
}

/// A word for a POSIX shell. Claude Code runs hooks by `sh -c`, on Windows by Git's bash.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// One file as it is and as it shall be; `None` where there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file, links resolved.
    pub path: PathBuf,
    /// Its text now.
    pub before: Option<String>,
    /// Its text then.
    pub after: Option<String>,
    /// Whether others than the user may read a new file: it belongs to a project.
    pub shared: bool,
}

impl Change {
    /// Whether there is anything to do.
    pub fn is_needed(&self) -> bool {
        self.before != self.after
    }
}

/// What is entered where.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The client.
    pub client: Client,
    /// For whom; only Claude Code knows others than the user.
    pub scope: Scope,
    /// Where configurations are.
    pub places: &'a Places,
}

impl Plan<'_> {
    /// The files that installing changes.
    ///
    /// # Errors
    /// When one of them cannot be read or parsed, or holds something else where the entry belongs.
    pub fn install(&self, launch: &Launch, with_hooks: bool) -> Result<Vec<Change>> {
        let mut changes = vec![self.change(&self.server_file()?, |text| edit::add_server(self, text, launch))?];
        if let Some(file) = self.hooks_file().filter(|_| with_hooks) {
            changes.push(self.change(&file, |text| hooks::add(&file, text, launch))?);
        }
        Ok(changes)
    }

    /// The files that uninstalling changes. What `backups` knows to be as it was left is put back byte by byte.
    ///
    /// # Errors
    /// When one of them cannot be read or parsed.
    pub fn uninstall(&self, launch: &Launch, backups: &Backups) -> Result<Vec<Change>> {
        let mut changes = vec![self.restored(backups, &self.server_file()?, |text| edit::remove_server(self, text))?];
        if let Some(file) = self.hooks_file() {
            changes.push(self.restored(backups, &file, |text| hooks::remove(&file, text, launch))?);
        }
        Ok(changes)
    }

    fn server_file(&self) -> Result<PathBuf> {
        self.places.server_file(self.client, self.scope)
    }

    /// The file that holds the hooks, if the client has any.
    fn hooks_file(&self) -> Option<PathBuf> {
        (self.client == Client::ClaudeCode).then(|| self.places.hooks_file(self.scope))
    }

    fn change(&self, file: &Path, edit: impl FnOnce(Option<&str>) -> Result<Option<String>>) -> Result<Change> {
        // A link is followed: replacing it would cut a user's dotfiles off.
        let path = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let before = record::read(&path)?;
        let after = edit(before.as_deref())?;
        Ok(Change { path, before, after, shared: self.scope == Scope::Project })
    }

    fn restored(
        &self,
        backups: &Backups,
        file: &Path,
        remove: impl FnOnce(Option<&str>) -> Result<Option<String>>,
    ) -> Result<Change> {
        let change = self.change(file, remove)?;
        if !change.is_needed() {
            return Ok(change);
        }
        let means = |text: Option<&str>| edit::meaning(self.client, text);
        let wanted = means(change.after.as_deref());
        let earlier = backups.earlier(&change.path, change.before.as_deref())?;
        match earlier.into_iter().find(|text| means(text.as_deref()) == wanted) {
            Some(after) => Ok(Change { after, ..change }),
            None => Ok(change),
        }
    }
}
