//! Deletes messages from the store and from every copy of it that this program knows of, and reports what was compared
//! where. Owns the report; `memory` deletes and searches, `backup` cleans the copies.

use std::io;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::{CopyOutcome, CopyState, RemovalScope};
use crate::domain::{MessageId, Timestamp};
use crate::memory::{CheckResult, DeletedPieces, ForgetReceipt, KnownCopy, Memory, SearchedFiles};
use crate::store::{CopyKind, CopyPolicy};

/// Deleted messages that a copy keeps, in words.
pub const KEPT: &str = "deleted messages that it keeps until you agree";

/// Name of the check of copies.
const CHECK: &str = "copies";

/// Messages to delete, and how far.
#[derive(Debug, Clone)]
pub struct DeletionOrder<'a> {
    pub ids: Vec<MessageId>,
    /// Reason stored with the tombstones.
    pub reason: &'a str,
    pub requester: Requester<'a>,
    /// Fate of the messages in copies of the store.
    pub copies: CopyPolicy,
    /// True to clean backups now, false to leave that to the next backup.
    pub backups_now: bool,
    /// File with the age identity that opens encrypted backups.
    pub identity: Option<&'a Path>,
}

/// Requester of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requester<'a> {
    /// Requested by a person.
    Person,
    /// Requested by an agent, in this session if it is known. What repeats the messages there is deleted too.
    Agent(Option<&'a str>),
}

/// Kind of a place that may contain deleted texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// Data folder of the store.
    Home,
    /// Copy made by this program.
    Copy(CopyKind),
    /// Server that `sync` sends to.
    Target,
}

impl PlaceKind {
    /// Returns the name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Home => "data folder",
            Self::Copy(CopyKind::Backup) => "backup",
            Self::Copy(CopyKind::Folder) => "previous data folder",
            Self::Copy(CopyKind::Export) => "export",
            Self::Copy(CopyKind::Stream) => "backup on standard output",
            Self::Target => "sync target",
        }
    }
}

/// State of a place after a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceState {
    /// Place that was compared, and contains nothing of the messages unless files are named.
    Compared,
    /// Place that waits for its turn or for a person, with the reason.
    Waiting(String),
    /// Place that could not be compared, with the reason.
    Unread(String),
    /// Place out of reach of this program, with what to do there.
    Elsewhere(String),
}

impl PlaceState {
    /// Returns the name used in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Compared => "compared",
            Self::Waiting(_) => "waiting",
            Self::Unread(_) => "unread",
            Self::Elsewhere(_) => "elsewhere",
        }
    }

    /// Returns the reason, if the place was not compared.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Compared => None,
            Self::Waiting(why) | Self::Unread(why) | Self::Elsewhere(why) => Some(why),
        }
    }
}

/// Place that may contain deleted texts, and what was compared there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedPlace {
    pub kind: PlaceKind,
    pub path: PathBuf,
    /// Number of files that were read.
    pub files: u64,
    /// Files that still contain a piece.
    pub found_in: Vec<PathBuf>,
    /// Messages that were deleted there.
    pub removed: u64,
    pub state: PlaceState,
}

impl ComparedPlace {
    fn new(kind: PlaceKind, path: &Path, state: PlaceState) -> Self {
        Self { kind, path: path.to_owned(), files: 0, found_in: Vec::new(), removed: 0, state }
    }

    /// Builds the entry of a place that was searched.
    fn searched(kind: PlaceKind, path: &Path, searched: SearchedFiles) -> Self {
        let state = match searched.unreadable.first() {
            None => PlaceState::Compared,
            Some((path, why)) => PlaceState::Unread(format!("cannot read {}: {why}", path.display())),
        };
        Self { files: searched.files, found_in: searched.found_in, ..Self::new(kind, path, state) }
    }
}

