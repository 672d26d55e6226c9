//! Marks of a query in a document: in prose, not in code and not in what tools print.

use super::document::{Block, Span};
use crate::domain::text::highlight::Highlighter;

/// Marks what a query wants; returns the number of marks.
pub fn mark_blocks(blocks: &mut [Block], highlighter: &Highlighter) -> usize {
    if highlighter.is_empty() {
        return 0;
    }
    let mut count = 0;
    for block in blocks {
        count += match block {
            Block::Paragraph { spans } | Block::Heading { spans, .. } => mark_spans(spans, highlighter),
            Block::List { items, .. } => items.iter_mut().map(|item| mark_blocks(&mut item.blocks, highlighter)).sum(),
            Block::Quote { blocks } => mark_blocks(blocks, highlighter),
            Block::Table { head, rows, .. } => {
                head.iter_mut().chain(rows.iter_mut().flatten()).map(|cell| mark_spans(cell, highlighter)).sum()
            }
            _ => 0,
        };
    }
    count
}

/// Splits spans where a mark begins or ends.
fn mark_spans(spans: &mut Vec<Span>, highlighter: &Highlighter) -> usize {
    let mut count = 0;
    let mut split = Vec::with_capacity(spans.len());
    for span in std::mem::take(spans) {
        let marks = highlighter.find_marks(&span.text);
        count += marks.len();
        split_span(&span, &marks, &mut split);
    }
    *spans = split;
    count
}

/// Adds a span cut at the ranges, which become marked.
pub(super) fn split_span(span: &Span, marks: &[std::ops::Range<usize>], into: &mut Vec<Span>) {
    let mut at = 0;
    let piece = |from: usize, until: usize, mark: bool| {
        let text = span.text.get(from..until).filter(|text| !text.is_empty())?;
        Some(Span { text: text.to_owned(), mark, ..span.clone() })
    };
    for range in marks {
        into.extend(piece(at, range.start, false));
        into.extend(piece(range.start, range.end, true));
        at = range.end;
    }
    into.extend(piece(at, span.text.len(), false));
}
