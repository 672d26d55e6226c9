//! Detects copies within one file. Codex writes the conversation with the model (`response_item`) and, for the screen,
//! events that repeat it: as `user_message` and the like until 2025, as `item_completed` since. An event is read only
//! if no other record has the same content.

use std::collections::{HashMap, HashSet};

use super::super::content::content_text;
use super::super::draft_builder::text_field;
use crate::domain::ContentHash;
use crate::domain::json;

/// Minimum characters of a text that is compared line by line. Citations and frames around such a text may differ.
const MIN_TEXT_BY_LINES: usize = 80;

/// Speaker of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum CodexSpeaker {
    Person,
    Model,
    Thought,
}

/// Kind of record that holds a text. A text in an earlier kind makes the same text in later kinds a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Response,
    Event,
    Item,
}

/// Texts, calls and outputs read so far.
#[derive(Debug, Default)]
pub(super) struct SeenContent {
    counts: HashMap<(CodexSpeaker, ContentHash), [u32; 3]>,
    lines: HashSet<ContentHash>,
    outputs: HashSet<ContentHash>,
    calls: HashSet<String>,
}

impl SeenContent {
    /// Records a text and returns how many times this kind of record has held it.
    pub(super) fn record_text(&mut self, speaker: CodexSpeaker, channel: Channel, text: &str) -> u32 {
        let counts = self.counts.entry((speaker, hash_text(text))).or_default();
        let count = match channel {
            Channel::Response => &mut counts[0],
            Channel::Event => &mut counts[1],
            Channel::Item => &mut counts[2],
        };
        *count += 1;
        let count = *count;
        if channel == Channel::Response {
            self.record_lines(text);
        }
        count
    }

    /// Returns true if records of an earlier kind held a text at least `times` times.
    pub(super) fn has_text(&self, speaker: CodexSpeaker, channel: Channel, text: &str, times: u32) -> bool {
        let [response, event, _] = self.counts.get(&(speaker, hash_text(text))).copied().unwrap_or_default();
        let said = if channel == Channel::Item { response.max(event) } else { response };
        said >= times || (said == 0 && self.has_lines(text))
    }

    /// Returns true if any record held a text.
    pub(super) fn has_text_anywhere(&self, speaker: CodexSpeaker, text: &str) -> bool {
        self.counts.contains_key(&(speaker, hash_text(text))) || self.has_lines(text)
    }

    /// Records a tool call and its input.
    pub(super) fn record_call(&mut self, id: Option<&str>, given: &str) {
        self.calls.extend(id.map(str::to_owned));
        self.record_lines(given);
        // The input may be code inside a string literal.
        if given.contains("\\n") {
            self.record_lines(&given.replace("\\n", "\n").replace("\\\"", "\""));
        }
    }

    /// Records a tool output. Code mode returns outputs as JSON.
    pub(super) fn record_output(&mut self, text: &str) {
        self.outputs.insert(hash_text(text));
        if text.starts_with('{')
            && let Ok((value, _)) = json::parse_lenient(text.as_bytes())
        {
            let output = text_field(&value, "output").map(str::to_owned);
            let output = output.or_else(|| value.get("content").map(content_text));
            self.outputs.extend(output.map(|output| hash_text(&output)));
        }
    }

    pub(super) fn has_call(&self, id: &str) -> bool {
        self.calls.contains(id)
    }

    /// Returns true if a text was already read as an output, or line by line in texts and inputs.
    pub(super) fn has_output(&self, text: &str) -> bool {
        self.outputs.contains(&hash_text(text)) || self.hash_lines(text).all(|line| self.lines.contains(&line))
    }

    fn has_lines(&self, text: &str) -> bool {
        text.chars().nth(MIN_TEXT_BY_LINES).is_some() && self.hash_lines(text).all(|line| self.lines.contains(&line))
    }

    fn record_lines(&mut self, text: &str) {
        let lines: Vec<ContentHash> = self.hash_lines(text).collect();
        self.lines.extend(lines);
    }

    /// Hashes the non-empty lines, without the markers of a patch.
    fn hash_lines<'a>(&self, text: &'a str) -> impl Iterator<Item = ContentHash> + use<'a> {
        let lines = text.lines().map(|line| line.trim_start_matches(['+', '-']).trim());
        lines.filter(|line| !line.is_empty()).map(ContentHash::of_text)
    }
}

fn hash_text(text: &str) -> ContentHash {
    ContentHash::of_text(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_as_often_as_the_text_was_said() {
        let mut copies = SeenContent::default();
        let times = copies.record_text(CodexSpeaker::Person, Channel::Event, "go on");
        assert!(!copies.has_text(CodexSpeaker::Person, Channel::Event, "go on", times));
        copies.record_text(CodexSpeaker::Person, Channel::Response, "go on\n");
        assert!(copies.has_text(CodexSpeaker::Person, Channel::Event, "go on", times));
        let again = copies.record_text(CodexSpeaker::Person, Channel::Event, "go on");
        assert!(!copies.has_text(CodexSpeaker::Person, Channel::Event, "go on", again));
        assert!(copies.has_text(CodexSpeaker::Person, Channel::Item, "go on", 2));
        assert!(!copies.has_text(CodexSpeaker::Model, Channel::Item, "go on", 1));
    }

    #[test]
    fn frames_around_a_long_text_do_not_make_it_another() {
        let mut copies = SeenContent::default();
        let text = "The pool holds ten connections, and the eleventh caller waits for one of them to be free.";
        copies.record_text(CodexSpeaker::Model, Channel::Response, &format!("{text}\n<citation>notes</citation>"));
        assert!(copies.has_text(CodexSpeaker::Model, Channel::Event, text, 1));
        assert!(!copies.has_text(CodexSpeaker::Model, Channel::Event, "The pool", 1));
    }

    #[test]
    fn outputs_inside_json_and_patches_inside_code_are_recognised() {
        let mut copies = SeenContent::default();
        copies.record_output(r#"{"chunk_id":"1","output":"three lines\n"}"#);
        copies.record_call(Some("c1"), r#"await tools.apply_patch("*** Add File: a\n+one line\n")"#);
        assert!(copies.has_output("three lines") && copies.has_output("one line\n") && copies.has_call("c1"));
        assert!(!copies.has_output("another line"));
    }
}
