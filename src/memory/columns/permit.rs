//! Which passages a filter lets through, answered from the columns.

use super::Columns;
use crate::domain::Filter;

/// A filter that lets one passage of so many through is answered from the list of its passages.
const NARROW: usize = 8;

/// Which passages a filter lets through.
#[derive(Debug, Clone, Copy)]
pub(in crate::memory) struct Permit<'a> {
    pub(in crate::memory) columns: &'a Columns,
    pub(in crate::memory) filter: &'a Filter,
    /// Rows of the messages that the conditions outside the columns allow, ascending; `None` when there are none.
    pub(in crate::memory) messages: Option<&'a [i64]>,
    /// Rows of the conversations that `filter.not_session` excludes.
    pub(in crate::memory) without: &'a [i64],
}

impl Permit<'_> {
    /// The permitted passages, ascending, if the projects of the filter have few.
    pub(in crate::memory) fn narrow(&self) -> Option<Vec<u32>> {
        let passages = self.columns.passages_of(self.filter.projects.as_ref()?);
        (passages.len() * NARROW <= self.columns.len())
            .then(|| passages.into_iter().filter(|passage| self.allows(*passage)).collect())
    }

    pub(in crate::memory) fn allows(&self, id: u32) -> bool {
        let Some(passage) = self.columns.passage(id) else { return false };
        if self.filter.is_empty() {
            return true;
        }
        let Some(message) = self.columns.message(passage.message) else { return false };
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

/// Whether a filter has conditions that the columns do not hold.
pub(in crate::memory) const fn needs_store(filter: &Filter) -> bool {
    !filter.sources.is_empty() || filter.session.is_some() || filter.file.is_some() || filter.git_branch.is_some()
}
