//! Alerts from Alertmanager (webhook payload, version 4): logged one per line, notified once, deduplicated when they
//! are sent again. Owns the payload and the log file; does not own the transport.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::disk::RotatingLog;
use crate::domain::text::{sanitise, to_one_line};
use crate::domain::{Timestamp, json};

/// Maximum alerts per payload; Alertmanager groups related ones.
const MAX_ALERTS: usize = 1_000;
/// Maximum characters of an alert's text.
const MAX_TEXT_CHARS: usize = 500;
/// Maximum logged alerts kept in memory for deduplication.
const MAX_REMEMBERED: usize = 10_000;

/// Webhook payload of Alertmanager. Unknown fields, which newer versions may add, are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookPayload {
    /// Version of the format; some clients leave it out.
    pub version: Option<String>,
    /// Key of the alert group.
    pub group_key: Option<String>,
    pub alerts: Vec<WebhookAlert>,
}

/// One alert of a payload.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookAlert {
    /// `firing` or `resolved`.
    pub status: String,
    #[serde(default)]
    pub labels: HashMap<String, String>,
    /// Texts: `summary`, `description`, `runbook_url`.
    #[serde(default)]
    pub annotations: HashMap<String, String>,
    /// Time it began to fire.
    #[serde(default)]
    pub starts_at: String,
    /// Time it was resolved; year 1 while it fires.
    #[serde(default)]
    pub ends_at: String,
    /// Hash of the labels.
    #[serde(default)]
    pub fingerprint: String,
}

/// One line of the alert log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLine {
    /// Time of receipt, RFC 3339.
    pub received_at: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// `critical`, `warning`, `info` or `none`.
    pub severity: String,
    pub alertname: String,
    /// One-line description of the alert.
    pub summary: String,
    /// Advice on what to do.
    pub description: String,
    /// Time it began to fire.
    pub starts_at: String,
    /// Time it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// Hash of the labels.
    pub fingerprint: String,
    /// Link to the alert's section of the runbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<String>,
}

/// Alert log, with the alerts it has already recorded.
#[derive(Debug)]
pub struct AlertLog {
    inner: Mutex<AlertLogState>,
}

#[derive(Debug)]
struct AlertLogState {
    file: RotatingLog,
    told: SeenAlerts,
}

