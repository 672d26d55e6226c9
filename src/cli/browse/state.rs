//! State of the interactive screen: query, hits, selection, open page. Owns what keys do; does not draw.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::search_thread::{BrowseOutcome, BrowseQuery};
use crate::domain::text::highlight::Highlighter;
use crate::domain::text::sanitise;
use crate::domain::{Hit, MessageId};
use crate::memory::SessionMessages;
use crate::render::terminal::TerminalLine;
use crate::render::{Block, layout_blocks, mark_blocks, parse_part};

/// Lines of what a tool printed that are shown.
const SHOWN_OUTPUT_LINES: usize = 12;

/// Action that a key asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyAction {
    None,
    Ask,
    Choose,
    Open,
    Copy(String),
    Resume,
    Quit,
}

/// A message of a session, before it is laid out for the width of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PageMessage {
    /// Role and time.
    heading: String,
    blocks: Vec<Block>,
    /// True for the message that was found.
    is_hit: bool,
}

/// A line of a session on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionLine {
    /// Role and time; empty for a line of a text.
    pub(super) heading: String,
    pub(super) text: TerminalLine,
    /// True if it belongs to the message that was found.
    pub(super) is_hit: bool,
}

/// A session on the screen, with its scroll position.
#[derive(Debug, Default)]
pub(super) struct SessionPage {
    pub(super) title: String,
    said: Vec<PageMessage>,
    pub(super) scroll: usize,
    /// Scroll to the hit once its position on the screen is known.
    pub(super) is_new: bool,
    /// Lines and the width they were laid out for. Laying out a long session at every key would be noticeable.
    broken: (usize, Vec<SessionLine>),
}

impl SessionPage {
    /// Returns the lines for a width of `width` columns, with an empty one after each message.
    pub(super) fn wrapped_lines(&mut self, width: usize) -> &[SessionLine] {
        // A cached width of 0 means that nothing is laid out yet.
        let width = width.max(1);
        if self.broken.0 != width {
            let lines = self.said.iter().flat_map(|said| {
                let line = |heading: &str, text| SessionLine { heading: heading.to_owned(), text, is_hit: said.is_hit };
                let texts =
                    layout_blocks(&said.blocks, width, SHOWN_OUTPUT_LINES).into_iter().chain([TerminalLine::new()]);
                std::iter::once(line(&said.heading, TerminalLine::new()))
                    .chain(texts.map(|text| line("", text)))
                    .collect::<Vec<_>>()
            });
            self.broken = (width, lines.collect());
        }
        &self.broken.1
    }
}

/// State of the interactive screen.
#[derive(Debug)]
pub(super) struct BrowseState {
    query: String,
    number: u64,
    projects: Vec<String>,
    project: Option<usize>,
    pub(super) hits: Vec<Hit>,
    terms: Vec<String>,
    pub(super) chosen: usize,
    pub(super) is_whole: bool,
    pub(super) page: Option<SessionPage>,
    pub(super) preview: SessionPage,
    pub(super) told: String,
}

impl BrowseState {
    pub(super) const fn new(projects: Vec<String>) -> Self {
        Self {
            query: String::new(),
            number: 0,
            projects,
            project: None,
            hits: Vec::new(),
            terms: Vec::new(),
            chosen: 0,
            is_whole: true,
            page: None,
            preview: SessionPage {
                title: String::new(),
                said: Vec::new(),
                scroll: 0,
                is_new: false,
                broken: (0, Vec::new()),
            },
            told: String::new(),
        }
    }

    pub(super) fn query_text(&self) -> &str {
        &self.query
    }

    /// Returns the current query with its number, which grows with every query.
    pub(super) fn current_query(&self) -> BrowseQuery {
        let project = self.selected_project().map(str::to_owned);
        BrowseQuery { number: self.number, text: self.query.clone(), project }
    }

    /// Returns the project that is searched; `None` for all.
    pub(super) fn selected_project(&self) -> Option<&str> {
        self.projects.get(self.project?).map(String::as_str)
    }

