//! `monitoring`: what Prometheus, Alertmanager, Grafana, systemd and launchd need.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::ops::monitoring::{self, Places};

/// Write the configuration of a monitoring system for this service
#[derive(Debug, clap::Args)]
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
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let Action::Export { folder, http, webhook, alertmanager, runbook } = args.action;
    let paths = session.paths()?;
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(Code::Unavailable, format!("cannot tell where this program is: {error}"), None)
    })?;
    let places = Places {
        service: http,
        webhook,
        alertmanager,
        token_file: paths.http_token(),
        program,
        home: paths.home().to_owned(),
        runbook,
    };
    let written = monitoring::export(&folder, &places)?;
    let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "files": names }));
    } else {
        names.iter().for_each(|name| session.output.line(name));
        session.output.say("README.md there says what each is for");
    }
    Ok(ExitCode::SUCCESS)
}
