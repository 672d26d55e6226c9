//! Alerts that Alertmanager hands over (webhook payload, version 4): written down one a line, told once, folded when they come
//! again. Owns the payload and the log file; does not own how it comes in.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::disk::RotatingLog;
use crate::domain::text::{one_line, visible};
use crate::domain::{Timestamp, json};

/// Alerts of one payload; Alertmanager sends what belongs together.
const MOST_ALERTS: usize = 1_000;
/// Characters of a text of an alert.
const TEXT: usize = 500;
/// Alerts that are remembered as told.
const REMEMBERED: usize = 10_000;

/// What Alertmanager sends. Unknown fields are of a newer version and no mistake.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    /// The version of the format; some clients leave it out.
    pub version: Option<String>,
    /// Which group it belongs to.
    pub group_key: Option<String>,
    /// The alerts.
    pub alerts: Vec<Alert>,
}

/// One alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// firing or resolved.
    pub status: String,
    /// Its labels.
    #[serde(default)]
    pub labels: HashMap<String, String>,
    /// Its texts.
    #[serde(default)]
    pub annotations: HashMap<String, String>,
    /// Since when.
    #[serde(default)]
    pub starts_at: String,
    /// Until when; year 1 while it is open.
    #[serde(default)]
    pub ends_at: String,
    /// Equal for the same labels.
    #[serde(default)]
    pub fingerprint: String,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it came in, RFC 3339.
    pub received_at: String,
    /// firing or resolved.
    pub status: String,
    /// critical, warning, info, or none.
    pub severity: String,
    /// Its name.
    pub alertname: String,
    /// What it says.
    pub summary: String,
    /// What it says in full.
    pub description: String,
    /// Since when.
    pub starts_at: String,
    /// Until when, once it is resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// Equal for the same labels.
    pub fingerprint: String,
    /// Where to read on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<String>,
}

/// The log and what it was told already.
#[derive(Debug)]
pub struct Log {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: RotatingLog,
    told: Told,
}

#[derive(Debug, Default)]
struct Told {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Told {
    /// Whether it is new.
    fn add(&mut self, key: String) -> bool {
        if !self.known.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Reads a payload.
///
/// # Errors
/// What is wrong with it.
pub fn parse(body: &[u8]) -> Result<Payload, String> {
    let (payload, _) = json::parse(body).map_err(|error| format!("not a webhook payload: {error}"))?;
    let payload: Payload =
        serde_json::from_value(payload).map_err(|error| format!("not a webhook payload: {error}"))?;
    match payload.version.as_deref() {
        None | Some("4") => {}
        Some(other) => return Err(format!("payload of version {:?}; version 4 is understood", one_line(other, 20))),
    }
    if payload.alerts.len() > MOST_ALERTS {
        return Err(format!("{} alerts in one payload; {MOST_ALERTS} may be", payload.alerts.len()));
    }
    match payload.alerts.iter().find(|alert| !["firing", "resolved"].contains(&alert.status.as_str())) {
        Some(alert) => Err(format!("an alert is {:?}; firing or resolved is meant", one_line(&alert.status, 40))),
        None => Ok(payload),
    }
}

impl Payload {
    /// The lines of the log that its alerts come to. `severity` is that of the address it was sent to.
    pub fn lines(&self, severity: Option<&str>, now: Timestamp) -> Vec<Line> {
        self.alerts.iter().map(|alert| alert.line(severity, now)).collect()
    }
}

impl Alert {
    /// One line of text without anything that acts: labels and annotations may come from anywhere.
    fn line(&self, severity: Option<&str>, now: Timestamp) -> Line {
        let clean = |text: &str| one_line(&visible::safe(text), TEXT);
        let label = |name: &str| self.labels.get(name).map(|text| clean(text));
        let said = |name: &str| self.annotations.get(name).map(|text| clean(text));
        let known = ["critical", "warning", "info"];
        let severity =
            severity.map(str::to_owned).or_else(|| label("severity")).filter(|word| known.contains(&word.as_str()));
        Line {
            received_at: now.to_string(),
            status: self.status.clone(),
            severity: severity.unwrap_or_else(|| "none".to_owned()),
            alertname: label("alertname").unwrap_or_else(|| "unnamed".to_owned()),
            summary: said("summary").unwrap_or_default(),
            description: said("description").unwrap_or_default(),
            starts_at: clean(&self.starts_at),
            ends_at: Some(clean(&self.ends_at)).filter(|_| self.status == "resolved"),
            fingerprint: clean(&self.fingerprint),
            runbook_url: said("runbook_url"),
        }
    }
}

impl Line {
    fn key(&self) -> String {
        // Without a fingerprint the name has to do.
        let who = if self.fingerprint.is_empty() { &self.alertname } else { &self.fingerprint };
        format!("{who} {} {}", self.status, self.starts_at)
    }
}

impl Log {
    /// The log at `path`. What it holds already is not told again.
    ///
    /// # Errors
    /// When its folder cannot be made or it cannot be read.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let mut told = Told::default();
        for line in lines(&path)? {
            told.add(line.key());
        }
        Ok(Self { inner: Mutex::new(Inner { file: RotatingLog::new(path)?, told }) })
    }

    /// Writes down what was not told before and syncs it; returns the new lines. `severity` is that of the address the payload
    /// was sent to.
    ///
    /// # Errors
    /// When it cannot be written: then nothing counts as told, and the sender tries again.
    pub fn write(&self, payload: &Payload, severity: Option<&str>, now: Timestamp) -> io::Result<Vec<Line>> {
        self.write_lines(payload.lines(severity, now))
    }

    /// As [`Log::write`], for lines that are made here.
    ///
    /// # Errors
    /// When it cannot be written: then nothing counts as told.
    pub fn write_lines(&self, lines: Vec<Line>) -> io::Result<Vec<Line>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = HashSet::new();
        let known = &inner.told.known;
        let new: Vec<Line> =
            lines.into_iter().filter(|line| !known.contains(&line.key()) && keys.insert(line.key())).collect();
        if new.is_empty() {
            return Ok(new);
        }
        let mut text = Vec::new();
        for line in &new {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        inner.file.append_synced(&text)?;
        for line in &new {
            inner.told.add(line.key());
        }
        Ok(new)
    }
}

/// The lines of the log, the oldest first. A line that a crash cut off is passed over.
///
/// # Errors
/// When it cannot be read; one that does not exist is empty.
pub fn lines(path: &Path) -> io::Result<Vec<Line>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut all = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        all.extend(serde_json::from_slice::<Line>(&line?).ok());
    }
    Ok(all)
}

