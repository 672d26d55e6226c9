//! Caller of a tool: facts that the client provides by itself (project folder, session) and the time of the call.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::{Origin, Timestamp};
use crate::memory::{self, Memory};
use crate::sync::RemoteMemory;

/// Facts about the client that hold for every call to a server.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// Folder of the current project, if known.
    pub directory: Option<PathBuf>,
    /// Session id of the client, if it provides one.
    pub session: Option<String>,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
    /// Clock; tests replace it.
    pub now: fn() -> Timestamp,
    /// Remote that answers searches instead of the local store, if configured.
    pub remote: Option<Arc<RemoteMemory>>,
}

/// Facts about one call of a tool.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Folder of the current project, if known.
    pub directory: Option<PathBuf>,
    /// Session id of the client, if it provides one.
    pub session: Option<String>,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
    /// Time of the call.
    pub now: Timestamp,
    /// True if a person calls, on the page or the command line, and not a model.
    pub is_person: bool,
    /// Remote that answers searches instead of the local store, if configured.
    pub remote: Option<Arc<RemoteMemory>>,
}

impl Caller {
    /// Returns the origin of the tool output that a model copied a text or its title from, if it did.
    pub fn origin_of_copy(&self, memory: &Memory, text: &str, title: Option<&str>) -> memory::Result<Option<Origin>> {
        if self.is_person {
            return Ok(None);
        }
        let text = format!("{}\n{text}", title.unwrap_or(""));
        let directory = self.directory.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default();
        let source = (self.session.as_deref(), self.transcripts.as_deref());
        memory.origin_of_saved_text(&text, source, &directory, self.now)
    }
}

impl CallContext {
    /// Returns the caller of a tool called by a model now.
    pub fn make_caller(&self) -> Caller {
        Caller {
            directory: self.directory.clone(),
            session: self.session.clone(),
            transcripts: self.transcripts.clone(),
            now: (self.now)(),
            is_person: false,
            remote: self.remote.clone(),
        }
    }
}
