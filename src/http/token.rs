//! Bearer tokens of the HTTP server, one for each scope: stored in files that only their owner can read, never in an
//! argument, a log or a response.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use crate::config::Paths;
use crate::disk;
use crate::domain::ContentHash;
use crate::domain::hash::{random_key, to_hex};
use crate::mcp::Access;

/// Shortest time between two looks at the files.
const LOOK_AGE: Duration = Duration::from_millis(500);
/// Minimum characters of a token.
const MIN_CHARACTERS: usize = 32;

/// Set of routes that a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Metrics and health: for Prometheus and probes.
    Metrics,
    /// The webhook for alerts: for Alertmanager.
    Webhook,
    /// Also searching and reading the memory.
    Read,
    /// Also saving and changing notes.
    Write,
    /// Everything.
    Admin,
}

impl Scope {
    /// All scopes, the narrowest first.
    pub const ALL: [Self; 5] = [Self::Metrics, Self::Webhook, Self::Read, Self::Write, Self::Admin];

    /// Returns the name used on the command line and in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Webhook => "webhook",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Finds a scope by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Returns one sentence about what the token opens.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Metrics => "/metrics, /health, /readyz, /livez",
            Self::Webhook => "the webhook for alerts",
            Self::Read => "the routes of metrics; tools and pages that read the memory",
            Self::Write => "the routes of read; tools that save and change notes",
            Self::Admin => "everything",
        }
    }

    /// Returns true if a token of this scope opens what needs `other`.
    pub const fn includes(self, other: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Webhook => matches!(other, Self::Webhook),
            Self::Metrics => matches!(other, Self::Metrics),
            Self::Read => matches!(other, Self::Metrics | Self::Read),
            Self::Write => matches!(other, Self::Metrics | Self::Read | Self::Write),
        }
    }

    /// Returns the rights over the memory; `None` if the memory is out of reach.
    pub const fn memory_access(self) -> Option<Access> {
        match self {
            Self::Metrics | Self::Webhook => None,
            Self::Read => Some(Access::Read),
            Self::Write => Some(Access::Write),
            Self::Admin => Some(Access::Admin),
        }
    }

    /// Returns the file of the token.
    pub fn token_file(self, paths: &Paths) -> PathBuf {
        match self {
            Self::Admin => paths.http_token_file(),
            other => paths.scoped_token_file(other.name()),
        }
    }
}

/// Hashes of the tokens of all scopes. `Debug` prints no part of them. Clones share one set: a replaced token is
/// replaced in all.
#[derive(Clone)]
pub struct TokenSet(Arc<SharedTokens>);

struct SharedTokens {
    hashes: RwLock<Vec<(Scope, ContentHash)>>,
    /// Data folder with the files; `None` in tests.
    paths: Option<Paths>,
    looked: Mutex<LastLook>,
}

/// Last look at the files.
struct LastLook {
    at: Instant,
    /// State of the files when they were read.
    stamps: FileStamps,
    /// State of the files that could not be read, which is logged once.
    failed: Option<FileStamps>,
}

/// Time of modification and size of each file, `None` for a missing one.
type FileStamps = Vec<Option<(SystemTime, u64)>>;

impl fmt::Debug for TokenSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenSet")
    }
}

impl TokenSet {
    /// Creates a set with the token of the scope admin only.
    pub fn with_admin_token(text: &str) -> Self {
        let hashes = vec![(Scope::Admin, ContentHash::of_text(text))];
        Self::from_parts(hashes, None, Vec::new())
    }

    fn from_parts(hashes: Vec<(Scope, ContentHash)>, paths: Option<Paths>, stamps: FileStamps) -> Self {
        let looked = Mutex::new(LastLook { at: Instant::now(), stamps, failed: None });
        Self(Arc::new(SharedTokens { hashes: RwLock::new(hashes), paths, looked }))
    }

