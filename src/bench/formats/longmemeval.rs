//! LongMemEval (Wu et al., 2024): every question has a history of its own. `has_answer` marks are read as turn labels and
//! never reach the engine; the session ids, which tell the gold ones apart, are hidden as in every set.

use std::path::Path;

use serde::Deserialize;

use super::{Dataset, build_dataset, read_json, report_published};
use crate::bench::{BenchQuestion, BenchSession, BenchTurn, Error};

const PUBLISHED: &[(&str, &str)] = &[
    ("longmemeval_s_cleaned.json", "d6f21ea9d60a0d56f34a05b609c79c88a451d2ae03597821ea3d5a9678c3a442"),
    ("longmemeval_oracle.json", "821a2034d219ab45846873dd14c14f12cfe7776e73527a483f9dac095d38620c"),
];

#[derive(Deserialize)]
struct LongMemEvalInstance {
    question_id: String,
    question_type: String,
    question: String,
    #[serde(default)]
    question_date: Option<String>,
    haystack_dates: Vec<String>,
    haystack_session_ids: Vec<String>,
    haystack_sessions: Vec<Vec<LongMemEvalTurn>>,
    #[serde(default)]
    answer_session_ids: Vec<String>,
}

#[derive(Deserialize)]
struct LongMemEvalTurn {
    role: String,
    content: String,
    #[serde(default)]
    has_answer: bool,
}

pub(super) fn load_longmemeval(path: &Path, talk: &mut dyn FnMut(String)) -> Result<Dataset, Error> {
    let file = if path.is_dir() { path.join("longmemeval_s_cleaned.json") } else { path.to_owned() };
    let (instances, bytes): (Vec<LongMemEvalInstance>, _) = read_json(&file)?;
    report_published(&bytes, PUBLISHED, talk);
    let (mut sessions, mut questions) = (Vec::new(), Vec::new());
    for instance in instances {
        // Questions that have no answer in the history end in `_abs`; there is nothing to find for them.
        let abstains = instance.question_id.ends_with("_abs");
        let mut gold_turns = Vec::new();
        let dates = instance.haystack_dates.into_iter().map(Some).chain(std::iter::repeat(None));
        for ((id, turns), date) in instance.haystack_session_ids.iter().zip(instance.haystack_sessions).zip(dates) {
            let turn = |(index, said): (usize, LongMemEvalTurn)| {
                let turn_id = format!("{id}:{index}");
                if said.has_answer {
                    gold_turns.push(turn_id.clone());
                }
                BenchTurn { id: turn_id, role: said.role, ts: None, text: said.content }
            };
            let turns = turns.into_iter().enumerate().map(turn).collect();
            let haystack = instance.question_id.clone();
            sessions.push(BenchSession { haystack, session: id.clone(), started_at: date, turns });
        }
        questions.push(BenchQuestion {
            id: instance.question_id.clone(),
            haystack: instance.question_id,
            text: instance.question,
            asked_at: instance.question_date,
            kind: instance.question_type,
            gold_turns: if abstains { Vec::new() } else { gold_turns },
            gold_sessions: if abstains { Vec::new() } else { instance.answer_session_ids },
        });
    }
    Ok(build_dataset(sessions, questions, &[&bytes]))
}
