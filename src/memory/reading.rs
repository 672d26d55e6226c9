//! Verbatim messages: around a hit, or a whole session, within a token budget.

use super::{Error, Memory, Result};
use crate::domain::query::{Reading, Selection};
use crate::domain::text::tokens;
use crate::domain::{Kind, MessageId};
use crate::store::{ConversationHead, MessageText};

/// Tokens that a message costs beside its text: place, time, role.
const MESSAGE_TOKENS: usize = 20;
/// Messages read from the store at a time.
const PAGE: usize = 200;

/// Some messages of one conversation, in order.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// What it is.
    pub head: ConversationHead,
    /// The messages that were asked for.
    pub messages: Vec<MessageText>,
}

/// The answer to a [`Reading`].
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    /// By conversation, in the order of the request.
    pub conversations: Vec<Conversation>,
    /// Estimated tokens of all texts.
    pub tokens: usize,
    /// Whether the budget cut something off; the last message may be cut too.
    pub truncated: bool,
    /// Ids that do not exist.
    pub missing: Vec<MessageId>,
}

impl Memory {
    /// Whether a message of this id is kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn knows_message(&self, id: MessageId) -> Result<bool> {
        Ok(self.store.find_message(id)?.is_some())
    }

    /// Reads messages.
    ///
    /// # Errors
    /// When nothing of what is named exists, or the store cannot be read.
    pub fn read(&self, reading: &Reading) -> Result<Transcript> {
        let mut transcript = Transcript::default();
        match &reading.what {
            Selection::Messages { ids, around } => {
                for id in ids {
                    let Some((head, position)) = self.store.find_message(*id)? else {
                        transcript.missing.push(*id);
                        continue;
                    };
                    let from = position.saturating_sub(*around);
                    self.add(&mut transcript, reading, head, from, position - from + around + 1)?;
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
                let head = self.store.find_conversation(session)?.ok_or_else(|| Error::NotFound {
                    message: format!("there is no session {session:?}"),
                    hint: Some(
                        "use the session_id of a search result, or at least its first six characters".to_owned(),
                    ),
                })?;
                self.add(&mut transcript, reading, head, *from, *count)?;
            }
        }
        Ok(transcript)
    }

    /// A whole session.
    ///
    /// # Errors
    /// When there is none, or the store cannot be read.
    pub fn conversation(&self, session: &str, include_tools: bool) -> Result<Conversation> {
        let what = Selection::Session { session: session.to_owned(), from: 0, count: usize::MAX };
        let read = self.read(&Reading { what, include_tools, max_tokens: usize::MAX })?;
        read.conversations
            .into_iter()
            .next()
            .ok_or_else(|| Error::NotFound { message: format!("there is no session {session:?}"), hint: None })
    }

    fn add(
        &self,
        transcript: &mut Transcript,
        reading: &Reading,
        head: ConversationHead,
        from: usize,
        count: usize,
    ) -> Result<()> {
        let mut conversation = Conversation { messages: Vec::new(), head };
        let end = from.saturating_add(count);
        let mut at = from;
        while at < end && !transcript.truncated {
            let page = self.store.messages(conversation.head.row, at, PAGE.min(end - at))?;
            if page.is_empty() {
                break;
            }
            at += page.len();
            for mut message in page {
                if transcript.truncated {
                    break;
                }
                for part in &mut message.parts {
                    part.text = self.clean_text(std::mem::take(&mut part.text))?;
                }
                let message = fit(message, reading, transcript);
                if !message.parts.is_empty() {
                    conversation.messages.push(message);
                }
            }
        }
        transcript.conversations.push(conversation);
        Ok(())
    }
}

/// Leaves out the parts that were not asked for and cuts the first one that does not fit.
fn fit(mut message: MessageText, reading: &Reading, transcript: &mut Transcript) -> MessageText {
    let wanted = |kind: Kind| reading.include_tools || kind.is_said();
    message.parts.retain(|part| wanted(part.kind));
    if !message.parts.is_empty() {
        transcript.tokens = transcript.tokens.saturating_add(MESSAGE_TOKENS);
    }
    let mut kept = Vec::with_capacity(message.parts.len());
    for mut part in message.parts {
        let left = reading.max_tokens.saturating_sub(transcript.tokens);
        let cost = tokens::estimate(&part.text);
        if cost > left {
            transcript.truncated = true;
            if left > 0 {
                part.text = format!("{}…", tokens::prefix(&part.text, left));
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
