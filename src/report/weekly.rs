//! Weekly report: seven days compared with the seven before.

use std::fmt::Write as _;

use serde::Serialize;

use super::{ChartSeries, SavedReport, day_of, format_date, signed_to_float, unsigned_to_float};
use crate::backup;
use crate::config::Paths;
use crate::domain::time::DAY_MS;
use crate::domain::{Failure, Timestamp};
use crate::memory::Memory;
use crate::monitor::alerts;
use crate::store::DailySample;

const WEEK: i64 = 7;
/// Maximum number of projects listed.
const MAX_PROJECTS: usize = 8;

/// Weekly report, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct WeeklyReport {
    /// Time of the report, RFC 3339.
    pub made_at: String,
    /// First day, as a date in UTC.
    pub from: String,
    /// Last day, as a date in UTC.
    pub until: String,
    /// Numbers of this week.
    pub week: WeekNumbers,
    /// Numbers of the week before.
    pub before: WeekNumbers,
    /// Projects with the most messages.
    pub projects: Vec<WeeklyProject>,
    /// Alerts that fired, by name.
    pub alerts: Vec<FiredAlert>,
    /// Backups made this week that still exist.
    pub backups: usize,
    /// Outcome of the last run of each job.
    pub runs: Vec<JobOutcome>,
    /// Messages per day.
    pub charts: Vec<ChartSeries>,
}

/// Numbers of seven days.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WeekNumbers {
    pub messages: u64,
    /// Sessions with messages, counted once per day.
    pub session_days: u64,
    /// MCP requests; `None` without samples.
    pub requests: Option<i64>,
    /// Searches among the requests.
    pub searches: Option<i64>,
    /// Failed requests among them.
    pub errors: Option<i64>,
    /// Mean duration of a request in seconds.
    pub mean_seconds: Option<f64>,
}

/// Share of one project.
#[derive(Debug, Clone, Serialize)]
pub struct WeeklyProject {
    pub name: String,
    pub messages: u64,
    pub sessions: u64,
}

/// An alert that fired.
#[derive(Debug, Clone, Serialize)]
pub struct FiredAlert {
    /// Name of the alert.
    pub name: String,
    /// Number of times it fired.
    pub times: usize,
}

/// Last run of a job.
#[derive(Debug, Clone, Serialize)]
pub struct JobOutcome {
    /// Name of the job.
    pub name: String,
    /// Time of the run, RFC 3339.
    pub at: String,
    /// True if it succeeded.
    pub ok: bool,
    /// Finding or error message.
    pub finding: String,
}

/// Builds the report of the seven days that end today.
pub fn weekly_report(memory: &Memory, paths: &Paths, now: Timestamp) -> Result<WeeklyReport, Failure> {
    let end = day_of(now) + 1;
    let (start, earlier) = (end - WEEK, end - 2 * WEEK);
    let at = |day: i64| Timestamp::from_milliseconds(day * DAY_MS);
    let samples = memory.snapshot()?.daily_samples(earlier - 1)?;
    let days = memory.snapshot()?.daily_activity(at(start), at(end))?;
    let log = alerts::read_log(&paths.alerts_log()).unwrap_or_default();
    let mut fired: Vec<FiredAlert> = Vec::new();
    for line in log.iter().filter(|line| line.status == "firing") {
        if Timestamp::parse_rfc3339(&line.received_at).is_none_or(|received| received < at(start)) {
            continue;
        }
        match fired.iter_mut().find(|known| known.name == line.alertname) {
            Some(known) => known.times += 1,
            None => fired.push(FiredAlert { name: line.alertname.clone(), times: 1 }),
        }
    }
    let shares = memory.snapshot()?.project_activity(at(start), at(end), MAX_PROJECTS)?;
    let points = (start..end)
        .map(|day| {
            (
                format_date(day),
                unsigned_to_float(days.iter().find(|found| found.day == day).map_or(0, |found| found.messages)),
            )
        })
        .collect();
    Ok(WeeklyReport {
        made_at: now.to_string(),
        from: format_date(start),
        until: format_date(end - 1),
        week: week_numbers(memory, &samples, start, end)?,
        before: week_numbers(memory, &samples, earlier, start)?,
        projects: shares
            .into_iter()
            .map(|share| WeeklyProject { name: share.project, messages: share.messages, sessions: share.sessions })
            .collect(),
        alerts: fired,
        backups: backup::backup_times(&paths.backups_folder())?.into_iter().filter(|made| *made >= at(start)).count(),
        runs: memory
            .snapshot()?
            .last_runs()?
            .into_iter()
            .map(|run| JobOutcome { name: run.name, at: run.at.to_string(), ok: run.ok, finding: run.finding })
            .collect(),
        charts: vec![ChartSeries { title: "messages by day".to_owned(), unit: "messages".to_owned(), points }],
    })
}

fn week_numbers(memory: &Memory, samples: &[DailySample], start: i64, end: i64) -> Result<WeekNumbers, Failure> {
    let at = |day: i64| Timestamp::from_milliseconds(day * DAY_MS);
    let days = memory.snapshot()?.daily_activity(at(start), at(end))?;
    // Counters only grow: the week's count is its last value minus the last one before it.
    let grown = |name: &str| {
        let last = |before: i64| samples.iter().rev().find(|sample| sample.name == name && sample.day < before);
        Some(last(end)?.value - last(start).map_or(0, |sample| sample.value))
    };
    let (requests, micros) = (grown("requests"), grown("micros"));
    let mean = requests.zip(micros).filter(|(requests, _)| *requests > 0);
    Ok(WeekNumbers {
        messages: days.iter().map(|day| day.messages).sum(),
        session_days: days.iter().map(|day| day.sessions).sum(),
        requests,
        searches: grown("searches"),
        errors: grown("errors"),
        mean_seconds: mean
            .map(|(requests, micros)| (signed_to_float(micros) / signed_to_float(requests) / 1e3).round() / 1e3),
    })
}

impl SavedReport for WeeklyReport {
    fn report_name(&self) -> &'static str {
        "weekly"
    }

    fn made_at(&self) -> &str {
        &self.made_at
    }

    fn chart_series(&self) -> &[ChartSeries] {
        &self.charts
    }

    fn markdown_text(&self) -> String {
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
        let mean =
            |week: &WeekNumbers| week.mean_seconds.map_or_else(|| "not known".to_owned(), |mean| format!("{mean} s"));
        row("mean time of a request", both.map(mean));
        if !self.projects.is_empty() {
            text.push_str("\n## Projects\n\n| project | messages | sessions |\n| --- | --- | --- |\n");
            for project in &self.projects {
                let _ =
                    writeln!(text, "| {} | {} | {} |", escape_cell(&project.name), project.messages, project.sessions);
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
            let _ = writeln!(text, "- {}: ended {outcome} at {}: {}", run.name, run.at, escape_cell(&run.finding));
        }
        text
    }
}

/// Escapes a text for a Markdown table cell.
fn escape_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
