//! Dynamic quantisation: the input of a matrix product as bytes, with one scale and zero point for each text.

use crate::buffers::{Bytes, Line};
use crate::forward::Rows;
use crate::kernel::{Kernel, Lanes};
use crate::{COLUMNS, HIDDEN, INNER};

/// The least and the greatest value of one text's tensor so far, with 0 among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<L> {
    low: L,
    high: L,
}

/// How the numbers of one text become bytes: `number / scale + zero`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantum {
    pub(crate) scale: f32,
    pub(crate) zero: i32,
}

impl Quantum {
    #[inline(always)]
    fn splat<K: Kernel>(self, kernel: K) -> (K::Lanes, K::Sums) {
        (kernel.splat(self.scale), kernel.splat_sums(self.zero))
    }
}

impl<L: Lanes> Range<L> {
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

    /// The range in 255 steps.
    #[inline(always)]
    fn quantum(&self) -> Quantum {
        let low = self.low.to_array().into_iter().fold(0.0, f32::min);
        let high = self.high.to_array().into_iter().fold(0.0, f32::max);
        let scale = if low < high { (high - low) / 255.0 } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, reason = "a whole number from 0 to 255")]
        let zero = (-low / scale).clamp(0.0, 255.0).round_ties_even() as i32;
        Quantum { scale, zero }
    }
}

/// Ends the ranges of all texts and begins new ones.
#[inline(always)]
pub(crate) fn settle<K: Kernel>(kernel: K, ranges: &mut [Range<K::Lanes>], quanta: &mut [Quantum]) {
    for (range, quantum) in ranges.iter_mut().zip(quanta) {
        *quantum = range.quantum();
        *range = Range::empty(kernel);
    }
}

/// Quantises rows of `HIDDEN` numbers.
#[inline(always)]
pub(crate) fn rows_to_bytes<K: Kernel>(
    kernel: K,
    from: &[Line],
    rows: &Rows<'_>,
    quanta: &[Quantum],
    to: &mut [Bytes],
) {
    const WIDTH: usize = HIDDEN / COLUMNS;
    for ((from, to), text) in from.chunks_exact(WIDTH).zip(to.chunks_exact_mut(WIDTH)).zip(rows.texts) {
        let (scale, zero) = quanta[*text].splat(kernel);
        for (line, bytes) in from.iter().zip(to) {
            line_to_bytes(kernel, line, scale, zero, bytes);
        }
    }
}

/// Quantises panels of 16 columns, `INNER` columns together, to rows.
#[inline(always)]
pub(crate) fn panels_to_bytes<K: Kernel>(
    kernel: K,
    from: &[Line],
    rows: &Rows<'_>,
    quanta: &[Quantum],
    to: &mut [Bytes],
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
fn line_to_bytes<K: Kernel>(kernel: K, line: &Line, scale: K::Lanes, zero: K::Sums, to: &mut Bytes) {
    let [left, right] = &line.0;
    kernel.to_bytes([kernel.load(left) / scale, kernel.load(right) / scale], zero, to);
}
