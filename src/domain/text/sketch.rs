//! A fingerprint by which a text is recognised where it is said again, without keeping the text: hashes of runs of its words.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

use super::is_cjk;

/// Words of a run. Shorter runs are everybody's, longer ones do not survive a changed word.
const RUN: usize = 4;
/// Texts with fewer words are recognised only as a whole: "go ahead" is said in every session.
const FEWEST: usize = 3;
/// Hashes of a text that are kept, the smallest ones: an even sample of a long text.
const KEPT: usize = 64;

/// The fingerprint of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Words of a run; 0: the only hash is that of the whole text.
    pub run: usize,
    /// Hashes of runs, ascending.
    pub hashes: Vec<u64>,
}

impl Sketch {
    /// Makes the fingerprint; `None` for a text without words.
    pub fn of(text: &str) -> Option<Self> {
        let words = words(text);
        let run = if words.len() < FEWEST { 0 } else { RUN.min(words.len()) };
        let mut hashes: Vec<u64> = runs(&words, run).into_iter().collect();
        hashes.sort_unstable();
        hashes.truncate(KEPT);
        (!words.is_empty()).then_some(Self { run, hashes })
    }
}

/// A text that may say again what others said.
#[derive(Debug)]
pub struct Said {
    words: Vec<String>,
    /// Hashes of its runs, by the number of words in a run.
    runs: [Option<HashSet<u64>>; RUN + 1],
}

impl Said {
    /// Splits a text into its words.
    pub fn of(text: &str) -> Self {
        Self { words: words(text), runs: [const { None }; RUN + 1] }
    }

    /// Returns whether this text holds at least half of another one.
    pub fn repeats(&mut self, sketch: &Sketch) -> bool {
        let Some(slot) = self.runs.get_mut(sketch.run) else { return false };
        let said = slot.get_or_insert_with(|| runs(&self.words, sketch.run));
        let matched = sketch.hashes.iter().filter(|hash| said.contains(hash)).count();
        matched > 0 && matched * 2 >= sketch.hashes.len()
    }
}

/// Words in lower case; a character of a script without spaces is a word.
fn words(text: &str) -> Vec<String> {
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

/// Hashes of all runs of so many words; of the whole for 0.
fn runs(words: &[String], run: usize) -> HashSet<u64> {
    let hash = |words: &[String]| xxh3_64(words.join(" ").as_bytes());
    if run == 0 { HashSet::from([hash(words)]) } else { words.windows(run).map(hash).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(said: &str, text: &str) -> bool {
        Said::of(said).repeats(&Sketch::of(text).unwrap())
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
        assert!(Sketch::of(" … ").is_none());
    }

    #[test]
    fn the_size_is_bounded_and_long_texts_are_recognised() {
        let long: Vec<String> = (0..5000).map(|n| format!("word{}", n * 7919 % 4999)).collect();
        let sketch = Sketch::of(&long.join(" ")).unwrap();
        assert_eq!(sketch.hashes.len(), KEPT);
        assert!(Said::of(&long[..4000].join(" ")).repeats(&sketch));
        assert!(!Said::of(&long[..500].join(" ")).repeats(&sketch));
    }
}