    /// Loads the tokens from their files; files that are missing are created with random tokens first.
    ///
    /// # Errors
    /// When a file cannot be created or read, is readable by other users, or holds no token. The message names it.
    pub fn load_or_create(paths: &Paths) -> io::Result<Self> {
        create_missing_files(paths)?;
        // In this order, a file that changes between the two is read again.
        let stamps = read_stamps(paths);
        Ok(Self::from_parts(read_hashes(paths)?, Some(paths.clone()), stamps))
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// Those of [`Self::load_or_create`]; the old tokens stay in force then.
    pub fn reload_files(&self) -> io::Result<()> {
        let Some(paths) = &self.0.paths else { return Ok(()) };
        create_missing_files(paths)?;
        let hashes = read_hashes(paths)?;
        *self.0.hashes.write().unwrap_or_else(PoisonError::into_inner) = hashes;
        Ok(())
    }

    /// Reads the files again if one has changed, so that a replaced token ends at once. Looks at most twice a second.
    fn reload_changed_files(&self) {
        let Some(paths) = &self.0.paths else { return };
        let mut looked = self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.at.elapsed() < LOOK_AGE {
            return;
        }
        looked.at = Instant::now();
        let stamps = read_stamps(paths);
        if stamps == looked.stamps {
            return;
        }
        match self.reload_files() {
            Ok(()) => {
                looked.stamps = stamps;
                tracing::info!("tokens reloaded");
            }
            Err(error) if looked.failed.as_ref() != Some(&stamps) => {
                looked.failed = Some(stamps);
                tracing::error!("cannot read the tokens, the old ones stay in force: {error}");
            }
            Err(_) => {}
        }
    }

    /// Returns the scope of a token, `None` if it is none. Compares hashes, so that the timing reveals nothing about the
    /// text.
    pub fn scope_of(&self, text: &str) -> Option<Scope> {
        self.reload_changed_files();
        let hash = ContentHash::of_text(text);
        let hashes = self.0.hashes.read().unwrap_or_else(PoisonError::into_inner);
        hashes.iter().find(|(_, known)| *known == hash).map(|(scope, _)| *scope)
    }

    /// Returns the hash of the token of the scope admin.
    pub(super) fn admin_hash(&self) -> Option<ContentHash> {
        self.reload_changed_files();
        let hashes = self.0.hashes.read().unwrap_or_else(PoisonError::into_inner);
        hashes.iter().find(|(scope, _)| *scope == Scope::Admin).map(|(_, hash)| *hash)
    }
}

/// Replaces the token of a scope with a new random one. A running service accepts only the new one within a second.
///
/// # Errors
/// Any I/O error; the old token then stays.
pub fn rotate_token(paths: &Paths, scope: Scope) -> io::Result<PathBuf> {
    disk::create_private_folder(paths.home())?;
    let file = scope.token_file(paths);
    disk::write_atomic(&file, random_token().as_bytes())?;
    Ok(file)
}

fn random_token() -> String {
    format!("{}\n", to_hex(&random_key()))
}

fn read_stamps(paths: &Paths) -> FileStamps {
    let stamp = |scope: Scope| {
        let data = fs::metadata(scope.token_file(paths)).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    Scope::ALL.into_iter().map(stamp).collect()
}

fn create_missing_files(paths: &Paths) -> io::Result<()> {
    disk::create_private_folder(paths.home())?;
    for scope in Scope::ALL {
        let file = scope.token_file(paths);
        if !file.exists() {
            // Another process may create it at the same moment; one of the two tokens stays.
            disk::create_atomic(&file, random_token().as_bytes()).map_err(|error| token_error(&file, &error))?;
        }
    }
    Ok(())
}

fn read_hashes(paths: &Paths) -> io::Result<Vec<(Scope, ContentHash)>> {
    let read = |scope: Scope| {
        let file = scope.token_file(paths);
        let text = read_token(&file).map_err(|error| token_error(&file, &error))?;
        Ok((scope, ContentHash::of_text(text.trim())))
    };
    Scope::ALL.into_iter().map(read).collect()
}

fn token_error(file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot use the token in {}: {error}", file.display()))
}

fn read_token(file: &Path) -> io::Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(file)?.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "other users can read it; run chmod 600 on it, or remove it",
            ));
        }
    }
    let text = fs::read_to_string(file)?;
    if text.trim().len() < MIN_CHARACTERS {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds no token; remove it and start again"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(paths: &Paths, scope: Scope) -> String {
        fs::read_to_string(scope.token_file(paths)).unwrap().trim().to_owned()
    }

    #[test]
    fn every_scope_gets_a_token_of_its_own_that_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve_home(Some(folder.path().join("home"))).unwrap();
        let tokens = TokenSet::load_or_create(&paths).unwrap();
        let again = TokenSet::load_or_create(&paths).unwrap();
        for scope in Scope::ALL {
            let text = text_of(&paths, scope);
            assert_eq!((tokens.scope_of(&text), again.scope_of(&text)), (Some(scope), Some(scope)));
            assert!(!format!("{tokens:?}").contains(&text));
        }
        assert_eq!(tokens.scope_of("x"), None);
        assert!(paths.http_token_file().ends_with("http.token") && Scope::Admin.token_file(&paths).exists());
    }

    #[test]
    fn a_rotated_token_replaces_the_old_one_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve_home(Some(folder.path().join("home"))).unwrap();
        let tokens = TokenSet::load_or_create(&paths).unwrap();
        let (old, admin) = (text_of(&paths, Scope::Metrics), text_of(&paths, Scope::Admin));
        rotate_token(&paths, Scope::Metrics).unwrap();
        let new = text_of(&paths, Scope::Metrics);
        tokens.clone().reload_files().unwrap();
        assert_eq!((tokens.scope_of(&old), tokens.scope_of(&new)), (None, Some(Scope::Metrics)));
        assert_eq!(tokens.scope_of(&admin), Some(Scope::Admin));
        disk::write_atomic(&Scope::Metrics.token_file(&paths), b"short").unwrap();
        assert!(tokens.reload_files().unwrap_err().to_string().contains("http.metrics.token"));
        assert_eq!(tokens.scope_of(&new), Some(Scope::Metrics), "the old one stays in force");
        fs::remove_file(Scope::Metrics.token_file(&paths)).unwrap();
        tokens.reload_files().unwrap();
        assert_eq!(tokens.scope_of(&new), None);
        assert_eq!(tokens.scope_of(&text_of(&paths, Scope::Metrics)), Some(Scope::Metrics), "a new one was made");
    }

    #[test]
    fn scopes_include_what_is_narrower_and_nothing_else() {
        let included = |scope: Scope| -> Vec<&str> {
            Scope::ALL.into_iter().filter(|other| scope.includes(*other)).map(Scope::name).collect()
        };
        assert_eq!(included(Scope::Metrics), ["metrics"]);
        assert_eq!(included(Scope::Webhook), ["webhook"]);
        assert_eq!(included(Scope::Read), ["metrics", "read"]);
        assert_eq!(included(Scope::Write), ["metrics", "read", "write"]);
        assert_eq!(included(Scope::Admin).len(), Scope::ALL.len());
        assert!(Scope::ALL.into_iter().all(|scope| Scope::from_name(scope.name()) == Some(scope)));
    }

    #[test]
    #[cfg(unix)]
    fn a_token_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve_home(Some(folder.path().join("home"))).unwrap();
        TokenSet::load_or_create(&paths).unwrap();
        let file = Scope::Webhook.token_file(&paths);
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(TokenSet::load_or_create(&paths).unwrap_err().to_string().contains("http.webhook.token"));
    }
}
