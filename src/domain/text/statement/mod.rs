//! Statements of a person: turns that decide, correct, set a rule or agree with a proposal. Rules over the person's own
//! words, sentence by sentence, in English and Chinese. Owns reading one turn; what repeats or replaces it is found by
//! `memory::recall::suggestions`.

mod own_words;
mod phrases;
mod proposal;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use regex_lite::Regex;

use super::compile_rule;
use crate::domain::names::names;

use own_words::own_words;
pub use proposal::read_proposal;

/// Kind of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// Says what is to be, more than a request to do some work.
    Decision,
    /// Says that something is wrong.
    Correction,
    /// Holds for all later work; carries an explicit mark such as "from now on".
    Rule,
    /// Agrees with what was proposed just before: "yes", "option 3", 好.
    Assent,
}

names!(StatementKind { Decision: "decision"; Correction: "correction"; Rule: "rule"; Assent: "assent"; });

/// What a turn of a person says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TurnReading {
    /// What it states; nothing if it only asks or orders work. An assent stands alone: its subject is in the text before.
    pub kinds: Vec<StatementKind>,
    /// True if it takes an earlier decision back.
    pub takes_back: bool,
    /// True if it changes an earlier decision, also without taking it back.
    pub changes: bool,
    /// True if it is meant for every project.
    pub is_everywhere: bool,
}

/// Reads a turn of a person.
pub fn read_turn(turn: &str) -> TurnReading {
    let own = own_words(turn);
    let sentences = split_sentences(&own);
    let any = |pattern: &Regex| sentences.iter().any(|sentence| pattern.is_match(sentence));
    TurnReading {
        kinds: if is_assent(&own) { vec![StatementKind::Assent] } else { read_kinds(&sentences) },
        takes_back: any(&phrases::TAKE_BACK),
        changes: any(&phrases::CHANGE),
        is_everywhere: any(&phrases::EVERYWHERE),
    }
}

fn read_kinds(sentences: &[String]) -> Vec<StatementKind> {
    let corrects = sentences.iter().any(|sentence| phrases::CORRECTION.is_match(sentence));
    let asks_first = sentences.first().is_some_and(|sentence| is_question(sentence));
    let decides = sentences.iter().any(|sentence| decides(sentence, corrects, asks_first));
    let rules = sentences.iter().any(|sentence| phrases::RULE.is_match(sentence) && !is_question(sentence));
    let found = [
        (decides, StatementKind::Decision),
        (corrects, StatementKind::Correction),
        (rules || rules_in_file(sentences), StatementKind::Rule),
    ];
    found.into_iter().filter_map(|(stated, kind)| stated.then_some(kind)).collect()
}

/// Returns whether a person states a decision.
pub fn states_decision(text: &str) -> bool {
    read_turn(text).kinds.contains(&StatementKind::Decision)
}

/// Returns whether a person says that something is wrong.
pub fn states_correction(text: &str) -> bool {
    read_turn(text).kinds.contains(&StatementKind::Correction)
}

/// Returns whether a sentence decides. `corrects` and `asks_first` are of its turn: a report of a fault and a question
/// describe what should be without deciding it.
fn decides(sentence: &str, corrects: bool, asks_first: bool) -> bool {
    let sentence = sentence.replace("there should", "there");
    if phrases::CHANGED_OPTION.is_match(&sentence) || phrases::COUNTER_PROPOSAL.is_match(&sentence) {
        return true;
    }
    let lets = phrases::LETS.find_iter(&sentence).any(|found| {
        let rest = sentence.get(found.end()..).unwrap_or("");
        !phrases::WORK.is_match(rest)
    });
    if lets {
        return true;
    }
    if is_question(&sentence) {
        return false;
    }
    let wants = phrases::WANT.captures_iter(&sentence).any(|found| match found.name("verb") {
        Some(verb) => !phrases::WORK_VERBS.contains(&verb.as_str()),
        None => !corrects,
    });
    let orders = phrases::ORDER.captures(&sentence).is_some_and(|found| {
        let rest = found.name("rest").map_or("", |rest| rest.as_str());
        !phrases::ORDERED_WORK.is_match(rest)
    });
    let chinese = phrases::CHINESE_DECISION.is_match(&sentence) && !phrases::CHINESE_WORK.is_match(&sentence);
    let weak = !asks_first && !corrects && phrases::WEAK.is_match(&sentence);
    wants || orders || chinese || weak || phrases::STRONG.is_match(&sentence)
}

