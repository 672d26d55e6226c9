//! Stores of other memory tools: one file per tool, and the reading of their databases. Nothing in them is changed.

mod claude_mem;
mod engram;
mod episodic_memory;
mod memory_service;
mod mempalace;
mod tables;

pub(super) use claude_mem::ClaudeMem;
pub(super) use engram::Engram;
pub(super) use episodic_memory::EpisodicMemory;
pub(super) use memory_service::MemoryService;
pub(super) use mempalace::MemPalace;
pub(super) use tables::{Peer, Tables, table_names};
