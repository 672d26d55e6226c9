//! Sign bits, one per dimension: they preselect the vectors that are compared exactly, at an eighth of the bytes.
//!
//! Signs of centred vectors keep angles: the share of equal signs estimates the cosine (Charikar, 2002). Ours are
//! centred per language by the embedding model and rotated (docs/decisions/0013).
//!
//! Eight rows are interleaved: first the first word of each, then the second of each. So the widest instructions of a
//! processor count eight rows at once, without a sum across lanes at the end of every row.

/// Rows that are interleaved.
pub(super) const INTERLEAVED_ROWS: usize = 8;
/// Distances whose minimum is tested first.
const TESTED_TOGETHER: usize = 16;
/// Rows whose distances are counted before any is tested.
pub(super) const BLOCK: usize = 64;

/// Appends the signs of row number `row` to those of all rows before it.
pub(super) fn push_signs(all: &mut Vec<u64>, row: usize, signs: &[u64]) {
    let start = row / INTERLEAVED_ROWS * INTERLEAVED_ROWS * signs.len();
    if all.len() <= start {
        all.resize(start + INTERLEAVED_ROWS * signs.len(), 0);
    }
    for (word, signs) in signs.iter().enumerate() {
        if let Some(slot) = all.get_mut(start + word * INTERLEAVED_ROWS + row % INTERLEAVED_ROWS) {
            *slot = *signs;
        }
    }
}

/// Returns the signs of one row.
pub(super) fn signs_of_row(all: &[u64], row: usize, words: usize) -> Vec<u64> {
    let start = row / INTERLEAVED_ROWS * INTERLEAVED_ROWS * words + row % INTERLEAVED_ROWS;
    (0..words).filter_map(|word| all.get(start + word * INTERLEAVED_ROWS).copied()).collect()
}

/// Returns the number of words that `rows` rows take, rounded up to whole groups of eight rows.
pub(super) const fn word_count(rows: usize, words: usize) -> usize {
    rows.div_ceil(INTERLEAVED_ROWS) * INTERLEAVED_ROWS * words
}

/// Calls `each` with the number of every one of `count` rows whose signs differ from those of the query in at most
/// `most` places.
pub(super) fn for_each_within(all: &[u64], count: usize, query: &[u64], most: u16, each: &mut impl FnMut(usize)) {
    let mut distances = [0_u16; BLOCK];
    for (block, rows) in all.chunks(BLOCK * query.len().max(1)).enumerate() {
        count_distances(rows, query, &mut distances);
        let found = distances.get(..BLOCK.min(count.saturating_sub(block * BLOCK))).unwrap_or(&[]);
        // Few are near, so the minimum of a group is tested first.
        for (group, few) in found.chunks(TESTED_TOGETHER).enumerate() {
            if few.iter().copied().min().is_some_and(|least| least <= most) {
                for (at, _) in few.iter().enumerate().filter(|(_, distance)| **distance <= most) {
                    each(block * BLOCK + group * TESTED_TOGETHER + at);
                }
            }
        }
    }
}

/// Counts the signs of each row that differ from those of the query; `rows` begins at a group of eight rows.
pub(super) fn count_distances(rows: &[u64], query: &[u64], into: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512vpopcntdq") && std::arch::is_x86_feature_detected!("avx512vl") {
        #[expect(unsafe_code, reason = "the function needs instructions that were just found to be there")]
        // SAFETY: the instructions were detected on this processor.
        unsafe {
            return count_512(rows, query, into);
        }
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "the function needs instructions that were just found to be there")]
        // SAFETY: the instructions were detected on this processor.
        unsafe {
            return count_256(rows, query, into);
        }
    }
    count_portable(rows, query, into);
}

/// Variant of [`count_distances`] for processors that count the bits of eight words in one step.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
fn count_512(rows: &[u64], query: &[u64], into: &mut [u16]) {
    use std::arch::x86_64::{
        __m128i, _mm_storeu_si128, _mm512_add_epi64, _mm512_cvtepi64_epi16, _mm512_loadu_epi64, _mm512_popcnt_epi64,
        _mm512_set1_epi64, _mm512_setzero_si512, _mm512_xor_si512,
    };
    let eights = rows.chunks_exact(INTERLEAVED_ROWS * query.len().max(1));
    for (eight, distances) in eights.zip(into.as_chunks_mut::<INTERLEAVED_ROWS>().0) {
        let mut sums = _mm512_setzero_si512();
        for (words, query) in eight.as_chunks::<INTERLEAVED_ROWS>().0.iter().zip(query) {
            #[expect(unsafe_code, reason = "the load takes a pointer of any alignment")]
            // SAFETY: the array has the 64 bytes that are read, and the instruction needs no alignment.
            let words = unsafe { _mm512_loadu_epi64(words.as_ptr().cast()) };
            let differing = _mm512_xor_si512(words, _mm512_set1_epi64(query.cast_signed()));
            sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(differing));
        }
        #[expect(unsafe_code, clippy::cast_ptr_alignment, reason = "the store takes a pointer of any alignment")]
        // SAFETY: the array has the 16 bytes that are written, and the instruction needs no alignment.
        unsafe {
            _mm_storeu_si128(distances.as_mut_ptr().cast::<__m128i>(), _mm512_cvtepi64_epi16(sums));
        }
    }
}

/// Most words whose counts fit the bytes in which they are summed.
#[cfg(target_arch = "x86_64")]
const WORDS_IN_BYTES: usize = 31;

