//! Where a Qdrant is, and a connection to its gRPC port.

use std::num::NonZeroU32;
use std::time::Duration;

use qdrant_client::{Qdrant, QdrantError};

use super::error::{Error, Result, whole};
use super::place::{is_loopback, secret};
use crate::config::SyncSettings;

/// An answer to a question that costs nothing has to come within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer to one that costs something.
const LONG_PATIENCE: Duration = Duration::from_mins(1);

/// A server, and how to get there.
#[derive(Clone)]
pub struct QdrantPlace {
    address: String,
    host: String,
    key: Option<String>,
    /// Shards and copies of each of a new collection.
    pub(super) layout: (Option<NonZeroU32>, Option<NonZeroU32>),
}

impl std::fmt::Debug for QdrantPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("QdrantPlace").field("host", &self.host).finish_non_exhaustive()
    }
}

impl QdrantPlace {
    /// The server of the settings; the key is `key` or in the file that the settings name.
    ///
    /// # Errors
    /// A wrong address, a file that cannot be read, or plain text to another machine.
    pub fn configured(settings: &SyncSettings, key: Option<String>) -> Result<Self> {
        let address = settings.qdrant.as_str();
        let host = address.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let plain = address.starts_with("http://");
        let Some(host) = host.filter(|host| !host.contains('@') && (plain || address.starts_with("https://"))) else {
            return Err(Error::Invalid {
                message: "the address of Qdrant cannot be read".to_owned(),
                hint: "it looks like http://127.0.0.1:6334 or https://qdrant.example.org:6334; a key does not belong into it",
            });
        };
        let bare = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if plain && !is_loopback(bare) && !settings.allow_plaintext {
            return Err(Error::Invalid {
                message: "Qdrant is on another machine and its address begins with http://".to_owned(),
                hint: "use https://, or set sync.allow_plaintext to true",
            });
        }
        let key = secret(key, &settings.qdrant_key_file, &settings.qdrant_key_command)?;
        let layout = (NonZeroU32::new(settings.qdrant_shards), NonZeroU32::new(settings.qdrant_replicas));
        Ok(Self { address: address.to_owned(), host: host.to_owned(), key, layout })
    }

    /// The host, for people.
    pub fn name(&self) -> &str {
        &self.host
    }

    /// A client; nothing is sent yet.
    pub(super) fn client(&self) -> Result<Qdrant> {
        self.patient(LONG_PATIENCE)
    }

    fn patient(&self, patience: Duration) -> Result<Qdrant> {
        let config = Qdrant::from_url(&self.address).timeout(patience).connect_timeout(PATIENCE);
        let config = config.skip_compatibility_check();
        let config = match &self.key {
            Some(key) => config.api_key(key.as_str()),
            None => config,
        };
        Ok(config.build()?)
    }
}

/// Whether the server answers.
pub(super) async fn ping(place: &QdrantPlace) -> Result<()> {
    let client = place.patient(PATIENCE)?;
    let late = |_| Error::Target { target: "qdrant", why: format!("no answer within {} s", PATIENCE.as_secs()) };
    Ok(tokio::time::timeout(PATIENCE, client.health_check()).await.map_err(late)?.map(drop)?)
}

impl From<QdrantError> for Error {
    fn from(error: QdrantError) -> Self {
        Self::Target { target: "qdrant", why: whole(&error) }
    }
}
