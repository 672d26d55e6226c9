//! Labelled dataset in memory: sessions and questions. Does not own the file formats (`formats`).

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::{ContentHash, Timestamp};

/// One turn of a session.
#[derive(Debug, Clone, Deserialize)]
pub struct BenchTurn {
    /// Id, unique in its haystack or session.
    pub id: String,
    /// Role: `user`, `assistant`, or the name of a speaker.
    pub role: String,
    /// Time of the turn, if the dataset has times of turns.
    #[serde(default)]
    pub ts: Option<String>,
    /// Text of the turn.
    pub text: String,
}

/// One session of a dataset.
#[derive(Debug, Clone, Deserialize)]
pub struct BenchSession {
    /// Haystack of the session. Each question is asked within one haystack.
    pub haystack: String,
    /// Id in the dataset; the engine sees another one.
    pub session: String,
    /// Start time, in any of the formats of the datasets.
    #[serde(default)]
    pub started_at: Option<String>,
    /// Turns, in order.
    pub turns: Vec<BenchTurn>,
}

/// One question with its labels.
#[derive(Debug, Clone, Deserialize)]
pub struct BenchQuestion {
    pub id: String,
    /// Haystack in which it is asked.
    pub haystack: String,
    /// Text of the question, unchanged.
    pub text: String,
    /// Time of the question, in any of the formats of the datasets. The clock of the search.
    #[serde(default)]
    pub asked_at: Option<String>,
    /// Type of the question, for the report; the engine never sees it.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Ids of the turns that answer it.
    #[serde(default)]
    pub gold_turns: Vec<String>,
    /// Ids of the sessions that answer it.
    #[serde(default)]
    pub gold_sessions: Vec<String>,
}

/// Labelled dataset: sessions, questions and their digest.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Sessions of all haystacks.
    pub sessions: Vec<BenchSession>,
    /// Questions about all haystacks.
    pub questions: Vec<BenchQuestion>,
    /// SHA-256 of the files that were read.
    pub digest: String,
}

impl BenchQuestion {
    /// Parses the time of the question; the end of the day when only a day is given.
    pub fn asked_time(&self) -> Option<Timestamp> {
        let text = self.asked_at.as_deref()?;
        let at = parse_date(text)?;
        let day = 86_399_000;
        Some(if text.contains(':') { at } else { Timestamp::from_milliseconds(at.to_milliseconds() + day) })
    }
}

impl BenchSession {
    /// Returns the id that the engine sees: the dataset's own ids reveal the gold sessions.
    pub(super) fn hidden_id(&self) -> String {
        let parts = [self.haystack.as_bytes(), self.session.as_bytes(), b"hidden"];
        crate::domain::hash::to_hex(&ContentHash::of_parts(&parts).0)
    }

    /// Returns the time of a turn: its own, else that of the session plus a minute for each turn before it.
    pub fn turn_time(&self, position: usize) -> Timestamp {
        let own = self.turns.get(position).and_then(|turn| turn.ts.as_deref()).and_then(Timestamp::parse_rfc3339);
        let start = self.started_at.as_deref().and_then(parse_date).unwrap_or_default();
        let minutes = i64::try_from(position).unwrap_or(0) * 60_000;
        own.unwrap_or_else(|| Timestamp::from_milliseconds(start.to_milliseconds() + minutes))
    }
}

/// Parses a date in any of the formats of the public datasets, as UTC.
fn parse_date(text: &str) -> Option<Timestamp> {
    if let Some(exact) = Timestamp::parse_rfc3339(text) {
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
            assert_eq!(parse_date(text).map(|moment| moment.to_string()).as_deref(), Some(expect), "{text}");
        }
    }
}
