//! The neutral format: `sessions.jsonl` and `queries.jsonl`.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::domain::Timestamp;

/// One turn of a conversation.
#[derive(Debug, Clone, Deserialize)]
pub struct Turn {
    /// Unique in its haystack or session.
    pub id: String,
    /// user, assistant, or the name of a speaker.
    pub role: String,
    /// When, if the set says it for turns.
    #[serde(default)]
    pub ts: Option<String>,
    /// What was said.
    pub text: String,
}

/// One conversation.
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    /// Questions are asked within one haystack.
    pub haystack: String,
    /// Its id in the set; the engine sees another one.
    pub session: String,
    /// When it began, in any of the forms that the sets use.
    #[serde(default)]
    pub started_at: Option<String>,
    /// In order.
    pub turns: Vec<Turn>,
}

/// One question with its labels.
#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    /// Unique.
    pub id: String,
    /// Where it is asked.
    pub haystack: String,
    /// The raw question.
    pub text: String,
    /// For the report; the engine never sees it.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Turns that answer it.
    #[serde(default)]
    pub gold_turns: Vec<String>,
    /// Sessions that answer it.
    #[serde(default)]
    pub gold_sessions: Vec<String>,
}

/// A set.
#[derive(Debug, Clone)]
pub struct Data {
    /// The conversations.
    pub sessions: Vec<Session>,
    /// The questions.
    pub questions: Vec<Question>,
    /// SHA-256 of both files.
    pub digest: String,
}

impl Data {
    /// Reads `sessions.jsonl` and `queries.jsonl` from a folder.
    ///
    /// # Errors
    /// A missing file or a line of another shape, with its place.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let (sessions, first) = lines(&folder.join("sessions.jsonl"))?;
        let (questions, second) = lines(&folder.join("queries.jsonl"))?;
        let digest = crate::domain::hash::sha256_hex(format!("{first}{second}").as_bytes());
        Ok(Self { sessions, questions, digest })
    }
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, String), Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let mut items = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let item = serde_json::from_str(line).map_err(|error| Error::Format {
            path: path.to_owned(),
            line: index + 1,
            message: error.to_string(),
        })?;
        items.push(item);
    }
    Ok((items, crate::domain::hash::sha256_hex(text.as_bytes())))
}

impl Session {
    /// When a turn was said: its own time, else that of the session and a minute for each turn before it.
    pub fn time_of(&self, position: usize) -> Timestamp {
        let own = self.turns.get(position).and_then(|turn| turn.ts.as_deref()).and_then(Timestamp::parse);
        let start = self.started_at.as_deref().and_then(moment).unwrap_or_default();
        let minutes = i64::try_from(position).unwrap_or(0) * 60_000;
        own.unwrap_or_else(|| Timestamp::from_milliseconds(start.milliseconds() + minutes))
    }
}

/// The ways in which the public sets write dates.
fn moment(text: &str) -> Option<Timestamp> {
    if let Some(exact) = Timestamp::parse(text) {
        return Some(exact);
    }
    let forms = ["%I:%M %P on %d %B, %Y", "%Y/%m/%d (%a) %H:%M", "%B-%d-%Y", "%Y-%m-%d"];
    let parsed = forms.iter().find_map(|form| {
        let broken = strtime::parse(form, text).ok()?;
        broken.to_datetime().or_else(|_| broken.to_date().map(DateTime::from)).ok()
    })?;
    Some(Timestamp::from_jiff(parsed.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_public_sets() {
        for (text, expect) in [
            ("1:56 pm on 8 May, 2023", "2023-05-08T13:56:00.000Z"),
            ("2023/07/12 (Wed) 10:14", "2023-07-12T10:14:00.000Z"),
            ("March-15-2024", "2024-03-15T00:00:00.000Z"),
            ("2023-04-27", "2023-04-27T00:00:00.000Z"),
        ] {
            assert_eq!(moment(text).map(|moment| moment.to_string()).as_deref(), Some(expect), "{text}");
        }
    }
}
