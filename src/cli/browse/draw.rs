//! Drawing of the interactive screen.

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, List, ListItem, ListState, Paragraph};
use unicode_width::UnicodeWidthStr as _;

use super::state::{BrowseState, SessionLine, SessionPage};
use crate::domain::text::to_one_line;
use crate::render::terminal::{LineTone, TerminalSpan};
use crate::render::{self, layout_blocks, render_excerpt};

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
            draw_session(frame, top.union(middle), page);
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
    draw_session(frame, right, &mut state.preview);
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
    let highlighter = state.highlighter();
    let items: Vec<ListItem<'_>> = state
        .hits
        .iter()
        .map(|hit| {
            let about = format!("{} · {} · {}", hit.at.format_minute(&zone), hit.project, hit.role.name());
            let spans = render_excerpt(&hit.snippet, hit.kind.is_visible_by_default(), &highlighter);
            let snippet = layout_blocks(&[render::Block::Paragraph { spans }], width, 0);
            let mut lines = vec![Line::styled(about, DIM)];
            lines.extend(snippet.iter().take(2).map(|line| style_line(line)));
            ListItem::new(Text::from(lines))
        })
        .collect();
    let list = List::new(items).highlight_symbol("▌ ").highlight_style(Style::new().fg(Color::Cyan));
    let mut chosen = ListState::default().with_selected((!state.hits.is_empty()).then_some(state.chosen));
    frame.render_stateful_widget(list, area, &mut chosen);
}

/// Draws a session at its scroll position; a new one at the message that was found.
fn draw_session(frame: &mut Frame<'_>, area: Rect, page: &mut SessionPage) {
    let block = Block::bordered().border_style(DIM).title(Line::from(to_one_line(&page.title, 80)).style(BOLD));
    let inner = block.inner(area);
    let height = usize::from(inner.height);
    let (is_new, wanted) = (std::mem::take(&mut page.is_new), page.scroll);
    let lines = page.wrapped_lines(usize::from(inner.width));
    let hit = || lines.iter().position(|line| line.is_hit).unwrap_or(0).saturating_sub(1);
    let scroll = if is_new { hit() } else { wanted }.min(lines.len().saturating_sub(height));
    let shown = |line: &SessionLine| match (line.heading.is_empty(), line.is_hit) {
        (true, _) => style_line(&line.text),
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

/// Returns a line of a document in the styles of this screen.
fn style_line(line: &[TerminalSpan]) -> Line<'static> {
    let style = |span: &TerminalSpan| {
        if span.mark {
            return HIGHLIGHT;
        }
        let colour = match span.tone {
            LineTone::Text => None,
            LineTone::Dim => Some(Color::DarkGray),
            LineTone::Accent | LineTone::Code | LineTone::TypeName => Some(Color::Cyan),
            LineTone::Added | LineTone::Literal => Some(Color::Green),
            LineTone::Removed => Some(Color::Red),
            LineTone::Keyword => Some(Color::Magenta),
            LineTone::Number => Some(Color::Yellow),
            LineTone::Function => Some(Color::Blue),
        };
        let looks = [
            (span.bold, Modifier::BOLD),
            (span.italic, Modifier::ITALIC),
            (span.underlined, Modifier::UNDERLINED),
            (span.struck, Modifier::CROSSED_OUT),
        ];
        let plain = colour.map_or_else(Style::new, |colour| Style::new().fg(colour));
        looks.into_iter().filter(|(is, _)| *is).fold(plain, |style, (_, look)| style.add_modifier(look))
    };
    Line::from(line.iter().map(|span| Span::styled(span.text.clone(), style(span))).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

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
