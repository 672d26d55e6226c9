//! Explains in words how a score was computed.

use super::evidence::Evidence;
use super::rank::{ScorePart, ScoredMessage};
use crate::domain::{Match, SearchResults};

pub(super) fn explain_score(ranked: &ScoredMessage, evidence: &Evidence, matched: &Match) -> String {
    let reasons: Vec<String> = ranked
        .parts
        .iter()
        .filter(|(_, value)| value.abs() >= 0.001)
        .map(|(part, value)| format!("{value:+.3} {}", explain_part(*part, ranked, evidence, matched)))
        .collect();
    if reasons.is_empty() {
        return "contains the literal text".to_owned();
    }
    format!("{} = {:.3}", reasons.join("; "), ranked.score)
}

fn explain_part(part: ScorePart, ranked: &ScoredMessage, evidence: &Evidence, matched: &Match) -> String {
    let text = match part {
        ScorePart::Words => {
            let place = evidence.word_places.get(&ranked.passage);
            let place = place.map_or_else(|| "with its neighbours".to_owned(), |place| format!("rank {place}"));
            return format!("keyword ({place}; {})", matched.terms.join(", "));
        }
        ScorePart::Meaning => {
            let place = evidence.meaning_places.get(&ranked.passage);
            return place.map_or_else(|| "semantic".to_owned(), |place| format!("semantic (rank {place})"));
        }
        ScorePart::Before => "for what was said just before",
        ScorePart::After => "for what was said just after",
        ScorePart::Answers => "because it answers a question that matches",
        ScorePart::Asks => "because it asks and does not answer",
        ScorePart::OwnWords => "because you ask about yourself and these are your words",
        ScorePart::Day => "because it is from the time you name",
        ScorePart::Instruction => "because it contains a standing instruction on this",
        ScorePart::Preference => "because it contains a preference on this",
        ScorePart::Here => "because it is from this project",
        ScorePart::Session => "for the rest of its session",
        ScorePart::Recency => "because it is recent",
        ScorePart::Phrase => "because it contains the quoted words",
        ScorePart::Reranker => "by your reranker",
    };
    text.to_owned()
}

/// Explains in words how the confidence of an answer was computed; `None` if nothing was weighed.
pub(super) fn explain_confidence(answer: &SearchResults) -> Option<String> {
    let signals = answer.signals?;
    let words =
        format!("one text and its neighbours hold {:.0} % of the query's words by weight", signals.share * 100.0);
    let evidence = match signals.cosine {
        Some(cosine) => format!(
            "the nearest text, of {:.0}, is at cosine {cosine:.2}{}; {words}; the nearest five hold words of weight {:.1}",
            signals.texts,
            if signals.foreign { " in another script" } else { "" },
            signals.nearest_weight
        ),
        None => format!("{words}, of weight {:.1}; the texts are not compared by embedding", signals.nearest_weight),
    };
    Some(format!("confidence {}: log-odds {:+.2}, because {evidence}", answer.confidence.name(), signals.log_odds))
}
