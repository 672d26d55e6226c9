//! The count: every marker word against what was stored, what a search finds, and what the client wrote.

use std::path::Path;

use serde_json::Value;

use super::files;
use super::stage::{Mark, Said, Stage, Times};
use crate::home::{TestHome, say};

/// A part of a message, as an export of everything has it.
struct Stored {
    session: String,
    role: String,
    kind: String,
    origin: String,
    text: String,
}

/// Imports everything that a client wrote below `folder` and says of which words that is wrong.
pub(super) fn check(home: &TestHome, source: &str, version: &str, stage: &Stage, folder: &Path, records: usize) {
    let mut faults = Vec::new();
    let report = home.json(&["import", source]);
    if report["bad_total"] != 0 {
        faults.push(format!("bad lines: {}", report["bad"]));
    }
    faults.extend(ledger_faults(&report["ledger"], records));
    let written: String = files::below(folder).iter().map(|path| files::text(path)).collect();
    for (step, bytes) in &stage.evidence {
        if !written.contains(bytes.as_str()) {
            faults.push(format!("{step}: the client did not write {bytes:?}, so the step did not happen as scripted"));
        }
    }
    let (stored, titles) = (stored(home, source), titles(home));
    for (mark, hits) in stage.marks.iter().zip(hits(home, source, &stage.marks)) {
        let because = if written.contains(&mark.word) {
            fault(mark, &stored, &titles, hits)
        } else {
            Some("the client did not write it".to_owned())
        };
        faults.extend(because.map(|because| format!("{} {:?} {}: {because}", mark.step, mark.said, mark.word)));
    }
    let words = stage.marks.len();
    say(&format!("drift: {source} {version}: {words} words, {records} records, {} faults", faults.len()));
    assert!(faults.is_empty(), "{source} {version}, {} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Every record is accounted for, and none was not understood.
fn ledger_faults(ledger: &Value, records: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let sum = |value: &Value| match value {
        Value::Object(kinds) => kinds.values().filter_map(Value::as_u64).sum(),
        other => other.as_u64().unwrap_or(0),
    };
    let columns = ["stored", "known", "deleted", "own", "bookkeeping", "not_understood", "damaged"];
    let accounted: u64 = columns.iter().map(|column| sum(&ledger[column])).sum();
    if sum(&ledger["not_understood"]) != 0 {
        faults.push(format!("not understood: {}", ledger["not_understood"]));
    }
    // Prompts, plans, names of sessions and messages inside a record are counted beside the lines of transcripts.
    if ledger["records"] != accounted || accounted < records as u64 {
        faults.push(format!("the files have {records} records, the ledger accounts for {accounted}: {ledger}"));
    }
    faults
}

fn stored(home: &TestHome, source: &str) -> Vec<Stored> {
    let export = home.run(&["export", "--format", "jsonl"]);
    assert_eq!(export.code, 0, "{}", export.stderr);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = export.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].clone());
    // Lists of prompts, plans and tasks repeat what the transcripts say.
    let of_source = messages.filter(|message| message["source"] == source);
    let parts = of_source.flat_map(|message| {
        let parts = message["parts"].as_array().cloned().unwrap_or_default();
        parts.into_iter().map(move |part| Stored {
            session: text(&message["session"]),
            role: text(&message["role"]),
            kind: text(&part["kind"]),
            origin: text(&part["origin"]),
            text: text(&part["text"]),
        })
    });
    parts.collect()
}

fn titles(home: &TestHome) -> String {
    home.json(&["timeline", "--limit", "50"])["sessions"].to_string()
}

/// How many hits an exact search for each word has.
fn hits(home: &TestHome, source: &str, marks: &[Mark]) -> Vec<usize> {
    let search = |mark: &Mark| {
        let found = home.json(&["search", "--mode", "exact", "--limit", "50", "--source", source, &mark.word]);
        found["results"].as_array().unwrap().len()
    };
    std::thread::scope(|scope| {
        let share = marks.len().div_ceil(4).max(1);
        let start = |marks| scope.spawn(move || <[Mark]>::iter(marks).map(search).collect::<Vec<_>>());
        let tasks: Vec<_> = marks.chunks(share).map(start).collect();
        tasks.into_iter().flat_map(|task| task.join().unwrap()).collect()
    })
}

/// Why a word is not where it should be.
fn fault(mark: &Mark, stored: &[Stored], titles: &str, hits: usize) -> Option<String> {
    if mark.said == Said::Title {
        return (!titles.contains(&mark.word)).then(|| "no session is called so".to_owned());
    }
    let parts: Vec<&Stored> = stored.iter().filter(|part| part.text.contains(&mark.word)).collect();
    let (is, person) = (|part: &&Stored| fits(mark.said, part), |part: &&Stored| part.origin == "person");
    let places = || parts.iter().map(|part| format!("{}/{}/{}", part.role, part.kind, part.origin)).collect::<Vec<_>>();
    let persons = matches!(mark.said, Said::Prompt | Said::Reply);
    if !persons && parts.iter().any(person) {
        return Some(format!("a person never said it: {:?}", places()));
    }
    if mark.said == Said::Added && mark.times == Times::Repeated {
        return None;
    }
    if parts.is_empty() {
        return Some("not stored".to_owned());
    }
    if !parts.iter().any(is) {
        return Some(format!("stored as {:?}", places()));
    }
    if hits == 0 {
        return Some("stored, but a search does not find it".to_owned());
    }
    // A path may hold a word of a prompt. A fork that the client wrote before its original says the same in two sessions,
    // but no session says anything twice.
    let said: Vec<&Stored> = parts.iter().copied().filter(is).collect();
    let again = said.iter().enumerate().any(|(number, part)| {
        let earlier = said.iter().take(number);
        earlier.into_iter().any(|other| other.text != part.text || other.session == part.session)
    });
    if mark.times != Times::Repeated && again {
        return Some(format!("stored {} times, found {hits} times: {:?}", parts.len(), places()));
    }
    None
}

fn fits(said: Said, part: &Stored) -> bool {
    let place = (part.role.as_str(), part.kind.as_str(), part.origin.as_str());
    match said {
        Said::Prompt => place == ("user", "text", "person"),
        Said::Answer => place == ("assistant", "text", "model"),
        Said::Thought => place == ("assistant", "thinking", "model"),
        Said::Call => place == ("assistant", "tool_use", "model"),
        Said::Output => part.kind == "tool_result",
        Said::Summary => part.kind == "summary",
        Said::Reply | Said::Title | Said::Task | Said::Added => true,
    }
}
