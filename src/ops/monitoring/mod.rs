//! What a monitoring system needs to watch this service: written into a folder, nothing is downloaded or installed. Owns the
//! files; rules and their tests come from `rules`, the others are templates in `data/monitoring`.

mod rules;

use std::path::{Path, PathBuf};

use crate::disk;
use crate::ops::error::{Error, Result};

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
    /// Where the runbook can be read; each alert links to its heading there.
    pub runbook: String,
}

/// Name and template of each file. `{{…}}` stands for a place.
const TEMPLATES: [(&str, &str); 8] = [
    ("prometheus.yml", include_str!("../../../data/monitoring/prometheus.yml")),
    ("alertmanager.yml", include_str!("../../../data/monitoring/alertmanager.yml")),
    ("grafana-dashboard.json", include_str!("../../../data/monitoring/grafana-dashboard.json")),
    ("claude-memory.service", include_str!("../../../data/monitoring/claude-memory.service")),
    ("claude-memory-backup.service", include_str!("../../../data/monitoring/claude-memory-backup.service")),
    ("claude-memory-backup.timer", include_str!("../../../data/monitoring/claude-memory-backup.timer")),
    ("com.claude-memory.serve.plist", include_str!("../../../data/monitoring/com.claude-memory.serve.plist")),
    ("README.md", include_str!("../../../data/monitoring/README.md")),
];

/// The files, by name.
pub fn files(places: &Places) -> Vec<(&'static str, String)> {
    let filled = |template: &str| {
        template
            .replace("{{SERVICE}}", &places.service)
            .replace("{{WEBHOOK}}", &places.webhook)
            .replace("{{ALERTMANAGER}}", &places.alertmanager)
            .replace("{{TOKEN_FILE}}", &places.token_file.display().to_string())
            .replace("{{PROGRAM}}", &places.program.display().to_string())
            .replace("{{HOME}}", &places.home.display().to_string())
    };
    let templates = TEMPLATES.iter().map(|(name, template)| (*name, filled(template)));
    templates
        .chain([("rules.yml", rules::rules(&places.runbook)), ("rules_test.yml", rules::tests(&places.runbook))])
        .collect()
}

/// Writes the files into a folder, over those that are there. Returns their paths.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn export(folder: &Path, places: &Places) -> Result<Vec<PathBuf>> {
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
