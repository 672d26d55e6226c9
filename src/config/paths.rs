//! Paths of all files and folders below the data folder.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use super::{Error, env};

/// The paths of one data folder.
#[derive(Debug, Clone)]
pub struct Paths {
    home: PathBuf,
}

impl Paths {
    /// Resolves the data folder: `flag`, else `CLAUDE_MEMORY_HOME`, else `claude-memory` in the platform's data folder.
    ///
    /// # Errors
    /// [`Error::NoHome`] when none of them exists.
    pub fn resolve_home(flag: Option<PathBuf>) -> Result<Self, Error> {
        let home = match flag.or_else(env::memory_home) {
            Some(home) => home,
            None => etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?.data_dir().join("claude-memory"),
        };
        Ok(Self { home: std::path::absolute(&home).unwrap_or(home) })
    }

    /// Returns true if the data folder is the default one of this user.
    ///
    /// Some clients start their servers without the variables that name another folder: only the default is found then.
    pub fn is_default_home(&self) -> bool {
        let usual =
            if cfg!(windows) { env::data_folder() } else { env::user_home().map(|home| home.join(".local/share")) };
        usual.is_some_and(|folder| folder.join("claude-memory") == self.home)
    }

    /// The data folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The SQLite database.
    pub fn database_file(&self) -> PathBuf {
        self.home.join("memory.db")
    }

    /// Temporary stores of messages fetched from other servers for one search.
    pub fn fetch_folder(&self) -> PathBuf {
        self.home.join("fetched")
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.home.join("config.toml")
    }

    /// Unpacked runtime libraries.
    pub fn runtime_folder(&self) -> PathBuf {
        self.home.join("runtime")
    }

    /// The key of the placeholders that stand where secrets were.
    pub fn redaction_key_file(&self) -> PathBuf {
        self.home.join("redaction.key")
    }

    /// The secret key with which this machine signs what it sends to others.
    pub fn machine_key_file(&self) -> PathBuf {
        self.home.join("machine.key")
    }

    /// Caches shared by all processes. May be removed at any time.
    pub fn index_folder(&self) -> PathBuf {
        self.home.join("index")
    }

    /// Requests of models to delete messages, one file each.
    pub fn forget_requests(&self) -> PathBuf {
        self.home.join("forget")
    }

    /// Memories injected into each session, one file per session. May be removed at any time.
    pub fn injections_folder(&self) -> PathBuf {
        self.home.join("injections")
    }

    /// Notes of models that the person consented to.
    pub fn consent_file(&self) -> PathBuf {
        self.home.join("consent")
    }

    /// Fingerprints of recently deleted messages, one file per deletion.
    pub fn deletions_folder(&self) -> PathBuf {
        self.home.join("deleted")
    }

    /// Ids of the last results on the command line, which `show 1` opens. May be removed at any time.
    pub fn last_results_file(&self) -> PathBuf {
        self.home.join("last-results.json")
    }

    /// Locks of processes that capture transcripts, one per transcript. May be removed at any time.
    pub fn capture_locks_folder(&self) -> PathBuf {
        self.home.join("captures")
    }

    /// Bearer token for everything over HTTP.
    pub fn http_token_file(&self) -> PathBuf {
        self.home.join("http.token")
    }

    /// Bearer token for one scope of requests over HTTP, such as `metrics`.
    pub fn scoped_token_file(&self, scope: &str) -> PathBuf {
        self.home.join(format!("http.{scope}.token"))
    }

    /// Log of the alerts received.
    pub fn alerts_log(&self) -> PathBuf {
        self.home.join("logs").join("alerts.log")
    }

    /// Log of `serve`.
    pub fn service_log(&self) -> PathBuf {
        self.home.join("logs").join("monitoring_mcp.log")
    }

    /// Log of the jobs that the system's timers ran.
    pub fn cron_log(&self) -> PathBuf {
        self.home.join("logs").join("cron.log")
    }

    /// Saved reports, one file each.
    pub fn reports_folder(&self) -> PathBuf {
        self.home.join("reports")
    }

    /// Backups of this folder.
    pub fn backups_folder(&self) -> PathBuf {
        self.home.join("backups")
    }

    /// Backups of other programs' configurations.
    pub fn client_backups_folder(&self) -> PathBuf {
        self.home.join("installed")
    }

    /// Sessions and projects that the hooks are turned off for, one empty file each.
    pub fn hooks_off_folder(&self) -> PathBuf {
        self.home.join("hooks-off")
    }

    /// Pauses embedding in all processes while the file exists.
    pub fn embed_pause_file(&self) -> PathBuf {
        self.home.join("embed.paused")
    }

    /// Models imported by the user, one folder each.
    pub fn models_folder(&self) -> PathBuf {
        self.home.join("models")
    }

    /// Rerankers imported by the user, one folder each.
    pub fn rerankers_folder(&self) -> PathBuf {
        self.home.join("rerankers")
    }

    /// Lock of the one process that embeds with a model other than the one in use.
    pub fn reembed_lock(&self) -> PathBuf {
        self.home.join("reembed.lock")
    }

    /// Lock of the one process that embeds messages.
    pub fn embed_lock(&self) -> PathBuf {
        self.home.join("embed.lock")
    }
}
