//! Short turns that refer to what was said before: "fix all 5", "3", "let's do this", 第二个, 就这样改. Owns recognising them and
//! quoting from an answer what they mean. Does not own finding the answer.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex_lite::Regex;

use super::prompt::is_small_talk;
use super::statement::read_proposal;
use super::{compile_rule, count_units};

/// Most words, or pairs of CJK characters, of a turn that means nothing by itself.
const MAX_WORDS: usize = 12;
/// Most words of a turn that names items or begins with an assent, whatever it adds.
const MAX_ADDED_WORDS: usize = 24;
/// Most words of a request that may lean on what was said before.
const MAX_VAGUE_WORDS: usize = 7;
/// Items of one answer that are quoted, and characters of each.
const MAX_ITEMS: usize = 12;
const MAX_ITEM_CHARACTERS: usize = 240;
/// Characters of the end of an answer without items.
const MAX_END_CHARACTERS: usize = 500;

/// Part of an answer that a turn refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// Items of the last list, by their numbers or letters: `3`, `b`.
    Items(Vec<String>),
    /// All items of the last list.
    All,
    /// The last proposal or report.
    Answer,
}

/// Words after a number that leave it the number of an item: "3, but", "2 and 3"; any other word is what it counts.
const AFTER_NUMBER: [&str; 20] = [
    "and", "or", "then", "with", "too", "also", "please", "but", "first", "as", "for", "is", "looks", "sounds", "only",
    "now", "instead", "just", "here", "makes",
];
/// Words before a number that make it a count.
const BEFORE_COUNT: [&str; 9] = ["all", "last", "next", "top", "first", "than", "to", "by", "at"];
/// Words before the letter of an item.
const BEFORE_LETTER: [&str; 5] = ["option", "plan", "choice", "variant", "approach"];
/// Characters after a number in Chinese that leave it the number of an item, and beginnings of Chinese names of items.
const AFTER_NUMBER_CJK: &str = "个条项点种和跟与吧也";
const ITEM_NAMES_CJK: [&str; 4] = ["第", "方案", "选项", "选"];

/// Ordinals in words.
const ORDINALS: [(&str, &str); 8] = [
    ("first", "1"),
    ("second", "2"),
    ("third", "3"),
    ("fourth", "4"),
    ("former", "1"),
    ("latter", "2"),
    ("前者", "1"),
    ("后者", "2"),
];
/// Chinese digits of items.
const DIGITS: [&str; 10] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];

/// Turns about all of what was listed.
static ALL_OF_THEM: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?i)\b(?:all(?: of)?(?: (?:the|these|those|them|[0-9]+))?|both|everything|each of them)\b|全部|都(?:改|修|做|要|加|处理)|所有|两个都|一起改",
    )
});

/// Turns that point without a name: "let's do this", "can you fix it", 就这样.
static POINTING: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?ix)
        \b(?:it|this|that|them|these|those|the\ (?:fix|change|changes|plan|suggestion|suggestions|other\ bit|other\ one|rest|implementation|refactoring))\b
        | \b(?:implement|proceed|go\ ahead|go\ for\ it|fix|do|apply|continue|let'?s\ go|give\ (?:it|that)\ a\ try)\b[.!\ a-z]{0,16}$
        | 这(?:样|个|么|些|几)|那(?:样|个|么)|按(?:你|这|照|上面)|照(?:你|这|上面|做)|动手|开始(?:吧|做|实现|改)|实现吧|改吧|修(?:一下|吧|复吧)|做吧|来吧|用这",
    )
});

/// Names of code: a turn that has one says itself what it is about.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(r"`[^`]+`|[A-Za-z0-9]+_[A-Za-z0-9_]+|[a-z0-9]+[A-Z][A-Za-z]+|[\w-]+\.[a-z]{1,4}\b|\w+/\w+|--\w+")
});

/// Line that begins an item of a list, with its number or letter if it has one.
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"^\s{0,6}(?:\#{1,6}\s*)?(?:[-*•]\s+)?(?:\*\*)?(?:(?i:option|step|issue|phase|finding|方案|选项|步骤|问题)\s*)?(?:\#|[Pp]|第)?(?P<item>[0-9]{1,2}|[A-Ea-e]|[一二三四五六七八九十])(?:\*\*)?(?:[.):：、]|\s[-–—]|个|条)\s*(?P<text>.+)$",
    )
});

