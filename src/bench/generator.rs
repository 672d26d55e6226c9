//! Deterministic synthetic history of any size: sessions of people and an assistant about the work of many projects, in
//! English and Chinese. The frequencies of its words follow Zipf's law, as in a language, because that decides how long
//! a keyword search takes.

use crate::domain::random::SplitMix64;
use crate::domain::{Draft, DraftPart, Origin, PartKind, Role, Timestamp};

/// Distinct synthetic words; real histories of a year have about as many.
const WORDS: u64 = 60_000;
/// Distinct synthetic Chinese words of two characters.
const CHINESE_WORDS: u64 = 20_000;
/// Turns of one session.
const SESSION_TURNS: u64 = 40;
/// Sessions of one project.
const PROJECT_SESSIONS: u64 = 25;
/// Turns per Chinese turn, on average.
const TURNS_PER_CHINESE: u64 = 6;
/// Time from the first turn to the last.
const SPAN_MILLISECONDS: u64 = 3 * 365 * 86_400_000;

const FUNCTION_WORDS: &[&str] = &[
    "the", "to", "and", "of", "a", "in", "is", "it", "that", "we", "for", "this", "on", "with", "be", "not", "are",
    "as", "should", "have", "when", "can", "from", "but", "you", "by", "so", "if", "which", "then",
];
const SYLLABLES: &[&str] = &[
    "ba", "ce", "di", "fo", "gu", "han", "jel", "kim", "lor", "mun", "nap", "per", "qui", "ras", "sel", "tin", "vor",
    "wex", "yal", "zum", "con", "ter", "ment", "ing", "lo", "mi", "ra", "ste", "tro", "ple",
];

/// Synthetic history with a given number of turns.
#[derive(Debug, Clone, Copy)]
pub struct HistoryGenerator {
    /// Number of turns.
    pub turns: u64,
    /// Time of the end of the history, one step after the last turn.
    pub end: Timestamp,
}

/// Random numbers, seeded for every turn, so that any turn can be generated alone.
struct TurnRandom(SplitMix64);

impl TurnRandom {
    const fn next(&mut self) -> u64 {
        self.0.next()
    }

    const fn next_below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns a rank below `end`, with a frequency inverse to the rank: the exponential of a uniform number.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank below a hundred thousand"
    )]
    fn zipf_rank(&mut self, end: u64) -> u64 {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((end as f64).powf(share) as u64).min(end) - 1
    }
}

fn push_word(number: u64, into: &mut String) {
    let mut rest = number.wrapping_mul(2_654_435_761) % 810_000 + 900;
    while rest > 0 {
        into.push_str(SYLLABLES.get(usize::try_from(rest % 30).unwrap_or(0)).unwrap_or(&""));
        rest /= 30;
    }
}

fn push_chinese_word(number: u64, into: &mut String) {
    let spread = number.wrapping_mul(2_654_435_761);
    for half in [spread % 1_999, spread / 1_999 % 2_003] {
        into.extend(u32::try_from(0x4e00 + half).ok().and_then(char::from_u32));
    }
}

impl HistoryGenerator {
    /// Generates the text of a turn: one to three sentences about the topic of its session.
    fn turn_text(turn: u64) -> String {
        let mut random = TurnRandom(SplitMix64(turn.wrapping_mul(0xd6e8_feb8_6659_fd93)));
        let topic = turn / SESSION_TURNS;
        let mut text = String::new();
        if random.next_below(TURNS_PER_CHINESE) == 0 {
            for _ in 0..4 + random.next_below(16) {
                let own = random.next_below(4) == 0;
                let rank = if own { topic % 97 * 150 + random.next_below(40) } else { random.zipf_rank(CHINESE_WORDS) };
                push_chinese_word(rank, &mut text);
            }
            text.push('。');
            return text;
        }
        for _ in 0..=random.next_below(3) {
            for _ in 0..6 + random.next_below(14) {
                match random.next_below(10) {
                    0..4 => text.push_str(
                        FUNCTION_WORDS.get(usize::try_from(random.zipf_rank(30)).unwrap_or(0)).unwrap_or(&"the"),
                    ),
                    // Words of the session's topic.
                    4..6 => push_word(topic % 499 * 100 + 200 + random.next_below(30), &mut text),
                    _ => push_word(random.zipf_rank(WORDS), &mut text),
                }
                text.push(' ');
            }
            text.truncate(text.trim_end().len());
            text.push_str(if random.next_below(6) == 0 { "? " } else { ". " });
        }
        text
    }

    /// Generates one turn as a draft of a message.
    pub fn generate_draft(&self, turn: u64) -> Draft {
        let session = turn / SESSION_TURNS;
        let person = turn.is_multiple_of(2);
        let age = SPAN_MILLISECONDS / self.turns.max(1) * (self.turns - turn.min(self.turns));
        let part = DraftPart {
            external_key: "0".to_owned(),
            kind: PartKind::Text,
            origin: if person { Origin::Person } else { Origin::Model },
            text: Self::turn_text(turn),
            tool: None,
        };
        let role = if person { Role::User } else { Role::Assistant };
        let at = self.end.minus_milliseconds(i64::try_from(age).unwrap_or(0));
        Draft {
            cwd: Some(format!("/bench/project-{}", session / PROJECT_SESSIONS)),
            line: turn + 1,
            parts: vec![part],
            ..Draft::new(&format!("session-{session}"), &turn.to_string(), role, at)
        }
    }

    /// Generates questions: three to seven adjacent words of an existing turn each.
    pub fn generate_questions(&self, count: u64) -> Vec<String> {
        let question = |number: u64| {
            let mut random = TurnRandom(SplitMix64(number ^ 0x5851_f42d_4c95_7f2d));
            let text = Self::turn_text(random.next_below(self.turns.max(1)));
            let words: Vec<&str> = text.split([' ', '.', '?']).filter(|word| !word.is_empty()).collect();
            if words.len() < 3 {
                // Chinese has no spaces.
                return text.chars().take(8).collect();
            }
            let length = usize::try_from(3 + random.next_below(5)).unwrap_or(3);
            let start = usize::try_from(random.next() >> 40).unwrap_or(0) % words.len().saturating_sub(length).max(1);
            words.get(start..(start + length).min(words.len())).unwrap_or(&[]).join(" ")
        };
        (0..count).map(question).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_history_is_always_the_same_and_reads_like_one() {
        let generator = HistoryGenerator { turns: 2_000, end: Timestamp::from_milliseconds(1_700_000_000_000) };
        assert_eq!(generator.generate_draft(77), generator.generate_draft(77));
        assert!(generator.generate_draft(1_999).at > generator.generate_draft(0).at);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for turn in 0..2_000 {
            let draft = generator.generate_draft(turn);
            assert!(!draft.parts[0].text.is_empty());
            for word in draft.parts[0].text.split_whitespace() {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        }
        let mut sorted: Vec<usize> = counts.values().copied().collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        assert!(sorted[0] > 50 * sorted[sorted.len() / 10] && counts.len() > 5_000, "{}", counts.len());
        assert!(generator.generate_questions(50).iter().all(|question| !question.trim().is_empty()));
    }
}
