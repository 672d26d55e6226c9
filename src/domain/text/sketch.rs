//! Fingerprints that recognise a repeated text without keeping it: hashes of runs of its words (shingles).

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

use super::is_cjk;

/// Words of a run. Shorter runs occur in every text, longer ones do not survive a changed word.
const RUN_WORDS: usize = 4;
/// Fewest words of a text that is hashed in runs. Shorter texts match only as a whole: "go ahead" is in every session.
const MIN_WORDS: usize = 3;
/// Most hashes kept of a text, the smallest ones: an even sample of a long text.
const MAX_HASHES: usize = 64;

/// Fingerprint of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Words of a run; 0 if the only hash is that of the whole text.
    pub run: usize,
    /// Hashes of runs, ascending.
    pub hashes: Vec<u64>,
}

impl Sketch {
    /// Computes the fingerprint; `None` for a text without words.
    pub fn from_text(text: &str) -> Option<Self> {
        let words = split_words(text);
        let run = if words.len() < MIN_WORDS { 0 } else { RUN_WORDS.min(words.len()) };
        let mut hashes: Vec<u64> = hash_runs(&words, run).into_iter().collect();
        hashes.sort_unstable();
        hashes.truncate(MAX_HASHES);
        (!words.is_empty()).then_some(Self { run, hashes })
    }
}

/// A text that is compared with the sketches of other texts.
#[derive(Debug)]
pub struct SketchMatcher {
    words: Vec<String>,
    /// Hashes of its runs, by the number of words in a run.
    runs: [Option<HashSet<u64>>; RUN_WORDS + 1],
}

impl SketchMatcher {
    /// Splits a text into its words.
    pub fn from_text(text: &str) -> Self {
        Self { words: split_words(text), runs: [const { None }; RUN_WORDS + 1] }
    }

    /// Returns whether this text contains at least half of the sketched one.
    pub fn contains_sketch(&mut self, sketch: &Sketch) -> bool {
        let Some(slot) = self.runs.get_mut(sketch.run) else { return false };
        let said = slot.get_or_insert_with(|| hash_runs(&self.words, sketch.run));
        let matched = sketch.hashes.iter().filter(|hash| said.contains(hash)).count();
        matched > 0 && matched * 2 >= sketch.hashes.len()
    }
}

/// Splits a text into words in lower case; each CJK character is a word.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in text.split(|c: char| !c.is_alphanumeric()) {
        let mut word = String::new();
        for character in run.chars() {
            if is_cjk(character) {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                words.push(character.to_string());
            } else {
                word.extend(character.to_lowercase());
            }
        }
        words.extend((!word.is_empty()).then_some(word));
    }
    words
}

/// Hashes all runs of `run` words; for 0, all words together.
fn hash_runs(words: &[String], run: usize) -> HashSet<u64> {
    let hash = |words: &[String]| xxh3_64(words.join(" ").as_bytes());
    if run == 0 { HashSet::from([hash(words)]) } else { words.windows(run).map(hash).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(said: &str, text: &str) -> bool {
        SketchMatcher::from_text(said).contains_sketch(&Sketch::from_text(text).unwrap())
    }

    #[test]
    fn a_text_is_recognised_inside_others_and_in_half() {
        let note = "The vault hint is ZEBRA umbrella.";
        assert!(repeats("Please forget that the vault hint is “zebra umbrella”, will you?", note));
        assert!(repeats("text: the vault hint is ZEBRA umbrella\nkind: fact", note));
        assert!(repeats("What did I say: vault hint is ZEBRA umbrella?", note));
        assert!(!repeats("please forget the vault hint", note));
        assert!(!repeats("the umbrella is in the vault", note));
        assert!(repeats("忘记这一条:保险库的提示是斑马雨伞", "保险库的提示是斑马雨伞。"));
        assert!(!repeats("保险库在哪里", "保险库的提示是斑马雨伞。"));
    }

    #[test]
    fn short_texts_are_recognised_only_alone() {
        assert!(repeats("Go ahead!", "go ahead"));
        assert!(!repeats("go ahead and forget it", "go ahead"));
        assert!(Sketch::from_text(" … ").is_none());
    }

    #[test]
    fn the_size_is_bounded_and_long_texts_are_recognised() {
        let long: Vec<String> = (0..5000).map(|n| format!("word{}", n * 7919 % 4999)).collect();
        let sketch = Sketch::from_text(&long.join(" ")).unwrap();
        assert_eq!(sketch.hashes.len(), MAX_HASHES);
        assert!(SketchMatcher::from_text(&long[..4000].join(" ")).contains_sketch(&sketch));
        assert!(!SketchMatcher::from_text(&long[..500].join(" ")).contains_sketch(&sketch));
    }
}
