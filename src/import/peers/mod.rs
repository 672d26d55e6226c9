//! Reads the databases of other memory tools, one file per tool. Changes nothing in them.

mod claude_mem;
mod engram;
mod episodic_memory;
mod memory_service;
mod mempalace;

pub(super) use claude_mem::CLAUDE_MEM;
pub(super) use engram::ENGRAM;
pub(super) use episodic_memory::EPISODIC_MEMORY;
pub(super) use memory_service::MEMORY_SERVICE;
pub(super) use mempalace::MEMPALACE;