/// Report of a deletion.
#[derive(Debug, Clone, Default)]
pub struct DeletionReport {
    /// Receipt of the store; counts are 0 if the messages had been deleted before.
    pub receipt: ForgetReceipt,
    pub places: Vec<ComparedPlace>,
}

impl DeletionReport {
    /// Returns why the deletion is not complete on this machine; empty if everything was compared and nothing was found.
    pub fn incomplete_reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if !self.receipt.log_emptied {
            let advice = "run `claude-memory init` when it has ended";
            reasons.push(format!("another process reads the database, so its log still holds old pages; {advice}"));
        }
        for place in &self.places {
            let is_elsewhere = matches!(place.state, PlaceState::Elsewhere(_));
            if let Some(why) = place.state.reason().filter(|_| !is_elsewhere) {
                reasons.push(format!("{} {}: {why}", place.kind.name(), place.path.display()));
            }
            reasons.extend(place.found_in.iter().map(|path| format!("{} contains a piece of a text", path.display())));
        }
        reasons
    }

    /// Returns true if something failed: a place that could not be compared, or that still contains a piece. What only
    /// waits for its turn has not failed.
    pub fn has_failed(&self) -> bool {
        let is_bad = |place: &ComparedPlace| matches!(place.state, PlaceState::Unread(_)) || !place.found_in.is_empty();
        !self.receipt.log_emptied || self.places.iter().any(is_bad)
    }

    /// Returns the backups that may still contain the messages.
    pub fn pending_backups(&self) -> impl Iterator<Item = &Path> {
        let is_pending = |place: &&ComparedPlace| {
            place.kind == PlaceKind::Copy(CopyKind::Backup) && place.state != PlaceState::Compared
        };
        self.places.iter().filter(is_pending).map(|place| place.path.as_path())
    }

    /// Returns the backups that were written again without the messages.
    pub fn rewritten_backups(&self) -> impl Iterator<Item = &Path> {
        let is_rewritten =
            |place: &&ComparedPlace| place.kind == PlaceKind::Copy(CopyKind::Backup) && place.removed > 0;
        self.places.iter().filter(is_rewritten).map(|place| place.path.as_path())
    }
}

/// Deletes messages and cleans the copies of the store as far as the order says. Messages that were deleted before are
/// removed from the copies that still contain them.
///
/// # Errors
/// [`memory::Error::NotFound`](crate::memory::Error::NotFound) if no message was ever stored under these ids. If the
/// store cannot be written, nothing is deleted. A copy that cannot be cleaned is no error: the report names it.
pub fn delete_everywhere(memory: &Memory, order: &DeletionOrder<'_>, now: Timestamp) -> Result<DeletionReport> {
    let DeletionOrder { ids, reason, requester, copies, .. } = order;
    // Copies found now are recorded first: they contain the messages.
    let known = super::find_copies(memory, memory.paths(), now).or_else(|_| memory.known_copies())?;
    let is_left = *copies == CopyPolicy::Remove && known.iter().any(|copy| copy.pending + copy.kept > 0);
    let was_deleted = is_left && !memory.any_stored(ids)? && memory.any_deleted(ids)?;
    let receipt = match requester {
        _ if was_deleted => ForgetReceipt { log_emptied: memory.empty_log()?, ..ForgetReceipt::default() },
        Requester::Agent(session) => memory.forget_for_session(*session, ids.clone(), reason, *copies, now)?,
        Requester::Person => memory.forget(ids.clone(), reason, *copies, now)?,
    };
    if *copies == CopyPolicy::Remove {
        memory.confirm_deletions(Some(ids.clone()))?;
    }
    let mut report = clean_copies(memory, &receipt.pieces, order.backups_now, order.identity, now)?;
    if !was_deleted {
        let home = memory.paths().home();
        report.places.insert(0, ComparedPlace::searched(PlaceKind::Home, home, receipt.searched.clone()));
    }
    report.receipt = receipt;
    Ok(report)
}

