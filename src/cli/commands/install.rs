//! `install` and `uninstall`: adds this program to the configuration of a client, or removes it.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use similar::TextDiff;

use crate::cli::invocation::Invocation;
use crate::clients::{
    ClientPaths, ConfigBackups, EntryPart, FileChange, InstallPlan, InstallScope, LaunchCommand, McpClient, SERVER,
};
use crate::config::env;
use crate::domain::hash::random_key;
use crate::domain::text::redact::{RedactionCounts, Redactor};
use crate::domain::{Failure, FailureCode};

/// Lines of context in a diff: few, because these files may contain keys.
const DIFF_CONTEXT: usize = 1;

/// Register claude-memory with Claude Code or another client
///
/// Changes one key, prints the change, keeps a dated backup in the data folder, and refuses a file that it cannot
/// parse. `uninstall` restores the original file exactly. Running it again changes nothing. A data folder that is not
/// the default is passed as `--home`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory install --hooks\n  claude-memory install codex gemini --hooks --dry-run\n  \
    claude-memory install --scope project"
)]
pub(in crate::cli) struct InstallArgs {
    #[command(flatten)]
    target: ClientArgs,
    /// Also install hooks, which save each session and add memories to prompts (claude-code, codex, gemini)
    #[arg(long)]
    hooks: bool,
}

/// Remove claude-memory from the configuration of Claude Code or another client
///
/// Removes the server and the hooks. Your memory stays in the data folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory uninstall --dry-run\n  claude-memory uninstall codex")]
pub(in crate::cli) struct UninstallArgs {
    #[command(flatten)]
    target: ClientArgs,
}

#[derive(Debug, clap::Args)]
struct ClientArgs {
    /// Clients: claude-code, claude-desktop, codex, cursor, gemini [default: claude-code]
    #[arg(value_name = "CLIENT", value_parser = McpClient::ALL.map(McpClient::name))]
    clients: Vec<String>,
    /// Scope: user (everywhere), project (a file that is committed), local (you, in this folder)
    #[arg(long, default_value = "user", value_parser = InstallScope::ALL.map(InstallScope::name))]
    scope: String,
    /// Show what would change, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Show every changed line
    #[arg(long, short)]
    verbose: bool,
}

/// Change to make for each client.
enum InstallAction {
    Install { hooks: bool },
    Uninstall,
}

#[derive(Serialize)]
struct InstallSummary {
    changes: Vec<ClientChange>,
    dry_run: bool,
    /// Clients found on this machine.
    detected: Vec<&'static str>,
    /// Notes for the user: what to know or do next.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ClientChange {
    client: &'static str,
    path: String,
    changed: bool,
    diff: String,
    backup: Option<String>,
    /// Summary of the diff, one line per entry.
    #[serde(skip)]
    summary: Vec<String>,
}

pub(in crate::cli) fn run_install(args: &InstallArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    args.target.run(session, &InstallAction::Install { hooks: args.hooks })
}

pub(in crate::cli) fn run_uninstall(args: &UninstallArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    args.target.run(session, &InstallAction::Uninstall)
}

/// Registers a client for the user, with hooks where it has some, and prints the change; with `dry_run` only prints it.
pub(super) fn connect_client(client: McpClient, dry_run: bool, session: &Invocation) -> Result<(), Failure> {
    let clients = vec![client.name().to_owned()];
    let target = ClientArgs { clients, scope: InstallScope::default().name().to_owned(), dry_run, verbose: false };
    target.run(session, &InstallAction::Install { hooks: true }).map(drop)
}

/// Registration of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientState {
    /// Server and hooks are registered, as far as the client has hooks; or the plugin is enabled.
    Connected,
    /// Only the server is registered.
    ServerOnly,
    NotConnected,
}

