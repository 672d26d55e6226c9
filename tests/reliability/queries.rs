//! Whatever is asked, the answer is an answer or says what is wrong with the question. Never an internal error.

use claude_memory::testing::domain::{FailureCode, Query, SearchMode};

use crate::home::{TestHome, say};
use crate::rig::{Random, now, open};
use crate::{extent, seed};

/// What other search engines stumble over, and what text can be made of.
const PIECES: [&str; 40] = [
    "\"",
    "'",
    "''",
    "\"\"",
    "*",
    "%",
    "_",
    "(",
    ")",
    "((",
    "AND",
    "OR",
    "NOT",
    "NEAR(",
    "NEAR/3",
    "-",
    "--",
    "^",
    ":",
    "col:",
    "{",
    "}",
    "[",
    "]",
    "\\",
    "\\x00",
    "\0",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "🙂",
    "数据库",
    "é",
    "e\u{301}",
    "last week",
    "5月2日",
    "a.b.c/d_e-f",
    "'; DROP TABLE messages; --",
    "error",
    "\r\n\t",
];

#[test]
fn twenty_thousand_hostile_questions() {
    let questions = extent(600, 20_000, 1_000_000);
    let home = TestHome::new();
    let _ = home.import_samples();
    let memory = open(&home.memory());
    let (mut random, mut answered, mut refused) = (Random::new(seed()), 0, 0);
    for number in 0..questions {
        let mut text = String::new();
        for _ in 0..=random.below(8) {
            match random.below(6) {
                0 => text.extend(char::from_u32(random.below(0x11_0000) as u32)),
                1 => text.push_str(&"x".repeat(random.at(600))),
                _ => text.push_str(PIECES[random.at(PIECES.len())]),
            }
            if random.chance(50) {
                text.push(' ');
            }
        }
        let mode = if number % 2 == 0 { SearchMode::Keyword } else { SearchMode::Exact };
        match memory.search(&Query { mode, ..Query::for_text(text.clone()) }, now()) {
            Ok(_) => answered += 1,
            Err(error) => {
                assert_eq!(error.code(), FailureCode::InvalidInput, "{text:?}: {error}");
                refused += 1;
            }
        }
    }
    say(&format!(
        "hostile questions: {questions}, {answered} answered, {refused} told what is wrong, 0 internal errors"
    ));
}