/// The alerts that are open: fired, and not resolved since.
pub fn open(lines: &[Line]) -> Vec<&Line> {
    let mut open: Vec<&Line> = Vec::new();
    for line in lines {
        open.retain(|other| (&other.fingerprint, &other.alertname) != (&line.fingerprint, &line.alertname));
        if line.status == "firing" {
            open.push(line);
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(alerts: &str) -> Payload {
        parse(format!("{{\"version\": \"4\", \"groupKey\": \"g\", \"new\": 1, \"alerts\": [{alerts}]}}").as_bytes())
            .unwrap()
    }

    fn alert(name: &str, status: &str, start: &str) -> String {
        serde_json::json!({ "status": status, "labels": { "alertname": name, "severity": "critical" }, "startsAt": start,
            "endsAt": "0001-01-01T00:00:00Z", "fingerprint": format!("f-{name}"),
            "annotations": { "summary": "two\nlines \u{1b}[31m", "description": "{\"status\": \"fake\"}" } })
        .to_string()
    }

    #[test]
    fn each_is_written_once_and_what_is_open_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/alerts.log");
        let now = Timestamp::from_milliseconds(1_790_000_000_000);
        let log = Log::open(path.clone()).unwrap();
        let firing = payload(&format!("{},{}", alert("A", "firing", "t1"), alert("B", "firing", "t1")));
        assert_eq!(log.write(&firing, None, now).unwrap().len(), 2);
        assert_eq!(log.write(&firing, None, now).unwrap().len(), 0);
        // Also after a restart.
        let log = Log::open(path.clone()).unwrap();
        assert_eq!(log.write(&firing, None, now).unwrap().len(), 0);
        assert_eq!(log.write(&payload(&alert("A", "resolved", "t1")), None, now).unwrap().len(), 1);
        let all = lines(&path).unwrap();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|line| !line.summary.contains(['\n', '\u{1b}']) && line.severity == "critical"));
        assert_eq!(open(&all).iter().map(|line| line.alertname.as_str()).collect::<Vec<_>>(), ["B"]);
        // Again, at another time.
        assert_eq!(log.write(&payload(&alert("A", "firing", "t2")), Some("info"), now).unwrap()[0].severity, "info");
        assert_eq!(open(&lines(&path).unwrap()).len(), 2);
    }

    #[test]
    fn what_is_no_payload_is_said() {
        for (body, why) in [
            ("", "not a webhook payload"),
            ("[]", "not a webhook payload"),
            ("{\"version\": \"5\", \"alerts\": []}", "version 4 is understood"),
            ("{\"alerts\": [{\"status\": \"maybe\"}]}", "firing or resolved"),
            ("{\"alerts\": [{}]}", "not a webhook payload"),
        ] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{body}: {error}");
        }
        assert!(parse(b"{\"alerts\": [{\"status\": \"firing\"}]}").is_ok(), "the runbook's own test");
    }
}
