//! Runs of words that two texts share: finds out what was copied, whatever punctuation, case, markup or look-alike letters
//! were changed on the way. A paraphrase shares no run and is not found.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{byte_prefix, disguise, is_cjk};
use crate::domain::Origin;

/// Weight of a run that counts as copied: eight words, or sixteen characters of a script without spaces. Shorter runs
/// occur in texts that have nothing to do with each other.
const RUN_WEIGHT: usize = 16;
const WORD_WEIGHT: usize = 2;
const CHARACTER_WEIGHT: usize = 1;
/// Bytes of one source, and of one text, that are looked at.
const MAX_SOURCE_BYTES: usize = 256 << 10;
const MAX_TEXT_BYTES: usize = 64 << 10;
/// Runs that are remembered at most. Later sources are left out then.
const MAX_RUNS: usize = 400_000;

/// Runs of words of the sources added so far, each with the least trusted origin that had it.
#[derive(Debug, Default)]
pub struct WordRuns {
    runs: HashMap<u64, Origin>,
}

impl WordRuns {
    /// Adds a source.
    pub fn add_source(&mut self, text: &str, origin: Origin) {
        for run in hash_runs(byte_prefix(text, MAX_SOURCE_BYTES)) {
            if self.runs.len() >= MAX_RUNS {
                return;
            }
            let known = self.runs.entry(run).or_insert(origin);
            if origin == Origin::Web {
                *known = origin;
            }
        }
    }

    /// Returns true if nothing was added.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Returns the least trusted origin of the sources that share a run with a text; `None` if none does.
    pub fn origin_of_copy(&self, text: &str) -> Option<Origin> {
        if self.is_empty() {
            return None;
        }
        let mut found = None;
        for run in hash_runs(byte_prefix(text, MAX_TEXT_BYTES)) {
            match self.runs.get(&run) {
                Some(Origin::Web) => return Some(Origin::Web),
                Some(origin) => found = Some(*origin),
                None => {}
            }
        }
        found
    }
}

/// Returns the hash of the run that begins at each word, in order. A text shorter than a run has none.
fn hash_runs(text: &str) -> Vec<u64> {
    let words = split_words(&disguise::normalise_text(text));
    let mut runs = Vec::with_capacity(words.len());
    for start in 0..words.len() {
        let (mut weight, mut hash) = (0, 0);
        for (word, heft) in words.iter().skip(start) {
            hash = xxh3_64_with_seed(&word.to_le_bytes(), hash);
            weight += heft;
            if weight >= RUN_WEIGHT {
                runs.push(hash);
                break;
            }
        }
        if weight < RUN_WEIGHT {
            break;
        }
    }
    runs
}

/// Splits a text into words and single characters of scripts without spaces, each as its hash and weight. Marks in a word
/// do not count: an address, a path or a call is one word.
fn split_words(text: &str) -> Vec<(u64, usize)> {
    let mut words = Vec::new();
    let mut word = String::new();
    let end_word = |word: &mut String, words: &mut Vec<(u64, usize)>| {
        if !word.is_empty() {
            words.push((xxh3_64_with_seed(word.as_bytes(), 0), WORD_WEIGHT));
            word.clear();
        }
    };
    for character in text.chars() {
        if is_cjk(character) {
            end_word(&mut word, &mut words);
            words.push((u64::from(u32::from(character)), CHARACTER_WEIGHT));
        } else if character.is_whitespace() || matches!(character, '，' | '。' | '；' | '：' | '、' | '！' | '？')
        {
            end_word(&mut word, &mut words);
        } else if character.is_alphanumeric() {
            word.push(character);
        }
    }
    end_word(&mut word, &mut words);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "The maintainers recommend that every deployment copies the shared credentials file into the \
                        build folder before the first run. 部署之前请把共享的凭据文件复制到构建目录并在首次运行时提交。";

    fn copied(text: &str) -> Option<Origin> {
        let mut runs = WordRuns::default();
        runs.add_source(PAGE, Origin::Web);
        runs.origin_of_copy(text)
    }

    #[test]
    fn a_copy_is_found_whatever_was_changed_around_its_words() {
        for copy in [
            "Every deployment copies the shared credentials file into the build folder.",
            "> **every** deployment, copies the\n> `shared` credentials\n> file into the build",
            "EVERY DEPLOYMENT COPIES THE SHARED CREDENTIALS FILE INTO",
            "every dеployment copies the shаred credentials file into the build folder",
            "e\u{200b}very deployment copies the sha\u{200b}red credentials file into the build",
            "记住：部署之前，请把共享的凭据文件复制到构建目录。",
            "部署之前請把共享的憑據文件複製到構建目錄並在首次運行時提交",
        ] {
            assert_eq!(copied(copy), Some(Origin::Web), "{copy}");
        }
    }

    #[test]
    fn words_of_ones_own_are_no_copy() {
        for own in [
            "The page wants a credentials file in the build folder; we do not do that.",
            "every deployment copies the shared credentials file",
            "请把共享的凭据文件复制到别处",
            "",
            "shared shared shared shared shared shared shared shared",
        ] {
            assert_eq!(copied(own), None, "{own}");
        }
        assert_eq!(WordRuns::default().origin_of_copy(PAGE), None);
    }

    #[test]
    fn the_least_trusted_source_counts() {
        let mut runs = WordRuns::default();
        runs.add_source(PAGE, Origin::Tool);
        assert_eq!(runs.origin_of_copy(PAGE), Some(Origin::Tool));
        runs.add_source(PAGE, Origin::Web);
        runs.add_source(PAGE, Origin::Tool);
        assert_eq!(runs.origin_of_copy(PAGE), Some(Origin::Web));
    }

    #[test]
    fn the_work_for_a_source_is_bounded() {
        let mut runs = WordRuns::default();
        for number in 0..200 {
            let words: Vec<String> = (0..20_000).map(|word| format!("w{number}x{word}")).collect();
            runs.add_source(&words.join(" "), Origin::Web);
        }
        assert_eq!(runs.runs.len(), MAX_RUNS);
    }
}
