//! Pure rules over text: terms for keyword search, passages for embeddings, snippets, token estimates, safe display.

pub mod announcement;
pub mod confusables;
pub mod contradiction;
pub mod counts;
pub mod dates;
pub mod disguise;
pub mod fence;
pub mod glossary;
pub mod highlight;
pub mod keys;
pub mod line_breaks;
pub mod outgoing;
pub mod passages;
pub mod period;
pub mod prompt;
pub mod question;
pub mod redact;
pub mod reference;
pub mod sanitise;
pub mod shell;
pub mod signature;
pub mod sketch;
pub mod snippet;
pub mod statement;
pub mod suspicion;
pub mod terms;
pub mod tokens;
pub mod turn_kind;
pub mod word_runs;

/// Returns the longest prefix of `text` of at most `bytes` bytes that ends at a character boundary.
pub fn byte_prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// Returns true for characters that are indexed one by one: Han, kana, Hangul, Bopomofo.
pub const fn is_cjk(character: char) -> bool {
    matches!(character,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}'
        | '\u{3040}'..='\u{30ff}' | '\u{3105}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}' | '\u{ac00}'..='\u{d7a3}' | '々' | '〆')
}

/// Counts the CJK characters, and the words of other letters, in a text.
pub fn count_cjk_and_words(text: &str) -> (usize, usize) {
    let (mut characters, mut words, mut inside) = (0, 0, false);
    for character in text.chars() {
        let letter = character.is_alphabetic() && !is_cjk(character);
        characters += usize::from(is_cjk(character));
        words += usize::from(letter && !inside);
        inside = letter;
    }
    (characters, words)
}

/// Counts words, and CJK characters in pairs.
pub fn count_units(text: &str) -> usize {
    let (characters, words) = count_cjk_and_words(text);
    characters / 2 + words
}

/// Escapes a text for XML, attributes included.
pub fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Compiles a pattern that is part of the program.
///
/// Uses the small engine, whose classes and boundaries are those of ASCII: a name may follow a Chinese character
/// directly. Its patterns compile in microseconds where those of the large engine take milliseconds each, which every
/// short-lived process would pay.
#[expect(clippy::expect_used, reason = "the patterns are constants; tests compile all of them")]
fn compile_rule(pattern: &str) -> regex_lite::Regex {
    regex_lite::Regex::new(pattern).expect("a constant pattern compiles")
}

/// Script of a text: decides whether two texts can share words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Script {
    /// Both, or neither.
    #[default]
    Mixed,
    /// Words between spaces.
    Spaced,
    /// Han, kana, Hangul, Bopomofo.
    Cjk,
}

impl Script {
    /// Classifies a text by the share of CJK characters among CJK characters and other words.
    ///
    /// Less than a tenth is `Spaced`, more than a half is `Cjk`.
    pub fn from_text(text: &str) -> Self {
        let (cjk, words) = count_cjk_and_words(text);
        match cjk + words {
            0 => Self::Mixed,
            all if cjk * 10 < all => Self::Spaced,
            all if cjk * 2 > all => Self::Cjk,
            _ => Self::Mixed,
        }
    }

    /// Returns true if texts of the two scripts can hardly share a word.
    pub const fn is_foreign_to(self, other: Self) -> bool {
        matches!((self, other), (Self::Spaced, Self::Cjk) | (Self::Cjk, Self::Spaced))
    }

    /// Returns the number stored in the database; numbers are never reused.
    pub const fn number(self) -> i64 {
        match self {
            Self::Mixed => 0,
            Self::Spaced => 1,
            Self::Cjk => 2,
        }
    }

    /// Returns the script of a stored number; `Mixed` if it is unknown.
    pub const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Spaced,
            2 => Self::Cjk,
            _ => Self::Mixed,
        }
    }
}

/// Joins a text into one line of at most `characters`, followed by an ellipsis if it was cut.
pub fn to_one_line(text: &str, characters: usize) -> String {
    let (mut line, mut used) = (String::new(), 0);
    for character in text.split_whitespace().flat_map(|word| [' '].into_iter().chain(word.chars())).skip(1) {
        if used == characters {
            line.truncate(line.trim_end().len());
            line.push('…');
            break;
        }
        line.push(character);
        used += 1;
    }
    line
}

/// Returns the first words of a text in one line: enough to recognise the text, never all of it.
///
/// The line has at most `words` words, `characters` characters and half of the text, then an ellipsis.
pub fn first_words(text: &str, words: usize, characters: usize) -> String {
    let most = characters.min(text.trim().chars().count() / 2);
    let mut line = String::new();
    let mut used = 0;
    for (count, word) in text.split_whitespace().enumerate() {
        let needed = word.chars().count() + usize::from(count > 0);
        if count == words || used + needed > most {
            // A script without spaces has one long word.
            if count == 0 {
                line.extend(word.chars().take(most));
            }
            break;
        }
        line.extend((count > 0).then_some(' '));
        line.push_str(word);
        used += needed;
    }
    line.push('…');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_are_never_the_whole() {
        assert_eq!(first_words("The vault hint is ZEBRA umbrella", 8, 60), "The vault hint…");
        assert_eq!(
            first_words("  one\n two three four five six seven eight nine ten eleven twelve  ", 4, 60),
            "one two three four…"
        );
        assert_eq!(first_words(&"word ".repeat(100), 50, 12), "word word…");
        assert_eq!(first_words("保险库的提示是斑马雨伞", 8, 60), "保险库的提…");
        assert_eq!(first_words("hunter2", 8, 60), "hun…");
        assert_eq!((first_words("x", 8, 60), first_words("", 8, 60)), ("…".to_owned(), "…".to_owned()));
    }

    #[test]
    fn scripts() {
        assert_eq!(Script::from_text("how do I back up"), Script::Spaced);
        assert_eq!(Script::from_text("数据库怎么备份"), Script::Cjk);
        assert_eq!(Script::from_text("OOMKilled pod restart 的原因"), Script::Mixed);
        assert_eq!(Script::from_text("42"), Script::Mixed);
        assert!(Script::Cjk.is_foreign_to(Script::Spaced) && !Script::Mixed.is_foreign_to(Script::Cjk));
        for script in [Script::Mixed, Script::Spaced, Script::Cjk] {
            assert_eq!(Script::from_number(script.number()), script);
        }
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(byte_prefix("数据", 4), "数");
        assert_eq!(byte_prefix("ab", 9), "ab");
        assert_eq!(to_one_line("a\n  b   数据库", 4), "a b…");
        assert_eq!(to_one_line("  short ", 40), "short");
        assert_eq!((to_one_line("a five", 6), to_one_line("a five", 5)), ("a five".to_owned(), "a fiv…".to_owned()));
    }
}
