//! Files that a monitoring system needs to watch this service, written into a folder; nothing is downloaded or
//! installed. Owns the list of files; the alert rules and their tests are `monitor`'s, units and property lists those
//! of the service managers.

use std::path::{Path, PathBuf};

use super::templates::{DeployPaths, fill_template};
use super::{TIMERS, launchd, systemd};
use crate::disk;
use crate::domain::Failure;
use crate::monitor::{render_rules, render_tests};

/// Renders all files: names and contents.
pub fn render_files(places: &DeployPaths) -> Vec<(String, String)> {
    let fill = |template: &str| fill_template(places, template, str::to_owned);
    let files = [
        ("prometheus.yml", fill(include_str!("../../data/monitoring/prometheus.yml"))),
        ("alertmanager.yml", fill(include_str!("../../data/monitoring/alertmanager.yml"))),
        ("grafana-dashboard.json", fill(include_str!("../../data/monitoring/grafana-dashboard.json"))),
        (systemd::SERVICE, systemd::render_service(places)),
        (launchd::SERVICE, launchd::render_service(places)),
        ("README.md", fill(include_str!("../../data/monitoring/README.md"))),
    ];
    let timers = TIMERS.iter().flat_map(|timer| systemd::render_units(timer, places, &places.cron_log));
    let rules = [("rules.yml", render_rules(&places.runbook)), ("rules_test.yml", render_tests(&places.runbook))];
    let named = |(name, text): (&str, String)| (name.to_owned(), text);
    files.map(named).into_iter().chain(timers).chain(rules.map(named)).collect()
}

/// Writes the files into a folder, over existing ones. Returns their paths.
pub fn export_files(folder: &Path, places: &DeployPaths) -> Result<Vec<PathBuf>, Failure> {
    if folder.starts_with(&places.home) {
        disk::create_private_folder(&places.home).map_err(Failure::from_io("create", &places.home))?;
    }
    std::fs::create_dir_all(folder).map_err(Failure::from_io("create", folder))?;
    render_files(places)
        .into_iter()
        .map(|(name, text)| {
            let path = folder.join(name);
            disk::write_atomic(&path, text.as_bytes()).map_err(Failure::from_io("write", &path))?;
            Ok(path)
        })
        .collect()
}