/// Line that begins an item without a number.
static BULLET: LazyLock<Regex> = LazyLock::new(|| compile_rule(r"^\s{0,3}[-*•]\s+(?P<text>.+)$"));

/// Reads what a turn refers to; `None` if it says itself what it is about.
pub fn read_reference(turn: &str) -> Option<Reference> {
    let turn = turn.trim();
    let words = count_units(turn);
    if words > MAX_ADDED_WORDS {
        return None;
    }
    let items = read_items(turn);
    let names_items = !items.is_empty() && (words <= MAX_WORDS || has_item_at_end(turn, &items));
    if names_items {
        return Some(Reference::Items(items));
    }
    if words > MAX_WORDS || NAMED.is_match(turn) {
        return None;
    }
    if ALL_OF_THEM.is_match(turn) && words <= MAX_WORDS / 2 {
        return Some(Reference::All);
    }
    (is_small_talk(turn) || POINTING.is_match(turn)).then_some(Reference::Answer)
}

/// Quotes from an answer what a reference means; `None` if the answer has no such items and proposes nothing.
pub fn quote_reference(answer: &str, reference: &Reference) -> Option<String> {
    let answer = &without_code(answer);
    let items = read_list(answer);
    let quoted: Vec<String> = match reference {
        Reference::Items(wanted) => {
            let is_wanted = |item: &&NumberedItem<'_>| item.label.as_ref().is_some_and(|label| wanted.contains(label));
            // Of two lists with the same numbers the last one counts.
            let mut found: Vec<&NumberedItem<'_>> = Vec::new();
            for item in items.iter().filter(is_wanted) {
                found.retain(|known| known.label != item.label);
                found.push(item);
            }
            found.into_iter().map(NumberedItem::to_line).collect()
        }
        Reference::All => items.iter().map(NumberedItem::to_line).collect(),
        Reference::Answer => Vec::new(),
    };
    if !quoted.is_empty() {
        let from = quoted.len().saturating_sub(MAX_ITEMS);
        return Some(quoted.get(from..).unwrap_or(&[]).join("\n"));
    }
    read_proposal(answer).or_else(|| read_end(answer))
}

/// Quotes the item of an answer that a short request is about, by the words that both have; `None` if no item has at least
/// two of them.
pub fn quote_item_about(answer: &str, request: &str) -> Option<String> {
    let answer = without_code(answer);
    let wanted = content_words(request);
    let shared = |item: &NumberedItem<'_>| content_words(item.text).intersection(&wanted).count();
    let best = read_list(&answer).into_iter().max_by_key(shared)?;
    (shared(&best) >= 2).then(|| best.to_line())
}

/// Returns true for a request of a few words that names no code: what it is about was said before.
pub fn is_vague(request: &str) -> bool {
    count_units(request) <= MAX_VAGUE_WORDS && !NAMED.is_match(request)
}

/// Returns the longer words of a text in lower case, and pairs of CJK characters.
fn content_words(text: &str) -> HashSet<String> {
    let text = text.to_lowercase();
    let mut words: HashSet<String> = text
        .split(|c: char| !c.is_alphanumeric() || super::is_cjk(c))
        .filter(|word| word.len() >= 4)
        .map(|word| word.trim_end_matches('s').to_owned())
        .collect();
    let characters: Vec<char> = text.chars().filter(|c| super::is_cjk(*c)).collect();
    words.extend(characters.windows(2).map(|pair| pair.iter().collect::<String>()));
    words
}

/// Returns the lines of a text outside of blocks of code.
fn without_code(text: &str) -> String {
    let mut is_code = false;
    let kept = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// Item of a list in an answer.
struct NumberedItem<'t> {
    label: Option<String>,
    text: &'t str,
}

impl NumberedItem<'_> {
    fn to_line(&self) -> String {
        let text = super::to_one_line(&self.text.replace("**", ""), MAX_ITEM_CHARACTERS);
        self.label.as_ref().map_or_else(|| format!("- {text}"), |label| format!("{label}. {text}"))
    }
}

