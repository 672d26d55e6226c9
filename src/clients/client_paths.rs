//! Supported clients, their scopes, and the locations of their configurations.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use crate::domain::names::names;

/// Program that can use an MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum McpClient {
    ClaudeCode,
    ClaudeDesktop,
    Codex,
    Cursor,
    Gemini,
}

/// Scope of an installation in a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InstallScope {
    /// One user, in every project.
    #[default]
    User,
    /// All people who work on the project: the file is committed.
    Project,
    /// One user, in this project.
    Local,
}

names!(McpClient { ClaudeCode: "claude-code"; ClaudeDesktop: "claude-desktop"; Codex: "codex"; Cursor: "cursor"; Gemini: "gemini"; });

impl McpClient {
    /// Returns the display name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Codex => "Codex",
            Self::Cursor => "Cursor",
            Self::Gemini => "Gemini CLI",
        }
    }
}

impl fmt::Display for McpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

names!(InstallScope { User: "user"; Project: "project"; Local: "local"; });

impl fmt::Display for InstallScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Base folders of the clients' configurations.
#[derive(Debug, Clone)]
pub struct ClientPaths {
    /// User's home folder.
    pub home: PathBuf,
    /// System folder of program configurations: `~/.config`, `~/Library/Application Support`, `%APPDATA%`.
    pub config: PathBuf,
    /// Value of `CLAUDE_CONFIG_DIR`, if Claude Code was moved.
    pub claude: Option<PathBuf>,
    /// Value of `CODEX_HOME`, if Codex was moved.
    pub codex: Option<PathBuf>,
    /// Folder of the project.
    pub project: PathBuf,
}

impl ClientPaths {
    /// Returns the file that holds the server's entry.
    pub(super) fn server_file(&self, client: McpClient, scope: InstallScope) -> Result<PathBuf> {
        if client != McpClient::ClaudeCode && scope != InstallScope::User {
            return Err(Error::NoScope { client, scope });
        }
        Ok(match (client, scope) {
            (McpClient::ClaudeCode, InstallScope::Project) => self.project.join(".mcp.json"),
            (McpClient::ClaudeCode, InstallScope::User | InstallScope::Local) => {
                self.claude.as_ref().unwrap_or(&self.home).join(".claude.json")
            }
            (McpClient::ClaudeDesktop, _) => self.config.join("Claude/claude_desktop_config.json"),
            (McpClient::Codex, _) => self.codex_folder().join("config.toml"),
            (McpClient::Cursor, _) => self.home.join(".cursor/mcp.json"),
            (McpClient::Gemini, _) => self.home.join(".gemini/settings.json"),
        })
    }

    /// Returns the file that holds the hooks; `None` for a client without hooks.
    pub(super) fn hooks_file(&self, client: McpClient, scope: InstallScope) -> Option<PathBuf> {
        match client {
            McpClient::ClaudeCode => Some(self.settings_file(scope)),
            McpClient::Codex => Some(self.codex_folder().join("hooks.json")),
            McpClient::Gemini => Some(self.home.join(".gemini/settings.json")),
            McpClient::ClaudeDesktop | McpClient::Cursor => None,
        }
    }

    /// Returns the settings file of Claude Code.
    pub(super) fn settings_file(&self, scope: InstallScope) -> PathBuf {
        match scope {
            InstallScope::User => self.claude_folder().join("settings.json"),
            InstallScope::Project => self.project.join(".claude/settings.json"),
            InstallScope::Local => self.project.join(".claude/settings.local.json"),
        }
    }

    /// Returns the key of the project in `.claude.json`.
    pub(super) fn project_key(&self) -> String {
        self.project.display().to_string()
    }

    /// Returns true if the client is on this machine: one of its files or folders exists.
    pub fn has_client(&self, client: McpClient) -> bool {
        let places: &[PathBuf] = &match client {
            McpClient::ClaudeCode => vec![self.claude_folder(), self.home.join(".claude.json")],
            McpClient::ClaudeDesktop => vec![self.config.join("Claude")],
            McpClient::Codex => vec![self.codex_folder()],
            McpClient::Cursor => vec![self.home.join(".cursor"), self.config.join("Cursor")],
            McpClient::Gemini => vec![self.home.join(".gemini")],
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
