//! The same server over Streamable HTTP: the service that room `http` mounts. Does not own the door: token, Host and Origin
//! are looked at before a request comes here, and here once more.

use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::Server;

/// Who may be talked to, and how much at once.
#[derive(Debug, Clone)]
pub struct Door {
    /// Names and addresses that a request may be addressed to.
    pub hosts: Vec<String>,
    /// Origins of pages whose scripts may talk to the server.
    pub origins: Vec<String>,
    /// Bytes of one request.
    pub most_bytes: usize,
}

/// The service, and what ends its open streams.
pub fn streamable(
    server: Server,
    door: &Door,
) -> (StreamableHttpService<Server, LocalSessionManager>, impl Fn() + Send + Sync + 'static) {
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(door.hosts.clone())
        .with_allowed_origins(door.origins.clone())
        .with_max_request_body_bytes(door.most_bytes);
    let ends = config.cancellation_token.clone();
    let service = StreamableHttpService::new(move || Ok(server.clone()), LocalSessionManager::default().into(), config);
    (service, move || ends.cancel())
}
