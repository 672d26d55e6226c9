//! Finds a later decision of a person on the subject of a hit that the search itself did not return.

use crate::domain::text::statement::states_decision;
use crate::domain::text::to_one_line;
use crate::domain::{Filter, Hit, Origin, PartKind, Role, Timestamp};
use crate::memory::index::doc_values::PassageFilter;
use crate::memory::recall::context::{PackItem, PackReason, PackRequest};
use crate::memory::{Memory, Result};
use crate::vector::{LabelFilter, SearchEffort};

/// Cosine to the hit from which a passage is on its subject, as for results of a search.
const MIN_COSINE: f32 = 0.6;
/// Nearest passages among which a later decision is searched.
const NEAREST_PASSAGES: usize = 40;
/// Maximum characters of its title and its text.
const TITLE_CHARACTERS: usize = 80;
const TEXT_CHARACTERS: usize = 280;

impl Memory {
    /// Returns the newest later decision on the subject of a hit among the nearest passages in these projects, or
    /// `None`.
    pub(in crate::memory) fn later_decision(
        &self,
        hit: &Hit,
        request: &PackRequest,
        now: Timestamp,
    ) -> Result<Option<PackItem>> {
        let Some((model, digest, dimensions)) = self.current_model_ref() else { return Ok(None) };
        let Some(vector) = self.store.snapshot()?.vector_of_passage(model, hit.passage_row)? else { return Ok(None) };
        let filter = Filter {
            projects: Some(request.here.clone()),
            after: Some(hit.at.minus_milliseconds(-1)),
            roles: vec![Role::User, Role::Assistant],
            kinds: vec![PartKind::Text],
            not_session: request.session.clone(),
            ..Filter::default()
        };
        let columns = self.doc_values()?;
        let without = match &request.session {
            Some(session) => self.store.snapshot()?.conversations_of_session(session)?,
            None => Vec::new(),
        };
        let permit = PassageFilter { columns: &columns, filter: &filter, messages: None, without: &without };
        let permits = |passage: u32| permit.allows_passage(passage);
        let near = self.with_index((model, &digest, dimensions), |index| {
            index.find_nearest(
                &index.quantise_query(&vector),
                NEAREST_PASSAGES,
                &LabelFilter::If(&permits),
                SearchEffort::Quick,
            )
        })?;
        let near: Vec<i64> = near
            .best
            .iter()
            .filter(|(_, cosine)| *cosine >= MIN_COSINE)
            .map(|(passage, _)| i64::from(*passage))
            .collect();
        let mut later = self.store.snapshot()?.filter_candidates(&near, &filter, now)?;
        later.sort_by_key(|candidate| std::cmp::Reverse(candidate.at));
        for candidate in later {
            let body = self.store.snapshot()?.read_content(candidate.part)?;
            let said = body.text.get(candidate.range.clone()).unwrap_or(&body.text);
            if body.origin == Origin::Person && states_decision(said) {
                return Ok(Some(PackItem {
                    id: candidate.id,
                    session: body.session,
                    project: body.project.1,
                    role: body.role,
                    origin: body.origin,
                    said_by: body.said_by,
                    title: to_one_line(&body.title, TITLE_CHARACTERS),
                    at: candidate.at,
                    text: self.redact_text(to_one_line(said, TEXT_CHARACTERS))?,
                    reason: PackReason::Later,
                }));
            }
        }
        Ok(None)
    }
}
