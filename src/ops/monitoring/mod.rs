//! What a monitoring system needs to watch this service: written into a folder, nothing is downloaded or installed. Owns the
//! files; rules and their tests come from `rules`, the others are templates in `data/monitoring`.

mod check;
mod rules;

use std::path::{Path, PathBuf};

use crate::disk;
use crate::ops::error::{Error, Result};
use crate::ops::system;

pub use check::{Asked, check};
pub use rules::{RULES, Rule};

/// Where things are, as the files say it.
#[derive(Debug, Clone)]
pub struct Places {
    /// `host:port` of the service.
    pub service: String,
    /// `host:port` of the webhook.
    pub webhook: String,
    /// `host:port` of Alertmanager.
    pub alertmanager: String,
    /// The file with the token.
    pub token_file: PathBuf,
    /// The program.
    pub program: PathBuf,
    /// The data folder.
    pub home: PathBuf,
    /// What timers of the system write into.
    pub cron_log: PathBuf,
    /// Where the runbook can be read; each alert links to its heading there.
    pub runbook: String,
}

/// Name, template and kind of each file. `{{…}}` stands for a place.
const TEMPLATES: [(&str, &str, Escape); 6] = [
    ("prometheus.yml", include_str!("../../../data/monitoring/prometheus.yml"), plain),
    ("alertmanager.yml", include_str!("../../../data/monitoring/alertmanager.yml"), plain),
    ("grafana-dashboard.json", include_str!("../../../data/monitoring/grafana-dashboard.json"), plain),
    ("claude-memory.service", include_str!("../../../data/monitoring/claude-memory.service"), system::quoted),
    ("com.claude-memory.serve.plist", include_str!("../../../data/monitoring/com.claude-memory.serve.plist"), xml),
    ("README.md", include_str!("../../../data/monitoring/README.md"), plain),
];

/// How a place is written in a kind of file.
type Escape = fn(&str) -> String;

fn plain(text: &str) -> String {
    text.to_owned()
}

/// A text in XML, also in an attribute.
pub(super) fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The files, by name.
pub fn files(places: &Places) -> Vec<(String, String)> {
    let templates =
        TEMPLATES.iter().map(|(name, template, escape)| ((*name).to_owned(), filled(places, template, *escape)));
    let timers = system::TIMERS.iter().flat_map(|timer| system::units(timer, places, &places.cron_log));
    let rules = [("rules.yml", rules::rules(&places.runbook)), ("rules_test.yml", rules::tests(&places.runbook))];
    templates.chain(timers).chain(rules.map(|(name, text)| (name.to_owned(), text))).collect()
}

/// One of the files that are templates.
pub(super) fn file(name: &str, places: &Places) -> Option<String> {
    let (_, template, escape) = TEMPLATES.iter().find(|(known, ..)| *known == name)?;
    Some(filled(places, template, *escape))
}

fn filled(places: &Places, template: &str, escape: Escape) -> String {
    let path = |path: &Path| escape(&path.display().to_string());
    template
        .replace("{{SERVICE}}", &places.service)
        .replace("{{WEBHOOK}}", &places.webhook)
        .replace("{{ALERTMANAGER}}", &places.alertmanager)
        .replace("{{TOKEN_FILE}}", &path(&places.token_file))
        .replace("{{PROGRAM}}", &path(&places.program))
        .replace("{{HOME}}", &path(&places.home))
}

/// Writes the files into a folder, over those that are there. Returns their paths.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn export(folder: &Path, places: &Places) -> Result<Vec<PathBuf>> {
    if folder.starts_with(&places.home) {
        disk::create_private_folder(&places.home).map_err(Error::io("create", &places.home))?;
    }
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    files(places)
        .into_iter()
        .map(|(name, text)| {
            let path = folder.join(name);
            disk::write_atomic(&path, text.as_bytes()).map_err(Error::io("write", &path))?;
            Ok(path)
        })
        .collect()
}
