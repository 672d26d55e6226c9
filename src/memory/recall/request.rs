//! Request behind an edit: the turns that asked for it, what a short turn refers to, the task of a subagent, and what the
//! agent said just before. Does not own which edit a line came from.

use crate::domain::text::is_cjk;
use crate::domain::text::prompt::{is_small_talk, typed_text};
use crate::domain::text::reference::{Reference, is_vague, quote_item_about, quote_reference, read_reference};
use crate::domain::text::turn_kind::{is_praise, is_procedural, is_question, read_plan_title};
use crate::domain::{MessageId, PartKind, Timestamp};
use crate::memory::{Memory, Result};
use crate::store::{Excerpt, ExcerptQuery, Snapshot, SpokenText, StoredEdit};

/// Turns before an edit that are examined, and shown at most.
const MAX_EXAMINED: usize = 24;
const MAX_TURNS: usize = 4;
/// Questions that may stand between a request and its edit.
const MAX_QUESTIONS: usize = 2;
/// Texts of an agent among which its explanation is looked for.
const MAX_SAID: usize = 6;
/// Words of the parts of an answer; two CJK characters count as a word. Together a reader gets at most 250.
const TURN_WORDS: usize = 55;
const LATER_TURN_WORDS: usize = 20;
const REFERRED_WORDS: usize = 60;
const TASK_WORDS: usize = 50;
const EXPLANATION_WORDS: usize = 45;
/// Tools that start a subagent.
const TASK_TOOLS: [&str; 5] = ["Task", "Agent", "task", "spawn_agent", "delegate_to_agent"];

/// Text that a reader gets, with the message it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestText {
    pub id: MessageId,
    pub at: Timestamp,
    /// Shortened to its beginning, with an ellipsis; what a reference means is quoted.
    pub text: String,
}

/// Request behind an edit, with secrets redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditRequest {
    pub edit: StoredEdit,
    /// Turns of the person, oldest first: the last one that is more than small talk, and those after it.
    pub turns: Vec<RequestText>,
    /// Part of an answer of the agent that a short turn refers to.
    pub referred: Option<RequestText>,
    /// Task of the subagent that made the edit.
    pub task: Option<RequestText>,
    /// Last words of the agent before the edit.
    pub explanation: Option<RequestText>,
    /// Title of the plan that the request carries out.
    pub plan_title: Option<String>,
}

impl EditRequest {
    /// Returns the ids of the messages, the request first, for reading them whole.
    pub fn message_ids(&self) -> Vec<MessageId> {
        let texts = self.turns.iter().chain(&self.referred).chain(&self.task).chain(&self.explanation);
        let mut ids: Vec<MessageId> = Vec::new();
        for id in texts.map(|text| text.id).chain([self.edit.message]) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }
}

impl Memory {
    /// Returns the request behind the edit of a part; `None` if there is no such edit, or it is in quarantine.
    ///
    /// # Errors
    /// If the store cannot be read or a text is damaged.
    pub fn read_edit_request(&self, part: i64) -> Result<Option<EditRequest>> {
        let snapshot = self.store.snapshot()?;
        let Some(edit) = snapshot.read_edits(&[part])?.into_iter().next() else { return Ok(None) };
        let mut found =
            EditRequest { turns: Vec::new(), referred: None, task: None, explanation: None, plan_title: None, edit };
        let place = (found.edit.at, part);
        let own = snapshot.spoken_before(found.edit.conversation, place, false, MAX_EXAMINED)?;
        let (conversation, place, turns) = if found.edit.is_subagent {
            let parent = parent_place(&snapshot, &found.edit)?;
            found.task = find_task(&snapshot, &found.edit, &own, parent)?;
            match parent {
                Some((row, place)) => (row, place, snapshot.spoken_before(row, place, false, MAX_EXAMINED)?),
                None => (found.edit.conversation, place, Vec::new()),
            }
        } else {
            (found.edit.conversation, place, own)
        };
        let turns: Vec<SpokenText> = turns.into_iter().filter(|turn| !turn.is_sidechain).collect();
        let chain = select_turns(turns);
        found.plan_title = chain.last().and_then(|turn| read_plan_title(&turn.text));
        found.referred = find_referred(&snapshot, conversation, &chain)?;
        let since = chain.last().map(|turn| turn.at);
        found.turns = show_turns(&chain);
        found.explanation = find_explanation(&snapshot, &found.edit, place, since)?;
        self.redact_request(&mut found)?;
        Ok(Some(found))
    }

