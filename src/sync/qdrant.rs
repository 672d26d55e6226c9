//! A connection to Qdrant's gRPC port.

use std::path::Path;
use std::time::Duration;

use qdrant_client::Qdrant;

use super::error::{Error, Result, whole};
use super::place::{is_loopback, secret};
use crate::config::SyncSettings;

/// An answer to a question that costs nothing has to come within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client of the settings; nothing is sent yet.
pub(super) fn client(settings: &SyncSettings, key: Option<String>) -> Result<Qdrant> {
    let address = settings.qdrant.as_str();
    let host = address.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let plain = address.starts_with("http://");
    let Some(host) = host.filter(|_| plain || address.starts_with("https://")) else {
        return Err(Error::Invalid {
            message: "the address of Qdrant cannot be read".to_owned(),
            hint: "it looks like http://127.0.0.1:6334 or https://qdrant.example.org:6334",
        });
    };
    if plain && !is_loopback(host) && !settings.allow_plaintext {
        return Err(Error::Invalid {
            message: "Qdrant is on another machine and its address begins with http://".to_owned(),
            hint: "use https://, or set sync.allow_plaintext to true",
        });
    }
    let key = match (key, settings.qdrant_key_file.as_str()) {
        (Some(key), _) => Some(key),
        (None, "") => None,
        (None, file) => Some(secret(Path::new(file))?),
    };
    let config = Qdrant::from_url(address).timeout(PATIENCE).connect_timeout(PATIENCE).skip_compatibility_check();
    let config = match key {
        Some(key) => config.api_key(key),
        None => config,
    };
    config.build().map_err(|error| refused(&error))
}

/// Whether the server answers.
pub(super) async fn ping(settings: &SyncSettings, key: Option<String>) -> Result<()> {
    let client = client(settings, key)?;
    let late = |_| Error::Target { target: "qdrant", why: format!("no answer within {} s", PATIENCE.as_secs()) };
    tokio::time::timeout(PATIENCE, client.health_check())
        .await
        .map_err(late)?
        .map(drop)
        .map_err(|error| refused(&error))
}

fn refused(error: &qdrant_client::QdrantError) -> Error {
    Error::Target { target: "qdrant", why: whole(error) }
}
