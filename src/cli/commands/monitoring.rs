//! `monitoring`: what Prometheus, Alertmanager, Grafana, systemd and launchd need.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::check_line;
use super::serve::token;
use super::service::places;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::mcp::wire::HealthCheck;
use crate::ops::monitoring::{self, Asked, Places};

/// Write the configuration of a monitoring system for this service
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory monitoring export monitoring\n  claude-memory monitoring check")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write configuration and rules for Prometheus with unit tests, Alertmanager, a Grafana dashboard, systemd units, a launchd plist
    Export {
        /// The folder; made if it is missing
        folder: PathBuf,
        /// Where `serve` listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        http: String,
        /// Where its webhook listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
        webhook: String,
        /// Where Alertmanager listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9093")]
        alertmanager: String,
        /// Where your people read the runbook
        #[arg(long, value_name = "URL", default_value = "docs/runbook/README.md")]
        runbook: String,
    },
    /// Ask the running Prometheus and Alertmanager whether they watch this service; ends with 1 if not
    Check {
        /// Where Prometheus listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
        prometheus: String,
        /// Where Alertmanager listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9093")]
        alertmanager: String,
        /// Where `serve` listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        http: String,
        /// Where its webhook listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
        webhook: String,
    },
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    match args.action {
        Action::Export { folder, http, webhook, alertmanager, runbook } => {
            export(session, &folder, &Places { alertmanager, runbook, ..places(session, http, webhook)? })
        }
        Action::Check { prometheus, alertmanager, http, webhook } => {
            let url = |address: String| if address.contains("://") { address } else { format!("http://{address}") };
            let token = std::fs::read_to_string(session.paths()?.http_token()).unwrap_or_default();
            let asked = Asked {
                prometheus: url(prometheus),
                alertmanager: url(alertmanager),
                service: url(http),
                webhook: url(webhook),
                token: token.trim().to_owned(),
            };
            Ok(check(session, &asked))
        }
    }
}

fn export(session: &Session, folder: &Path, places: &Places) -> Result<ExitCode, Failure> {
    // Prometheus and Alertmanager refuse a configuration that names a file which is not there.
    token(&session.paths()?)?;
    let written = monitoring::export(folder, places)?;
    let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "files": names }));
    } else {
        names.iter().for_each(|name| session.output.line(name));
        session.output.say("README.md there says what each is for");
    }
    Ok(ExitCode::SUCCESS)
}

fn check(session: &Session, asked: &Asked) -> ExitCode {
    let checks = monitoring::check(asked);
    let bad = checks.iter().any(|check| !check.ok);
    if session.output.is_json() {
        let checks: Vec<HealthCheck> = checks.into_iter().map(HealthCheck::from).collect();
        session.output.json(&serde_json::json!({ "ok": !bad, "checks": checks }));
    } else {
        checks.iter().for_each(|check| session.output.line(&check_line(check)));
    }
    ExitCode::from(u8::from(bad))
}
