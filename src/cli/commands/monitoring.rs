//! `monitoring`: writes configuration for Prometheus, Alertmanager, Grafana, systemd and launchd, and checks it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::format_check;
use super::serve::load_tokens;
use super::service::collect_deploy_paths;
use crate::cli::invocation::Invocation;
use crate::domain::Failure;
use crate::http::Scope;
use crate::mcp::wire::HealthCheck;
use crate::monitor::{self, MonitoringUrls};
use crate::system::{self, DeployPaths};

/// Write and check the configuration of a monitoring system for this service
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory monitoring export monitoring\n  claude-memory monitoring check")]
pub(in crate::cli) struct MonitoringArgs {
    #[command(subcommand)]
    action: MonitoringAction,
}

#[derive(Debug, Subcommand)]
enum MonitoringAction {
    /// Write configuration and rules for Prometheus with unit tests, Alertmanager, a Grafana dashboard, systemd units,
    /// a launchd plist
    Export {
        /// Folder to write to; created if it is missing
        folder: PathBuf,
        /// Address of `serve`
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        http: String,
        /// Address of its webhook
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
        webhook: String,
        /// Address of Alertmanager
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9093")]
        alertmanager: String,
        /// Address of the runbook for alerts
        #[arg(long, value_name = "URL", default_value = "docs/runbook/README.md")]
        runbook: String,
        /// File from which Prometheus reads the token of scope metrics [default: http.metrics.token in the data folder]
        #[arg(long, value_name = "FILE")]
        metrics_token: Option<PathBuf>,
        /// File from which Alertmanager reads the token of scope webhook [default: http.webhook.token in the data
        /// folder]
        #[arg(long, value_name = "FILE")]
        webhook_token: Option<PathBuf>,
    },
    /// Check that the running Prometheus and Alertmanager watch this service; exits with 1 if not
    Check {
        /// Address of Prometheus
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
        prometheus: String,
        /// Address of Alertmanager
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9093")]
        alertmanager: String,
        /// Address of `serve`
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        http: String,
        /// Address of its webhook
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
        webhook: String,
    },
}

pub(in crate::cli) fn run(args: MonitoringArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    match args.action {
        MonitoringAction::Export { folder, http, webhook, alertmanager, runbook, metrics_token, webhook_token } => {
            let usual = collect_deploy_paths(session, http, webhook)?;
            let places = DeployPaths {
                alertmanager,
                runbook,
                metrics_token_file: metrics_token.unwrap_or_else(|| usual.metrics_token_file.clone()),
                webhook_token_file: webhook_token.unwrap_or_else(|| usual.webhook_token_file.clone()),
                ..usual
            };
            export_files(session, &folder, &places)
        }
        MonitoringAction::Check { prometheus, alertmanager, http, webhook } => {
            let url = |address: String| if address.contains("://") { address } else { format!("http://{address}") };
            let paths = session.resolve_paths()?;
            let token = |scope: Scope| {
                let text = std::fs::read_to_string(scope.token_file(&paths)).unwrap_or_default();
                text.trim().to_owned()
            };
            let asked = MonitoringUrls {
                prometheus: url(prometheus),
                alertmanager: url(alertmanager),
                service: url(http),
                webhook: url(webhook),
                metrics_token: token(Scope::Metrics),
                webhook_token: token(Scope::Webhook),
            };
            Ok(check_monitoring(session, &asked))
        }
    }
}

fn export_files(session: &Invocation, folder: &Path, places: &DeployPaths) -> Result<ExitCode, Failure> {
    // Create the token files: Prometheus and Alertmanager refuse a configuration that names a missing file.
    load_tokens(&session.resolve_paths()?)?;
    let written = system::export_files(folder, places)?;
    let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "files": names }));
    } else {
        names.iter().for_each(|name| session.output.print_line(name));
        session.output.print_message("README.md in this folder explains each file");
    }
    Ok(ExitCode::SUCCESS)
}

fn check_monitoring(session: &Invocation, asked: &MonitoringUrls) -> ExitCode {
    let checks = monitor::check_monitoring(asked);
    let bad = checks.iter().any(|check| !check.ok);
    if session.output.is_json() {
        let checks: Vec<HealthCheck> = checks.into_iter().map(HealthCheck::from).collect();
        session.output.print_json(&serde_json::json!({ "ok": !bad, "checks": checks }));
    } else {
        checks.iter().for_each(|check| session.output.print_line(&format_check(check)));
    }
    ExitCode::from(u8::from(bad))
}
