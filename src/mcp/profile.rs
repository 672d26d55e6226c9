//! Tool profiles: the set of tools that a server lists. Every listed definition costs tokens in every session.

use crate::domain::names::names;

/// Set of listed tools. Each profile includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Profile {
    /// Tools that every session needs: search, read, save, forget.
    #[default]
    Core,
    /// Adds tools that browse the history, change saved memories, import, and inspect the memory's state.
    Full,
    /// Adds tools that edit projects, back up and maintain the store.
    Admin,
}

names!(Profile { Core: "core"; Full: "full"; Admin: "admin"; });
