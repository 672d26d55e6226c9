//! `sync`: copies the memory to PostgreSQL and Qdrant, to other machines, and into bundles.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::export_record::record_export;
use super::sync_machines::{self, KnownSources, MachinesAction};
use super::sync_signatures::{describe_signers, print_signatures, signatures_to_json, signers_to_json};
use super::{build_runtime, group_digits};
use crate::cli::invocation::Invocation;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::config::{SyncSettings, env};
use crate::disk;
use crate::domain::{Failure, FailureCode, MessageId};
use crate::memory::Memory;
use crate::store::OpenMode;
use crate::sync::bundle::BundleCounts;
use crate::sync::{self, CompareReport, PostgresEndpoint, SyncEndpoint, bundle};

/// Sync the memory with PostgreSQL and Qdrant, or move it between machines
///
/// The local database stays the source of truth and works without the server. Sending can be stopped at any time and
/// continues where it stopped. Messages deleted here are deleted there too and never come back. A running `serve` sends
/// changes itself.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory sync push --postgres postgresql://claude_memory@localhost/claude_memory_db\n  \
    claude-memory sync pull\n  claude-memory sync status\n  claude-memory sync check --repair\n  claude-memory sync bundle export memory.bundle\n  claude-memory sync machines\n\n\
    The addresses can be set in the configuration (sync.postgres, sync.qdrant). The password comes from\n\
    CLAUDE_MEMORY_POSTGRES_PASSWORD or the file sync.postgres_password_file, the key of Qdrant from\n\
    CLAUDE_MEMORY_QDRANT_KEY or the file sync.qdrant_key_file; never from an argument."
)]
pub(in crate::cli) struct SyncArgs {
    #[command(subcommand)]
    action: SyncAction,
}

/// Addresses of the sync targets.
#[derive(Debug, clap::Args)]
struct SyncTargetArgs {
    /// Address of the PostgreSQL database, without a password [default: setting sync.postgres]
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Address of Qdrant's REST interface [default: setting sync.qdrant]
    #[arg(long, value_name = "URL")]
    qdrant: Option<String>,
}

#[derive(Debug, Subcommand)]
enum SyncAction {
    /// Send changes; creates tables and the collection the first time
    Push {
        #[command(flatten)]
        to: SyncTargetArgs,
    },
    /// Import what other machines have sent; messages deleted here do not come back
    Pull {
        /// Address of the PostgreSQL database, without a password [default: setting sync.postgres]
        #[arg(long, value_name = "URL")]
        postgres: Option<String>,
    },
    /// Compare every session with the targets; exits with 1 if something differs
    Check {
        #[command(flatten)]
        to: SyncTargetArgs,
        /// Send missing and different messages again, and delete there what was deleted here
        #[arg(long)]
        repair: bool,
    },
    /// Export or import everything as one file, for machines without a common server
    Bundle {
        #[command(subcommand)]
        action: BundleAction,
    },
    /// Show and decide which other machines are yours; what unconfirmed ones send is never injected unasked
    Machines {
        #[command(subcommand)]
        action: Option<MachinesAction>,
    },
    /// Show pending changes, the last complete sync, and whether the targets answer
    Status,
    /// Print a psql script that creates the PostgreSQL database and roles with minimal privileges
    Roles,
}

#[derive(Debug, Subcommand)]
enum BundleAction {
    /// Write everything to a file, except messages in quarantine
    Export {
        /// File to write; it must not exist yet
        file: PathBuf,
    },
    /// Import a bundle; messages deleted here do not come back
    Import {
        /// Bundle to import
        file: PathBuf,
    },
}

