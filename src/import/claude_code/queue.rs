//! Prompts that were typed while Claude worked. The client writes them down when they are queued; later a user record or
//! an attachment may carry the same words, or nothing may (versions of January 2026; from 2.1.247 on an attachment does).

use serde_json::Value;

use crate::import::Position;

/// A prompt that waits in the queue.
#[derive(Debug, Clone)]
pub(super) struct Prompt {
    pub(super) record: Value,
    pub(super) text: String,
    pub(super) line: u64,
    start: Position,
    state: State,
}

/// Where a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// It left the queue into the running turn: an attachment may follow before the next answer.
    Absorbed,
    /// It left the queue as a message of its own, which is still to come.
    Dequeued,
}

/// The queue of one transcript.
#[derive(Debug, Default)]
pub(super) struct Queue {
    prompts: Vec<Prompt>,
    /// Prompts whose words another record carried and that were not accounted for yet.
    delivered: usize,
}

impl Queue {
    pub(super) fn enqueue(&mut self, record: Value, text: String, start: Position, line: u64) {
        self.prompts.push(Prompt { record, text, line, start, state: State::Waiting });
    }

    /// Notes that a prompt was taken into the turn: the one with this text, else the oldest.
    pub(super) fn absorb(&mut self, text: Option<&str>) {
        let is_meant = |prompt: &&mut Prompt| {
            prompt.state == State::Waiting && text.is_none_or(|text| same_words(&prompt.text, text))
        };
        if let Some(prompt) = self.prompts.iter_mut().find(is_meant) {
            prompt.state = State::Absorbed;
        }
    }

    /// Notes that the oldest prompt becomes a message. A bare command becomes one without words.
    pub(super) fn dequeue(&mut self) {
        let Some(at) = self.prompts.iter().position(|prompt| prompt.state == State::Waiting) else { return };
        let is_bare =
            |prompt: &Prompt| prompt.text.starts_with('/') && !prompt.text.trim().contains(char::is_whitespace);
        if self.prompts.get(at).is_some_and(is_bare) {
            self.prompts.remove(at);
            self.delivered += 1;
        } else if let Some(prompt) = self.prompts.get_mut(at) {
            prompt.state = State::Dequeued;
        }
    }

    /// Notes that another record carries these words of a person. Prompts that waited together may be delivered as one
    /// text, and a command is delivered without its name.
    pub(super) fn deliver(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let before = self.prompts.len();
        let is_same = |prompt: &Prompt| {
            let arguments = prompt.text.strip_prefix('/').and_then(|rest| rest.split_once(char::is_whitespace));
            same_words(&prompt.text, text) || arguments.is_some_and(|(_, arguments)| same_words(arguments, text))
        };
        let dequeued = |prompt: &Prompt| prompt.state == State::Dequeued;
        let found = self.prompts.iter().position(is_same).or_else(|| self.prompts.iter().position(dequeued));
        if let Some(found) = found {
            self.prompts.remove(found);
        }
        self.prompts.retain(|prompt| prompt.state == State::Waiting || !text.contains(prompt.text.trim()));
        self.delivered += before - self.prompts.len();
    }

    /// Accounts for one prompt that was delivered by another record.
    pub(super) fn account_delivered(&mut self) -> Option<()> {
        self.delivered = self.delivered.checked_sub(1)?;
        Some(())
    }

    /// Returns the prompts that were taken into the turn and that no record carried.
    pub(super) fn release_absorbed(&mut self) -> Vec<Prompt> {
        let absorbed = |prompt: &Prompt| prompt.state == State::Absorbed;
        let (taken, waiting) = std::mem::take(&mut self.prompts).into_iter().partition(absorbed);
        self.prompts = waiting;
        taken
    }

    /// Returns everything that is left.
    pub(super) fn flush(&mut self) -> Vec<Prompt> {
        std::mem::take(&mut self.prompts)
    }

    /// Where the line of the oldest waiting prompt begins.
    pub(super) fn first_waiting(&self) -> Option<Position> {
        self.prompts.iter().map(|prompt| prompt.start).min_by_key(|start| start.offset)
    }
}

fn same_words(left: &str, right: &str) -> bool {
    left.split_whitespace().eq(right.split_whitespace())
}
