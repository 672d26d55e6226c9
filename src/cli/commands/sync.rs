//! `sync`: the memory in other places too.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{grouped, runtime};
use crate::cli::error::Failure;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::Session;
use crate::config::{SyncSettings, env};
use crate::disk;
use crate::domain::{Code, MessageId};
use crate::memory::Memory;
use crate::store::Open;
use crate::sync::bundle::Bundled;
use crate::sync::{self, Compared, Place, PostgresPlace, bundle};

/// Keep the memory in PostgreSQL and Qdrant too, or take it from machine to machine
///
/// The local store stays the truth and goes on without the server. Sending can be stopped at any moment and goes on where it was;
/// what is forgotten here goes there too, and never comes back. A running `serve` sends by itself what is new.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory sync push --postgres postgresql://claude_memory@localhost/claude_memory_db\n  \
    claude-memory sync pull\n  claude-memory sync status\n  claude-memory sync check --repair\n  claude-memory sync bundle export memory.bundle\n\n\
    The addresses may stand in the configuration (sync.postgres, sync.qdrant). The password comes from CLAUDE_MEMORY_POSTGRES_PASSWORD\n\
    or from the file sync.postgres_password_file, the key of Qdrant from CLAUDE_MEMORY_QDRANT_KEY or sync.qdrant_key_file; neither\n\
    from an argument."
)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// Which places are meant.
#[derive(Debug, clap::Args)]
struct To {
    /// Address of the PostgreSQL database, without a password [default: setting sync.postgres]
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Address of Qdrant's gRPC port [default: setting sync.qdrant]
    #[arg(long, value_name = "URL")]
    qdrant: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send what is new; makes tables and collection at the first time
    Push {
        #[command(flatten)]
        to: To,
    },
    /// Take in what other machines have sent; what was forgotten here does not come back
    Pull {
        /// Address of the PostgreSQL database, without a password [default: setting sync.postgres]
        #[arg(long, value_name = "URL")]
        postgres: Option<String>,
    },
    /// Compare every conversation with what is there; ends with 1 when something differs
    Check {
        #[command(flatten)]
        to: To,
        /// Send what is missing or different again, and take out what was forgotten
        #[arg(long)]
        repair: bool,
    },
    /// Everything as one file, for machines that no server joins
    Bundle {
        #[command(subcommand)]
        action: BundleAction,
    },
    /// What waits, when everything was there last, and whether the servers answer
    Status,
    /// A script for psql that makes database and roles in PostgreSQL, each with no more rights than it needs
    Roles,
}

#[derive(Debug, Subcommand)]
enum BundleAction {
    /// Write everything into a file; what is in quarantine stays here
    Export {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Take in what a file holds; what was forgotten here does not come back
    Import {
        /// The file
        file: PathBuf,
    },
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    priority::lower_in_background();
    match &args.action {
        Action::Push { to } => push(to, session),
        Action::Pull { postgres } => pull(postgres.as_deref(), session),
        Action::Check { to, repair } => check(to, *repair, session),
        Action::Bundle { action: BundleAction::Export { file } } => export(file, session),
        Action::Bundle { action: BundleAction::Import { file } } => import(file, session),
        Action::Status => status(session),
        Action::Roles => {
            session.output.line(sync::ROLES.trim_end());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The database of an argument, else of the settings.
fn database(url: Option<&str>, settings: &SyncSettings) -> Result<PostgresPlace, Failure> {
    let settings = SyncSettings { postgres: url.unwrap_or(&settings.postgres).to_owned(), ..settings.clone() };
    if settings.postgres.is_empty() {
        let hint = "name it with --postgres URL, or set sync.postgres in the configuration";
        return Err(Failure::new(Code::InvalidInput, "there is no PostgreSQL database to sync with", Some(hint)));
    }
    Ok(PostgresPlace::configured(&settings, env::postgres_password())?)
}

/// The places of the arguments, else of the settings.
fn places(to: &To, settings: &SyncSettings) -> Result<Vec<Place>, Failure> {
    let mut settings = settings.clone();
    if to.postgres.is_some() || to.qdrant.is_some() {
        settings.postgres = to.postgres.clone().unwrap_or_default();
        settings.qdrant = to.qdrant.clone().unwrap_or_default();
    }
    let places: sync::Result<Vec<Place>> = Place::configured(&settings).into_iter().map(|(_, place)| place).collect();
    let places = places?;
    if places.is_empty() {
        let hint =
            "name one with --postgres URL or --qdrant URL, or set sync.postgres and sync.qdrant in the configuration";
        return Err(Failure::new(Code::InvalidInput, "there is no place to sync with", Some(hint)));
    }
    Ok(places)
}

fn push(to: &To, session: &Session) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let memory = session.open(Open::Existing)?;
    let (mut rows, mut failed, mut interrupted) = (Vec::new(), None, false);
    for place in places(to, &memory.settings().sync)? {
        let (target, name) = (place.target(), place.name());
        let bar = bar(session.output, "{bar:30} {human_pos}/{human_len} {per_sec} {eta}");
        let outcome = runtime()?.block_on(sync::push(&memory, place, &env::now, &stop, &mut |sending| {
            bar.set_length(sending.total);
            bar.set_position(sending.done);
        }));
        bar.finish_and_clear();
        note(&memory, target, &outcome, session);
        let pushed = match outcome {
            Ok(pushed) => pushed,
            // The others get theirs all the same.
            Err(error) => {
                failed = failed.or(Some(error));
                continue;
            }
        };
        interrupted |= pushed.interrupted;
        if pushed.parked > 0 {
            let count = grouped(pushed.parked);
            session.output.say(&format!(
                "warning: {name} refused {count} messages, which were set aside; `claude-memory sync status` says why"
            ));
        }
        if session.output.is_json() {
            rows.push(serde_json::json!({
                "target": target, "messages": pushed.messages, "gone": pushed.gone, "vectors": pushed.vectors, "parked": pushed.parked,
                "interrupted": pushed.interrupted,
            }));
            continue;
        }
        let (vectors, gone) = (grouped(pushed.vectors), grouped(pushed.gone));
        session.output.line(&match target {
            "qdrant" => format!("{name}: {vectors} vectors sent, those of {gone} messages taken out"),
            _ => format!("{name}: {} messages and {vectors} vectors sent, {gone} taken out", grouped(pushed.messages)),
        });
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "targets": rows }));
    }
    Ok(ExitCode::from(if interrupted { INTERRUPTED } else { 0 }))
}

