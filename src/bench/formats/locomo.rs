//! LoCoMo, `locomo10.json`: ten chats between two people (Maharana et al., 2024). Photo captions stand where the photo was
//! shared; image queries, observations and summaries are not read.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Dataset, build_dataset, read_json, report_published};
use crate::bench::{BenchQuestion, BenchSession, BenchTurn, Error};

const PUBLISHED: &[(&str, &str)] =
    &[("locomo10.json", "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4")];

#[derive(Deserialize)]
struct LocomoSample {
    sample_id: String,
    conversation: Map<String, Value>,
    qa: Vec<LocomoQuestion>,
}

#[derive(Deserialize)]
struct LocomoQuestion {
    question: String,
    #[serde(default)]
    evidence: Vec<String>,
    category: u8,
}

#[derive(Deserialize)]
struct LocomoTurn {
    speaker: String,
    dia_id: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    blip_caption: Option<String>,
}

pub(super) fn load_locomo(path: &Path, talk: &mut dyn FnMut(String)) -> Result<Dataset, Error> {
    let file = if path.is_dir() { path.join("locomo10.json") } else { path.to_owned() };
    let (samples, bytes): (Vec<LocomoSample>, _) = read_json(&file)?;
    report_published(&bytes, PUBLISHED, talk);
    let (mut sessions, mut questions) = (Vec::new(), Vec::new());
    for sample in samples {
        for (key, turns) in sample.conversation.iter().filter(|(_, value)| value.is_array()) {
            let Some(number) = key.strip_prefix("session_") else { continue };
            let turns: Vec<LocomoTurn> = serde_json::from_value(turns.clone()).map_err(|error| Error::Format {
                path: file.clone(),
                line: 0,
                message: format!("{} {key}: {error}", sample.sample_id),
            })?;
            let date = sample.conversation.get(&format!("{key}_date_time")).and_then(Value::as_str);
            sessions.push(BenchSession {
                haystack: sample.sample_id.clone(),
                session: format!("D{number}"),
                started_at: date.map(str::to_owned),
                turns: turns.into_iter().map(to_turn).collect(),
            });
        }
        for (index, asked) in sample.qa.into_iter().enumerate() {
            questions.push(to_question(&sample.sample_id, index, asked));
        }
    }
    Ok(build_dataset(sessions, questions, &[&bytes]))
}

fn to_turn(said: LocomoTurn) -> BenchTurn {
    let photo = said.blip_caption.map(|caption| format!(" [shares photo: {caption}]")).unwrap_or_default();
    BenchTurn { id: said.dia_id, role: said.speaker, ts: None, text: format!("{}{photo}", said.text) }
}

fn to_question(haystack: &str, index: usize, asked: LocomoQuestion) -> BenchQuestion {
    let kind = match asked.category {
        1 => "multi-hop",
        2 => "temporal",
        3 => "open-domain",
        4 => "single-hop",
        _ => "adversarial",
    };
    // Some labels hold several turns in one string: "D8:6; D9:17".
    let turns: Vec<String> = asked
        .evidence
        .iter()
        .flat_map(|label| label.split([';', ',', ' ']))
        .map(str::trim)
        .filter(|label| label.starts_with('D') && label.contains(':'))
        .map(str::to_owned)
        .collect();
    let mut sessions: Vec<String> =
        turns.iter().filter_map(|turn| turn.split_once(':')).map(|(session, _)| session.to_owned()).collect();
    sessions.dedup();
    BenchQuestion {
        id: format!("{haystack}#{index}"),
        haystack: haystack.to_owned(),
        text: asked.question,
        asked_at: None,
        kind: kind.to_owned(),
        gold_turns: turns,
        gold_sessions: sessions,
    }
}
