//! Edit of one file: its path and the lines that it changes. Does not own how a tool describes it.

/// Lines that a call changes in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileEdit {
    /// Path as the call gives it, absolute or relative to the working directory.
    pub path: Option<String>,
    /// Inserted lines, without their line ends.
    pub inserted: Vec<String>,
    /// Removed lines, without their line ends.
    pub removed: Vec<String>,
}
