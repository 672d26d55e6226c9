//! Installs this program into the configuration of the clients that use it, and uninstalls it.
//!
//! Owns the locations of each client's configuration and the form of the entries; changes its own keys and nothing
//! else; refuses what it cannot parse. Does not own the messages of the command line.

mod backups;
mod client_paths;
mod edit;
mod editable;
mod error;
mod hooks;
mod plugin;

use std::path::{Path, PathBuf};

use self::editable::EditableText;
use crate::domain::text::shell::quote_word;

pub use backups::ConfigBackups;
pub use client_paths::{ClientPaths, InstallScope, McpClient};
pub use error::{Error, Result};
pub use hooks::HOOKS;
pub use plugin::enabled_plugin;

/// Name of the MCP server in the clients' configurations.
pub const SERVER: &str = "claude-memory";

/// Bytes of a configuration file of a client that are read. Claude Code keeps much beside its settings in one.
const MAX_CONFIG_BYTES: u64 = 64 << 20;

/// Command line with which a client starts this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchCommand {
    /// Path of the program.
    pub program: PathBuf,
    /// Arguments before the command: `--home DIR`, unless the data folder is the default one.
    pub before: Vec<String>,
}

impl LaunchCommand {
    /// Returns the arguments that start the MCP server.
    pub fn server_arguments(&self) -> Vec<String> {
        self.before.iter().cloned().chain(["mcp".to_owned()]).collect()
    }

    /// Returns the program and the arguments before the command, quoted for a shell.
    fn quoted_words(&self) -> String {
        let words = std::iter::once(self.program.display().to_string()).chain(self.before.iter().cloned());
        words.map(|word| quote_word(&word)).collect::<Vec<_>>().join(" ")
    }
}

/// Planned change of one file: bytes before and after; `None` where there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Path of the file, links resolved.
    pub path: PathBuf,
    /// Current bytes of the file.
    pub before: Option<Vec<u8>>,
    /// New bytes of the file.
    pub after: Option<Vec<u8>>,
    /// True if others than the user may read a new file: it belongs to a project.
    pub shared: bool,
    /// Parts of the entry that differ.
    pub parts: Vec<EntryPart>,
}

/// Part of the entry that is added to a file or removed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryPart {
    /// Entry of the MCP server.
    Server,
    /// Entries of the hooks.
    Hooks,
}

impl FileChange {
    /// Returns true if the bytes differ.
    pub fn is_needed(&self) -> bool {
        self.before != self.after
    }
}

/// Target of an installation.
#[derive(Debug, Clone)]
pub struct InstallPlan<'a> {
    /// Client that is configured.
    pub client: McpClient,
    /// Scope; only Claude Code has others than the user.
    pub scope: InstallScope,
    /// Folders of the configurations.
    pub places: &'a ClientPaths,
}

/// Function from the text of a file to its new text; `None` where there is no file.
type TextEdit<'a> = &'a dyn Fn(&Path, Option<&str>) -> Result<Option<String>>;
/// Edits of one file, in order.
type FileEdits<'a> = Vec<(EntryPart, TextEdit<'a>)>;

