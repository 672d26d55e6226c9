//! Processor-specific kernels: arithmetic on eight numbers in parallel, and the integer product of a tile.
//!
//! Each operation rounds like one operation on `f32`, so every kernel gives the same bits. Code that is generic over
//! [`Kernel`] is marked `#[inline(always)]` and runs inside [`Kernel::run`], where the compiler may use the instructions.

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(target_arch = "x86_64")]
mod bins;
mod plain;
#[cfg(target_arch = "x86_64")]
mod vnni;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::{Add, Div, Mul, Sub};

#[cfg(target_arch = "aarch64")]
use arm::{ArmKernel, DotProduct, WideningTile};
#[cfg(target_arch = "x86_64")]
use bins::Bins;
use plain::Plain;
#[cfg(target_arch = "x86_64")]
use vnni::{Vnni, WideVnni};
#[cfg(target_arch = "x86_64")]
use x86::X86;

use crate::COLUMNS;
use crate::weights::{Panel, WeightGroup};

/// Selected kernel. A value exists only where the processor has its instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processor(pub(crate) KernelChoice);

/// Kernels of this platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KernelChoice {
    /// Rust without intrinsics: every processor, slowly.
    Plain(Plain),
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(X86<Bins>),
    /// AVX2 with the byte products of AVX-VNNI.
    #[cfg(target_arch = "x86_64")]
    Vnni(X86<Vnni>),
    /// AVX2 with the byte products of AVX-512 VNNI.
    #[cfg(target_arch = "x86_64")]
    WideVnni(X86<WideVnni>),
    /// NEON, with byte products widened by the compiler.
    #[cfg(target_arch = "aarch64")]
    Neon(ArmKernel<WideningTile>),
    /// NEON with byte products (`sdot`).
    #[cfg(target_arch = "aarch64")]
    DotProduct(ArmKernel<DotProduct>),
}

impl Processor {
    /// Returns every kernel that this processor can run, the fastest first.
    pub fn all() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(X86::detect(WideVnni::detect()).map(KernelChoice::WideVnni));
            found.extend(X86::detect(Vnni::detect()).map(KernelChoice::Vnni));
            found.extend(X86::detect(Bins::detect()).map(KernelChoice::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        {
            found.extend(ArmKernel::detect(DotProduct::detect()).map(KernelChoice::DotProduct));
            found.extend(ArmKernel::detect(Some(WideningTile)).map(KernelChoice::Neon));
        }
        found.push(KernelChoice::Plain(Plain));
        found.into_iter().map(Self).collect()
    }

    /// Returns the fastest kernel that this processor can run.
    pub fn fastest() -> Self {
        Self::all().first().copied().unwrap_or_else(Self::plain)
    }

    /// Returns the kernel that runs on every processor.
    pub const fn plain() -> Self {
        Self(KernelChoice::Plain(Plain))
    }

    /// Returns the name of the instructions in use, for people.
    pub const fn name(self) -> &'static str {
        match self.0 {
            KernelChoice::Plain(_) => "plain",
            #[cfg(target_arch = "x86_64")]
            KernelChoice::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            KernelChoice::Vnni(_) => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            KernelChoice::WideVnni(_) => "avx512-vnni",
            #[cfg(target_arch = "aarch64")]
            KernelChoice::Neon(_) => "neon",
            #[cfg(target_arch = "aarch64")]
            KernelChoice::DotProduct(_) => "neon-dotprod",
        }
    }
}

/// Vector of eight `f32`.
pub(crate) trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Computes `self * factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    fn negate(self) -> Self;
    /// Returns the magnitudes of `self` with the signs of `signs`.
    fn with_signs(self, signs: Self) -> Self;
    /// Selects `yes` where `self` is greater than `than`, else `no`.
    fn select_greater(self, than: Self, yes: Self, no: Self) -> Self;
    /// Computes two to the power of the integer in the low bits, as adding 1.5 * 2^23 leaves it there.
    fn power_of_two(self) -> Self;
    /// Transposes eight rows of eight numbers.
    fn transpose(rows: [Self; 8]) -> [Self; 8];
    fn store(self, to: &mut [f32; 8]);

    /// Returns the eight numbers as an array.
    #[inline(always)]
    fn to_array(self) -> [f32; 8] {
        let mut array = [0.0; 8];
        self.store(&mut array);
        array
    }
}

/// Computation that is generic over kernels.
pub(crate) trait KernelWork<K> {
    type Result;
    /// Computes on `kernel`. Must be `#[inline(always)]`, and so must be all that it calls with numbers of the kernel.
    /// No closure may compute with them: it would be a function that lacks the instructions.
    fn run(self, kernel: K) -> Self::Result;
}

/// Instructions of one kind of processor. A value of this type is the proof that they can be used.
pub(crate) trait Kernel: Copy {
    type Lanes: Lanes;
    /// Vector of eight `i32`.
    type Sums: Copy;

    /// Runs `work` in a function for which the compiler may use the instructions.
    fn run<W: KernelWork<Self>>(self, work: W) -> W::Result;
    fn splat(self, value: f32) -> Self::Lanes;
    fn load(self, from: &[f32; 8]) -> Self::Lanes;
    fn splat_sums(self, value: i32) -> Self::Sums;
    /// Multiplies with one factor, keeping the low 32 bits.
    fn scale_sums(self, from: &[i32; 8], factor: i32) -> Self::Sums;
    /// Computes `sums - correction`, as `f32`.
    fn subtract(self, sums: Self::Sums, correction: Self::Sums) -> Self::Lanes;
    /// Rounds half to even, adds `zero` and clamps to a byte.
    fn to_bytes(self, values: [Self::Lanes; 2], zero: Self::Sums, to: &mut [u8; COLUMNS]);
    /// Multiplies `R` rows (at most 3) of `panel.inputs` bytes each with a panel; exact.
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[Self::Sums; 2]; R];
    /// Prefetches weights. Has no other effect.
    #[inline(always)]
    fn prefetch(self, _weights: &WeightGroup) {}
}