/// Returns whether a turn asks to write something into the file of standing instructions, which may be a question:
/// "can you add this to CLAUDE.md?".
fn rules_in_file(sentences: &[String]) -> bool {
    sentences.iter().any(|sentence| phrases::RULE_FILE.is_match(sentence))
}

/// Maximum characters of an assent, and of what may follow its first word.
const ASSENT_CHARACTERS: usize = 80;
const ASSENT_REST_CHARACTERS: usize = 50;

fn is_assent(own: &str) -> bool {
    let text = own.trim().to_lowercase();
    if text.is_empty() || text.chars().count() > ASSENT_CHARACTERS || text.ends_with(['?', '？']) {
        return false;
    }
    if phrases::CHOICE.is_match(&text) {
        return true;
    }
    // People agree twice: "ok, go ahead".
    let mut rest = text.as_str();
    while let Some(agreed) = phrases::AGREEMENT.find(rest) {
        rest = rest.get(agreed.end()..).unwrap_or("").trim_start_matches([' ', ',', '.', '，', '。', '！', '、']);
    }
    if rest.len() == text.len() {
        return false;
    }
    rest.is_empty()
        || phrases::CHOICE.is_match(rest)
        || (rest.chars().count() <= ASSENT_REST_CHARACTERS
            && !phrases::RESERVATION.is_match(rest)
            && !decides(rest, false, false))
}

/// Words with which a question begins, also after an opening such as "ok, but".
static QUESTION_START: LazyLock<Regex> = LazyLock::new(|| {
    let words = "(?:can|could|would|will|do|does|did|is|are|was|were|has|have|what|why|how|where|when|which|who|should\
        |shouldn't|couldn't|isn't|aren't|don't we|shall|any|what's|how's|if|in theory|tell me|explain|show me)";
    compile_rule(&format!(r"{}{words}\b", phrases::OPENING))
});

/// Signs of a question inside a sentence: an embedded one, doubt, Chinese question words.
static QUESTION_INSIDE: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \b(?:where|what|how|whether|if|which|why|when)\ (?:we|it|this|that|to|you|they|the\ [a-z]+)\ (?:should|want|need|could|would)\b
        | \bi\ (?:just\ |also\ )?wonder(?:ing)?\b | \bwondering\b | \bnot\ sure\b | \bconsidering\b
        | [吗呢][，。]?$ | 怎么|为什么|为啥|是不是|能不能|要不要|有没有|可不可以|什么|哪|是否",
    )
});

fn is_question(sentence: &str) -> bool {
    sentence.ends_with(['?', '？']) || QUESTION_START.is_match(sentence) || QUESTION_INSIDE.is_match(sentence)
}

/// Splits a text into sentences in lower case: at line ends, after Chinese full stops, and after a stop that follows a
/// word and precedes a blank. The stop of "2. " ends no sentence.
fn split_sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for line in text.lines() {
        let characters: Vec<char> = line.chars().collect();
        let mut sentence = String::new();
        for (at, character) in characters.iter().enumerate() {
            sentence.push(*character);
            let before = at.checked_sub(1).and_then(|at| characters.get(at)).copied().unwrap_or(' ');
            let ends_word = !before.is_whitespace() && !before.is_ascii_digit();
            let is_stop = match character {
                '.' | '!' | '?' | ';' => ends_word && characters.get(at + 1).is_some_and(|next| next.is_whitespace()),
                '。' | '！' | '？' | '；' => true,
                _ => false,
            };
            if is_stop {
                sentences.push(std::mem::take(&mut sentence));
            }
        }
        sentences.push(sentence);
    }
    sentences.iter().map(|sentence| sentence.trim().to_lowercase()).filter(|sentence| !sentence.is_empty()).collect()
}
