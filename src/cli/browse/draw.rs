//! Drawing of the interactive screen.

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, List, ListItem, ListState, Paragraph};
use unicode_width::UnicodeWidthStr as _;

use super::state::{BrowseState, SessionLine, SessionPage};
use super::wrap::wrap_lines;
use crate::domain::text::{sanitise, to_one_line};

/// Minimum columns at which the preview is beside the hits, not below them.
const SIDE_BY_SIDE_WIDTH: u16 = 100;
const ACCENT: Style = Style::new().fg(Color::Cyan);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const HIGHLIGHT: Style = Style::new().fg(Color::Black).bg(Color::Yellow);

pub(super) fn draw_screen(frame: &mut Frame<'_>, state: &mut BrowseState) {
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(3), Constraint::Min(1), Constraint::Length(1)]).areas(frame.area());
    if state.page.is_some() {
        if let Some(page) = &mut state.page {
            draw_session(frame, top.union(middle), page, &state.terms);
        }
        draw_status_line(frame, bottom, &state.told, "↑ ↓ space scroll · y copy · ^R resume in Claude Code · Esc back");
        return;
    }
    draw_query(frame, top, state);
    let parts = [Constraint::Percentage(50), Constraint::Percentage(50)];
    let [left, right] =
        if middle.width >= SIDE_BY_SIDE_WIDTH { Layout::horizontal(parts) } else { Layout::vertical(parts) }
            .areas(middle);
    draw_hits(frame, left, state);
    draw_session(frame, right, &mut state.preview, &state.terms);
    draw_status_line(
        frame,
        bottom,
        &state.told,
        "↑ ↓ choose · Enter read · Tab project · ^Y copy · ^R resume in Claude Code · Esc clear, quit",
    );
}

fn draw_query(frame: &mut Frame<'_>, area: Rect, state: &BrowseState) {
    let project = state.selected_project().unwrap_or("all projects");
    let count = match (state.query_text().is_empty(), state.hits.len()) {
        (true, _) => "type to search".to_owned(),
        (false, 1) => "1 hit".to_owned(),
        (false, count) => format!("{count} hits"),
    };
    let searching = if state.is_whole || state.query_text().is_empty() { "" } else { " …" };
    let block = Block::bordered()
        .border_style(ACCENT)
        .title(Line::from(" claude-memory ").style(BOLD))
        .title(Line::from(format!(" {project} · {count}{searching} ")).right_aligned());
    let inner = block.inner(area);
    // Of a query that does not fit, show the end: that is where the user types.
    let mut shown = state.query_text();
    while shown.width() >= usize::from(inner.width.max(1)) {
        let mut letters = shown.chars();
        letters.next();
        shown = letters.as_str();
    }
    frame.render_widget(Paragraph::new(shown).block(block), area);
    let column = inner.x.saturating_add(u16::try_from(shown.width()).unwrap_or(0));
    frame.set_cursor_position((column, inner.y));
}

fn draw_hits(frame: &mut Frame<'_>, area: Rect, state: &BrowseState) {
    let zone = TimeZone::system();
    let width = usize::from(area.width.saturating_sub(3));
    let items: Vec<ListItem<'_>> = state
        .hits
        .iter()
        .map(|hit| {
            let about = format!("{} · {} · {}", hit.at.format_minute(&zone), hit.project, hit.role.name());
            let snippet = sanitise::sanitise_text(&to_one_line(&hit.snippet, width.saturating_mul(2))).into_owned();
            let snippet = wrap_lines(&snippet, width);
            let mut lines = vec![Line::styled(about, DIM)];
            lines.extend(snippet.into_iter().take(2).map(|line| highlight_terms(&line, &state.terms)));
            ListItem::new(Text::from(lines))
        })
        .collect();
    let list = List::new(items).highlight_symbol("▌ ").highlight_style(Style::new().fg(Color::Cyan));
    let mut chosen = ListState::default().with_selected((!state.hits.is_empty()).then_some(state.chosen));
    frame.render_stateful_widget(list, area, &mut chosen);
}

