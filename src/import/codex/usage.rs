//! Assigns token counts to answers: the record with the count follows the answer it belongs to.

use std::collections::VecDeque;

use serde_json::Value;

use super::super::Item;
use crate::domain::{Role, Usage};

/// Number of items after an answer beyond which no token count is expected.
const MAX_WAITING: usize = 64;

/// The last answer and the items after it.
#[derive(Debug, Default)]
pub(super) struct AnswerQueue {
    /// Queued items; the first is the answer.
    items: VecDeque<Item>,
    /// Tokens of the whole session at the last count.
    total: Option<Value>,
}

impl AnswerQueue {
    /// Adds an item and returns those that need not wait any longer.
    pub(super) fn push(&mut self, item: Item) -> Vec<Item> {
        let is_answer = matches!(&item, Item::Draft(draft) if draft.role == Role::Assistant);
        if !is_answer && self.items.is_empty() {
            return vec![item];
        }
        let full = self.items.len() >= MAX_WAITING;
        let released = if is_answer || full { self.release_all() } else { Vec::new() };
        self.items.push_back(item);
        released
    }

    /// Removes and returns all queued items.
    pub(super) fn release_all(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items).into()
    }

    /// Sets the token usage of the queued answer, unless it has one.
    pub(super) fn set_usage(&mut self, usage: &Value) {
        if let Some(Item::Draft(draft)) = self.items.front_mut()
            && draft.usage.is_none()
        {
            draft.usage = read_usage(usage);
        }
    }

    /// Sets the token usage of the queued answer from a `token_count` event. Such an event may come again without a new
    /// answer.
    pub(super) fn set_event_usage(&mut self, info: &Value) {
        let total = info.get("total_token_usage");
        if total.is_some() && total == self.total.as_ref() {
            return;
        }
        self.total = total.cloned();
        if let Some(last) = info.get("last_token_usage") {
            self.set_usage(last);
        }
    }
}

fn read_usage(value: &Value) -> Option<Usage> {
    let of = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (cache_read, cache_write) = (of("cached_input_tokens"), of("cache_write_input_tokens"));
    let usage = Usage {
        input: of("input_tokens").saturating_sub(cache_read + cache_write),
        output: of("output_tokens"),
        cache_read,
        cache_write,
    };
    (usage != Usage::default()).then_some(usage)
}
