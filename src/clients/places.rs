//! Which clients there are and where each keeps its configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// A program that can use an MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Claude Code.
    ClaudeCode,
    /// Claude Desktop.
    ClaudeDesktop,
    /// `OpenAI` Codex.
    Codex,
    /// Cursor.
    Cursor,
    /// Gemini CLI.
    Gemini,
}

/// For whom a client uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// The user, in every project.
    #[default]
    User,
    /// Everybody who works on the project: the file is committed.
    Project,
    /// The user, in this project.
    Local,
}

impl Client {
    /// Every client.
    pub const ALL: [Self; 5] = [Self::ClaudeCode, Self::ClaudeDesktop, Self::Codex, Self::Cursor, Self::Gemini];

    /// The name used on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Codex => "codex",
            Self::Cursor => "cursor",
            Self::Gemini => "gemini",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.name() == name)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::User, Self::Project, Self::Local];

    /// The name used on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
            Self::Local => "local",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The folders that configurations are found from.
#[derive(Debug, Clone)]
pub struct Places {
    /// The user's home folder.
    pub home: PathBuf,
    /// Where programs keep their configuration: `~/.config`, `~/Library/Application Support`, `%APPDATA%`.
    pub config: PathBuf,
    /// `CLAUDE_CONFIG_DIR`, if Claude Code was moved.
    pub claude: Option<PathBuf>,
    /// `CODEX_HOME`, if Codex was moved.
    pub codex: Option<PathBuf>,
    /// The folder of the project.
    pub project: PathBuf,
}

impl Places {
    /// The file that holds the server's entry.
    pub(super) fn server_file(&self, client: Client, scope: Scope) -> Result<PathBuf> {
        if client != Client::ClaudeCode && scope != Scope::User {
            return Err(Error::NoScope { client, scope });
        }
        Ok(match (client, scope) {
            (Client::ClaudeCode, Scope::Project) => self.project.join(".mcp.json"),
            (Client::ClaudeCode, Scope::User | Scope::Local) => {
                self.claude.as_ref().unwrap_or(&self.home).join(".claude.json")
            }
            (Client::ClaudeDesktop, _) => self.config.join("Claude/claude_desktop_config.json"),
            (Client::Codex, _) => self.codex_folder().join("config.toml"),
            (Client::Cursor, _) => self.home.join(".cursor/mcp.json"),
            (Client::Gemini, _) => self.home.join(".gemini/settings.json"),
        })
    }

    /// The file that holds Claude Code's hooks.
    pub(super) fn hooks_file(&self, scope: Scope) -> PathBuf {
        match scope {
            Scope::User => self.claude_folder().join("settings.json"),
            Scope::Project => self.project.join(".claude/settings.json"),
            Scope::Local => self.project.join(".claude/settings.local.json"),
        }
    }

    /// The name of the project in Claude Code's own file.
    pub(super) fn project_key(&self) -> String {
        self.project.display().to_string()
    }

    /// Whether the client is on this machine: it has left something in the user's home.
    pub fn has(&self, client: Client) -> bool {
        let places: &[PathBuf] = &match client {
            Client::ClaudeCode => vec![self.claude_folder(), self.home.join(".claude.json")],
            Client::ClaudeDesktop => vec![self.config.join("Claude")],
            Client::Codex => vec![self.codex_folder()],
            Client::Cursor => vec![self.home.join(".cursor"), self.config.join("Cursor")],
            Client::Gemini => vec![self.home.join(".gemini")],
        };
        places.iter().any(|place| place.exists())
    }

    fn claude_folder(&self) -> PathBuf {
        self.claude.clone().unwrap_or_else(|| self.home.join(".claude"))
    }

    fn codex_folder(&self) -> PathBuf {
        self.codex.as_deref().map_or_else(|| self.home.join(".codex"), Path::to_owned)
    }
}