#[derive(Debug, Default)]
struct SeenAlerts {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl SeenAlerts {
    /// Remembers an alert. Returns true if it is new.
    fn remember_key(&mut self, key: String) -> bool {
        if !self.known.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Parses a webhook payload. The error says what is wrong with it.
pub fn parse_payload(body: &[u8]) -> Result<WebhookPayload, String> {
    let (payload, _) = json::parse_lenient(body).map_err(|error| format!("not a webhook payload: {error}"))?;
    let payload: WebhookPayload =
        serde_json::from_value(payload).map_err(|error| format!("not a webhook payload: {error}"))?;
    match payload.version.as_deref() {
        None | Some("4") => {}
        Some(other) => {
            return Err(format!(
                "payload version {:?} is not supported; version 4 is understood",
                to_one_line(other, 20)
            ));
        }
    }
    if payload.alerts.len() > MAX_ALERTS {
        return Err(format!("{} alerts in one payload; at most {MAX_ALERTS} are allowed", payload.alerts.len()));
    }
    match payload.alerts.iter().find(|alert| !["firing", "resolved"].contains(&alert.status.as_str())) {
        Some(alert) => {
            Err(format!("alert status {:?} is not supported; use firing or resolved", to_one_line(&alert.status, 40)))
        }
        None => Ok(payload),
    }
}

impl WebhookPayload {
    /// Returns true if the alerts have a status and nothing else, as the test alert of a runbook.
    pub fn is_bare_test(&self) -> bool {
        let is_bare = |alert: &WebhookAlert| {
            let texts = [&alert.starts_at, &alert.ends_at, &alert.fingerprint];
            alert.labels.is_empty() && alert.annotations.is_empty() && texts.into_iter().all(String::is_empty)
        };
        !self.alerts.is_empty() && self.alerts.iter().all(is_bare)
    }

    /// Converts the alerts to log lines. `severity` is that of the webhook path it was sent to.
    pub fn to_log_lines(&self, severity: Option<&str>, now: Timestamp) -> Vec<AlertLine> {
        self.alerts.iter().map(|alert| alert.to_log_line(severity, now)).collect()
    }
}

impl WebhookAlert {
    /// Converts an alert to a log line, without control characters: labels and annotations may come from anywhere.
    fn to_log_line(&self, severity: Option<&str>, now: Timestamp) -> AlertLine {
        let clean = |text: &str| to_one_line(&sanitise::sanitise_text(text), MAX_TEXT_CHARS);
        let label = |name: &str| self.labels.get(name).map(|text| clean(text));
        let said = |name: &str| self.annotations.get(name).map(|text| clean(text));
        let known = ["critical", "warning", "info"];
        let severity =
            severity.map(str::to_owned).or_else(|| label("severity")).filter(|word| known.contains(&word.as_str()));
        AlertLine {
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

impl AlertLine {
    fn dedup_key(&self) -> String {
        // Without a fingerprint the name identifies the alert.
        let who = if self.fingerprint.is_empty() { &self.alertname } else { &self.fingerprint };
        format!("{who} {} {}", self.status, self.starts_at)
    }
}

impl AlertLog {
    /// Opens the log at `path`. Alerts already in it are not notified again.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let mut told = SeenAlerts::default();
        for line in read_log(&path)? {
            told.remember_key(line.dedup_key());
        }
        Ok(Self { inner: Mutex::new(AlertLogState { file: RotatingLog::new(path)?, told }) })
    }

    /// Appends the alerts of a payload that are new and syncs the file; returns their lines. `severity` is that of the
    /// webhook path it was sent to.
    ///
    /// # Errors
    /// If the log cannot be written: then nothing counts as recorded, so that the sender tries again.
    pub fn append_payload(
        &self,
        payload: &WebhookPayload,
        severity: Option<&str>,
        now: Timestamp,
    ) -> io::Result<Vec<AlertLine>> {
        self.append_lines(payload.to_log_lines(severity, now))
    }

    /// Appends the lines that are new and syncs the file; returns them.
    ///
    /// # Errors
    /// If the log cannot be written: then nothing counts as recorded.
    pub fn append_lines(&self, lines: Vec<AlertLine>) -> io::Result<Vec<AlertLine>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = HashSet::new();
        let known = &inner.told.known;
        let new: Vec<AlertLine> = lines
            .into_iter()
            .filter(|line| !known.contains(&line.dedup_key()) && keys.insert(line.dedup_key()))
            .collect();
        if new.is_empty() {
            return Ok(new);
        }
        let mut text = Vec::new();
        for line in &new {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        inner.file.append_lines_synced(&text)?;
        for line in &new {
            inner.told.remember_key(line.dedup_key());
        }
        Ok(new)
    }
}

/// Reads the lines of a log, oldest first. A line cut off by a crash is skipped; a missing file is empty.
pub fn read_log(path: &Path) -> io::Result<Vec<AlertLine>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut all = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        all.extend(serde_json::from_slice::<AlertLine>(&line?).ok());
    }
    Ok(all)
}

/// Returns the alerts that fired and have not been resolved since.
pub fn open_alerts(lines: &[AlertLine]) -> Vec<&AlertLine> {
    let mut open: Vec<&AlertLine> = Vec::new();
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

    fn payload(alerts: &str) -> WebhookPayload {
        parse_payload(
            format!("{{\"version\": \"4\", \"groupKey\": \"g\", \"new\": 1, \"alerts\": [{alerts}]}}").as_bytes(),
        )
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
        let log = AlertLog::open(path.clone()).unwrap();
        let firing = payload(&format!("{},{}", alert("A", "firing", "t1"), alert("B", "firing", "t1")));
        assert_eq!(log.append_payload(&firing, None, now).unwrap().len(), 2);
        assert_eq!(log.append_payload(&firing, None, now).unwrap().len(), 0);
        // Also after a restart.
        let log = AlertLog::open(path.clone()).unwrap();
        assert_eq!(log.append_payload(&firing, None, now).unwrap().len(), 0);
        assert_eq!(log.append_payload(&payload(&alert("A", "resolved", "t1")), None, now).unwrap().len(), 1);
        let all = read_log(&path).unwrap();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|line| !line.summary.contains(['\n', '\u{1b}']) && line.severity == "critical"));
        assert_eq!(open_alerts(&all).iter().map(|line| line.alertname.as_str()).collect::<Vec<_>>(), ["B"]);
        // Again, at another time.
        assert_eq!(
            log.append_payload(&payload(&alert("A", "firing", "t2")), Some("info"), now).unwrap()[0].severity,
            "info"
        );
        assert_eq!(open_alerts(&read_log(&path).unwrap()).len(), 2);
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
            let error = parse_payload(body.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{body}: {error}");
        }
        let bare = parse_payload(b"{\"alerts\": [{\"status\": \"firing\"}]}");
        assert!(bare.unwrap().is_bare_test(), "the runbook's own test");
        assert!(!payload(&alert("A", "firing", "")).is_bare_test() && !payload("").is_bare_test());
    }
}
