//! Who calls a tool, and when: what a client tells about itself without the model's help.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::Timestamp;
use crate::sync::Remote;

/// What the server knows about its caller and the time.
#[derive(Debug, Clone)]
pub struct Context {
    /// Folder of the current project.
    pub directory: Option<PathBuf>,
    /// The client's session, if it tells.
    pub session: Option<String>,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
    /// Reads the clock.
    pub now: fn() -> Timestamp,
    /// Where searches are answered from, when that is not the local store.
    pub remote: Option<Arc<Remote>>,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Folder of the current project.
    pub directory: Option<PathBuf>,
    /// The client's session, if it tells.
    pub session: Option<String>,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
    /// The moment of the call.
    pub now: Timestamp,
    /// Where searches are answered from, when that is not the local store.
    pub remote: Option<Arc<Remote>>,
}

impl Context {
    /// A call at this moment.
    pub fn caller(&self) -> Caller {
        Caller {
            directory: self.directory.clone(),
            session: self.session.clone(),
            transcripts: self.transcripts.clone(),
            now: (self.now)(),
            remote: self.remote.clone(),
        }
    }
}
