//! Rights of a caller over HTTP: what its token allows it to do with the memory, and what each tool needs.

/// Right to use the memory. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Searching and reading.
    Read,
    /// Adds saving and changing notes, and imports.
    Write,
    /// Adds deleting, backups, maintenance and everything else.
    Admin,
}
