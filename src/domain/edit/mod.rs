//! Edits of files, as tool calls describe them: the lines that each inserts and removes, the keyed hash by which a line
//! is found again, the commits that a command printed, and whether a call failed. Reads the text of a call as it is stored.
//! Does not own where that is kept (module `store`) or git.

mod arguments;
mod commit_output;
mod difference;
mod edit_tool;
mod file_edit;
mod heredoc;
mod line_hash;
mod outcome;
mod patch;

pub use commit_output::{PrintedCommit, makes_commits, read_printed_commits};
pub use edit_tool::{TextChange, is_edit_tool, is_shell_tool, is_text_edit_tool, read_file_edits, read_text_edit};
pub use file_edit::FileEdit;
pub use line_hash::{LineChange, LineHasher};
pub use outcome::is_failed_edit;
