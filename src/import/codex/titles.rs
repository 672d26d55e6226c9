//! Reads session names from `session_index.jsonl`, next to the folder with the sessions: one line for each time a
//! session was named.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::super::draft_builder::{first_field, parse_time, text_field};
use super::super::jsonl::RecordConverter;
use super::super::{Item, SessionRef, SessionTitle, TitleRank};
use crate::disk;
use crate::domain::{Timestamp, json};

/// Bytes of that file that are read.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// File with the names of sessions.
pub(super) const INDEX: &str = "session_index.jsonl";

/// Builds a title that a person chose for a session.
pub(super) fn chosen_title(session: &str, title: &str) -> Item {
    let session = SessionRef::Id(session.to_owned());
    Item::Title(SessionTitle { session, title: title.to_owned(), rank: TitleRank::Chosen })
}

/// Reader of the index. A session may be named again; the latest name counts.
#[derive(Debug, Default)]
pub(in super::super) struct SessionIndex {
    names: HashMap<String, (Option<Timestamp>, String)>,
}

impl SessionIndex {
    fn read_line(&mut self, value: &Value) -> bool {
        let (Some(id), Some(name)) = (first_field(value, &["id", "session_id"]), text_field(value, "thread_name"))
        else {
            return false;
        };
        let at = parse_time(value.get("updated_at"));
        if self.names.get(id).is_none_or(|(known, _)| at >= *known) {
            self.names.insert(id.to_owned(), (at, name.trim().to_owned()));
        }
        true
    }
}

impl RecordConverter for SessionIndex {
    fn convert_record(&mut self, value: Value, _: u64) -> Result<Vec<Item>, String> {
        let read = self.read_line(&value);
        let item = || Item::Bookkeeping("session_index".into());
        Ok(vec![if read { item() } else { Item::NotUnderstood("session_index".to_owned(), None) }])
    }

    fn is_record(value: &Value) -> bool {
        value.get("thread_name").is_some()
    }

    fn remaining_items(&mut self) -> Vec<Item> {
        let names = std::mem::take(&mut self.names);
        let named = names.into_iter().filter(|(_, (_, name))| !name.is_empty());
        named.map(|(id, (_, name))| chosen_title(&id, &name)).collect()
    }
}

/// Returns the latest name of one session.
pub(super) fn latest_name(home: &Path, session: &str) -> Option<String> {
    let text = disk::read_foreign_head(&home.join(INDEX), MAX_INDEX_BYTES).ok()?;
    let mut index = SessionIndex::default();
    for line in text.split(|byte| *byte == b'\n') {
        if memchr::memmem::find(line, session.as_bytes()).is_some()
            && let Ok((value, _)) = json::parse_lenient(line)
        {
            index.read_line(&value);
        }
    }
    index.names.remove(session).map(|(_, name)| name).filter(|name| !name.is_empty())
}