/// Confirms all deletions and removes them from all copies.
///
/// # Errors
/// If the store cannot be read or written.
pub fn finish_deletions(memory: &Memory, identity: Option<&Path>, now: Timestamp) -> Result<DeletionReport> {
    memory.confirm_deletions(None)?;
    let report = clean_copies(memory, &DeletedPieces::default(), true, identity, now)?;
    let receipt = ForgetReceipt { log_emptied: memory.empty_log()?, ..ForgetReceipt::default() };
    Ok(DeletionReport { receipt, ..report })
}

/// Checks that every copy has seen every deletion. A copy that waits for its turn is no fault; one that could not be
/// cleaned is.
pub fn check_copies(memory: &Memory, now: Timestamp) -> CheckResult {
    // A folder that can only be read cannot record what was found.
    let found = super::find_copies(memory, memory.paths(), now).or_else(|_| Ok(memory.known_copies()?));
    let copies = match found {
        Ok(copies) => copies,
        Err(error) => {
            let error: Error = error;
            return CheckResult { name: CHECK, ok: false, finding: error.to_string(), fix: error.hint() };
        }
    };
    let is_copy = |copy: &&KnownCopy| matches!(copy.kind, CopyKind::Backup | CopyKind::Folder) && copy.path.exists();
    let behind: Vec<&KnownCopy> = copies.iter().filter(is_copy).filter(|copy| copy.pending > 0).collect();
    let kept = copies.iter().filter(is_copy).map(|copy| copy.kept).max().unwrap_or(0);
    let failed = behind.iter().find_map(|copy| Some((copy, copy.trouble.as_deref()?)));
    let finding = match (failed, behind.len(), kept) {
        (Some((copy, why)), count, _) => {
            format!("copies that still contain deleted messages: {count}, for example {}: {why}", copy.path.display())
        }
        (None, 0, 0) => "every copy has seen every deletion".to_owned(),
        (None, 0, kept) => format!("{KEPT}: {kept}; `claude-memory forget --rewrite-backups` removes them"),
        (None, count, _) => format!("copies that the next backup cleans of deleted messages: {count}"),
    };
    let fix = failed
        .map(|_| "run `claude-memory forget --rewrite-backups`, with --identity FILE if it needs a key".to_owned());
    CheckResult { name: CHECK, ok: failed.is_none(), finding, fix }
}

/// Removes confirmed deletions from the copies that have not seen them, if there are any. For scheduled work.
///
/// # Errors
/// If the store cannot be read or written.
pub fn clean_pending_copies(memory: &Memory, now: Timestamp) -> Result<u64> {
    let copies = super::find_copies(memory, memory.paths(), now)?;
    let is_behind = |copy: &KnownCopy| {
        matches!(copy.kind, CopyKind::Backup | CopyKind::Folder) && copy.pending > 0 && copy.path.exists()
    };
    if !copies.iter().any(is_behind) {
        return Ok(0);
    }
    let outcomes = super::remove_from_copies(memory, memory.paths(), RemovalScope::Everything, None, now)?;
    Ok(outcomes.iter().filter(|outcome| matches!(outcome.state, CopyState::Cleaned(..))).count() as u64)
}

