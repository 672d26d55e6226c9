//! Tokenizer: SentencePiece's unigram model with the pieces, scores and normalisation of multilingual-e5-small.
//!
//! Returns the same ids as the `tokenizers` package for `models/e5-small-zhen.tokenizer.json`; a test compares both.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::arrays::{ArrayReader, DamagedFile};

/// Texts that are special tokens wherever they occur, and the ids of these tokens.
const SPECIAL: [(&str, u32); 4] = [("<s>", BEGIN), ("<pad>", 1), ("</s>", END), ("<unk>", UNKNOWN)];
const BEGIN: u32 = 0;
const END: u32 = 2;
/// Id of characters that no piece covers.
pub(crate) const UNKNOWN: u32 = 3;
/// Character that stands for a space in pieces.
const META: char = '▁';
/// Cost of an unknown character beyond that of the rarest piece.
const PENALTY: f64 = 10.0;
/// Longest grapheme cluster, in bytes, that the normaliser looks up as a whole.
const LONGEST_CLUSTER: usize = 5;

/// Tokenizer tables: pieces, their scores, and the replacements of characters.
#[derive(Debug)]
pub struct Vocabulary<'a> {
    characters: DoubleArrayTrie<'a>,
    replacements: &'a [u8],
    pieces: DoubleArrayTrie<'a>,
    scores: &'a [f64],
    unknown: f64,
}

/// Double-array trie in the layout of Darts-clone: maps each prefix to a value.
#[derive(Debug, Clone, Copy)]
struct DoubleArrayTrie<'a>(&'a [u32]);

impl DoubleArrayTrie<'_> {
    /// Iterates over the entries that `key` begins with, shortest first: length and value.
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

/// Best segmentation up to a position in a word: its score, the start of its last piece, and that piece.
#[derive(Debug, Clone, Copy)]
struct UnigramStep {
    score: f64,
    start: usize,
    piece: u32,
}

impl<'a> Vocabulary<'a> {
    /// Reads the file without copying.
    ///
    /// # Errors
    /// [`DamagedFile`] for bytes that are not such a file.
    pub fn read(bytes: &'a [u8]) -> Result<Self, DamagedFile> {
        let (mut reader, [characters, replacements, pieces, scores]) = ArrayReader::open(bytes, *b"e5vocab1")?;
        let (characters, replacements) = (DoubleArrayTrie(reader.take(characters)?), reader.take(replacements)?);
        let (pieces, scores) = (DoubleArrayTrie(reader.take(pieces)?), reader.take(scores)?);
        let least: &[f64] = reader.take(1)?;
        reader.finish()?;
        Ok(Self { characters, replacements, pieces, scores, unknown: least[0] - PENALTY })
    }

    /// Returns the number of token ids.
    pub const fn ids(&self) -> usize {
        self.scores.len()
    }

    /// Tokenizes a text: its ids between the begin and end tokens, `most` in total; the rest of a longer text is
    /// ignored.
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

    /// Replaces characters, and short clusters of them, by the model's table (NFKC, mostly).
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

    /// Returns the replacement of the shortest entry that `part` begins with.
    fn replacement(&self, part: &str) -> Option<&str> {
        let (_, start) = self.characters.prefixes(part.as_bytes()).next()?;
        let rest = self.replacements.get(usize::try_from(start).ok()?..)?;
        let replacement = rest.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(replacement).ok()
    }

    /// Appends the ids of the best segmentation of a word. Adjacent unknown characters are one piece.
    fn cut(&self, word: &str, path: &mut Vec<Option<UnigramStep>>, ids: &mut Vec<u32>) {
        path.clear();
        path.resize(word.len() + 1, None);
        let improve = |path: &mut [Option<UnigramStep>], end: usize, step: UnigramStep| {
            if path[end].is_none_or(|known| step.score > known.score) {
                path[end] = Some(step);
            }
        };
        for (start, character) in word.char_indices() {
            let so_far = path[start].map_or(0.0, |step| step.score);
            let mut known = false;
            for (length, piece) in self.pieces.prefixes(&word.as_bytes()[start..]) {
                let score = so_far + self.scores.get(piece as usize).copied().unwrap_or(self.unknown);
                improve(path, start + length, UnigramStep { score, start, piece });
                known |= length == character.len_utf8();
            }
            if !known {
                let step = UnigramStep { score: so_far + self.unknown, start, piece: UNKNOWN };
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

/// Splits before each [`META`].
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
