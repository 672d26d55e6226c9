//! Glossary of software words: which Chinese and English words mean the same. Owns the built-in lines, the form of a
//! user's line, and how the words of a question are looked up. Does not own scoring.
//!
//! All spellings of a word are one term of a query (Pirkola's structured query, SIGIR 1998): a text with a frequent
//! synonym does not outrank one with the rare word that was meant. docs/decisions/0050 has the measurements.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::is_cjk;
use super::terms::{TermExtractor, cjk_word_terms, normalise_compatibility, simplify_chinese};

/// Built-in lines: Chinese words, a tab, English spellings separated by commas. Our own work (MIT).
const BUILT_IN: &str = include_str!("../../../data/glossary.tsv");
/// Most characters of a Chinese word.
const MAX_WORD_CHARACTERS: usize = 12;
/// Most terms of an English spelling.
const MAX_SPELLING_TERMS: usize = 4;
/// Characters that carry no subject: a question consists of them and of words that the glossary may know.
const FUNCTION_CHARACTERS: &str = "的了吗呢吧啊呀是在有和与及或也都就还又被把对从到给让会能要可以不没这那哪什么怎为何如多少几个\
    我们你您他她它咱上下里中后前时候用当得着过去来说做想该应请一两些每次种之其而所则已再很太最更比";

/// One line of the glossary: Chinese words and the English spellings of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlossaryLine {
    words: Vec<String>,
    spellings: Vec<String>,
}

impl GlossaryLine {
    /// Parses `词 = word, another word`; several Chinese words are separated by spaces or commas.
    ///
    /// # Errors
    /// A message that says what is wrong with the line and what it should look like.
    pub fn parse(line: &str) -> Result<Self, String> {
        let parsed = line.split_once('=').and_then(|(words, spellings)| Self::from_sides(words, spellings));
        let parsed = parsed.ok_or_else(|| "has no Chinese word, or no English one".to_owned()).and_then(Self::checked);
        parsed.map_err(|why| {
            let shown: String = line.chars().take(MAX_SHOWN_CHARACTERS).collect();
            format!("the line {shown:?} {why}; write \"词 = word, another word\"")
        })
    }

    fn from_sides(words: &str, spellings: &str) -> Option<Self> {
        let words = normalise_compatibility(words);
        let spellings = normalise_compatibility(spellings).to_lowercase();
        let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | '、' | ';');
        let line = Self {
            words: words.split(is_separator).filter(|word| !word.is_empty()).map(simplified).collect(),
            spellings: spellings
                .split([',', '、', ';'])
                .map(str::trim)
                .filter(|s| !s.is_empty())
                .map(str::to_owned)
                .collect(),
        };
        (!line.words.is_empty() && !line.spellings.is_empty()).then_some(line)
    }

    fn checked(self) -> Result<Self, String> {
        if let Some(word) = self.words.iter().find(|word| !word.chars().all(is_cjk)) {
            return Err(format!("has {word:?} on the left, which is not a Chinese word"));
        }
        if let Some(word) = self.words.iter().find(|word| word.chars().count() > MAX_WORD_CHARACTERS) {
            return Err(format!("has {word:?}, which is longer than {MAX_WORD_CHARACTERS} characters"));
        }
        let terms = TermExtractor::default();
        for spelling in &self.spellings {
            if spelling.chars().any(is_cjk) {
                return Err(format!("has {spelling:?} on the right, which is not an English word"));
            }
            if !(1..=MAX_SPELLING_TERMS).contains(&spelling_terms(spelling, &terms).len()) {
                return Err(format!("has {spelling:?}, which is too common or too long to search for"));
            }
        }
        Ok(self)
    }
}

/// Characters of a wrong line that its message repeats.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// One term of a query with all its spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlossaryTerm {
    /// Index terms of the word as asked; all of them must occur.
    pub own: Vec<String>,
    /// Index terms of each spelling in the other language; all of one spelling must occur. Empty if it has none.
    pub other: Vec<Vec<String>>,
}

impl GlossaryTerm {
    /// Returns the index terms of each spelling, the word as asked last.
    pub fn spellings(&self) -> Vec<Vec<String>> {
        self.other.iter().chain([&self.own]).cloned().collect()
    }
}

/// A text in terms of the glossary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Translation {
    pub terms: Vec<GlossaryTerm>,
    /// Words that the glossary lacks, for each word that it has or that needs no translation. Chinese words are
    /// estimated as two characters each.
    pub unknown_share: f32,
}

impl Translation {
    /// Returns the distinct index terms of all spellings in the other language.
    pub fn other_terms(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for term in self.terms.iter().flat_map(|term| &term.other).flatten() {
            if !found.contains(term) {
                found.push(term.clone());
            }
        }
        found
    }
}

/// Chinese and English words with their spellings in the other language.
#[derive(Debug)]
pub struct Glossary {
    /// English spellings of a Chinese word.
    chinese: HashMap<String, Vec<String>>,
    /// Chinese words of an English spelling, by its index terms joined with spaces. Made when it is first needed:
    /// stemming all spellings takes longer than a search.
    english: OnceLock<HashMap<String, Vec<String>>>,
}

