//! The MCP server: tools over JSON-RPC. One file per tool, own wire types. stdout belongs to the protocol.
//!
//! Both eras are answered by rmcp: `server/discover` (2026-07-28) and `initialize` (2025-11-25 and older), before
//! anything is opened. Does not own: what the tools do (room `memory`).

mod background;
mod error;
mod schema;
mod server;
mod stdio;
pub mod tools;
pub mod wire;

pub use server::{Context, Server};
pub use stdio::run;
pub use tools::definitions;