    fn redact_request(&self, found: &mut EditRequest) -> Result<()> {
        let texts =
            found.turns.iter_mut().chain(&mut found.referred).chain(&mut found.task).chain(&mut found.explanation);
        for text in texts.map(|text| &mut text.text).chain(&mut found.plan_title).chain(&mut found.edit.paths) {
            *text = self.redact_text(std::mem::take(text))?;
        }
        Ok(())
    }
}

/// Returns the session that started a subagent, and the place in it at which the subagent began.
fn parent_place(snapshot: &Snapshot<'_>, edit: &StoredEdit) -> Result<Option<(i64, (Timestamp, i64))>> {
    let Some(parent) = &edit.parent_session else { return Ok(Some((edit.conversation, (edit.at, edit.part)))) };
    let Some(head) = snapshot.find_conversation(parent)? else { return Ok(None) };
    // The first text of a subagent is its task.
    let first = ExcerptQuery { limit: 1, ..ExcerptQuery::default() };
    let began = snapshot.read_excerpts(edit.conversation, &first)?.first().map_or(edit.at, |first| first.at);
    Ok(Some((head.row, (began, i64::MAX))))
}

/// Finds the task of a subagent: its first prompt, else the call that started it.
fn find_task(
    snapshot: &Snapshot<'_>,
    edit: &StoredEdit,
    own: &[SpokenText],
    parent: Option<(i64, (Timestamp, i64))>,
) -> Result<Option<RequestText>> {
    let is_task = |turn: &&SpokenText| edit.parent_session.is_some() || turn.is_sidechain;
    // The latest of several prompts counts in a side conversation; a subagent has one at its beginning.
    let mut prompts = own.iter().filter(is_task).filter(|turn| !is_small_talk(&turn.text));
    let prompt = if edit.parent_session.is_some() { prompts.next_back() } else { prompts.next() };
    if let Some(prompt) = prompt {
        return Ok(Some(show_text(prompt, TASK_WORDS)));
    }
    let Some((row, (began, _))) = parent else { return Ok(None) };
    let calls = ExcerptQuery {
        kinds: &[PartKind::ToolUse],
        tools: &TASK_TOOLS,
        before: Some(began.minus_milliseconds(-1)),
        newest_first: true,
        limit: 1,
        ..ExcerptQuery::default()
    };
    let call = snapshot.read_excerpts(row, &calls)?.into_iter().next();
    Ok(call.map(|call: Excerpt| RequestText {
        id: call.id,
        at: call.at,
        text: shorten_text(read_prompt(&call.text), TASK_WORDS),
    }))
}

/// Returns the prompt in the arguments of a call that starts a subagent.
fn read_prompt(call: &str) -> &str {
    let at = if call.starts_with("prompt: ") { Some(0) } else { call.find("\nprompt: ").map(|at| at + 1) };
    let prompt = at.and_then(|at| call.get(at + "prompt: ".len()..)).unwrap_or(call);
    prompt.rsplit_once("\nsubagent_type: ").map_or(prompt, |(prompt, _)| prompt)
}

/// Finds the part of an answer that the newest short turn refers to.
fn find_referred(snapshot: &Snapshot<'_>, conversation: i64, chain: &[SpokenText]) -> Result<Option<RequestText>> {
    for turn in chain {
        let reference = read_reference(&turn.text).or_else(|| is_praise(&turn.text).then_some(Reference::Answer));
        if reference.is_none() && !is_vague(&turn.text) {
            continue;
        }
        let said = snapshot.spoken_before(conversation, (turn.at, turn.part), true, 1)?.into_iter().next();
        let quoted = said.and_then(|said| {
            let text = match &reference {
                Some(reference) => quote_reference(&said.text, reference),
                None => quote_item_about(&said.text, &turn.text),
            };
            Some(RequestText { id: said.id, at: said.at, text: shorten_text(&text?, REFERRED_WORDS) })
        });
        if quoted.is_some() || reference.is_some() {
            return Ok(quoted);
        }
    }
    Ok(None)
}

