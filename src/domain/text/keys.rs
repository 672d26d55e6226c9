//! Standing instructions and preferences in what a person says: "Always use tabs when I write Makefiles", "I prefer
//! SQLite over Postgres", "以后请用中文回答". Such a sentence is a key of its own: it answers questions whose words it does
//! not share. Owns finding keys. Does not own their use.

use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;

use super::{byte_prefix, compile_rule};

/// Type of a key sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// An instruction for all times to come, or the situation in which it applies.
    Instruction,
    /// A like, a dislike or a habit of the person.
    Preference,
}

/// Bytes of a text that are searched for keys: instructions are in prompts, not in pasted logs.
const READ_BYTES: usize = 8 << 10;
/// Bytes of a key: clauses are added up to the first number and never beyond the second.
const KEY_BYTES: (usize, usize) = (120, 240);

static SENTENCE: LazyLock<Regex> =
    LazyLock::new(|| compile_rule(r"[^.!?。！？\n]+(?:\.[^[:space:].!?。！？][^.!?。！？\n]*)*[.!?。！？]*"));
static CLAUSE: LazyLock<Regex> = LazyLock::new(|| compile_rule("[^,，;；:—]+[,，;；:—]*"));
static INSTRUCTION: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(concat!(
        r"(?i)^[[:space:]]*(?:(?:and|but|so|also|please|ok|okay|yes|hey|no|remember|note):?,? )*",
        r"(?:always|never|from now on|going forward|every time|whenever|each time)\b",
        r"|(?:^|[，,[:space:]])(?:请|麻烦)?你?(?:以后(?:请|都|不要|别|用|要)|今后(?:请|都|不要|别|用|要)|从现在起|从今以后|务必|一律|永远(?:不要|别)|每次.{0,12}(?:都要|都请)|请(?:始终|总是|一直|记住)|始终(?:用|要|使用)|不要再|别再)"
    ))
});
static PREFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(concat!(
        r"(?i)\b(?:i(?:['’]d| would)? (?:(?:really|much|strongly|generally|usually) )?prefer|i['’]d rather|i (?:always|usually|never)",
        r"|my (?:favou?rite|preferred|preference)|(?:like|as) i prefer|i (?:(?:really|absolutely) )?(?:love|like|hate|dislike|enjoy|can['’]t stand)",
        r"|i['’]m (?:a fan|allergic|used to))\b|我(?:更|最|比较|很|非常|特别|还是)?(?:喜欢|偏好|习惯|讨厌|偏爱)|我不喜欢|我宁愿|我的偏好"
    ))
});
static SITUATION: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?i)\bwhen(?:ever)? (?:i|we|you)(?:['’]m| am| are)? (?:ask(?:ing)? (?:you )?(?:about|for)|talk(?:ing)? about|discuss(?:ing)?|do(?:ing)?|writ(?:e|ing)|work(?:ing)? (?:on|with))? ?(.+)$",
    )
});

/// Returns the byte ranges of all keys in a person's text.
pub fn find_keys(text: &str) -> Vec<(KeyKind, Range<usize>)> {
    let mut keys = Vec::new();
    for found in SENTENCE.find_iter(byte_prefix(text, READ_BYTES)) {
        let asks = found.as_str().trim_end().ends_with(['?', '？']);
        let trigger = match INSTRUCTION.find(found.as_str()) {
            Some(trigger) if !asks && is_long_enough(found.as_str()) => Some((KeyKind::Instruction, trigger)),
            _ => PREFERENCE.find(found.as_str()).map(|trigger| (KeyKind::Preference, trigger)),
        };
        let Some((key, trigger)) = trigger else { continue };
        let range = expand_to_clauses(found.as_str(), trigger.end());
        let range = trim_range(text, found.start() + range.start..found.start() + range.end);
        let situation = match key {
            KeyKind::Instruction => text.get(range.clone()).and_then(|text| SITUATION.captures(text)?.get(1)),
            KeyKind::Preference => None,
        };
        let situation = situation.map(|part| trim_range(text, range.start + part.start()..range.start + part.end()));
        keys.push((key, range));
        keys.extend(situation.filter(|range| range.len() > 3).map(|range| (KeyKind::Instruction, range)));
    }
    keys
}

/// Returns true if the text is long enough for an instruction: "Never mind" is none.
fn is_long_enough(text: &str) -> bool {
    text.split_whitespace().count() > 3 || text.chars().any(super::is_cjk)
}

/// Returns the clause in which the trigger ends, with clauses after and before it up to [`KEY_BYTES`].
fn expand_to_clauses(sentence: &str, trigger_end: usize) -> Range<usize> {
    let clauses: Vec<Range<usize>> = CLAUSE.find_iter(sentence).map(|found| found.range()).collect();
    let middle = clauses.iter().position(|clause| clause.end >= trigger_end).unwrap_or(0);
    let Some(mut key) = clauses.get(middle).cloned() else { return 0..sentence.len() };
    let (enough, most) = KEY_BYTES;
    for clause in clauses.iter().skip(middle + 1) {
        if key.len() >= enough || clause.end - key.start > most {
            break;
        }
        key.end = clause.end;
    }
    for clause in clauses.iter().take(middle).rev() {
        if key.len() >= enough || key.end - clause.start > most {
            break;
        }
        key.start = clause.start;
    }
    key
}

fn trim_range(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(range.clone()) else { return range };
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(KeyKind, &str)> {
        find_keys(text).into_iter().map(|(key, range)| (key, text.get(range).unwrap())).collect()
    }

    #[test]
    fn instructions_with_their_situation() {
        assert_eq!(
            found("Thanks! Always use tabs when I write Makefiles. Bye."),
            [(KeyKind::Instruction, "Always use tabs when I write Makefiles."), (KeyKind::Instruction, "Makefiles.")]
        );
        assert_eq!(found("以后请用中文回答。好的"), [(KeyKind::Instruction, "以后请用中文回答。")]);
        assert_eq!(found("Please, from now on run v1.2 of the linter")[0].0, KeyKind::Instruction);
    }

    #[test]
    fn preferences_in_the_middle_of_a_sentence() {
        let text = "I have to pick a store for the queue, and I prefer SQLite over Postgres because it needs no server, can you help me with the schema and the first migration of it?";
        let keys = found(text);
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].0, KeyKind::Preference);
        assert!(keys[0].1.starts_with("and I prefer SQLite") && keys[0].1.len() <= 240, "{keys:?}");
        assert_eq!(found("我更喜欢小的提交")[0].0, KeyKind::Preference);
    }

    #[test]
    fn most_sentences_are_no_keys() {
        for text in [
            "Never mind.",
            "It always fails on CI",
            "fix the parser",
            "以后我会注意这些",
            "do you always rebase?",
            "",
            "。",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn ranges_lie_in_the_text(text in "(always|I prefer|以后请|，|, |\\. |\\PC){0,80}") {
            for (_, range) in find_keys(&text) {
                assert!(text.get(range).is_some_and(|key| !key.is_empty()));
            }
        }
    }
}
