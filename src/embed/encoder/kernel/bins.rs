//! Integer product of up to three rows with a panel of 16 columns, in assembly: compilers spill the twelve registers
//! that a tile needs.
//!
//! `vpmaddubsw` multiplies four bytes of a row with four weights of a column and adds neighbours in 16 bits. The groups of
//! a bin are added in 16 bits too, which is exact (see [`Linear`](crate::weights::Linear)), then widened by one `vpmaddwd`.

#![expect(unsafe_code, reason = "intrinsics and assembly")]

use std::arch::asm;
use std::arch::x86_64::{__m256i, _mm256_setzero_si256};

use super::x86::X86Tile;
use crate::weights::Panel;

/// Proof that the processor has AVX2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bins(());

/// Factors of a `vpmaddwd` that only adds neighbours.
#[repr(align(32))]
struct Ones {
    _ones: [i16; 16],
}
static ONES: Ones = Ones { _ones: [1; 16] };

/// One group: its weights times four bytes of each row. The first group of a bin sets the 16-bit sums, the others add
/// to them.
/// A row is its pointer, the registers of its 16-bit sums and those of its 32-bit sums.
macro_rules! group {
    (load $place:literal) => {
        concat!(
            "movzx {offset:e}, word ptr [{offsets} + 2 * ", $place, "]\n",
            "vmovdqu ymm12, ymmword ptr [{groups} + 64 * ", $place, "]\n",
            "vmovdqu ymm13, ymmword ptr [{groups} + 64 * ", $place, " + 32]\n",
        )
    };
    (first $place:literal, $($row:literal $left:literal $right:literal $left_sum:literal $right_sum:literal),*) => {
        concat!(
            group!(load $place),
            $("vpbroadcastd ymm14, dword ptr [{", $row, "} + {offset:r}]\n",
            "vpmaddubsw ymm", $left, ", ymm14, ymm12\n",
            "vpmaddubsw ymm", $right, ", ymm14, ymm13\n",)*
        )
    };
    (next $place:literal, $($row:literal $left:literal $right:literal $left_sum:literal $right_sum:literal),*) => {
        concat!(
            group!(load $place),
            $("vpbroadcastd ymm14, dword ptr [{", $row, "} + {offset:r}]\n",
            "vpmaddubsw ymm15, ymm14, ymm12\n",
            "vpaddw ymm", $left, ", ymm", $left, ", ymm15\n",
            "vpmaddubsw ymm14, ymm14, ymm13\n",
            "vpaddw ymm", $right, ", ymm", $right, ", ymm14\n",)*
        )
    };
}

/// All groups of one bin.
macro_rules! bin {
    (1, $($rows:tt)*) => { group!(first 0, $($rows)*) };
    (2, $($rows:tt)*) => { concat!(bin!(1, $($rows)*), group!(next 1, $($rows)*)) };
    (3, $($rows:tt)*) => { concat!(bin!(2, $($rows)*), group!(next 2, $($rows)*)) };
    (4, $($rows:tt)*) => { concat!(bin!(3, $($rows)*), group!(next 3, $($rows)*)) };
}

/// All bins of one depth; their number is at `$index` of the depths.
macro_rules! bins {
    ($depth:tt at $index:literal,
        $($row:literal $left:literal $right:literal $left_sum:literal $right_sum:literal),*) => {
        concat!(
            "movzx {count:e}, word ptr [{depths} + 2 * ", $index, "]\n",
            "test {count:e}, {count:e}\n",
            "jz ", $depth, "3f\n",
            ".p2align 4\n",
            $depth, "2:\n",
            bin!($depth, $($row $left $right $left_sum $right_sum),*),
            "vmovdqa ymm12, ymmword ptr [{ones}]\n",
            $("vpmaddwd ymm", $left, ", ymm", $left, ", ymm12\n",
            "vpmaddwd ymm", $right, ", ymm", $right, ", ymm12\n",)*
            $("vpaddd ymm", $left_sum, ", ymm", $left_sum, ", ymm", $left, "\n",
            "vpaddd ymm", $right_sum, ", ymm", $right_sum, ", ymm", $right, "\n",)*
            "add {groups}, 64 * ", $depth, "\n",
            "add {offsets}, 2 * ", $depth, "\n",
            "dec {count:e}\n",
            "jnz ", $depth, "2b\n",
            $depth, "3:\n",
        )
    };
}

/// Defines a function that multiplies a number of rows: their names; then each name with its registers.
macro_rules! tile {
    ($function:ident, $count:literal, [$($name:ident),*], $($rows:tt)*) => {
        /// Multiplies rows of at least `panel.inputs` bytes each.
        #[inline]
        #[target_feature(enable = "avx2")]
        unsafe fn $function([$($name),*]: [&[u8]; $count], panel: &Panel<'_>) -> [__m256i; 6] {
            let mut sums = [_mm256_setzero_si256(); 6];
            let [a, b, c, d, e, f] = &mut sums;
            // SAFETY: the code reads `groups` and `offsets` to their ends and not further, because the bins of `depths` have
            // as many groups; it reads four bytes of each row at an offset, and every offset is at most `inputs - 4` (both
            // checked by `Linear::read`, which alone makes panels).
            unsafe {
                asm!(
                    concat!(
                        bins!(4 at 0, $($rows)*),
                        bins!(3 at 1, $($rows)*),
                        bins!(2 at 2, $($rows)*),
                        bins!(1 at 3, $($rows)*),
                    ),
                    $($name = in(reg) $name.as_ptr(),)*
                    groups = inout(reg) panel.groups.as_ptr() => _,
                    offsets = inout(reg) panel.offsets.as_ptr() => _,
                    depths = in(reg) panel.depths.as_ptr(),
                    ones = in(reg) &raw const ONES,
                    count = out(reg) _,
                    offset = out(reg) _,
                    inout("ymm0") *a, inout("ymm1") *b, inout("ymm2") *c, inout("ymm3") *d, inout("ymm4") *e, inout("ymm5") *f,
                    out("ymm6") _, out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                    out("ymm12") _, out("ymm13") _, out("ymm14") _, out("ymm15") _,
                    options(nostack, readonly),
                );
            }
            sums
        }
    };
}
tile!(one, 1, [first], "first" 6 7 0 1);
tile!(two, 2, [first, second], "first" 6 7 0 1, "second" 8 9 2 3);
tile!(three, 3, [first, second, third], "first" 6 7 0 1, "second" 8 9 2 3, "third" 10 11 4 5);

impl Bins {
    /// Returns the proof if the processor has AVX2.
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

impl X86Tile for Bins {
    #[inline(always)]
    fn multiply<const R: usize>(self, rows: [&[u8]; R], panel: &Panel<'_>) -> [[__m256i; 2]; R] {
        assert!(rows.iter().all(|row| row.len() == panel.inputs), "rows of another length");
        // SAFETY: there is a `Bins`, so the processor has AVX2; the length of the rows was checked.
        let sums = unsafe {
            match *rows.as_slice() {
                [first] => one([first], panel),
                [first, second] => two([first, second], panel),
                [first, second, third] => three([first, second, third], panel),
                _ => panic!("a tile has one to three rows"),
            }
        };
        let mut rows = [[sums[0], sums[1]]; R];
        for (row, sums) in rows.iter_mut().zip(sums.as_chunks::<2>().0) {
            *row = *sums;
        }
        rows
    }
}
