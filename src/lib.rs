//! claude-memory: keeps every conversation with Claude Code, finds the right one by meaning and by word, and hands it
//! back over MCP.
//!
//! Rooms in reading order, each may use only those above it (held by `tests/architecture.rs`):
//! [`domain`] plain types and text rules; [`config`], [`disk`], [`import`]; [`store`] (SQLite, the only truth),
//! [`embed`], [`vector`], [`clients`] (configurations of other programs); [`memory`] the engine; [`mod@bench`]; [`bridge`] the door from async to sync; [`ops`]; [`sync`] (PostgreSQL, Qdrant); [`mcp`];
//! [`hooks`], [`http`]; [`service`] the long-running process;
//! [`cli`].

pub mod bench;
pub mod bridge;
pub mod cli;
pub mod clients;
pub mod config;
pub mod disk;
pub mod domain;
pub mod embed;
pub mod hooks;
pub mod http;
pub mod import;
pub mod mcp;
pub mod memory;
pub mod ops;
pub mod service;
pub mod store;
pub mod sync;
pub mod vector;
