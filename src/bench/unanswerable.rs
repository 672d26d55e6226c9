//! Questions that a history cannot answer: general ones for any history, and questions of other haystacks by id, so that
//! the file holds no text of a licensed set.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::formats::{load_neutral_set, read_json_lines};
use super::{BenchQuestion, BenchSession, Dataset, Error};

/// Haystack of a question that is asked of every store.
const ANY_HAYSTACK: &str = "*";
/// Roles that are not names of speakers.
const ROLES: [&str; 5] = ["user", "assistant", "ex", "system", "tool"];

/// A question without an answer, and where it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredQuestion {
    /// Id of the question.
    pub id: String,
    /// Haystack in which it is asked; `None` for all.
    pub haystack: Option<String>,
    /// Type, for the report.
    pub kind: String,
    /// Text of the question.
    pub text: String,
    /// True if speakers of the history are named in place of its own: the subject is there, the fact is not.
    pub is_renamed: bool,
}

/// Question of one haystack that is asked of another.
#[derive(Debug, Deserialize)]
struct QuestionPair {
    id: String,
    haystack: String,
    set: String,
    from: String,
    #[serde(default)]
    rename_speakers: bool,
    #[serde(rename = "type", default)]
    kind: String,
}

/// Reads general questions: `queries.jsonl` of the neutral format without labels.
///
/// # Errors
/// A missing file, or a line of another shape.
pub fn read_unanswerable(path: &Path) -> Result<Vec<UnansweredQuestion>, Error> {
    let (questions, _) = read_json_lines::<BenchQuestion>(path)?;
    let build = |question: BenchQuestion| UnansweredQuestion {
        haystack: (question.haystack != ANY_HAYSTACK).then_some(question.haystack),
        id: question.id,
        kind: question.kind,
        text: question.text,
        is_renamed: false,
    };
    Ok(questions.into_iter().map(build).collect())
}

/// Reads pairs of a question and a haystack that are about `data`. Sets are folders in the neutral format beside
/// `data_path`.
///
/// # Errors
/// A missing file, a line of another shape, or a question that its set does not have.
pub fn read_pairs(path: &Path, data_path: &Path, data: &Dataset) -> Result<Vec<UnansweredQuestion>, Error> {
    let (mut pairs, _) = read_json_lines::<QuestionPair>(path)?;
    pairs.retain(|pair| data.sessions.iter().any(|session| session.haystack == pair.haystack));
    let beside = data_path.parent().unwrap_or(data_path);
    let mut sets: HashMap<String, Dataset> = HashMap::new();
    let mut found = Vec::with_capacity(pairs.len());
    for pair in pairs {
        if !sets.contains_key(&pair.set) {
            sets.insert(pair.set.clone(), load_neutral_set(&beside.join(&pair.set))?);
        }
        let set = sets.get(&pair.set);
        let question = set.and_then(|set| set.questions.iter().find(|question| question.id == pair.from));
        let (Some(set), Some(question)) = (set, question) else {
            let message = format!("the set {} has no question {}", pair.set, pair.from);
            return Err(Error::Format { path: path.to_owned(), line: 0, message });
        };
        let text = if pair.rename_speakers {
            let own = list_speakers(&set.sessions, &question.haystack);
            exchange_names(&question.text, &own, &list_speakers(&data.sessions, &pair.haystack))
        } else {
            question.text.clone()
        };
        found.push(UnansweredQuestion {
            id: pair.id,
            haystack: Some(pair.haystack),
            kind: pair.kind,
            text,
            is_renamed: pair.rename_speakers,
        });
    }
    Ok(found)
}

/// Lists the speakers of a haystack in order of first appearance.
fn list_speakers<'a>(sessions: &'a [BenchSession], haystack: &str) -> Vec<&'a str> {
    let mut speakers: Vec<&str> = Vec::new();
    for turn in sessions.iter().filter(|session| session.haystack == haystack).flat_map(|session| &session.turns) {
        if !ROLES.contains(&turn.role.as_str()) && !speakers.contains(&turn.role.as_str()) {
            speakers.push(&turn.role);
        }
    }
    speakers
}

/// Replaces each name by the one at the same position.
fn exchange_names(text: &str, own: &[&str], others: &[&str]) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let place = own.iter().position(|name| *name == word);
        words.push_str(place.and_then(|place| others.get(place)).copied().unwrap_or(word));
        let mut after = after.chars();
        words.extend(after.next());
        rest = after.as_str();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exchanged_as_whole_words() {
        let exchanged = exchange_names("What did Ann's sister Anna tell Bob?", &["Ann", "Bob"], &["Mei", "Jo"]);
        assert_eq!(exchanged, "What did Mei's sister Anna tell Jo?");
        assert_eq!(exchange_names("王峰说了什么", &["王峰"], &[]), "王峰说了什么");
    }
}
