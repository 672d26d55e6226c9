//! Gathering the evidence for one query: what words, meaning and keys say about which messages. No weighing between them.

use std::collections::{HashMap, HashSet};

use super::rank::{Ranked, kind_weight};
use super::weights::Weights;
use super::words::{WordScore, Words};
use crate::domain::query::Worth;
use crate::domain::text::Script;
use crate::domain::text::keys::Key;
use crate::domain::text::passages::Purpose;
use crate::memory::columns::{Columns, Permit};
use crate::memory::{Memory, Result};
use crate::vector::{Allowed, Effort, Index, Neighbour, Spread, better};

/// Candidates taken from each kind of evidence.
pub(super) const CANDIDATES: usize = 200;
/// Keys that are looked at when advice is wanted.
const KEYS: usize = 20;

/// What the cosine of the nearest text grows by when a store grows by the factor e, and the size from which it does; measured
/// on parts of one store with 50 to 4,260 vectors.
const GROWTH: f32 = 0.023;
const FEWEST: usize = 50;

/// A message with more terms than this does more than ask, even if it ends with a question mark.
const QUESTION_WORDS: f32 = 40.0;
/// The same for CJK, where each character gives two terms.
const QUESTION_CHARACTERS: f32 = 200.0;

/// A query vector and the model that made it.
#[derive(Debug)]
pub(super) struct Meaning {
    pub(super) model: i64,
    pub(super) digest: String,
    pub(super) vector: Vec<f32>,
}

/// What is known about one message.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    /// Whether the filter lets any of its passages through. Others only speak for their neighbours.
    pub(super) permitted: bool,
    /// The passage to show.
    pub(super) shown: u32,
    /// A passage of the message's prose, from which its neighbours are found.
    pub(super) prose: Option<u32>,
    /// Weight of the kind of the shown passage.
    pub(super) kind_weight: f32,
    /// BM25 of its best passage, alone and with neighbours, each times the weight of its kind.
    pub(super) own: f32,
    pub(super) window: f32,
    /// Cosine of its nearest passage.
    pub(super) cosine: Option<f32>,
    /// What its nearest passage is written in.
    pub(super) script: Script,
    /// Whether its prose ends with a question.
    pub(super) asks: bool,
    /// Its nearest key.
    pub(super) key: Option<(Key, f32)>,
    shown_score: f32,
}

/// All evidence.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) words: Words,
    /// Places in the list by word and by meaning, from 1, of passages.
    pub(super) word_places: HashMap<u32, usize>,
    pub(super) meaning_places: HashMap<u32, usize>,
    pub(super) spread: Spread,
    pub(super) has_meaning: bool,
    /// Whether reading stopped before the last message that was found.
    pub(super) more: bool,
    /// By place of the message in the columns.
    pub(super) messages: HashMap<u32, Signals>,
}

/// How many candidates to take, and what to take them from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) count: usize,
    pub(super) words: bool,
    pub(super) only_words: bool,
    pub(super) keys: bool,
}

impl Memory {
    /// Gathers. `words` has been looked up; `meaning` is absent when there is no encoder or it is not asked for.
    pub(super) fn gather(
        &self,
        permit: &Permit<'_>,
        words: Words,
        meaning: Option<&Meaning>,
        wanted: Wanted,
        weights: &Weights,
    ) -> Result<Evidence> {
        let columns = permit.columns;
        let by_word = if wanted.words { words.best(permit, weights, wanted.count) } else { Vec::new() };
        let mut evidence = Evidence { has_meaning: meaning.is_some(), ..Evidence::default() };
        evidence.word_places = places(&by_word);
        let mut passages: HashSet<u32> = by_word.iter().map(|(passage, _)| *passage).collect();
        let mut near = Near::default();
        if let Some(meaning) = meaning {
            near = self.with_index((meaning.model, &meaning.digest, meaning.vector.len()), |index| {
                by_meaning(index, &meaning.vector, permit, wanted, &passages)
            })?;
            evidence.spread = near.spread;
            evidence.meaning_places = places(&near.best);
            passages.extend(near.cosines.keys());
        }
        surround(columns, &mut passages);
        // Sorted, so that equal evidence always gives the same answer.
        let mut passages: Vec<u32> = passages.into_iter().collect();
        passages.sort_unstable();
        let scores = if wanted.words { words.scores(columns, weights, &passages) } else { HashMap::new() };
        for passage in passages {
            let score = scores.get(&passage).copied().unwrap_or_default();
            // Who asks for words only gets texts that hold them, not texts beside them.
            let hit = permit.allows(passage) && (!wanted.only_words || evidence.word_places.contains_key(&passage));
            evidence.take_passage(columns, (passage, hit), score, near.cosines.get(&passage).copied(), weights);
        }
        for (key, cosine) in near.keys {
            evidence.take_key(permit, key, cosine);
        }
        evidence.words = words;
        Ok(evidence)
    }
}

