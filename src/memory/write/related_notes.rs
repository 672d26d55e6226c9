//! Finds the saved notes that a new one repeats or contradicts. Compares words, so that it works before anything is
//! embedded.

use crate::domain::query::MinOverlap;
use crate::domain::text::{contradiction, to_one_line};
use crate::domain::{Detail, Filter, Hit, MessageId, Origin, PartKind, Query, SearchMode, Timestamp};
use crate::memory::{Memory, Result};

/// Share of the new note's words that a note must contain to repeat it, and to be compared with it.
const REPEATED_SHARE: f32 = 0.75;
const COMPARED_SHARE: f32 = 0.2;
/// Notes that are compared.
const COMPARED_NOTES: usize = 30;
/// Related notes that are returned.
const MAX_RELATED: usize = 4;
/// Maximum characters of their texts.
const TEXT_CHARACTERS: usize = 160;

/// Relation of a saved note to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteRelation {
    /// Says nearly the same.
    Repeated,
    /// Says the opposite, or has another value.
    Contradicted,
}

/// Saved note that a new one repeats or contradicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedNote {
    pub id: MessageId,
    pub at: Timestamp,
    pub origin: Origin,
    pub relation: NoteRelation,
    /// Beginning of its text.
    pub text: String,
}

impl Memory {
    /// Returns the notes of the same project that the note `saved` with this text contradicts, then those that it
    /// repeats. Another project may decide otherwise, and what it knows is not told here.
    pub fn find_related_notes(
        &self,
        saved: MessageId,
        text: &str,
        replaced: &[MessageId],
        now: Timestamp,
    ) -> Result<Vec<RelatedNote>> {
        let projects = self.store.snapshot()?.project_of_message(saved)?.into_iter().collect();
        let notes = Filter { kinds: vec![PartKind::Note], projects: Some(projects), ..Filter::default() };
        let near = |share| Query {
            mode: SearchMode::Keyword,
            filter: notes.clone(),
            limit: COMPARED_NOTES,
            detail: Detail::Full,
            worth: Some(MinOverlap { weight: 0.0, share, log_odds: None }),
            ..Query::for_text(text)
        };
        let hits = self.search(&near(COMPARED_SHARE), now)?.hits;
        let is_other = |hit: &&Hit| hit.id != saved && !replaced.contains(&hit.id);
        let relate = |hit: &Hit, relation| RelatedNote {
            id: hit.id,
            at: hit.at,
            origin: hit.origin,
            relation,
            text: to_one_line(&hit.snippet, TEXT_CHARACTERS),
        };
        let denied = hits.iter().filter(is_other).filter(|hit| contradiction::contradicts(text, &hit.snippet));
        let mut related: Vec<RelatedNote> = denied.map(|hit| relate(hit, NoteRelation::Contradicted)).collect();
        let repeated = self.search(&near(REPEATED_SHARE), now)?.hits;
        for hit in repeated.iter().filter(is_other) {
            let is_known = related.iter().any(|known| known.id == hit.id);
            if !is_known && !contradiction::differ_in_numbers(text, &hit.snippet) {
                related.push(relate(hit, NoteRelation::Repeated));
            }
        }
        related.truncate(MAX_RELATED);
        Ok(related)
    }
}