impl InstallPlan<'_> {
    /// Plans the changes of an installation.
    ///
    /// # Errors
    /// When a file cannot be read or parsed, or a key has another value than the entry needs; when the plugin is
    /// enabled, which has server and hooks already.
    pub fn plan_install(&self, launch: &LaunchCommand, with_hooks: bool) -> Result<Vec<FileChange>> {
        if self.client == McpClient::ClaudeCode
            && let Some((plugin, path)) = enabled_plugin(self.places)
        {
            return Err(Error::PluginEnabled { plugin, path });
        }
        let server: TextEdit<'_> = &|file, text| edit::add_server(self, file, text, launch);
        let hooks: TextEdit<'_> = &|file, text| hooks::add_hooks(file, text, self.client, launch);
        let edits = self.group_edits(server, with_hooks.then_some(hooks))?;
        edits.iter().map(|(file, edits)| self.plan_change(file, edits)).collect()
    }

    /// Plans the changes of an uninstallation. A file that is as `backups` recorded it is restored byte by byte.
    ///
    /// # Errors
    /// When a file cannot be read or parsed.
    pub fn plan_uninstall(&self, launch: &LaunchCommand, backups: &ConfigBackups) -> Result<Vec<FileChange>> {
        let server: TextEdit<'_> = &|file, text| edit::remove_server(self, file, text);
        let hooks: TextEdit<'_> = &|file, text| hooks::remove_hooks(file, text, self.client, launch);
        let edits = self.group_edits(server, Some(hooks))?;
        edits.iter().map(|(file, edits)| self.plan_restore(backups, file, edits)).collect()
    }

    /// Returns true if the client's configuration has an entry of the server.
    pub fn is_installed(&self) -> bool {
        let server: TextEdit<'_> = &|file, text| edit::remove_server(self, file, text);
        let edits = self.group_edits(server, None).unwrap_or_default();
        edits.iter().any(|(file, edits)| self.plan_change(file, edits).is_ok_and(|change| change.is_needed()))
    }

    /// Returns the events at which the client runs hooks, each once.
    pub fn hook_events(&self) -> Vec<&'static str> {
        hooks::list_events(self.client)
    }

    /// Groups the edits by file. Some clients keep server and hooks in one file.
    fn group_edits<'a>(
        &self,
        server: TextEdit<'a>,
        hooks: Option<TextEdit<'a>>,
    ) -> Result<Vec<(PathBuf, FileEdits<'a>)>> {
        let file = self.places.server_file(self.client, self.scope)?;
        let mut edits = vec![(file, vec![(EntryPart::Server, server)])];
        if let (Some(hooks), Some(file)) = (hooks, self.places.hooks_file(self.client, self.scope)) {
            match edits.iter_mut().find(|(known, _)| *known == file) {
                Some((_, edits)) => edits.push((EntryPart::Hooks, hooks)),
                None => edits.push((file, vec![(EntryPart::Hooks, hooks)])),
            }
        }
        Ok(edits)
    }

    fn plan_change(&self, file: &Path, edits: &[(EntryPart, TextEdit<'_>)]) -> Result<FileChange> {
        // A link is followed: replacing it would cut a user's dotfiles off.
        let path = backups::resolve_links(file);
        let before = backups::read_if_exists(&path)?;
        let editable = before.as_deref().map(|bytes| decode_editable(file, bytes)).transpose()?;
        let mut text = editable.as_ref().map(|editable| editable.text().to_owned());
        let mut parts = Vec::new();
        for (part, edit) in edits {
            let edited = edit(file, text.as_deref())?;
            if edited != text {
                parts.push(*part);
            }
            text = edited;
        }
        let after = text.map(|text| match &editable {
            Some(editable) => editable.restore_bytes(&text),
            None => text.into_bytes(),
        });
        Ok(FileChange { path, before, after, shared: self.scope == InstallScope::Project, parts })
    }

    fn plan_restore(
        &self,
        backups: &ConfigBackups,
        file: &Path,
        edits: &[(EntryPart, TextEdit<'_>)],
    ) -> Result<FileChange> {
        let change = self.plan_change(file, edits)?;
        if !change.is_needed() {
            return Ok(change);
        }
        let means = |bytes: Option<&[u8]>| match bytes.map(|bytes| decode_editable(file, bytes)) {
            None => edit::parse_contents(file, None),
            Some(Ok(editable)) => edit::parse_contents(file, Some(editable.text())),
            Some(Err(_)) => None,
        };
        let wanted = means(change.after.as_deref());
        let earlier = backups.earlier_contents(&change.path, change.before.as_deref())?;
        match earlier.into_iter().find(|bytes| means(bytes.as_deref()) == wanted) {
            Some(after) => Ok(FileChange { after, ..change }),
            None => Ok(change),
        }
    }
}

fn decode_editable(file: &Path, bytes: &[u8]) -> Result<EditableText> {
    let unreadable = || Error::Unparsable { path: file.to_owned(), why: "it is not UTF-8".to_owned() };
    EditableText::new(bytes, !edit::is_toml(file)).ok_or_else(unreadable)
}
