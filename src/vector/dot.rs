//! Dot products of int8 codes, with the widest instructions that this processor has. The only place in this room that names
//! them; every variant gives the same numbers.

/// The dot product of each row of `codes` with `query`; rows are as long as the query.
pub(super) fn rows(codes: &[i8], query: &[i8], into: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the function needs instructions that were just found to be there")]
        // SAFETY: AVX2 was detected on this processor.
        unsafe {
            return rows_avx2(codes, query, into);
        }
    }
    rows_portable(codes, query, into);
}

/// Bytes between what is computed and what is fetched.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 1536;

/// 32 codes a step: `|a| · sign(b, a)` summed in pairs to 16 bits, which 127 × 127 × 2 does not overflow, then to 32.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn rows_avx2(codes: &[i8], query: &[i8], into: &mut [i32]) {
    use std::arch::x86_64::{
        __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_abs_epi8, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_sign_epi8, _mm256_storeu_si256,
    };
    let load = |chunk: &[i8; 32]| {
        #[expect(unsafe_code, clippy::cast_ptr_alignment, reason = "the load takes a pointer of any alignment")]
        // SAFETY: the chunk has the 32 bytes that are read, and the instruction needs no alignment.
        unsafe {
            _mm256_loadu_si256(chunk.as_ptr().cast::<__m256i>())
        }
    };
    let ones = _mm256_set1_epi16(1);
    let (query_chunks, query_rest) = query.as_chunks::<32>();
    for (row, dot) in codes.chunks_exact(query.len().max(1)).zip(into) {
        let (chunks, rest) = row.as_chunks::<32>();
        let mut sum = _mm256_setzero_si256();
        for (a, b) in chunks.iter().zip(query_chunks) {
            // The scan is bound by memory; the processor does not look far enough ahead by itself (1.5 KiB, measured).
            _mm_prefetch::<_MM_HINT_T0>(a.as_ptr().wrapping_add(AHEAD));
            let (a, b) = (load(a), load(b));
            let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        let mut lanes = [0_i32; 8];
        #[expect(unsafe_code, clippy::cast_ptr_alignment, reason = "the store takes a pointer of any alignment")]
        // SAFETY: the array has the 32 bytes that are written, and the instruction needs no alignment.
        unsafe {
            _mm256_storeu_si256(lanes.as_mut_ptr().cast::<__m256i>(), sum);
        }
        *dot = lanes.iter().sum::<i32>() + plain(rest, query_rest);
    }
}

/// The dot product of two codes of the same length.
pub(super) fn one(left: &[i8], right: &[i8]) -> i32 {
    let mut into = [0];
    rows(left, right, &mut into);
    let [dot] = into;
    dot
}

/// Asks for the bytes of a row that will be needed soon.
#[cfg(target_arch = "x86_64")]
pub(super) fn fetch(row: &[i8]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in row.chunks(64) {
        #[expect(unsafe_code, reason = "the instruction is part of every processor of this architecture")]
        // SAFETY: prefetching reads nothing that the program can see, and the pointer is valid.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr());
        }
    }
}

/// The processor looks ahead by itself as far as it can.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const fn fetch(_row: &[i8]) {}

fn rows_portable(codes: &[i8], query: &[i8], into: &mut [i32]) {
    let (query_chunks, query_rest) = query.as_chunks::<16>();
    let pair = |(a, b): (&i8, &i8)| i32::from(i16::from(*a) * i16::from(*b));
    for (row, dot) in codes.chunks_exact(query.len().max(1)).zip(into) {
        let (chunks, rest) = row.as_chunks::<16>();
        let whole: i32 = chunks.iter().zip(query_chunks).map(|(a, b)| a.iter().zip(b).map(pair).sum::<i32>()).sum();
        *dot = whole + plain(rest, query_rest);
    }
}

fn plain(left: &[i8], right: &[i8]) -> i32 {
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
            let codes: Vec<i8> = seed.iter().copied().cycle().take(query.len() * 3).collect();
            let (mut fast, mut plain) = ([0; 3], [0; 3]);
            rows(&codes, &query, &mut fast);
            rows_portable(&codes, &query, &mut plain);
            let simple: Vec<i32> = codes
                .chunks(query.len())
                .map(|row| row.iter().zip(&query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum())
                .collect();
            assert_eq!(fast.as_slice(), simple.as_slice());
            assert_eq!(plain, fast);
        }
    }
}
