//! Entering this program into the configuration of the clients that use it, and taking it out again.
//!
//! Owns where each client keeps its configuration and what the entry looks like; touches its own keys and nothing else;
//! refuses what it cannot parse. Does not own what is said about it on the command line.

mod edit;
mod editable;
mod error;
mod hooks;
mod places;
mod record;

use std::path::{Path, PathBuf};

use self::editable::Editable;
use crate::domain::text::shell::quoted;

pub use error::{Error, Result};
pub use hooks::{HOOKS, HookEntry};
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

/// One file as it is and as it shall be; `None` where there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file, links resolved.
    pub path: PathBuf,
    /// Its bytes now.
    pub before: Option<Vec<u8>>,
    /// Its bytes then.
    pub after: Option<Vec<u8>>,
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
        let path = record::resolve_links(file);
        let before = record::read(&path)?;
        let editable = before.as_deref().map(|bytes| self.editable(&path, bytes)).transpose()?;
        let edited = edit(editable.as_ref().map(Editable::text))?;
        let after = edited.map(|text| match &editable {
            Some(editable) => editable.restore(&text),
            None => text.into_bytes(),
        });
        Ok(Change { path, before, after, shared: self.scope == Scope::Project })
    }

    fn editable(&self, path: &Path, bytes: &[u8]) -> Result<Editable> {
        let unreadable = || Error::Unparsable { path: path.to_owned(), why: "it is not UTF-8".to_owned() };
        Editable::new(bytes, self.client != Client::Codex).ok_or_else(unreadable)
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
        let means = |bytes: Option<&[u8]>| match bytes.map(|bytes| self.editable(&change.path, bytes)) {
            None => edit::meaning(self.client, None),
            Some(Ok(editable)) => edit::meaning(self.client, Some(editable.text())),
            Some(Err(_)) => None,
        };
        let wanted = means(change.after.as_deref());
        let earlier = backups.earlier(&change.path, change.before.as_deref())?;
        match earlier.into_iter().find(|bytes| means(bytes.as_deref()) == wanted) {
            Some(after) => Ok(Change { after, ..change }),
            None => Ok(change),
        }
    }
}
