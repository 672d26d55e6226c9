//! Gathers the evidence for one query: keyword scores, cosines and keys of each message. Does not weigh them against
//! each other.

use std::collections::{HashMap, HashSet};

use super::keyword::{KeywordScore, QueryTerms};
use super::translation::TranslatedTerms;
use super::weights::{RankWeights, kind_weight};
use crate::domain::PartKind;
use crate::domain::text::Script;
use crate::domain::text::keys::KeyKind;
use crate::domain::text::passages::Purpose;
use crate::memory::index::doc_values::{DocValues, PassageFilter};
use crate::memory::{Memory, Result};
use crate::vector::{LabelFilter, Neighbour, ScoreSpread, SearchEffort, VectorIndex, compare_neighbours};

/// Candidates of each kind of evidence.
pub(super) const MIN_CANDIDATES: usize = 200;
/// Maximum keys used when the query asks for advice.
const MAX_KEYS: usize = 20;

/// A message with more terms than this is not just a question, even if it ends with a question mark.
const MAX_QUESTION_WORDS: f32 = 40.0;
/// The same limit for CJK text, where each character gives two terms.
const MAX_QUESTION_CHARACTERS: f32 = 200.0;

/// Query embedding and the model it comes from.
#[derive(Debug)]
pub(super) struct QueryEmbedding {
    pub(super) model: i64,
    pub(super) digest: String,
    pub(super) vector: Vec<f32>,
}

/// Ranking signals of one message.
#[derive(Debug, Clone, Default)]
pub(super) struct MessageSignals {
    /// True if the filter permits any of its passages. Other messages only contribute to their neighbours.
    pub(super) permitted: bool,
    /// Passage to show.
    pub(super) shown: u32,
    /// Last prose passage of the message, from which its neighbours are found.
    pub(super) prose: Option<u32>,
    /// Weight of the shown passage's kind.
    pub(super) kind_weight: f32,
    /// BM25 of its best passage, alone and with neighbours, each times the weight of the passage's kind.
    pub(super) own: f32,
    pub(super) window: f32,
    /// Total weight of the query terms that its prose contains together with its neighbours.
    pub(super) held: f32,
    /// The three scores of its passages in other scripts for the translated query.
    pub(super) translated: KeywordScore,
    /// Highest cosine of its passages.
    pub(super) cosine: Option<f32>,
    /// Script of its nearest passage.
    pub(super) script: Script,
    /// True if its prose ends with a question.
    pub(super) asks: bool,
    /// Nearest key (instruction or preference) and its cosine.
    pub(super) key: Option<(KeyKind, f32)>,
    shown_score: f32,
}

/// Evidence for one query.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) words: QueryTerms,
    /// Query in the words of the glossary, for texts in other scripts.
    pub(super) translated: TranslatedTerms,
    /// Keyword and semantic ranks of passages, from 1.
    pub(super) word_places: HashMap<u32, usize>,
    pub(super) meaning_places: HashMap<u32, usize>,
    pub(super) spread: ScoreSpread,
    pub(super) has_meaning: bool,
    /// True if there are more matches than were read.
    pub(super) more: bool,
    /// Number of embedded texts among which the nearest was found: an upper bound under a filter.
    pub(super) embedded_texts: usize,
    /// Signals by message row.
    pub(super) messages: HashMap<u32, MessageSignals>,
}

/// Number of candidates, and the kinds of evidence to use.
#[derive(Debug, Clone, Copy)]
pub(super) struct CandidateRequest {
    pub(super) count: usize,
    pub(super) words: bool,
    pub(super) only_words: bool,
    pub(super) keys: bool,
}

