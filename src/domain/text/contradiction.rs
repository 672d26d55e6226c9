//! Compares short statements by rules, clause by clause: does one deny the other, or give another value? English and
//! Chinese; no model. Finds plain cases ("We deploy on Fridays", "We never deploy on Fridays"), not every one.

use std::collections::BTreeSet;

use super::is_cjk;
use super::terms::{TermExtractor, simplify_chinese};

/// Clauses of one statement that are compared: notes are short.
const MAX_CLAUSES: usize = 12;
/// Share of the shorter clause's terms that the other one must contain to be about the same.
const MIN_SHARED: f32 = 0.8;

/// Words that turn a clause into its opposite.
const NEGATIONS: &[&str] = &[
    "not",
    "no",
    "never",
    "cannot",
    "without",
    "neither",
    "nor",
    "disabled",
    "disable",
    "disables",
    "off",
    "false",
    "forbid",
    "forbids",
    "forbidden",
    "prohibited",
    "banned",
    "stop",
    "avoid",
];
/// Their opposites, which say nothing once the negation is counted.
const AFFIRMATIONS: &[&str] = &[
    "always", "enabled", "enable", "enables", "true", "allow", "allows", "allowed", "must", "may", "only", "still",
    "please",
];
const CJK_NEGATIONS: &[&str] = &[
    "从来不",
    "从不",
    "绝不",
    "永不",
    "不再",
    "不能",
    "不要",
    "不会",
    "不可以",
    "不可",
    "不得",
    "不准",
    "不许",
    "不用",
    "不应",
    "没有",
    "无需",
    "禁止",
    "严禁",
    "禁用",
    "停用",
    "关闭",
    "切勿",
    "不",
    "没",
    "别",
    "勿",
];
const CJK_AFFIRMATIONS: &[&str] = &[
    "我们", "咱们", "大家", "总是", "一直", "始终", "允许", "可以", "必须", "应该", "启用", "开启", "打开", "的", "了",
    "在", "是", "要", "会", "都", "就", "也", "才", "只", "请", "我", "你",
];
/// Words that contain the characters of a negation and are none.
const CJK_PLAIN: &[&str] =
    &["不同", "不仅", "不过", "不管", "不论", "不断", "特别", "级别", "区别", "分别", "类别", "别名"];
const WEEKDAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const CJK_WEEKDAYS: &[(char, usize)] =
    &[('一', 0), ('二', 1), ('三', 2), ('四', 3), ('五', 4), ('六', 5), ('日', 6), ('天', 6)];
/// Words after which a value stands.
const VALUE_OPENERS: &[&str] = &[
    "is", "are", "be", "to", "at", "with", "use", "uses", "using", "than", "has", "have", "every", "=", ":", "：",
    "是", "为", "到", "成", "有", "用", "每",
];

/// Kind of a term, which decides whether two different ones exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TermKind {
    Weekday,
    Number,
    Latin,
    Cjk,
}

/// Term of a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ClauseTerm {
    kind: TermKind,
    text: String,
    /// True if it stands where a value does: after "is" or "use", or at the end.
    is_value: bool,
}

/// One clause: its terms and whether it is negated.
#[derive(Debug, Default)]
struct Clause {
    terms: Vec<ClauseTerm>,
    is_negated: bool,
}

/// Returns true if a clause of one text denies a clause of the other or gives another value for the same thing.
pub fn contradicts(left: &str, right: &str) -> bool {
    let terms = TermExtractor::default();
    let (left, right) = (split_clauses(left, &terms), split_clauses(right, &terms));
    left.iter().any(|left| right.iter().any(|right| left.contradicts_clause(right)))
}

