//! Times of messages whose records have none: they come from a neighbour of the same file, else from the file.

use std::collections::VecDeque;
use std::io;

use super::{End, Item, Position, Records};
use crate::domain::Timestamp;

/// Items that are held back until a time is known.
const MAX_HELD: usize = 1_000;

/// Fills in the times of what another reader returns.
pub(super) struct Dated {
    pub(super) inner: Box<dyn Records>,
    /// The time of the file, when no message has one.
    pub(super) file_time: Timestamp,
}

impl Records for Dated {
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End> {
        let Self { inner, file_time } = *self;
        let (mut last, mut held, mut wanted) = (None, VecDeque::new(), true);
        let end = inner.each(&mut |mut item, position| {
            if let Item::Draft(draft) | Item::NotUnderstood(_, Some(draft)) = &mut item {
                // A reader may know a better neighbour than the message before.
                if draft.at.milliseconds() > 0 {
                    last = Some(draft.at);
                } else if let Some(last) = last {
                    draft.at = last;
                }
            }
            let undated = last.is_none() && matches!(&item, Item::Draft(_) | Item::NotUnderstood(_, Some(_)));
            if undated || !held.is_empty() {
                held.push_back((item, position));
                if last.is_none() && held.len() < MAX_HELD {
                    return true;
                }
                wanted = release(&mut held, last.unwrap_or(file_time), tell);
                return wanted;
            }
            wanted = tell(item, position);
            wanted
        })?;
        if wanted {
            release(&mut held, last.unwrap_or(file_time), tell);
        }
        Ok(end)
    }
}

/// Returns what was held back; `false` when no more is wanted.
fn release(held: &mut VecDeque<(Item, Position)>, at: Timestamp, tell: &mut dyn FnMut(Item, Position) -> bool) -> bool {
    while let Some((mut item, position)) = held.pop_front() {
        if let Item::Draft(draft) | Item::NotUnderstood(_, Some(draft)) = &mut item
            && draft.at_estimated
            && draft.at.milliseconds() <= 0
        {
            draft.at = at;
        }
        if !tell(item, position) {
            return false;
        }
    }
    true
}