    pub(super) fn selected_hit(&self) -> Option<&Hit> {
        self.hits.get(self.chosen)
    }

    pub(super) fn show_message(&mut self, text: String) {
        self.told = text;
    }

    /// Applies the results of the current query. Returns true if there were any.
    pub(super) fn apply_outcomes(&mut self, answers: impl Iterator<Item = BrowseOutcome>) -> bool {
        let mut changed = false;
        for found in answers.filter(|found| found.number == self.number) {
            changed = true;
            self.is_whole = found.is_whole;
            match found.outcome {
                Ok(answer) => {
                    // The selection survives when semantic search adds hits.
                    let kept = self.selected_hit().map(|hit| hit.id).filter(|_| self.chosen > 0);
                    self.terms = answer.hits.iter().flat_map(|hit| hit.matched.terms.clone()).collect();
                    self.terms.sort_unstable();
                    self.terms.dedup();
                    self.hits = answer.hits;
                    self.chosen = kept.and_then(|id| self.hits.iter().position(|hit| hit.id == id)).unwrap_or(0);
                    self.told = answer.warnings.into_iter().next().unwrap_or_default();
                }
                Err(why) => self.told = why,
            }
        }
        if changed && self.hits.is_empty() {
            self.preview = SessionPage::default();
        }
        changed
    }

    /// Appends typed or pasted text to the query.
    pub(super) fn insert_text(&mut self, text: &str) -> KeyAction {
        self.query.push_str(&text.replace(['\n', '\r', '\t'], " "));
        self.request_search()
    }

    const fn request_search(&mut self) -> KeyAction {
        self.number += 1;
        self.chosen = 0;
        KeyAction::Ask
    }

