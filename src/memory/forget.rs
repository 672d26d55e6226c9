//! Forgetting on purpose, with a receipt: what was taken out, and whether a search of the files for its bytes finds any.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Error, Memory, Result};
use crate::domain::needles::Needles;
use crate::domain::{MessageId, Timestamp};

/// Bytes of a file that are looked at together.
const PIECE_BYTES: usize = 8 << 20;

/// What forgetting did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgetReceipt {
    /// Messages that were there and are gone.
    pub messages: u64,
    /// Their parts.
    pub parts: u64,
    /// Their vectors.
    pub vectors: u64,
    /// How many of the messages only repeated the others, in the session that asked.
    pub repeats: u64,
    /// Pieces of their stored form that were searched for in all files of the data folder.
    pub searched: u64,
    /// Files in which one was found: should be empty.
    pub found_in: Vec<PathBuf>,
    /// Whether the write-ahead log could be emptied; otherwise another process still reads from it.
    pub log_emptied: bool,
}

impl Memory {
    /// The messages of a session and its subagents, by its id or the beginning of it.
    ///
    /// # Errors
    /// When there is no such session.
    pub fn messages_of_session(&self, session: &str) -> Result<Vec<MessageId>> {
        let head = self.store.find_conversation(session)?.ok_or_else(|| Error::NotFound {
            message: format!("there is no session {session:?}"),
            hint: Some("use the session id of a search result, or at least its first six characters".to_owned()),
        })?;
        Ok(self.store.messages_of(&head.session)?)
    }

    /// Everything that goes when these messages go: each once, with the saved texts that they replaced.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn going_with(&self, ids: Vec<MessageId>) -> Result<Vec<MessageId>> {
        Ok(self.store.with_replaced(ids)?)
    }

    /// Takes messages out for good, with the saved texts that they replaced. They do not come back with the next import.
    ///
    /// # Errors
    /// When none of them is there, or the store cannot be written; nothing is then taken out.
    pub fn forget(&self, ids: Vec<MessageId>, reason: &str, now: Timestamp) -> Result<ForgetReceipt> {
        self.check_known(&ids)?;
        self.delete(ids, reason, now)
    }

    /// As [`Memory::forget`], for a session that asked for it: what it says, or said, of them is deleted too.
    ///
    /// # Errors
    /// As [`Memory::forget`].
    pub fn forget_for(
        &self,
        session: Option<&str>,
        ids: Vec<MessageId>,
        reason: &str,
        now: Timestamp,
    ) -> Result<ForgetReceipt> {
        self.check_known(&ids)?;
        let mut ids = self.going_with(ids)?;
        let repeats = self.note_deletion(session, &ids, now)?;
        let count = repeats.len() as u64;
        ids.extend(repeats);
        Ok(ForgetReceipt { repeats: count, ..self.delete(ids, reason, now)? })
    }

    fn check_known(&self, ids: &[MessageId]) -> Result<()> {
        let mut known = 0;
        for id in ids {
            known += usize::from(self.store.keeps(*id)?);
        }
        if known == 0 {
            let message = match ids.first() {
                Some(id) => format!("there is no message {id}"),
                None => "no message is named".to_owned(),
            };
            return Err(Error::NotFound { message, hint: Some("use the ids that a search returned".to_owned()) });
        }
        Ok(())
    }

    /// Deletes, and looks for what is left on the disk.
    pub(super) fn delete(&self, ids: Vec<MessageId>, reason: &str, now: Timestamp) -> Result<ForgetReceipt> {
        let ids = self.going_with(ids)?;
        let done = self.store.forget(ids, reason.to_owned(), now)?;
        // This process must not answer from what it remembers either.
        self.forget_in_caches()?;
        let log_emptied = self.store.empty_log()?;
        let folder = self.store.path().parent().unwrap_or(Path::new("."));
        let found_in = holding(folder, &done.traces)
            .map_err(|error| Error::Unreadable { path: folder.display().to_string(), why: error.to_string() })?;
        Ok(ForgetReceipt {
            messages: done.messages,
            parts: done.parts,
            vectors: done.vectors,
            repeats: 0,
            searched: done.traces.len() as u64,
            found_in,
            log_emptied,
        })
    }
}

impl Memory {
    /// Takes what is gone out of the files that all processes share. One that another process is writing just now is removed
    /// instead: it is made again when somebody searches.
    pub(super) fn forget_in_caches(&self) -> Result<()> {
        self.forget_index();
        let pruned = match self.model_name() {
            Some((model, digest, dimensions)) => self.prune_index((model, &digest, dimensions))?,
            None => false,
        };
        let removed = if pruned { Ok(()) } else { remove_files(&self.index_folder) };
        removed.map_err(|error| Error::Unreadable {
            path: self.index_folder.display().to_string(),
            why: format!("what was forgotten may still be in the vector index: {error}"),
        })?;
        // Read anew, and shared again, so that the next search need not.
        self.refresh_columns()?;
        Ok(())
    }
}

fn remove_files(folder: &Path) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_file() && path.file_name().is_some_and(|name| name != "lock") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The files of a folder that hold any of these bytes: one pass over each, in pieces.
fn holding(folder: &Path, traces: &[Vec<u8>]) -> std::io::Result<Vec<PathBuf>> {
    let needles = Needles::new(traces).map_err(std::io::Error::other)?;
    let mut found = Vec::new();
    let index = folder.join("index");
    let inner = if index.is_dir() { Some(std::fs::read_dir(index)?) } else { None };
    for entry in std::fs::read_dir(folder)?.chain(inner.into_iter().flatten()) {
        let path = entry?.path();
        // The runtime library, in a folder of its own, is ours and holds nobody's words.
        if path.is_file() && !needles.is_empty() && holds(&mut File::open(&path)?, &needles, PIECE_BYTES)? {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether any of them is in a stream, also where two pieces of it meet.
fn holds(stream: &mut impl Read, needles: &Needles, piece_bytes: usize) -> std::io::Result<bool> {
    let mut piece = Vec::with_capacity(piece_bytes + needles.longest());
    loop {
        let kept = piece.len();
        let read = stream.take(piece_bytes as u64).read_to_end(&mut piece)?;
        if needles.any_in(&piece) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        let again = (needles.longest() - 1).min(kept + read);
        piece.drain(..piece.len() - again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_across_two_pieces_is_found() {
        let needles = Needles::new(&[b"needle".to_vec(), b"pin".to_vec()]).unwrap();
        for piece in 1..12 {
            for hay in ["xxxxneedlexxxx", "needle", "xxxxxxxxxxxpin"] {
                assert!(holds(&mut hay.as_bytes(), &needles, piece).unwrap(), "{hay} by {piece}");
            }
            for hay in ["xxxxneedl exxx", "", "pi"] {
                assert!(!holds(&mut hay.as_bytes(), &needles, piece).unwrap(), "{hay} by {piece}");
            }
        }
    }
}
