//! `install` and `uninstall`: enters this program into the configuration of a client, or takes it out.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use similar::TextDiff;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::clients::{Backups, Change, Client, Launch, Places, Plan, Scope};
use crate::config::env;
use crate::domain::Code;
use crate::domain::hash::random_32;
use crate::domain::text::redact::{Counts, Redactor};

/// Lines around a change that a diff shows: few, because these files may hold keys.
const DIFF_CONTEXT: usize = 1;

/// Register claude-memory with Claude Code or another client
///
/// Changes one key, shows what it changes, keeps a dated backup below the data folder, and refuses a file that it cannot
/// parse. `uninstall` takes it back byte by byte. Running it again changes nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory install --hooks\n  claude-memory install codex cursor --dry-run\n  \
    claude-memory install --scope project"
)]
pub(in crate::cli) struct Install {
    #[command(flatten)]
    target: Target,
    /// Also enter the hooks that keep what sessions say and hand memories to them (Claude Code)
    #[arg(long)]
    hooks: bool,
}

/// Take claude-memory out of the configuration of Claude Code or another client
///
/// Entry and hooks. What was remembered stays: it is in the data folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory uninstall --dry-run\n  claude-memory uninstall codex")]
pub(in crate::cli) struct Uninstall {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
struct Target {
    /// claude-code, claude-desktop, codex, cursor, gemini; several are possible [default: claude-code]
    #[arg(value_name = "CLIENT", value_parser = Client::ALL.map(Client::name))]
    clients: Vec<String>,
    /// For whom: user (everywhere), project (a file that is committed), local (you, in this folder)
    #[arg(long, default_value = "user", value_parser = Scope::ALL.map(Scope::name))]
    scope: String,
    /// Show what would change, change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Done {
    changes: Vec<DoneChange>,
    dry_run: bool,
    /// Clients found on this machine.
    detected: Vec<&'static str>,
}

#[derive(Serialize)]
struct DoneChange {
    client: &'static str,
    path: String,
    changed: bool,
    diff: String,
    backup: Option<String>,
}

pub(in crate::cli) fn install(args: &Install, session: &Session) -> Result<ExitCode, Failure> {
    let launch = launch(session)?;
    args.target.run(session, |plan, _| Ok(plan.install(&launch, args.hooks)?))
}

pub(in crate::cli) fn uninstall(args: &Uninstall, session: &Session) -> Result<ExitCode, Failure> {
    let launch = launch(session)?;
    args.target.run(session, |plan, backups| Ok(plan.uninstall(&launch, backups)?))
}

impl Target {
    fn run(
        &self,
        session: &Session,
        plan: impl Fn(&Plan<'_>, &Backups) -> Result<Vec<Change>, Failure>,
    ) -> Result<ExitCode, Failure> {
        let places = places()?;
        let backups = Backups::new(session.paths()?.installed());
        let scope = Scope::from_name(&self.scope).unwrap_or_default();
        let mut clients: Vec<Client> = self.clients.iter().filter_map(|name| Client::from_name(name)).collect();
        if clients.is_empty() {
            clients.push(Client::ClaudeCode);
        }
        // Everything is planned before anything is changed.
        let mut planned = Vec::new();
        for client in clients {
            let changes = plan(&Plan { client, scope, places: &places }, &backups)?;
            planned.extend(changes.into_iter().map(|change| (client, change)));
        }
        let mut done = Vec::new();
        for (client, change) in planned {
            let backup = if change.is_needed() && !self.dry_run { backups.apply(&change, session.now)? } else { None };
            done.push(DoneChange {
                client: client.name(),
                path: change.path.display().to_string(),
                changed: change.is_needed(),
                diff: diff(&change),
                backup: backup.map(|path| path.display().to_string()),
            });
        }
        let detected = Client::ALL.into_iter().filter(|client| places.has(*client)).map(Client::name).collect();
        tell(session, &Done { changes: done, dry_run: self.dry_run, detected });
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(session: &Session, done: &Done) {
    let output = session.output;
    if output.is_json() {
        output.json(done);
        return;
    }
    for change in &done.changes {
        if !change.changed {
            output.line(&format!("{}: {} is as it should be", change.client, change.path));
            continue;
        }
        let verb = if done.dry_run { "would change" } else { "changed" };
        output.line(&format!("{}: {verb} {}\n{}", change.client, change.path, change.diff.trim_end()));
        if let Some(backup) = &change.backup {
            output.say(&format!("the file as it was: {backup}"));
        }
    }
    let others: Vec<&str> =
        done.detected.iter().copied().filter(|name| done.changes.iter().all(|change| change.client != *name)).collect();
    if !others.is_empty() {
        output.say(&format!("also on this machine: {}", others.join(", ")));
    }
}

/// What changes, without anything that looks like a secret: these files hold keys of other servers.
fn diff(change: &Change) -> String {
    let shown = |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    let (before, after) = (shown(&change.before), shown(&change.after));
    let text = TextDiff::from_lines(&before, &after).unified_diff().context_radius(DIFF_CONTEXT).to_string();
    Redactor::new(random_32(), Vec::new()).redact(&text, &mut Counts::new()).into_owned()
}

fn launch(session: &Session) -> Result<Launch, Failure> {
    let program = std::env::current_exe().and_then(std::fs::canonicalize).map_err(|error| {
        Failure::new(Code::Unavailable, format!("cannot tell where this program is: {error}"), None)
    })?;
    let before = match session.home_flag() {
        Some(_) => vec!["--home".to_owned(), session.paths()?.home().display().to_string()],
        None => Vec::new(),
    };
    Ok(Launch { program, before })
}

fn places() -> Result<Places, Failure> {
    let home = env::user_home().ok_or(crate::clients::Error::NoHome)?;
    let claude = env::moved_claude_folder();
    if let Some(folder) = claude.as_ref().filter(|folder| folder.to_string_lossy().starts_with('~')) {
        let message =
            format!("{} is {}: only `~` and `~/…` are understood", env::CLAUDE_CONFIG_DIR.name, folder.display());
        return Err(Failure::new(Code::InvalidInput, message, Some("write the whole path")));
    }
    let project = env::project_folder().unwrap_or_else(|| PathBuf::from("."));
    Ok(Places {
        config: env::application_folder().unwrap_or_else(|| home.join(".config")),
        claude,
        codex: env::moved_codex_folder(),
        project: std::fs::canonicalize(&project).unwrap_or(project),
        home,
    })
}
