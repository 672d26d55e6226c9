//! Provenance: which session wrote a commit and its lines, how sure that is, and why not if it is unknown. Links every
//! commit of a repository to the stored edits, keeps the links in a cache, and answers for a line, a file, a commit, a
//! range and what is staged.

mod blame_grades;
mod commit_lines;
pub(super) mod explain;
mod link_cache;
mod linked_commit;
mod linker;
pub(super) mod links;
mod matching;
#[cfg(test)]
mod matching_tests;
pub(super) mod rule;
mod silence;

pub use linked_commit::{LinkedCommit, LinkedSession};
pub use silence::{Silence, SilenceReason};
