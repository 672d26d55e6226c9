//! Tracks prompts that were typed while Claude worked. The client writes a record when a prompt is queued; later a user
//! record or an attachment may have the same words, or none may (versions of January 2026; from 2.1.247 on an
//! attachment does).

use serde_json::Value;

use crate::import::Position;

/// A prompt in the queue.
#[derive(Debug, Clone)]
pub(super) struct QueuedPrompt {
    pub(super) record: Value,
    pub(super) text: String,
    pub(super) line: u64,
    start: Position,
    state: PromptState,
}

/// State of a queued prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PromptState {
    Waiting,
    /// Absorbed into the running turn; an attachment may follow before the next answer.
    Absorbed,
    /// Dequeued as a message of its own, which has not been read yet.
    Dequeued,
}

/// Prompt queue of one transcript.
#[derive(Debug, Default)]
pub(super) struct PromptQueue {
    prompts: Vec<QueuedPrompt>,
    /// Number of prompts found in another record and not accounted for yet.
    delivered: usize,
}

impl PromptQueue {
    pub(super) fn enqueue(&mut self, record: Value, text: String, start: Position, line: u64) {
        self.prompts.push(QueuedPrompt { record, text, line, start, state: PromptState::Waiting });
    }

    /// Marks a prompt as absorbed into the turn: the one with this text, else the oldest.
    pub(super) fn mark_absorbed(&mut self, text: Option<&str>) {
        let is_meant = |prompt: &&mut QueuedPrompt| {
            prompt.state == PromptState::Waiting && text.is_none_or(|text| same_words(&prompt.text, text))
        };
        if let Some(prompt) = self.prompts.iter_mut().find(is_meant) {
            prompt.state = PromptState::Absorbed;
        }
    }

    /// Marks the oldest waiting prompt as dequeued. A command without arguments becomes a message without words, so it
    /// is delivered at once.
    pub(super) fn mark_dequeued(&mut self) {
        let Some(at) = self.prompts.iter().position(|prompt| prompt.state == PromptState::Waiting) else { return };
        let is_bare =
            |prompt: &QueuedPrompt| prompt.text.starts_with('/') && !prompt.text.trim().contains(char::is_whitespace);
        if self.prompts.get(at).is_some_and(is_bare) {
            self.prompts.remove(at);
            self.delivered += 1;
        } else if let Some(prompt) = self.prompts.get_mut(at) {
            prompt.state = PromptState::Dequeued;
        }
    }

    /// Removes the prompts that another record delivered with this text. Prompts that waited together may be delivered
    /// as one text, and a command is delivered without its name.
    pub(super) fn remove_delivered(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let before = self.prompts.len();
        let is_same = |prompt: &QueuedPrompt| {
            let arguments = prompt.text.strip_prefix('/').and_then(|rest| rest.split_once(char::is_whitespace));
            same_words(&prompt.text, text) || arguments.is_some_and(|(_, arguments)| same_words(arguments, text))
        };
        let dequeued = |prompt: &QueuedPrompt| prompt.state == PromptState::Dequeued;
        let found = self.prompts.iter().position(is_same).or_else(|| self.prompts.iter().position(dequeued));
        if let Some(found) = found {
            self.prompts.remove(found);
        }
        self.prompts.retain(|prompt| prompt.state == PromptState::Waiting || !text.contains(prompt.text.trim()));
        self.delivered += before - self.prompts.len();
    }

    /// Accounts for one delivered prompt; `None` if there is none left.
    pub(super) fn take_delivered(&mut self) -> Option<()> {
        self.delivered = self.delivered.checked_sub(1)?;
        Some(())
    }

    /// Removes and returns the absorbed prompts that no record delivered.
    pub(super) fn take_absorbed(&mut self) -> Vec<QueuedPrompt> {
        let absorbed = |prompt: &QueuedPrompt| prompt.state == PromptState::Absorbed;
        let (taken, waiting) = std::mem::take(&mut self.prompts).into_iter().partition(absorbed);
        self.prompts = waiting;
        taken
    }

    /// Removes and returns all remaining prompts.
    pub(super) fn take_remaining(&mut self) -> Vec<QueuedPrompt> {
        std::mem::take(&mut self.prompts)
    }

    /// Start of the line of the oldest prompt in the queue, in any state.
    pub(super) fn oldest_position(&self) -> Option<Position> {
        self.prompts.iter().map(|prompt| prompt.start).min_by_key(|start| start.offset)
    }
}

fn same_words(left: &str, right: &str) -> bool {
    left.split_whitespace().eq(right.split_whitespace())
}
