//! Saying in words how a score came about.

use super::Evidence;
use super::fuse::{Ranked, meaning_score, word_score};
use crate::domain::{Kind, Match};

pub(super) fn sentence(ranked: &Ranked, evidence: &Evidence, matched: &Match) -> String {
    let mut reasons = Vec::new();
    if let Some((rank, score)) = ranked.keyword {
        reasons.push(format!(
            "by word: place {rank}, BM25 {score:.2}, which is {:.0} % of a full match, on {}",
            100.0 * word_score(score, evidence),
            matched.terms.join(", ")
        ));
    }
    if let Some((rank, cosine)) = ranked.semantic {
        reasons.push(format!("by meaning: place {rank}, cosine {cosine:.3}, counted as {:.2}", meaning_score(cosine)));
    }
    if reasons.is_empty() {
        reasons.push("holds the literal text".to_owned());
    }
    if ranked.candidate.kind != Kind::Text {
        reasons.push(format!("times {:.2} because it is {}", ranked.weight, ranked.candidate.kind.name()));
    }
    let context = &ranked.context;
    for (bonus, what) in [
        (context.neighbours, "for what was said just before and after it"),
        (context.session, "for the rest of its session"),
        (context.own_words, "because you ask about yourself and these are your words"),
    ] {
        if bonus >= 0.001 {
            reasons.push(format!("plus {bonus:.3} {what}"));
        }
    }
    format!("{} → {:.3}", reasons.join("; "), ranked.score)
}