/// Returns the registration of each client on this machine.
pub(super) fn list_client_states(session: &Invocation) -> Result<Vec<(McpClient, ClientState)>, Failure> {
    let (places, launch) = (locate_client_folders()?, build_launch(session, InstallScope::default())?);
    let state = |client: McpClient| {
        let plan = InstallPlan { client, scope: InstallScope::default(), places: &places };
        let is_done = |with_hooks| match plan.plan_install(&launch, with_hooks) {
            Ok(changes) => changes.iter().all(|change| !change.is_needed()),
            Err(crate::clients::Error::PluginEnabled { .. }) => true,
            Err(_) => false,
        };
        if is_done(can_run_hooks(client)) {
            ClientState::Connected
        } else if is_done(false) || plan.is_installed() {
            ClientState::ServerOnly
        } else {
            ClientState::NotConnected
        }
    };
    let present = McpClient::ALL.into_iter().filter(|client| places.has_client(*client));
    Ok(present.map(|client| (client, state(client))).collect())
}

impl ClientArgs {
    fn run(&self, session: &Invocation, action: &InstallAction) -> Result<ExitCode, Failure> {
        let places = locate_client_folders()?;
        let backups = ConfigBackups::new(session.resolve_paths()?.client_backups_folder());
        let scope = InstallScope::from_name(&self.scope).unwrap_or_default();
        let launch = build_launch(session, scope)?;
        let mut clients: Vec<McpClient> = self.clients.iter().filter_map(|name| McpClient::from_name(name)).collect();
        if clients.is_empty() {
            clients.push(McpClient::ClaudeCode);
        }
        // Everything is planned before anything is changed.
        let mut planned = Vec::new();
        for client in &clients {
            let plan = InstallPlan { client: *client, scope, places: &places };
            let changes = match action {
                InstallAction::Install { hooks } => plan.plan_install(&launch, *hooks && can_run_hooks(*client))?,
                InstallAction::Uninstall => plan.plan_uninstall(&launch, &backups)?,
            };
            planned.extend(changes.into_iter().map(|change| (plan.clone(), change)));
        }
        let mut done = Vec::new();
        for (plan, change) in planned {
            let backup =
                if change.is_needed() && !self.dry_run { backups.apply_change(&change, session.now)? } else { None };
            done.push(ClientChange {
                client: plan.client.name(),
                path: change.path.display().to_string(),
                changed: change.is_needed(),
                diff: render_diff(&change),
                backup: backup.map(|path| path.display().to_string()),
                summary: change.parts.iter().map(|part| describe_part(*part, &plan, &launch, action)).collect(),
            });
        }
        let detected =
            McpClient::ALL.into_iter().filter(|client| places.has_client(*client)).map(McpClient::name).collect();
        let notes = match action {
            InstallAction::Install { hooks } => collect_notes(session, &clients, scope, *hooks)?,
            InstallAction::Uninstall => Vec::new(),
        };
        let done = InstallSummary { changes: done, dry_run: self.dry_run, detected, notes };
        if session.output.is_json() {
            session.output.print_json(&done);
        } else {
            self.print_changes(session, &done);
            if matches!(action, InstallAction::Install { .. }) {
                self.print_next(session, &done, &clients);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn print_changes(&self, session: &Invocation, done: &InstallSummary) {
        let output = session.output;
        for change in &done.changes {
            if !change.changed {
                output.print_line(&format!("{}: {} is already up to date", change.client, change.path));
                continue;
            }
            let verb = if done.dry_run { "would change" } else { "changed" };
            output.print_line(&format!("{}: {verb} {}", change.client, change.path));
            if done.dry_run || self.verbose {
                output.print_line(change.diff.trim_end());
            } else {
                change.summary.iter().for_each(|line| output.print_line(&format!("  {line}")));
            }
            if let Some(backup) = &change.backup {
                output.print_message(&format!("backup of the file: {backup}"));
            }
        }
        let is_other = |name: &&str| done.changes.iter().all(|change| change.client != *name);
        let others: Vec<&str> = done.detected.iter().copied().filter(is_other).collect();
        if !others.is_empty() {
            output.print_message(&format!("also on this machine: {}", others.join(", ")));
        }
    }

    /// Prints the notes, and which clients to restart if something changed.
    fn print_next(&self, session: &Invocation, done: &InstallSummary, clients: &[McpClient]) {
        done.notes.iter().for_each(|note| session.output.print_line(note));
        let is_changed = |client: &&McpClient| {
            done.changes.iter().any(|change| change.client == client.name() && change.changed) && !self.dry_run
        };
        let changed: Vec<&str> = clients.iter().filter(is_changed).map(|client| client.title()).collect();
        if !changed.is_empty() {
            let names = changed.join(" and ");
            session.output.print_line(&format!("Done. Restart {names} and ask: \"What did we work on last?\""));
        }
    }
}

/// Returns true if hooks of this client run here.
///
/// Hooks need a POSIX shell, which on Windows only Claude Code brings.
fn can_run_hooks(client: McpClient) -> bool {
    !client.hook_entries().is_empty() && (client == McpClient::ClaudeCode || !cfg!(windows))
}

fn collect_notes(
    session: &Invocation,
    clients: &[McpClient],
    scope: InstallScope,
    hooks: bool,
) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    if scope == InstallScope::Project {
        notes.push(format!(
            "The files of the project are shared, so they name the program without its folder: `{SERVER}` must be on PATH."
        ));
        if !session.resolve_paths()?.is_default_home() {
            notes.push(format!(
                "For the same reason your data folder is not in them: set {} where Claude Code starts.",
                env::HOME.name
            ));
        }
    }
    for client in clients.iter().filter(|_| hooks) {
        if !can_run_hooks(*client) {
            let system = if client.hook_entries().is_empty() { "" } else { " on Windows" };
            notes.push(format!("{} has no hooks{system}: only the tools are installed.", client.title()));
        } else if *client == McpClient::Codex {
            notes.push(
                "Codex runs new hooks after you trust them once: it asks at its next start, or type /hooks.".to_owned(),
            );
        }
    }
    Ok(notes)
}

/// Describes one added or removed part in one line.
fn describe_part(part: EntryPart, plan: &InstallPlan<'_>, launch: &LaunchCommand, action: &InstallAction) -> String {
    let sign = if matches!(action, InstallAction::Install { .. }) { '+' } else { '-' };
    match part {
        EntryPart::Server => {
            format!("{sign} MCP server {SERVER}: {} {}", launch.program.display(), launch.server_arguments().join(" "))
        }
        EntryPart::Hooks => {
            let count = plan.client.hook_entries().len();
            format!("{sign} {count} hooks for {}", plan.hook_events().join(", "))
        }
    }
}

/// Renders a change as a diff without anything that looks like a secret: these files contain keys of other servers.
fn render_diff(change: &FileChange) -> String {
    let shown = |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    let (before, after) = (shown(&change.before), shown(&change.after));
    let text = TextDiff::from_lines(&before, &after).unified_diff().context_radius(DIFF_CONTEXT).to_string();
    Redactor::new(random_key(), Vec::new()).redact(&text, &mut RedactionCounts::new()).into_owned()
}

fn build_launch(session: &Invocation, scope: InstallScope) -> Result<LaunchCommand, Failure> {
    // These files are committed: a path of this machine is wrong on another.
    if scope == InstallScope::Project {
        return Ok(LaunchCommand { program: PathBuf::from(SERVER), before: Vec::new() });
    }
    let program = std::env::current_exe().and_then(std::fs::canonicalize).map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot find the path of this program: {error}"), None)
    })?;
    let paths = session.resolve_paths()?;
    let before = if paths.is_default_home() {
        Vec::new()
    } else {
        vec!["--home".to_owned(), paths.home().display().to_string()]
    };
    Ok(LaunchCommand { program, before })
}

/// Returns the folders in which the clients of this user keep their configuration.
pub(super) fn locate_client_folders() -> Result<ClientPaths, Failure> {
    let home = env::user_home().ok_or(crate::clients::Error::NoHome)?;
    let claude = env::moved_claude_folder();
    if let Some(folder) = claude.as_ref().filter(|folder| folder.to_string_lossy().starts_with('~')) {
        let message =
            format!("{} is {}: only `~` and `~/…` are supported", env::CLAUDE_CONFIG_DIR.name, folder.display());
        return Err(Failure::new(FailureCode::InvalidInput, message, Some("use the full path")));
    }
    let project = env::project_folder().unwrap_or_else(|| PathBuf::from("."));
    Ok(ClientPaths {
        config: env::application_folder().unwrap_or_else(|| home.join(".config")),
        claude,
        codex: env::moved_codex_folder(),
        project: std::fs::canonicalize(&project).unwrap_or(project),
        home,
    })
}
