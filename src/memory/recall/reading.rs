//! Reads messages verbatim: around a hit, or a whole session, within a token budget.

use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::tokens;
use crate::domain::{IdPrefix, MessageId, PartKind};
use crate::memory::{Error, Memory, Result};
use crate::store::{ConversationHead, MessageText};

/// Tokens of a message in addition to its text: number, time, role, id, kind of each part.
const MESSAGE_TOKENS: usize = 32;
/// Messages read from the store at a time.
const PAGE_MESSAGES: usize = 200;

/// Consecutive messages of one session.
#[derive(Debug, Clone)]
pub struct SessionMessages {
    /// Session data: id, title, project.
    pub head: ConversationHead,
    /// Messages that were requested.
    pub messages: Vec<MessageText>,
}

/// Result of a [`ReadRequest`].
#[derive(Debug, Clone, Default)]
pub struct TranscriptExcerpt {
    /// Messages by session, in the order of the request.
    pub conversations: Vec<SessionMessages>,
    /// Estimated tokens of all texts.
    pub tokens: usize,
    /// True if the budget was exceeded; the last message may be cut too.
    pub truncated: bool,
    /// Requested ids that do not exist.
    pub missing: Vec<MessageId>,
}

impl Memory {
    /// Resolves an id or a prefix of one. A complete id is returned without a lookup.
    ///
    /// # Errors
    /// If it is no id, or no message or several messages match the prefix.
    pub fn resolve_id(&self, text: &str) -> Result<MessageId> {
        let prefix: IdPrefix = text.parse().map_err(Error::invalid_input)?;
        let (first, last) = prefix.id_bounds();
        if first == last {
            return Ok(first);
        }
        match self.store.snapshot()?.ids_with_prefix(prefix)?.as_slice() {
            [only] => Ok(*only),
            [] => Err(Error::NotFound {
                message: format!("there is no message {text}"),
                hint: Some("use the ids that a search returned".to_owned()),
            }),
            _ => Err(Error::Invalid {
                message: format!("several messages begin with {text}"),
                hint: Some("give more digits of the id".to_owned()),
            }),
        }
    }

    /// Reads the requested messages verbatim, with secrets redacted.
    ///
    /// # Errors
    /// [`Error::NotFound`] if none of the requested messages exists, or the session does not.
    pub fn read_messages(&self, reading: &ReadRequest) -> Result<TranscriptExcerpt> {
        let mut transcript = TranscriptExcerpt::default();
        match &reading.what {
            Selection::Messages { ids, around } => {
                for id in ids {
                    let Some((head, position)) = self.store.snapshot()?.find_message(*id)? else {
                        transcript.missing.push(*id);
                        continue;
                    };
                    let from = position.saturating_sub(*around);
                    self.add_messages(&mut transcript, reading, head, from, position - from + around + 1)?;
                }
                if transcript.conversations.is_empty() && !transcript.missing.is_empty() {
                    let message = format!(
                        "there is no message {}",
                        transcript.missing.first().map(ToString::to_string).unwrap_or_default()
                    );
                    return Err(Error::NotFound {
                        message,
                        hint: Some("use the ids that a search returned".to_owned()),
                    });
                }
            }
            Selection::Session { session, from, count } => {
                let head = self.store.snapshot()?.find_conversation(session)?.ok_or_else(|| Error::NotFound {
                    message: format!("there is no session {session:?}"),
                    hint: Some(
                        "use the session_id of a search result, or at least its first four characters".to_owned(),
                    ),
                })?;
                self.add_messages(&mut transcript, reading, head, *from, *count)?;
            }
        }
        Ok(transcript)
    }

    /// Reads a whole session.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such session.
    pub fn read_session(&self, session: &str, include_tools: bool) -> Result<SessionMessages> {
        let what = Selection::Session { session: session.to_owned(), from: 0, count: usize::MAX };
        let read = self.read_messages(&ReadRequest { what, include_tools, max_tokens: usize::MAX })?;
        read.conversations
            .into_iter()
            .next()
            .ok_or_else(|| Error::NotFound { message: format!("there is no session {session:?}"), hint: None })
    }

    fn add_messages(
        &self,
        transcript: &mut TranscriptExcerpt,
        reading: &ReadRequest,
        head: ConversationHead,
        from: usize,
        count: usize,
    ) -> Result<()> {
        let mut conversation = SessionMessages { messages: Vec::new(), head };
        if let Some(label) = self.project_labels()?.get(&conversation.head.project_row) {
            conversation.head.project.clone_from(label);
        }
        let end = from.saturating_add(count);
        let mut at = from;
        while at < end && !transcript.truncated {
            let page = self.store.snapshot()?.read_messages(conversation.head.row, at, PAGE_MESSAGES.min(end - at))?;
            if page.is_empty() {
                break;
            }
            at += page.len();
            for mut message in page {
                if transcript.truncated {
                    break;
                }
                for part in &mut message.parts {
                    part.text = self.redact_text(std::mem::take(&mut part.text))?;
                }
                let message = fit_to_budget(message, reading, transcript);
                if !message.parts.is_empty() {
                    conversation.messages.push(message);
                }
            }
        }
        transcript.conversations.push(conversation);
        Ok(())
    }
}

/// Removes the parts that were not requested and cuts the first one that exceeds the budget.
fn fit_to_budget(mut message: MessageText, reading: &ReadRequest, transcript: &mut TranscriptExcerpt) -> MessageText {
    let wanted = |kind: PartKind| reading.include_tools || kind.is_visible_by_default();
    message.parts.retain(|part| wanted(part.kind));
    if !message.parts.is_empty() {
        transcript.tokens = transcript.tokens.saturating_add(MESSAGE_TOKENS);
    }
    let mut kept = Vec::with_capacity(message.parts.len());
    for mut part in message.parts {
        let left = reading.max_tokens.saturating_sub(transcript.tokens);
        let cost = tokens::estimate_quoted_tokens(&part.text);
        if cost > left {
            transcript.truncated = true;
            if left > 0 {
                part.text = format!("{}…", tokens::quoted_token_prefix(&part.text, left));
                transcript.tokens += left;
                kept.push(part);
            }
            break;
        }
        transcript.tokens += cost;
        kept.push(part);
    }
    message.parts = kept;
    message
}
