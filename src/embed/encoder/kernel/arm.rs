//! Kernels for 64-bit ARM with NEON, which every such processor has. They differ in the multiplication of bytes.

#![expect(unsafe_code, reason = "intrinsics and assembly")]

use std::arch::aarch64::{
    float32x4_t, int8x16_t, int32x4_t, vabsq_f32, vaddq_f32, vaddq_s32, vbslq_f32, vcgtq_f32, vcombine_s16,
    vcombine_u8, vcvtnq_s32_f32, vcvtq_f32_s32, vdivq_f32, vdupq_n_f32, vdupq_n_s32, vdupq_n_u32, vfmaq_f32, vld1q_f32,
    vld1q_s8, vld1q_s32, vmaxq_f32, vminq_f32, vmulq_f32, vmulq_s32, vnegq_f32, vqmovn_s32, vqmovun_s16,
    vreinterpretq_f32_s32, vreinterpretq_s8_s32, vreinterpretq_s32_f32, vshlq_n_s32, vsqrtq_f32, vst1q_f32, vst1q_u8,
    vsubq_f32, vsubq_s32,
};
use std::ops::{Add, Div, Mul, Sub};

use super::plain::Plain;
use super::{Kernel, KernelWork, Lanes};
use crate::COLUMNS;
use crate::weights::{Panel, WeightGroup, group_bytes};

/// Kernel with NEON and the byte multiplication of `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArmKernel<T> {
    tile: T,
}

/// Method of multiplying bytes.
pub(crate) trait NeonTile: Copy {
    /// Multiplies up to three rows of `panel.inputs` bytes, exactly.
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[NeonSums; 2]; R];
}

/// Products that the compiler widens to 32 bits: for processors without `sdot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WideningTile;

/// Proof that the processor has `sdot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DotProduct(());

impl DotProduct {
    /// Returns the proof if the processor has the instruction.
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }
}

impl<T> ArmKernel<T> {
    /// Returns the kernel if `tile` is there, the proof of its own instructions.
    pub(super) fn detect(tile: Option<T>) -> Option<Self> {
        tile.map(|tile| Self { tile })
    }
}

/// Eight numbers in two registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeonLanes(float32x4_t, float32x4_t);

/// Eight integers in two registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeonSums(int32x4_t, int32x4_t);

/// Calls intrinsics that only access registers.
macro_rules! intrinsic {
    ($call:expr) => {{
        // SAFETY: every 64-bit ARM processor that Rust compiles for has NEON; no memory is touched.
        unsafe { $call }
    }};
}

macro_rules! operator {
    ($trait:ident, $name:ident, $intrinsic:ident) => {
        impl $trait for NeonLanes {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                intrinsic!(Self($intrinsic(self.0, other.0), $intrinsic(self.1, other.1)))
            }
        }
    };
}
operator!(Add, add, vaddq_f32);
operator!(Sub, sub, vsubq_f32);
operator!(Mul, mul, vmulq_f32);
operator!(Div, div, vdivq_f32);

