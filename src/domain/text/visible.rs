//! Making stored text safe to show: on a terminal and inside a model's context.
//! Stored text is never changed; this is for the way out.

use std::borrow::Cow;

/// Removes what is invisible or can act: control characters except newline and tab, terminal escape sequences,
/// bidirectional overrides, zero-width and tag characters (which hide instructions from a reader).
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' && characters.next_if_eq(&'[').is_some() {
            // A control sequence ends with its first byte between @ and ~ (ECMA-48, 5.4).
            while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
        } else if !acts(character) {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

const fn acts(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_acts_and_keeps_the_rest() {
        assert_eq!(safe("plain 中文\n\ttext"), "plain 中文\n\ttext");
        assert_eq!(safe("\u{1b}[31mred\u{1b}[0m\u{7}"), "red");
        assert_eq!(safe("a\u{202e}b\u{200b}c\u{e0041}"), "abc");
        assert_eq!(safe("one\r\ntwo"), "one\ntwo");
    }
}
