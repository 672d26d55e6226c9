//! Forward pass: token ids to the mean of the last layer's rows.

use crate::attention::{self, TextSpan, attend};
use crate::buffers::{CacheLine, QuantisedLine, first};
use crate::kernel::{Kernel, KernelChoice, KernelWork, Lanes as _, Processor};
use crate::product::{ProductTarget, multiply};
use crate::quantise::{QuantParams, ValueRange, panels_to_bytes, rows_to_bytes, settle};
use crate::weights::{ModelWeights, NormWeights};
use crate::{COLUMNS, HEADS, HIDDEN, INNER, MOST_TOKENS};

/// Constant that a layer normalisation adds to the variance.
const EPSILON: f32 = 1e-12;
/// Lines per row of hidden numbers.
const WIDTH: usize = HIDDEN / COLUMNS;

/// Working memory of one thread: up to 5 MB for a text of the greatest length.
#[derive(Debug, Default)]
pub struct ForwardScratch {
    state: Vec<CacheLine>,
    bytes: Vec<QuantisedLine>,
    /// Queries, keys, values and the attention output; then the inner layer, which needs as much.
    wide: Vec<CacheLine>,
    attention: attention::AttentionScratch,
}

/// Number of the text that each row belongs to.
#[derive(Debug)]
pub(crate) struct RowTexts<'a> {
    pub(crate) texts: &'a [usize],
}

impl ModelWeights<'_> {
    /// Computes the mean vectors of several texts in one batch, which is faster than one after the other; each has the
    /// same bits as alone. Ids beyond the vocabulary count as unknown, tokens beyond [`MOST_TOKENS`] are ignored; a
    /// text without tokens has a mean of zeros.
    pub fn encode(&self, texts: &[&[u32]], processor: Processor, scratch: &mut ForwardScratch) -> Vec<[f32; HIDDEN]> {
        match processor.0 {
            KernelChoice::Plain(kernel) => encode(kernel, self, texts, scratch),
            #[cfg(target_arch = "x86_64")]
            KernelChoice::Avx2(kernel) => encode(kernel, self, texts, scratch),
            #[cfg(target_arch = "x86_64")]
            KernelChoice::Vnni(kernel) => encode(kernel, self, texts, scratch),
            #[cfg(target_arch = "x86_64")]
            KernelChoice::WideVnni(kernel) => encode(kernel, self, texts, scratch),
            #[cfg(target_arch = "aarch64")]
            KernelChoice::Neon(kernel) => encode(kernel, self, texts, scratch),
            #[cfg(target_arch = "aarch64")]
            KernelChoice::DotProduct(kernel) => encode(kernel, self, texts, scratch),
        }
    }
}

/// Inputs of one forward pass.
struct ForwardPass<'a> {
    weights: &'a ModelWeights<'a>,
    texts: &'a [&'a [u32]],
    rows: RowTexts<'a>,
    scratch: &'a mut ForwardScratch,
}

fn encode<K: Kernel>(
    kernel: K,
    weights: &ModelWeights<'_>,
    texts: &[&[u32]],
    scratch: &mut ForwardScratch,
) -> Vec<[f32; HIDDEN]> {
    let texts: Vec<&[u32]> = texts.iter().map(|text| &text[..text.len().min(MOST_TOKENS)]).collect();
    let rows = texts.iter().enumerate().flat_map(|(number, text)| std::iter::repeat_n(number, text.len()));
    let rows: Vec<usize> = rows.collect();
    if rows.is_empty() {
        return vec![[0.0; HIDDEN]; texts.len()];
    }
    let count = rows.len();
    kernel.run(ForwardPass { weights, texts: &texts, rows: RowTexts { texts: &rows }, scratch });
    let mut rest: &[CacheLine] = &scratch.state[..count * WIDTH];
    texts.iter().map(|text| mean(rest.split_off(..text.len() * WIDTH).unwrap_or_default())).collect()
}