fn pull(url: Option<&str>, session: &Session) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let memory = session.open(Open::Create)?;
    let place = database(url, &memory.settings().sync)?;
    let name = place.name();
    let bar = bar(session.output, "{bar:30} {human_pos}/{human_len} {per_sec} {eta}");
    let outcome = runtime()?.block_on(sync::pull_postgres(&memory, place, &env::now, &stop, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    }));
    bar.finish_and_clear();
    note(&memory, "postgres", &outcome, session);
    let pulled = outcome?;
    if session.output.is_json() {
        session.output.json(&serde_json::json!({
            "target": "postgres", "new": pulled.new, "changed": pulled.changed, "known": pulled.known,
            "forgotten": pulled.forgotten, "gone": pulled.gone, "vectors": pulled.vectors, "interrupted": pulled.interrupted,
        }));
    } else {
        session.output.line(&format!(
            "{name}: {} new messages, {} newer there, {} known; {} forgotten there are gone here",
            grouped(pulled.new),
            grouped(pulled.changed),
            grouped(pulled.known),
            grouped(pulled.gone)
        ));
        if pulled.new > 0 && pulled.vectors == 0 {
            session.output.say("they can be searched by word now; `claude-memory embed` makes their vectors");
        }
    }
    Ok(ExitCode::from(if pulled.interrupted { INTERRUPTED } else { 0 }))
}

/// Why a target did not answer is remembered for `status`, metrics and alerts.
fn note<T>(memory: &Memory, target: &str, outcome: &sync::Result<T>, session: &Session) {
    if let Err(error @ (sync::Error::Target { .. } | sync::Error::Invalid { .. })) = outcome
        && let Err(error) = memory.note_target(target, Some(error.to_string()), session.now)
    {
        tracing::debug!(%error, "that was not noted down");
    }
}

fn check(to: &To, repair: bool, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let (mut rows, mut failed, mut differs) = (Vec::new(), None, false);
    for place in places(to, &memory.settings().sync)? {
        let (target, name) = (place.target(), place.name());
        let bar = bar(session.output, "{bar:30} {human_pos}/{human_len} conversations {eta}");
        let outcome = runtime()?.block_on(sync::check(&memory, place, repair, env::now(), &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        }));
        bar.finish_and_clear();
        note(&memory, target, &outcome, session);
        match outcome {
            Ok(compared) => {
                differs |= !compared.agrees();
                if session.output.is_json() {
                    rows.push(as_json(target, &compared));
                } else {
                    print(&name, &compared, repair, session);
                }
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "targets": rows }));
    }
    Ok(ExitCode::from(u8::from(differs && !repair)))
}