    pub(super) fn handle_key(&mut self, key: KeyEvent) -> KeyAction {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        self.told.clear();
        if control {
            return match key.code {
                KeyCode::Char('c' | 'd') => KeyAction::Quit,
                KeyCode::Char('r') if self.selected_hit().is_some() => KeyAction::Resume,
                KeyCode::Char('y') => self.copy_hit(),
                KeyCode::Char('u') if self.page.is_none() => {
                    self.query.clear();
                    self.request_search()
                }
                KeyCode::Char('w') if self.page.is_none() => {
                    let kept = self.query.trim_end().rfind(' ').map_or(0, |at| at + 1);
                    self.query.truncate(kept);
                    self.request_search()
                }
                KeyCode::Char('n') => self.move_selection(1),
                KeyCode::Char('p') => self.move_selection(-1),
                _ => KeyAction::None,
            };
        }
        if let Some(page) = &mut self.page {
            let by = match key.code {
                KeyCode::Esc | KeyCode::Backspace | KeyCode::Left | KeyCode::Char('q') => {
                    self.page = None;
                    return KeyAction::None;
                }
                KeyCode::Char('y') => return self.copy_hit(),
                KeyCode::Down | KeyCode::Char('j') => 1,
                KeyCode::Up | KeyCode::Char('k') => -1,
                KeyCode::PageDown | KeyCode::Char(' ') => 20,
                KeyCode::PageUp => -20,
                KeyCode::Home => isize::MIN,
                KeyCode::End => isize::MAX,
                _ => 0,
            };
            page.scroll = page.scroll.saturating_add_signed(by);
            return KeyAction::None;
        }
        match key.code {
            KeyCode::Esc if self.query.is_empty() => KeyAction::Quit,
            KeyCode::Esc => {
                self.query.clear();
                self.request_search()
            }
            KeyCode::Char(letter) => self.insert_text(letter.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => {
                self.query.pop();
                self.request_search()
            }
            KeyCode::Down => self.move_selection(1),
            KeyCode::Up => self.move_selection(-1),
            KeyCode::PageDown => self.move_selection(10),
            KeyCode::PageUp => self.move_selection(-10),
            KeyCode::Tab => self.cycle_project(true),
            KeyCode::BackTab => self.cycle_project(false),
            KeyCode::Enter | KeyCode::Right if self.selected_hit().is_some() => KeyAction::Open,
            _ => KeyAction::None,
        }
    }

    fn move_selection(&mut self, by: isize) -> KeyAction {
        let last = self.hits.len().saturating_sub(1);
        self.chosen = self.chosen.saturating_add_signed(by).min(last);
        KeyAction::Choose
    }

    /// Selects the next or the previous project; "all projects" comes after the last and before the first.
    fn cycle_project(&mut self, forward: bool) -> KeyAction {
        let count = self.projects.len();
        self.project = match (self.project, forward) {
            (None, true) => (count > 0).then_some(0),
            (None, false) => count.checked_sub(1),
            (Some(at), true) => Some(at + 1).filter(|next| *next < count),
            (Some(at), false) => at.checked_sub(1),
        };
        self.request_search()
    }

    fn copy_hit(&self) -> KeyAction {
        self.selected_hit().map_or(KeyAction::None, |hit| KeyAction::Copy(hit.snippet.clone()))
    }

    pub(super) fn set_preview(&mut self, conversation: &SessionMessages) {
        let Some(id) = self.selected_hit().map(|hit| hit.id) else { return };
        self.preview = build_page(conversation, id, &self.highlighter());
    }

    pub(super) fn open_page(&mut self, conversation: &SessionMessages, id: MessageId) {
        self.page = Some(build_page(conversation, id, &self.highlighter()));
    }

    /// Returns the highlighter of the current query.
    pub(super) fn highlighter(&self) -> Highlighter {
        Highlighter::from_query(&self.query, &self.terms)
    }
}

fn build_page(conversation: &SessionMessages, id: MessageId, highlighter: &Highlighter) -> SessionPage {
    let zone = jiff::tz::TimeZone::system();
    let mut said = Vec::new();
    for message in &conversation.messages {
        let heading = format!("{} · {}", message.role.name(), message.at.format_minute(&zone));
        let parts = message.parts.iter();
        let mut blocks: Vec<Block> =
            parts.flat_map(|part| parse_part(part.kind, part.tool.as_deref(), &part.text)).collect();
        mark_blocks(&mut blocks, highlighter);
        said.push(PageMessage { heading, blocks, is_hit: message.id == id });
    }
    let title = sanitise::sanitise_text(&conversation.head.title).into_owned();
    SessionPage {
        title: format!("{title} · {}", conversation.head.project),
        said,
        is_new: true,
        ..SessionPage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(state: &mut BrowseState, code: KeyCode) -> KeyAction {
        state.handle_key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn keys_do_what_the_last_line_says() {
        let mut state = BrowseState::new(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(press(&mut state, KeyCode::Char('池')), KeyAction::Ask);
        assert_eq!((state.query_text(), state.current_query().number), ("池", 1));
        assert_eq!(press(&mut state, KeyCode::Tab), KeyAction::Ask);
        assert_eq!(state.selected_project(), Some("a"));
        press(&mut state, KeyCode::Tab);
        press(&mut state, KeyCode::Tab);
        assert_eq!(state.selected_project(), None);
        press(&mut state, KeyCode::BackTab);
        assert_eq!(state.selected_project(), Some("b"));
        assert_eq!(press(&mut state, KeyCode::Enter), KeyAction::None, "nothing was found yet");
        assert_eq!(press(&mut state, KeyCode::Esc), KeyAction::Ask);
        assert_eq!(press(&mut state, KeyCode::Esc), KeyAction::Quit);
        assert_eq!(state.insert_text("two\nlines"), KeyAction::Ask);
        assert_eq!(state.handle_key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL)), KeyAction::Ask);
        assert_eq!(state.query_text(), "two ");
        // An answer to an older question counts for nothing.
        let old = BrowseOutcome { number: 1, is_whole: true, outcome: Err("old".to_owned()) };
        assert!(!state.apply_outcomes(std::iter::once(old)) && state.told.is_empty());
    }
}
