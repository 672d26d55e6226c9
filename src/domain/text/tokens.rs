//! A fast upper estimate of how many tokens a language model will count. Does not own any tokenizer.

use super::is_cjk;

/// Estimated tokens: a CJK character is one, other text four bytes a token, rounded up.
pub fn estimate(text: &str) -> usize {
    let (cjk, other) = text.chars().fold((0, 0), |(cjk, other), character| {
        if is_cjk(character) { (cjk + 1, other) } else { (cjk, other + character.len_utf8()) }
    });
    cjk + usize::div_ceil(other, 4)
}

/// The longest prefix that is estimated at no more than `tokens`.
pub fn prefix(text: &str, tokens: usize) -> &str {
    let mut quarters = tokens.saturating_mul(4);
    for (at, character) in text.char_indices() {
        let cost = if is_cjk(character) { 4 } else { character.len_utf8() };
        if cost > quarters {
            return text.get(..at).unwrap_or("");
        }
        quarters -= cost;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_and_cuts_agree() {
        assert_eq!(estimate("hello world"), 3);
        assert_eq!(estimate("数据库 db"), 4);
        for (text, tokens) in [("hello world", 2), ("数据库备份 and more", 4), ("x", 0)] {
            assert!(estimate(prefix(text, tokens)) <= tokens);
        }
    }
}