/// Returns true if both texts name numbers, and not the same ones: then neither repeats the other.
pub fn differ_in_numbers(left: &str, right: &str) -> bool {
    let numbers = |text: &str| -> BTreeSet<String> {
        text.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (left, right) = (numbers(left), numbers(right));
    !left.is_empty() && !right.is_empty() && left != right
}

fn split_clauses(text: &str, terms: &TermExtractor) -> Vec<Clause> {
    const ENDS: [char; 12] = ['.', '!', '?', ';', ',', '\n', '。', '！', '？', '；', '，', '、'];
    let lower = simplify_chinese(&text.to_lowercase()).replace(['\u{2019}', '\u{2018}'], "'");
    let mut clauses = Vec::new();
    let mut start = 0;
    for (at, end) in lower.match_indices(ENDS) {
        // The point of a number, a version or a file name ends nothing.
        let is_inside = end == "."
            && lower.get(at + 1..).is_some_and(|after| after.starts_with(|next: char| next.is_ascii_alphanumeric()));
        if !is_inside {
            clauses.push(lower.get(start..at).unwrap_or(""));
            start = at + end.len();
        }
    }
    clauses.push(lower.get(start..).unwrap_or(""));
    let read = clauses.into_iter().take(MAX_CLAUSES).map(|clause| Clause::parse_clause(clause, terms));
    read.filter(|clause| !clause.terms.is_empty()).collect()
}

impl Clause {
    fn parse_clause(text: &str, terms: &TermExtractor) -> Self {
        let mut clause = Self::default();
        let (mut rest, mut before) = (text, String::new());
        while let Some(first) = rest.chars().next() {
            let used = if is_cjk(first) {
                clause.take_cjk(rest, &before)
            } else if first.is_ascii_alphanumeric() {
                clause.take_word(rest, &before, terms)
            } else {
                first.len_utf8()
            };
            let (token, after) = rest.split_at_checked(used).unwrap_or((rest, ""));
            if !token.trim().is_empty() {
                token.clone_into(&mut before);
            }
            rest = after;
        }
        // The value is the last term, or the number before a unit: "5 seconds".
        let mut ends = clause.terms.iter_mut().rev();
        if let Some(last) = ends.next() {
            last.is_value = true;
        }
        if let Some(number) = ends.next().filter(|term| term.kind == TermKind::Number) {
            number.is_value = true;
        }
        clause
    }

    /// Takes one Chinese word or character; returns its bytes.
    fn take_cjk(&mut self, rest: &str, before: &str) -> usize {
        let found = |words: &[&str]| words.iter().find(|word| rest.starts_with(**word)).map(|word| word.len());
        if let Some(length) = ["周", "星期", "礼拜"].iter().find_map(|week| {
            let day = rest.strip_prefix(week)?.chars().next()?;
            let (_, number) = CJK_WEEKDAYS.iter().find(|(name, _)| *name == day)?;
            self.add_term(TermKind::Weekday, number.to_string(), before);
            Some(week.len() + day.len_utf8())
        }) {
            return length;
        }
        if let Some(length) = found(CJK_PLAIN) {
            self.add_term(TermKind::Cjk, rest.get(..length).unwrap_or("").to_owned(), before);
            return length;
        }
        if let Some(length) = found(CJK_NEGATIONS) {
            self.is_negated = !self.is_negated;
            return length;
        }
        if let Some(length) = found(CJK_AFFIRMATIONS) {
            return length;
        }
        let length = rest.chars().next().map_or(1, char::len_utf8);
        self.add_term(TermKind::Cjk, rest.get(..length).unwrap_or("").to_owned(), before);
        length
    }

    /// Takes one word, number or identifier; returns its bytes.
    fn take_word(&mut self, rest: &str, before: &str, terms: &TermExtractor) -> usize {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "'._-:/%".contains(letter);
        let end = rest.find(|letter: char| !is_part(letter)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or("").trim_end_matches(['.', ':', '-', '/', '\'']);
        let plain = word.strip_suffix("'s").unwrap_or(word);
        if NEGATIONS.contains(&plain) || plain.ends_with("n't") {
            self.is_negated = !self.is_negated;
        } else if let Some(day) = WEEKDAYS.iter().position(|day| plain.strip_suffix('s').unwrap_or(plain) == *day) {
            self.add_term(TermKind::Weekday, day.to_string(), before);
        } else if plain.starts_with(|first: char| first.is_ascii_digit()) {
            self.add_term(TermKind::Number, plain.to_owned(), before);
        } else if !AFFIRMATIONS.contains(&plain) {
            // Stop words have no term. An identifier has several; the first is the whole.
            if let Some(stem) = terms.query_terms(plain, 1).pop() {
                self.add_term(TermKind::Latin, stem, before);
            }
        }
        word.len().max(1)
    }

    fn add_term(&mut self, kind: TermKind, text: String, before: &str) {
        let is_value = VALUE_OPENERS.contains(&before);
        self.terms.push(ClauseTerm { kind, text, is_value });
    }

    fn contradicts_clause(&self, other: &Self) -> bool {
        let without = |from: &Self, of: &Self| {
            let is_missing = |term: &&ClauseTerm| !of.terms.iter().any(|known| known.text == term.text);
            from.terms.iter().filter(is_missing).cloned().collect::<Vec<_>>()
        };
        let (mine, theirs) = (without(self, other), without(other, self));
        let shared = weigh_terms(self.terms.iter().filter(|term| !mine.contains(term)));
        if self.is_negated != other.is_negated {
            let shorter = weigh_terms(self.terms.iter()).min(weigh_terms(other.terms.iter()));
            let is_same = mine.is_empty() && theirs.is_empty();
            return shared >= MIN_SHARED * shorter && (shared >= 2.0 || (is_same && shared >= 1.0));
        }
        let ([mine], [theirs]) = (mine.as_slice(), theirs.as_slice()) else { return false };
        let is_other_value = mine.kind == theirs.kind
            && match mine.kind {
                TermKind::Weekday => shared >= 1.0,
                TermKind::Number => shared >= 1.0 && mine.is_value && theirs.is_value,
                TermKind::Latin => shared >= 2.0 && mine.is_value && theirs.is_value,
                TermKind::Cjk => false,
            };
        // Two negated clauses may both hold: neither on Fridays nor on Mondays.
        is_other_value && !self.is_negated
    }
}

/// Returns the number of words in terms: two Chinese characters count as one.
fn weigh_terms<'a>(terms: impl Iterator<Item = &'a ClauseTerm>) -> f32 {
    terms.map(|term| if term.kind == TermKind::Cjk { 0.5 } else { 1.0 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opposite_and_another_value_contradict() {
        for (left, right) in [
            ("We deploy on Fridays", "We never deploy on Fridays"),
            ("We deploy on Fridays only after the smoke test", "We don't deploy on Fridays."),
            ("We deploy on Fridays", "We deploy on Mondays"),
            ("Telemetry is enabled by default", "Telemetry is disabled by default"),
            ("The pool size is 12", "the pool size is 20"),
            ("The build tool is pnpm", "The build tool is npm"),
            ("Sessions are stored in Redis", "Sessions are stored in Postgres"),
            ("周五部署", "我们从不在周五部署"),
            ("部署在周五", "部署在周一"),
            ("我们每周五部署", "禁止周五部署"),
            ("连接池大小是 12", "连接池大小是20"),
            ("数据库用 Postgres", "数据库用 MySQL"),
            ("接口超时 3 秒", "接口超时 5 秒"),
            ("The request timeout is 3 seconds", "The request timeout is 5 seconds"),
            ("遥测默认开启", "遥测默认关闭"),
            ("發佈前必須備份", "发布前不用备份"),
        ] {
            assert!(contradicts(left, right) && contradicts(right, left), "{left} / {right}");
        }
    }

    #[test]
    fn other_numbers_repeat_nothing() {
        assert!(differ_in_numbers("Sprint 12 started well", "Sprint 13 started well"));
        assert!(!differ_in_numbers("pool 20", "a pool of 20") && !differ_in_numbers("a pool", "a pool of 20"));
    }

    #[test]
    fn other_things_and_the_same_do_not() {
        for (left, right) in [
            ("We deploy on Fridays", "We deploy on Fridays after the smoke test"),
            ("We deploy on Fridays", "The office is closed on Fridays"),
            ("We never deploy on Fridays", "We never deploy on Mondays"),
            ("Telemetry is not enabled", "Telemetry is disabled"),
            ("Sprint 12 started well", "Sprint 13 started well"),
            ("We store sessions in Redis", "We store logs in Redis"),
            ("We use tabs", "We use Postgres"),
            ("Release notes are written in English", "The parser does not read dates"),
            ("周五部署", "周五不开会"),
            ("缓存和数据库不同", "缓存在内存里"),
            ("", "not"),
        ] {
            assert!(!contradicts(left, right), "{left} / {right}");
        }
    }
}
