//! Adds the surrounding exchange to a hit: the question that a model answered with it, or the answer that a person got.

use crate::domain::text::announcement::is_announcement;
use crate::domain::text::prompt;
use crate::domain::{Filter, Hit, Origin, PartKind, Quote};
use crate::memory::{Memory, Result};
use crate::store::{Excerpt, ExcerptQuery, PassageCandidate, Snapshot};

/// Maximum characters of the question or answer quoted with a hit.
const QUOTE_CHARACTERS: usize = 240;
/// Prompts before a hit that are examined: "yes" and "go on" ask nothing.
const MAX_PROMPTS: usize = 4;
/// Texts after a hit that are examined for its answer.
const MAX_TEXTS: usize = 40;

impl Memory {
    /// Adds to a hit the question it answers, or the answer to it. A hit that only announces what comes next is
    /// replaced by what followed.
    pub(super) fn add_exchange(
        &self,
        snapshot: &Snapshot<'_>,
        hit: &mut Hit,
        candidate: &PassageCandidate,
        filter: &Filter,
    ) -> Result<()> {
        if !matches!(hit.kind, PartKind::Text) {
            return Ok(());
        }
        let conversation = candidate.conversation;
        match hit.origin {
            Origin::Person => {
                hit.answered = self.find_conclusion(snapshot, conversation, hit)?.map(to_quote);
            }
            Origin::Model => {
                let wanted = ExcerptQuery {
                    kinds: &[PartKind::Text],
                    origins: &[Origin::Person],
                    before: Some(hit.at),
                    newest_first: true,
                    limit: MAX_PROMPTS,
                    ..ExcerptQuery::default()
                };
                let prompts = snapshot.read_excerpts(conversation, &wanted)?.into_iter();
                let asked = prompts.into_iter().find(|asked| !prompt::is_small_talk(&asked.text));
                hit.asked = asked.map(|asked| self.redact_excerpt(asked)).transpose()?.map(to_quote);
                if is_announcement(&hit.snippet)
                    && let Some(came) = self.find_conclusion(snapshot, conversation, hit)?
                    && filter.before.is_none_or(|before| came.at < before)
                    && !is_announcement(&came.text)
                {
                    let came = to_quote(came);
                    (hit.id, hit.at, hit.snippet) = (came.id, came.at, came.text);
                }
            }
            Origin::Tool | Origin::Web | Origin::Client | Origin::Elsewhere => {}
        }
        Ok(())
    }

    /// Returns the last text of the model after a hit and before the person's next message.
    fn find_conclusion(&self, snapshot: &Snapshot<'_>, conversation: i64, hit: &Hit) -> Result<Option<Excerpt>> {
        let wanted = ExcerptQuery {
            kinds: &[PartKind::Text],
            origins: &[Origin::Person, Origin::Model],
            after: Some(hit.at.minus_milliseconds(1)),
            limit: MAX_TEXTS,
            ..ExcerptQuery::default()
        };
        let said = snapshot.read_excerpts(conversation, &wanted)?;
        self.pick_conclusion(said, hit.id)
    }

    /// Returns the last text of the model after a message and before the person's next one, given the texts from that
    /// message on. Mere announcements are skipped if there is anything else.
    pub(in crate::memory) fn pick_conclusion(
        &self,
        said: Vec<Excerpt>,
        message: crate::domain::MessageId,
    ) -> Result<Option<Excerpt>> {
        let own = said.iter().rposition(|excerpt| excerpt.id == message);
        let later = said.into_iter().skip(own.map_or(0, |at| at + 1));
        // If the person wrote several messages in a row, the answer follows the last one.
        let answers = later.skip_while(|excerpt| excerpt.origin == Origin::Person);
        let answers: Vec<Excerpt> = answers.take_while(|excerpt| excerpt.origin == Origin::Model).collect();
        let told = answers.iter().rposition(|answer| !is_announcement(&answer.text));
        let end = told.or(answers.len().checked_sub(1)).and_then(|at| answers.into_iter().nth(at));
        end.map(|end| self.redact_excerpt(end)).transpose()
    }
}

fn to_quote(excerpt: Excerpt) -> Quote {
    let Excerpt { id, at, origin, text, .. } = excerpt;
    let text = text.trim();
    let cut = text.char_indices().nth(QUOTE_CHARACTERS).map(|(end, _)| text.get(..end).unwrap_or("").trim_end());
    Quote { id, origin, at, text: cut.map_or_else(|| text.to_owned(), |cut| format!("{cut}…")) }
}
