//! Determines the session of a file and the session it originates from. Does not own copied history ([`super::fork`]).

use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use super::super::draft_builder::{first_field, text_field};

/// Length of a UUID with its hyphens.
const UUID_CHARACTERS: usize = 36;

/// Session of one file.
#[derive(Debug, Default)]
pub(super) struct SessionIdentity {
    /// Id of the session.
    pub(super) session: String,
    /// True once the id is known, from the name of the file or its first `session_meta`.
    is_known: bool,
    /// Session that started it, for sub-agents.
    parent: Option<String>,
    /// Session whose history it continues.
    forked_from: Option<String>,
    /// True if a model wrote the prompts.
    pub(super) is_subagent: bool,
}

impl SessionIdentity {
    /// Reads the id from the name of a file: its last UUID (`rollout-2026-11-24T03-22-35-<uuid>.jsonl`).
    pub(super) fn from_file_name(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".zst").unwrap_or(&name);
        let stem = stem.strip_suffix(".jsonl").unwrap_or(stem);
        last_uuid(stem).map_or_else(
            || Self { session: stem.to_owned(), ..Self::default() },
            |id| Self { session: id.to_owned(), is_known: true, ..Self::default() },
        )
    }

    /// Applies a `session_meta`. Returns the session id if it describes another session: a fork begins with a copy of
    /// its parent's.
    pub(super) fn read_meta(&mut self, meta: &Value) -> Option<String> {
        let id = first_field(meta, &["id", "session_id"])?;
        if !self.is_known {
            (self.session, self.is_known) = (id.to_owned(), true);
        }
        if id != self.session {
            self.forked_from.get_or_insert_with(|| id.to_owned());
            return Some(id.to_owned());
        }
        let other = |value: Option<&Value>| {
            let id = value.and_then(Value::as_str).filter(|id| !id.is_empty() && *id != self.session);
            id.map(str::to_owned)
        };
        let spawned = meta.pointer("/source/subagent");
        self.is_subagent |= spawned.is_some() || text_field(meta, "thread_source") == Some("subagent");
        // A sub-agent's `session_id` is that of the top-level session.
        let parents = [
            meta.get("parent_thread_id"),
            spawned.and_then(|spawned| spawned.pointer("/thread_spawn/parent_thread_id")),
            meta.get("session_id"),
        ];
        self.parent = parents.into_iter().find_map(other).or_else(|| self.parent.take());
        self.forked_from = other(meta.get("forked_from_id")).or_else(|| self.forked_from.take());
        None
    }

    /// Returns the session that started this one.
    pub(super) fn parent_session(&self) -> Option<String> {
        self.parent.clone()
    }

    /// Returns the session whose history this one continues. A sub-agent that received its parent's history is not a
    /// fork.
    pub(super) fn forked_from(&self) -> Option<String> {
        self.forked_from.clone().filter(|_| !self.is_subagent)
    }
}

/// Returns the last UUID in a text.
fn last_uuid(text: &str) -> Option<&str> {
    let last_start = text.len().checked_sub(UUID_CHARACTERS)?;
    let mut candidates = (0..=last_start).rev().filter_map(|start| text.get(start..start + UUID_CHARACTERS));
    candidates.find(|candidate| Uuid::try_parse(candidate).is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "019a0000-0000-7000-8000-00000000000a";
    const PARENT: &str = "019a0000-0000-7000-8000-00000000000b";

    #[test]
    fn the_name_of_the_file_wins_over_copied_metas() {
        for name in [
            format!("rollout-2026-04-05T06-07-00-{OWN}.jsonl"),
            format!("rollout-2026-04-05T06-07-00-{OWN}.jsonl.zst"),
            format!("{PARENT}-{OWN} (copy).jsonl"),
        ] {
            let mut identity = SessionIdentity::from_file_name(Path::new(&name));
            assert_eq!(identity.read_meta(&json!({ "id": PARENT })).as_deref(), Some(PARENT), "{name}");
            assert_eq!(identity.read_meta(&json!({ "id": OWN, "cwd": "/w" })), None);
            assert_eq!((identity.session.as_str(), identity.forked_from().as_deref()), (OWN, Some(PARENT)));
        }
        let mut renamed = SessionIdentity::from_file_name(Path::new("notes.jsonl"));
        assert_eq!(renamed.session, "notes");
        assert_eq!(renamed.read_meta(&json!({ "id": OWN, "forked_from_id": PARENT })), None);
        assert_eq!(renamed.read_meta(&json!({ "id": "other" })).as_deref(), Some("other"));
        assert_eq!((renamed.session.as_str(), renamed.forked_from().as_deref()), (OWN, Some(PARENT)));
    }

    #[test]
    fn subagents_name_their_parents() {
        let metas = [
            json!({ "id": OWN, "session_id": PARENT, "thread_source": "subagent" }),
            json!({ "id": OWN, "parent_thread_id": PARENT, "source": { "subagent": "review" } }),
            json!({ "id": OWN, "source": { "subagent": { "thread_spawn": { "parent_thread_id": PARENT, "depth": 1 } } } }),
        ];
        for meta in metas {
            let mut identity = SessionIdentity::from_file_name(Path::new(OWN));
            let _ = identity.read_meta(&json!({ "id": PARENT }));
            assert_eq!(identity.read_meta(&meta), None);
            assert!(identity.is_subagent && identity.forked_from().is_none(), "{meta}");
            assert_eq!(identity.parent_session().as_deref(), Some(PARENT), "{meta}");
        }
        let mut main = SessionIdentity::from_file_name(Path::new(OWN));
        let _ = main.read_meta(&json!({ "id": OWN, "session_id": OWN, "source": "exec", "thread_source": "user" }));
        assert!(!main.is_subagent && main.parent_session().is_none());
    }
}
