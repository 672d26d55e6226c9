//! Attention of one head over the rows of one text.

use std::array::from_fn;

use crate::buffers::{CacheLine, first};
use crate::kernel::{Kernel, Lanes as _};
use crate::math::exponential;
use crate::product::load;
use crate::quantise::ValueRange;
use crate::{COLUMNS, HEAD, HIDDEN};

/// Rows whose scores are computed together.
const TOGETHER: usize = 6;
/// Softmax scale: one over the square root of a head's dimensions, with the digits of the ONNX graph.
const TEMPERATURE: f32 = 0.176_776_69;
/// Panels per head of each of queries, keys and values.
const PANELS: usize = HEAD / COLUMNS;

/// Working memory of one head.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    /// Keys in blocks of 16 rows, in each block one line per dimension.
    keys: Vec<CacheLine>,
    /// Scores in blocks of 16 keys, in each block one line per row.
    scores: Vec<[CacheLine; TOGETHER]>,
}

/// Range of one text within all rows: its first row, its row count, and the count of all rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextSpan {
    pub(crate) start: usize,
    pub(crate) count: usize,
    pub(crate) of: usize,
}

/// Computes one attention head for one text. `panels` has queries, keys and values of all heads; the result goes to the
/// columns of `head` in `context`, row by row.
#[inline(always)]
pub(crate) fn attend<K: Kernel>(
    kernel: K,
    (panels, span, head): (&[CacheLine], TextSpan, usize),
    scratch: &mut AttentionScratch,
    context: &mut [CacheLine],
    range: &mut ValueRange<K::Lanes>,
) {
    let TextSpan { start, count, of } = span;
    let part = |part: usize| -> [&[CacheLine]; PANELS] {
        from_fn(|panel| &panels[((part * HIDDEN + head * HEAD) / COLUMNS + panel) * of + start..][..count])
    };
    let [queries, keys, values] = [part(0), part(1), part(2)];
    let blocks = count.div_ceil(COLUMNS);
    let turned = first(&mut scratch.keys, blocks * HEAD, CacheLine::ZERO);
    turn_keys(kernel, keys, turned);
    let scores = first(&mut scratch.scores, blocks, [CacheLine::ZERO; TOGETHER]);
    for start_row in (0..count).step_by(TOGETHER) {
        // Rows after the last one repeat it.
        let rows: [usize; TOGETHER] = from_fn(|row| (start_row + row).min(count - 1));
        let mut chosen = [[&CacheLine::ZERO; TOGETHER]; PANELS];
        for (chosen, lines) in chosen.iter_mut().zip(queries) {
            for (query, row) in chosen.iter_mut().zip(rows) {
                *query = &lines[row];
            }
        }
        score(kernel, &chosen, turned, scores);
        soften(kernel, scores, count);
        for (panel, values) in values.into_iter().enumerate() {
            let mixed = mix(kernel, scores, values);
            for (row, mixed) in mixed.iter().enumerate().take(count - start_row) {
                let to = &mut context[(start + start_row + row) * HIDDEN / COLUMNS + head * PANELS + panel];
                for (to, mixed) in to.0.iter_mut().zip(mixed) {
                    mixed.store(to);
                    range.include(*mixed);
                }
            }
        }
    }
}

/// Transposes keys to columns, so that one number of a query meets 16 keys at once. Keys after the last one repeat it.
#[inline(always)]
fn turn_keys<K: Kernel>(kernel: K, keys: [&[CacheLine]; PANELS], turned: &mut [CacheLine]) {
    let last = keys[0].len() - 1;
    for (block, turned) in turned.chunks_exact_mut(HEAD).enumerate() {
        for (panel, keys) in keys.into_iter().enumerate() {
            for (half, eighth) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let mut rows = [kernel.splat(0.0); 8];
                for (row, numbers) in rows.iter_mut().enumerate() {
                    *numbers = kernel.load(&keys[(block * COLUMNS + half * 8 + row).min(last)].0[eighth]);
                }
                for (dimension, column) in K::Lanes::transpose(rows).into_iter().enumerate() {
                    column.store(&mut turned[panel * COLUMNS + eighth * 8 + dimension].0[half]);
                }
            }
        }
    }
}