/// Finds the last words of the agent before the edit, not from before the request.
fn find_explanation(
    snapshot: &Snapshot<'_>,
    edit: &StoredEdit,
    (at, part): (Timestamp, i64),
    since: Option<Timestamp>,
) -> Result<Option<RequestText>> {
    let place = if edit.parent_session.is_some() { (edit.at, edit.part) } else { (at, part) };
    let said = snapshot.spoken_before(edit.conversation, place, true, MAX_SAID)?;
    let is_since = |said: &&SpokenText| since.is_none_or(|since| said.at >= since) && !said.text.trim().is_empty();
    Ok(said.iter().find(is_since).map(|said| show_text(said, EXPLANATION_WORDS)))
}

/// Selects the turns that asked for an edit, newest first, from those before it: back to one that says by itself what is to
/// be done, past questions and small talk.
fn select_turns(turns: Vec<SpokenText>) -> Vec<SpokenText> {
    let (mut chain, mut questions) = (Vec::new(), 0);
    for mut turn in turns {
        turn.text = typed_text(&turn.text);
        if turn.text.trim().is_empty() {
            continue;
        }
        let says_nothing = is_procedural(&turn.text) || is_praise(&turn.text);
        // "ok" answers a proposal, and so does praise right before an edit.
        let approves = is_small_talk(&turn.text) || (chain.is_empty() && is_praise(&turn.text));
        if says_nothing && !approves {
            continue;
        }
        let refers = approves || read_reference(&turn.text).is_some();
        let asks = !refers && is_question(&turn.text);
        questions += usize::from(asks);
        // "can we add a test?" leans on the turn before it.
        let leans =
            !refers && !asks && is_vague(&turn.text) && chain.iter().all(|later: &SpokenText| !is_vague(&later.text));
        chain.push(turn);
        let is_request = !refers && !leans && (!asks || questions > MAX_QUESTIONS);
        if is_request || chain.len() == MAX_EXAMINED {
            break;
        }
    }
    chain
}

/// Shows the turns, oldest first. Of many only the first and the last ones are shown, and no small talk between.
fn show_turns(chain: &[SpokenText]) -> Vec<RequestText> {
    let mut shown: Vec<&SpokenText> = Vec::new();
    for (place, turn) in chain.iter().enumerate() {
        let is_end = place == 0 || place + 1 == chain.len();
        if is_end || !is_small_talk(&turn.text) {
            shown.push(turn);
        }
    }
    // The newest ones are first.
    if shown.len() > MAX_TURNS {
        let oldest = shown.pop();
        shown.truncate(MAX_TURNS - 1);
        shown.extend(oldest);
    }
    let last = shown.len().saturating_sub(1);
    let words = |place: usize| if place == last { TURN_WORDS } else { LATER_TURN_WORDS };
    let mut texts: Vec<RequestText> =
        shown.iter().enumerate().map(|(place, turn)| show_text(turn, words(place))).collect();
    texts.reverse();
    texts
}

fn show_text(said: &SpokenText, words: usize) -> RequestText {
    RequestText { id: said.id, at: said.at, text: shorten_text(&said.text, words) }
}

/// Returns the beginning of a text of at most `words` words, with an ellipsis if it goes on. Lines are kept, blank ones not.
fn shorten_text(text: &str, words: usize) -> String {
    let (mut shown, mut halves) = (String::new(), 0);
    for line in text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()) {
        if !shown.is_empty() {
            shown.push('\n');
        }
        let mut is_inside = false;
        for character in line.chars() {
            let is_word = !is_cjk(character) && !character.is_whitespace();
            halves += if is_cjk(character) {
                1
            } else if is_word && !is_inside {
                2
            } else {
                0
            };
            is_inside = is_word;
            if halves > words * 2 {
                shown.truncate(shown.trim_end().len());
                shown.push('…');
                return shown;
            }
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_words() {
        assert_eq!(shorten_text("one two\n\nthree four", 3), "one two\nthree…");
        assert_eq!(shorten_text("连接池的大小改成二十", 3), "连接池的大小…");
        assert_eq!(shorten_text("one", 3), "one");
    }
}
