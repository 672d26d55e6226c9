//! Estimates the time of messages whose records have none, from a neighbouring message of the same file, else from the
//! file.

use std::collections::VecDeque;
use std::io;

use super::{Item, Position, ReadEnd, RecordStream};
use crate::domain::Timestamp;

/// Maximum number of items buffered until a time is known.
const MAX_BUFFERED: usize = 1_000;

/// Wraps a reader and fills in missing times.
pub(super) struct DatedRecords {
    pub(super) inner: Box<dyn RecordStream>,
    /// Time of the file, used if no message has one.
    pub(super) file_time: Timestamp,
}

impl RecordStream for DatedRecords {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let Self { inner, file_time } = *self;
        let (mut last, mut held, mut wanted) = (None, VecDeque::new(), true);
        let end = inner.for_each_item(&mut |mut item, position| {
            if let Item::Draft(draft) | Item::NotUnderstood(_, Some(draft)) = &mut item {
                // The reader may have set a better neighbour's time already.
                if draft.at.to_milliseconds() > 0 {
                    last = Some(draft.at);
                } else if let Some(last) = last {
                    draft.at = last;
                }
            }
            let undated = last.is_none() && matches!(&item, Item::Draft(_) | Item::NotUnderstood(_, Some(_)));
            if undated || !held.is_empty() {
                held.push_back((item, position));
                if last.is_none() && held.len() < MAX_BUFFERED {
                    return true;
                }
                wanted = release_buffered(&mut held, last.unwrap_or(file_time), tell);
                return wanted;
            }
            wanted = tell(item, position);
            wanted
        })?;
        if wanted {
            release_buffered(&mut held, last.unwrap_or(file_time), tell);
        }
        Ok(end)
    }
}

/// Passes on the buffered items. Returns `false` if no more are wanted.
fn release_buffered(
    held: &mut VecDeque<(Item, Position)>,
    at: Timestamp,
    tell: &mut dyn FnMut(Item, Position) -> bool,
) -> bool {
    while let Some((mut item, position)) = held.pop_front() {
        if let Item::Draft(draft) | Item::NotUnderstood(_, Some(draft)) = &mut item
            && draft.at_estimated
            && draft.at.to_milliseconds() <= 0
        {
            draft.at = at;
        }
        if !tell(item, position) {
            return false;
        }
    }
    true
}
