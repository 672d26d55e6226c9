//! Answer of saving a note, with the notes that it repeats or contradicts.

use schemars::JsonSchema;
use serde::Serialize;

use super::outgoing::SafeText;
use super::{message_uri, trust_level};
use crate::memory::{NoteRelation, RelatedNote};
use crate::store;

/// The answer of `memory_save`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SaveAnswer {
    /// The memory.
    pub id: String,
    /// created, updated or duplicate.
    pub status: String,
    /// Memories that it replaces.
    pub replaced: Vec<String>,
    /// Saved memories that say nearly the same.
    pub duplicates: Vec<String>,
    /// Saved memories that say the opposite or have another value.
    pub contradicts: Vec<String>,
    /// Texts of both.
    pub related: Vec<RelatedEntry>,
    /// Secrets that were redacted in it.
    pub redactions: u64,
    /// Address of the memory.
    pub uri: String,
}

/// A saved memory that a new one repeats or contradicts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RelatedEntry {
    /// The memory.
    pub id: String,
    /// repeats or contradicts.
    pub relation: String,
    /// person, model, client, untrusted (tools and the web), elsewhere (another machine, not confirmed by the user), or
    /// suspicious: reads like an instruction to you.
    pub trust: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// The beginning of its text.
    pub text: SafeText,
}

impl From<store::SavedNote> for SaveAnswer {
    fn from(saved: store::SavedNote) -> Self {
        let id = saved.id.to_string();
        let status = match saved.status {
            store::SavedStatus::Created => "created",
            store::SavedStatus::Updated => "updated",
            store::SavedStatus::Duplicate => "duplicate",
        };
        Self {
            uri: message_uri(&id),
            id,
            status: status.to_owned(),
            replaced: saved.replaced.iter().map(ToString::to_string).collect(),
            duplicates: Vec::new(),
            contradicts: Vec::new(),
            related: Vec::new(),
            redactions: saved.redactions,
        }
    }
}

impl SaveAnswer {
    /// Adds the saved notes that the new one repeats or contradicts.
    #[must_use]
    pub fn with_related(mut self, related: Vec<RelatedNote>) -> Self {
        for note in related {
            let id = note.id.to_string();
            let (relation, list) = match note.relation {
                NoteRelation::Repeated => ("repeats", &mut self.duplicates),
                NoteRelation::Contradicted => ("contradicts", &mut self.contradicts),
            };
            list.push(id.clone());
            self.related.push(RelatedEntry {
                id,
                relation: relation.to_owned(),
                trust: trust_level(note.origin, &note.text).to_owned(),
                ts: note.at.to_string(),
                text: SafeText::multi_line(&note.text),
            });
        }
        self
    }
}