impl Evidence {
    /// Keeps what is near enough by words or by meaning. `texts` is how many there are: the nearest of more texts is nearer.
    pub(super) fn retain_worthy(&self, ranking: &mut Vec<Ranked>, worth: Worth, texts: usize) {
        let mut passages: Vec<u32> = ranking.iter().map(|ranked| ranked.passage).collect();
        passages.sort_unstable();
        let by_word = self.words.worth(&passages, worth);
        #[expect(clippy::cast_precision_loss, reason = "a logarithm")]
        let thousands = texts.max(FEWEST) as f32 / 1000.0;
        let least = worth.cosine.map(|cosine| cosine + GROWTH * thousands.ln());
        ranking.retain(|ranked| {
            let cosine = self.messages.get(&ranked.message).and_then(|signals| signals.cosine);
            by_word.binary_search(&ranked.passage).is_ok()
                || cosine.zip(least).is_some_and(|(cosine, least)| cosine >= least)
        });
    }
}

/// What meaning says.
#[derive(Debug, Default)]
struct Near {
    best: Vec<Neighbour>,
    spread: Spread,
    keys: Vec<Neighbour>,
    /// Of the passages by word and by meaning, and of those around them.
    cosines: HashMap<u32, f32>,
}

fn by_meaning(
    index: &Index,
    vector: &[f32],
    permit: &Permit<'_>,
    wanted: Wanted,
    by_word: &HashSet<u32>,
) -> std::io::Result<Near> {
    let probe = index.probe(vector);
    let permits = |passage: u32| permit.allows(passage);
    let narrow = permit.narrow();
    let allowed = match &narrow {
        _ if permit.filter.is_empty() => Allowed::All,
        Some(labels) => Allowed::Only(labels),
        None => Allowed::If(&permits),
    };
    let nearest = index.nearest(&probe, wanted.count, &allowed, Effort::Quick)?;
    let mut near = Near { best: nearest.best, spread: nearest.spread, ..Near::default() };
    if wanted.keys {
        for key in permit.columns.keys().filter(|key| permit.allows(*key)) {
            near.keys.extend(index.score(&probe, key)?.map(|cosine| (key, cosine)));
        }
        near.keys.sort_by(better);
        near.keys.truncate(KEYS);
    }
    let mut passages = by_word.clone();
    passages.extend(near.best.iter().map(|(passage, _)| *passage));
    surround(permit.columns, &mut passages);
    for passage in passages {
        near.cosines.extend(index.score(&probe, passage)?.map(|cosine| (passage, cosine)));
    }
    Ok(near)
}

/// Adds what stands just before and after, so that it can speak for its neighbours and be found through them.
fn surround(columns: &Columns, passages: &mut HashSet<u32>) {
    let around: Vec<u32> = passages.iter().flat_map(|passage| columns.messages_around(*passage)).flatten().collect();
    passages.extend(around);
}

fn places(list: &[(u32, f32)]) -> HashMap<u32, usize> {
    (1..).zip(list).map(|(place, (passage, _))| (*passage, place)).collect()
}

impl Evidence {
    fn take_passage(
        &mut self,
        columns: &Columns,
        (id, hit): (u32, bool),
        score: WordScore,
        cosine: Option<f32>,
        weights: &Weights,
    ) {
        let Some(passage) = columns.passage(id) else { return };
        let kind = kind_weight(passage.kind);
        let signals = self.messages.entry(passage.message).or_default();
        if passage.purpose == Purpose::Text && passage.kind.is_prose() {
            // The last piece of the prose says whether the message asks.
            let most = if passage.script == Script::Cjk { QUESTION_CHARACTERS } else { QUESTION_WORDS };
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
        signals.own = signals.own.max(score.own * kind);
        signals.window = signals.window.max(score.window * kind);
        if hit {
            let shown = kind * (score.own + weights.window * score.window + 20.0 * cosine.unwrap_or(0.0).max(0.0));
            if !signals.permitted || shown > signals.shown_score {
                (signals.shown, signals.shown_score, signals.kind_weight) = (id, shown, kind);
            }
            signals.permitted = true;
        }
    }

    fn take_key(&mut self, permit: &Permit<'_>, id: u32, cosine: f32) {
        let Some(passage) = permit.columns.passage(id) else { return };
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
