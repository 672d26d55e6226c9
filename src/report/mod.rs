//! Reports for people: capacity and its forecast, and the events of a week. Owns their contents; numbers come from the
//! store, `chart` draws the charts.

pub mod capacity;
mod chart;
pub mod weekly;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::disk;
use crate::domain::time::DAY_MS;
use crate::domain::{Failure, Timestamp};

/// Chart data: one value per day.
#[derive(Debug, Clone, Serialize)]
pub struct ChartSeries {
    /// Title of the chart.
    pub title: String,
    /// Unit of the values.
    pub unit: String,
    /// Days as dates, with their values.
    pub points: Vec<(String, f64)>,
}

/// A report that can be saved.
pub trait SavedReport: Serialize {
    /// Returns `capacity` or `weekly`.
    fn report_name(&self) -> &'static str;
    /// Returns the time of the report.
    fn made_at(&self) -> &str;
    /// Renders Markdown without charts.
    fn markdown_text(&self) -> String;
    /// Returns the charts.
    fn chart_series(&self) -> &[ChartSeries];
}

/// Renders Markdown with links to the chart files that [`save_report`] writes.
pub fn render_markdown(report: &impl SavedReport) -> String {
    let mut text = report.markdown_text();
    for (number, series) in report.chart_series().iter().enumerate() {
        let _ = writeln!(text, "\n![{}]({})", series.title, chart_file(report, number));
    }
    text
}

/// Writes Markdown, JSON and charts into a folder, over those of the same day. Returns the paths.
pub fn save_report(report: &impl SavedReport, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    disk::create_private_folder(folder).map_err(Failure::from_io("create", folder))?;
    let mut written = Vec::new();
    let mut write = |name: String, text: String| -> Result<(), Failure> {
        let path = folder.join(name);
        disk::write_atomic(&path, text.as_bytes()).map_err(Failure::from_io("write", &path))?;
        written.push(path);
        Ok(())
    };
    for (number, series) in report.chart_series().iter().enumerate() {
        write(chart_file(report, number), chart::draw_chart(series))?;
    }
    // Cannot fail: the report types have no maps with non-string keys.
    write(format!("{}.json", report_stem(report)), serde_json::to_string_pretty(report).unwrap_or_default())?;
    write(format!("{}.md", report_stem(report)), render_markdown(report))?;
    Ok(written)
}

fn report_stem(report: &impl SavedReport) -> String {
    format!("{}-{}", report.report_name(), report.made_at().get(..10).unwrap_or_default())
}

fn chart_file(report: &impl SavedReport, number: usize) -> String {
    format!("{}-{}.svg", report_stem(report), number + 1)
}

/// Formats a day since 1970 as a date.
fn format_date(day: i64) -> String {
    Timestamp::from_milliseconds(day * DAY_MS).to_string().get(..10).unwrap_or_default().to_owned()
}

const fn day_of(at: Timestamp) -> i64 {
    at.to_milliseconds().div_euclid(DAY_MS)
}

#[expect(clippy::cast_precision_loss, reason = "numbers for people")]
const fn unsigned_to_float(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "numbers for people")]
const fn signed_to_float(value: i64) -> f64 {
    value as f64
}

fn to_megabytes(bytes: u64) -> f64 {
    (unsigned_to_float(bytes) / 1e5).round() / 10.0
}
