//! Text in columns of a terminal: widths, wrapping, cutting. Chinese characters are two columns wide. Does not own
//! colours, which are added after wrapping.

use console::measure_text_width;

use crate::domain::text::line_breaks::may_break_between;

/// Narrowest text column.
const MIN_COLUMNS: usize = 20;

/// Returns the columns that a text takes.
pub(super) fn display_width(text: &str) -> usize {
    measure_text_width(text)
}

/// Wraps a text to lines of at most `width` columns: at spaces, and between Chinese characters. Line breaks are kept;
/// a word that is wider than a line is cut.
pub(super) fn wrap_text(text: &str, width: usize) -> Vec<String> {
    let width = width.max(MIN_COLUMNS);
    let mut lines = Vec::new();
    for line in text.lines() {
        wrap_line(&line.replace('\t', "    "), width, &mut lines);
    }
    lines
}

fn wrap_line(line: &str, width: usize, lines: &mut Vec<String>) {
    if display_width(line) <= width {
        lines.push(line.trim_end().to_owned());
        return;
    }
    let (mut current, mut used) = (String::new(), 0);
    for unit in split_units(line) {
        let wide = display_width(unit.trim_end());
        if used + wide > width && !current.trim().is_empty() {
            lines.push(current.trim_end().to_owned());
            current = String::new();
        }
        if wide > width {
            cut_unit(unit, width, lines, &mut current);
        } else {
            current.push_str(unit);
        }
        used = display_width(&current);
    }
    if !current.trim().is_empty() {
        lines.push(current.trim_end().to_owned());
    }
}

/// Cuts a unit that is wider than a line; what is left of it begins the next line.
fn cut_unit(unit: &str, width: usize, lines: &mut Vec<String>, current: &mut String) {
    for character in unit.chars() {
        if display_width(current) + display_width(character.encode_utf8(&mut [0; 4])) > width {
            lines.push(std::mem::take(current));
        }
        current.push(character);
    }
}

/// Splits a line into pieces that stay whole: a word with the spaces after it, or one Chinese character with the
/// punctuation after it.
fn split_units(line: &str) -> Vec<&str> {
    let (mut units, mut start, mut before) = (Vec::new(), 0, None);
    for (at, character) in line.char_indices() {
        let breaks = before.is_some_and(|before| may_break_between(before, character));
        // Spaces at the start belong to the first word: they are indentation.
        if breaks && !line.get(..at).unwrap_or("").trim().is_empty() {
            units.push(line.get(start..at).unwrap_or(""));
            start = at;
        }
        before = Some(character);
    }
    units.push(line.get(start..).unwrap_or(""));
    units
}

/// Returns the text in at most `width` columns, cut with an ellipsis.
pub(super) fn fit_text(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += display_width(character.encode_utf8(&mut [0; 4]));
        if used > width {
            break;
        }
        cut.push(character);
    }
    format!("{}…", cut.trim_end())
}

/// Returns the text followed by spaces up to `width` columns.
pub(super) fn pad_text(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_and_chinese_breaks_anywhere() {
        assert_eq!(wrap_text("one two three four five six", 20), ["one two three four", "five six"]);
        assert_eq!(wrap_text("a\n\n  indented", 20), ["a", "", "  indented"]);
        assert_eq!(
            wrap_text("支付网关超时后会重发回调，而且没有做幂等。", 20),
            ["支付网关超时后会重发", "回调，而且没有做幂", "等。"]
        );
        assert_eq!(wrap_text("把 max_connections 改成 200 之后重启", 20), ["把 max_connections", "改成 200 之后重启"]);
        let long = "x".repeat(45);
        assert_eq!(wrap_text(&long, 20).iter().map(String::len).collect::<Vec<_>>(), [20, 20, 5]);
        for text in ["mixed 连接池 and words, and 更多的字。再来一些（括号）", "", "   ", "\u{301}\u{301}"]
        {
            for width in 20..40 {
                assert!(wrap_text(text, width).iter().all(|line| display_width(line) <= width), "{text} in {width}");
            }
        }
    }

    #[test]
    fn a_text_is_cut_by_columns() {
        assert_eq!((fit_text("abcdef", 6), fit_text("abcdef", 5)), ("abcdef".to_owned(), "abcd…".to_owned()));
        assert_eq!(fit_text("连接池大小", 8), "连接池…");
        assert_eq!((pad_text("池", 4), pad_text("long", 2)), ("池  ".to_owned(), "long".to_owned()));
    }
}
