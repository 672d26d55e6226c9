//! Pure rules over text: terms for word search, passages for vectors, snippets, token estimates, safe display.

pub mod intent;
pub mod passages;
pub mod snippet;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(prefix("数据", 4), "数");
        assert_eq!(prefix("ab", 9), "ab");
        assert_eq!(one_line("a\n  b   数据库", 4), "a b…");
        assert_eq!(one_line("  short ", 40), "short");
    }
}
