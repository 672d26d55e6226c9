//! Readers of labelled datasets in their published formats. Owns the shapes of files; returns [`Dataset`]. Fields that
//! only an author of the dataset knows (answers, evidence marks, plans, summaries) are not read at all.

mod beam;
mod claude_code;
mod locomo;
mod longmemeval;
mod neutral;

pub(super) use neutral::{load_neutral as load_neutral_set, read_json_lines};

use std::path::Path;

pub(super) use claude_code::read_person_turns;
use serde::de::DeserializeOwned;

use super::{BenchQuestion, BenchSession, Dataset, Error};
use crate::domain::hash::sha256_hex;

/// File format of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetFormat {
    /// `sessions.jsonl` and `queries.jsonl` in one folder.
    Neutral,
    /// `locomo10.json` of LoCoMo (snap-research/locomo).
    Locomo,
    /// `longmemeval_s_cleaned.json` and its variants (xiaowu0162/longmemeval-cleaned).
    LongMemEval,
    /// A folder of `chat.json` with `probing_questions/` beside it (mohammadtavakoli78/BEAM).
    Beam,
    /// Claude Code transcripts, and `queries.jsonl` beside them.
    ClaudeCode,
}

impl DatasetFormat {
    /// Reads a dataset from a file or folder. Reports through `talk` whether a file of LoCoMo or LongMemEval is a
    /// published one.
    ///
    /// # Errors
    /// A file that is missing or has another shape, with path and line.
    pub fn load_dataset(self, path: &Path, talk: &mut dyn FnMut(String)) -> Result<Dataset, Error> {
        match self {
            Self::Neutral => neutral::load_neutral(path),
            Self::Locomo => locomo::load_locomo(path, talk),
            Self::LongMemEval => longmemeval::load_longmemeval(path, talk),
            Self::Beam => beam::load_beam(path),
            Self::ClaudeCode => claude_code::load_transcripts(path),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<(T, Vec<u8>), Error> {
    let bytes = read_file(path)?;
    let value = serde_json::from_slice(&bytes).map_err(|error| Error::Format {
        path: path.to_owned(),
        line: error.line(),
        message: error.to_string(),
    })?;
    Ok((value, bytes))
}

/// Builds a dataset. Drops questions without labels: they have no answer to find.
fn build_dataset(sessions: Vec<BenchSession>, questions: Vec<BenchQuestion>, files: &[&[u8]]) -> Dataset {
    let digests: Vec<String> = files.iter().map(|bytes| sha256_hex(bytes)).collect();
    let digest = match digests.as_slice() {
        [only] => only.clone(),
        several => sha256_hex(several.concat().as_bytes()),
    };
    let questions =
        questions.into_iter().filter(|question| !question.gold_turns.is_empty() || !question.gold_sessions.is_empty());
    Dataset { sessions, questions: questions.collect(), digest }
}

/// Reports whether a file is one of the published ones, by its SHA-256.
fn report_published(bytes: &[u8], published: &[(&str, &str)], talk: &mut dyn FnMut(String)) {
    let digest = sha256_hex(bytes);
    match published.iter().find(|(_, known)| *known == digest) {
        Some((name, _)) => talk(format!("this is the published {name}")),
        None => talk(format!("warning: SHA-256 {digest} is none of the published files; do not compare the figures")),
    }
}
