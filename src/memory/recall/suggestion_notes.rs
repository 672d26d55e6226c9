//! What was made of suggestions: notes whose topic is the turn. A confirmed suggestion is such a note; a dismissed one is
//! such a note that has expired, so that it is returned nowhere and still is part of backups and of sync.

use std::collections::HashMap;

use crate::domain::MessageId;
use crate::memory::Result;
use crate::store::{Snapshot, TurnNote};

/// Beginning of the topic of such a note; the id of the turn follows.
pub(in crate::memory) const TOPIC_PREFIX: &str = "turn:";
/// Kind of the note of a dismissed suggestion.
pub(in crate::memory) const DISMISSED_KIND: &str = "dismissed";

/// Returns the topic of the note that is made of a turn.
pub(in crate::memory) fn turn_topic(id: MessageId) -> String {
    format!("{TOPIC_PREFIX}{id}")
}

/// Newest note of each turn that has one.
#[derive(Debug, Default)]
pub(in crate::memory) struct TurnNotes(HashMap<String, TurnNote>);

impl TurnNotes {
    /// Reads the notes of all turns. What came from a machine that is not confirmed neither confirms nor dismisses.
    pub(in crate::memory) fn read(snapshot: &Snapshot<'_>) -> Result<Self> {
        let notes = snapshot.notes_of_topics(TOPIC_PREFIX)?.into_iter().filter(|note| !note.is_from_elsewhere);
        Ok(Self(notes.map(|note| (note.topic.clone(), note)).collect()))
    }

    /// Returns the note of a turn.
    pub(in crate::memory) fn of_turn(&self, id: MessageId) -> Option<&TurnNote> {
        self.0.get(&turn_topic(id))
    }
}
