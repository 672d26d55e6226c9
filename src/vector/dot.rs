//! Dot products of int8 codes, with the widest instructions that this processor has. The only file of this module that
//! names them besides `signs`; every variant gives the same numbers.

/// Computes the dot product of each row of `codes` with `query`; rows are as long as the query.
pub(super) fn dot_rows(codes: &[i8], query: &[i8], into: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the function needs instructions that were just found to be there")]
        // SAFETY: AVX2 was detected on this processor.
        unsafe {
            return dot_rows_avx2(codes, query, into);
        }
    }
    dot_rows_portable(codes, query, into);
}

/// Prefetch distance in bytes.
#[cfg(target_arch = "x86_64")]
const PREFETCH_BYTES: usize = 3072;

/// Computes four rows per step, so that the query is loaded once for all four and their sums are independent.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_rows_avx2(codes: &[i8], query: &[i8], into: &mut [i32]) {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm_storeu_si128, _mm256_castsi256_si128,
        _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_setzero_si256,
    };
    let width = query.len().max(1);
    let (quads, rest) = codes.split_at(codes.len() / (4 * width) * 4 * width);
    let (into_quads, into_rest) = into.split_at_mut((quads.len() / width).min(into.len()));
    let (query_chunks, query_rest) = query.as_chunks::<32>();
    for (rows, dots) in quads.chunks_exact(4 * width).zip(into_quads.as_chunks_mut::<4>().0) {
        let (ab, cd) = rows.split_at(2 * width);
        let ((a, b), (c, d)) = (ab.split_at(width), cd.split_at(width));
        let (a, b, c, d) = (a.as_chunks::<32>(), b.as_chunks::<32>(), c.as_chunks::<32>(), d.as_chunks::<32>());
        let mut sums = [_mm256_setzero_si256(); 4];
        for ((((a, b), c), d), query) in a.0.iter().zip(b.0).zip(c.0).zip(d.0).zip(query_chunks) {
            let query = load_codes(query);
            let [sum_a, sum_b, sum_c, sum_d] = sums;
            sums = [
                add_products(sum_a, a, query),
                add_products(sum_b, b, query),
                add_products(sum_c, c, query),
                add_products(sum_d, d, query),
            ];
        }
        // Reduces the four sums of eight lanes to four numbers.
        let [sum_a, sum_b, sum_c, sum_d] = sums;
        let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(sum_a, sum_b), _mm256_hadd_epi32(sum_c, sum_d));
        let four = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
        #[expect(unsafe_code, clippy::cast_ptr_alignment, reason = "the store takes a pointer of any alignment")]
        // SAFETY: the array has the 16 bytes that are written, and the instruction needs no alignment.
        unsafe {
            _mm_storeu_si128(dots.as_mut_ptr().cast::<__m128i>(), four);
        }
        for (dot, rest) in dots.iter_mut().zip([a.1, b.1, c.1, d.1]) {
            *dot += dot_scalar(rest, query_rest);
        }
    }
    for (row, dot) in rest.chunks_exact(width).zip(into_rest) {
        let (chunks, rest) = row.as_chunks::<32>();
        let mut sum = _mm256_setzero_si256();
        for (chunk, query) in chunks.iter().zip(query_chunks) {
            sum = add_products(sum, chunk, load_codes(query));
        }
        let half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        let quarter = _mm_add_epi32(half, _mm_shuffle_epi32::<0b1110>(half));
        let whole = _mm_add_epi32(quarter, _mm_shuffle_epi32::<1>(quarter));
        *dot = _mm_cvtsi128_si32(whole) + dot_scalar(rest, query_rest);
    }
}

/// Adds the products of 32 codes: `|a| · sign(b, a)` summed in pairs to 16 bits, which 127 × 127 × 2 does not overflow, then
/// to 32.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn add_products(
    sum: std::arch::x86_64::__m256i,
    codes: &[i8; 32],
    query: std::arch::x86_64::__m256i,
) -> std::arch::x86_64::__m256i {
    use std::arch::x86_64::{
        _MM_HINT_T0, _mm_prefetch, _mm256_abs_epi8, _mm256_add_epi32, _mm256_madd_epi16, _mm256_maddubs_epi16,
        _mm256_set1_epi16, _mm256_sign_epi8,
    };
    // The scan is bound by memory; the processor does not look far enough ahead by itself.
    _mm_prefetch::<_MM_HINT_T0>(codes.as_ptr().wrapping_add(PREFETCH_BYTES));
    let codes = load_codes(codes);
    let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(query, codes));
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn load_codes(codes: &[i8; 32]) -> std::arch::x86_64::__m256i {
    use std::arch::x86_64::{__m256i, _mm256_loadu_si256};
    #[expect(unsafe_code, clippy::cast_ptr_alignment, reason = "the load takes a pointer of any alignment")]
    // SAFETY: the chunk has the 32 bytes that are read, and the instruction needs no alignment.
    unsafe {
        _mm256_loadu_si256(codes.as_ptr().cast::<__m256i>())
    }
}

/// Returns the dot product of two codes of the same length.
pub(super) fn dot_pair(left: &[i8], right: &[i8]) -> i32 {
    let mut into = [0];
    dot_rows(left, right, &mut into);
    let [dot] = into;
    dot
}

/// Prefetches a row that will be read soon.
#[cfg(target_arch = "x86_64")]
pub(super) fn prefetch_row<T>(row: &[T]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in row.chunks((64 / size_of::<T>()).max(1)) {
        #[expect(unsafe_code, reason = "the instruction is part of every processor of this architecture")]
        // SAFETY: prefetching reads nothing that the program can see, and the pointer is valid.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
}

/// Does nothing: other processors are left to their hardware prefetcher.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const fn prefetch_row<T>(_row: &[T]) {}

fn dot_rows_portable(codes: &[i8], query: &[i8], into: &mut [i32]) {
    let (query_chunks, query_rest) = query.as_chunks::<16>();
    let pair = |(a, b): (&i8, &i8)| i32::from(i16::from(*a) * i16::from(*b));
    for (row, dot) in codes.chunks_exact(query.len().max(1)).zip(into) {
        let (chunks, rest) = row.as_chunks::<16>();
        let whole: i32 = chunks.iter().zip(query_chunks).map(|(a, b)| a.iter().zip(b).map(pair).sum::<i32>()).sum();
        *dot = whole + dot_scalar(rest, query_rest);
    }
}

fn dot_scalar(left: &[i8], right: &[i8]) -> i32 {
    left.iter().zip(right).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn all_variants_agree(
            query in proptest::collection::vec(-127_i8..=127, 1..100),
            seed in proptest::collection::vec(-127_i8..=127, 300),
        ) {
            let codes: Vec<i8> = seed.iter().copied().cycle().take(query.len() * 7).collect();
            let (mut fast, mut plain) = ([0; 7], [0; 7]);
            dot_rows(&codes, &query, &mut fast);
            dot_rows_portable(&codes, &query, &mut plain);
            let simple: Vec<i32> = codes
                .chunks(query.len())
                .map(|row| row.iter().zip(&query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum())
                .collect();
            assert_eq!(fast.as_slice(), simple.as_slice());
            assert_eq!(plain, fast);
        }
    }
}
