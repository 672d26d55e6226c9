//! Confirming and dismissing suggestions. Confirming saves a note, under the same rules as any note of a person or an
//! agent; nothing else makes a suggestion count.

use crate::domain::text::redact::RedactionCounts;
use crate::domain::text::statement::StatementKind;
use crate::domain::text::to_one_line;
use crate::domain::{DraftNote, MessageId, Origin, Timestamp};
use crate::memory::recall::suggestion_notes::{DISMISSED_KIND, turn_topic};
use crate::memory::recall::suggestions::{Suggestion, SuggestionFilter, SuggestionScope};
use crate::memory::write::projects::project_for_directory;
use crate::memory::{Error, Memory, Result};
use crate::store::SavedNote;

/// Maximum characters of a title.
const TITLE_CHARACTERS: usize = 80;

/// Choices of the one who confirms a suggestion.
#[derive(Debug, Clone, Default)]
pub struct Confirmation {
    /// Where it holds; `None` for what the suggestion says.
    pub scope: Option<SuggestionScope>,
    /// Notes that it replaces.
    pub supersedes: Vec<MessageId>,
    /// True if an agent confirms.
    pub by_model: bool,
}

impl Memory {
    /// Returns the suggestion of a turn.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the turn does not exist or states nothing.
    pub fn find_suggestion(&self, id: MessageId, now: Timestamp) -> Result<Suggestion> {
        let all = SuggestionFilter { limit: usize::MAX, ..SuggestionFilter::default() };
        // As it is listed: with its repetitions. An older one is compared with nothing.
        let listed = self.list_suggestions(&all, now)?.suggestions.into_iter().find(|found| found.turn.id == id);
        let found = match listed {
            None => self.suggestion_of_turn(id)?,
            listed => listed,
        };
        found.ok_or_else(|| Error::NotFound {
            message: format!("{id} is no suggestion"),
            hint: Some("use an id that `claude-memory decisions` lists".to_owned()),
        })
    }

    /// Saves the note that a suggestion becomes: the turn verbatim, after the proposal that it agrees with. `copied_from`
    /// is the origin of the tool output that the text was copied from, if it was.
    ///
    /// # Errors
    /// If an agent confirms for all projects, or may not replace one of the notes.
    pub fn confirm_suggestion(
        &self,
        suggestion: &Suggestion,
        confirmation: Confirmation,
        copied_from: Option<Origin>,
        now: Timestamp,
    ) -> Result<SavedNote> {
        let everywhere = confirmation.scope.unwrap_or(suggestion.scope) == SuggestionScope::Everywhere;
        if everywhere && confirmation.by_model {
            return Err(Error::Invalid {
                message: "an agent may not confirm for all projects; nothing was saved".to_owned(),
                hint: Some("confirm with the scope `project`, or let the user confirm".to_owned()),
            });
        }
        let copied_from = if confirmation.by_model {
            // The person may have pasted what a tool of that session had printed.
            let session = (Some(suggestion.turn.session.as_str()), None);
            let pasted =
                self.origin_of_saved_text(&suggestion.note_text(), session, &suggestion.turn.directory, now)?;
            if pasted == Some(Origin::Web) { pasted } else { copied_from.or(pasted) }
        } else {
            copied_from
        };
        let kind = match suggestion.kinds.first() {
            // The kind whose notes a session starts with.
            Some(StatementKind::Rule) => "instruction",
            Some(StatementKind::Correction) => StatementKind::Correction.name(),
            _ => StatementKind::Decision.name(),
        };
        let note = DraftNote {
            text: suggestion.note_text(),
            kind: Some(kind.to_owned()),
            title: suggestion.proposal.as_ref().map(|(_, text)| to_one_line(text, TITLE_CHARACTERS)),
            topic_key: Some(turn_topic(suggestion.turn.id)),
            cwd: (!everywhere).then(|| suggestion.turn.directory.clone()),
            supersedes: confirmation.supersedes,
            by_model: confirmation.by_model,
            copied_from,
            ..DraftNote::default()
        };
        self.save_any(note, now)
    }

    /// Dismisses a suggestion: it is listed only on request from now on. Only a person dismisses.
    pub fn dismiss_suggestion(&self, suggestion: &Suggestion, now: Timestamp) -> Result<SavedNote> {
        let id = suggestion.turn.id;
        let note = DraftNote {
            text: format!("Dismissed the suggestion {id}"),
            kind: Some(DISMISSED_KIND.to_owned()),
            topic_key: Some(turn_topic(id)),
            cwd: Some(suggestion.turn.directory.clone()),
            // Expired from the start: no search, list or session returns it.
            expires_at: Some(now),
            ..DraftNote::default()
        };
        let project = project_for_directory(&suggestion.turn.directory);
        Ok(self.store.save_note(self.ids.new_message_id(now), note, RedactionCounts::new(), project, now)?)
    }
}

impl Suggestion {
    /// Returns the text that is saved when the suggestion is confirmed.
    pub fn note_text(&self) -> String {
        let said = self.turn.text.trim();
        match &self.proposal {
            Some((_, proposal)) => format!("{proposal}\n\n> {}", said.replace('\n', "\n> ")),
            None => said.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::recall::suggestions::SuggestionStatus;
    use crate::memory::test_corpus::{NOW, TestCorpus};
    use crate::store::NoteUpdate;

    #[test]
    fn a_person_rewords_what_was_confirmed_and_a_model_does_not() {
        let corpus =
            TestCorpus::new(&[("s1", "user", 60, "let's keep twelve connections in the pool of the orders service")]);
        let memory = &corpus.memory;
        let all = SuggestionFilter { limit: 9, ..SuggestionFilter::default() };
        let suggestion = memory.list_suggestions(&all, NOW).unwrap().suggestions.remove(0);
        let note = memory.confirm_suggestion(&suggestion, Confirmation::default(), None, NOW).unwrap();
        let reword = |id, by_model| {
            let text = Some("The pool keeps twelve connections".to_owned());
            memory.update(id, text, NoteUpdate::default(), (by_model, None), NOW)
        };
        let reworded = reword(note.id, false).unwrap();
        assert_eq!(reworded.replaced, [note.id]);
        let listed = memory.list_suggestions(&all, NOW).unwrap().suggestions.remove(0);
        assert_eq!((listed.status, listed.note), (SuggestionStatus::Confirmed, Some(reworded.id)));
        let by_model = Confirmation { by_model: true, ..Confirmation::default() };
        assert!(memory.confirm_suggestion(&suggestion, by_model, None, NOW).is_err(), "the person's stays");
        assert!(reword(reworded.id, true).is_err());
        let dismissed = NoteUpdate { kind: Some(DISMISSED_KIND.to_owned()), ..NoteUpdate::default() };
        assert!(memory.update(reworded.id, None, dismissed, (false, None), NOW).is_err());
    }
}
