//! Permanent deletion with a receipt: what was deleted, and whether its bytes are still found in any file of the data
//! folder. Does not own the copies elsewhere: `ops::deletion` does.

use std::path::Path;

use super::remains::{DeletedPieces, SearchedFiles};
use crate::domain::{MessageId, Timestamp};
use crate::memory::recall::suggestion_notes::TOPIC_PREFIX;
use crate::memory::{Error, Memory, Result};
use crate::store::CopyPolicy;

/// Receipt of a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgetReceipt {
    /// Number of messages deleted.
    pub messages: u64,
    /// Number of their parts.
    pub parts: u64,
    /// Number of their embeddings.
    pub vectors: u64,
    /// Messages among them that only repeated the others, in the session that asked.
    pub repeats: u64,
    /// Pieces of the deleted texts that were searched for.
    pub pieces: DeletedPieces,
    /// Deleted texts that other messages have too, so that their bytes stay.
    pub shared: u64,
    /// Result of searching all files of the data folder.
    pub searched: SearchedFiles,
    /// True if the write-ahead log could be truncated; otherwise another process still reads from it.
    pub log_emptied: bool,
}

impl Memory {
    /// Returns the messages of a session and its subagents, by its id or a prefix of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such session.
    pub fn messages_of_session(&self, session: &str) -> Result<Vec<MessageId>> {
        let head = self.store.snapshot()?.find_conversation(session)?.ok_or_else(|| Error::NotFound {
            message: format!("there is no session {session:?}"),
            hint: Some("use the session id of a search result, or at least its first four characters".to_owned()),
        })?;
        Ok(self.store.snapshot()?.session_messages(&head.session)?)
    }

    /// Deletes messages permanently, with the saved memories they replaced. The next import does not bring them back.
    ///
    /// # Errors
    /// [`Error::NotFound`] if none of them exists. If the store cannot be written, nothing is deleted.
    pub fn forget(
        &self,
        ids: Vec<MessageId>,
        reason: &str,
        copies: CopyPolicy,
        now: Timestamp,
    ) -> Result<ForgetReceipt> {
        self.check_any_exists(&ids)?;
        self.delete_messages(ids, reason, copies, now)
    }

    /// Like [`Memory::forget`], on behalf of a session: also deletes what that session repeats, or repeated, of them.
    ///
    /// # Errors
    /// As [`Memory::forget`].
    pub fn forget_for_session(
        &self,
        session: Option<&str>,
        ids: Vec<MessageId>,
        reason: &str,
        copies: CopyPolicy,
        now: Timestamp,
    ) -> Result<ForgetReceipt> {
        self.check_any_exists(&ids)?;
        let mut ids = self.store.snapshot()?.with_superseded(ids)?;
        let repeats = self.record_deletion(session, &ids, copies, now)?;
        let count = repeats.len() as u64;
        ids.extend(repeats);
        Ok(ForgetReceipt { repeats: count, ..self.delete_messages(ids, reason, copies, now)? })
    }

    fn check_any_exists(&self, ids: &[MessageId]) -> Result<()> {
        let snapshot = self.store.snapshot()?;
        for id in ids {
            if snapshot.contains_message(*id)? {
                return Ok(());
            }
        }
        let message = match ids.first() {
            Some(id) => format!("there is no message {id}"),
            None => "no message is named".to_owned(),
        };
        Err(Error::NotFound { message, hint: Some("use the ids that a search returned".to_owned()) })
    }

    /// Deletes messages, then searches the data folder for remains.
    pub(in crate::memory) fn delete_messages(
        &self,
        ids: Vec<MessageId>,
        reason: &str,
        copies: CopyPolicy,
        now: Timestamp,
    ) -> Result<ForgetReceipt> {
        let reason = self.redact_text(reason.to_owned())?;
        let mut pieces = DeletedPieces::default();
        let snapshot = self.store.snapshot()?;
        let mut ids = snapshot.with_superseded(ids)?;
        // What was confirmed of a deleted turn, or of the proposal that it agreed with, repeats its words.
        ids.extend(snapshot.notes_of_turns(&ids, TOPIC_PREFIX)?);
        let ids = snapshot.with_superseded(ids)?;
        for id in &ids {
            snapshot.message_texts(*id)?.iter().for_each(|text| pieces.add_text(text));
        }
        let files = snapshot.source_files(&ids)?;
        // A snapshot that is open keeps the log from being emptied.
        drop(snapshot);
        let done = self.store.forget(ids, reason, copies, now)?;
        // The path of a transcript names its folder. While the file exists the cursor is needed.
        let gone = files.into_iter().filter(|(_, path)| !Path::new(path).exists()).map(|(row, _)| row);
        self.store.delete_unused_cursors(gone.collect())?;
        // The caches of this process must not return them either.
        self.purge_caches()?;
        let log_emptied = self.store.truncate_log()?;
        pieces.stored = done.traces;
        let folder = self.store.path().parent().unwrap_or(Path::new("."));
        let searched = pieces.search_home(&self.store).map_err(Error::path_error(folder))?;
        Ok(ForgetReceipt {
            messages: done.messages,
            parts: done.parts,
            vectors: done.vectors,
            repeats: 0,
            pieces,
            shared: done.shared,
            searched,
            log_emptied,
        })
    }
}

impl Memory {
    /// Removes deleted rows from the cache files that all processes share. A file that another process is writing right
    /// now is deleted instead; the next search rebuilds it.
    pub(in crate::memory) fn purge_caches(&self) -> Result<()> {
        self.drop_index();
        let pruned = match self.current_model_ref() {
            Some((model, digest, dimensions)) => self.prune_index((model, &digest, dimensions))?,
            None => false,
        };
        let removed = if pruned { Ok(()) } else { remove_cache_files(&self.index_folder) };
        removed.map_err(|error| Error::Unreadable {
            path: self.index_folder.display().to_string(),
            why: format!("deleted vectors may still be in the vector index: {error}"),
        })?;
        // They name sessions that may be deleted.
        self.remove_link_caches()?;
        // Rebuilt and shared here, so that the next search does not have to.
        self.refresh_doc_values()?;
        Ok(())
    }
}

fn remove_cache_files(folder: &Path) -> std::io::Result<()> {
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
