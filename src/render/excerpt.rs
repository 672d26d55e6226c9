//! Excerpts: a snippet or the beginning of a message as one run of spans without blank lines, Markdown's signs removed,
//! with the query marked.

use super::document::{Block, ListItem, Span};
use super::markdown::parse_markdown;
use super::marks::split_span;
use crate::domain::text::highlight::Highlighter;
use crate::domain::text::sanitise::sanitise_text;

/// Returns a text in one run of spans. `is_prose` says that its author wrote Markdown.
pub fn render_excerpt(text: &str, is_prose: bool, highlighter: &Highlighter) -> Vec<Span> {
    let safe = sanitise_text(text);
    // The sign of a cut must not hide one of Markdown's at the beginning of a line.
    let (is_cut, body) = safe.strip_prefix('…').map_or((false, safe.as_ref()), |body| (true, body));
    let mut runs = Vec::new();
    if is_prose {
        collect_runs(&parse_markdown(body), &mut runs);
    } else {
        runs = body.lines().map(|line| vec![Span::from_text(line.trim())]).collect();
    }
    let mut spans: Vec<Span> = is_cut.then(|| Span::from_text("…")).into_iter().collect();
    for run in runs.into_iter().filter(|run| run.iter().any(|span| !span.text.trim().is_empty())) {
        if spans.last().is_some_and(|last| last.text != "…") {
            push_text(&mut spans, Span::from_text(" "));
        }
        for span in run {
            let text = one_line(&span.text);
            // A link inside a result that is a link itself would be two.
            push_text(&mut spans, Span { text, link: None, ..span });
        }
    }
    let whole: String = spans.iter().map(|span| span.text.as_str()).collect();
    mark_runs(spans, &highlighter.find_excerpt_marks(&whole))
}

/// Marks ranges of the joined text, which may go over several spans.
fn mark_runs(spans: Vec<Span>, marks: &[std::ops::Range<usize>]) -> Vec<Span> {
    let (mut marked, mut start) = (Vec::with_capacity(spans.len()), 0);
    for span in spans {
        let end = start + span.text.len();
        let inside = marks.iter().filter(|range| range.start < end && range.end > start);
        let ranges: Vec<_> = inside.map(|range| range.start.max(start) - start..range.end.min(end) - start).collect();
        split_span(&span, &ranges, &mut marked);
        start = end;
    }
    marked
}

fn push_text(spans: &mut Vec<Span>, span: Span) {
    let look = |span: &Span| (span.strong, span.emphasis, span.struck, span.code);
    match spans.last_mut() {
        Some(last) if look(last) == look(&span) => last.text.push_str(&span.text),
        _ => spans.push(span),
    }
}

/// Replaces white space by single spaces and keeps one at either end.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if !letter.is_whitespace() {
            line.push(letter);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line
}

fn collect_runs(blocks: &[Block], runs: &mut Vec<Vec<Span>>) {
    for block in blocks {
        match block {
            Block::Paragraph { spans } | Block::Heading { spans, .. } => runs.push(spans.clone()),
            Block::Quote { blocks } => collect_runs(blocks, runs),
            Block::List { items, .. } => {
                for ListItem { blocks, .. } in items {
                    runs.push(vec![Span::from_text("·")]);
                    collect_runs(blocks, runs);
                }
            }
            Block::Table { head, rows, .. } => {
                for row in std::iter::once(head).chain(rows) {
                    let cells = row.iter().enumerate().flat_map(|(number, cell)| {
                        let gap = (number > 0).then(|| Span::from_text(" · "));
                        gap.into_iter().chain(cell.clone())
                    });
                    runs.push(cells.collect());
                }
            }
            Block::Code { lines, .. } => {
                let text =
                    |line: &super::document::CodeLine| line.iter().map(|token| token.1.as_str()).collect::<String>();
                runs.extend(lines.iter().map(|line| vec![Span { code: true, ..Span::from_text(text(line).trim()) }]));
            }
            Block::Plain { text } => runs.extend(text.lines().map(|line| vec![Span::from_text(line)])),
            _ => {}
        }
    }
}
