//! Names of sessions: `session_index.jsonl` beside the folder with the sessions, a line for each time that a name was
//! given.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::super::draft_builder::{field, first, moment};
use super::super::jsonl::Client;
use super::super::{Item, SessionRef, Title, TitleRank};
use crate::domain::{Timestamp, json};

/// The file with the names.
pub(super) const INDEX: &str = "session_index.jsonl";

/// A title that a person gave a session.
pub(super) fn chosen_title(session: &str, title: &str) -> Item {
    let session = SessionRef::Id(session.to_owned());
    Item::Title(Title { session, title: title.to_owned(), rank: TitleRank::Chosen })
}

/// Reads the index. A session may be named again: the latest name counts.
#[derive(Debug, Default)]
pub(in super::super) struct SessionIndex {
    names: HashMap<String, (Option<Timestamp>, String)>,
}

impl SessionIndex {
    fn read_line(&mut self, value: &Value) -> bool {
        let (Some(id), Some(name)) = (first(value, &["id", "session_id"]), field(value, "thread_name")) else {
            return false;
        };
        let at = moment(value.get("updated_at"));
        if self.names.get(id).is_none_or(|(known, _)| at >= *known) {
            self.names.insert(id.to_owned(), (at, name.trim().to_owned()));
        }
        true
    }
}

impl Client for SessionIndex {
    fn record(&mut self, value: Value, _: u64) -> Result<Vec<Item>, String> {
        let read = self.read_line(&value);
        let item = || Item::Bookkeeping("session_index".into());
        Ok(vec![if read { item() } else { Item::NotUnderstood("session_index".to_owned(), None) }])
    }

    fn is_record(value: &Value) -> bool {
        value.get("thread_name").is_some()
    }

    fn end(&mut self) -> Vec<Item> {
        let names = std::mem::take(&mut self.names);
        let named = names.into_iter().filter(|(_, (_, name))| !name.is_empty());
        named.map(|(id, (_, name))| chosen_title(&id, &name)).collect()
    }
}

/// The latest name of one session.
pub(super) fn latest_name(home: &Path, session: &str) -> Option<String> {
    let text = std::fs::read(home.join(INDEX)).ok()?;
    let mut index = SessionIndex::default();
    for line in text.split(|byte| *byte == b'\n') {
        if memchr::memmem::find(line, session.as_bytes()).is_some()
            && let Ok((value, _)) = json::parse(line)
        {
            index.read_line(&value);
        }
    }
    index.names.remove(session).map(|(_, name)| name).filter(|name| !name.is_empty())
}
