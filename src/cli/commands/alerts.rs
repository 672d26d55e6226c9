//! `alerts`: alerts received from Alertmanager.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::invocation::Invocation;
use crate::domain::{Failure, FailureCode};
use crate::monitor::alerts::{self, AlertLine};

/// Show the alerts received by the webhook of `serve`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory alerts list")]
pub(in crate::cli) struct AlertsArgs {
    #[command(subcommand)]
    action: AlertsAction,
}

#[derive(Debug, Subcommand)]
enum AlertsAction {
    /// List open alerts; exits with 2 if one is critical, with 1 if others are open
    List {
        /// List all alerts in the log, not only open ones
        #[arg(long)]
        all: bool,
    },
}

pub(in crate::cli) fn run(args: &AlertsArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let AlertsAction::List { all } = args.action;
    let path = session.resolve_paths()?.alerts_log();
    let lines = alerts::read_log(&path).map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot read {}: {error}", path.display()), None)
    })?;
    let open = alerts::open_alerts(&lines);
    let shown: Vec<&AlertLine> = if all { lines.iter().collect() } else { open.clone() };
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "alerts": shown, "open": open.len() }));
    } else {
        for line in &shown {
            session.output.print_line(&format!(
                "{:<9}{:<9}{}  since {}  {}",
                line.severity, line.status, line.alertname, line.starts_at, line.summary
            ));
        }
        session.output.print_message(&format!("open alerts: {}; log: {}", open.len(), path.display()));
    }
    let code = match (open.iter().any(|line| line.severity == "critical"), open.is_empty()) {
        (true, _) => 2,
        (false, false) => 1,
        (false, true) => 0,
    };
    Ok(ExitCode::from(code))
}
