//! Kernels for x86-64 with AVX2 and FMA. They differ in the multiplication of bytes.

#![expect(unsafe_code, reason = "intrinsics and assembly")]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_GT_OQ, _MM_HINT_T1, _mm_packus_epi16, _mm_prefetch, _mm_storeu_si128, _mm256_add_epi32,
    _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_cvtps_epi32, _mm256_div_ps,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_max_ps, _mm256_min_ps,
    _mm256_mul_ps, _mm256_mullo_epi32, _mm256_or_ps, _mm256_packs_epi32, _mm256_permute2f128_ps,
    _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_sqrt_ps,
    _mm256_storeu_ps, _mm256_sub_epi32, _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps, _mm256_xor_ps,
};
use std::ops::{Add, Div, Mul, Sub};

use super::{Kernel, KernelWork, Lanes};
use crate::COLUMNS;
use crate::weights::{Panel, WeightGroup};

/// Proof that the processor has AVX2, FMA and the instructions of `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct X86<T> {
    tile: T,
}

/// Method of multiplying bytes.
pub(crate) trait X86Tile: Copy {
    /// Multiplies up to three rows of `panel.inputs` bytes, exactly.
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[__m256i; 2]; R];
}

/// Eight numbers in a register. Only created with an [`X86`] or from another `Eight`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eight(__m256);

impl<T> X86<T> {
    /// Returns the kernel if the processor has AVX2 and FMA; `tile` is the proof of its own instructions.
    pub(crate) fn detect(tile: Option<T>) -> Option<Self> {
        let tile = tile?;
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self { tile })
    }
}

/// Calls intrinsics that only access registers.
macro_rules! intrinsic {
    ($call:expr) => {{
        // SAFETY: there is an `X86` or an `Eight`, so the processor has AVX2 and FMA; no memory is touched.
        unsafe { $call }
    }};
}

macro_rules! operator {
    ($trait:ident, $name:ident, $intrinsic:ident) => {
        impl $trait for Eight {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(intrinsic!($intrinsic(self.0, other.0)))
            }
        }
    };
}
operator!(Add, add, _mm256_add_ps);
operator!(Sub, sub, _mm256_sub_ps);
operator!(Mul, mul, _mm256_mul_ps);
operator!(Div, div, _mm256_div_ps);

/// Returns a mask of the sign bits.
#[inline(always)]
fn sign_bits() -> __m256 {
    intrinsic!(_mm256_set1_ps(-0.0))
}

/// Interleaves pairs of rows: within each half of a register, its low or its high columns.
#[inline(always)]
fn interleave(rows: [Eight; 8]) -> [[__m256; 2]; 4] {
    let mut pairs = [[rows[0].0; 2]; 4];
    for (place, pair) in pairs.iter_mut().enumerate() {
        let (left, right) = (rows[place * 2].0, rows[place * 2 + 1].0);
        *pair = intrinsic!([_mm256_unpacklo_ps(left, right), _mm256_unpackhi_ps(left, right)]);
    }
    pairs
}

/// Joins two interleaved pairs of rows to columns: within each half of a register, all four rows of one column.
#[inline(always)]
fn join([low, high]: [__m256; 2], [low_after, high_after]: [__m256; 2]) -> [__m256; 4] {
    intrinsic!([
        _mm256_shuffle_ps::<0x44>(low, low_after),
        _mm256_shuffle_ps::<0xEE>(low, low_after),
        _mm256_shuffle_ps::<0x44>(high, high_after),
        _mm256_shuffle_ps::<0xEE>(high, high_after),
    ])
}

