//! Connection settings of a Qdrant server, and a client for its REST interface.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::error::{Error, Result, error_chain};
use super::postgres_endpoint::{is_loopback, resolve_secret};
use crate::config::SyncSettings;

/// Timeout of connecting and of a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of other requests.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Maximum bytes of an answer; a page of a scroll has a few megabytes.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Default port of Qdrant's other interface.
const GRPC_PORT: &str = ":6334";

/// Connection settings of a server.
#[derive(Clone)]
pub struct QdrantEndpoint {
    address: String,
    host: String,
    key: Option<String>,
    /// Shards and replicas of a new collection; `None` leaves the server's default.
    pub(super) layout: (Option<NonZeroU32>, Option<NonZeroU32>),
}

impl std::fmt::Debug for QdrantEndpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("QdrantPlace").field("host", &self.host).finish_non_exhaustive()
    }
}

impl QdrantEndpoint {
    /// Reads the server of the settings. The key is `key`, or comes from the file or command in the settings.
    pub fn from_settings(settings: &SyncSettings, key: Option<String>) -> Result<Self> {
        let address = settings.qdrant.trim_end_matches('/');
        let host = address.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let plain = address.starts_with("http://");
        let Some(host) = host.filter(|host| !host.contains('@') && (plain || address.starts_with("https://"))) else {
            return Err(Error::Invalid {
                message: "the URL of Qdrant cannot be read".to_owned(),
                hint: "use the form http://127.0.0.1:6333 or https://qdrant.example.org:6333, without a key",
            });
        };
        let bare = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if plain && !is_loopback(bare) && !settings.allow_plaintext {
            return Err(Error::Invalid {
                message: "Qdrant is on another machine and its URL begins with http://".to_owned(),
                hint: "use https://, or set sync.allow_plaintext to true",
            });
        }
        if host.ends_with(GRPC_PORT) {
            return Err(Error::Invalid {
                message: "the URL of Qdrant names port 6334, its gRPC port".to_owned(),
                hint: "use the port of its REST interface, which is 6333 by default",
            });
        }
        let key = resolve_secret(key, &settings.qdrant_key_file, &settings.qdrant_key_command)?;
        let layout = (NonZeroU32::new(settings.qdrant_shards), NonZeroU32::new(settings.qdrant_replicas));
        Ok(Self { address: address.to_owned(), host: host.to_owned(), key, layout })
    }

    /// Returns the host, for display.
    pub fn display_name(&self) -> &str {
        &self.host
    }

    /// Builds a client; nothing is sent yet.
    pub(super) fn new_client(&self) -> QdrantClient {
        self.client_with_timeout(REQUEST_TIMEOUT)
    }

    fn client_with_timeout(&self, patience: Duration) -> QdrantClient {
        let mut config = Agent::config_builder()
            .timeout_global(Some(patience))
            .timeout_connect(Some(PING_TIMEOUT))
            .http_status_as_error(false)
            // The key goes to no other server.
            .max_redirects(0)
            .proxy(None);
        if self.address.starts_with("https://") {
            let system = rustls_native_certs::load_native_certs().certs;
            let roots: Vec<Certificate<'static>> =
                system.iter().map(|authority| Certificate::from_der(authority).to_owned()).collect();
            config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(roots)).build());
        }
        QdrantClient {
            agent: Agent::new_with_config(config.build()),
            address: self.address.clone(),
            key: self.key.clone(),
        }
    }
}

/// Asks for the registry, which also checks the key.
pub(super) async fn ping_qdrant(place: &QdrantEndpoint) -> Result<()> {
    place.client_with_timeout(PING_TIMEOUT).collection_exists("claude-memory").await.map(drop)
}

/// Client of a server. Connections stay open between requests.
#[derive(Clone)]
pub(super) struct QdrantClient {
    agent: Agent,
    address: String,
    key: Option<String>,
}

impl QdrantClient {
    /// Returns true if the server has a collection of this name.
    pub(super) async fn collection_exists(&self, name: &str) -> Result<bool> {
        let answer: Value = self.send("GET", format!("/collections/{name}/exists"), &()).await?;
        answer.get("exists").and_then(Value::as_bool).ok_or_else(|| unexpected_answer("it does not say `exists`"))
    }