/// Draws a session at its scroll position; a new one at the message that was found.
fn draw_session(frame: &mut Frame<'_>, area: Rect, page: &mut SessionPage, terms: &[String]) {
    let block = Block::bordered().border_style(DIM).title(Line::from(to_one_line(&page.title, 80)).style(BOLD));
    let inner = block.inner(area);
    let height = usize::from(inner.height);
    let (is_new, wanted) = (std::mem::take(&mut page.is_new), page.scroll);
    let lines = page.wrapped_lines(usize::from(inner.width));
    let hit = || lines.iter().position(|line| line.is_hit).unwrap_or(0).saturating_sub(1);
    let scroll = if is_new { hit() } else { wanted }.min(lines.len().saturating_sub(height));
    let shown = |line: &SessionLine| match (line.heading.is_empty(), line.is_hit) {
        (true, true) => highlight_terms(&line.text, terms),
        (true, false) => Line::from(line.text.clone()),
        (false, true) => Line::styled(line.heading.clone(), ACCENT.add_modifier(Modifier::BOLD)),
        (false, false) => Line::styled(line.heading.clone(), DIM),
    };
    let seen: Vec<Line<'_>> = lines.iter().skip(scroll).take(height).map(shown).collect();
    page.scroll = scroll;
    frame.render_widget(Paragraph::new(seen).block(block), area);
}

fn draw_status_line(frame: &mut Frame<'_>, area: Rect, told: &str, keys: &str) {
    let line = if told.is_empty() { Line::styled(keys.to_owned(), DIM) } else { Line::from(to_one_line(told, 200)) };
    frame.render_widget(Paragraph::new(line), area);
}

/// Highlights the search terms in a line; an ASCII term is extended to the end of its word.
fn highlight_terms(line: &str, terms: &[String]) -> Line<'static> {
    let lower = line.to_lowercase();
    // Byte offsets of the lower-case text fit the original only if both have the same length.
    if lower.len() != line.len() {
        return Line::from(line.to_owned());
    }
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for term in terms.iter().filter(|term| !term.is_empty()) {
        for (start, found) in lower.match_indices(term.as_str()) {
            let rest = lower.get(start + found.len()..).unwrap_or("");
            let more: usize = if term.is_ascii() {
                rest.chars().take_while(char::is_ascii_alphanumeric).map(char::len_utf8).sum()
            } else {
                0
            };
            let inside = lower.get(..start).and_then(|before| before.chars().next_back());
            if !(term.is_ascii() && inside.is_some_and(|letter| letter.is_ascii_alphanumeric())) {
                spans.push((start, start + found.len() + more));
            }
        }
    }
    spans.sort_unstable();
    let (mut at, mut parts) = (0, Vec::new());
    for (start, end) in spans {
        if end <= at {
            continue;
        }
        let start = start.max(at);
        parts.push(Span::raw(line.get(at..start).unwrap_or("").to_owned()));
        parts.push(Span::styled(line.get(start..end).unwrap_or("").to_owned(), HIGHLIGHT));
        at = end;
    }
    parts.push(Span::raw(line.get(at..).unwrap_or("").to_owned()));
    Line::from(parts)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn words_are_marked_whole() {
        let text = |line: &Line<'_>, style| -> Vec<String> {
            line.spans.iter().filter(|span| span.style == style).map(|span| span.content.to_string()).collect()
        };
        let line = highlight_terms("Pooling of spools, 连接池", &["pool".to_owned(), "连接".to_owned()]);
        assert_eq!(text(&line, HIGHLIGHT), ["Pooling", "连接"]);
        assert_eq!(line.to_string(), "Pooling of spools, 连接池");
    }

    #[test]
    fn any_size_can_be_drawn() {
        for (width, height) in [(1, 1), (3, 4), (20, 5), (40, 12), (160, 50)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            let mut state = BrowseState::new(vec!["shop".to_owned()]);
            assert!(matches!(
                state.insert_text("a long question 连接池 that does not fit"),
                super::super::state::KeyAction::Ask
            ));
            terminal.draw(|frame| draw_screen(frame, &mut state)).unwrap();
        }
    }
}
