//! Short turns that refer to what was said before: "fix all 5", "3", "let's do this", 第二个, 就这样改. Owns recognising them and
//! quoting from an answer what they mean. Does not own finding the answer.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::prompt::is_small_talk;
use super::statement::read_proposal;
use super::{compile_rule, count_units};

/// Most words, or pairs of CJK characters, of a turn that means nothing by itself.
const MAX_WORDS: usize = 12;
/// Most words of a turn that names items or begins with an assent, whatever it adds.
const MAX_ADDED_WORDS: usize = 24;
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
    /// Whatever was proposed or reported last.
    Answer,
}

/// Numbers of items: alone, after a word such as `option`, or after a verb.
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?ix)
        (?:^|\b(?:options?|items?|points?|numbers?|steps?|issues?|findings?|fix|do|address|implement|try|take|use|apply|with|and|only|just)\s+|第|方案|选项|选|，|,\ ?|\#|[Pp])
        (?P<item>[0-9]{1,2}|[一二三四五六七八九十]|[a-e])(?:\)|\.|,|:|=|个|条|项|种|点|\b|$|和|、|，)",
    )
});

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
    let names_items = !items.is_empty() && (words <= MAX_WORDS || begins_with_item(turn));
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
    let items = read_list(answer);
    let quoted: Vec<String> = match reference {
        Reference::Items(wanted) => {
            let is_wanted = |item: &&ListItem<'_>| item.label.as_ref().is_some_and(|label| wanted.contains(label));
            // Of two lists with the same numbers the last one counts.
            let mut found: Vec<&ListItem<'_>> = Vec::new();
            for item in items.iter().filter(is_wanted) {
                found.retain(|known| known.label != item.label);
                found.push(item);
            }
            found.into_iter().map(ListItem::to_line).collect()
        }
        Reference::All => items.iter().map(ListItem::to_line).collect(),
        Reference::Answer => Vec::new(),
    };
    if !quoted.is_empty() {
        let from = quoted.len().saturating_sub(MAX_ITEMS);
        return Some(quoted.get(from..).unwrap_or(&[]).join("\n"));
    }
    read_proposal(answer).or_else(|| read_end(answer))
}

/// Item of a list in an answer.
struct ListItem<'t> {
    label: Option<String>,
    text: &'t str,
}

impl ListItem<'_> {
    fn to_line(&self) -> String {
        let text = super::to_one_line(&self.text.replace("**", ""), MAX_ITEM_CHARACTERS);
        self.label.as_ref().map_or_else(|| format!("- {text}"), |label| format!("{label}. {text}"))
    }
}

/// Reads the numbered items of an answer, or those without numbers if it has no others. Code is left out.
fn read_list(answer: &str) -> Vec<ListItem<'_>> {
    let (mut numbered, mut plain, mut is_code) = (Vec::new(), Vec::new(), false);
    for line in answer.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let text = |found: &regex_lite::Captures<'_>| {
            found.name("text").map(|text| text.start()).and_then(|at| line.get(at..)).unwrap_or("")
        };
        if let Some(found) = ITEM.captures(line) {
            let label = found.name("item").map(|item| normalise_label(item.as_str()));
            numbered.push(ListItem { label, text: text(&found) });
        } else if let Some(found) = BULLET.captures(line) {
            plain.push(ListItem { label: None, text: text(&found) });
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

fn read_items(turn: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let lower = turn.to_lowercase();
    let mut add = |item: String| {
        if !items.contains(&item) {
            items.push(item);
        }
    };
    // Matches may share a separator, so each search begins at the item found before.
    let mut from = 0;
    while let Some(found) = lower.get(from..).and_then(|rest| NUMBERED.captures(rest)) {
        let Some(item) = found.name("item") else { break };
        let is_article = item.as_str() == "a" && !lower.starts_with('a');
        if !is_article || lower.trim() == "a" {
            add(normalise_label(item.as_str()));
        }
        from += item.end();
    }
    // "1 or 2 minutes" and "all 5" count things and name none.
    if lower.contains("all ") || lower.contains("全部") {
        return Vec::new();
    }
    for (word, label) in ORDINALS {
        if lower.contains(word) && !lower.contains("first time") && !lower.contains("let's first") {
            let is_word = word.is_ascii() && lower.split(|c: char| !c.is_ascii_alphabetic()).any(|part| part == word);
            if is_word && (lower.contains(&format!("{word} one")) || lower.contains(&format!("{word} option")))
                || !word.is_ascii()
            {
                add(label.to_owned());
            }
        }
    }
    items
}

fn begins_with_item(turn: &str) -> bool {
    turn.starts_with(|c: char| c.is_ascii_digit())
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
    }
}
