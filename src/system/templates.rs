//! Templates of `data/monitoring` and the values that they contain. Owns the filling; each file that has a template owns
//! its name and its escaping.

use std::path::{Path, PathBuf};

/// Addresses and paths that the files contain.
#[derive(Debug, Clone)]
pub struct DeployPaths {
    /// `host:port` of the service.
    pub service: String,
    /// `host:port` of the webhook.
    pub webhook: String,
    /// `host:port` of Alertmanager.
    pub alertmanager: String,
    /// File from which Prometheus reads its token.
    pub metrics_token_file: PathBuf,
    /// File from which Alertmanager reads its token.
    pub webhook_token_file: PathBuf,
    /// Path of the executable.
    pub program: PathBuf,
    /// Path of the data folder.
    pub home: PathBuf,
    /// Log file of system timers.
    pub cron_log: PathBuf,
    /// URL of the runbook; each alert links to its heading there.
    pub runbook: String,
}

/// Escaping of a value in a kind of file.
pub(super) type EscapeFn = fn(&str) -> String;

/// Fills a template: `{{…}}` stands for a value of [`DeployPaths`].
pub(super) fn fill_template(places: &DeployPaths, template: &str, escape: EscapeFn) -> String {
    let path = |path: &Path| escape(&path.display().to_string());
    template
        .replace("{{SERVICE}}", &places.service)
        .replace("{{WEBHOOK}}", &places.webhook)
        .replace("{{ALERTMANAGER}}", &places.alertmanager)
        .replace("{{METRICS_TOKEN_FILE}}", &path(&places.metrics_token_file))
        .replace("{{WEBHOOK_TOKEN_FILE}}", &path(&places.webhook_token_file))
        .replace("{{PROGRAM}}", &path(&places.program))
        .replace("{{HOME}}", &path(&places.home))
}