impl<K: Kernel> KernelWork<K> for ForwardPass<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self, kernel: K) {
        let Self { weights, texts, rows, scratch } = self;
        let count = rows.texts.len();
        let state = first(&mut scratch.state, count * WIDTH, CacheLine::ZERO);
        let bytes = first(&mut scratch.bytes, count * INNER / COLUMNS, [0; COLUMNS]);
        let wide = first(&mut scratch.wide, count * INNER / COLUMNS, CacheLine::ZERO);
        let mut ranges = vec![ValueRange::empty(kernel); texts.len()];
        let mut quanta = vec![QuantParams { scale: 1.0, zero: 0 }; texts.len()];
        look_up(weights, texts, state);
        normalise(kernel, state, &weights.norm, &rows, &mut ranges);
        for layer in &weights.layers {
            settle(kernel, &mut ranges, &mut quanta);
            rows_to_bytes(kernel, state, &rows, &quanta, bytes);
            let (panels, context) = wide.split_at_mut(count * WIDTH * 3);
            multiply(kernel, bytes, &layer.queries_keys_values, (&rows, &quanta), ProductTarget::Panels(panels), None);
            let mut start = 0;
            for (text, range) in texts.iter().zip(&mut ranges) {
                let span = TextSpan { start, count: text.len(), of: count };
                for head in (0..HEADS).filter(|_| !text.is_empty()) {
                    attend(kernel, (panels, span, head), &mut scratch.attention, context, range);
                }
                start += text.len();
            }
            settle(kernel, &mut ranges, &mut quanta);
            rows_to_bytes(kernel, context, &rows, &quanta, bytes);
            multiply(kernel, bytes, &layer.attended, (&rows, &quanta), ProductTarget::Rows(state), None);
            normalise(kernel, state, &layer.attended_norm, &rows, &mut ranges);
            settle(kernel, &mut ranges, &mut quanta);
            rows_to_bytes(kernel, state, &rows, &quanta, bytes);
            multiply(kernel, bytes, &layer.inner, (&rows, &quanta), ProductTarget::Panels(wide), Some(&mut ranges));
            settle(kernel, &mut ranges, &mut quanta);
            panels_to_bytes(kernel, wide, &rows, &quanta, bytes);
            multiply(kernel, bytes, &layer.outer, (&rows, &quanta), ProductTarget::Rows(state), None);
            normalise(kernel, state, &layer.outer_norm, &rows, &mut ranges);
        }
    }
}

/// Sums the embeddings of tokens and positions.
fn look_up(weights: &ModelWeights<'_>, texts: &[&[u32]], state: &mut [CacheLine]) {
    let ids = texts.iter().flat_map(|text| text.iter().zip(weights.positions));
    for ((id, position), row) in ids.zip(state.chunks_exact_mut(WIDTH)) {
        let id = usize::try_from(*id).ok().filter(|id| *id < weights.words.len());
        let id = id.unwrap_or(crate::vocabulary::UNKNOWN as usize);
        let (word, scale) = (&weights.words[id], weights.word_scales[id]);
        let numbers = row.iter_mut().flat_map(|line| line.0.as_flattened_mut());
        for ((to, word), position) in numbers.zip(word).zip(position) {
            *to = f32::from(*word) * scale + position;
        }
    }
}

/// Applies layer normalisation to each row. Its sums are one chain of additions in order; eight rows are summed in
/// parallel.
#[inline(always)]
fn normalise<K: Kernel>(
    kernel: K,
    state: &mut [CacheLine],
    norm: &NormWeights<'_>,
    rows: &RowTexts<'_>,
    ranges: &mut [ValueRange<K::Lanes>],
) {
    #[expect(clippy::cast_precision_loss, reason = "384")]
    let count = kernel.splat(HIDDEN as f32);
    let last = rows.texts.len() - 1;
    for start in (0..=last).step_by(8) {
        let (mut sum, mut squares) = (kernel.splat(0.0), kernel.splat(0.0));
        for column in 0..WIDTH {
            for half in 0..2 {
                let mut eight = [sum; 8];
                for (row, values) in eight.iter_mut().enumerate() {
                    *values = kernel.load(&state[(start + row).min(last) * WIDTH + column].0[half]);
                }
                for value in K::Lanes::transpose(eight) {
                    sum = sum + value;
                    squares = squares + value * value;
                }
            }
        }
        let mean = sum / count;
        let deviation = (squares / count - mean * mean + kernel.splat(EPSILON)).sqrt();
        let numbers = mean.to_array().into_iter().zip(deviation.to_array());
        let lines = state[start * WIDTH..].chunks_exact_mut(WIDTH);
        for (((mean, deviation), row), text) in numbers.zip(lines).zip(&rows.texts[start..]) {
            let (mean, deviation) = (kernel.splat(mean), kernel.splat(deviation));
            let mut range = ValueRange::empty(kernel);
            let parameters = norm.scale.as_chunks::<8>().0.iter().zip(norm.bias.as_chunks::<8>().0);
            for (values, (scale, bias)) in row.iter_mut().flat_map(|line| &mut line.0).zip(parameters) {
                let value = (kernel.load(values) - mean) / deviation * kernel.load(scale) + kernel.load(bias);
                value.store(values);
                range.include(value);
            }
            ranges[*text].join(&range);
        }
    }
}

/// Returns the mean of rows, added in order.
fn mean(rows: &[CacheLine]) -> [f32; HIDDEN] {
    let mut mean = [0.0_f32; HIDDEN];
    for row in rows.chunks_exact(WIDTH) {
        for (sum, value) in mean.iter_mut().zip(row.iter().flat_map(|line| line.0.as_flattened())) {
            *sum += value;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 512")]
    let count = (rows.len() / WIDTH).max(1) as f32;
    mean.map(|sum| sum / count)
}