/// Variant of [`count_distances`] for processors that look up half a byte in a register (Muła, Kurz and Lemire, 2018).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn count_256(rows: &[u64], query: &[u64], into: &mut [u16]) {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi8, _mm256_add_epi64, _mm256_and_si256, _mm256_loadu_si256, _mm256_sad_epu8,
        _mm256_set1_epi8, _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
        _mm256_srli_epi16, _mm256_storeu_si256, _mm256_xor_si256,
    };
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let low = _mm256_set1_epi8(0x0f);
    let eights = rows.chunks_exact(INTERLEAVED_ROWS * query.len().max(1));
    for (eight, distances) in eights.zip(into.as_chunks_mut::<INTERLEAVED_ROWS>().0) {
        let mut sums = [_mm256_setzero_si256(); 2];
        let some = eight.chunks(INTERLEAVED_ROWS * WORDS_IN_BYTES).zip(query.chunks(WORDS_IN_BYTES));
        for (eight, query) in some {
            let mut bytes = [_mm256_setzero_si256(); 2];
            for (words, query) in eight.as_chunks::<INTERLEAVED_ROWS>().0.iter().zip(query) {
                let query = _mm256_set1_epi64x(query.cast_signed());
                for (four, bytes) in words.as_chunks::<4>().0.iter().zip(&mut bytes) {
                    #[expect(unsafe_code, clippy::cast_ptr_alignment, reason = "the load takes any alignment")]
                    // SAFETY: the array has the 32 bytes that are read, and the instruction needs no alignment.
                    let four = unsafe { _mm256_loadu_si256(four.as_ptr().cast::<__m256i>()) };
                    let differing = _mm256_xor_si256(four, query);
                    let lower = _mm256_shuffle_epi8(table, _mm256_and_si256(differing, low));
                    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(differing), low);
                    *bytes = _mm256_add_epi8(*bytes, _mm256_add_epi8(lower, _mm256_shuffle_epi8(table, upper)));
                }
            }
            for (sum, bytes) in sums.iter_mut().zip(bytes) {
                *sum = _mm256_add_epi64(*sum, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
            }
        }
        for (sum, distances) in sums.into_iter().zip(distances.as_chunks_mut::<4>().0) {
            let mut four = [0_u64; 4];
            #[expect(unsafe_code, clippy::cast_ptr_alignment, reason = "the store takes a pointer of any alignment")]
            // SAFETY: the array has the 32 bytes that are written, and the instruction needs no alignment.
            unsafe {
                _mm256_storeu_si256(four.as_mut_ptr().cast::<__m256i>(), sum);
            }
            for (distance, sum) in distances.iter_mut().zip(four) {
                *distance = u16::try_from(sum).unwrap_or(u16::MAX);
            }
        }
    }
}

fn count_portable(rows: &[u64], query: &[u64], into: &mut [u16]) {
    let eights = rows.chunks_exact(INTERLEAVED_ROWS * query.len().max(1));
    for (eight, distances) in eights.zip(into.as_chunks_mut::<INTERLEAVED_ROWS>().0) {
        let mut sums = [0_u64; INTERLEAVED_ROWS];
        for (words, query) in eight.as_chunks::<INTERLEAVED_ROWS>().0.iter().zip(query) {
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum += u64::from((word ^ query).count_ones());
            }
        }
        for (distance, sum) in distances.iter_mut().zip(sums) {
            *distance = u16::try_from(sum).unwrap_or(u16::MAX);
        }
    }
}

/// Returns the distance within which at least `wanted` of these lie; `u16::MAX` when there are fewer.
pub(super) fn distance_threshold(distances: &[u16], wanted: usize) -> u16 {
    let mut counts = vec![0_usize; usize::from(distances.iter().copied().max().unwrap_or(0)) + 1];
    for distance in distances {
        if let Some(count) = counts.get_mut(usize::from(*distance)) {
            *count += 1;
        }
    }
    let mut sum = 0;
    let found = counts.iter().position(|count| {
        sum += count;
        sum >= wanted
    });
    found.and_then(|distance| u16::try_from(distance).ok()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counts_of_differing_signs() {
        for words in [2, 6, 40] {
            let query = vec![u64::MAX; words];
            let (mut all, mut near, mut far) = (Vec::new(), query.clone(), query.clone());
            near[0] = u64::MAX - 5;
            far[1] = 0;
            for row in 0..131 {
                push_signs(
                    &mut all,
                    row,
                    if row == 70 {
                        &near
                    } else if row == 129 {
                        &far
                    } else {
                        &query
                    },
                );
            }
            assert_eq!((signs_of_row(&all, 70, words), signs_of_row(&all, 129, words)), (near, far));
            assert_eq!(all.len(), word_count(131, words));
            let found = |most| {
                let mut found = Vec::new();
                for_each_within(&all, 131, &query, most, &mut |row| found.push(row));
                found
            };
            assert_eq!((found(1).len(), found(2).len(), found(63).len(), found(64).len()), (129, 130, 130, 131));
            assert!(!found(1).contains(&70) && !found(63).contains(&129));
            let (mut fast, mut plain, mut half) = ([0; BLOCK], [0; BLOCK], [0; BLOCK]);
            let block = &all[BLOCK * words..2 * BLOCK * words];
            count_distances(block, &query, &mut fast);
            count_portable(block, &query, &mut plain);
            assert_eq!(fast, plain);
            assert_eq!((fast[6], fast[7]), (2, 0));
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                #[expect(unsafe_code, reason = "the function needs instructions that were just found to be there")]
                // SAFETY: AVX2 was detected on this processor.
                unsafe {
                    count_256(block, &query, &mut half);
                }
                assert_eq!(half, plain);
            }
        }
    }

    #[test]
    fn a_threshold_lets_enough_in() {
        assert_eq!(distance_threshold(&[5, 1, 9, 1, 3], 3), 3);
        assert_eq!(distance_threshold(&[5, 1], 9), u16::MAX);
        assert_eq!(distance_threshold(&[], 1), u16::MAX);
    }
}