/// Multiplies queries by keys: one chain of additions over the dimensions.
#[inline(always)]
fn score<K: Kernel>(
    kernel: K,
    queries: &[[&CacheLine; TOGETHER]; PANELS],
    keys: &[CacheLine],
    scores: &mut [[CacheLine; TOGETHER]],
) {
    let temperature = kernel.splat(TEMPERATURE);
    for (keys, scores) in keys.chunks_exact(HEAD).zip(scores) {
        let mut sums = [[kernel.splat(0.0); 2]; TOGETHER];
        for (queries, keys) in queries.iter().zip(keys.as_chunks::<COLUMNS>().0) {
            for (dimension, keys) in keys.iter().enumerate() {
                let [left, right] = load(kernel, &keys.0);
                for (sums, query) in sums.iter_mut().zip(queries) {
                    let query = kernel.splat(query.0[dimension / 8][dimension % 8]);
                    *sums = [query.mul_add(left, sums[0]), query.mul_add(right, sums[1])];
                }
            }
        }
        for (scores, sums) in scores.iter_mut().zip(sums) {
            for (to, sum) in scores.0.iter_mut().zip(sums) {
                (sum * temperature).store(to);
            }
        }
    }
}

/// Applies softmax to each row over `count` keys, in place; scores after them become zero.
#[inline(always)]
fn soften<K: Kernel>(kernel: K, scores: &mut [[CacheLine; TOGETHER]], count: usize) {
    let mut tops = [kernel.splat(f32::NEG_INFINITY); TOGETHER];
    for scores in scores.iter() {
        for (top, line) in tops.iter_mut().zip(scores) {
            *top = kernel.load(&line.0[1]).max(kernel.load(&line.0[0]).max(*top));
        }
    }
    for top in &mut tops {
        *top = kernel.splat(top.to_array().into_iter().fold(f32::NEG_INFINITY, f32::max));
    }
    let mut sums = [kernel.splat(0.0); TOGETHER];
    for (block, scores) in scores.iter_mut().enumerate() {
        let used = count - block * COLUMNS;
        for row in 0..TOGETHER {
            let line = &mut scores[row].0;
            exponential(kernel, kernel.load(&line[0]) - tops[row]).store(&mut line[0]);
            exponential(kernel, kernel.load(&line[1]) - tops[row]).store(&mut line[1]);
            if used < COLUMNS {
                line.as_flattened_mut()[used..].fill(0.0);
            }
            sums[row] = sums[row] + kernel.load(&line[0]) + kernel.load(&line[1]);
        }
    }
    let mut factors = sums;
    for factor in &mut factors {
        let sum = factor.to_array();
        let lower = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        let upper = (sum[4] + sum[5]) + (sum[6] + sum[7]);
        *factor = kernel.splat(1.0 / (upper + lower));
    }
    for scores in scores {
        for (factor, line) in factors.iter().zip(scores) {
            for half in &mut line.0 {
                (kernel.load(half) * *factor).store(half);
            }
        }
    }
}

/// Sums values by their weights: one chain of additions over the keys.
#[inline(always)]
fn mix<K: Kernel>(kernel: K, weights: &[[CacheLine; TOGETHER]], values: &[CacheLine]) -> [[K::Lanes; 2]; TOGETHER] {
    let mut sums = [[kernel.splat(0.0); 2]; TOGETHER];
    for (weights, values) in weights.iter().zip(values.chunks(COLUMNS)) {
        for (key, value) in values.iter().enumerate() {
            let [left, right] = load(kernel, &value.0);
            for (sums, weights) in sums.iter_mut().zip(weights) {
                let weight = kernel.splat(weights.0[key / 8][key % 8]);
                *sums = [weight.mul_add(left, sums[0]), weight.mul_add(right, sums[1])];
            }
        }
    }
    sums
}
