//! One bit per dimension: the sign. Tells which vectors are worth comparing exactly, at an eighth of the bytes.
//!
//! Signs of centred vectors keep angles: the share of equal signs estimates the cosine (Charikar, 2002). Ours are centred per
//! language by the encoder and rotated (docs/decisions/0013).

/// Rows that are counted before any is looked at.
const BLOCK: usize = 64;

/// Calls `each` with the number of every row whose signs differ from those of the query in at most `most` places, and in
/// how many.
pub(super) fn within(rows: &[u64], query: &[u64], most: u16, each: &mut impl FnMut(usize, u16)) {
    let mut distances = [0_u16; BLOCK];
    for (block, rows) in rows.chunks(BLOCK * query.len().max(1)).enumerate() {
        distances_to(rows, query, &mut distances);
        for (at, distance) in distances.iter().take(rows.len() / query.len().max(1)).enumerate() {
            if *distance <= most {
                each(block * BLOCK + at, *distance);
            }
        }
    }
}

/// How many signs of each row differ from those of the query.
pub(super) fn distances_to(rows: &[u64], query: &[u64], into: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "the function needs an instruction that was just found to be there")]
        // SAFETY: the instruction was detected on this processor.
        unsafe {
            count_fast(rows, query, into);
        }
        return;
    }
    count(rows, query, into);
}

/// As [`count`], compiled for a processor that counts bits in one step.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn count_fast(rows: &[u64], query: &[u64], into: &mut [u16]) {
    count(rows, query, into);
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it must be compiled anew inside the function that allows more instructions")]
fn count(rows: &[u64], query: &[u64], into: &mut [u16]) {
    // The length of the encoder that ships is known to the compiler, which then needs no inner loop.
    if let Ok(query) = <&[u64; 6]>::try_from(query) {
        for (row, distance) in rows.as_chunks::<6>().0.iter().zip(into) {
            *distance = difference(row, query);
        }
    } else {
        for (row, distance) in rows.chunks_exact(query.len().max(1)).zip(into) {
            *distance = difference(row, query);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as its caller")]
fn difference(row: &[u64], query: &[u64]) -> u16 {
    u16::try_from(row.iter().zip(query).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()).unwrap_or(u16::MAX)
}

/// The distance within which at least `wanted` of these lie.
pub(super) fn threshold(distances: &[u16], wanted: usize) -> u16 {
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
        for words in [2, 6] {
            let query = vec![u64::MAX; words];
            let mut rows = query.repeat(130);
            rows[70 * words] = u64::MAX - 5;
            rows[129 * words + 1] = 0;
            let mut found = Vec::new();
            within(&rows, &query, 64, &mut |row, distance| {
                if distance > 0 {
                    found.push((row, distance));
                }
            });
            assert_eq!(found, [(70, 2), (129, 64)]);
        }
    }

    #[test]
    fn a_threshold_lets_enough_in() {
        assert_eq!(threshold(&[5, 1, 9, 1, 3], 3), 3);
        assert_eq!(threshold(&[5, 1], 9), u16::MAX);
        assert_eq!(threshold(&[], 1), u16::MAX);
    }
}
