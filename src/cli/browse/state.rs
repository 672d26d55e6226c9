//! What is typed, found, chosen and read. Owns what keys mean; does not know the screen.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::seeker::Found;
use super::wrap::wrapped;
use crate::domain::text::visible;
use crate::domain::{Hit, MessageId};
use crate::memory::Conversation;

/// What has to be done after a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    None,
    Ask,
    Choose,
    Open,
    Copy(String),
    Resume,
    Quit,
}

/// A line of a conversation, before it is broken to the width of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Who and when; empty for a text.
    pub(super) heading: String,
    pub(super) text: String,
    /// Whether it is the message that was found.
    pub(super) is_hit: bool,
}

/// A conversation that is read.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) title: String,
    said: Vec<Said>,
    pub(super) scroll: usize,
    /// Go to the hit as soon as it is known where it is on the screen.
    pub(super) is_new: bool,
    /// What was said in lines that fit, and how wide they may be: breaking a long conversation anew for every key would be felt.
    broken: (usize, Vec<Said>),
}

impl Page {
    /// Lines of at most so many columns; an empty one after each text.
    pub(super) fn lines(&mut self, width: usize) -> &[Said] {
        // Nothing is broken yet where the width is 0.
        let width = width.max(1);
        if self.broken.0 != width {
            let line = |said: &Said, text| Said { heading: String::new(), text, is_hit: said.is_hit };
            let lines = self.said.iter().flat_map(|said| {
                if said.heading.is_empty() {
                    let texts = wrapped(&said.text, width).into_iter().chain([String::new()]);
                    texts.map(|text| line(said, text)).collect()
                } else {
                    vec![said.clone()]
                }
            });
            self.broken = (width, lines.collect());
        }
        &self.broken.1
    }
}

/// Everything.
#[derive(Debug)]
pub(super) struct State {
    query: String,
    number: u64,
    projects: Vec<String>,
    project: Option<usize>,
    pub(super) hits: Vec<Hit>,
    pub(super) terms: Vec<String>,
    pub(super) chosen: usize,
    pub(super) is_whole: bool,
    pub(super) page: Option<Page>,
    pub(super) preview: Page,
    pub(super) told: String,
}