impl Memory {
    /// Gathers the evidence. `words` has been looked up; `meaning` is `None` without an embedding model or in keyword
    /// mode.
    pub(super) fn gather_evidence(
        &self,
        permit: &PassageFilter<'_>,
        (words, translated): (QueryTerms, TranslatedTerms),
        meaning: Option<&QueryEmbedding>,
        wanted: CandidateRequest,
        weights: &RankWeights,
    ) -> Result<Evidence> {
        let columns = permit.columns;
        let by_word =
            if wanted.words { best_by_word(permit, (&words, &translated), wanted.count, weights) } else { Vec::new() };
        let mut evidence = Evidence { has_meaning: meaning.is_some(), ..Evidence::default() };
        evidence.word_places = rank_positions(&by_word);
        let mut passages: HashSet<u32> = by_word.iter().map(|(passage, _)| *passage).collect();
        let mut near = SemanticEvidence::default();
        if let Some(meaning) = meaning {
            near = self.with_index((meaning.model, &meaning.digest, meaning.vector.len()), |index| {
                gather_semantic(index, &meaning.vector, permit, wanted, &passages)
            })?;
            evidence.spread = near.spread;
            evidence.embedded_texts = near.embedded_texts;
            evidence.meaning_places = rank_positions(&near.best);
            passages.extend(near.cosines.keys());
        }
        add_adjacent_messages(columns, &mut passages);
        // Sorted, so that equal evidence always gives the same result.
        let mut passages: Vec<u32> = passages.into_iter().collect();
        passages.sort_unstable();
        let scored = if wanted.words { passages.as_slice() } else { &[] };
        let scores = words.score_passages(columns, weights, scored);
        let is_foreign = |id: &u32| columns.passage_at(*id).is_some_and(|found| translated.applies_to(found.script));
        let foreign: Vec<u32> = scored.iter().copied().filter(is_foreign).collect();
        let foreign = translated.words.score_passages(columns, weights, &foreign);
        for passage in passages {
            let score = [&scores, &foreign].map(|scores| scores.get(&passage).copied().unwrap_or_default());
            // Keyword mode returns only texts that contain the words, not their neighbours.
            let hit =
                permit.allows_passage(passage) && (!wanted.only_words || evidence.word_places.contains_key(&passage));
            evidence.add_passage(columns, (passage, hit), score, near.cosines.get(&passage).copied(), weights);
        }
        for (key, cosine) in near.keys {
            evidence.add_key(permit, key, cosine);
        }
        (evidence.words, evidence.translated) = (words, translated);
        Ok(evidence)
    }
}

/// Semantic evidence for one query.
#[derive(Debug, Default)]
struct SemanticEvidence {
    best: Vec<Neighbour>,
    spread: ScoreSpread,
    keys: Vec<Neighbour>,
    /// Cosines of keyword and semantic candidates and of their neighbours.
    cosines: HashMap<u32, f32>,
    /// Number of embedded texts among which the nearest was found: an upper bound under a filter.
    embedded_texts: usize,
}

fn gather_semantic(
    index: &VectorIndex,
    vector: &[f32],
    permit: &PassageFilter<'_>,
    wanted: CandidateRequest,
    by_word: &HashSet<u32>,
) -> std::io::Result<SemanticEvidence> {
    let probe = index.quantise_query(vector);
    let permits = |passage: u32| permit.allows_passage(passage);
    let narrow = permit.permitted_passages();
    let allowed = match &narrow {
        _ if permit.filter.is_empty() => LabelFilter::All,
        Some(labels) => LabelFilter::Only(labels),
        None => LabelFilter::If(&permits),
    };
    let nearest = index.find_nearest(&probe, wanted.count, &allowed, SearchEffort::Quick)?;
    let mut near = SemanticEvidence { best: nearest.best, spread: nearest.spread, ..SemanticEvidence::default() };
    near.embedded_texts = narrow.as_ref().map_or(usize::MAX, Vec::len).min(index.len());
    if wanted.keys {
        for key in permit.columns.key_passages().filter(|key| permit.allows_passage(*key)) {
            near.keys.extend(index.score_label(&probe, key)?.map(|cosine| (key, cosine)));
        }
        near.keys.sort_by(compare_neighbours);
        near.keys.truncate(MAX_KEYS);
    }
    let mut passages = by_word.clone();
    passages.extend(near.best.iter().map(|(passage, _)| *passage));
    add_adjacent_messages(permit.columns, &mut passages);
    for passage in passages {
        near.cosines.extend(index.score_label(&probe, passage)?.map(|cosine| (passage, cosine)));
    }
    Ok(near)
}

/// Adds the neighbouring messages, so that each can contribute to its neighbours and be found through them.
fn add_adjacent_messages(columns: &DocValues, passages: &mut HashSet<u32>) {
    let around: Vec<u32> = passages.iter().flat_map(|passage| columns.adjacent_messages(*passage)).flatten().collect();
    passages.extend(around);
}

fn rank_positions(list: &[(u32, f32)]) -> HashMap<u32, usize> {
    (1..).zip(list).map(|(place, (passage, _))| (*passage, place)).collect()
}

