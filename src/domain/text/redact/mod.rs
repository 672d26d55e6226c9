//! Taking secrets out of a text before anything else sees it. Owns what a secret looks like (`rules.toml`) and what stands
//! in its place. Does not own when it is done, nor the key of the placeholders.
//!
//! A placeholder is `[REDACTED:rule:8 hex]`; the digits are a keyed hash, so that the same secret has the same placeholder
//! in one store and the placeholder tells nothing to who does not have the key. Patterns are compiled when a keyword
//! of theirs first occurs: most never are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::rule;
use crate::domain::ContentHash;
use crate::domain::hash::hex;

/// How many secrets of each rule were taken out.
pub type Counts = BTreeMap<&'static str, u64>;

/// A text is looked over at most so often.
const MOST_PASSES: usize = 8;
/// A compiled pattern may need so much memory.
const PATTERN_BYTES: usize = 16 << 20;

#[derive(Debug, Deserialize)]
struct File {
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    keywords: Vec<String>,
    #[serde(default)]
    with: String,
    pattern: String,
    #[serde(default)]
    entropy: f64,
    check: Option<Check>,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Check {
    Value,
    Word,
}

struct Rules {
    rules: Vec<Rule>,
    keywords: Option<AhoCorasick>,
    /// Rule of each keyword.
    owners: Vec<usize>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the rules are part of the program; a test reads and compiles all of them")]
    let rules = toml::from_str::<File>(include_str!("rules.toml")).expect("the rules are well-formed").rule;
    let (mut words, mut owners) = (Vec::new(), Vec::new());
    for (index, rule) in rules.iter().enumerate() {
        words.extend(rule.keywords.iter().map(String::as_str));
        owners.extend(rule.keywords.iter().map(|_| index));
    }
    let keywords = AhoCorasick::builder().ascii_case_insensitive(true).build(&words).ok();
    Rules { rules, keywords, owners }
});

impl Rule {
    fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| RegexBuilder::new(&narrow(&self.pattern)).size_limit(PATTERN_BYTES).build().ok())
            .as_ref()
    }

    fn accepts(&self, secret: &str) -> bool {
        if entropy(secret) < self.entropy {
            return false;
        }
        match self.check {
            None => true,
            Some(check) => !is_placeholder(secret) && !is_code(secret) && (check == Check::Word || is_random(secret)),
        }
    }
}

/// A pattern as it is compiled.
///
/// Word boundaries are those of ASCII: a secret may stand right behind a Chinese character, and only these can be decided by
/// the fast engine of the crate when a text has any other character. Classes of letters and digits, which stand between a name
/// and its secret and never in a secret, have all characters beyond ASCII: a class of Unicode's letters takes 20 ms to
/// compile, this one half a millisecond, and it lets nothing through that the other one finds.
fn narrow(pattern: &str) -> String {
    let pattern = pattern.replace(r"\b", r"(?-u:\b)").replace(r"\d", "[0-9]");
    pattern.replace(r"\w", r"0-9A-Za-z_\x{80}-\x{10FFFF}")
}

/// What stands where a secret was; it is never looked at again.
static PLACEHOLDER: LazyLock<regex_lite::Regex> = LazyLock::new(|| rule(r"\[REDACTED:[a-z0-9-]+:[0-9a-f]{8}\]"));

/// Takes secrets out of texts.
#[derive(Debug, Clone)]
pub struct Redactor {
    key: [u8; 32],
    allow: Vec<String>,
}

impl Redactor {
    /// `key` makes the placeholders; what is in `allow` is left as it is.
    pub const fn new(key: [u8; 32], allow: Vec<String>) -> Self {
        Self { key, allow }
    }

    /// The text without its secrets. Borrows when there are none.
    pub fn redact<'t>(&self, text: &'t str, counts: &mut Counts) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        // What is taken out may have hidden the context of another secret.
        for _ in 0..MOST_PASSES {
            let Some(next) = self.pass(&clean, counts) else { break };
            clean = Cow::Owned(next);
        }
        clean
    }

    fn pass(&self, text: &str, counts: &mut Counts) -> Option<String> {
        let found = self.find(text);
        if found.is_empty() {
            return None;
        }
        let mut clean = String::with_capacity(text.len());
        let mut end = 0;
        for (rule, range) in found {
            clean.push_str(text.get(end..range.start).unwrap_or(""));
            clean.push_str(&self.placeholder(rule, text.get(range.clone()).unwrap_or("")));
            end = range.end;
            *counts.entry(rule).or_default() += 1;
        }
        clean.push_str(text.get(end..).unwrap_or(""));
        Some(clean)
    }

    fn placeholder(&self, rule: &str, secret: &str) -> String {
        let hash = hex(&ContentHash::of_parts(&[&self.key, secret.as_bytes()]).0);
        format!("[REDACTED:{rule}:{}]", hash.get(..8).unwrap_or(""))
    }

    /// The secrets, in order and apart from each other; of two that overlap, both are covered under the name of the first.
    fn find(&self, text: &str) -> Vec<(&'static str, Range<usize>)> {
        let rules = &*RULES;
        let Some(keywords) = &rules.keywords else { return Vec::new() };
        let mut wanted = vec![false; rules.rules.len()];
        for hit in keywords.find_overlapping_iter(text) {
            if let Some(wanted) = rules.owners.get(hit.pattern().as_usize()).and_then(|rule| wanted.get_mut(*rule)) {
                *wanted = true;
            }
        }
        let done: Vec<Range<usize>> = if text.contains("[REDACTED:") {
            PLACEHOLDER.find_iter(text).map(|found| found.range()).collect()
        } else {
            Vec::new()
        };
        let is_done = |range: &Range<usize>| done.iter().any(|done| range.start < done.end && done.start < range.end);
        let mut found = Vec::new();
        for (rule, _) in rules.rules.iter().zip(wanted).filter(|(rule, wanted)| *wanted && text.contains(&rule.with)) {
            let Some(regex) = rule.regex() else { continue };
            for captures in regex.captures_iter(text) {
                let groups = ["s", "t", "u", "v", "w", "x"];
                let secret = groups.into_iter().find_map(|name| captures.name(name)).or_else(|| captures.get(0));
                let Some(secret) = secret else { continue };
                if rule.accepts(secret.as_str())
                    && !is_done(&secret.range())
                    && !self.allow.iter().any(|allowed| allowed == secret.as_str())
                {
                    found.push((rule.id.as_str(), secret.range()));
                }
            }
        }
        found.sort_by_key(|(_, range)| (range.start, std::cmp::Reverse(range.end)));
        let mut apart: Vec<(&'static str, Range<usize>)> = Vec::with_capacity(found.len());
        for (rule, range) in found {
            match apart.last_mut() {
                Some((_, last)) if range.start < last.end => last.end = last.end.max(range.end),
                _ => apart.push((rule, range)),
            }
        }
        apart
    }
}

