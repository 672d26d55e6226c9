//! Copies within one file. Codex writes the conversation with the model (`response_item`) and, for the screen, events
//! that repeat it: as `user_message` and the like until 2025, as `item_completed` since. An event counts only when
//! nothing else says the same.

use std::collections::{HashMap, HashSet};

use super::super::content::content_text;
use super::super::draft_builder::field;
use crate::domain::ContentHash;
use crate::domain::json;

/// Characters from which a text is recognised by its lines: citations and frames around it may differ.
const MIN_TEXT_BY_LINES: usize = 80;

/// Speaker of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Speaker {
    Person,
    Model,
    Thought,
}

/// Kind of record that says a text. A text of an earlier kind makes those of later kinds copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Response,
    Event,
    Item,
}

/// Texts, calls and outputs that were read.
#[derive(Debug, Default)]
pub(super) struct Copies {
    counts: HashMap<(Speaker, ContentHash), [u32; 3]>,
    lines: HashSet<ContentHash>,
    outputs: HashSet<ContentHash>,
    calls: HashSet<String>,
}

impl Copies {
    /// Notes a text, and returns how many times this kind of record has said it.
    pub(super) fn note_said(&mut self, speaker: Speaker, channel: Channel, text: &str) -> u32 {
        let counts = self.counts.entry((speaker, hash(text))).or_default();
        let count = match channel {
            Channel::Response => &mut counts[0],
            Channel::Event => &mut counts[1],
            Channel::Item => &mut counts[2],
        };
        *count += 1;
        let count = *count;
        if channel == Channel::Response {
            self.note_lines(text);
        }
        count
    }

    /// Returns `true` when records of an earlier kind said a text at least so often.
    pub(super) fn is_said(&self, speaker: Speaker, channel: Channel, text: &str, times: u32) -> bool {
        let [response, event, _] = self.counts.get(&(speaker, hash(text))).copied().unwrap_or_default();
        let said = if channel == Channel::Item { response.max(event) } else { response };
        said >= times || (said == 0 && self.has_lines(text))
    }

    /// Returns `true` when any record said a text.
    pub(super) fn is_said_anywhere(&self, speaker: Speaker, text: &str) -> bool {
        self.counts.contains_key(&(speaker, hash(text))) || self.has_lines(text)
    }

    /// Notes a call of a tool and what it was given.
    pub(super) fn note_call(&mut self, id: Option<&str>, given: &str) {
        self.calls.extend(id.map(str::to_owned));
        self.note_lines(given);
        // Code inside a string of code.
        if given.contains("\\n") {
            self.note_lines(&given.replace("\\n", "\n").replace("\\\"", "\""));
        }
    }

    /// Notes the output of a tool. Code mode returns outputs as JSON.
    pub(super) fn note_output(&mut self, text: &str) {
        self.outputs.insert(hash(text));
        if text.starts_with('{')
            && let Ok((value, _)) = json::parse(text.as_bytes())
        {
            let output = field(&value, "output").map(str::to_owned);
            let output = output.or_else(|| value.get("content").map(content_text));
            self.outputs.extend(output.map(|output| hash(&output)));
        }
    }

    pub(super) fn has_call(&self, id: &str) -> bool {
        self.calls.contains(id)
    }

    /// Returns `true` when an output, or the input of a call, was read before.
    pub(super) fn is_done(&self, text: &str) -> bool {
        self.outputs.contains(&hash(text)) || self.lines_of(text).all(|line| self.lines.contains(&line))
    }

    fn has_lines(&self, text: &str) -> bool {
        text.chars().nth(MIN_TEXT_BY_LINES).is_some() && self.lines_of(text).all(|line| self.lines.contains(&line))
    }

    fn note_lines(&mut self, text: &str) {
        let lines: Vec<ContentHash> = self.lines_of(text).collect();
        self.lines.extend(lines);
    }

    /// Hashes of the lines that say something, without the marks of a patch.
    fn lines_of<'a>(&self, text: &'a str) -> impl Iterator<Item = ContentHash> + use<'a> {
        let lines = text.lines().map(|line| line.trim_start_matches(['+', '-']).trim());
        lines.filter(|line| !line.is_empty()).map(ContentHash::of)
    }
}

fn hash(text: &str) -> ContentHash {
    ContentHash::of(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_as_often_as_the_text_was_said() {
        let mut copies = Copies::default();
        let times = copies.note_said(Speaker::Person, Channel::Event, "go on");
        assert!(!copies.is_said(Speaker::Person, Channel::Event, "go on", times));
        copies.note_said(Speaker::Person, Channel::Response, "go on\n");
        assert!(copies.is_said(Speaker::Person, Channel::Event, "go on", times));
        let again = copies.note_said(Speaker::Person, Channel::Event, "go on");
        assert!(!copies.is_said(Speaker::Person, Channel::Event, "go on", again));
        assert!(copies.is_said(Speaker::Person, Channel::Item, "go on", 2));
        assert!(!copies.is_said(Speaker::Model, Channel::Item, "go on", 1));
    }

    #[test]
    fn frames_around_a_long_text_do_not_make_it_another() {
        let mut copies = Copies::default();
        let text = "The pool holds ten connections, and the eleventh caller waits for one of them to be free.";
        copies.note_said(Speaker::Model, Channel::Response, &format!("{text}\n<citation>notes</citation>"));
        assert!(copies.is_said(Speaker::Model, Channel::Event, text, 1));
        assert!(!copies.is_said(Speaker::Model, Channel::Event, "The pool", 1));
    }

    #[test]
    fn outputs_inside_json_and_patches_inside_code_are_recognised() {
        let mut copies = Copies::default();
        copies.note_output(r#"{"chunk_id":"1","output":"three lines\n"}"#);
        copies.note_call(Some("c1"), r#"await tools.apply_patch("*** Add File: a\n+one line\n")"#);
        assert!(copies.is_done("three lines") && copies.is_done("one line\n") && copies.has_call("c1"));
        assert!(!copies.is_done("another line"));
    }
}
