//! Pure rules over text: terms for word search, passages for vectors, snippets, token estimates, safe display.

pub mod dates;
pub mod fence;
pub mod keys;
pub mod passages;
pub mod prompt;
pub mod question;
pub mod redact;
pub mod shell;
pub mod signature;
pub mod sketch;
pub mod snippet;
pub mod suspicion;
pub mod terms;
pub mod tokens;
pub mod visible;

/// The longest prefix of `text` of at most `bytes` bytes that ends at a character boundary.
pub fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// Whether a character belongs to a script written without spaces between words: Han, kana, Hangul, Bopomofo.
pub const fn is_cjk(character: char) -> bool {
    matches!(character,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}'
        | '\u{3040}'..='\u{30ff}' | '\u{3105}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}' | '\u{ac00}'..='\u{d7a3}' | '々' | '〆')
}

/// How many CJK characters, and how many words of other letters, a text has.
pub fn characters_and_words(text: &str) -> (usize, usize) {
    let (mut characters, mut words, mut inside) = (0, 0, false);
    for character in text.chars() {
        let letter = character.is_alphabetic() && !is_cjk(character);
        characters += usize::from(is_cjk(character));
        words += usize::from(letter && !inside);
        inside = letter;
    }
    (characters, words)
}

/// A pattern that is part of the program. Of the small engine, whose classes and boundaries are those of ASCII: a name may
/// stand right behind a Chinese character; and its patterns are made in microseconds where those of the large one take
/// milliseconds each, which every short-lived process would pay.
#[expect(clippy::expect_used, reason = "the patterns are constants; tests compile all of them")]
fn rule(pattern: &str) -> regex_lite::Regex {
    regex_lite::Regex::new(pattern).expect("a constant pattern compiles")
}

/// Which script a text is written in, as far as words can be shared.
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
    /// By the share of CJK characters among CJK characters and other words: below a tenth and above a half it is plain.
    pub fn of(text: &str) -> Self {
        let (cjk, words) = characters_and_words(text);
        match cjk + words {
            0 => Self::Mixed,
            all if cjk * 10 < all => Self::Spaced,
            all if cjk * 2 > all => Self::Cjk,
            _ => Self::Mixed,
        }
    }

    /// Whether texts of the two scripts can hardly share a word.
    pub const fn is_foreign_to(self, other: Self) -> bool {
        matches!((self, other), (Self::Spaced, Self::Cjk) | (Self::Cjk, Self::Spaced))
    }

    /// The number stored in the database; never reused.
    pub const fn number(self) -> i64 {
        match self {
            Self::Mixed => 0,
            Self::Spaced => 1,
            Self::Cjk => 2,
        }
    }

    /// From the stored number.
    pub const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Spaced,
            2 => Self::Cjk,
            _ => Self::Mixed,
        }
    }
}

/// One line, at most `characters` long, with an ellipsis where it was cut.
pub fn one_line(text: &str, characters: usize) -> String {
    let mut line = String::new();
    for (count, character) in text.split_whitespace().flat_map(|word| word.chars().chain([' '])).enumerate() {
        if count >= characters {
            line.truncate(line.trim_end().len());
            line.push('…');
            return line;
        }
        line.push(character);
    }
    line.truncate(line.trim_end().len());
    line
}

/// The first words of a text in one line, at most so many words and characters, and at most half of it: enough to know a text
/// by, never the text.
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
        assert_eq!(Script::of("how do I back up"), Script::Spaced);
        assert_eq!(Script::of("数据库怎么备份"), Script::Cjk);
        assert_eq!(Script::of("OOMKilled pod restart 的原因"), Script::Mixed);
        assert_eq!(Script::of("42"), Script::Mixed);
        assert!(Script::Cjk.is_foreign_to(Script::Spaced) && !Script::Mixed.is_foreign_to(Script::Cjk));
        for script in [Script::Mixed, Script::Spaced, Script::Cjk] {
            assert_eq!(Script::from_number(script.number()), script);
        }
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(prefix("数据", 4), "数");
        assert_eq!(prefix("ab", 9), "ab");
        assert_eq!(one_line("a\n  b   数据库", 4), "a b…");
        assert_eq!(one_line("  short ", 40), "short");
    }
}
