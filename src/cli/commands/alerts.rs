//! `alerts`: what Alertmanager has handed over.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::ops::alerts::{self, Line};

/// Show the alerts that came in over the webhook of `serve`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory alerts list")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Those that are open; ends with 2 when one is critical, with 1 when there are others
    List {
        /// All that are in the log, not only those that are open
        #[arg(long)]
        all: bool,
    },
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let Action::List { all } = args.action;
    let path = session.paths()?.alerts_log();
    let lines = alerts::lines(&path)
        .map_err(|error| Failure::new(Code::Unavailable, format!("cannot read {}: {error}", path.display()), None))?;
    let open = alerts::open(&lines);
    let shown: Vec<&Line> = if all { lines.iter().collect() } else { open.clone() };
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "alerts": shown, "open": open.len() }));
    } else {
        for line in &shown {
            session.output.line(&format!(
                "{:<9}{:<9}{}  since {}  {}",
                line.severity, line.status, line.alertname, line.starts_at, line.summary
            ));
        }
        session.output.say(&format!("{} alerts are open; log: {}", open.len(), path.display()));
    }
    let code = match (open.iter().any(|line| line.severity == "critical"), open.is_empty()) {
        (true, _) => 2,
        (false, false) => 1,
        (false, true) => 0,
    };
    Ok(ExitCode::from(code))
}
