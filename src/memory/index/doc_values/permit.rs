//! Evaluates a search filter on the doc values.

use super::DocValues;
use crate::domain::Filter;

/// A filter that permits at most one passage in this many is evaluated from its list of passages.
const NARROW_RATIO: usize = 8;

/// Compiled filter: decides which passages may be returned.
#[derive(Debug, Clone, Copy)]
pub(in crate::memory) struct PassageFilter<'a> {
    pub(in crate::memory) columns: &'a DocValues,
    pub(in crate::memory) filter: &'a Filter,
    /// Rows of the messages permitted by the conditions that doc values cannot evaluate, ascending; `None` if there are
    /// no such conditions.
    pub(in crate::memory) messages: Option<&'a [i64]>,
    /// Rows of the conversations excluded by `filter.not_session`.
    pub(in crate::memory) without: &'a [i64],
}

impl PassageFilter<'_> {
    /// Returns the permitted passages, ascending, if the filter's projects have few; else `None`.
    pub(in crate::memory) fn permitted_passages(&self) -> Option<Vec<u32>> {
        let passages = self.columns.passages_in_projects(self.filter.projects.as_ref()?);
        (passages.len() * NARROW_RATIO <= self.columns.len())
            .then(|| passages.into_iter().filter(|passage| self.allows_passage(*passage)).collect())
    }

    pub(in crate::memory) fn allows_passage(&self, id: u32) -> bool {
        let Some(passage) = self.columns.passage_at(id) else { return false };
        if self.filter.is_empty() {
            return true;
        }
        let Some(message) = self.columns.message_at(passage.message) else { return false };
        let Filter { projects, after, before, roles, kinds, .. } = self.filter;
        projects.as_ref().is_none_or(|projects| projects.contains(&message.project))
            && after.is_none_or(|after| message.at >= after)
            && before.is_none_or(|before| message.at < before)
            && (roles.is_empty() || roles.contains(&message.role))
            && (kinds.is_empty() || kinds.contains(&passage.kind))
            && !self.without.contains(&message.conversation)
            && self.messages.is_none_or(|messages| messages.binary_search(&message.id).is_ok())
    }
}

/// Returns true if the filter has conditions that doc values cannot evaluate.
pub(in crate::memory) const fn needs_store_lookup(filter: &Filter) -> bool {
    !filter.sources.is_empty() || filter.session.is_some() || filter.file.is_some() || filter.git_branch.is_some()
}
