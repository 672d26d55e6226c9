//! Streamable HTTP transport: the MCP service that module `http` mounts. `http` checks token, Host and Origin before a
//! request gets here; Host and Origin are checked here once more.

use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

/// Limits of the transport: accepted hosts, allowed origins, body size.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Accepted values of the Host header.
    pub hosts: Vec<String>,
    /// Origins of pages whose scripts may call the server.
    pub origins: Vec<String>,
    /// Maximum bytes of a request body.
    pub most_bytes: usize,
}

/// Builds the service of a server, and a function that closes its open streams.
pub fn build_http_service<S: ServerHandler + Clone>(
    server: S,
    door: &HttpLimits,
) -> (StreamableHttpService<S, LocalSessionManager>, impl Fn() + Send + Sync + 'static) {
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(door.hosts.clone())
        .with_allowed_origins(door.origins.clone())
        .with_max_request_body_bytes(door.most_bytes);
    let ends = config.cancellation_token.clone();
    let service = StreamableHttpService::new(move || Ok(server.clone()), LocalSessionManager::default().into(), config);
    (service, move || ends.cancel())
}