pub(in crate::cli) fn run(args: &SyncArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    priority::lower_in_background();
    match &args.action {
        SyncAction::Push { to } => push_targets(to, session),
        SyncAction::Pull { postgres } => pull_database(postgres.as_deref(), session),
        SyncAction::Check { to, repair } => check_targets(to, *repair, session),
        SyncAction::Bundle { action: BundleAction::Export { file } } => export_bundle(file, session),
        SyncAction::Bundle { action: BundleAction::Import { file } } => import_bundle(file, session),
        SyncAction::Machines { action } => sync_machines::run(action.as_ref(), session),
        SyncAction::Status => show_status(session),
        SyncAction::Roles => {
            session.output.print_line(sync::ROLES.trim_end());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Returns the database named by the argument, else by the settings.
fn resolve_database(url: Option<&str>, settings: &SyncSettings) -> Result<PostgresEndpoint, Failure> {
    let settings = SyncSettings { postgres: url.unwrap_or(&settings.postgres).to_owned(), ..settings.clone() };
    if settings.postgres.is_empty() {
        let hint = "name it with --postgres URL, or set sync.postgres in the configuration";
        return Err(Failure::new(FailureCode::InvalidInput, "no PostgreSQL database to sync with", Some(hint)));
    }
    Ok(PostgresEndpoint::from_settings(&settings, env::postgres_password())?)
}

/// Returns the targets named by the arguments, else by the settings.
fn resolve_targets(to: &SyncTargetArgs, settings: &SyncSettings) -> Result<Vec<SyncEndpoint>, Failure> {
    let mut settings = settings.clone();
    if to.postgres.is_some() || to.qdrant.is_some() {
        settings.postgres = to.postgres.clone().unwrap_or_default();
        settings.qdrant = to.qdrant.clone().unwrap_or_default();
    }
    let places: sync::Result<Vec<SyncEndpoint>> =
        SyncEndpoint::all_configured(&settings).into_iter().map(|(_, place)| place).collect();
    let places = places?;
    if places.is_empty() {
        let hint =
            "name one with --postgres URL or --qdrant URL, or set sync.postgres and sync.qdrant in the configuration";
        return Err(Failure::new(FailureCode::InvalidInput, "no target to sync with", Some(hint)));
    }
    Ok(places)
}

fn push_targets(to: &SyncTargetArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let memory = session.open_memory(OpenMode::Existing)?;
    let (mut rows, mut failed, mut interrupted) = (Vec::new(), None, false);
    for place in resolve_targets(to, &memory.settings().sync)? {
        let (target, name) = (place.target_name(), place.display_name());
        let bar = create_bar(session.output, "{bar:30} {human_pos}/{human_len} {per_sec} {eta}");
        let outcome =
            build_runtime()?.block_on(sync::push_changes(&memory, place, &env::current_time, &stop, &mut |sending| {
                bar.set_length(sending.total);
                bar.set_position(sending.done);
            }));
        bar.finish_and_clear();
        record_failure(&memory, target, &outcome, session);
        let pushed = match outcome {
            Ok(pushed) => pushed,
            // Still send to the other targets.
            Err(error) => {
                failed = failed.or(Some(error));
                continue;
            }
        };
        interrupted |= pushed.interrupted;
        if pushed.parked > 0 {
            let count = group_digits(pushed.parked);
            session.output.print_message(&format!(
                "warning: messages refused by {name} and set aside: {count}; `claude-memory sync status` shows why"
            ));
        }
        if session.output.is_json() {
            rows.push(serde_json::json!({
                "target": target, "messages": pushed.messages, "gone": pushed.gone, "vectors": pushed.vectors, "parked": pushed.parked,
                "interrupted": pushed.interrupted,
            }));
            continue;
        }
        let (vectors, gone) = (group_digits(pushed.vectors), group_digits(pushed.gone));
        session.output.print_line(&match target {
            "qdrant" => format!("{name}: embeddings sent: {vectors}; messages whose embeddings were deleted: {gone}"),
            _ => format!(
                "{name}: messages sent: {}, embeddings sent: {vectors}, messages deleted: {gone}",
                group_digits(pushed.messages)
            ),
        });
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "targets": rows }));
    }
    Ok(ExitCode::from(if interrupted { INTERRUPTED } else { 0 }))
}

fn pull_database(url: Option<&str>, session: &Invocation) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let memory = session.open_memory(OpenMode::Create)?;
    let place = resolve_database(url, &memory.settings().sync)?;
    let name = place.display_name();
    let known = KnownSources::read(&memory)?;
    let bar = create_bar(session.output, "{bar:30} {human_pos}/{human_len} {per_sec} {eta}");
    let outcome =
        build_runtime()?.block_on(sync::pull_postgres(&memory, place, &env::current_time, &stop, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        }));
    bar.finish_and_clear();
    record_failure(&memory, "postgres", &outcome, session);
    let pulled = outcome?;
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({
            "target": "postgres", "new": pulled.new, "changed": pulled.changed, "known": pulled.known,
            "forgotten": pulled.forgotten, "gone": pulled.gone, "hidden": pulled.hidden, "released": pulled.released,
            "vectors": pulled.vectors, "interrupted": pulled.interrupted,
            "gone_by": signers_to_json(&pulled.gone_by), "signatures": signatures_to_json(&pulled.signatures),
        }));
    } else {
        session.output.print_line(&format!(
            "{name}: new messages: {}, updated: {}, known: {}, deleted: {}{}{}",
            group_digits(pulled.new),
            group_digits(pulled.changed),
            group_digits(pulled.known),
            group_digits(pulled.gone),
            describe_signers(&pulled.gone_by),
            describe_quarantine(pulled.hidden, pulled.released)
        ));
        print_signatures(&pulled.signatures, session);
        known.print_new(&memory, session)?;
        if pulled.new > 0 && pulled.vectors == 0 {
            session
                .output
                .print_message("keyword search finds them now; run `claude-memory embed` for semantic search");
        }
    }
    Ok(ExitCode::from(if pulled.interrupted { INTERRUPTED } else { 0 }))
}

