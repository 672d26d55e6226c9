//! Places at which a line of mixed text may be broken: after spaces, and between Chinese characters, but not before
//! closing punctuation. Does not own widths.

use super::is_cjk;

/// Characters that do not begin a line.
const CLOSING: &str = "，。：；？！、）」』》】”’…,.;:?!)]}";

/// Returns true if a line may be broken between two neighbouring characters.
pub fn may_break_between(before: char, after: char) -> bool {
    if after == ' ' {
        return false;
    }
    let is_closing_wide = !before.is_ascii() && CLOSING.contains(before);
    before == ' ' || ((is_cjk(after) || is_cjk(before) || is_closing_wide) && !CLOSING.contains(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_stays_with_what_it_closes() {
        for (before, after, may) in [
            (' ', 'a', true),
            (' ', '。', true),
            ('a', ' ', false),
            ('a', 'b', false),
            ('连', '接', true),
            ('池', '，', false),
            ('，', '而', true),
            ('x', '池', true),
            (')', 'x', false),
            ('）', 'x', true),
        ] {
            assert_eq!(may_break_between(before, after), may, "{before:?} {after:?}");
        }
    }
}