/// Reads the numbered items of an answer, or those without numbers if it has no others.
fn read_list(answer: &str) -> Vec<NumberedItem<'_>> {
    let (mut numbered, mut plain) = (Vec::new(), Vec::new());
    for line in answer.lines() {
        let text = |found: &regex_lite::Captures<'_>| {
            found.name("text").map(|text| text.start()).and_then(|at| line.get(at..)).unwrap_or("")
        };
        if let Some(found) = ITEM.captures(line) {
            let label = found.name("item").map(|item| normalise_label(item.as_str()));
            numbered.push(NumberedItem { label, text: text(&found) });
        } else if let Some(found) = BULLET.captures(line) {
            plain.push(NumberedItem { label: None, text: text(&found) });
        }
    }
    if numbered.is_empty() { plain } else { numbered }
}

/// Returns the last paragraphs of an answer, which say what comes next.
fn read_end(answer: &str) -> Option<String> {
    let answer = answer.trim();
    let skipped = answer.chars().count().saturating_sub(MAX_END_CHARACTERS);
    let end: String = answer.chars().skip(skipped).collect();
    // A paragraph is not begun in the middle if it can be helped.
    let end = if skipped > 0 { end.split_once("\n\n").map_or(end.as_str(), |(_, rest)| rest) } else { &end };
    (!end.trim().is_empty()).then(|| end.trim().to_owned())
}

/// Reads the numbers and letters of items that a turn names.
fn read_items(turn: &str) -> Vec<String> {
    let lower = turn.to_lowercase();
    let mut items: Vec<String> = Vec::new();
    let mut from = 0;
    while let Some(start) =
        lower.get(from..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit())).map(|at| from + at)
    {
        let rest = lower.get(start..).unwrap_or("");
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        from = start + length;
        let (before, after) = (lower.get(..start).unwrap_or(""), lower.get(from..).unwrap_or(""));
        if length <= 2 && is_item_number(before, after) {
            items.push(rest.get(..length).unwrap_or("").to_owned());
        }
    }
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    for (place, word) in words.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| words.get(before));
        let is_letter = matches!(*word, "a" | "b" | "c" | "d" | "e");
        if is_letter && (words.len() == 1 || before.is_some_and(|before| BEFORE_LETTER.contains(before))) {
            items.push((*word).to_owned());
        }
        let ordinal = ORDINALS.iter().find(|(name, _)| name == word).map(|(_, label)| (*label).to_owned());
        items.extend(ordinal.filter(|_| matches!(words.get(place + 1), Some(&("one" | "option" | "suggestion")))));
    }
    for (_, label) in ORDINALS.iter().filter(|(name, _)| !name.is_ascii() && lower.contains(name)) {
        items.push((*label).to_owned());
    }
    for name in ITEM_NAMES_CJK {
        for (at, _) in lower.match_indices(name) {
            let next = lower.get(at + name.len()..).and_then(|rest| rest.chars().next()).map(String::from);
            items.extend(next.filter(|next| DIGITS.contains(&next.as_str())).map(|next| normalise_label(&next)));
        }
    }
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.clone()));
    items
}

/// Returns true if a number between these texts names an item rather than counting something.
fn is_item_number(before: &str, after: &str) -> bool {
    // `P2` and `#2` are items, `v2`, `1.2` and `a-2` are names.
    let prefix = before.trim_end_matches(['#', 'p']);
    let is_apart = !prefix.ends_with(|c: char| c.is_ascii_alphanumeric() || "._-/:=%$".contains(c));
    let previous = prefix.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    let next = after.chars().next();
    let is_closed = match next {
        None => true,
        Some('.') => !after.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric())),
        Some(c) if super::is_cjk(c) => AFTER_NUMBER_CJK.contains(c),
        Some(c) => !c.is_alphanumeric() && !"_-/:%°".contains(c),
    };
    let rest = after.trim_start_matches([' ', '.', ')', '=']);
    // Only a word that follows directly may be what the number counts.
    let word = if next == Some(' ') { rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("") } else { "" };
    let counts = !word.is_empty()
        && word.is_ascii()
        && !AFTER_NUMBER.contains(&word)
        && !word.starts_with(|c: char| c.is_ascii_digit());
    is_apart && is_closed && !counts && !BEFORE_COUNT.contains(&previous)
}

