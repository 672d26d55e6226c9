//! Ranking measures: hit, recall, all, reciprocal rank, discounted gain, and bootstrap intervals.

use std::collections::HashSet;

use serde::Serialize;

use crate::domain::ContentHash;

/// Measures of one ranking against its gold set, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Measures {
    /// 1 if a gold item is first.
    pub hit_1: f64,
    /// 1 if a gold item is among the first five.
    pub hit_5: f64,
    /// 1 if a gold item is among the first ten.
    pub hit_10: f64,
    /// Share of gold items among the first five.
    pub recall_5: f64,
    /// Share of gold items among the first ten.
    pub recall_10: f64,
    /// 1 if all gold items are among the first five, or the first five all are gold.
    pub all_5: f64,
    /// Reciprocal rank of the first gold item; 0 without one.
    pub mrr: f64,
    /// Discounted gain of the first ten over the best possible (Järvelin and Kekäläinen, 2002; binary relevance).
    pub ndcg_10: f64,
}

/// Mean measures over questions.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct MeanMeasures {
    /// Number of questions.
    pub n: usize,
    /// Mean of each measure.
    #[serde(flatten)]
    pub mean: Measures,
}

impl Measures {
    /// Scores one ranking against its gold items.
    pub fn score_ranking(ranking: &[String], gold: &[String]) -> Self {
        let gold: HashSet<&String> = gold.iter().collect();
        let places: Vec<usize> =
            ranking.iter().enumerate().filter(|(_, id)| gold.contains(id)).map(|(at, _)| at).collect();
        let within = |k: usize| places.iter().filter(|place| **place < k).count();
        let hit = |k: usize| f64::from(u8::from(within(k) > 0));
        let recall = |k: usize| ratio(within(k), gold.len());
        let gain = |place: usize| 1.0 / ratio(place + 2, 1).log2();
        let ideal: f64 = (0..gold.len().min(10)).map(gain).sum();
        let reached: f64 = places.iter().filter(|place| **place < 10).map(|place| gain(*place)).sum();
        Self {
            hit_1: hit(1),
            hit_5: hit(5),
            hit_10: hit(10),
            recall_5: recall(5),
            recall_10: recall(10),
            all_5: f64::from(u8::from(within(5) == gold.len().min(5) && !gold.is_empty())),
            mrr: places.first().map_or(0.0, |place| 1.0 / ratio(place + 1, 1)),
            ndcg_10: if ideal > 0.0 { reached / ideal } else { 0.0 },
        }
    }

    fn to_values(self) -> [f64; 8] {
        let Self { hit_1, hit_5, hit_10, recall_5, recall_10, all_5, mrr, ndcg_10 } = self;
        [hit_1, hit_5, hit_10, recall_5, recall_10, all_5, mrr, ndcg_10]
    }

    fn from_values(values: [f64; 8]) -> Self {
        let [hit_1, hit_5, hit_10, recall_5, recall_10, all_5, mrr, ndcg_10] = values;
        Self { hit_1, hit_5, hit_10, recall_5, recall_10, all_5, mrr, ndcg_10 }
    }
}

impl MeanMeasures {
    /// Averages the measures of several rankings.
    pub fn mean_of(all: &[Measures]) -> Self {
        let mut sum = [0.0; 8];
        for measures in all {
            sum.iter_mut().zip(measures.to_values()).for_each(|(sum, value)| *sum += value);
        }
        let mean = sum.map(|sum| round_figure(sum / ratio(all.len().max(1), 1)));
        Self { n: all.len(), mean: Measures::from_values(mean) }
    }
}

/// Estimates the 95 % interval of a mean by the bootstrap: 2,000 resamples from a fixed seed.
pub(super) fn bootstrap_interval(values: &[f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let mut means: Vec<f64> = (0..2000_u32)
        .map(|round| {
            let seed = ContentHash::of_parts(&[&round.to_le_bytes()]).short_key().unsigned_abs();
            let mut state = seed | 1;
            let drawn = (0..values.len()).map(|_| {
                // xorshift64, Marsaglia 2003.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let index = usize::try_from(state % values.len() as u64).unwrap_or(0);
                values.get(index).copied().unwrap_or(0.0)
            });
            drawn.sum::<f64>() / ratio(values.len(), 1)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |index: usize| round_figure(means.get(index).copied().unwrap_or(0.0));
    (at(50), at(1949))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

pub(super) fn round_figure(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn measures_of_known_rankings() {
        let measures = Measures::score_ranking(&ids("x a y b"), &ids("a b"));
        assert_eq!((measures.hit_1 > 0.0, measures.hit_5 > 0.0, measures.all_5 > 0.0), (false, true, true));
        assert!((measures.mrr - 0.5).abs() < 1e-9 && (measures.recall_5 - 1.0).abs() < 1e-9);
        let ideal = 1.0 + 1.0 / 3_f64.log2();
        assert!((measures.ndcg_10 - (1.0 / 3_f64.log2() + 1.0 / 5_f64.log2()) / ideal).abs() < 1e-9);
        assert!(Measures::score_ranking(&[], &ids("a")).mrr.abs() < 1e-9);
        let (low, high) = bootstrap_interval(&[0.0, 1.0, 1.0, 1.0]);
        assert!(low < 0.75 && high > 0.75);
    }
}