/// Returns the best passages for the words of the question and, of texts in other scripts, for their translation.
fn best_by_word(
    permit: &PassageFilter<'_>,
    (words, translated): (&QueryTerms, &TranslatedTerms),
    count: usize,
    weights: &RankWeights,
) -> Vec<Neighbour> {
    let mut best = words.best_passages(permit, weights, count, |_| true);
    if translated.is_empty() {
        return best;
    }
    let is_foreign = |id| permit.columns.passage_at(id).is_some_and(|found| translated.applies_to(found.script));
    let foreign = translated.words.best_passages(permit, weights, count, is_foreign);
    // Scores of two queries are comparable as shares of a full match.
    let share = |full: f32| move |(passage, score): Neighbour| (passage, score / full.max(1e-6));
    let mut shares: HashMap<u32, f32> = best.drain(..).map(share(words.full_weight())).collect();
    for (passage, score) in foreign.into_iter().map(share(translated.words.full_weight())) {
        let known = shares.entry(passage).or_default();
        *known = known.max(score);
    }
    best.extend(shares);
    best.sort_unstable_by(compare_neighbours);
    best
}

/// Part of the question's words that a message holds with its neighbours.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HeldWords {
    /// Share of the weight of all words, 0 to 1.
    pub(super) share: f32,
    /// Weight in nats.
    pub(super) weight: f32,
}

impl HeldWords {
    /// Returns the largest share, and nothing held if there is none.
    pub(super) fn most_of(all: impl Iterator<Item = Self>) -> Self {
        all.max_by(|left, right| left.share.total_cmp(&right.share)).unwrap_or_default()
    }
}

impl Evidence {
    /// Returns the part of the question's words, as asked or translated, that a message holds.
    pub(super) fn held_words(&self, signals: &MessageSignals) -> HeldWords {
        let of = |held: f32, full: f32| HeldWords { share: if full > 0.0 { held / full } else { 0.0 }, weight: held };
        let own = of(signals.held, self.words.evidence_weight());
        let translated = of(signals.translated.held, self.translated.words.evidence_weight());
        if translated.share > own.share { translated } else { own }
    }

    /// Returns the index terms to highlight: those of the question and of its translation.
    pub(super) fn highlighted_terms(&self) -> Vec<String> {
        self.words.terms.iter().chain(&self.translated.spellings).cloned().collect()
    }

    fn add_passage(
        &mut self,
        columns: &DocValues,
        (id, hit): (u32, bool),
        [score, translated]: [KeywordScore; 2],
        cosine: Option<f32>,
        weights: &RankWeights,
    ) {
        let Some(passage) = columns.passage_at(id) else { return };
        let kind = kind_weight(passage.kind);
        let signals = self.messages.entry(passage.message).or_default();
        if passage.purpose == Purpose::Text && passage.kind.is_prose() {
            // The last passage of the prose decides whether the message is a question.
            let most = if passage.script == Script::Cjk { MAX_QUESTION_CHARACTERS } else { MAX_QUESTION_WORDS };
            if signals.prose.is_none_or(|before| id >= before) {
                signals.prose = Some(id);
                signals.asks = passage.asks && passage.words <= most;
            }
        }
        let cosine_here = cosine.map(|cosine| cosine * kind.min(1.0));
        if cosine_here.is_some_and(|here| signals.cosine.is_none_or(|known| here > known)) {
            signals.cosine = cosine_here;
            signals.script = passage.script;
        }
        if passage.kind.is_prose() || passage.kind == PartKind::Note {
            signals.held = signals.held.max(score.held);
            signals.translated.held = signals.translated.held.max(translated.held);
        }
        signals.own = signals.own.max(score.own * kind);
        signals.window = signals.window.max(score.window * kind);
        signals.translated.own = signals.translated.own.max(translated.own * kind);
        signals.translated.window = signals.translated.window.max(translated.window * kind);
        if hit {
            let by_word = |score: KeywordScore| score.own + weights.window * score.window;
            let shown = kind * (by_word(score).max(by_word(translated)) + 20.0 * cosine.unwrap_or(0.0).max(0.0));
            if !signals.permitted || shown > signals.shown_score {
                (signals.shown, signals.shown_score, signals.kind_weight) = (id, shown, kind);
            }
            signals.permitted = true;
        }
    }

    fn add_key(&mut self, permit: &PassageFilter<'_>, id: u32, cosine: f32) {
        let Some(passage) = permit.columns.passage_at(id) else { return };
        let Purpose::Key(key) = passage.purpose else { return };
        let signals = self.messages.entry(passage.message).or_default();
        if !signals.permitted {
            (signals.shown, signals.kind_weight, signals.permitted) = (id, 1.0, true);
        }
        if signals.key.is_none_or(|(_, known)| cosine > known) {
            signals.key = Some((key, cosine));
        }
    }
}
