//! Byte products with VNNI: four products and their sum in one instruction, exact in 32 bits. Bins are not needed, but
//! the groups are read in their order.

#![expect(unsafe_code, reason = "intrinsics and assembly")]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi32, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm512_add_epi32, _mm512_castsi512_si256, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64,
    _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512,
};
use std::array::from_fn;

use super::x86::X86Tile;
use crate::weights::{Panel, WeightGroup, group_bytes};

/// Proof that the processor has AVX-VNNI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vnni(());

/// Proof that the processor has AVX-512 VNNI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WideVnni(());

/// Independent sums, because an instruction takes several cycles.
const APART: usize = 4;

impl Vnni {
    /// Returns the proof if the processor has the instructions.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avxvnni") && is_x86_feature_detected!("avx2")).then_some(Self(()))
    }
}

impl WideVnni {
    /// Returns the proof if the processor has the instructions.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")).then_some(Self(()))
    }
}

impl X86Tile for Vnni {
    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[__m256i; 2]; R] {
        #[target_feature(enable = "avx2,avxvnni")]
        fn inner<const R: usize>(rows: [&[u8]; R], panel: &Panel<'_>) -> [[__m256i; 2]; R] {
            let mut sums = [[[_mm256_setzero_si256(); 2]; R]; 2];
            for (number, (group, offset)) in panel.groups.iter().zip(panel.offsets).enumerate() {
                let halves = group.as_chunks::<32>().0;
                // SAFETY: each half of a group has the size of the register, and any alignment is allowed.
                let weights: [__m256i; 2] = from_fn(|half| unsafe { _mm256_loadu_si256(halves[half].as_ptr().cast()) });
                for (sums, row) in sums[number % 2].iter_mut().zip(rows) {
                    let bytes = _mm256_set1_epi32(i32::from_ne_bytes(group_bytes(row, *offset)));
                    *sums = from_fn(|half| _mm256_dpbusd_avx_epi32(sums[half], bytes, weights[half]));
                }
            }
            from_fn(|row| from_fn(|half| _mm256_add_epi32(sums[0][row][half], sums[1][row][half])))
        }
        // SAFETY: there is a `Vnni`, so the processor has both.
        unsafe { inner(rows, panel) }
    }
}

impl X86Tile for WideVnni {
    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[__m256i; 2]; R] {
        #[target_feature(enable = "avx512f,avx512vnni")]
        fn step<const R: usize>(sums: &mut [__m512i; R], group: &WeightGroup, offset: u16, rows: &[&[u8]; R]) {
            // SAFETY: a group has the size of the register, and any alignment is allowed.
            let weights = unsafe { _mm512_loadu_si512(group.as_ptr().cast()) };
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum =
                    _mm512_dpbusd_epi32(*sum, _mm512_set1_epi32(i32::from_ne_bytes(group_bytes(row, offset))), weights);
            }
        }
        #[target_feature(enable = "avx512f,avx512vnni")]
        fn inner<const R: usize>(rows: [&[u8]; R], panel: &Panel<'_>) -> [[__m256i; 2]; R] {
            let mut sums = [[_mm512_setzero_si512(); R]; APART];
            let (groups, offsets) = (panel.groups.as_chunks::<APART>(), panel.offsets.as_chunks::<APART>());
            for (groups, offsets) in groups.0.iter().zip(offsets.0) {
                for ((sums, group), offset) in sums.iter_mut().zip(groups).zip(offsets) {
                    step(sums, group, *offset, &rows);
                }
            }
            for (group, offset) in groups.1.iter().zip(offsets.1) {
                step(&mut sums[0], group, *offset, &rows);
            }
            from_fn(|row| {
                let [a, b, c, d] = sums.each_ref().map(|sums| sums[row]);
                let sum = _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d));
                [_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64::<1>(sum)]
            })
        }
        // SAFETY: there is a `WideVnni`, so the processor has both.
        unsafe { inner(rows, panel) }
    }
}
