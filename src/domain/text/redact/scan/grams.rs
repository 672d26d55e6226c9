//! Pieces of three bytes: which of them a text has, and where in it a name or a token may begin.
//!
//! Most literals that the stages look for do not occur in a text. One pass over it tells so for all of them, where a
//! search for each would read it a hundred times.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::byte_set::ByteSet;
use super::view::View;
use super::{assignments, commands, tokens};

/// Slots of the tables. Pieces may share one, so that a piece that is missing is certain and one that is there is not.
const SLOTS: usize = 1 << 14;
/// Bits of a hash above the number of a slot.
const SHIFT: u32 = u32::BITS - SLOTS.trailing_zeros();
/// Slots in a number of [`Grams::seen`].
const WORD: usize = u64::BITS as usize;
/// A name may begin at the piece.
const NAME: u8 = 1;
/// A token may begin at the piece.
const TOKEN: u8 = 2;
/// The name of a program may begin at the piece.
const PROGRAM: u8 = 4;

static ANY: ByteSet = ByteSet::parse("\0-\x7f");

/// What may begin at the piece of each slot.
static BEGINNINGS: LazyLock<Box<[u8; SLOTS]>> = LazyLock::new(|| {
    let mut table = Box::new([0; SLOTS]);
    let mut mark = |start: &[u8], third: u8, kind: u8| {
        let piece = start.iter().take(2).fold(0, |piece, byte| push(piece, *byte));
        if let Some(kinds) = table.get_mut(slot_of(push(piece, third))) {
            *kinds |= kind;
        }
    };
    let names = assignments::stems().map(|stem| (stem, &ANY, NAME));
    let tokens = tokens::prefixes().map(|(prefix, body)| (prefix, body, TOKEN));
    let programs = commands::programs().map(|(name, after)| (name, after, PROGRAM));
    for (word, after, kind) in names.chain(tokens).chain(programs) {
        match word.as_bytes().get(2) {
            Some(third) => mark(word.as_bytes(), *third, kind),
            None => (0..=u8::MAX).filter(|third| after.contains(*third)).for_each(|third| mark(word.as_bytes(), third, kind)),
        }
    }
    table
});

/// Appends a byte to a piece. Letters of both cases count as one.
const fn push(piece: u32, byte: u8) -> u32 {
    (piece << 8 | (byte | 0x20) as u32) & 0x00ff_ffff
}

/// Returns the slot of a piece (Knuth's multiplicative hash).
const fn slot_of(piece: u32) -> usize {
    (piece.wrapping_mul(0x9e37_79b1) >> SHIFT) as usize
}

/// The pieces of a text.
#[derive(Debug)]
pub(super) struct Grams {
    seen: [u64; SLOTS / WORD],
    names: Vec<usize>,
    tokens: Vec<usize>,
    programs: Vec<usize>,
}

impl Grams {
    /// Reads a text.
    pub(super) fn of(text: &str) -> Self {
        let mut grams = Self { seen: [0; SLOTS / WORD], names: Vec::new(), tokens: Vec::new(), programs: Vec::new() };
        let bytes = text.as_bytes();
        let (head, rest) = bytes.split_at(bytes.len().min(2));
        let beginnings = &**BEGINNINGS;
        let mut piece = head.iter().fold(0, |piece, byte| push(piece, *byte));
        for (at, byte) in rest.iter().enumerate() {
            piece = push(piece, *byte);
            grams.read(at, piece, beginnings);
        }
        // The last bytes begin a piece too.
        for at in rest.len()..bytes.len() {
            piece = push(piece, 0);
            grams.read(at, piece, beginnings);
        }
        grams
    }

    #[inline]
    fn read(&mut self, at: usize, piece: u32, beginnings: &[u8; SLOTS]) {
        let slot = slot_of(piece);
        if let Some(seen) = self.seen.get_mut(slot / WORD) {
            *seen |= 1 << (slot % WORD);
        }
        let kinds = beginnings.get(slot).copied().unwrap_or(0);
        if kinds == 0 {
            return;
        }
        if kinds & NAME != 0 {
            self.names.push(at);
        }
        if kinds & TOKEN != 0 {
            self.tokens.push(at);
        }
        if kinds & PROGRAM != 0 {
            self.programs.push(at);
        }
    }

    /// Returns where names may begin, in order.
    pub(super) fn names(&self) -> &[usize] {
        &self.names
    }

    /// Returns where tokens may begin, in order.
    pub(super) fn tokens(&self) -> &[usize] {
        &self.tokens
    }

    /// Returns where names of programs may begin, in order.
    pub(super) fn programs(&self) -> &[usize] {
        &self.programs
    }

    fn has_all(&self, slots: &[usize]) -> bool {
        slots.iter().all(|slot| self.seen.get(slot / WORD).is_some_and(|seen| seen >> (slot % WORD) & 1 == 1))
    }
}

/// A text that is looked for in many others.
#[derive(Debug)]
pub(super) struct Literal {
    finder: Finder<'static>,
    /// Slots of its pieces. A text without one of them has it in no case.
    slots: Vec<usize>,
}

impl Literal {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let slots = bytes.windows(3).map(|piece| slot_of(piece.iter().fold(0, |piece, byte| push(piece, *byte))));
        Self { finder: Finder::new(text).into_owned(), slots: slots.collect() }
    }

    /// Returns false if the view has the text in no case; true says nothing.
    pub(super) fn may_occur_in(&self, view: &View<'_>) -> bool {
        view.grams().has_all(&self.slots)
    }

    /// Returns true if the view has the text.
    pub(super) fn occurs_in(&self, view: &View<'_>) -> bool {
        self.may_occur_in(view) && self.finder.find(view.text().as_bytes()).is_some()
    }

    /// Returns the places of the text in the view, in order and disjoint.
    pub(super) fn find_in<'a>(&'a self, view: &'a View<'_>) -> impl Iterator<Item = usize> + 'a {
        let text = if self.may_occur_in(view) { view.text() } else { "" };
        self.finder.find_iter(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_and_beginnings_marked() {
        let view = View::of("a PWD and a sk-x, pw");
        assert!(Literal::new("sk-").occurs_in(&view) && Literal::new("pwd").may_occur_in(&view));
        assert!(!Literal::new("pwd").occurs_in(&view) && !Literal::new("token").may_occur_in(&view));
        assert_eq!(Literal::new("a ").find_in(&view).collect::<Vec<_>>(), [0, 10]);
        assert!(view.grams().names().contains(&2) && view.grams().names().contains(&18));
        assert!(view.grams().tokens().contains(&12));
        assert!(Grams::of("").names().is_empty() && Grams::of("p").names().is_empty());
    }
}