impl Lanes for Eight {
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(intrinsic!(_mm256_fmadd_ps(self.0, factor.0, addend.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(intrinsic!(_mm256_min_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(intrinsic!(_mm256_max_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(intrinsic!(_mm256_sqrt_ps(self.0)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(intrinsic!(_mm256_andnot_ps(sign_bits(), self.0)))
    }

    #[inline(always)]
    fn negate(self) -> Self {
        Self(intrinsic!(_mm256_xor_ps(sign_bits(), self.0)))
    }

    #[inline(always)]
    fn with_signs(self, signs: Self) -> Self {
        let signs = intrinsic!(_mm256_and_ps(sign_bits(), signs.0));
        Self(intrinsic!(_mm256_or_ps(self.abs().0, signs)))
    }

    #[inline(always)]
    fn select_greater(self, than: Self, yes: Self, no: Self) -> Self {
        Self(intrinsic!(_mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, than.0))))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        let one = 1.0_f32.to_bits().cast_signed();
        let exponent = intrinsic!(_mm256_slli_epi32::<23>(_mm256_castps_si256(self.0)));
        Self(intrinsic!(_mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(one)))))
    }

    #[inline(always)]
    fn transpose(rows: [Self; 8]) -> [Self; 8] {
        let [one, two, three, four] = interleave(rows);
        let (upper, lower) = (join(one, two), join(three, four));
        let mut columns = rows;
        for column in 0..4 {
            columns[column] = Self(intrinsic!(_mm256_permute2f128_ps::<0x20>(upper[column], lower[column])));
            columns[column + 4] = Self(intrinsic!(_mm256_permute2f128_ps::<0x31>(upper[column], lower[column])));
        }
        columns
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 8]) {
        // SAFETY: the processor has AVX; the array has the size of the register, and any alignment is allowed.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) }
    }
}

impl<T: X86Tile> Kernel for X86<T> {
    type Lanes = Eight;
    type Sums = __m256i;

    #[inline(always)]
    fn run<W: KernelWork<Self>>(self, work: W) -> W::Result {
        #[target_feature(enable = "avx2,fma")]
        fn inner<K, W: KernelWork<K>>(kernel: K, work: W) -> W::Result {
            work.run(kernel)
        }
        // SAFETY: there is an `X86`, so the processor has both.
        unsafe { inner(self, work) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Eight {
        Eight(intrinsic!(_mm256_set1_ps(value)))
    }

    #[inline(always)]
    fn load(self, from: &[f32; 8]) -> Eight {
        // SAFETY: the processor has AVX; the array has the size of the register, and any alignment is allowed.
        Eight(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }

    #[inline(always)]
    fn splat_sums(self, value: i32) -> __m256i {
        intrinsic!(_mm256_set1_epi32(value))
    }

    #[inline(always)]
    fn scale_sums(self, from: &[i32; 8], factor: i32) -> __m256i {
        // SAFETY: the processor has AVX2; the array has the size of the register, and any alignment is allowed.
        unsafe { _mm256_mullo_epi32(_mm256_loadu_si256(from.as_ptr().cast()), _mm256_set1_epi32(factor)) }
    }

    #[inline(always)]
    fn subtract(self, sums: __m256i, correction: __m256i) -> Eight {
        Eight(intrinsic!(_mm256_cvtepi32_ps(_mm256_sub_epi32(sums, correction))))
    }

    #[inline(always)]
    fn to_bytes(self, values: [Eight; 2], zero: __m256i, to: &mut [u8; COLUMNS]) {
        let left = intrinsic!(_mm256_add_epi32(_mm256_cvtps_epi32(values[0].0), zero));
        let right = intrinsic!(_mm256_add_epi32(_mm256_cvtps_epi32(values[1].0), zero));
        // Both packings clamp; the permutation puts the quarters back in order.
        let words = intrinsic!(_mm256_permute4x64_epi64::<0xD8>(_mm256_packs_epi32(left, right)));
        let (low, high) = intrinsic!((_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words)));
        // SAFETY: the processor has SSE2; the array has the size of the register, and any alignment is allowed.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_packus_epi16(low, high)) }
    }

    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[__m256i; 2]; R] {
        self.tile.multiply(rows, panel)
    }

    #[inline(always)]
    fn prefetch(self, weights: &WeightGroup) {
        // SAFETY: a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(weights.as_ptr()) }
    }
}