/// Returns true if a turn begins or ends with one of its items: "1. just make sure …", "…, then fix 2".
fn has_item_at_end(turn: &str, items: &[String]) -> bool {
    let words: Vec<String> = turn
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    [words.first(), words.last()].into_iter().flatten().any(|word| items.contains(word))
        || turn.starts_with('第')
        || turn.to_lowercase().starts_with("option")
}

fn normalise_label(label: &str) -> String {
    match DIGITS.iter().position(|digit| *digit == label) {
        Some(at) => (at + 1).to_string(),
        None => label.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_that_refer_are_told_from_turns_that_say_it() {
        let items = |labels: &[&str]| Some(Reference::Items(labels.iter().map(|label| (*label).to_owned()).collect()));
        for (turn, expected) in [
            ("3", items(&["3"])),
            ("1.", items(&["1"])),
            ("option 3", items(&["3"])),
            ("yes do option 1", items(&["1"])),
            ("yeah 2 and 3", items(&["2", "3"])),
            ("1. just make sure to point the subagent at the linear comment :)", items(&["1"])),
            ("let's address 1 first, and let it reset the shadow branch", items(&["1"])),
            ("let's abandon the current branch, create a new one from main, and then add a fix for 2", items(&["2"])),
            ("wait 5 seconds", None),
            ("改成20秒", None),
            ("Implement 1,2 and 3.", items(&["1", "2", "3"])),
            ("let's fix 3 too", items(&["3"])),
            ("3, but enabled by default", items(&["3"])),
            ("option b please", items(&["b"])),
            ("第二个", items(&["2"])),
            ("改第三条和第五条", items(&["3", "5"])),
            ("the second one", items(&["2"])),
            ("Can you fix all 5", Some(Reference::All)),
            ("yes, all 3", Some(Reference::All)),
            ("全部修复", Some(Reference::All)),
            ("yes", Some(Reference::Answer)),
            ("Let's implement this.", Some(Reference::Answer)),
            ("can you fix it?", Some(Reference::Answer)),
            ("let's go", Some(Reference::Answer)),
            ("好，就这样改", Some(Reference::Answer)),
            ("继续", Some(Reference::Answer)),
            ("let's completely remove `entire session trailer`", None),
            ("can you sort the branches by date?", None),
            ("把连接池改成二十", None),
            ("fix pool.rs", None),
            ("I want to inform about telemetry only the first time that a user calls enable, not every time", None),
        ] {
            assert_eq!(read_reference(turn), expected, "{turn}");
        }
    }

    #[test]
    fn what_is_meant_is_quoted_from_the_answer() {
        let answer = "I found these:\n\n1. **Race** in the pool\n2. Missing retry\n\n```\n1. not an item\n```\n3. 日志没有编号\n\nShall I fix them?";
        let items = |labels: &[&str]| Reference::Items(labels.iter().map(|label| (*label).to_owned()).collect());
        assert_eq!(quote_reference(answer, &items(&["2"])).as_deref(), Some("2. Missing retry"));
        assert_eq!(
            quote_reference(answer, &items(&["1", "3"])).as_deref(),
            Some("1. Race in the pool\n3. 日志没有编号")
        );
        assert_eq!(quote_reference(answer, &Reference::All).map(|quoted| quoted.lines().count()), Some(3));
        let options = "### Option A: keep it\ntext\n### Option B: drop it\ntext";
        assert_eq!(quote_reference(options, &items(&["b"])).as_deref(), Some("b. drop it"));
        let proposal = "The lock is taken twice.\n\nI would move the check before the lock.";
        assert_eq!(quote_reference(proposal, &Reference::Answer).as_deref(), Some(proposal));
        assert!(
            quote_reference(&"long text. ".repeat(200), &Reference::Answer)
                .is_some_and(|end| end.chars().count() <= 500)
        );
        assert_eq!(quote_reference("  ", &Reference::Answer), None);
        let report = "Findings:\n- **Critical**: duplicate code in resume\n- Minor: naming of flags";
        let about = quote_item_about(report, "do the critical duplicate code");
        assert_eq!(about.as_deref(), Some("- Critical: duplicate code in resume"));
        assert_eq!(quote_item_about(report, "can we add a test?"), None);
        assert!(is_vague("can we add a test?") && !is_vague("rename `clean`"));
    }
}
