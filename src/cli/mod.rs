//! The command line. One file per command, each with one `Args` whose doc comment is its manual.
//! Owns arguments, output, exit codes. Does not own anything that the other rooms could do.

mod browse;
mod commands;
mod error;
mod logging;
mod output;
mod priority;
mod progress;
mod session;
mod signals;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Paths;
use clap::{CommandFactory as _, Parser, Subcommand};
use commands::{
    alerts, backup, bench, blame, completions, config, context, demo, doctor, embed, export, fix, forget, handoff,
    hook, hooks, import, init, install, logs, maintain, man, mcp, migrate, model, monitoring, open, projects,
    quarantine, redact, reindex, report, save, schedule, search, serve, service, show, status, sync, timeline,
};
use logging::Logging;
use output::Output;
use session::Session;

/// The memory Claude Code lacks: keeps every conversation, finds the right one by meaning and by word, in English and
/// Chinese, and hands it back over MCP. Everything stays on this machine.
#[derive(Debug, Parser)]
#[command(name = "claude-memory", version, propagate_version = true)]
#[command(after_help = "First steps:\n  claude-memory demo                  see it work on sample conversations\n  \
    claude-memory import claude-code    read your own history (~/.claude/projects)\n  \
    claude-memory search \"why did we change the pool size\"\n  \
    claude-memory install --hooks       let Claude Code use it\n  \
    claude-memory                       alone on a terminal: search while you type\n\n\
    Exit codes: 0 done, 1 not found, 2 wrong request, 3 try again later (busy, unavailable, disk full),\n\
    4 the store is damaged or too new, 70 a bug, 130 interrupted.")]
struct Cli {
    /// Folder of the memory [default: CLAUDE_MEMORY_HOME, else the platform's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Print data as JSON on stdout; a failure is an object with `error`
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Import(import::Args),
    Export(export::Args),
    RestoreTranscript(export::RestoreArgs),
    Migrate(migrate::Args),
    Embed(embed::Args),
    Model(model::Args),
    Reembed(model::Reembed),
    Reindex(reindex::Args),
    Search(search::Args),
    Show(show::Args),
    Timeline(timeline::Args),
    Context(context::Args),
    Blame(blame::Args),
    Fix(fix::Args),
    Handoff(handoff::Args),
    Projects(projects::Args),
    Forget(forget::Args),
    Quarantine(quarantine::Args),
    Redact(redact::Args),
    Save(save::Args),
    Maintain(maintain::Args),
    Backup(backup::Args),
    Restore(backup::Restore),
    Install(install::Install),
    Uninstall(install::Uninstall),
    Mcp(mcp::Args),
    Serve(serve::Args),
    Open(open::Args),
    Service(service::Args),
    Sync(sync::Args),
    Schedule(schedule::Args),
    Logs(logs::Args),
    Report(report::Args),
    Alerts(alerts::Args),
    Monitoring(monitoring::Args),
    Hook(hook::Args),
    Hooks(hooks::Args),
    Status(status::Args),
    Doctor(doctor::Args),
    Config(config::Args),
    Bench(bench::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    signals::survive_file_size_limit();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // A hook of another version is not worth stopping a session for.
        Err(_) if is_hook(std::env::args_os().skip(1)) => return ExitCode::SUCCESS,
        Err(error) => {
            // Help and version are data on stdout with 0, mistakes are talk on stderr with 2; clap knows which is which.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(cli.json, cli.quiet);
    // Only the service has a log of its own; what is wrong with the folder is said when it is opened.
    let log = matches!(cli.command, Some(Command::Serve(_))).then(|| Paths::resolve(cli.home.clone()).ok()).flatten();
    let session = Session::new(cli.home, output, Logging::start(log.as_ref()));
    let Some(command) = cli.command else {
        if browse::is_possible() && !cli.json {
            return browse::run(&session).unwrap_or_else(|failure| failure.report(output));
        }
        // Nobody sits there: as if a command had been forgotten.
        let _ = Cli::command().print_help();
        return ExitCode::from(2);
    };
    let outcome = match command {
        Command::Demo(args) => demo::run(&args, &session),
        Command::Init(args) => init::run(&args, &session),
        Command::Import(args) => import::run(&args, &session),
        Command::Embed(args) => embed::run(&args, &session),
        Command::Model(args) => model::run(&args, &session),
        Command::Reembed(args) => model::reembed(&args, &session),
        Command::Reindex(args) => reindex::run(&args, &session),
        Command::Search(args) => search::run(&args, &session),
        Command::Show(args) => show::run(&args, &session),
        Command::Timeline(args) => timeline::run(args, &session),
        Command::Context(args) => context::run(args, &session),
        Command::Blame(args) => blame::run(args, &session),
        Command::Export(args) => export::run(&args, &session),
        Command::RestoreTranscript(args) => export::restore_transcript(&args, &session),
        Command::Fix(args) => fix::run(args, &session),
        Command::Handoff(args) => handoff::run(args, &session),
        Command::Projects(args) => projects::run(args, &session),
        Command::Forget(args) => forget::run(&args, &session),
        Command::Quarantine(args) => quarantine::run(args, &session),
        Command::Redact(args) => redact::run(&args, &session),
        Command::Maintain(args) => maintain::run(&args, &session),
        Command::Backup(args) => backup::run(args, &session),
        Command::Restore(args) => backup::restore(&args, &session),
        Command::Save(args) => save::run(args, &session),
        Command::Install(args) => install::install(&args, &session),
        Command::Uninstall(args) => install::uninstall(&args, &session),
        Command::Mcp(args) => mcp::run(&args, &session),
        Command::Monitoring(args) => monitoring::run(args, &session),
        Command::Alerts(args) => alerts::run(&args, &session),
        Command::Serve(args) => serve::run(&args, &session),
        Command::Open(args) => open::run(&args, &session),
        Command::Sync(args) => sync::run(&args, &session),
        Command::Service(args) => service::run(args, &session),
        Command::Schedule(args) => schedule::run(args, &session),
        Command::Logs(args) => logs::run(&args, &session),
        Command::Report(args) => report::run(&args, &session),
        Command::Migrate(args) => migrate::run(&args, &session),
        Command::Hook(args) => hook::run(&args, &session),
        Command::Hooks(args) => hooks::run(&args, &session),
        Command::Status(args) => status::run(&args, &session),
        Command::Doctor(args) => doctor::run(&args, &session),
        Command::Config(args) => config::run(&args, &session),
        Command::Bench(args) => bench::run(&args, &session),
        Command::Man(args) => man::run(&args, &session),
        Command::Completions(args) => completions::run(&args, &session),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.report(output),
    }
}

/// Whether a command line that is not understood is one of a hook: the first word that is no flag.
fn is_hook(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    while let Some(argument) = arguments.next() {
        if argument == "--home" {
            arguments.next();
        } else if !argument.to_string_lossy().starts_with('-') {
            return argument == "hook";
        }
    }
    false
}

/// The whole command tree, for completions and the reference.
pub fn command() -> clap::Command {
    Cli::command()
}
