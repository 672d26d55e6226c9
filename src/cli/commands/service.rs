//! `service`: `serve` run by the system's own service manager.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::logs;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::ops::monitoring::Places;
use crate::ops::system::{self, Deed, Manager};

/// Let the system run `serve`: from now on, and after every start of the machine
///
/// As a service of your own user, under systemd (Linux) or launchd (macOS). Nothing needs to be root.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory service install --dry-run\n  claude-memory service install\n  \
    claude-memory service status\n  claude-memory service logs --follow")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Enter it and start it; again after an update, it changes only what differs
    Install {
        /// Where to listen
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        http: String,
        /// Where Alertmanager hands alerts over, or `off`
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
        webhook: String,
        /// Print what would be done, do nothing
        #[arg(long)]
        dry_run: bool,
        /// Whose files to print with --dry-run: systemd or launchd [default: the one of this machine]
        #[arg(long, value_name = "MANAGER", requires = "dry_run")]
        manager: Option<String>,
    },
    /// Stop it and take it out; nothing of the memory is touched
    Uninstall,
    /// Start it
    Start,
    /// End it
    Stop,
    /// End it and start it
    Restart,
    /// Let it read configuration and token again
    Reload,
    /// Say whether it runs; ends with 0 if it does
    Status,
    /// Show its log
    Logs(logs::Tail),
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let deed = match args.action {
        Action::Install { http, webhook, dry_run, manager } => {
            let manager = match manager.as_deref() {
                None => None,
                Some("systemd") => Some(Manager::Systemd),
                Some("launchd") => Some(Manager::Launchd),
                Some(other) => {
                    return Err(Failure::invalid(format!("--manager is {other:?}; systemd or launchd is meant")));
                }
            };
            return install(session, &places(session, http, webhook)?, manager, dry_run);
        }
        Action::Status => return status(session),
        Action::Logs(tail) => return logs::service(&tail, session),
        Action::Uninstall => Deed::Uninstall,
        Action::Start => Deed::Start,
        Action::Stop => Deed::Stop,
        Action::Restart => Deed::Restart,
        Action::Reload => Deed::Reload,
    };
    let manager = Manager::for_service().ok_or_else(system::none)?;
    let steps = system::service(manager, deed, &places(session, String::new(), String::new())?)?;
    system::carry_out(&steps)?;
    done(session, manager, &format!("{deed:?}").to_lowercase());
    Ok(ExitCode::SUCCESS)
}

fn install(session: &Session, places: &Places, manager: Option<Manager>, dry_run: bool) -> Result<ExitCode, Failure> {
    let manager = manager.or_else(Manager::for_service).ok_or_else(system::none)?;
    let steps = system::service(manager, Deed::Install, places)?;
    if dry_run {
        super::plan(session, manager.name(), &steps);
        return Ok(ExitCode::SUCCESS);
    }
    system::carry_out(&steps)?;
    done(session, manager, "installed");
    session.output.say("`claude-memory service status` says how it is; backups and the monthly round are done by it");
    Ok(ExitCode::SUCCESS)
}

fn done(session: &Session, manager: Manager, what: &str) {
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "manager": manager.name(), "done": what }));
    } else {
        session.output.line(&format!("{what} ({})", manager.name()));
    }
}

fn status(session: &Session) -> Result<ExitCode, Failure> {
    let manager = Manager::for_service().ok_or_else(system::none)?;
    let state = system::service_state(manager);
    let runs = state.is_ok();
    let said = state.unwrap_or_else(|why| why);
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "manager": manager.name(), "running": runs, "said": said.trim() }));
    } else {
        session.output.line(said.trim_end());
    }
    Ok(ExitCode::from(if runs { 0 } else { Code::NotFound.exit() }))
}

/// Where things are, as units and configurations say it.
pub(super) fn places(session: &Session, service: String, webhook: String) -> Result<Places, Failure> {
    let paths = session.paths()?;
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(Code::Unavailable, format!("cannot tell where this program is: {error}"), None)
    })?;
    Ok(Places {
        service,
        webhook,
        alertmanager: "127.0.0.1:9093".to_owned(),
        token_file: paths.http_token(),
        program,
        home: Path::to_owned(paths.home()),
        cron_log: paths.cron_log(),
        runbook: "docs/runbook/README.md".to_owned(),
    })
}
