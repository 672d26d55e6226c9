//! The hits of one page with their texts, within the token budget.

use super::fuse::Ranked;
use super::{Evidence, explain};
use crate::domain::text::{one_line, snippet, terms::Terms, tokens};
use crate::domain::{Answer, Detail, Hit, Match, Query};
use crate::memory::{Memory, Result};

/// Length of a snippet in characters.
const SNIPPET: usize = 320;
const TITLE: usize = 80;
/// Tokens that a hit costs beside its text: ids, time, project.
const HIT_TOKENS: usize = 70;

impl Memory {
    pub(super) fn page(
        &self,
        query: &Query,
        evidence: &Evidence,
        ranking: Vec<Ranked>,
        terms: &Terms,
        answer: &mut Answer,
    ) -> Result<()> {
        let found = ranking.len();
        for ranked in ranking.into_iter().skip(query.offset).take(query.limit) {
            let body = self.store.body(ranked.candidate.part)?;
            let matched = Match {
                keyword_rank: ranked.keyword.map(|(rank, _)| rank),
                semantic_rank: ranked.semantic.map(|(rank, _)| rank),
                terms: snippet::matching(&body.text, &evidence.terms, terms),
            };
            // A text found by word is shown where its words stand, one found by meaning where its passage is.
            let whole = 0..body.text.len();
            let within = if matched.terms.is_empty() { ranked.candidate.range.clone() } else { whole };
            let mut text = match query.detail {
                Detail::Index => String::new(),
                Detail::Snippet => snippet::window(&body.text, &evidence.terms, &within, SNIPPET, terms),
                Detail::Full => body.text.clone(),
            };
            let left = query.max_tokens.saturating_sub(answer.tokens + HIT_TOKENS);
            if answer.tokens > 0 && left == 0 {
                break;
            }
            if tokens::estimate(&text) > left {
                text = format!("{}…", tokens::prefix(&text, left.saturating_sub(1)));
            }
            answer.tokens += tokens::estimate(&text) + HIT_TOKENS;
            answer.hits.push(Hit {
                id: ranked.candidate.id,
                session: body.session,
                source: body.source,
                project: body.project,
                role: body.role,
                kind: ranked.candidate.kind,
                origin: body.origin,
                title: one_line(&body.title, TITLE),
                snippet: text,
                at: ranked.candidate.at,
                score: ranked.score,
                explanation: query.explain.then(|| explain::sentence(&ranked, evidence, &matched)),
                matched,
            });
        }
        let shown = answer.hits.len();
        answer.more = found > query.offset + shown;
        if answer.more && shown < query.limit {
            answer
                .warnings
                .push(format!("{shown} hits fill the budget of {} tokens; ask for the next page", query.max_tokens));
        }
        Ok(())
    }
}
