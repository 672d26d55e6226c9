//! Command line: one file per command, each with one arguments struct whose doc comment is the help text.
//! Owns arguments, output and exit codes. Does not own anything that another module could do.

#[cfg(feature = "terminal")]
mod browse;
mod calendar;
mod commands;
mod data_folder;
mod error;
mod help;
mod invocation;
mod last_results;
mod layout;
mod logging;
mod output;
mod palette;
mod priority;
mod progress;
mod signals;
mod speaker;
mod turn;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Paths;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use commands::{
    alerts, backup, bench, blame, completions, config, context, decisions, demo, doctor, embed, export, fix, forget,
    handoff, hook, hooks, import, init, injections, install, logs, maintain, man, mcp, migrate, model, monitoring,
    open, projects, quarantine, redact, reindex, report, save, schedule, search, serve, service, setup, show, status,
    sync, timeline, token, why,
};
use error::print_failure;
use invocation::Invocation;
use logging::Logging;
use output::CliOutput;

/// Long-term memory for Claude Code: saves every session and finds the right one with keyword and semantic search, in
/// English and Chinese, also over MCP. Everything stays on this machine.
#[derive(Debug, Parser)]
#[command(name = "claude-memory", version, propagate_version = true)]
#[command(
    after_help = "First steps:\n  claude-memory setup                 import your history and connect your clients\n  \
    claude-memory demo                  try it on sample sessions\n  \
    claude-memory search \"why did we change the pool size\"\n  \
    claude-memory                       without arguments, on a terminal: search as you type\n\n\
    Exit codes: 0 success, 1 nothing found, 2 invalid request, 3 try again later (busy, unavailable,\n\
    disk full), 4 database damaged or of a newer version, 70 internal error, 130 interrupted.\n\
    With --json a search that finds nothing is an answer: 0."
)]
struct Cli {
    /// Data folder [default: CLAUDE_MEMORY_HOME, or the usual one]
    #[arg(long, global = true, value_name = "DIR", help_heading = help::GLOBAL_OPTIONS)]
    home: Option<PathBuf>,
    /// Print JSON to stdout; a failure is an object with `error`
    #[arg(long, global = true, help_heading = help::GLOBAL_OPTIONS)]
    json: bool,
    /// Print nothing but errors to stderr
    #[arg(long, short, global = true, help_heading = help::GLOBAL_OPTIONS)]
    quiet: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::SetupArgs),
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    RestoreTranscript(export::RestoreTranscriptArgs),
    Migrate(migrate::MigrateArgs),
    Embed(embed::EmbedArgs),
    Model(model::ModelArgs),
    Reembed(model::ReembedArgs),
    Reindex(reindex::ReindexArgs),
    Search(search::SearchArgs),
    Show(show::ShowArgs),
    Timeline(timeline::TimelineArgs),
    Context(context::ContextArgs),
    Blame(blame::BlameArgs),
    Why(why::WhyArgs),
    Fix(fix::FixArgs),
    Handoff(handoff::HandoffArgs),
    Decisions(Box<decisions::DecisionsArgs>),
    Projects(projects::ProjectsArgs),
    Forget(forget::ForgetArgs),
    Quarantine(quarantine::QuarantineArgs),
    Redact(redact::RedactArgs),
    Save(save::SaveArgs),
    Maintain(maintain::MaintainArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreBackupArgs),
    Install(install::InstallArgs),
    Uninstall(install::UninstallArgs),
    Mcp(mcp::McpArgs),
    Serve(serve::ServeArgs),
    Token(token::TokenArgs),
    Open(open::OpenArgs),
    Service(service::ServiceArgs),
    Sync(sync::SyncArgs),
    Schedule(schedule::ScheduleArgs),
    Logs(logs::LogsArgs),
    Report(report::ReportArgs),
    Alerts(alerts::AlertsArgs),
    Monitoring(monitoring::MonitoringArgs),
    Hook(hook::HookArgs),
    Hooks(hooks::HooksArgs),
    Injections(injections::InjectionsArgs),
    Status(status::StatusArgs),
    Doctor(doctor::DoctorArgs),
    Config(config::ConfigArgs),
    Bench(bench::BenchArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    signals::ignore_file_size_signal();
    let cli = match parse_arguments() {
        Ok(cli) => cli,
        // A hook written for another version must not block a session.
        Err(_) if is_hook_command(std::env::args_os().skip(1)) => return ExitCode::SUCCESS,
        Err(error) => return usage::print_usage(&error),
    };
    let output = CliOutput::new(cli.json, cli.quiet);
    // Only the service has a log file. A data folder that cannot be used is reported when the memory is opened.
    let log =
        matches!(cli.command, Some(Command::Serve(_))).then(|| Paths::resolve_home(cli.home.clone()).ok()).flatten();
    let session = Invocation::new(cli.home, output, Logging::init_logging(log.as_ref()));
    let Some(command) = cli.command else {
        #[cfg(feature = "terminal")]
        if browse::is_interactive() && !cli.json {
            return browse::run(&session).unwrap_or_else(|failure| print_failure(&failure, output));
        }
        // Not on a terminal: report the missing command.
        let _ = command().print_help();
        return ExitCode::from(2);
    };
    let outcome = match command {
        Command::Setup(args) => setup::run(&args, &session),
        Command::Demo(args) => demo::run(&args, &session),
        Command::Init(args) => init::run(&args, &session),
        Command::Import(args) => import::run(&args, &session),
        Command::Embed(args) => embed::run(&args, &session),
        Command::Model(args) => model::run(&args, &session),
        Command::Reembed(args) => model::run_reembed(&args, &session),
        Command::Reindex(args) => reindex::run(&args, &session),
        Command::Search(args) => search::run(&args, &session),
        Command::Show(args) => show::run(&args, &session),
        Command::Timeline(args) => timeline::run(args, &session),
        Command::Context(args) => context::run(args, &session),
        Command::Blame(args) => blame::run(args, &session),
        Command::Why(args) => why::run(args, &session),
        Command::Export(args) => export::run(&args, &session),
        Command::RestoreTranscript(args) => export::restore_transcript(&args, &session),
        Command::Fix(args) => fix::run(args, &session),
        Command::Handoff(args) => handoff::run(args, &session),
        Command::Decisions(args) => decisions::run(*args, &session),
        Command::Projects(args) => projects::run(args, &session),
        Command::Forget(args) => forget::run(&args, &session),
        Command::Quarantine(args) => quarantine::run(args, &session),
        Command::Redact(args) => redact::run(&args, &session),
        Command::Maintain(args) => maintain::run(&args, &session),
        Command::Backup(args) => backup::run(args, &session),
        Command::Restore(args) => backup::restore_backup(&args, &session),
        Command::Save(args) => save::run(args, &session),
        Command::Install(args) => install::run_install(&args, &session),
        Command::Uninstall(args) => install::run_uninstall(&args, &session),
        Command::Mcp(args) => mcp::run(&args, &session),
        Command::Monitoring(args) => monitoring::run(args, &session),
        Command::Alerts(args) => alerts::run(&args, &session),
        Command::Serve(args) => serve::run(&args, &session),
        Command::Token(args) => token::run(&args, &session),
        Command::Open(args) => open::run(&args, &session),
        Command::Sync(args) => sync::run(&args, &session),
        Command::Service(args) => service::run(args, &session),
        Command::Schedule(args) => schedule::run(args, &session),
        Command::Logs(args) => logs::run(&args, &session),
        Command::Report(args) => report::run(&args, &session),
        Command::Migrate(args) => migrate::run(&args, &session),
        Command::Hook(args) => hook::run(&args, &session),
        Command::Hooks(args) => hooks::run(&args, &session),
        Command::Injections(args) => injections::run(&args, &session),
        Command::Status(args) => status::run(&args, &session),
        Command::Doctor(args) => doctor::run(&args, &session),
        Command::Config(args) => config::run(&args, &session),
        Command::Bench(args) => bench::run(&args, &session),
        Command::Man(args) => man::run(&args, &session),
        Command::Completions(args) => completions::run(&args, &session),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => print_failure(&failure, output),
    }
}

/// Parses the arguments of this process.
fn parse_arguments() -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Returns true if the first argument that is no flag is `hook`; asked about command lines that clap rejects.
fn is_hook_command(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    while let Some(argument) = arguments.next() {
        if argument == "--home" {
            arguments.next();
        } else if !argument.to_string_lossy().starts_with('-') {
            return argument == "hook";
        }
    }
    false
}

/// Returns the whole command tree, for completions and the generated reference.
pub fn command() -> clap::Command {
    help::arrange_help(Cli::command())
}
