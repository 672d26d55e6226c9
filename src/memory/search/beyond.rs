//! Second look without a condition of the filter, when nothing that meets the filter answers the query.

use crate::domain::{BeyondFilter, Confidence, Filter, LiftedCondition, Query, SearchResults, Timestamp};
use crate::memory::{Memory, Result};

/// Hits of the second look: enough to see that there is something.
const BEYOND_HITS: usize = 2;

impl Memory {
    /// Runs a query for a reader. A period that the question names is looked for first. If nothing that meets the filter
    /// answers the query, the answer also has the best hits without the filter's time; else without its other conditions;
    /// else in all projects.
    ///
    /// # Errors
    /// As for [`Memory::search`].
    pub fn answer_query(&self, query: &Query, now: Timestamp) -> Result<SearchResults> {
        match self.find_asked_period(query, now) {
            Some(asked) => self.answer_in_period(query, &asked, now),
            None => self.answer_beyond_filter(query, now),
        }
    }

    /// Runs a query, and again without a condition of its filter if nothing answers it.
    pub(super) fn answer_beyond_filter(&self, query: &Query, now: Timestamp) -> Result<SearchResults> {
        let mut answer = self.search(query, now)?;
        if answer.confidence != Confidence::None || query.offset > 0 {
            return Ok(answer);
        }
        let Some((lifted, filter)) = lift_condition(&query.filter) else { return Ok(answer) };
        let wider = Query { filter, limit: BEYOND_HITS, explain: false, ..query.clone() };
        let found = self.search(&wider, now)?;
        if found.confidence != Confidence::None {
            answer.tokens += found.tokens;
            answer.beyond = Some(BeyondFilter { lifted, confidence: found.confidence, hits: found.hits });
        }
        Ok(answer)
    }
}

/// Returns the condition to lift and the filter without it; `None` if the filter has no condition that may be lifted.
fn lift_condition(filter: &Filter) -> Option<(LiftedCondition, Filter)> {
    let (after, before) = (filter.after, filter.before);
    match (after, before) {
        (Some(after), None) => {
            return Some((
                LiftedCondition::After(after),
                Filter { after: None, before: Some(after), ..filter.clone() },
            ));
        }
        (None, Some(before)) => {
            let later = Filter { after: Some(before), before: None, ..filter.clone() };
            return Some((LiftedCondition::Before(before), later));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let scope = Filter { not_session: filter.not_session.clone(), ..Filter::default() };
    let within = Filter { projects: filter.projects.clone(), ..scope.clone() };
    if within != *filter {
        return Some((LiftedCondition::Conditions, within));
    }
    filter.projects.is_some().then_some((LiftedCondition::Project, scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    #[test]
    fn one_condition_is_lifted_at_a_time() {
        let day = Timestamp::from_milliseconds(86_400_000);
        let projects = Some(vec![1]);
        let since = Filter { after: Some(day), projects: projects.clone(), ..Filter::default() };
        let (lifted, filter) = lift_condition(&since).unwrap();
        assert_eq!(lifted, LiftedCondition::After(day));
        assert_eq!((filter.after, filter.before, &filter.projects), (None, Some(day), &projects));
        let roles = Filter { roles: vec![Role::User], projects: projects.clone(), ..Filter::default() };
        let (lifted, filter) = lift_condition(&roles).unwrap();
        assert_eq!(lifted, LiftedCondition::Conditions);
        assert_eq!(filter, Filter { projects: projects.clone(), ..Filter::default() });
        let (lifted, filter) = lift_condition(&filter).unwrap();
        assert_eq!((lifted, filter), (LiftedCondition::Project, Filter::default()));
        let subagent = Filter { not_session: Some("s".to_owned()), ..Filter::default() };
        assert_eq!(lift_condition(&subagent), None);
    }
}
