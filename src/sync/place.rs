//! Where a PostgreSQL database is, and what may be said on the way there: a password never comes from an argument or from the
//! configuration file, and nothing is sent in the clear to another machine unless the user allowed it.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::error::{Error, Result};
use crate::config::SyncSettings;

/// A server has to answer within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database, and how to get there.
#[derive(Debug, Clone)]
pub struct PostgresPlace {
    pub(super) config: Config,
    /// Certificates of authorities to trust besides the system's; empty for none.
    pub(super) authorities: String,
}

impl PostgresPlace {
    /// The database of the settings; the password is `password` or in the file that the settings name.
    ///
    /// # Errors
    /// A wrong address, a password in it, a file that cannot be read, or plain text to another machine.
    pub fn configured(settings: &SyncSettings, password: Option<String>) -> Result<Self> {
        let password = secret(password, &settings.postgres_password_file, &settings.postgres_password_command)?;
        Self::of(&settings.postgres, password, settings)
    }

    /// The database at `url`, which may not hold a password.
    ///
    /// # Errors
    /// A wrong address, a password in it, or plain text to another machine.
    pub fn of(url: &str, password: Option<String>, settings: &SyncSettings) -> Result<Self> {
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| Error::Invalid {
            // The text of the address could hold a secret and is not repeated.
            message: format!("the address of the PostgreSQL database cannot be read: {error}"),
            hint: "it looks like postgresql://user@host:5432/database",
        })?;
        if config.get_password().is_some() {
            return Err(Error::Invalid {
                message: "the address of the PostgreSQL database holds a password".to_owned(),
                hint: "leave it out; set CLAUDE_MEMORY_POSTGRES_PASSWORD, or name a file in sync.postgres_password_file",
            });
        }
        if let Some(password) = password {
            config.password(password);
        }
        let away = !config.get_hosts().iter().all(is_here);
        match (away, config.get_ssl_mode()) {
            (true, SslMode::Disable) if !settings.allow_plaintext => {
                return Err(Error::Invalid {
                    message: "the PostgreSQL database is on another machine and sslmode=disable was asked for"
                        .to_owned(),
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
        config.connect_timeout(PATIENCE).keepalives_idle(Duration::from_secs(30)).application_name("claude-memory");
        Ok(Self { config, authorities: settings.postgres_ca_file.clone() })
    }

    /// Host and database, for people.
    pub fn name(&self) -> String {
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

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => is_loopback(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Whether a name or an address is this machine's own.
pub(super) fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A secret from the environment, else the first line of a file, else the first line that a program says: that of a keyring.
pub(super) fn secret(known: Option<String>, file: &str, command: &[String]) -> Result<Option<String>> {
    if known.is_some() {
        return Ok(known);
    }
    let text = match (file, command) {
        ("", []) => return Ok(None),
        ("", [program, arguments @ ..]) => spoken(program, arguments)?,
        (file, _) => std::fs::read_to_string(file).map_err(|error| Error::Invalid {
            message: format!("the password or key in {file} cannot be read: {error}"),
            hint: "check the path and its permissions",
        })?,
    };
    Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
}

/// What a program says. Its own words are not repeated: they could be the secret.
fn spoken(program: &str, arguments: &[String]) -> Result<String> {
    let failed = |why: String| Error::Invalid {
        message: format!("{program} did not give the password or key: {why}"),
        hint: "run the command of sync.postgres_password_command or sync.qdrant_key_command by hand",
    };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("it says something that is no text".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Layered;

    fn settings(allow_plaintext: bool) -> SyncSettings {
        let text = format!("[sync]\nallow_plaintext = {allow_plaintext}\n");
        Layered::of(Path::new("config.toml"), &text).unwrap().settings.sync
    }

    #[test]
    fn nothing_goes_in_the_clear_to_another_machine() {
        let mode = |url: &str, allowed| {
            PostgresPlace::of(url, None, &settings(allowed)).map(|place| place.config.get_ssl_mode())
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
        assert_eq!(secret(known(), "/nowhere", &say("exit 1")).unwrap(), known());
        assert!(secret(None, "/nowhere", &say("echo x")).is_err(), "a file that is named has to be there");
        assert_eq!(secret(None, "", &say("echo keyring; echo more")).unwrap().as_deref(), Some("keyring"));
        assert_eq!(secret(None, "", &[]).unwrap(), None);
        let error = secret(None, "", &say("echo hunter2; exit 3")).unwrap_err().to_string();
        assert!(error.contains('3') && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_password_comes_from_elsewhere_and_is_never_repeated() {
        let error = PostgresPlace::of("postgresql://me:hunter2@localhost/x", None, &settings(false)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let error = PostgresPlace::of("postgresql://me:hunter2@localhost:port/x", None, &settings(false)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let place = PostgresPlace::of("postgresql://me@localhost/x", Some("hunter2".to_owned()), &settings(false));
        let place = place.unwrap();
        assert!(!format!("{place:?}").contains("hunter2") && place.name() == "localhost/x", "{place:?}");
    }
}
