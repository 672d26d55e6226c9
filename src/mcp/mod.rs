//! The MCP server: tools over JSON-RPC. One file per tool, own wire types. stdout belongs to the protocol.
//!
//! Both eras are answered by rmcp: `server/discover` (2026-07-28) and `initialize` (2025-11-25 and older), before
//! anything is opened. Does not own: what the tools do (room `memory`).

mod arguments;
mod background;
mod caller;
mod completions;
pub mod envelope;
mod error;
#[cfg(debug_assertions)]
mod fixtures;
mod lines;
mod profile;
mod prompts;
mod resources;
mod schema;
mod server;
mod stdio;
mod streamable;
pub mod tools;
pub mod wire;

pub use background::Worker;
pub use caller::{Caller, Context};
pub use error::Failure;
pub use profile::Profile;
pub use server::Server;
pub use stdio::run;
pub use streamable::{Door, streamable};
