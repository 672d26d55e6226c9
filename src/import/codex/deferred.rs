//! Defers messages of events until it is known whether another record has the same content.

use super::super::Item;
use super::Codex;
use super::copies::{Channel, CodexSpeaker};
use crate::domain::Draft;

/// Maximum bytes of deferred messages. Beyond it, messages are decided by what was read so far.
const MAX_DEFERRED_BYTES: usize = 64 << 20;

/// Deferred messages that may be copies, in order.
#[derive(Debug, Default)]
pub(super) struct DeferredMessages {
    messages: Vec<DeferredMessage>,
    bytes: usize,
}

#[derive(Debug)]
struct DeferredMessage {
    /// Kind of record it is counted as if it is a copy.
    kind: String,
    draft: Box<Draft>,
    own_id: Option<String>,
    source: CopySource,
}

/// Content that a message may be a copy of.
#[derive(Debug)]
pub(super) enum CopySource {
    /// A text of the speaker in records of another kind, at least `times` times.
    Said { speaker: CodexSpeaker, channel: Channel, text: String, times: u32 },
    /// A text of the speaker in any record.
    Anywhere { speaker: CodexSpeaker, text: String },
    /// A tool call or its output.
    Done { call: Option<String>, texts: Vec<String> },
}

impl Codex {
    /// Resolves a message at once if it is known to be a copy, else defers it to the end of the file. Returns `None`
    /// while the message is deferred.
    pub(super) fn defer_message(
        &mut self,
        kind: String,
        item: Item,
        own_id: Option<&str>,
        source: CopySource,
    ) -> Option<Item> {
        let draft = match item {
            Item::Draft(draft) => draft,
            Item::Bookkeeping(_) => return Some(Item::Bookkeeping(kind.into())),
            other => return Some(other),
        };
        if self.is_copy(&source) {
            return Some(Item::Bookkeeping(kind.into()));
        }
        // Each text is in memory twice: in the draft and for comparison.
        self.held.bytes += draft.parts.iter().map(|part| part.text.len() * 2).sum::<usize>();
        if self.held.bytes > MAX_DEFERRED_BYTES {
            return Some(self.identify_event(draft, own_id));
        }
        self.held.messages.push(DeferredMessage { kind, draft, own_id: own_id.map(str::to_owned), source });
        None
    }

    /// Returns the deferred messages that no other record has; copies become bookkeeping items.
    pub(super) fn resolve_deferred(&mut self) -> Vec<Item> {
        let held = std::mem::take(&mut self.held.messages);
        let settle = |DeferredMessage { kind, draft, own_id, source }| {
            if self.is_copy(&source) {
                return Item::Bookkeeping(kind.into());
            }
            match &source {
                CopySource::Anywhere { speaker, text } => {
                    self.copies.record_text(*speaker, Channel::Response, text);
                }
                CopySource::Done { texts, .. } => texts.iter().for_each(|text| self.copies.record_output(text)),
                CopySource::Said { .. } => {}
            }
            self.identify_event(draft, own_id.as_deref())
        };
        held.into_iter().map(settle).collect()
    }

    fn is_copy(&self, source: &CopySource) -> bool {
        match source {
            CopySource::Said { speaker, channel, text, times } => {
                self.copies.has_text(*speaker, *channel, text, *times)
            }
            CopySource::Anywhere { speaker, text } => self.copies.has_text_anywhere(*speaker, text),
            CopySource::Done { call, texts } => {
                call.as_ref().is_some_and(|call| self.copies.has_call(call))
                    || (!texts.is_empty() && texts.iter().all(|text| self.copies.has_output(text)))
            }
        }
    }
}
