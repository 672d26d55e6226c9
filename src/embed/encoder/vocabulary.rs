//! The tokenizer: SentencePiece's unigram model with the pieces, scores and normalisation of multilingual-e5-small.
//!
//! Gives the ids that the `tokenizers` package gives for `models/e5-small-zhen.tokenizer.json`; a test compares both.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::arrays::{Damaged, Reader};

/// Names that stand for a token wherever they are in a text, and the ids of these tokens.
const SPECIAL: [(&str, u32); 4] = [("<s>", BEGIN), ("<pad>", 1), ("</s>", END), ("<unk>", UNKNOWN)];
const BEGIN: u32 = 0;
const END: u32 = 2;
/// The id of what no piece covers.
pub(crate) const UNKNOWN: u32 = 3;
/// A space, as pieces have it.
const META: char = '▁';
/// What an unknown character costs more than the rarest piece.
const PENALTY: f64 = 10.0;
/// Longer runs of characters are taken one by one by the normaliser.
const LONGEST_CLUSTER: usize = 5;

/// Pieces and rules.
#[derive(Debug)]
pub struct Vocabulary<'a> {
    characters: Trie<'a>,
    replacements: &'a [u8],
    pieces: Trie<'a>,
    scores: &'a [f64],
    unknown: f64,
}

/// A double array as the Darts-clone library lays it out: from each prefix to a value.
#[derive(Debug, Clone, Copy)]
struct Trie<'a>(&'a [u32]);

impl Trie<'_> {
    /// Every entry that `key` begins with, shortest first: its length and its value.
    #[inline]
    fn prefixes(self, key: &[u8]) -> impl Iterator<Item = (usize, u32)> {
        let Self(units) = self;
        let step = |unit: u32| ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize;
        let mut at = units.first().map_or(0, |root| step(*root));
        let bytes = key.iter().take_while(|byte| **byte != 0).enumerate();
        let nodes = bytes.map_while(move |(index, byte)| {
            let node = at ^ usize::from(*byte);
            let unit = *units.get(node)?;
            // The label must be this byte, and the node not a value.
            if unit & (1 << 31 | 0xFF) != u32::from(*byte) {
                return None;
            }
            at = node ^ step(unit);
            let value = if unit & (1 << 8) == 0 { None } else { units.get(at) };
            Some(value.map(|value| (index + 1, value & !(1 << 31))))
        });
        nodes.flatten()
    }
}

/// The best way to a place in a word: its score, where its last piece begins, and that piece.
#[derive(Debug, Clone, Copy)]
struct Step {
    score: f64,
    start: usize,
    piece: u32,
}

impl<'a> Vocabulary<'a> {
    /// Reads the file; copies nothing.
    ///
    /// # Errors
    /// [`Damaged`] for bytes that are not such a file.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let (mut reader, [characters, replacements, pieces, scores]) = Reader::open(bytes, *b"e5vocab1")?;
        let (characters, replacements) = (Trie(reader.take(characters)?), reader.take(replacements)?);
        let (pieces, scores) = (Trie(reader.take(pieces)?), reader.take(scores)?);
        let least: &[f64] = reader.take(1)?;
        reader.finish()?;
        Ok(Self { characters, replacements, pieces, scores, unknown: least[0] - PENALTY })
    }

    /// Counts the token ids.
    pub const fn ids(&self) -> usize {
        self.scores.len()
    }

    /// The ids of a text between those of its begin and end, `most` at most; what is longer is cut off.
    pub fn encode(&self, text: &str, most: usize) -> Vec<u32> {
        let mut ids = vec![BEGIN];
        let mut rest = text;
        let mut path = Vec::new();
        while !rest.is_empty() && ids.len() < most {
            let special = rest.match_indices('<').find_map(|(at, _)| {
                let (before, from) = rest.split_at(at);
                SPECIAL.iter().find_map(|(name, id)| Some((before, from.strip_prefix(name)?, *id)))
            });
            let (plain, after) = special.map_or((rest, None), |(before, after, id)| (before, Some((after, id))));
            let words = self.to_words(plain);
            for word in split_words(&words) {
                self.cut(word, &mut path, &mut ids);
                if ids.len() >= most {
                    break;
                }
            }
            rest = after.map_or("", |(after, id)| {
                ids.push(id);
                after
            });
        }
        ids.truncate(most.saturating_sub(1));
        ids.push(END);
        ids
    }

    /// Normalises a text and writes its spaces as [`META`]: one before the first word, one for each run of spaces.
    fn to_words(&self, text: &str) -> String {
        let normal = self.normalise(text);
        let mut words = String::with_capacity(normal.len() + 16);
        if !normal.is_empty() && !normal.starts_with([' ', META]) {
            words.push(META);
        }
        let mut after_space = false;
        for character in normal.chars() {
            let space = character == ' ';
            if !space {
                words.push(character);
            } else if !after_space {
                words.push(META);
            }
            after_space = space;
        }
        words
    }

    /// Replaces characters, and short clusters of them, as the model's table says (NFKC, mostly).
    fn normalise<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return text.into();
        }
        let mut normal = String::with_capacity(text.len());
        for cluster in text.graphemes(true) {
            let whole = if cluster.len() <= LONGEST_CLUSTER { self.replacement(cluster) } else { None };
            if let Some(replacement) = whole {
                normal.push_str(replacement);
                continue;
            }
            for character in cluster.chars() {
                let mut buffer = [0; 4];
                let character = &*character.encode_utf8(&mut buffer);
                normal.push_str(self.replacement(character).unwrap_or(character));
            }
        }
        normal.into()
    }

    /// What the shortest entry that begins `part` is replaced with.
    fn replacement(&self, part: &str) -> Option<&str> {
        let (_, start) = self.characters.prefixes(part.as_bytes()).next()?;
        let rest = self.replacements.get(usize::try_from(start).ok()?..)?;
        let replacement = rest.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(replacement).ok()
    }

    /// Appends the pieces of the best way to cut a word. Unknown characters side by side are one piece.
    fn cut(&self, word: &str, path: &mut Vec<Option<Step>>, ids: &mut Vec<u32>) {
        path.clear();
        path.resize(word.len() + 1, None);
        let improve = |path: &mut [Option<Step>], end: usize, step: Step| {
            if path[end].is_none_or(|known| step.score > known.score) {
                path[end] = Some(step);
            }
        };
        for (start, character) in word.char_indices() {
            let so_far = path[start].map_or(0.0, |step| step.score);
            let mut known = false;
            for (length, piece) in self.pieces.prefixes(&word.as_bytes()[start..]) {
                let score = so_far + self.scores.get(piece as usize).copied().unwrap_or(self.unknown);
                improve(path, start + length, Step { score, start, piece });
                known |= length == character.len_utf8();
            }
            if !known {
                let step = Step { score: so_far + self.unknown, start, piece: UNKNOWN };
                improve(path, start + character.len_utf8(), step);
            }
        }
        let (first, mut end) = (ids.len(), word.len());
        let mut after = None;
        while let Some(step) = path[end].filter(|_| end > 0) {
            if step.piece != UNKNOWN || after != Some(UNKNOWN) {
                ids.push(step.piece);
            }
            (end, after) = (step.start, Some(step.piece));
        }
        ids[first..].reverse();
    }
}

/// Parts that begin with [`META`], and what stands before the first.
fn split_words(words: &str) -> impl Iterator<Item = &str> {
    let mut rest = words;
    std::iter::from_fn(move || {
        let mut places = rest.char_indices().skip(1).filter(|(_, character)| *character == META);
        let end = places.next().map_or(rest.len(), |(at, _)| at);
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}
