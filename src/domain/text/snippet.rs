//! Chooses the window of a text that best shows why it was found. Does not own highlighting colours.

use std::collections::BTreeSet;
use std::ops::Range;

use super::terms::TermExtractor;

/// Returns the window of about `characters` characters with the most query terms inside `within`.
///
/// `within` is a byte range: the best passage if semantic search found the text. An ellipsis marks each cut end.
pub fn best_window(
    text: &str,
    query: &[String],
    within: &Range<usize>,
    characters: usize,
    terms: &TermExtractor,
) -> String {
    let scope = text.get(within.clone()).unwrap_or(text);
    let pieces = split_pieces(scope, characters / 3);
    if pieces.is_empty() {
        return String::new();
    }
    let best = find_best_piece(&pieces, query, terms);
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

/// Returns the query's terms that occur in the text, in the query's order.
pub fn matching_terms(text: &str, query: &[String], terms: &TermExtractor) -> Vec<String> {
    let mut present = BTreeSet::new();
    terms.for_each_term(text, &mut |term| {
        if let Some(index) = query.iter().position(|wanted| wanted == term) {
            present.insert(index);
        }
    });
    present.into_iter().filter_map(|index| query.get(index).cloned()).collect()
}

fn find_best_piece(pieces: &[&str], query: &[String], terms: &TermExtractor) -> usize {
    let mut best = (0, 0);
    for (index, piece) in pieces.iter().enumerate() {
        let score: usize = matching_terms(piece, query, terms).iter().map(|term| term.chars().count()).sum();
        if score > best.0 {
            best = (score, index);
        }
    }
    best.1
}

/// Cuts at line ends and sentence ends into pieces of at most `limit` characters.
fn split_pieces(text: &str, limit: usize) -> Vec<&str> {
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
        let terms = TermExtractor::default();
        let text = format!(
            "{}\nThe deadlock came from the pool size.\n{}",
            "filler line\n".repeat(80),
            "tail line\n".repeat(80)
        );
        let query = terms.query_terms("deadlock pool", 8);
        let snippet = best_window(&text, &query, &(0..text.len()), 200, &terms);
        assert!(snippet.contains("deadlock came from the pool"), "{snippet}");
        assert!(snippet.starts_with('…') && snippet.ends_with('…'));
        assert!(snippet.chars().count() <= 210);
        assert_eq!(matching_terms(&text, &query, &terms), query);
    }

    #[test]
    fn short_text_is_whole() {
        let terms = TermExtractor::default();
        assert_eq!(
            best_window("数据库备份失败", &terms.query_terms("备份", 8), &(0..21), 200, &terms),
            "数据库备份失败"
        );
        assert_eq!(best_window("", &[], &(0..0), 200, &terms), "");
    }
}