impl Lanes for NeonLanes {
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        intrinsic!(Self(vfmaq_f32(addend.0, self.0, factor.0), vfmaq_f32(addend.1, self.1, factor.1)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        intrinsic!(Self(vminq_f32(self.0, other.0), vminq_f32(self.1, other.1)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        intrinsic!(Self(vmaxq_f32(self.0, other.0), vmaxq_f32(self.1, other.1)))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        intrinsic!(Self(vsqrtq_f32(self.0), vsqrtq_f32(self.1)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        intrinsic!(Self(vabsq_f32(self.0), vabsq_f32(self.1)))
    }

    #[inline(always)]
    fn negate(self) -> Self {
        intrinsic!(Self(vnegq_f32(self.0), vnegq_f32(self.1)))
    }

    #[inline(always)]
    fn with_signs(self, signs: Self) -> Self {
        intrinsic!({
            let sign = vdupq_n_u32(1 << 31);
            Self(vbslq_f32(sign, signs.0, self.0), vbslq_f32(sign, signs.1, self.1))
        })
    }

    #[inline(always)]
    fn select_greater(self, than: Self, yes: Self, no: Self) -> Self {
        intrinsic!(Self(
            vbslq_f32(vcgtq_f32(self.0, than.0), yes.0, no.0),
            vbslq_f32(vcgtq_f32(self.1, than.1), yes.1, no.1)
        ))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        #[inline(always)]
        fn four(value: float32x4_t) -> float32x4_t {
            let one = 1.0_f32.to_bits().cast_signed();
            intrinsic!(vreinterpretq_f32_s32(vaddq_s32(
                vshlq_n_s32::<23>(vreinterpretq_s32_f32(value)),
                vdupq_n_s32(one)
            )))
        }
        Self(four(self.0), four(self.1))
    }

    #[inline(always)]
    fn transpose(rows: [Self; 8]) -> [Self; 8] {
        let mut numbers = [[0.0_f32; 8]; 8];
        for (row, values) in rows.into_iter().enumerate() {
            for (column, value) in values.to_array().into_iter().enumerate() {
                numbers[column][row] = value;
            }
        }
        let mut columns = rows;
        for (column, numbers) in columns.iter_mut().zip(&numbers) {
            *column = load(numbers);
        }
        columns
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 8]) {
        let [low, high] = halves_mut(to);
        // SAFETY: each half of the array has the size of the register.
        unsafe {
            vst1q_f32(low.as_mut_ptr(), self.0);
            vst1q_f32(high.as_mut_ptr(), self.1);
        }
    }
}

#[inline(always)]
fn halves_mut(array: &mut [f32; 8]) -> [&mut [f32]; 2] {
    let (low, high) = array.split_at_mut(4);
    [low, high]
}

#[inline(always)]
fn load(from: &[f32; 8]) -> NeonLanes {
    let (low, high) = from.split_at(4);
    // SAFETY: each half of the array has the size of the register.
    unsafe { NeonLanes(vld1q_f32(low.as_ptr()), vld1q_f32(high.as_ptr())) }
}

#[inline(always)]
fn load_sums(from: &[i32; 8]) -> NeonSums {
    let (low, high) = from.split_at(4);
    // SAFETY: each half of the array has the size of the register.
    unsafe { NeonSums(vld1q_s32(low.as_ptr()), vld1q_s32(high.as_ptr())) }
}

impl<T: NeonTile> Kernel for ArmKernel<T> {
    type Lanes = NeonLanes;
    type Sums = NeonSums;

    #[inline(always)]
    fn run<W: KernelWork<Self>>(self, work: W) -> W::Result {
        work.run(self)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> NeonLanes {
        intrinsic!(NeonLanes(vdupq_n_f32(value), vdupq_n_f32(value)))
    }

    #[inline(always)]
    fn load(self, from: &[f32; 8]) -> NeonLanes {
        load(from)
    }

    #[inline(always)]
    fn splat_sums(self, value: i32) -> NeonSums {
        intrinsic!(NeonSums(vdupq_n_s32(value), vdupq_n_s32(value)))
    }

    #[inline(always)]
    fn scale_sums(self, from: &[i32; 8], factor: i32) -> NeonSums {
        let (from, factor) = (load_sums(from), self.splat_sums(factor));
        intrinsic!(NeonSums(vmulq_s32(from.0, factor.0), vmulq_s32(from.1, factor.1)))
    }

    #[inline(always)]
    fn subtract(self, sums: NeonSums, correction: NeonSums) -> NeonLanes {
        intrinsic!(NeonLanes(
            vcvtq_f32_s32(vsubq_s32(sums.0, correction.0)),
            vcvtq_f32_s32(vsubq_s32(sums.1, correction.1))
        ))
    }

    #[inline(always)]
    fn to_bytes(self, values: [NeonLanes; 2], zero: NeonSums, to: &mut [u8; COLUMNS]) {
        #[inline(always)]
        fn words(values: NeonLanes, zero: NeonSums) -> std::arch::aarch64::int16x8_t {
            intrinsic!(vcombine_s16(
                vqmovn_s32(vaddq_s32(vcvtnq_s32_f32(values.0), zero.0)),
                vqmovn_s32(vaddq_s32(vcvtnq_s32_f32(values.1), zero.1))
            ))
        }
        let (left, right) = (words(values[0], zero), words(values[1], zero));
        let bytes = intrinsic!(vcombine_u8(vqmovun_s16(left), vqmovun_s16(right)));
        // SAFETY: the array has the size of the register.
        unsafe { vst1q_u8(to.as_mut_ptr(), bytes) }
    }

    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[NeonSums; 2]; R] {
        self.tile.multiply(rows, panel)
    }
}

impl NeonTile for WideningTile {
    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[NeonSums; 2]; R] {
        Plain.multiply(rows, panel).map(|sums| [load_sums(&sums[0]), load_sums(&sums[1])])
    }
}

/// Adds four products of each of four columns: `sdot`, for which there is no stable intrinsic.
#[inline(always)]
fn dot(sums: &mut int32x4_t, weights: int8x16_t, bytes: int8x16_t) {
    // SAFETY: only called with a `DotProduct`, so the processor has the instruction; no memory is touched.
    unsafe {
        std::arch::asm!(
            ".arch_extension dotprod",
            "sdot {0:v}.4s, {1:v}.16b, {2:v}.16b",
            inout(vreg) *sums, in(vreg) weights, in(vreg) bytes,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
}

impl NeonTile for DotProduct {
    /// `sdot` multiplies signed bytes, so 128 is taken from each input byte and 128 times the sum of weights added.
    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[NeonSums; 2]; R] {
        let mut sums = [[intrinsic!(vdupq_n_s32(0)); 4]; R];
        let mut weight_sums = [intrinsic!(vdupq_n_s32(0)); 4];
        let ones = intrinsic!(vreinterpretq_s8_s32(vdupq_n_s32(0x0101_0101)));
        for (group, offset) in panel.groups.iter().zip(panel.offsets) {
            let weights = load_group(group);
            for (sum, weights) in weight_sums.iter_mut().zip(weights) {
                dot(sum, weights, ones);
            }
            for (sums, row) in sums.iter_mut().zip(rows) {
                let bytes = i32::from_ne_bytes(group_bytes(row, *offset).map(|byte| byte ^ 0x80));
                let bytes = intrinsic!(vreinterpretq_s8_s32(vdupq_n_s32(bytes)));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    dot(sum, weights, bytes);
                }
            }
        }
        for sums in &mut sums {
            for (sum, weights) in sums.iter_mut().zip(weight_sums) {
                *sum = intrinsic!(vaddq_s32(*sum, vshlq_n_s32::<7>(weights)));
            }
        }
        sums.map(|[a, b, c, d]| [NeonSums(a, b), NeonSums(c, d)])
    }
}

#[inline(always)]
fn load_group(group: &WeightGroup) -> [int8x16_t; 4] {
    let parts = group.as_chunks::<16>().0;
    // SAFETY: each part has the size of the register.
    unsafe {
        [
            vld1q_s8(parts[0].as_ptr()),
            vld1q_s8(parts[1].as_ptr()),
            vld1q_s8(parts[2].as_ptr()),
            vld1q_s8(parts[3].as_ptr()),
        ]
    }
}
