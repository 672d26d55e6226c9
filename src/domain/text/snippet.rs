//! Choosing the window of a text that shows best why it was found. Does not own highlighting colours.

use std::collections::BTreeSet;
use std::ops::Range;

use super::terms::Terms;

/// A window of at most about `characters` characters around the densest place of query terms inside `within`
/// (byte range; the best passage when found by meaning). An ellipsis marks each cut end.
pub fn window(text: &str, query: &[String], within: &Range<usize>, characters: usize, terms: &Terms) -> String {
    let scope = text.get(within.clone()).unwrap_or(text);
    let pieces = split(scope, characters / 3);
    if pieces.is_empty() {
        return String::new();
    }
    let best = best_piece(&pieces, query, terms);
    let mut low = best;
    let mut high = best + 1;
    let length = |low: usize, high: usize| -> usize {
        pieces.get(low..high).unwrap_or(&[]).iter().map(|piece| piece.chars().count()).sum()
    };
    // Grow to both sides, forward first: what follows a match usually answers it.
    loop {
        let before = (low, high);
        if high < pieces.len() && length(low, high + 1) <= characters {
            high += 1;
        }
        if low > 0 && length(low - 1, high) <= characters {
            low -= 1;
        }
        if before == (low, high) {
            break;
        }
    }
    let joined: String = pieces.get(low..high).unwrap_or(&[]).concat();
    let starts = low == 0 && within.start == 0;
    let ends = high == pieces.len() && within.end >= text.len();
    let body = joined.trim();
    format!("{}{body}{}", if starts { "" } else { "…" }, if ends { "" } else { "…" })
}

/// Which of the query's terms stand in the text, in the query's order.
pub fn matching(text: &str, query: &[String], terms: &Terms) -> Vec<String> {
    let mut present = BTreeSet::new();
    terms.each(text, &mut |term| {
        if let Some(index) = query.iter().position(|wanted| wanted == term) {
            present.insert(index);
        }
    });
    present.into_iter().filter_map(|index| query.get(index).cloned()).collect()
}

fn best_piece(pieces: &[&str], query: &[String], terms: &Terms) -> usize {
    let mut best = (0, 0);
    for (index, piece) in pieces.iter().enumerate() {
        let score: usize = matching(piece, query, terms).iter().map(|term| term.chars().count()).sum();
        if score > best.0 {
            best = (score, index);
        }
    }
    best.1
}

/// Cuts at line ends and sentence ends into pieces of at most `limit` characters.
fn split(text: &str, limit: usize) -> Vec<&str> {
    let limit = limit.max(20);
    let mut pieces = Vec::new();
    let (mut start, mut count) = (0, 0);
    for (at, character) in text.char_indices() {
        count += 1;
        let soft = count * 2 > limit && matches!(character, '.' | '。' | '！' | '？' | ';' | '；' | ' ');
        if character == '\n' || soft || count >= limit {
            let end = at + character.len_utf8();
            pieces.extend(text.get(start..end));
            (start, count) = (end, 0);
        }
    }
    pieces.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place_that_matches() {
        let terms = Terms::default();
        let text = format!(
            "{}\nThe deadlock came from the pool size.\n{}",
            "filler line\n".repeat(80),
            "tail line\n".repeat(80)
        );
        let query = terms.of_query("deadlock pool", 8);
        let snippet = window(&text, &query, &(0..text.len()), 200, &terms);
        assert!(snippet.contains("deadlock came from the pool"), "{snippet}");
        assert!(snippet.starts_with('…') && snippet.ends_with('…'));
        assert!(snippet.chars().count() <= 210);
        assert_eq!(matching(&text, &query, &terms), query);
    }

    #[test]
    fn short_text_is_whole() {
        let terms = Terms::default();
        assert_eq!(window("数据库备份失败", &terms.of_query("备份", 8), &(0..21), 200, &terms), "数据库备份失败");
        assert_eq!(window("", &[], &(0..0), 200, &terms), "");
    }
}
