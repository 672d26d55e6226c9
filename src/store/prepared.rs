//! Messages and parts as they are handed to the write lane, and what became of them.
//!
//! A [`Preparer`] does the CPU work (compression, hashing, splitting into terms) on the caller's thread, before the
//! write lane is used.

use std::ops::Range;
use std::path::Path;

use super::change_log::MessageRecord;
use super::edited_lines::PreparedEdit;
use super::error::{Error, Result};
use super::frames::TextCompressor;
use super::keyword_index::{self, pack_counts};
use super::projects::ProjectDir;
use crate::domain::edit::LineHasher;
use crate::domain::text::{Script, passages, passages::Purpose, terms::TermExtractor};
use crate::domain::{ContentHash, Draft, DraftPart, MessageId, Role, Timestamp};

/// Turns drafts into rows that are ready to insert.
#[derive(Debug)]
pub struct Preparer {
    packer: TextCompressor,
    terms: TermExtractor,
    hasher: Option<LineHasher>,
}

/// Part whose text is compressed and split into passages.
#[derive(Debug, Clone)]
pub(super) struct PreparedPart {
    pub(super) key: i64,
    pub(super) part: DraftPart,
    pub(super) frame: Vec<u8>,
    pub(super) body_bytes: i64,
    pub(super) hash: ContentHash,
    pub(super) passages: Vec<PreparedPassage>,
    pub(super) edit: PreparedEdit,
}

/// Passage of a part, with what its row holds.
#[derive(Debug, Clone)]
pub(super) struct PreparedPassage {
    pub(super) purpose: Purpose,
    pub(super) range: Range<usize>,
    pub(super) asks: bool,
    pub(super) words: usize,
    pub(super) script: Script,
    /// Terms as the keyword index stores them. `None` for keys, whose terms are in the text's passages.
    pub(super) terms: Option<Vec<u8>>,
}

/// Draft whose parts are compressed and split into terms.
#[derive(Debug)]
pub struct PreparedMessage {
    pub(super) uid: MessageId,
    pub(super) draft: Draft,
    pub(super) parts: Vec<PreparedPart>,
    /// Hasher of the lines of its edits.
    pub(super) hasher: Option<LineHasher>,
}

/// Stored part, with the data needed to store it again.
#[derive(Debug)]
pub struct StoredPart {
    /// Row id in `parts`.
    pub id: i64,
    /// Row id in `messages`.
    pub message: i64,
    pub role: Role,
    pub at: Timestamp,
    /// Kind, origin and text.
    pub part: DraftPart,
}

/// Context that a message's rows need besides the message.
pub(super) struct InsertContext<'a> {
    pub(super) source: &'a str,
    pub(super) place: ProjectDir,
    pub(super) file: Option<i64>,
    /// True if the file is read again because an older parser read it.
    pub(super) reread: bool,
    /// True if another machine sent it.
    pub(super) is_remote: bool,
    /// True if it is from before the last change of the message here.
    pub(super) is_older: bool,
    pub(super) now: Timestamp,
}

/// Outcome of storing one message. The greater one wins when a message came in several pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InsertOutcome {
    /// Nothing of the message was new.
    Duplicate,
    /// The message was left out because it has a tombstone.
    Forgotten,
    /// The message was known and got further parts, or more text.
    Extended,
    /// The message was known with another text, which is kept as an earlier version.
    Revised,
    /// Another file has another text under the same id; both are shown.
    Collided,
    /// The message was not known before.
    New,
}

impl Preparer {
    /// Creates a preparer with its compressor. Without a hasher the lines of edits are not kept.
    ///
    /// # Errors
    /// When zstd cannot be set up.
    pub fn new(hasher: Option<LineHasher>) -> Result<Self> {
        let packer = TextCompressor::new()
            .map_err(|error| Error::from_io("prepare compression for", Path::new("the store"), error))?;
        Ok(Self { packer, terms: TermExtractor::default(), hasher })
    }

    /// Prepares one message of `source`: compresses, hashes and splits it.
    ///
    /// # Errors
    /// When compression fails, which means that memory ran out.
    pub fn prepare_message(&self, source: &str, draft: Draft) -> Result<PreparedMessage> {
        let uid = MessageId::for_imported(source, &draft.session, &draft.external_id);
        self.prepare_message_as(uid, draft)
    }

    pub(super) fn prepare_message_as(&self, uid: MessageId, mut draft: Draft) -> Result<PreparedMessage> {
        let parts = std::mem::take(&mut draft.parts)
            .into_iter()
            .map(|part| self.prepare_part(draft.role, part))
            .collect::<Result<_>>()?;
        Ok(PreparedMessage { uid, draft, parts, hasher: self.hasher })
    }

    /// Prepares a message of another machine under its own id and part keys.
    pub(super) fn prepare_record(&self, message: &MessageRecord) -> Result<PreparedMessage> {
        let mut parts = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            let draft = DraftPart {
                external_key: String::new(),
                kind: part.kind,
                origin: part.origin,
                text: part.text.clone(),
                tool: part.tool.clone(),
            };
            parts.push(PreparedPart { key: part.key, ..self.prepare_part(message.role, draft)? });
        }
        let draft = Draft {
            parent_external_id: message.parent_external_id.clone(),
            parent_session: message.conversation.parent.clone(),
            cwd: Some(message.directory.clone()),
            git_branch: message.git_branch.clone(),
            model: message.model.clone(),
            sidechain: message.sidechain,
            ..Draft::new(&message.conversation.session, &message.external_id, message.role, message.at)
        };
        Ok(PreparedMessage { uid: message.id, draft, parts, hasher: self.hasher })
    }

    pub(super) fn prepare_part(&self, role: Role, part: DraftPart) -> Result<PreparedPart> {
        let passages = passages::split_part(role, part.kind, &part.text);
        let failed = |error| Error::from_io("compress a message for", Path::new("the store"), error);
        Ok(PreparedPart {
            key: ContentHash::of_text(&part.external_key).short_key(),
            frame: self.packer.compress_text(&part.text).map_err(failed)?,
            body_bytes: i64::try_from(part.text.len()).unwrap_or(i64::MAX),
            hash: ContentHash::of_text(&part.text),
            edit: PreparedEdit::from_part(self.hasher, &part),
            passages: passages
                .into_iter()
                .map(|(purpose, range)| self.prepare_passage(&part, purpose, range))
                .collect(),
            // From here on the frame holds the text.
            part: DraftPart { text: String::new(), ..part },
        })
    }
}

impl Preparer {
    fn prepare_passage(&self, part: &DraftPart, purpose: Purpose, range: Range<usize>) -> PreparedPassage {
        let text = part.text.get(range.clone()).unwrap_or("");
        let asks = text.trim_end().ends_with(['?', '？']);
        let (words, terms) = match purpose {
            Purpose::Text => {
                let (words, counted) = keyword_index::count_terms(&self.terms, part.kind, text);
                (words, Some(pack_counts(&counted)))
            }
            Purpose::Key(_) => (0, None),
        };
        PreparedPassage { purpose, range, asks, words, script: Script::from_text(text), terms }
    }
}

impl PreparedPart {
    /// Returns a copy of the part under another key.
    pub(super) fn with_key(&self, key: i64) -> Self {
        Self { key, ..self.clone() }
    }
}

impl PreparedMessage {
    /// Returns the working directory, which decides the project; empty if unknown.
    pub fn working_directory(&self) -> &str {
        self.draft.cwd.as_deref().unwrap_or("")
    }
}
