//! `service`: runs `serve` under the service manager of the system.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::logs;
use crate::cli::invocation::Invocation;
use crate::domain::{Failure, FailureCode};
use crate::http::Scope;
use crate::system::{self, DeployPaths, ServiceAction, ServiceManager};

/// Install `serve` as a system service that starts with the machine
///
/// Runs as a service of your own user, under systemd (Linux) or launchd (macOS). Needs no root.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory service install --dry-run\n  claude-memory service install\n  \
    claude-memory service status\n  claude-memory service logs --follow")]
pub(in crate::cli) struct ServiceArgs {
    #[command(subcommand)]
    action: ServiceCommand,
}

#[derive(Debug, Subcommand)]
enum ServiceCommand {
    /// Install and start the service; run it again after an update, it changes only what differs
    Install {
        /// Address to listen on
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        http: String,
        /// Address of the webhook for Alertmanager, or `off`
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
        webhook: String,
        /// Print the steps, change nothing
        #[arg(long)]
        dry_run: bool,
        /// Service manager to print files for: systemd or launchd [default: that of this machine]
        #[arg(long, value_name = "MANAGER", requires = "dry_run")]
        manager: Option<String>,
    },
    /// Stop and remove the service; the memory is not changed
    Uninstall,
    /// Start the service
    Start,
    /// Stop the service
    Stop,
    /// Restart the service
    Restart,
    /// Reload configuration and tokens
    Reload,
    /// Show the state of the service; exits with 0 if it runs
    Status,
    /// Show the log of the service
    Logs(logs::LogTailArgs),
}

pub(in crate::cli) fn run(args: ServiceArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let deed = match args.action {
        ServiceCommand::Install { http, webhook, dry_run, manager } => {
            let manager = match manager.as_deref() {
                None => None,
                Some("systemd") => Some(ServiceManager::Systemd),
                Some("launchd") => Some(ServiceManager::Launchd),
                Some(other) => {
                    return Err(Failure::invalid_input(format!("invalid --manager {other:?}; use systemd or launchd")));
                }
            };
            return install_service(session, &collect_deploy_paths(session, http, webhook)?, manager, dry_run);
        }
        ServiceCommand::Status => return show_status(session),
        ServiceCommand::Logs(tail) => return logs::show_service_log(&tail, session),
        ServiceCommand::Uninstall => ServiceAction::Uninstall,
        ServiceCommand::Start => ServiceAction::Start,
        ServiceCommand::Stop => ServiceAction::Stop,
        ServiceCommand::Restart => ServiceAction::Restart,
        ServiceCommand::Reload => ServiceAction::Reload,
    };
    let manager = ServiceManager::for_service().ok_or_else(system::no_manager)?;
    let steps = system::service_steps(manager, deed, &collect_deploy_paths(session, String::new(), String::new())?)?;
    system::execute_steps(&steps)?;
    print_done(session, manager, &format!("{deed:?}").to_lowercase());
    Ok(ExitCode::SUCCESS)
}

fn install_service(
    session: &Invocation,
    places: &DeployPaths,
    manager: Option<ServiceManager>,
    dry_run: bool,
) -> Result<ExitCode, Failure> {
    let manager = manager.or_else(ServiceManager::for_service).ok_or_else(system::no_manager)?;
    let steps = system::service_steps(manager, ServiceAction::Install, places)?;
    if dry_run {
        super::print_plan(session, manager.name(), &steps);
        return Ok(ExitCode::SUCCESS);
    }
    system::execute_steps(&steps)?;
    print_done(session, manager, "installed");
    session.output.print_message(
        "`claude-memory service status` shows its state; it also runs backups and the monthly maintenance",
    );
    Ok(ExitCode::SUCCESS)
}

fn print_done(session: &Invocation, manager: ServiceManager, what: &str) {
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "manager": manager.name(), "done": what }));
    } else {
        session.output.print_line(&format!("{what} ({})", manager.name()));
    }
}

fn show_status(session: &Invocation) -> Result<ExitCode, Failure> {
    let manager = ServiceManager::for_service().ok_or_else(system::no_manager)?;
    let state = system::service_state(manager);
    let runs = state.is_ok();
    let said = state.unwrap_or_else(|why| why);
    if session.output.is_json() {
        session
            .output
            .print_json(&serde_json::json!({ "manager": manager.name(), "running": runs, "said": said.trim() }));
    } else {
        session.output.print_line(said.trim_end());
    }
    Ok(ExitCode::from(if runs { 0 } else { FailureCode::NotFound.exit_code() }))
}

/// Collects addresses and paths for units and configuration files.
pub(super) fn collect_deploy_paths(
    session: &Invocation,
    service: String,
    webhook: String,
) -> Result<DeployPaths, Failure> {
    let paths = session.resolve_paths()?;
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot find the path of this program: {error}"), None)
    })?;
    Ok(DeployPaths {
        service,
        webhook,
        alertmanager: "127.0.0.1:9093".to_owned(),
        metrics_token_file: Scope::Metrics.token_file(&paths),
        webhook_token_file: Scope::Webhook.token_file(&paths),
        program,
        home: Path::to_owned(paths.home()),
        cron_log: paths.cron_log(),
        runbook: "docs/runbook/README.md".to_owned(),
    })
}
