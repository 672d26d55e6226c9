//! Tokens: a record that counts them follows the answer that they belong to.

use std::collections::VecDeque;

use serde_json::Value;

use super::super::Item;
use crate::domain::{Role, Usage};

/// Items behind an answer after which no count of its tokens is expected.
const MAX_WAITING: usize = 64;

/// The last answer and what came after it.
#[derive(Debug, Default)]
pub(super) struct AnswerQueue {
    /// The first is the answer.
    items: VecDeque<Item>,
    /// Tokens of the whole session when they were counted last.
    total: Option<Value>,
}

impl AnswerQueue {
    /// Takes an item and returns those that need not wait.
    pub(super) fn push(&mut self, item: Item) -> Vec<Item> {
        let is_answer = matches!(&item, Item::Draft(draft) if draft.role == Role::Assistant);
        if !is_answer && self.items.is_empty() {
            return vec![item];
        }
        let full = self.items.len() >= MAX_WAITING;
        let released = if is_answer || full { self.release() } else { Vec::new() };
        self.items.push_back(item);
        released
    }

    /// Returns everything that waits.
    pub(super) fn release(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items).into()
    }

    /// Gives the waiting answer its tokens.
    pub(super) fn count(&mut self, usage: &Value) {
        if let Some(Item::Draft(draft)) = self.items.front_mut()
            && draft.usage.is_none()
        {
            draft.usage = read_usage(usage);
        }
    }

    /// Gives the waiting answer the tokens of a `token_count` event. Such an event may come again without a new answer.
    pub(super) fn count_event(&mut self, info: &Value) {
        let total = info.get("total_token_usage");
        if total.is_some() && total == self.total.as_ref() {
            return;
        }
        self.total = total.cloned();
        if let Some(last) = info.get("last_token_usage") {
            self.count(last);
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
