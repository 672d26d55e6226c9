//! Line wrapping by display width: at spaces where there are some, between any two Chinese characters.

use unicode_width::UnicodeWidthChar as _;

/// Wraps a text into lines of at most `width` columns.
pub(super) fn wrap_lines(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    for line in text.lines() {
        let (mut current, mut used, mut space) = (String::new(), 0, None);
        for letter in line.chars() {
            let letter = if letter == '\t' { ' ' } else { letter };
            let wide = letter.width().unwrap_or(0);
            // The text carried over may leave too little room for a wide character as well.
            while used + wide > width && !current.is_empty() {
                // After the last space, if the line has one.
                let rest = space.map_or_else(String::new, |at| current.split_off(at));
                lines.push(std::mem::replace(&mut current, rest.trim_start().to_owned()));
                used = current.chars().filter_map(char::width).sum();
                space = None;
            }
            if letter == ' ' {
                space = Some(current.len());
            }
            current.push(letter);
            used += wide;
        }
        lines.push(current);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_and_wide_characters_fit() {
        assert_eq!(wrap_lines("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap_lines("连接池大小", 4), ["连接", "池大", "小"]);
        assert_eq!(wrap_lines("a\n\nabcdefgh", 4), ["a", "", "abcd", "efgh"]);
        for text in ["mixed 连接池 and words", "x", "", "\u{301}\u{301}"] {
            for width in 2..12 {
                let fits = |line: &String| line.chars().filter_map(char::width).sum::<usize>() <= width;
                assert!(wrap_lines(text, width).iter().all(fits), "{text} in {width}");
            }
        }
    }
}
