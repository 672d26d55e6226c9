//! Git repositories, read by running git: history with its patches, blame, the staged change, trailers.
//!
//! Owns how git is run (isolated from every configuration, bounded in time and bytes) and the parsers of its output.
//! Does not own the meaning of a commit, or sessions.

mod blame;
mod commit_head;
mod error;
mod git;
mod history;
mod isolated;
mod patch;
mod quoted_path;

pub use blame::BlamedLine;
pub use commit_head::CommitHead;
pub use error::{Error, Result};
pub use isolated::{Repository, ScratchRoot};
pub use patch::{CommitPatch, FilePatch};