impl Glossary {
    /// Creates the built-in glossary with a user's lines, which replace the built-in spellings of their words.
    pub fn with_user_lines(lines: &[GlossaryLine]) -> Self {
        let mut chinese: HashMap<String, Vec<String>> = HashMap::with_capacity(2_000);
        for (words, spellings) in BUILT_IN.lines().filter_map(|line| line.split_once('\t')) {
            for word in words.split(' ') {
                chinese.insert(word.to_owned(), spellings.split(", ").map(str::to_owned).collect());
            }
        }
        for line in lines {
            chinese.extend(line.words.iter().map(|word| (word.clone(), line.spellings.clone())));
        }
        Self { chinese, english: OnceLock::new() }
    }

    /// Translates a text: the longest words of the glossary that it contains, and English words as they are. `limit` is
    /// the most terms returned.
    pub fn translate(&self, text: &str, terms: &TermExtractor, limit: usize) -> Translation {
        let mut made = TranslationBuilder { glossary: self, terms, found: Vec::new(), known: 0.0, unknown: 0.0 };
        let folded = normalise_compatibility(text);
        let mut rest = folded.as_ref();
        while let Some(first) = rest.chars().next() {
            let is_chinese = is_cjk(first);
            let end = rest.find(|c| is_cjk(c) != is_chinese).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            if is_chinese {
                made.add_chinese(&simplify_chinese(run));
            } else {
                made.add_english(run);
            }
            rest = after;
        }
        let unknown_share = if made.known > 0.0 { made.unknown / made.known } else { 0.0 };
        made.found.truncate(limit);
        Translation { terms: made.found, unknown_share }
    }

    fn chinese_words(&self, terms: &TermExtractor) -> &HashMap<String, Vec<String>> {
        self.english.get_or_init(|| {
            let mut english: HashMap<String, Vec<String>> = HashMap::with_capacity(4_000);
            for (word, spellings) in &self.chinese {
                for spelling in spellings {
                    english.entry(spelling_terms(spelling, terms).join(" ")).or_default().push(word.clone());
                }
            }
            // The map that was read has no order of its own.
            for words in english.values_mut() {
                words.sort_unstable();
            }
            english
        })
    }
}

/// Terms of a text, collected run by run.
struct TranslationBuilder<'a> {
    glossary: &'a Glossary,
    terms: &'a TermExtractor,
    found: Vec<GlossaryTerm>,
    known: f32,
    unknown: f32,
}

impl TranslationBuilder<'_> {
    fn add_chinese(&mut self, run: &str) {
        let starts: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
        let mut from = 0;
        while let Some(start) = starts.get(from).filter(|start| **start < run.len()) {
            let ends = starts.iter().enumerate().skip(from + 1).take(MAX_WORD_CHARACTERS);
            let longest = ends.rev().find_map(|(to, end)| {
                let word = run.get(*start..*end)?;
                Some((to, word, self.glossary.chinese.get(word)?))
            });
            if let Some((to, word, spellings)) = longest {
                let other = spellings.iter().map(|spelling| spelling_terms(spelling, self.terms)).collect();
                self.add_term(GlossaryTerm { own: cjk_word_terms(word), other });
                self.known += half_count(to - from);
                from = to;
            } else {
                let is_function = run.get(*start..).is_some_and(|rest| rest.starts_with(is_function_character));
                self.unknown += if is_function { 0.0 } else { 0.5 };
                from += 1;
            }
        }
    }

    fn add_english(&mut self, run: &str) {
        let mut words: Vec<String> = Vec::new();
        self.terms.for_each_term(run, &mut |term| words.push(term.to_owned()));
        if words.is_empty() {
            return;
        }
        let known = self.glossary.chinese_words(self.terms);
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let longest = (1..=rest.len().min(MAX_SPELLING_TERMS)).rev().find_map(|count| {
                let (words, after) = rest.split_at_checked(count)?;
                Some((words, after, known.get(&words.join(" "))?))
            });
            if let Some((words, after, chinese)) = longest {
                let other = chinese.iter().map(|word| cjk_word_terms(word)).collect();
                self.add_term(GlossaryTerm { own: words.to_vec(), other });
                self.known += 1.0;
                rest = after;
            } else if let Some((word, after)) = rest.split_first() {
                self.add_term(GlossaryTerm { own: vec![word.clone()], other: Vec::new() });
                self.known += 1.0;
                rest = after;
            }
        }
    }

    /// Adds a term unless its spellings were all added before, as with two words of the question that mean the same.
    fn add_term(&mut self, mut term: GlossaryTerm) {
        // Spellings with one stem, such as "migrate" and "migration", are found by the same index term.
        let mut seen = HashSet::new();
        term.other.retain(|spelling| seen.insert(spelling.clone()));
        let is_known = |spelling: &Vec<String>| self.found.iter().any(|found| found.other.contains(spelling));
        let repeats = self.found.iter().any(|found| found.own == term.own)
            || (!term.other.is_empty() && term.other.iter().all(is_known));
        if !repeats {
            self.found.push(term);
        }
    }
}

