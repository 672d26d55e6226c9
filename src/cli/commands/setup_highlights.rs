//! Three things of a person's own history that are worth seeing, each as a command to copy: a decision, an error that was
//! met more than once, where they stopped.

use crate::cli::calendar::Calendar;
use crate::domain::text::counts::format_count;
use crate::domain::text::outgoing::SafeText;
use crate::domain::text::statement::StatementKind;
use crate::domain::{Failure, Timestamp};
use crate::memory::{Memory, SuggestionFilter, SuggestionState, SuggestionStatus};
use crate::store::SessionFilter;

/// Most characters of a text beside a command.
const MAX_ABOUT_CHARS: usize = 60;
/// Most characters of an error in a command.
const MAX_ERROR_CHARS: usize = 70;

/// A command that is worth trying, with words about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Highlight {
    /// Command that shows it.
    pub(super) command: String,
    /// Words about it.
    pub(super) about: String,
}

/// Finds what is worth seeing; a history may have none of it.
pub(super) fn find_highlights(memory: &Memory, now: Timestamp) -> Result<Vec<Highlight>, Failure> {
    let calendar = Calendar::at(now);
    let mut highlights = Vec::new();
    let wanted = SuggestionFilter {
        kinds: vec![StatementKind::Decision],
        states: vec![SuggestionState::InForce],
        statuses: vec![SuggestionStatus::Suggested, SuggestionStatus::Confirmed],
        limit: 1,
        ..SuggestionFilter::default()
    };
    if let Some(decision) = memory.list_suggestions(&wanted, now)?.suggestions.first() {
        let said = SafeText::single_line(&decision.turn.text, MAX_ABOUT_CHARS);
        let day = calendar.format_day(decision.turn.at);
        highlights.push(Highlight {
            command: format!("claude-memory show {}", decision.turn.id.short_form()),
            about: format!("a decision of {day}: {said}"),
        });
    }
    if let Some(error) = memory.repeated_errors(None, 1, now)?.first() {
        let line = SafeText::single_line(&error.text, MAX_ERROR_CHARS);
        let line = line.trim_end_matches('…').replace(['"', '$', '`', '\\', '!'], "");
        highlights.push(Highlight {
            command: format!("claude-memory fix \"{}\"", line.trim()),
            about: format!("met {}", format_count(error.times as u64, "time")),
        });
    }
    if let Some(last) = memory.list_sessions(&SessionFilter::default(), None, 1)?.first() {
        let id: String = last.session.chars().take(8).collect();
        let title = SafeText::single_line(&last.title, MAX_ABOUT_CHARS);
        highlights.push(Highlight {
            command: format!("claude-memory handoff {}", SafeText::single_line(&id, 8)),
            about: format!("where you stopped, {}: {title}", calendar.format_age(last.ended_at)),
        });
    }
    Ok(highlights)
}
