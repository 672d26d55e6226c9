//! Reports for people: how large everything is and when that becomes too much; what happened in a week. Owns what is in them; numbers
//! come from the store, pictures are drawn by `chart`.

pub mod capacity;
mod chart;
pub mod weekly;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{Error, Result};
use crate::disk;
use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;

/// A picture: one value a day.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// What it shows.
    pub title: String,
    /// Of what the values are.
    pub unit: String,
    /// Days, as dates, and values.
    pub points: Vec<(String, f64)>,
}

/// A report that can be written down.
pub trait Report: Serialize {
    /// capacity or weekly.
    fn name(&self) -> &'static str;
    /// When it was made.
    fn made_at(&self) -> &str;
    /// As Markdown, without pictures.
    fn text(&self) -> String;
    /// Its pictures.
    fn series(&self) -> &[Series];
}

/// As Markdown; pictures are named as they are in the folder where [`save`] puts them.
pub fn markdown(report: &impl Report) -> String {
    let mut text = report.text();
    for (number, series) in report.series().iter().enumerate() {
        let _ = writeln!(text, "\n![{}]({})", series.title, picture(report, number));
    }
    text
}

/// Writes Markdown, JSON and pictures into a folder; those of the same day are written over.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn save(report: &impl Report, folder: &Path) -> Result<Vec<PathBuf>> {
    disk::create_private_folder(folder).map_err(Error::io("create", folder))?;
    let mut written = Vec::new();
    let mut write = |name: String, text: String| -> Result<()> {
        let path = folder.join(name);
        disk::write_atomic(&path, text.as_bytes()).map_err(Error::io("write", &path))?;
        written.push(path);
        Ok(())
    };
    for (number, series) in report.series().iter().enumerate() {
        write(picture(report, number), chart::draw(series))?;
    }
    // Our own types have no maps with odd keys: this cannot fail.
    write(format!("{}.json", stem(report)), serde_json::to_string_pretty(report).unwrap_or_default())?;
    write(format!("{}.md", stem(report)), markdown(report))?;
    Ok(written)
}

fn stem(report: &impl Report) -> String {
    format!("{}-{}", report.name(), report.made_at().get(..10).unwrap_or_default())
}

fn picture(report: &impl Report, number: usize) -> String {
    format!("{}-{}.svg", stem(report), number + 1)
}

/// The date of a day since 1970.
fn date(day: i64) -> String {
    Timestamp::from_milliseconds(day * DAY_MS).to_string().get(..10).unwrap_or_default().to_owned()
}

const fn day_of(at: Timestamp) -> i64 {
    at.milliseconds().div_euclid(DAY_MS)
}

#[expect(clippy::cast_precision_loss, reason = "numbers for people")]
const fn number(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "numbers for people")]
const fn signed(value: i64) -> f64 {
    value as f64
}

fn megabytes(bytes: u64) -> f64 {
    (number(bytes) / 1e5).round() / 10.0
}
