//! MCP server: tools, prompts and resources over JSON-RPC, with one file per tool and wire types of its own. stdout
//! carries the protocol only.
//!
//! rmcp answers both revisions of the handshake, `server/discover` (2026-07-28) and `initialize` (2025-11-25 and
//! older), before the memory is opened. The logic of the tools is in module `memory`.

mod access;
mod arguments;
mod background;
mod caller;
mod completions;
pub mod envelope;
mod error;
mod line_filter;
mod profile;
mod prompts;
mod resources;
mod schema;
mod server;
mod stdio;
mod streamable_http;
pub mod tools;
pub mod wire;

pub use access::Access;
pub use background::Worker;
pub use caller::{CallContext, Caller};
pub use profile::Profile;
pub use server::Server;
pub use stdio::serve_stdio;
pub use streamable_http::{HttpLimits, build_http_service};
