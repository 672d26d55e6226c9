//! claude-memory: saves every Claude Code session, finds the right one with keyword and semantic search, and serves it
//! over MCP.
//!
//! Modules in reading order; each may use only those above it (checked by `tests/architecture.rs`):
//! [`domain`] plain types and text rules; [`config`], [`disk`], [`import`], [`repository`] (git); [`store`] (SQLite, the source of truth),
//! [`embed`], [`vector`], [`clients`] (configuration files of other programs); [`memory`] the engine; [`mod@bench`];
//! [`bridge`] calls from async code into blocking code; [`backup`]; [`monitor`] (metrics, alerts); [`system`] (service
//! managers, scheduled jobs), [`report`], [`export`]; [`sync`] (PostgreSQL, Qdrant); [`mcp`]; [`hooks`], [`http`];
//! [`service`] the long-running process; [`cli`].
//!
//! The package is a program: [`run`] is all that `main` needs, and [`testing`] is for its own tests and benchmarks.

#![cfg_attr(
    not(feature = "production"),
    expect(dead_code, unused_imports, reason = "the engine keeps what the part that is left out would use")
)]

mod backup;
mod bench;
mod bridge;
mod cli;
mod clients;
mod config;
mod disk;
mod domain;
mod embed;
mod export;
mod hooks;
mod http;
mod import;
mod mcp;
mod memory;
mod monitor;
mod render;
mod report;
mod repository;
mod service;
mod store;
mod sync;
mod system;
mod vector;

pub use cli::run;

/// Parts that integration tests, benchmarks and fuzz targets use, under the names of their modules. Not an interface for
/// others: it changes with the program.
pub mod testing {
    pub mod bench {
        pub use crate::bench::{HistoryGenerator, LatencyOptions, measure_scale};
    }
    pub mod bridge {
        pub use crate::bridge::EngineHandle;
    }
    pub mod cli {
        pub use crate::cli::command;
    }
    pub mod clients {
        pub use crate::clients::HOOKS;
    }
    pub mod config {
        pub use crate::config::{LayeredSettings, Paths, env};
    }
    pub mod disk {
        pub use crate::disk::{FileLock, ForeignFile, write_atomic};
    }
    pub mod domain {
        pub use crate::domain::{
            ContentHash, Detail, DraftNote, FailureCode, Filter, IdGenerator, MessageId, Origin, PartKind, Query, Role,
            SearchMode, SearchTier, Timestamp, limits,
        };
        pub mod hash {
            pub use crate::domain::hash::{sha256_hex, to_hex};
        }
        pub mod json {
            pub use crate::domain::json::parse_lenient;
        }
        pub mod own_output {
            pub use crate::domain::own_output::{PREAMBLE, is_own_output};
        }
        pub mod query {
            pub use crate::domain::query::{ReadRequest, Selection};
        }
        pub mod random {
            pub use crate::domain::random::SplitMix64;
        }
        pub mod text {
            pub use crate::domain::text::{passages, tokens};
            pub mod redact {
                pub use crate::domain::text::redact::{RedactionCounts, Redactor};
            }
            pub mod terms {
                pub use crate::domain::text::terms::TermExtractor;
            }
        }
    }
    pub mod http {
        pub use crate::http::{ConnectionPool, FILES, Guard, ROUTES, Scope, TokenSet, WEBHOOK_ROUTES};
    }
    pub mod import {
        pub use crate::import::{Item, Position, ReadOptions, TranscriptFile};
        pub mod claude_code {
            pub use crate::import::claude_code::TranscriptReader;
        }
    }
    pub mod mcp {
        pub use crate::mcp::{CallContext, Caller, HttpLimits, Profile, Server, build_http_service, envelope};
        pub mod tools {
            pub use crate::mcp::tools::{call_tool, define_tools};
        }
    }
    pub mod memory {
        pub use crate::memory::{ContextPack, ImportOptions, Memory, PackRequest, PackStyle, Result};
    }
    pub mod monitor {
        pub use crate::monitor::{RULES, alerts};
        pub mod metrics {
            pub use crate::monitor::metrics::Metrics;
        }
    }
    pub mod store {
        pub use crate::store::{
            CopyPolicy, NoteUpdate, OpenMode, Preparer, SessionFilter, Store, StoreStats, checksum_vfs_name,
        };
    }
    pub mod sync {
        pub use crate::sync::bundle::import_bundle;
    }
    pub mod vector {
        pub use crate::vector::{IndexFiles, IndexStamp, LabelFilter, SearchEffort, VectorIndex};
    }
}
