//! Kernel without intrinsics. The reference for all others: its results define the model.

use std::array::from_fn;
use std::ops::{Add, Div, Mul, Sub};

use super::{Kernel, KernelWork, Lanes};
use crate::COLUMNS;
use crate::weights::{GROUP, Panel, group_bytes};

/// Portable kernel for every processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain;

/// Eight numbers in an array.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainLanes([f32; 8]);

impl PlainLanes {
    #[inline(always)]
    fn each(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        let mut result = self.0;
        for (left, right) in result.iter_mut().zip(other.0) {
            *left = operation(*left, right);
        }
        Self(result)
    }
}

macro_rules! operator {
    ($trait:ident, $name:ident, $operator:tt) => {
        impl $trait for PlainLanes {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                self.each(other, |left, right| left $operator right)
            }
        }
    };
}
operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl Lanes for PlainLanes {
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let mut result = self.0;
        for ((value, factor), addend) in result.iter_mut().zip(factor.0).zip(addend.0) {
            *value = value.mul_add(factor, addend);
        }
        Self(result)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.each(other, |left, right| if left < right { left } else { right })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.each(other, |left, right| if left > right { left } else { right })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    #[inline(always)]
    fn negate(self) -> Self {
        Self(self.0.map(|value| -value))
    }

    #[inline(always)]
    fn with_signs(self, signs: Self) -> Self {
        self.each(signs, f32::copysign)
    }

    #[inline(always)]
    fn select_greater(self, than: Self, yes: Self, no: Self) -> Self {
        let chosen = self.0.into_iter().zip(than.0).zip(yes.0.into_iter().zip(no.0));
        let mut result = self.0;
        for (to, ((value, than), (yes, no))) in result.iter_mut().zip(chosen) {
            *to = if value > than { yes } else { no };
        }
        Self(result)
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(self.0.map(|value| f32::from_bits((value.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))))
    }

    #[inline(always)]
    fn transpose(rows: [Self; 8]) -> [Self; 8] {
        from_fn(|column| Self(rows.map(|row| row.0.into_iter().nth(column).unwrap_or_default())))
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 8]) {
        *to = self.0;
    }
}

impl Kernel for Plain {
    type Lanes = PlainLanes;
    type Sums = [i32; 8];

    #[inline(always)]
    fn run<W: KernelWork<Self>>(self, work: W) -> W::Result {
        work.run(self)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> PlainLanes {
        PlainLanes([value; 8])
    }

    #[inline(always)]
    fn load(self, from: &[f32; 8]) -> PlainLanes {
        PlainLanes(*from)
    }

    #[inline(always)]
    fn splat_sums(self, value: i32) -> [i32; 8] {
        [value; 8]
    }

    #[inline(always)]
    fn scale_sums(self, from: &[i32; 8], factor: i32) -> [i32; 8] {
        from.map(|sum| sum.wrapping_mul(factor))
    }

    #[inline(always)]
    fn subtract(self, mut sums: [i32; 8], correction: [i32; 8]) -> PlainLanes {
        for (sum, correction) in sums.iter_mut().zip(correction) {
            *sum = sum.wrapping_sub(correction);
        }
        #[expect(clippy::cast_precision_loss, reason = "rounded to the nearest, as the model is defined")]
        PlainLanes(sums.map(|sum| sum as f32))
    }

    #[inline(always)]
    fn to_bytes(self, values: [PlainLanes; 2], zero: [i32; 8], to: &mut [u8; COLUMNS]) {
        for (half, values) in to.chunks_exact_mut(8).zip(values) {
            for ((byte, value), zero) in half.iter_mut().zip(values.0).zip(zero) {
                #[expect(clippy::cast_possible_truncation, reason = "whole numbers far below 2^31")]
                let whole = value.round_ties_even() as i32;
                *byte = u8::try_from(whole.saturating_add(zero).clamp(0, 255)).unwrap_or_default();
            }
        }
    }

    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[[i32; 8]; 2]; R] {
        rows.map(|row| {
            let mut sums = [[0_i32; 8]; 2];
            for (group, offset) in panel.groups.iter().zip(panel.offsets) {
                let from = group_bytes(row, *offset);
                for (sum, weights) in sums.as_flattened_mut().iter_mut().zip(group.as_chunks::<GROUP>().0) {
                    let products = from.iter().zip(weights).map(|(byte, weight)| i32::from(*byte) * i32::from(*weight));
                    *sum += products.sum::<i32>();
                }
            }
            sums
        })
    }
}
