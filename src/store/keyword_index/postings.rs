//! Byte format of the keyword index: terms as numbers, passages as postings, postings as blobs.

/// Terms of one passage as stored while pending: ascending, each once.
pub(in crate::store) type TermCounts = Vec<(i64, u8)>;

/// Passage with a term, and the term's count in it (at most 255).
pub type Posting = (u32, u8);

/// Blob size at which a new one begins, so that the rows of a term lie side by side in the pages of the table.
pub(super) const CHUNK_BYTES: usize = 800;

/// Hashes a term to its number: FNV-1a, 64 bit (Fowler, Noll, Vo). Two of a million terms share a number with a
/// probability of three in a hundred million, and then only weigh too much.
pub fn term_number(term: &str) -> i64 {
    let hash = term
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// Encodes terms and counts of one passage: 8 bytes for the number, 1 for the count.
pub(in crate::store) fn pack_counts(counts: &[(i64, u8)]) -> Vec<u8> {
    counts.iter().flat_map(|(term, count)| term.to_le_bytes().into_iter().chain([*count])).collect()
}

pub(super) fn unpack_counts(bytes: &[u8]) -> impl Iterator<Item = (i64, u8)> + '_ {
    bytes.as_chunks::<9>().0.iter().map(|chunk| {
        let [number @ .., count] = chunk;
        (i64::from_le_bytes(*number), *count)
    })
}

/// Appends a posting to a blob whose last passage is `previous`, 0 for an empty blob. Doubled distance to the one
/// before, with the low bit set when a count other than 1 follows, in groups of seven bits.
pub(super) fn push_posting(blob: &mut Vec<u8>, previous: u32, (passage, count): Posting) {
    let mut value = u64::from(passage - previous) << 1 | u64::from(count != 1);
    while value >= 0x80 {
        blob.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    blob.push(u8::try_from(value).unwrap_or(0));
    if count != 1 {
        blob.push(count);
    }
}

/// Decodes a blob to its end, or to the first invalid byte: the caller compares with the stored count.
pub(super) fn decode_postings(blob: &[u8], mut each: impl FnMut(Posting)) {
    let mut bytes = blob.iter();
    let mut passage = 0_u64;
    while let Some(first) = bytes.next() {
        let mut value = u64::from(first & 0x7f);
        let (mut last, mut shift) = (*first, 7);
        while last & 0x80 != 0 {
            let Some(next) = bytes.next() else { return };
            if shift > 35 {
                return;
            }
            value |= u64::from(next & 0x7f) << shift;
            shift += 7;
            last = *next;
        }
        let count = if value & 1 == 0 { Some(&1) } else { bytes.next() };
        passage += value >> 1;
        let (Some(count), Ok(passage)) = (count, u32::try_from(passage)) else { return };
        each((passage, *count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_function() {
        assert_eq!(term_number(""), i64::from_ne_bytes(0xcbf2_9ce4_8422_2325_u64.to_ne_bytes()));
        assert_eq!(term_number("a"), i64::from_ne_bytes(0xaf63_dc4c_8601_ec8c_u64.to_ne_bytes()));
    }

    proptest::proptest! {
        #[test]
        fn what_is_pushed_is_read(gaps in proptest::collection::vec((1_u32..300_000, 0_u8..=255), 0..200)) {
            let (mut blob, mut last, mut pushed) = (Vec::new(), 0, Vec::new());
            for (gap, count) in gaps {
                push_posting(&mut blob, last, (last + gap, count));
                last += gap;
                pushed.push((last, count));
            }
            let mut found = Vec::new();
            decode_postings(&blob, |posting| found.push(posting));
            assert_eq!(found, pushed);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(0_u8..=255, 0..100)) {
            let mut count = 0;
            decode_postings(&bytes, |_| count += 1);
            assert!(count <= bytes.len());
        }
    }
}