/// Cleans the copies, and compares each with the pieces.
fn clean_copies(
    memory: &Memory,
    pieces: &DeletedPieces,
    backups_now: bool,
    identity: Option<&Path>,
    now: Timestamp,
) -> Result<DeletionReport> {
    let scope = if backups_now { RemovalScope::Everything } else { RemovalScope::Folders };
    let mut report = DeletionReport::default();
    if let Err(error) = super::find_copies(memory, memory.paths(), now) {
        let folder = memory.paths().backups_folder();
        let state = PlaceState::Unread(error.to_string());
        report.places.push(ComparedPlace::new(PlaceKind::Copy(CopyKind::Backup), &folder, state));
    }
    for outcome in super::remove_from_copies(memory, memory.paths(), scope, identity, now)? {
        report.places.extend(describe_outcome(outcome, pieces, backups_now)?);
    }
    for copy in memory.known_copies()? {
        let kind = PlaceKind::Copy(copy.kind);
        match copy.kind {
            CopyKind::Backup | CopyKind::Folder => {}
            CopyKind::Stream => {
                let what = format!("the last one was made {}; delete it where you keep it", copy.at);
                report.places.push(ComparedPlace::new(kind, &copy.path, PlaceState::Elsewhere(what)));
            }
            CopyKind::Export if !copy.path.exists() => memory.remove_copy(&copy.path)?,
            // Nothing was deleted since it was made.
            CopyKind::Export if copy.pending + copy.kept == 0 => {}
            CopyKind::Export => report.places.push(search_export(&copy.path, pieces)?),
        }
    }
    for target in memory.snapshot()?.target_states("")? {
        let what = match target.name.as_str() {
            "postgres" => {
                "the next push deletes them; old pages, the log (WAL) and backups of the server keep the text until \
                 `VACUUM FULL` and until the log is recycled: see the runbook"
            }
            _ => "the next push deletes them",
        };
        let state = PlaceState::Elsewhere(what.to_owned());
        report.places.push(ComparedPlace::new(PlaceKind::Target, Path::new(&target.name), state));
    }
    Ok(report)
}

fn describe_outcome(outcome: CopyOutcome, pieces: &DeletedPieces, now: bool) -> Result<Option<ComparedPlace>> {
    let CopyOutcome { path, kind, state, kept } = outcome;
    let place = PlaceKind::Copy(kind);
    let described = match state {
        CopyState::Missing if path.parent().is_some_and(Path::exists) => return Ok(None),
        CopyState::Missing => {
            let why = "it is not here now; it is cleaned when it is back".to_owned();
            ComparedPlace::new(place, &path, PlaceState::Waiting(why))
        }
        CopyState::Pending(_, why) if now || kind == CopyKind::Folder => {
            ComparedPlace::new(place, &path, PlaceState::Unread(why))
        }
        CopyState::Pending(_, why) => ComparedPlace::new(place, &path, PlaceState::Waiting(why)),
        CopyState::Cleaned(removed, searched) => {
            ComparedPlace { removed, ..ComparedPlace::searched(place, &path, searched) }
        }
        CopyState::Current if kept > 0 => {
            let why = format!("{KEPT}: {kept}; `claude-memory forget --rewrite-backups` removes them");
            ComparedPlace::new(place, &path, PlaceState::Waiting(why))
        }
        CopyState::Current => ComparedPlace::new(place, &path, PlaceState::Compared),
    };
    // A folder can be searched as it is, whatever became of it.
    if kind == CopyKind::Folder && described.state == PlaceState::Compared && !pieces.is_empty() {
        let searched = pieces.search_files(&path).map_err(too_many_pieces(&path))?;
        return Ok(Some(ComparedPlace {
            removed: described.removed,
            ..ComparedPlace::searched(place, &path, searched)
        }));
    }
    Ok(Some(described))
}

/// Searches an export for the texts. It is never changed: its owner made it for a purpose.
fn search_export(path: &Path, pieces: &DeletedPieces) -> Result<ComparedPlace> {
    let kind = PlaceKind::Copy(CopyKind::Export);
    if pieces.is_empty() {
        let why = "it is older than a deletion whose texts are gone; delete it, or export again".to_owned();
        return Ok(ComparedPlace::new(kind, path, PlaceState::Unread(why)));
    }
    let mut place = ComparedPlace::searched(kind, path, pieces.search_files(path).map_err(too_many_pieces(path))?);
    if place.state == PlaceState::Compared && pieces.too_short > 0 {
        let why = format!("texts too short to be recognised in it: {}; look yourself", pieces.too_short);
        place.state = PlaceState::Unread(why);
    }
    Ok(place)
}

fn too_many_pieces(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    Error::from_io("search", path)
}