fn shown(ids: &[MessageId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn as_json(target: &str, compared: &Compared) -> serde_json::Value {
    serde_json::json!({
        "target": target, "conversations": compared.conversations, "messages": compared.messages,
        "missing": shown(&compared.missing), "different": shown(&compared.different), "extra": compared.extra,
        "undead": shown(&compared.undead), "repaired": compared.repaired, "agrees": compared.agrees(),
    })
}

fn print(name: &str, compared: &Compared, repair: bool, session: &Session) {
    let (messages, conversations) = (grouped(compared.messages), grouped(compared.conversations));
    session.output.line(&format!("{name}: {messages} messages of {conversations} conversations compared"));
    let lists = [
        ("missing there", &compared.missing),
        ("different there", &compared.different),
        ("forgotten here", &compared.undead),
    ];
    for (what, ids) in lists {
        shown(ids).iter().for_each(|id| session.output.line(&format!("{what}: {id}")));
    }
    if compared.extra > 0 {
        let extra = grouped(compared.extra);
        session.output.line(&format!("{extra} are there only: of other machines, or cleaned up here"));
    }
    let verdict = match (compared.agrees(), repair) {
        (true, _) => "everything that is here is there".to_owned(),
        (false, true) => format!("{} messages were sent again", grouped(compared.repaired)),
        (false, false) => "add --repair to send that again".to_owned(),
    };
    session.output.line(&verdict);
}

/// Writes a file under another name until it is whole; half of one is of no use and goes.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> Result<Bundled, Failure>,
) -> Result<Bundled, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Code::Unavailable, format!("cannot write {}: {error}", path.display()), None)
    };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let mut file = disk::create_private_file(&unfinished).map_err(failed)?;
    let outcome = write(&mut file);
    if matches!(&outcome, Ok(bundled) if !bundled.interrupted) {
        file.sync_all().and_then(|()| disk::publish(&unfinished, path)).map_err(failed)?;
    } else {
        let _ = std::fs::remove_file(&unfinished);
    }
    outcome
}

fn export(file: &Path, session: &Session) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let memory = session.open(Open::Existing)?;
    if file.exists() {
        return Err(Failure::invalid(format!("{} is there already; a bundle is never written over", file.display())));
    }
    let bar = bar(session.output, "{spinner} {human_pos} messages {per_sec}");
    let outcome = write_whole(file, |writer| {
        Ok(bundle::export(&memory, writer, session.now, &stop, &mut |done| bar.set_position(done))?)
    });
    bar.finish_and_clear();
    let bundled = outcome?;
    if bundled.interrupted {
        session.output.say("stopped; no bundle was written");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if session.output.is_json() {
        session.output.json(&serde_json::json!({
            "path": file.display().to_string(), "messages": bundled.messages, "forgotten": bundled.forgotten,
        }));
    } else {
        let (messages, forgotten) = (grouped(bundled.messages), grouped(bundled.forgotten));
        session.output.line(&format!("{}: {messages} messages, {forgotten} marks of forgotten ones", file.display()));
        session.output.say("it holds everything that was said: keep it as you keep your memory");
    }
    Ok(ExitCode::SUCCESS)
}

fn import(file: &Path, session: &Session) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let reader = std::fs::File::open(file).map_err(|error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Unavailable };
        Failure::new(code, format!("cannot read {}: {error}", file.display()), None)
    })?;
    let memory = session.open(Open::Create)?;
    let bar = bar(session.output, "{spinner} {human_pos} messages {per_sec}");
    let outcome = bundle::import(&memory, reader, session.now, &stop, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let bundled = outcome?;
    if session.output.is_json() {
        let bad = bundled.bad.iter().map(|(line, why)| serde_json::json!({ "line": line, "why": why }));
        session.output.json(&serde_json::json!({
            "messages": bundled.messages, "forgotten": bundled.forgotten, "new": bundled.new, "changed": bundled.changed,
            "gone": bundled.gone, "bad": bad.collect::<Vec<_>>(), "interrupted": bundled.interrupted,
        }));
    } else {
        for (line, why) in &bundled.bad {
            session.output.say(&format!("warning: {}:{line}: {why}", file.display()));
        }
        session.output.line(&format!(
            "{} messages: {} new, {} newer there; {} forgotten there are gone here",
            grouped(bundled.messages),
            grouped(bundled.new),
            grouped(bundled.changed),
            grouped(bundled.gone)
        ));
    }
    Ok(ExitCode::from(if bundled.interrupted { INTERRUPTED } else { 0 }))
}

fn status(session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let rows = sync::standing(&memory, session.now)?;
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "targets": rows }));
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        let state = match (row.up, row.configured) {
            (None, false) => "not configured".to_owned(),
            (None, true) => "not asked yet".to_owned(),
            (Some(true), _) => "answers".to_owned(),
            (Some(false), _) => format!("does not answer: {}", row.trouble.as_deref().unwrap_or("")),
        };
        session.output.line(&format!("{:<10}{state}", row.name));
        if row.up.is_some() {
            let last = row.succeeded_at.as_deref().unwrap_or("never");
            session.output.line(&format!(
                "          everything was there: {last}; {} changes and {} vectors wait",
                grouped(row.waiting_messages),
                grouped(row.waiting_vectors)
            ));
        }
        if row.parked_total > 0 {
            let count = grouped(row.parked_total as u64);
            session.output.line(&format!(
                "          {count} messages were refused and are set aside; `sync check --repair` tries them again"
            ));
            for parked in &row.parked {
                session.output.line(&format!("          {}: {}", parked.id, parked.why));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
