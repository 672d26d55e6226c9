//! Dynamic quantisation: converts the input of a matrix product to bytes, with one scale and zero point for each text.

use crate::buffers::{CacheLine, QuantisedLine};
use crate::forward::RowTexts;
use crate::kernel::{Kernel, Lanes};
use crate::{COLUMNS, HIDDEN, INNER};

/// Least and greatest value of one text's tensor so far, 0 included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueRange<L> {
    low: L,
    high: L,
}

/// Quantisation parameters of one text: a byte is `number / scale + zero`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuantParams {
    pub(crate) scale: f32,
    pub(crate) zero: i32,
}

impl QuantParams {
    #[inline(always)]
    fn splat<K: Kernel>(self, kernel: K) -> (K::Lanes, K::Sums) {
        (kernel.splat(self.scale), kernel.splat_sums(self.zero))
    }
}

impl<L: Lanes> ValueRange<L> {
    #[inline(always)]
    pub(crate) fn empty<K: Kernel<Lanes = L>>(kernel: K) -> Self {
        Self { low: kernel.splat(0.0), high: kernel.splat(0.0) }
    }

    #[inline(always)]
    pub(crate) fn include(&mut self, values: L) {
        self.low = values.min(self.low);
        self.high = values.max(self.high);
    }

    #[inline(always)]
    pub(crate) fn join(&mut self, other: &Self) {
        self.include(other.low);
        self.include(other.high);
    }

    /// Computes the parameters that divide the range into 255 steps.
    #[inline(always)]
    fn quantum(&self) -> QuantParams {
        let low = self.low.to_array().into_iter().fold(0.0, f32::min);
        let high = self.high.to_array().into_iter().fold(0.0, f32::max);
        let scale = if low < high { (high - low) / 255.0 } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, reason = "a whole number from 0 to 255")]
        let zero = (-low / scale).clamp(0.0, 255.0).round_ties_even() as i32;
        QuantParams { scale, zero }
    }
}

/// Computes the parameters of all texts from their ranges and resets the ranges.
#[inline(always)]
pub(crate) fn settle<K: Kernel>(kernel: K, ranges: &mut [ValueRange<K::Lanes>], quanta: &mut [QuantParams]) {
    for (range, quantum) in ranges.iter_mut().zip(quanta) {
        *quantum = range.quantum();
        *range = ValueRange::empty(kernel);
    }
}

/// Quantises rows of `HIDDEN` numbers.
#[inline(always)]
pub(crate) fn rows_to_bytes<K: Kernel>(
    kernel: K,
    from: &[CacheLine],
    rows: &RowTexts<'_>,
    quanta: &[QuantParams],
    to: &mut [QuantisedLine],
) {
    const WIDTH: usize = HIDDEN / COLUMNS;
    for ((from, to), text) in from.chunks_exact(WIDTH).zip(to.chunks_exact_mut(WIDTH)).zip(rows.texts) {
        let (scale, zero) = quanta[*text].splat(kernel);
        for (line, bytes) in from.iter().zip(to) {
            line_to_bytes(kernel, line, scale, zero, bytes);
        }
    }
}

/// Quantises panels of 16 columns, `INNER` columns in total, to rows.
#[inline(always)]
pub(crate) fn panels_to_bytes<K: Kernel>(
    kernel: K,
    from: &[CacheLine],
    rows: &RowTexts<'_>,
    quanta: &[QuantParams],
    to: &mut [QuantisedLine],
) {
    const WIDTH: usize = INNER / COLUMNS;
    /// Panels that are read together, so that whole cache lines are written.
    const TOGETHER: usize = 4;
    let count = rows.texts.len();
    for (number, panels) in from.chunks_exact(count * TOGETHER).enumerate() {
        for (row, (text, to)) in rows.texts.iter().zip(to.chunks_exact_mut(WIDTH)).enumerate() {
            let (scale, zero) = quanta[*text].splat(kernel);
            let lines = panels.iter().skip(row).step_by(count);
            for (line, bytes) in lines.zip(to.iter_mut().skip(number * TOGETHER).take(TOGETHER)) {
                line_to_bytes(kernel, line, scale, zero, bytes);
            }
        }
    }
}

#[inline(always)]
fn line_to_bytes<K: Kernel>(kernel: K, line: &CacheLine, scale: K::Lanes, zero: K::Sums, to: &mut QuantisedLine) {
    let [left, right] = &line.0;
    kernel.to_bytes([kernel.load(left) / scale, kernel.load(right) / scale], zero, to);
}