/// Describes what other machines hid and released; empty if they did neither.
fn describe_quarantine(hidden: u64, released: u64) -> String {
    match (hidden, released) {
        (0, 0) => String::new(),
        (hidden, 0) => format!(", quarantined: {}", group_digits(hidden)),
        (hidden, released) => format!(", quarantined: {}, released: {}", group_digits(hidden), group_digits(released)),
    }
}

/// Records why a target did not answer, for `status`, metrics and alerts.
fn record_failure<T>(memory: &Memory, target: &str, outcome: &sync::Result<T>, session: &Invocation) {
    if let Err(error @ (sync::Error::Target { .. } | sync::Error::Invalid { .. })) = outcome
        && let Err(error) = memory.record_probe(target, Some(error.to_string()), session.now)
    {
        tracing::debug!(%error, "failed to record the sync error of target {target}");
    }
}

fn check_targets(to: &SyncTargetArgs, repair: bool, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let (mut rows, mut failed, mut differs) = (Vec::new(), None, false);
    for place in resolve_targets(to, &memory.settings().sync)? {
        let (target, name) = (place.target_name(), place.display_name());
        let bar = create_bar(session.output, "{bar:30} {human_pos}/{human_len} sessions {eta}");
        let outcome = build_runtime()?.block_on(sync::check_target(
            &memory,
            place,
            repair,
            env::current_time(),
            &mut |done, all| {
                bar.set_length(all);
                bar.set_position(done);
            },
        ));
        bar.finish_and_clear();
        record_failure(&memory, target, &outcome, session);
        match outcome {
            Ok(compared) => {
                differs |= !compared.is_consistent();
                if session.output.is_json() {
                    rows.push(comparison_to_json(target, &compared));
                } else {
                    print_comparison(&name, &compared, repair, session);
                }
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "targets": rows }));
    }
    Ok(ExitCode::from(u8::from(differs && !repair)))
}

fn display_ids(ids: &[MessageId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn comparison_to_json(target: &str, compared: &CompareReport) -> serde_json::Value {
    serde_json::json!({
        "target": target, "conversations": compared.conversations, "messages": compared.messages,
        "missing": display_ids(&compared.missing), "different": display_ids(&compared.different), "extra": compared.extra,
        "undead": display_ids(&compared.undead), "repaired": compared.repaired, "agrees": compared.is_consistent(),
    })
}

fn print_comparison(name: &str, compared: &CompareReport, repair: bool, session: &Invocation) {
    let (messages, conversations) = (group_digits(compared.messages), group_digits(compared.conversations));
    session.output.print_line(&format!("{name}: compared messages: {messages}, sessions: {conversations}"));
    let lists = [
        ("missing there", &compared.missing),
        ("different there", &compared.different),
        ("deleted here", &compared.undead),
    ];
    for (what, ids) in lists {
        display_ids(ids).iter().for_each(|id| session.output.print_line(&format!("{what}: {id}")));
    }
    if compared.extra > 0 {
        let extra = group_digits(compared.extra);
        session.output.print_line(&format!("only there (from other machines, or cleaned up here): {extra}"));
    }
    let verdict = match (compared.is_consistent(), repair) {
        (true, _) => "the target has everything that is here".to_owned(),
        (false, true) => format!("repaired messages: {}", group_digits(compared.repaired)),
        (false, false) => "add --repair to repair the target".to_owned(),
    };
    session.output.print_line(&verdict);
}

/// Writes a file under a temporary name and publishes it when it is complete; an incomplete file is deleted.
pub(super) fn write_complete_file(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> Result<BundleCounts, Failure>,
) -> Result<BundleCounts, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(FailureCode::Unavailable, format!("cannot write {}: {error}", path.display()), None)
    };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let mut file = disk::create_private_file(&unfinished).map_err(failed)?;
    let outcome = write(&mut file);
    if matches!(&outcome, Ok(bundled) if !bundled.interrupted) {
        file.sync_all().and_then(|()| disk::publish_path(&unfinished, path)).map_err(failed)?;
    } else {
        let _ = std::fs::remove_file(&unfinished);
    }
    outcome
}

