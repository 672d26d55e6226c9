//! Product of quantised rows with a matrix of weights: exact in integers, then scaled to floats.

use crate::buffers::{CacheLine, QuantisedLine};
use crate::forward::RowTexts;
use crate::kernel::{Kernel, Lanes as _};
use crate::math::gelu;
use crate::quantise::{QuantParams, ValueRange};
use crate::weights::{Linear, Panel};

/// Destination of the columns of a product.
#[derive(Debug)]
pub(crate) enum ProductTarget<'a> {
    /// Panel after panel, each row a line; overwrites.
    Panels(&'a mut [CacheLine]),
    /// Row after row; adds to the numbers that are there.
    Rows(&'a mut [CacheLine]),
}

/// Dequantisation terms of one text and one panel.
#[derive(Debug, Clone, Copy)]
struct DequantTerms<K: Kernel> {
    /// Share of the zero point in the integer sums.
    corrections: [K::Sums; 2],
    /// Scale from an integer sum to a float.
    factors: [K::Lanes; 2],
}

impl<K: Kernel> DequantTerms<K> {
    #[inline(always)]
    fn of(kernel: K, sums: &[[i32; 8]; 2], scales: &[[f32; 8]; 2], quantum: QuantParams) -> Self {
        let [left, right] = load(kernel, scales);
        let scale = kernel.splat(quantum.scale);
        Self {
            corrections: [kernel.scale_sums(&sums[0], quantum.zero), kernel.scale_sums(&sums[1], quantum.zero)],
            factors: [left * scale, right * scale],
        }
    }
}

/// Loads both halves of a line.
#[inline(always)]
pub(crate) fn load<K: Kernel>(kernel: K, halves: &[[f32; 8]; 2]) -> [K::Lanes; 2] {
    [kernel.load(&halves[0]), kernel.load(&halves[1])]
}

/// Multiplication of all rows with one panel.
struct PanelProduct<'a, K: Kernel> {
    kernel: K,
    bytes: &'a [u8],
    panel: Panel<'a>,
    number: usize,
    texts: &'a [usize],
    terms: &'a [DequantTerms<K>],
    biases: [K::Lanes; 2],
    /// Panels of the whole matrix.
    width: usize,
}

impl<K: Kernel> PanelProduct<'_, K> {
    /// Computes and stores `R` rows from `first`; returns `R`.
    #[inline(always)]
    fn tile<const R: usize>(&self, first: usize, target: &mut ProductTarget<'_>) -> usize {
        let (kernel, inputs, count) = (self.kernel, self.panel.inputs, self.texts.len());
        let mut rows = [&self.bytes[..0]; R];
        for (number, row) in (first..).zip(&mut rows) {
            *row = &self.bytes[number * inputs..][..inputs];
        }
        let sums = kernel.multiply::<R>(rows, &self.panel);
        for (row, sums) in (first..).zip(sums) {
            let terms = &self.terms[self.texts[row]];
            let (line, adds) = match target {
                ProductTarget::Panels(lines) => (&mut lines[self.number * count + row], false),
                ProductTarget::Rows(lines) => (&mut lines[row * self.width + self.number], true),
            };
            for (half, to) in line.0.iter_mut().enumerate() {
                let number =
                    kernel.subtract(sums[half], terms.corrections[half]) * terms.factors[half] + self.biases[half];
                if adds { (number + kernel.load(to)).store(to) } else { number.store(to) }
            }
        }
        R
    }
}

/// Multiplies all rows with all panels. With `ranges`, applies GELU to each finished panel of [`ProductTarget::Panels`] and includes
/// the results there.
#[inline(always)]
pub(crate) fn multiply<K: Kernel>(
    kernel: K,
    bytes: &[QuantisedLine],
    linear: &Linear<'_>,
    (rows, quanta): (&RowTexts<'_>, &[QuantParams]),
    mut target: ProductTarget<'_>,
    mut ranges: Option<&mut [ValueRange<K::Lanes>]>,
) {
    let (count, width) = (rows.texts.len(), linear.biases.len());
    let mut terms: Vec<DequantTerms<K>> = Vec::with_capacity(quanta.len());
    let mut panels = linear.panels().enumerate().peekable();
    while let Some((number, panel)) = panels.next() {
        terms.clear();
        for quantum in quanta {
            terms.push(DequantTerms::of(kernel, &linear.sums[number], &linear.scales[number], *quantum));
        }
        let biases = load(kernel, &linear.biases[number]);
        let bytes = bytes.as_flattened();
        let work = PanelProduct { kernel, bytes, panel, number, texts: rows.texts, terms: &terms, biases, width };
        // Prefetches the next panel meanwhile, a part with each tile.
        let mut ahead = panels.peek().map_or(&[][..], |(_, next)| next.groups);
        let share = ahead.len().div_ceil(count.div_ceil(3));
        let mut first = 0;
        while first < count {
            for group in ahead.split_off(..share.min(ahead.len())).unwrap_or_default() {
                kernel.prefetch(group);
            }
            // Four rows are two pairs instead of three rows and a single one.
            first += match count - first {
                1 => work.tile::<1>(first, &mut target),
                2 | 4 => work.tile::<2>(first, &mut target),
                _ => work.tile::<3>(first, &mut target),
            };
        }
        if let (ProductTarget::Panels(lines), Some(ranges)) = (&mut target, &mut ranges) {
            // While the lines are in the first-level cache.
            activate(kernel, &mut lines[number * count..][..count], rows, ranges);
        }
    }
}

/// Applies GELU to a panel, in place.
#[inline(always)]
fn activate<K: Kernel>(kernel: K, lines: &mut [CacheLine], rows: &RowTexts<'_>, ranges: &mut [ValueRange<K::Lanes>]) {
    let mut texts = rows.texts;
    let mut lines = lines;
    while let Some(text) = texts.first() {
        let count = texts.iter().take_while(|other| *other == text).count();
        let (mine, rest) = lines.split_at_mut(count);
        let mut range = ValueRange::empty(kernel);
        for line in mine {
            let [left, right] = load(kernel, &line.0);
            let (left, right) = (gelu(kernel, left), gelu(kernel, right));
            left.store(&mut line.0[0]);
            right.store(&mut line.0[1]);
            range.include(left);
            range.include(right);
        }
        ranges[*text].join(&range);
        (texts, lines) = (&texts[count..], rest);
    }
}
