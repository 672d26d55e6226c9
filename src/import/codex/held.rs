//! Messages of events that are held back until it is known whether something else says the same.

use super::super::Item;
use super::Codex;
use super::copies::{Channel, Speaker};
use crate::domain::Draft;

/// Bytes of messages that are held back. Beyond them, what is known so far decides.
const MAX_HELD: usize = 64 << 20;

/// Messages that may be copies, in order.
#[derive(Debug, Default)]
pub(super) struct HeldMessages {
    messages: Vec<Held>,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    /// The kind of record that it is counted as when it is a copy.
    kind: String,
    draft: Box<Draft>,
    own_id: Option<String>,
    source: CopyOf,
}

/// Source that a message may be a copy of.
#[derive(Debug)]
pub(super) enum CopyOf {
    /// A text of the speaker in records of another kind, at least so many times.
    Said { speaker: Speaker, channel: Channel, text: String, times: u32 },
    /// A text of the speaker in any record.
    Anywhere { speaker: Speaker, text: String },
    /// A call of a tool, or its output.
    Done { call: Option<String>, texts: Vec<String> },
}

impl Codex {
    /// Decides on a message at once if it is known to be a copy, else when the file was read. Returns `None` while it
    /// is held.
    pub(super) fn hold(&mut self, kind: String, item: Item, own_id: Option<&str>, source: CopyOf) -> Option<Item> {
        let draft = match item {
            Item::Draft(draft) => draft,
            Item::Bookkeeping(_) => return Some(Item::Bookkeeping(kind.into())),
            other => return Some(other),
        };
        if self.is_copy(&source) {
            return Some(Item::Bookkeeping(kind.into()));
        }
        // Each text is there twice: in the draft and for comparison.
        self.held.bytes += draft.parts.iter().map(|part| part.text.len() * 2).sum::<usize>();
        if self.held.bytes > MAX_HELD {
            return Some(self.identify_event(draft, own_id));
        }
        self.held.messages.push(Held { kind, draft, own_id: own_id.map(str::to_owned), source });
        None
    }

    /// Returns the messages that stand nowhere else, and counts the others.
    pub(super) fn settle_held(&mut self) -> Vec<Item> {
        let held = std::mem::take(&mut self.held.messages);
        let settle = |Held { kind, draft, own_id, source }| {
            if self.is_copy(&source) {
                return Item::Bookkeeping(kind.into());
            }
            match &source {
                CopyOf::Anywhere { speaker, text } => {
                    self.copies.note_said(*speaker, Channel::Response, text);
                }
                CopyOf::Done { texts, .. } => texts.iter().for_each(|text| self.copies.note_output(text)),
                CopyOf::Said { .. } => {}
            }
            self.identify_event(draft, own_id.as_deref())
        };
        held.into_iter().map(settle).collect()
    }

    fn is_copy(&self, source: &CopyOf) -> bool {
        match source {
            CopyOf::Said { speaker, channel, text, times } => self.copies.is_said(*speaker, *channel, text, *times),
            CopyOf::Anywhere { speaker, text } => self.copies.is_said_anywhere(*speaker, text),
            CopyOf::Done { call, texts } => {
                call.as_ref().is_some_and(|call| self.copies.has_call(call))
                    || (!texts.is_empty() && texts.iter().all(|text| self.copies.is_done(text)))
            }
        }
    }
}