fn export_bundle(file: &Path, session: &Invocation) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let memory = session.open_memory(OpenMode::Existing)?;
    if file.exists() {
        return Err(Failure::invalid_input(format!(
            "{} already exists; a bundle is never overwritten",
            file.display()
        )));
    }
    let bar = create_bar(session.output, "{spinner} {human_pos} messages {per_sec}");
    let made = memory.last_deletion()?;
    let outcome = write_complete_file(file, |writer| {
        Ok(bundle::export_bundle(&memory, writer, session.now, &stop, &mut |done| bar.set_position(done))?)
    });
    bar.finish_and_clear();
    let bundled = outcome?;
    if bundled.interrupted {
        session.output.print_message("stopped; no bundle was written");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    record_export(&memory, file, made, session);
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({
            "path": file.display().to_string(), "messages": bundled.messages, "forgotten": bundled.forgotten,
        }));
    } else {
        let (messages, forgotten) = (group_digits(bundled.messages), group_digits(bundled.forgotten));
        session.output.print_line(&format!("{}: messages: {messages}, tombstones: {forgotten}", file.display()));
        session.output.print_message("the bundle contains all your messages: protect it like the memory itself");
    }
    Ok(ExitCode::SUCCESS)
}

fn import_bundle(file: &Path, session: &Invocation) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let reader = disk::ForeignFile::open(file).map_err(|error| {
        let code =
            if error.kind() == std::io::ErrorKind::NotFound { FailureCode::NotFound } else { FailureCode::Unavailable };
        Failure::new(code, format!("cannot read {}: {error}", file.display()), None)
    })?;
    let memory = session.open_memory(OpenMode::Create)?;
    let known = KnownSources::read(&memory)?;
    let bar = create_bar(session.output, "{spinner} {human_pos} messages {per_sec}");
    let outcome = bundle::import_bundle(&memory, reader, session.now, &stop, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let bundled = outcome?;
    if session.output.is_json() {
        let bad = bundled.bad.iter().map(|(line, why)| serde_json::json!({ "line": line, "why": why }));
        session.output.print_json(&serde_json::json!({
            "messages": bundled.messages, "forgotten": bundled.forgotten, "new": bundled.new, "changed": bundled.changed,
            "gone": bundled.gone, "hidden": bundled.hidden, "released": bundled.released, "bad": bad.collect::<Vec<_>>(), "interrupted": bundled.interrupted,
            "gone_by": signers_to_json(&bundled.gone_by), "signatures": signatures_to_json(&bundled.signatures),
        }));
    } else {
        for (line, why) in &bundled.bad {
            session.output.print_message(&format!("warning: {}:{line}: {why}", file.display()));
        }
        session.output.print_line(&format!(
            "messages: {}, new: {}, updated: {}, deleted: {}{}{}",
            group_digits(bundled.messages),
            group_digits(bundled.new),
            group_digits(bundled.changed),
            group_digits(bundled.gone),
            describe_signers(&bundled.gone_by),
            describe_quarantine(bundled.hidden, bundled.released)
        ));
        print_signatures(&bundled.signatures, session);
        known.print_new(&memory, session)?;
    }
    Ok(ExitCode::from(if bundled.interrupted { INTERRUPTED } else { 0 }))
}

fn show_status(session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let (rows, deletions) = (sync::target_statuses(&memory, session.now)?, memory.deletion_signers()?);
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "targets": rows, "deletions": signers_to_json(&deletions) }));
        return Ok(ExitCode::SUCCESS);
    }
    if deletions.count_remote() > 0 {
        session.output.print_line(&format!(
            "deletions: {}{}",
            group_digits(deletions.here + deletions.count_remote()),
            describe_signers(&deletions)
        ));
    }
    for row in rows {
        let state = match (row.up, row.configured) {
            (None, false) => "not configured".to_owned(),
            (None, true) => "not contacted yet".to_owned(),
            (Some(true), _) => "answers".to_owned(),
            (Some(false), _) => format!("does not answer: {}", row.trouble.as_deref().unwrap_or("")),
        };
        session.output.print_line(&format!("{:<10}{state}", row.name));
        if row.up.is_some() {
            let last = row.succeeded_at.as_deref().unwrap_or("never");
            session.output.print_line(&format!(
                "          last complete sync: {last}; pending changes: {}, pending embeddings: {}",
                group_digits(row.waiting_messages),
                group_digits(row.waiting_vectors)
            ));
        }
        if row.parked_total > 0 {
            let count = group_digits(row.parked_total as u64);
            session.output.print_line(&format!(
                "          refused messages, set aside: {count}; `sync check --repair` tries them again"
            ));
            for parked in &row.parked {
                session.output.print_line(&format!("          {}: {}", parked.id, parked.why));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
