//! Connection settings of a PostgreSQL database, and their security rules: a password never comes from a command-line
//! argument or from the configuration file, and plain text to another machine needs the user's permission.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::error::{Error, Result};
use crate::config::SyncSettings;
use crate::disk;

/// Bytes of a file with a password or key.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Timeout of connecting to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Connection settings of a database.
#[derive(Debug, Clone)]
pub struct PostgresEndpoint {
    pub(super) config: Config,
    /// File of certificate authorities to trust besides the system's; empty for none.
    pub(super) authorities: String,
}

impl PostgresEndpoint {
    /// Reads the database of the settings. The password is `password`, or comes from the file or command in the
    /// settings.
    pub fn from_settings(settings: &SyncSettings, password: Option<String>) -> Result<Self> {
        let password = resolve_secret(password, &settings.postgres_password_file, &settings.postgres_password_command)?;
        Self::from_url(&settings.postgres, password, settings)
    }

    /// Parses the database URL, which may not hold a password.
    ///
    /// # Errors
    /// If the URL is malformed or holds a password, or would send plain text to another machine.
    pub fn from_url(url: &str, password: Option<String>, settings: &SyncSettings) -> Result<Self> {
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| Error::Invalid {
            // The URL could hold a secret and is not repeated.
            message: format!("cannot parse the URL of the PostgreSQL database: {error}"),
            hint: "use the form postgresql://user@host:5432/database",
        })?;
        if config.get_password().is_some() {
            return Err(Error::Invalid {
                message: "the URL of the PostgreSQL database contains a password".to_owned(),
                hint: "remove it; set CLAUDE_MEMORY_POSTGRES_PASSWORD, or name a file in sync.postgres_password_file",
            });
        }
        if let Some(password) = password {
            config.password(password);
        }
        let away = !config.get_hosts().iter().all(is_local_host);
        match (away, config.get_ssl_mode()) {
            (true, SslMode::Disable) if !settings.allow_plaintext => {
                return Err(Error::Invalid {
                    message: "sslmode=disable is not allowed for a PostgreSQL database on another machine".to_owned(),
                    hint: "leave sslmode out, or set sync.allow_plaintext to true",
                });
            }
            (true, SslMode::Prefer) => {
                config.ssl_mode(if settings.allow_plaintext { SslMode::Prefer } else { SslMode::Require });
            }
            (false, SslMode::Prefer) => {
                config.ssl_mode(SslMode::Disable);
            }
            _ => {}
        }
        config
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(Duration::from_secs(30))
            .application_name("claude-memory");
        Ok(Self { config, authorities: settings.postgres_ca_file.clone() })
    }

    /// Returns host and database, for display.
    pub fn display_name(&self) -> String {
        let host = self.config.get_hosts().first().map_or_else(|| "localhost".to_owned(), host_name);
        format!("{host}/{}", self.config.get_dbname().unwrap_or("postgres"))
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

/// Returns true if a host is this machine.
fn is_local_host(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => is_loopback(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Returns true if a name or an address is a loopback one.
pub(super) fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Resolves a secret: the environment's value, else the first line of a file, else the first line that a command prints
/// (a keyring).
pub(super) fn resolve_secret(known: Option<String>, file: &str, command: &[String]) -> Result<Option<String>> {
    if known.is_some() {
        return Ok(known);
    }
    let text = match (file, command) {
        ("", []) => return Ok(None),
        ("", [program, arguments @ ..]) => run_secret_command(program, arguments)?,
        (file, _) => disk::read_foreign_text(Path::new(file), MAX_SECRET_BYTES).map_err(|error| Error::Invalid {
            message: format!("cannot read the password or key in {file}: {error}"),
            hint: "check the path and its permissions",
        })?,
    };
    Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
}

/// Runs a command and returns its output. Errors never repeat the output, which could be the secret.
fn run_secret_command(program: &str, arguments: &[String]) -> Result<String> {
    let failed = |why: String| Error::Invalid {
        message: format!("{program} did not print the password or key: {why}"),
        hint: "run the command of sync.postgres_password_command or sync.qdrant_key_command by hand",
    };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("its output is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayeredSettings;

    fn settings(allow_plaintext: bool) -> SyncSettings {
        let text = format!("[sync]\nallow_plaintext = {allow_plaintext}\n");
        LayeredSettings::from_text(Path::new("config.toml"), &text).unwrap().settings.sync
    }

    #[test]
    fn nothing_goes_in_the_clear_to_another_machine() {
        let mode = |url: &str, allowed| {
            PostgresEndpoint::from_url(url, None, &settings(allowed)).map(|place| place.config.get_ssl_mode())
        };
        assert_eq!(mode("postgresql://me@db.example.org/x", false).unwrap(), SslMode::Require);
        assert_eq!(mode("postgresql://me@db.example.org/x", true).unwrap(), SslMode::Prefer);
        assert!(mode("postgresql://me@db.example.org/x?sslmode=disable", false).is_err());
        assert_eq!(mode("postgresql://me@db.example.org/x?sslmode=disable", true).unwrap(), SslMode::Disable);
        assert_eq!(mode("postgresql://me@127.0.0.1:5433/x", false).unwrap(), SslMode::Disable);
        assert_eq!(mode("postgresql://me@localhost/x?sslmode=require", false).unwrap(), SslMode::Require);
        assert_eq!(mode("host=/run/postgresql user=me dbname=x", false).unwrap(), SslMode::Disable);
        assert_eq!(mode("postgresql://me@127.0.0.1,db.example.org/x", false).unwrap(), SslMode::Require);
    }

    #[test]
    #[cfg(unix)]
    fn a_keyring_is_asked_last() {
        let say = |script: &str| ["sh", "-c", script].map(str::to_owned).to_vec();
        let known = || Some("environment".to_owned());
        assert_eq!(resolve_secret(known(), "/nowhere", &say("exit 1")).unwrap(), known());
        assert!(resolve_secret(None, "/nowhere", &say("echo x")).is_err(), "a file that is named has to be there");
        assert_eq!(resolve_secret(None, "", &say("echo keyring; echo more")).unwrap().as_deref(), Some("keyring"));
        assert_eq!(resolve_secret(None, "", &[]).unwrap(), None);
        let error = resolve_secret(None, "", &say("echo hunter2; exit 3")).unwrap_err().to_string();
        assert!(error.contains('3') && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_password_comes_from_elsewhere_and_is_never_repeated() {
        let error =
            PostgresEndpoint::from_url("postgresql://me:hunter2@localhost/x", None, &settings(false)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let error =
            PostgresEndpoint::from_url("postgresql://me:hunter2@localhost:port/x", None, &settings(false)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let place =
            PostgresEndpoint::from_url("postgresql://me@localhost/x", Some("hunter2".to_owned()), &settings(false));
        let place = place.unwrap();
        assert!(!format!("{place:?}").contains("hunter2") && place.display_name() == "localhost/x", "{place:?}");
    }
}