fn half_count(characters: usize) -> f32 {
    f32::from(u8::try_from(characters).unwrap_or(u8::MAX)) / 2.0
}

fn is_function_character(character: char) -> bool {
    FUNCTION_CHARACTERS.contains(character)
}

fn simplified(word: &str) -> String {
    simplify_chinese(word).into_owned()
}

/// Returns the index terms of an English spelling: one for each of its words that is no stop word.
fn spelling_terms(spelling: &str, terms: &TermExtractor) -> Vec<String> {
    spelling.split_whitespace().filter_map(|word| terms.query_terms(word, 1).pop()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Translates a text to lines such as `遥测 → telemetri`; spellings of several terms are joined by `+`.
    fn translate(glossary: &Glossary, text: &str) -> Vec<String> {
        let in_words = |term: &GlossaryTerm| {
            let other: Vec<String> = term.other.iter().map(|spelling| spelling.join("+")).collect();
            format!("{} → {}", term.own.join("+"), other.join(", "))
        };
        glossary.translate(text, &TermExtractor::default(), 64).terms.iter().map(in_words).collect()
    }

    #[test]
    fn built_in_lines_are_well_formed() {
        let (mut words, terms) = (HashMap::new(), TermExtractor::default());
        for (number, line) in BUILT_IN.lines().enumerate().map(|(at, line)| (at + 1, line)) {
            if line.starts_with("# ") {
                continue;
            }
            let (chinese, english) = line.split_once('\t').unwrap_or_else(|| panic!("line {number} has no tab"));
            for word in chinese.split(' ') {
                assert!(!word.is_empty() && word.chars().all(is_cjk), "line {number}: {word:?} is not Chinese");
                assert_eq!(simplified(word), word, "line {number}: write simplified characters");
                assert_eq!(words.insert(word, number), None, "line {number}: {word} is on two lines");
            }
            let spellings: Vec<&str> = english.split(", ").collect();
            for (at, spelling) in spellings.iter().enumerate() {
                let words = spelling.split(' ').count();
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || " -_/".contains(c);
                assert!(!spelling.is_empty() && spelling.chars().all(plain), "line {number}: {spelling:?}");
                assert_eq!(
                    spelling_terms(spelling, &terms).len(),
                    words,
                    "line {number}: {spelling:?} has a stop word"
                );
                assert!(words <= MAX_SPELLING_TERMS, "line {number}: {spelling:?} is too long");
                assert!(
                    !spellings.iter().take(at).any(|before| before == spelling),
                    "line {number}: {spelling:?} twice"
                );
            }
            GlossaryLine::parse(&line.replace('\t', " = ")).unwrap();
        }
        assert!(words.len() > 1_200, "{} words", words.len());
    }

    #[test]
    fn the_longest_word_is_looked_up() {
        let glossary = Glossary::with_user_lines(&[]);
        for (text, expect) in [
            ("遥测", vec!["遥测 → telemetri"]),
            ("單元測試", vec!["单元+元测+测试 → unit+test"]),
            ("死锁", vec!["死锁 → deadlock"]),
            ("Qdrant 公证", vec!["qdrant → ", "公证 → notar"]),
            ("吃了吗", vec![]),
        ] {
            let found = translate(&glossary, text);
            assert_eq!(found, expect, "{text}");
        }
        let english = translate(&glossary, "the unit tests deadlocked");
        assert_eq!(english, ["unit+test → 单元+元测+测试, 单测", "deadlock → 死锁"]);
        assert!(translate(&glossary, "Memory leaks").first().is_some_and(|line| line.contains("内存+存泄+泄漏")));
    }

    #[test]
    fn unknown_words_lower_the_share() {
        let share =
            |text: &str| Glossary::with_user_lines(&[]).translate(text, &TermExtractor::default(), 64).unknown_share;
        assert!(share("遥测怎么关闭了") < 0.01 && share("遥测和红烧肉") > 0.5);
    }

    #[test]
    fn a_users_line_replaces_the_built_in_one() {
        let line = GlossaryLine::parse("數倉，遥测 = Data Mart, phone home").unwrap();
        let glossary = Glossary::with_user_lines(&[line]);
        assert_eq!(translate(&glossary, "数仓"), ["数仓 → data+mart, phone+home"]);
        assert_eq!(translate(&glossary, "遥测"), ["遥测 → data+mart, phone+home"]);
        for (line, why) in [
            ("数仓", "no Chinese word"),
            ("数仓 = ", "no English one"),
            ("k8s = kubernetes", "not a Chinese word"),
            ("数仓 = 仓库", "not an English word"),
            ("数仓 = the", "too common"),
        ] {
            let error = GlossaryLine::parse(line).unwrap_err();
            assert!(error.contains(why) && error.contains("write \"词 = word"), "{error}");
        }
    }
}