impl State {
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
            preview: Page { title: String::new(), said: Vec::new(), scroll: 0, is_new: false, broken: (0, Vec::new()) },
            told: String::new(),
        }
    }

    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// Grows with every question.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The project that is searched; `None` for all.
    pub(super) fn project(&self) -> Option<&str> {
        self.projects.get(self.project?).map(String::as_str)
    }

    pub(super) fn hit(&self) -> Option<&Hit> {
        self.hits.get(self.chosen)
    }

    pub(super) fn tell(&mut self, text: String) {
        self.told = text;
    }

    /// Takes answers; whether one of them counts.
    pub(super) fn take(&mut self, answers: impl Iterator<Item = Found>) -> bool {
        let mut changed = false;
        for found in answers.filter(|found| found.number == self.number) {
            changed = true;
            self.is_whole = found.is_whole;
            match found.outcome {
                Ok(answer) => {
                    // What was chosen stays chosen when meaning adds to the hits.
                    let kept = self.hit().map(|hit| hit.id).filter(|_| self.chosen > 0);
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
            self.preview = Page::default();
        }
        changed
    }

    /// Text that was pasted.
    pub(super) fn typed(&mut self, text: &str) -> Act {
        self.query.push_str(&text.replace(['\n', '\r', '\t'], " "));
        self.asks()
    }

    const fn asks(&mut self) -> Act {
        self.number += 1;
        self.chosen = 0;
        Act::Ask
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Act {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        self.told.clear();
        if control {
            return match key.code {
                KeyCode::Char('c' | 'd') => Act::Quit,
                KeyCode::Char('r') if self.hit().is_some() => Act::Resume,
                KeyCode::Char('y') => self.copied(),
                KeyCode::Char('u') if self.page.is_none() => {
                    self.query.clear();
                    self.asks()
                }
                KeyCode::Char('w') if self.page.is_none() => {
                    let kept = self.query.trim_end().rfind(' ').map_or(0, |at| at + 1);
                    self.query.truncate(kept);
                    self.asks()
                }
                KeyCode::Char('n') => self.step(1),
                KeyCode::Char('p') => self.step(-1),
                _ => Act::None,
            };
        }
        if let Some(page) = &mut self.page {
            let by = match key.code {
                KeyCode::Esc | KeyCode::Backspace | KeyCode::Left | KeyCode::Char('q') => {
                    self.page = None;
                    return Act::None;
                }
                KeyCode::Char('y') => return self.copied(),
                KeyCode::Down | KeyCode::Char('j') => 1,
                KeyCode::Up | KeyCode::Char('k') => -1,
                KeyCode::PageDown | KeyCode::Char(' ') => 20,
                KeyCode::PageUp => -20,
                KeyCode::Home => isize::MIN,
                KeyCode::End => isize::MAX,
                _ => 0,
            };
            page.scroll = page.scroll.saturating_add_signed(by);
            return Act::None;
        }
        match key.code {
            KeyCode::Esc if self.query.is_empty() => Act::Quit,
            KeyCode::Esc => {
                self.query.clear();
                self.asks()
            }
            KeyCode::Char(letter) => self.typed(letter.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => {
                self.query.pop();
                self.asks()
            }
            KeyCode::Down => self.step(1),
            KeyCode::Up => self.step(-1),
            KeyCode::PageDown => self.step(10),
            KeyCode::PageUp => self.step(-10),
            KeyCode::Tab => self.turn(true),
            KeyCode::BackTab => self.turn(false),
            KeyCode::Enter | KeyCode::Right if self.hit().is_some() => Act::Open,
            _ => Act::None,
        }
    }

    fn step(&mut self, by: isize) -> Act {
        let last = self.hits.len().saturating_sub(1);
        self.chosen = self.chosen.saturating_add_signed(by).min(last);
        Act::Choose
    }

    /// The next project, or the one before; all of them are between the last and the first.
    fn turn(&mut self, forward: bool) -> Act {
        let count = self.projects.len();
        self.project = match (self.project, forward) {
            (None, true) => (count > 0).then_some(0),
            (None, false) => count.checked_sub(1),
            (Some(at), true) => Some(at + 1).filter(|next| *next < count),
            (Some(at), false) => at.checked_sub(1),
        };
        self.asks()
    }

    fn copied(&self) -> Act {
        self.hit().map_or(Act::None, |hit| Act::Copy(hit.snippet.clone()))
    }

    pub(super) fn preview(&mut self, conversation: &Conversation) {
        let Some(id) = self.hit().map(|hit| hit.id) else { return };
        self.preview = page(conversation, id);
    }

    pub(super) fn open(&mut self, conversation: &Conversation, id: MessageId) {
        self.page = Some(page(conversation, id));
    }
}

fn page(conversation: &Conversation, id: MessageId) -> Page {
    let zone = jiff::tz::TimeZone::system();
    let mut said = Vec::new();
    for message in &conversation.messages {
        let is_hit = message.id == id;
        let heading = format!("{} · {}", message.role.name(), message.at.to_minute(&zone));
        said.push(Said { heading, text: String::new(), is_hit });
        for part in &message.parts {
            let text = visible::safe(&part.text).trim_end().to_owned();
            said.push(Said { heading: String::new(), text, is_hit });
        }
    }
    let title = visible::safe(&conversation.head.title).into_owned();
    Page { title: format!("{title} · {}", conversation.head.project), said, is_new: true, ..Page::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(state: &mut State, code: KeyCode) -> Act {
        state.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn keys_do_what_the_last_line_says() {
        let mut state = State::new(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(press(&mut state, KeyCode::Char('池')), Act::Ask);
        assert_eq!((state.query(), state.number()), ("池", 1));
        assert_eq!(press(&mut state, KeyCode::Tab), Act::Ask);
        assert_eq!(state.project(), Some("a"));
        press(&mut state, KeyCode::Tab);
        press(&mut state, KeyCode::Tab);
        assert_eq!(state.project(), None);
        press(&mut state, KeyCode::BackTab);
        assert_eq!(state.project(), Some("b"));
        assert_eq!(press(&mut state, KeyCode::Enter), Act::None, "nothing was found yet");
        assert_eq!(press(&mut state, KeyCode::Esc), Act::Ask);
        assert_eq!(press(&mut state, KeyCode::Esc), Act::Quit);
        assert_eq!(state.typed("two\nlines"), Act::Ask);
        assert_eq!(state.key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL)), Act::Ask);
        assert_eq!(state.query(), "two ");
        // An answer to an older question counts for nothing.
        let old = Found { number: 1, is_whole: true, outcome: Err("old".to_owned()) };
        assert!(!state.take(std::iter::once(old)) && state.told.is_empty());
    }
}
