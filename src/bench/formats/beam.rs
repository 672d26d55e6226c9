//! BEAM (Tavakoli et al., 2025): one folder per chat with `chat.json` and `probing_questions/probing_questions.json`.
//! Plans and the generator's marks (`->-> 1,2` at the end of a message) are not read; abstention questions have no
//! answer to find.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Dataset, build_dataset, read_json};
use crate::bench::{BenchQuestion, BenchSession, BenchTurn, Error};

#[derive(Deserialize)]
struct BeamBatch {
    #[serde(default)]
    batch_number: Value,
    #[serde(default)]
    time_anchor: Option<String>,
    turns: Vec<Vec<BeamMessage>>,
}

#[derive(Deserialize)]
struct BeamMessage {
    role: String,
    id: Value,
    content: String,
    #[serde(default)]
    time_anchor: Option<String>,
}

pub(super) fn load_beam(path: &Path) -> Result<Dataset, Error> {
    let (mut sessions, mut questions, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for folder in find_chats(path)? {
        let haystack = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (batches, bytes): (Vec<BeamBatch>, _) = read_json(&folder.join("chat.json"))?;
        files.push(bytes);
        let first = sessions.len();
        for batch in batches {
            for (group, turns) in batch.turns.into_iter().enumerate() {
                let anchor =
                    turns.iter().find_map(|said| said.time_anchor.clone()).or_else(|| batch.time_anchor.clone());
                sessions.push(BenchSession {
                    haystack: haystack.clone(),
                    session: format!("b{}g{group}", id_text(&batch.batch_number)),
                    started_at: anchor,
                    turns: turns.into_iter().map(to_turn).collect(),
                });
            }
        }
        let (asked, bytes): (Map<String, Value>, _) =
            read_json(&folder.join("probing_questions").join("probing_questions.json"))?;
        files.push(bytes);
        for (ability, list) in asked {
            for (index, one) in list.as_array().into_iter().flatten().enumerate() {
                let gold_turns = collect_ids(one.get("source_chat_ids"));
                let held = sessions
                    .iter()
                    .skip(first)
                    .filter(|session| session.turns.iter().any(|turn| gold_turns.contains(&turn.id)));
                questions.push(BenchQuestion {
                    id: format!("{haystack}#{ability}{index}"),
                    haystack: haystack.clone(),
                    text: one.get("question").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    asked_at: None,
                    kind: ability.clone(),
                    gold_sessions: held.map(|session| session.session.clone()).collect(),
                    gold_turns,
                });
            }
        }
    }
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    Ok(build_dataset(sessions, questions, &files))
}

/// Returns the folder itself if it holds a chat, else its subfolders that do, sorted.
fn find_chats(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if path.join("chat.json").is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.join("chat.json").is_file()).collect();
    found.sort();
    if found.is_empty() {
        let message = "no folder with a chat.json in it".to_owned();
        return Err(Error::Format { path: path.to_owned(), line: 0, message });
    }
    Ok(found)
}

fn to_turn(said: BeamMessage) -> BenchTurn {
    let text = said.content.rsplit_once("->->").map_or(said.content.as_str(), |(text, mark)| {
        let is_mark = mark.chars().all(|c| c.is_ascii_digit() || c == ',' || c.is_whitespace());
        if is_mark { text } else { &said.content }
    });
    BenchTurn { id: id_text(&said.id), role: said.role, ts: None, text: text.trim_end().to_owned() }
}

fn id_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Collects ids from lists, nested lists, or lists by name.
fn collect_ids(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(list)) => list.iter().flat_map(|value| collect_ids(Some(value))).collect(),
        Some(Value::Object(map)) => map.values().flat_map(|value| collect_ids(Some(value))).collect(),
        Some(value @ (Value::Number(_) | Value::String(_))) => vec![id_text(value)],
        _ => Vec::new(),
    }
}
