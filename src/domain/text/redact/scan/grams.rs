//! Pieces of three bytes: which of them a text has, and where in it a name or a token may begin.
//!
//! Most literals that the stages look for do not occur in a text. One pass over it tells so for all of them, where a
//! search for each would read it a hundred times.

use std::sync::LazyLock;

use super::byte_set::{PROGRAM_NAME, WORD};
use super::noted_words;

/// Slots of the tables. Pieces may share one, so that a piece that is missing is certain and one that is there is not.
const SLOTS: usize = 1 << 14;
/// Bits of a hash above the number of a slot.
const SHIFT: u32 = u32::BITS - SLOTS.trailing_zeros();
/// Bytes that are read before what begins among them is noted.
const BLOCK: usize = 64;
/// A name may begin at the piece.
pub(super) const NAME: u8 = 1;
/// A token may begin at the piece.
pub(super) const TOKEN: u8 = 2;
/// A token may begin at the piece, also behind a letter.
pub(super) const INNER_TOKEN: u8 = 4;
/// The name of a program may begin at the piece.
pub(super) const PROGRAM: u8 = 8;
/// A word that announces a user and a password may begin at the piece.
pub(super) const PAIR: u8 = 16;

/// What may begin at the piece of each slot.
static BEGINNINGS: LazyLock<Box<[u8; SLOTS]>> = LazyLock::new(|| {
    let mut table = Box::new([0; SLOTS]);
    let mut mark = |start: &[u8], third: u8, kind: u8| {
        let piece: Vec<u8> = start.iter().take(2).copied().chain([third]).collect();
        if let Some(kinds) = table.get_mut(slot_of_bytes(&piece)) {
            *kinds |= kind;
        }
    };
    for (word, after, kind) in noted_words() {
        match word.as_bytes().get(2) {
            Some(third) => mark(word.as_bytes(), *third, kind),
            None => {
                (0..=u8::MAX)
                    .filter(|third| after.is_none_or(|after| after.contains(*third)))
                    .for_each(|third| mark(word.as_bytes(), third, kind));
            }
        }
    }
    table
});

/// What may begin behind each byte.
static BEHIND: LazyLock<Box<[u8; 256]>> = LazyLock::new(|| {
    let mut table = Box::new([NAME | PAIR | INNER_TOKEN; 256]);
    for (byte, kinds) in (0..=u8::MAX).zip(table.iter_mut()) {
        *kinds |= if WORD.contains(byte) { 0 } else { TOKEN };
        // A dash may be the mark of a removed line: `commands` looks at what is before it.
        let is_before_program = (!PROGRAM_NAME.contains(byte) || byte == b'-') && !matches!(byte, b'.' | b'=');
        *kinds |= if is_before_program { PROGRAM } else { 0 };
    }
    table
});

/// Returns the piece of the last three bytes of a window. Letters of both cases count as one.
const fn fold(window: u32) -> u32 {
    (window | 0x0020_2020) & 0x00ff_ffff
}

/// Returns the slot of three bytes.
pub(super) fn slot_of_bytes(bytes: &[u8]) -> usize {
    slot_of(fold(bytes.iter().fold(0, |window, byte| window << 8 | u32::from(*byte))))
}

/// Returns the slot of a piece (Knuth's multiplicative hash).
const fn slot_of(piece: u32) -> usize {
    (piece.wrapping_mul(0x9e37_79b1) >> SHIFT) as usize
}

/// The pieces of a text.
#[derive(Debug, Default)]
pub(super) struct Grams {
    seen: Vec<bool>,
    names: Vec<usize>,
    tokens: Vec<usize>,
    programs: Vec<usize>,
    pairs: Vec<usize>,
}

impl Grams {
    /// Reads a text.
    pub(super) fn of(text: &str) -> Self {
        let mut grams = Self { seen: vec![false; SLOTS], ..Self::default() };
        let Some((head, rest)) = text.as_bytes().split_at_checked(2) else { return grams };
        // The bytes of a piece and the one before it.
        let mut window = head.iter().fold(u32::from(b' '), |window, byte| window << 8 | u32::from(*byte));
        for (start, block) in (0..).step_by(BLOCK).zip(rest.chunks(BLOCK)) {
            window = grams.read_block(start, block, window);
        }
        // The last bytes begin a piece too.
        grams.read_block(rest.len(), &[0; 2], window);
        grams
    }

    /// Reads the pieces that end with the bytes of a block; `start` is where the first of them begins. Returns the window
    /// at the end of the block.
    fn read_block(&mut self, start: usize, block: &[u8], mut window: u32) -> u32 {
        let (beginnings, behind) = (&**BEGINNINGS, &**BEHIND);
        let Some(seen) = self.seen.first_chunk_mut::<SLOTS>() else { return window };
        let (mut kinds, mut marked) = ([0; BLOCK], 0u64);
        for (index, (byte, kinds)) in block.iter().zip(&mut kinds).enumerate() {
            window = window << 8 | u32::from(*byte);
            let slot = slot_of(fold(window));
            if let Some(seen) = seen.get_mut(slot) {
                *seen = true;
            }
            let before = behind.get(usize::from(window.to_be_bytes()[0])).copied().unwrap_or(0);
            *kinds = beginnings.get(slot).copied().unwrap_or(0) & before;
            marked |= u64::from(*kinds != 0) << index;
        }
        while marked != 0 {
            let index = marked.trailing_zeros() as usize;
            marked &= marked - 1;
            self.add(start + index, kinds.get(index).copied().unwrap_or(0));
        }
        window
    }

    fn add(&mut self, at: usize, kinds: u8) {
        let places = [
            (NAME, &mut self.names),
            (TOKEN | INNER_TOKEN, &mut self.tokens),
            (PROGRAM, &mut self.programs),
            (PAIR, &mut self.pairs),
        ];
        places.into_iter().filter(|(kind, _)| kinds & kind != 0).for_each(|(_, places)| places.push(at));
    }

    /// Returns where names may begin, in order.
    pub(super) fn names(&self) -> &[usize] {
        &self.names
    }

    /// Returns where tokens may begin, in order.
    pub(super) fn tokens(&self) -> &[usize] {
        &self.tokens
    }

    /// Returns where words may begin that announce a user and a password, in order.
    pub(super) fn pairs(&self) -> &[usize] {
        &self.pairs
    }

    /// Returns where names of programs may begin, in order.
    pub(super) fn programs(&self) -> &[usize] {
        &self.programs
    }

    /// Returns true if the text may have all of these pieces.
    pub(super) fn has_all(&self, slots: &[usize]) -> bool {
        slots.iter().all(|slot| self.seen.get(*slot).copied().unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_noted() {
        let grams = Grams::of("a PWD and a sk-x, pw");
        assert!(grams.names().contains(&2) && grams.names().contains(&18) && grams.tokens().contains(&12));
        assert_eq!(Grams::of("pw是").names(), [0], "any byte may follow");
        assert!(Grams::of("").names().is_empty() && Grams::of("p").names().is_empty());
    }
}