/// Shannon entropy in bits per character (Shannon, 1948).
fn entropy(text: &str) -> f64 {
    let mut counts = BTreeMap::<char, f64>::new();
    text.chars().for_each(|character| *counts.entry(character).or_default() += 1.0);
    let all: f64 = counts.values().sum();
    counts.values().map(|count| -(count / all) * (count / all).log2()).sum()
}

/// Parts of what people write where a secret would stand.
const WORDS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "your-",
    "your_",
    "yourpass",
    "xxxx",
    "....",
    "****",
    "dummy",
    "sample",
    "<",
    "${",
    "{{",
    "%s",
    "%(",
    "redacted",
    "insert",
    "todo",
    "-here",
    "_here",
    "abcdef123456",
    "12345678901",
];
/// Words that stand there as a whole.
const WHOLE: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "secret",
    "token",
    "string",
    "none",
    "null",
    "nil",
    "true",
    "false",
    "undefined",
    "required",
    "optional",
    "test",
    "testing",
    "user",
    "username",
    "prompt",
    "stdin",
    "hidden",
    "text",
    "bool",
    "boolean",
    "number",
    "object",
    "type",
    "value",
    "invalid",
    "incorrect",
    "wrong",
    "missing",
    "empty",
    "default",
    "field",
    "input",
    "env",
    "file",
    "yes",
    "no",
    "not",
    "reset",
    "expired",
    "correct",
    "and",
    "the",
    "authentication",
    "authorization",
    "postgres",
    "root",
    "admin",
    "localhost",
];

fn is_placeholder(secret: &str) -> bool {
    let lower = secret.to_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    WHOLE.contains(&bare)
        || WORDS.iter().any(|word| lower.contains(word))
        || lower.chars().collect::<std::collections::BTreeSet<_>>().len() < 3
}

/// A path, a call, a field, a type or a variable instead of a value.
fn is_code(secret: &str) -> bool {
    let starts = [
        "$", "@", "/", "./", "../", "~", "&", "*", "process.", "os.", "env.", "self.", "this.", "config.", "std::",
        "req.", "request.",
    ];
    let name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_alphabetic() || c == '_' || c == '-')
            && !part.chars().any(|c| c.is_ascii_digit())
    };
    starts.iter().any(|start| secret.starts_with(start))
        || secret.contains("::")
        || secret.contains("()")
        || (secret.contains('.') && secret.split('.').all(name))
        || (secret.contains('_') && secret.split('_').all(|part| name(part) || part.is_empty()))
}

/// Holds what words do not: digits beside letters, or signs, in a mixture.
fn is_random(secret: &str) -> bool {
    let has = |test: fn(char) -> bool| secret.chars().any(test);
    let digits = has(|c| c.is_ascii_digit());
    let letters = has(|c| c.is_ascii_alphabetic());
    let signs = has(|c| "!@#%^&*+=~?".contains(c));
    let mixed_case = has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase());
    let humps = secret
        .chars()
        .zip(secret.chars().skip(1))
        .filter(|(a, b)| a.is_ascii_lowercase() && b.is_ascii_uppercase())
        .count();
    letters && (digits || signs) && !is_dated(secret)
        || mixed_case && humps > 3 && secret.len() >= 16
        || !letters && digits && secret.len() >= 12 && !is_dated(secret)
}

/// Versions, dates, sizes and addresses have digits too.
fn is_dated(secret: &str) -> bool {
    let groups: Vec<&str> =
        secret.split(['.', '-', ':', '/', '_', 'v', 'T', 'Z']).filter(|group| !group.is_empty()).collect();
    groups.iter().all(|group| group.len() <= 6 && group.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase()))
        && groups.iter().filter(|group| group.chars().all(|c| c.is_ascii_digit())).count() * 2 >= groups.len()
        && groups.len() > 1
}

/// Whether `clean` is `text` with placeholders in the place of secrets.
pub fn is_redacted_form(clean: &str, text: &str) -> bool {
    let pieces: Vec<&str> = PLACEHOLDER.split(clean).collect();
    let [first, between @ .., last] = pieces.as_slice() else { return false };
    let inner = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let rest = between
        .iter()
        .try_fold(inner.unwrap_or(""), |rest, piece| rest.find(piece).and_then(|at| rest.get(at + piece.len()..)));
    inner.is_some() && rest.is_some()
}

#[cfg(test)]
mod tests;