    /// Sends a request with a body in JSON, and returns the `result` of the answer.
    ///
    /// # Errors
    /// If the server does not answer in time, answers with an error, or with something else than JSON.
    pub(super) async fn send<T>(&self, method: &'static str, path: String, body: &impl Serialize) -> Result<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let body = if method == "GET" {
            Vec::new()
        } else {
            serde_json::to_vec(body).map_err(|error| unexpected_answer(&error.to_string()))?
        };
        let client = self.clone();
        // The agent blocks its thread until the answer is there.
        let sent = tokio::task::spawn_blocking(move || client.send_and_read(method, &path, body));
        sent.await.map_err(|error| unexpected_answer(&error.to_string()))?
    }

    fn send_and_read<T: DeserializeOwned>(&self, method: &str, path: &str, body: Vec<u8>) -> Result<T> {
        let failed = |error: ureq::Error| Error::Target { target: "qdrant", why: error_chain(&error) };
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(key) = &self.key {
            request = request.header("api-key", key);
        }
        let answer = if body.is_empty() {
            request.body(()).map(|request| self.agent.run(request))
        } else {
            request.header("content-type", "application/json").body(body).map(|request| self.agent.run(request))
        };
        let mut answer = answer.map_err(|error| failed(error.into()))?.map_err(failed)?;
        let status = answer.status();
        let bytes = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(failed)?;
        if !status.is_success() {
            return Err(Error::Target { target: "qdrant", why: describe_failure(status, &bytes) });
        }
        let answer: Answer<T> =
            serde_json::from_slice(&bytes).map_err(|error| unexpected_answer(&error.to_string()))?;
        Ok(answer.result)
    }
}

/// The answer to a request that succeeded.
#[derive(serde::Deserialize)]
struct Answer<T> {
    result: T,
}

/// Returns the status and what Qdrant says about it.
fn describe_failure(status: StatusCode, bytes: &[u8]) -> String {
    let answer = serde_json::from_slice::<Value>(bytes).ok();
    let said = answer.as_ref().and_then(|answer| answer.pointer("/status/error")).and_then(Value::as_str);
    match said {
        Some(said) => format!("{status}: {said}"),
        None => status.to_string(),
    }
}

/// Builds the error of an answer that is not Qdrant's.
pub(super) fn unexpected_answer(why: &str) -> Error {
    Error::Target { target: "qdrant", why: format!("unexpected answer: {why}") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::LayeredSettings;

    fn endpoint(address: &str) -> Result<QdrantEndpoint> {
        let text = format!("[sync]\nqdrant = \"{address}\"\n");
        let settings = LayeredSettings::from_text(Path::new("config.toml"), &text).unwrap().settings.sync;
        QdrantEndpoint::from_settings(&settings, None)
    }

    #[test]
    fn an_address_is_that_of_the_rest_interface_and_holds_no_key() {
        assert_eq!(endpoint("https://qdrant.example.org:6333/").unwrap().display_name(), "qdrant.example.org:6333");
        for (address, word) in [
            ("http://127.0.0.1:6334", "gRPC"),
            ("http://qdrant.example.org:6333", "another machine"),
            ("https://key@qdrant.example.org", "cannot be read"),
            ("qdrant.example.org", "cannot be read"),
        ] {
            let error = endpoint(address).unwrap_err().to_string();
            assert!(error.contains(word), "{address}: {error}");
        }
    }

    #[test]
    fn a_failure_says_what_the_server_said() {
        let answer = br#"{"status":{"error":"Not found: Collection `x` doesn't exist!"},"time":0.1}"#;
        assert_eq!(
            describe_failure(StatusCode::NOT_FOUND, answer),
            "404 Not Found: Not found: Collection `x` doesn't exist!"
        );
        assert_eq!(describe_failure(StatusCode::BAD_GATEWAY, b"<html>"), "502 Bad Gateway");
    }
}
