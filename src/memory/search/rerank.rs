//! Lets the user's reranker read the best candidates with the question, and raises those that
//! it prefers.
//! Does not own the reranker. Confidence is computed before and stays.

use super::page::ScoredCandidate;
use super::rank::ScorePart;
use super::{RankedCandidates, SearchRequest};
use crate::domain::PartKind;
use crate::domain::text::{Script, snippet};
use crate::embed::RankedLanguages;
use crate::memory::{Memory, Result};

/// Candidates that the reranker reads.
const RERANKED_CANDIDATES: usize = 10;
/// Most characters of a candidate's text, around the words of the question.
const TEXT_CHARACTERS: usize = 480;
/// Most characters of the message before it: a short answer says little without its question.
const BEFORE_CHARACTERS: usize = 200;

/// Reason for leaving the order as it is.
#[derive(Debug)]
pub(super) enum RerankSkip {
    /// It is not set or cannot be used; the reason, for people.
    Unusable(String),
    /// It does not rank the language of the query.
    OtherLanguage,
}

impl Memory {
    /// Raises the candidates that the reranker scores above the mean, and sorts. None is lowered: the ten that were read
    /// stay in front of the others. Returns the reason if the reranker was not used: then the order stays.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn rerank_candidates(
        &self,
        request: &SearchRequest<'_>,
        ranked: &mut RankedCandidates,
    ) -> Result<Option<RerankSkip>> {
        let unusable = |why: String| Ok(Some(RerankSkip::Unusable(why)));
        let languages = match self.reranker.ranked_languages() {
            Ok(Some(languages)) => languages,
            Ok(None) => {
                let how = "`claude-memory model import --reranker FOLDER` imports one";
                return unusable(format!("no reranker is set (search.reranker); {how}"));
            }
            Err(error) => return unusable(error.to_string()),
        };
        let query = request.query.texts.join("\n");
        if !is_ranked(languages, &query) {
            return Ok(Some(RerankSkip::OtherLanguage));
        }
        let highlighted = ranked.evidence.highlighted_terms();
        let head = ranked.found.len().min(RERANKED_CANDIDATES);
        let (mut places, mut texts) = (Vec::new(), Vec::new());
        for (place, candidate) in ranked.found.iter().enumerate().take(head) {
            let text = self.describe_candidate(request, candidate, &highlighted)?;
            if is_ranked(languages, &text) {
                places.push(place);
                texts.push(text);
            }
        }
        let scores = match self.reranker.score_texts(&query, &texts) {
            Ok(scores) => scores.unwrap_or_default(),
            Err(error) => return unusable(error.to_string()),
        };
        let found = &mut ranked.found;
        for (place, above) in places.iter().zip(standardise_scores(&scores)) {
            if let Some((message, _)) = found.get_mut(*place) {
                message.add_part(ScorePart::Reranker, self.weights.reranker * above.max(0.0));
            }
        }
        found.sort_by(|left, right| right.0.score.total_cmp(&left.0.score));
        Ok(None)
    }

    /// Returns the text of a candidate for the reranker: its date, the message before it, who said it, and its text around
    /// the words of the question.
    fn describe_candidate(
        &self,
        request: &SearchRequest<'_>,
        (ranked, candidate): &ScoredCandidate,
        highlighted: &[String],
    ) -> Result<String> {
        let SearchRequest { snapshot, terms, .. } = *request;
        let window =
            |text: &str, characters| snippet::best_window(text, highlighted, &(0..text.len()), characters, terms);
        let before = self.doc_values()?.adjacent_messages(ranked.passage).into_iter().next().flatten();
        let before = match before {
            // A note stands for itself.
            Some(before) if candidate.kind != PartKind::Note => snapshot.passage_text(i64::from(before))?,
            Some(_) | None => String::new(),
        };
        let text = snapshot.passage_text(candidate.passage)?;
        let before = if before.is_empty() { before } else { format!("{} / ", window(&before, BEFORE_CHARACTERS)) };
        let date = candidate.at.to_jiff().to_zoned(self.zone.clone()).strftime("%-d %B %Y");
        Ok(format!("{date}. {before}{}: {}", candidate.role.name(), window(&text, TEXT_CHARACTERS)))
    }
}

/// Returns true if the reranker ranks texts in the script of this one: both languages for a text that mixes them.
fn is_ranked(languages: RankedLanguages, text: &str) -> bool {
    match Script::from_text(text) {
        Script::Spaced => languages.english,
        Script::Cjk => languages.chinese,
        Script::Mixed => languages.english && languages.chinese,
    }
}

/// Returns by how many standard deviations each score lies above the mean: models differ in the scale of their scores.
#[expect(clippy::cast_precision_loss, reason = "a count of a few candidates")]
fn standardise_scores(scores: &[f32]) -> Vec<f32> {
    let count = scores.len().max(1) as f32;
    let mean = scores.iter().sum::<f32>() / count;
    let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f32>() / count).sqrt();
    scores.iter().map(|score| (score - mean) / deviation.max(1e-6)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_any_scale_weigh_alike() {
        let near =
            |left: &[f32], right: &[f32]| left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-4);
        let standard = standardise_scores(&[8.0, 2.0, -4.0]);
        assert!(near(&standard, &[1.2247, 0.0, -1.2247]), "{standard:?}");
        assert!(near(&standardise_scores(&[0.08, 0.02, -0.04]), &standard));
        assert!(near(&standardise_scores(&[3.0, 3.0]), &[0.0, 0.0]) && standardise_scores(&[]).is_empty());
    }

    #[test]
    fn a_reranker_reads_its_languages() {
        let english = RankedLanguages { english: true, chinese: false };
        assert!(is_ranked(english, "why is the login slow") && !is_ranked(english, "登录为什么慢"));
        assert!(is_ranked(RankedLanguages::ALL, "登录为什么慢") && !is_ranked(english, "OOMKilled pod 的原因"));
    }
}
