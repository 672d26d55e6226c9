//! What happened in seven days, beside the seven before.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Report, Series, date, day_of, number, signed};
use crate::config::Paths;
use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;
use crate::memory::Memory;
use crate::ops::error::Result;
use crate::ops::{alerts, backup};
use crate::store::Sample;

const WEEK: i64 = 7;
/// Projects that are named.
const PROJECTS: usize = 8;

/// The report.
#[derive(Debug, Clone, Serialize)]
pub struct Weekly {
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The first day, as a date in UTC.
    pub from: String,
    /// The last day.
    pub until: String,
    /// This week.
    pub week: Week,
    /// The week before.
    pub before: Week,
    /// The projects most was said in.
    pub projects: Vec<Project>,
    /// Alerts that fired, by name.
    pub alerts: Vec<Fired>,
    /// Backups that were made and are kept.
    pub backups: usize,
    /// Outcome of the last round of each kind of work.
    pub runs: Vec<Ran>,
    /// Messages by day.
    pub charts: Vec<Series>,
}

/// Seven days.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Week {
    /// Messages.
    pub messages: u64,
    /// Sessions that had any, each counted on every day it went on.
    pub session_days: u64,
    /// Requests over MCP; `None` when nobody wrote them down.
    pub requests: Option<i64>,
    /// Of those, searches.
    pub searches: Option<i64>,
    /// Of those, failed.
    pub errors: Option<i64>,
    /// Mean of a request in seconds.
    pub mean_seconds: Option<f64>,
}

/// The part of one project.
#[derive(Debug, Clone, Serialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Messages.
    pub messages: u64,
    /// Sessions.
    pub sessions: u64,
}

/// An alert.
#[derive(Debug, Clone, Serialize)]
pub struct Fired {
    /// Its name.
    pub name: String,
    /// How often it fired.
    pub times: usize,
}

/// Some work.
#[derive(Debug, Clone, Serialize)]
pub struct Ran {
    /// Which.
    pub name: String,
    /// When, RFC 3339.
    pub at: String,
    /// Whether it went well.
    pub ok: bool,
    /// What came out.
    pub finding: String,
}

/// Makes the report of the seven days that end today.
///
/// # Errors
/// When the store cannot be read.
pub fn weekly(memory: &Memory, paths: &Paths, now: Timestamp) -> Result<Weekly> {
    let end = day_of(now) + 1;
    let (start, earlier) = (end - WEEK, end - 2 * WEEK);
    let at = |day: i64| Timestamp::from_milliseconds(day * DAY_MS);
    let samples = memory.samples(earlier - 1)?;
    let days = memory.days(at(start), at(end))?;
    let log = alerts::lines(&paths.alerts_log()).unwrap_or_default();
    let mut fired: Vec<Fired> = Vec::new();
    for line in log.iter().filter(|line| line.status == "firing") {
        if Timestamp::parse(&line.received_at).is_none_or(|received| received < at(start)) {
            continue;
        }
        match fired.iter_mut().find(|known| known.name == line.alertname) {
            Some(known) => known.times += 1,
            None => fired.push(Fired { name: line.alertname.clone(), times: 1 }),
        }
    }
    let shares = memory.shares(at(start), at(end), PROJECTS)?;
    let points = (start..end)
        .map(|day| (date(day), number(days.iter().find(|found| found.day == day).map_or(0, |found| found.messages))))
        .collect();
    Ok(Weekly {
        made_at: now.to_string(),
        from: date(start),
        until: date(end - 1),
        week: week(memory, &samples, start, end)?,
        before: week(memory, &samples, earlier, start)?,
        projects: shares
            .into_iter()
            .map(|share| Project { name: share.project, messages: share.messages, sessions: share.sessions })
            .collect(),
        alerts: fired,
        backups: backup::times(&paths.backups())?.into_iter().filter(|made| *made >= at(start)).count(),
        runs: memory
            .runs()?
            .into_iter()
            .map(|run| Ran { name: run.name, at: run.at.to_string(), ok: run.ok, finding: run.finding })
            .collect(),
        charts: vec![Series { title: "messages by day".to_owned(), unit: "messages".to_owned(), points }],
    })
}

fn week(memory: &Memory, samples: &[Sample], start: i64, end: i64) -> Result<Week> {
    let at = |day: i64| Timestamp::from_milliseconds(day * DAY_MS);
    let days = memory.days(at(start), at(end))?;
    // Counters only grow: what was counted is the last value of the week less the last one before it.
    let grown = |name: &str| {
        let last = |before: i64| samples.iter().rev().find(|sample| sample.name == name && sample.day < before);
        Some(last(end)?.value - last(start).map_or(0, |sample| sample.value))
    };
    let (requests, micros) = (grown("requests"), grown("micros"));
    let mean = requests.zip(micros).filter(|(requests, _)| *requests > 0);
    Ok(Week {
        messages: days.iter().map(|day| day.messages).sum(),
        session_days: days.iter().map(|day| day.sessions).sum(),
        requests,
        searches: grown("searches"),
        errors: grown("errors"),
        mean_seconds: mean.map(|(requests, micros)| (signed(micros) / signed(requests) / 1e3).round() / 1e3),
    })
}

impl Report for Weekly {
    fn name(&self) -> &'static str {
        "weekly"
    }

    fn made_at(&self) -> &str {
        &self.made_at
    }

    fn series(&self) -> &[Series] {
        &self.charts
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# claude-memory, {} to {}\n\n| | this week | the week before |\n| --- | --- | --- |\n",
            self.from, self.until
        );
        let mut row = |name: &str, [this, before]: [String; 2]| {
            let _ = writeln!(text, "| {name} | {this} | {before} |");
        };
        let both = [&self.week, &self.before];
        let known = |value: Option<i64>| value.map_or_else(|| "not known".to_owned(), |value| value.to_string());
        row("messages", both.map(|week| week.messages.to_string()));
        row("sessions, by day", both.map(|week| week.session_days.to_string()));
        row("requests", both.map(|week| known(week.requests)));
        row("searches", both.map(|week| known(week.searches)));
        row("failed", both.map(|week| known(week.errors)));
        let mean = |week: &Week| week.mean_seconds.map_or_else(|| "not known".to_owned(), |mean| format!("{mean} s"));
        row("mean time of a request", both.map(mean));
        if !self.projects.is_empty() {
            text.push_str("\n## Projects\n\n| project | messages | sessions |\n| --- | --- | --- |\n");
            for project in &self.projects {
                let _ = writeln!(text, "| {} | {} | {} |", cell(&project.name), project.messages, project.sessions);
            }
        }
        text.push_str("\n## Operations\n\n");
        let fired: Vec<String> =
            self.alerts.iter().map(|fired| format!("{} ({} times)", fired.name, fired.times)).collect();
        let _ =
            writeln!(text, "- alerts: {}", if fired.is_empty() { "none fired".to_owned() } else { fired.join(", ") });
        let _ = writeln!(text, "- backups of this week: {}", self.backups);
        for run in &self.runs {
            let outcome = if run.ok { "well" } else { "badly" };
            let _ = writeln!(text, "- {}: ended {outcome} at {}: {}", run.name, run.at, cell(&run.finding));
        }
        text
    }
}

/// A text that ends no cell and no line.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
