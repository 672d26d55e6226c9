//! Where everything lives below the data folder.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use super::{Error, env};

/// The paths of one data folder.
#[derive(Debug, Clone)]
pub struct Paths {
    home: PathBuf,
}

impl Paths {
    /// `flag`, else `CLAUDE_MEMORY_HOME`, else `claude-memory` in the platform's data folder.
    ///
    /// # Errors
    /// [`Error::NoHome`] when none of them exists.
    pub fn resolve(flag: Option<PathBuf>) -> Result<Self, Error> {
        let home = match flag.or_else(env::home) {
            Some(home) => home,
            None => etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?.data_dir().join("claude-memory"),
        };
        Ok(Self { home: std::path::absolute(&home).unwrap_or(home) })
    }

    /// The data folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The SQLite database.
    pub fn database(&self) -> PathBuf {
        self.home.join("memory.db")
    }

    /// Where stores live for the moment of a search elsewhere.
    pub fn fetched(&self) -> PathBuf {
        self.home.join("fetched")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.home.join("config.toml")
    }

    /// Unpacked runtime libraries.
    pub fn runtime(&self) -> PathBuf {
        self.home.join("runtime")
    }

    /// The key of the placeholders that stand where secrets were.
    pub fn redaction_key(&self) -> PathBuf {
        self.home.join("redaction.key")
    }

    /// Caches that all processes share. May be removed at any time.
    pub fn index(&self) -> PathBuf {
        self.home.join("index")
    }

    /// What each session was already given, one file per session. May be removed at any time.
    pub fn given(&self) -> PathBuf {
        self.home.join("given")
    }

    /// Fingerprints of what was deleted lately, one file for each deletion.
    pub fn deleted(&self) -> PathBuf {
        self.home.join("deleted")
    }

    /// Locks of those who capture transcripts, one for each transcript. May be removed at any time.
    pub fn captures(&self) -> PathBuf {
        self.home.join("captures")
    }

    /// What a request over HTTP has to bring.
    pub fn http_token(&self) -> PathBuf {
        self.home.join("http.token")
    }

    /// The alerts that came in.
    pub fn alerts_log(&self) -> PathBuf {
        self.home.join("logs").join("alerts.log")
    }

    /// What `serve` writes about itself.
    pub fn service_log(&self) -> PathBuf {
        self.home.join("logs").join("monitoring_mcp.log")
    }

    /// What timers of the system ran.
    pub fn cron_log(&self) -> PathBuf {
        self.home.join("logs").join("cron.log")
    }

    /// Reports that were written down.
    pub fn reports(&self) -> PathBuf {
        self.home.join("reports")
    }

    /// Backups of this folder.
    pub fn backups(&self) -> PathBuf {
        self.home.join("backups")
    }

    /// Backups of other programs' configurations.
    pub fn installed(&self) -> PathBuf {
        self.home.join("installed")
    }

    /// For what the hooks are turned off, one empty file each.
    pub fn hooks_off(&self) -> PathBuf {
        self.home.join("hooks-off")
    }

    /// While this file is there nobody makes vectors.
    pub fn embed_pause(&self) -> PathBuf {
        self.home.join("embed.paused")
    }

    /// Models of the user that were taken in, a folder each.
    pub fn models(&self) -> PathBuf {
        self.home.join("models")
    }

    /// Held by the one process that makes vectors of another model than the one in use.
    pub fn reembed_lock(&self) -> PathBuf {
        self.home.join("reembed.lock")
    }

    /// Held by the one process that makes vectors.
    pub fn embed_lock(&self) -> PathBuf {
        self.home.join("embed.lock")
    }
}
