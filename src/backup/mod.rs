//! Backups: created while everything runs, test-restored and compared before they get their name, kept by days, weeks
//! and months. Owns the steps; `archive` owns the format, `retention` the choice of what stays, `restore` putting one
//! back.

mod archive;
pub mod deletion;
#[cfg_attr(not(feature = "encrypted-backups"), path = "encryption_absent.rs")]
mod encryption;
mod error;
pub mod maintenance;
mod removal;
mod restore;
mod retention;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;

use crate::config::{Paths, ScheduledJob};
use crate::disk::{self, FileLock, LockGuard};
use crate::domain::{IdGenerator, Timestamp};
use crate::memory::Memory;
use crate::store::{CopyKind, OpenMode};

pub use archive::{BackupCounts, BackupManifest};
pub use encryption::BackupKeys;
pub use error::{Error, Result};
pub use removal::{CopyOutcome, CopyState, RemovalScope, find_copies, remove_from_copies};
pub use restore::{ARCHIVED_CONFIG, CarriedOver, restore_backup};
pub use retention::RetentionPolicy;

const PREFIX: &str = "claude-memory-";
const SUFFIX: &str = ".tar.zst";
/// Additional suffix of an encrypted backup.
const AGE_SUFFIX: &str = ".age";
/// Prefix of work folders; the next backup removes those left behind.
const WORK_PREFIX: &str = ".backup-";

/// Name under which the last backup to standard output is recorded.
const STREAM_COPY: &str = "standard output";

/// Destination of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupTarget {
    /// The backup folder, which is pruned afterwards.
    Own(RetentionPolicy),
    /// A folder, under a name made of the time; or a file of this name.
    Path(PathBuf),
    /// Standard output of the process.
    Stream,
}

/// Result of creating a backup.
#[derive(Debug, Clone)]
pub struct CreatedBackup {
    /// Path of the file; `None` for a stream.
    pub path: Option<PathBuf>,
    /// Length in bytes.
    pub bytes: u64,
    pub manifest: BackupManifest,
    /// Older backups that were pruned.
    pub removed: Vec<PathBuf>,
    /// Other copies, after deleted messages were removed from them.
    pub copies: Vec<CopyOutcome>,
}

/// A backup in a folder.
#[derive(Debug)]
pub struct ListedBackup {
    pub path: PathBuf,
    /// Time of creation, from its name.
    pub at: Timestamp,
    /// Length in bytes.
    pub bytes: u64,
    /// Manifest, or why it cannot be read.
    pub manifest: std::result::Result<BackupManifest, String>,
}

/// Creates a backup in the backup folder, with the default retention and without progress: for scheduled work.
pub fn create_scheduled_backup(
    memory: &Memory,
    paths: &Paths,
    now: Timestamp,
    stop: &AtomicBool,
) -> Result<Option<CreatedBackup>> {
    let target = BackupTarget::Own(RetentionPolicy::default());
    BackupRun { memory, paths, target: &target, now, stop }.create_backup(&mut |_, _| {})
}

/// One run of a backup.
#[derive(Debug, Clone, Copy)]
pub struct BackupRun<'a> {
    /// The memory that is copied.
    pub memory: &'a Memory,
    /// Its data folder.
    pub paths: &'a Paths,
    /// Where the backup goes.
    pub target: &'a BackupTarget,
    /// Time of the backup.
    pub now: Timestamp,
    /// Stops the run when it is set.
    pub stop: &'a AtomicBool,
}

impl BackupRun<'_> {
    /// Creates a backup: test-restores and compares it, and only then gives it its name. Returns `None` if it was stopped.
    /// The outcome of a backup for the backup folder is recorded, whether a person or the schedule started it, and deleted
    /// messages are then removed from the other copies.
    ///
    /// # Errors
    /// If anything cannot be read or written, or differs: then there is no backup of that name.
    pub fn create_backup(self, progress: &mut dyn FnMut(u64, u64)) -> Result<Option<CreatedBackup>> {
        let Self { memory, paths, target, now, .. } = self;
        let mut outcome = self.build_backup(progress);
        if let (BackupTarget::Own(_), Ok(Some(made))) = (target, &mut outcome) {
            // The backup is made, whatever becomes of the others.
            made.copies =
                remove_from_copies(memory, paths, RemovalScope::Everything, None, now).unwrap_or_else(|error| {
                    tracing::warn!(%error, "failed to remove deleted messages from copies");
                    Vec::new()
                });
        }
        let said = match &outcome {
            // Neither created nor failed: it was stopped, or another process is creating one.
            Ok(None) | Err(Error::Busy(_)) => None,
            Ok(Some(made)) => Some((true, format!("{} bytes", made.bytes))),
            Err(error) => Some((false, error.to_string())),
        };
        if let (BackupTarget::Own(_), Some((ok, said))) = (target, said) {
            // If recording fails too, the caller still gets the outcome.
            let _ = memory.record_run(ScheduledJob::Backup.name(), ok, said, now);
        }
        outcome
    }

    fn build_backup(self, progress: &mut dyn FnMut(u64, u64)) -> Result<Option<CreatedBackup>> {
        let Self { memory, paths, target, now, .. } = self;
        let keys = BackupKeys::recipients_of(&memory.settings().backup)?;
        let folder = match target {
            BackupTarget::Own(_) | BackupTarget::Stream => paths.backups_folder(),
            BackupTarget::Path(path) if path.is_dir() => path.clone(),
            BackupTarget::Path(path) => {
                path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
            }
        };
        let path = match target {
            BackupTarget::Path(path) if !path.is_dir() => path.clone(),
            _ => free_name(&folder, now, keys.has_recipients()),
        };
        if path.exists() {
            let message = format!("{} exists already", path.display());
            return Err(Error::Invalid { message, hint: "name another file; a backup is never overwritten" });
        }
        if matches!(target, BackupTarget::Own(_) | BackupTarget::Stream) {
            disk::create_private_folder(&folder).map_err(Error::from_io("create", &folder))?;
        }
        let _turn = lock_folder(&folder)?;
        let work = WorkFolder::new(&folder)?;
        // Read before the snapshot: what is deleted meanwhile is then removed from this backup too.
        let made = memory.last_deletion()?;
        let Some(manifest) = self.gather_files(&work.0, progress)? else { return Ok(None) };
        let unfinished = finish_archive(memory, &keys, &work, &manifest, now)?;
        let bytes = fs::metadata(&unfinished).map_err(Error::from_io("look at", &unfinished))?.len();
        if *target == BackupTarget::Stream {
            let mut file = fs::File::open(&unfinished).map_err(Error::from_io("open", &unfinished))?;
            let mut out = std::io::stdout().lock();
            std::io::copy(&mut file, &mut out)
                .and_then(|_| out.flush())
                .map_err(Error::from_io("write", Path::new("stdout")))?;
            memory.record_copy(Path::new(STREAM_COPY), CopyKind::Stream, made, true, now)?;
            return Ok(Some(CreatedBackup { path: None, bytes, manifest, removed: Vec::new(), copies: Vec::new() }));
        }
        disk::publish_path(&unfinished, &path).map_err(Error::from_io("name", &path))?;
        let path = std::path::absolute(&path).unwrap_or(path);
        memory.record_copy(&path, CopyKind::Backup, made, true, now)?;
        let removed = match target {
            BackupTarget::Own(keep) => prune_backups(&folder, *keep)?,
            _ => Vec::new(),
        };
        removed.iter().try_for_each(|path| memory.remove_copy(path))?;
        Ok(Some(CreatedBackup { path: Some(path), bytes, manifest, removed, copies: Vec::new() }))
    }

    /// Copies the files of a backup into a work folder and builds their manifest.
    fn gather_files(self, work: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Option<BackupManifest>> {
        let Self { memory, paths, now, stop, .. } = self;
        let database = work.join(archive::DATABASE);
        if !memory.snapshot()?.copy_to(&database, stop, progress)? {
            return Ok(None);
        }
        let mut files = vec![archive::measure_file(archive::DATABASE, &database)?];
        if paths.config_file().is_file() {
            let copy = work.join(archive::CONFIG);
            fs::copy(paths.config_file(), &copy).map_err(Error::from_io("copy", &paths.config_file()))?;
            files.push(archive::measure_file(archive::CONFIG, &copy)?);
        }
        // Counted in the copy: the store changes meanwhile.
        let copied =
            Paths::resolve_home(Some(work.to_owned())).map_err(|error| Error::bad_backup(work, error.to_string()))?;
        let copy = memory.open_scratch(&copied, OpenMode::Existing, IdGenerator::System, now)?;
        let stats = copy.snapshot()?.collect_stats()?;
        Ok(Some(BackupManifest::new(now.to_string(), stats.schema, count_rows(&copy)?, files)))
    }
}

/// Writes the archive of a work folder, test-restores it, and encrypts it if recipients are set. Encrypting comes last,
/// so that creating a backup needs no identity.
fn finish_archive(
    memory: &Memory,
    keys: &BackupKeys,
    work: &WorkFolder,
    manifest: &BackupManifest,
    now: Timestamp,
) -> Result<PathBuf> {
    let unfinished = work.0.join("archive");
    let write = || -> std::io::Result<()> {
        let mut file = disk::create_private_file(&unfinished)?;
        archive::write_archive(&work.0, manifest, &mut file)?;
        file.sync_all()
    };
    write().map_err(Error::from_io("write", &unfinished))?;
    test_restore(memory, keys, &unfinished, &work.0.join("restored"), false, now)?;
    if !keys.has_recipients() {
        return Ok(unfinished);
    }
    let sealed = work.0.join("sealed");
    keys.encrypt_file(&unfinished, &sealed)?;
    Ok(sealed)
}

/// Lists the backups of a folder, newest first. A folder that does not exist has none.
pub fn list_backups(folder: &Path, keys: &BackupKeys) -> Result<Vec<ListedBackup>> {
    let mut found = Vec::new();
    for (path, at) in list_named(folder)? {
        let bytes = fs::metadata(&path).map_err(Error::from_io("look at", &path))?.len();
        let manifest = archive::load_manifest(&path, keys).map_err(|error| error.to_string());
        found.push(ListedBackup { path, at, bytes, manifest });
    }
    Ok(found)
}

/// Returns the backup files of a folder, newest first, without opening them.
pub fn backup_files(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(list_named(folder)?.into_iter().map(|(path, _)| path).collect())
}

/// Returns the creation times of a folder's backups from their names, newest first.
pub fn backup_times(folder: &Path) -> Result<Vec<Timestamp>> {
    Ok(list_named(folder)?.into_iter().map(|(_, at)| at).collect())
}

/// Sums the lengths of a folder's backups.
pub fn total_bytes(folder: &Path) -> Result<u64> {
    Ok(backup_files(folder)?.iter().filter_map(|path| fs::metadata(path).ok()).map(|data| data.len()).sum())
}

/// Reads the manifest of a backup without verifying the files.
///
/// # Errors
/// [`Error::BadBackup`] if the file is not a backup of this program.
pub fn inspect_backup(path: &Path, keys: &BackupKeys) -> Result<BackupManifest> {
    archive::load_manifest(path, keys)
}

/// Returns the creation time of the newest backup of a folder, from its name.
pub fn newest_backup_time(folder: &Path) -> Option<Timestamp> {
    list_named(folder).ok()?.first().map(|(_, at)| *at)
}

/// Test-restores a backup and compares it with its manifest. `deep` also compares every text with the word index.
///
/// # Errors
/// [`Error::BadBackup`] if anything differs.
pub fn verify_backup(
    memory: &Memory,
    paths: &Paths,
    (path, keys): (&Path, &BackupKeys),
    deep: bool,
    now: Timestamp,
) -> Result<BackupManifest> {
    disk::create_private_folder(&paths.backups_folder()).map_err(Error::from_io("create", &paths.backups_folder()))?;
    let _turn = lock_folder(&paths.backups_folder())?;
    let work = WorkFolder::new(&paths.backups_folder())?;
    test_restore(memory, keys, path, &work.0.join("restored"), deep, now)
}

/// Unpacks a backup into a folder, opens it as a store and verifies it.
fn test_restore(
    memory: &Memory,
    keys: &BackupKeys,
    path: &Path,
    folder: &Path,
    deep: bool,
    now: Timestamp,
) -> Result<BackupManifest> {
    disk::create_private_folder(folder).map_err(Error::from_io("create", folder))?;
    let manifest = archive::unpack_archive(path, keys, folder)?;
    let paths =
        Paths::resolve_home(Some(folder.to_owned())).map_err(|error| Error::bad_backup(path, error.to_string()))?;
    let restored = memory
        .open_scratch(&paths, OpenMode::Existing, IdGenerator::System, now)
        .map_err(|error| Error::bad_backup(path, error.to_string()))?;
    let checked = restored.snapshot().and_then(|snapshot| {
        if deep {
            snapshot.verify_index()?;
        } else {
            snapshot.check_pages()?;
        }
        Ok(())
    });
    checked.map_err(|error| Error::bad_backup(path, error.to_string()))?;
    let counts = count_rows(&restored)?;
    if counts != manifest.counts {
        return Err(Error::bad_backup(
            path,
            format!("it contains {counts:?}, but its manifest says {:?}", manifest.counts),
        ));
    }
    drop(restored);
    fs::remove_dir_all(folder).map_err(Error::from_io("remove", folder))?;
    Ok(manifest)
}

fn count_rows(memory: &Memory) -> Result<BackupCounts> {
    let stats = memory.snapshot()?.collect_stats()?;
    Ok(BackupCounts {
        messages: stats.messages,
        conversations: stats.conversations,
        parts: stats.parts,
        vectors: stats.vectors,
        notes: stats.notes,
    })
}

/// Returns `claude-memory-20261123T100000Z.tar.zst`, with a number if one of this second exists.
fn free_name(folder: &Path, now: Timestamp, sealed: bool) -> PathBuf {
    let suffix = if sealed { format!("{SUFFIX}{AGE_SUFFIX}") } else { SUFFIX.to_owned() };
    let time = now.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string();
    unused_name(|number| match number {
        0 => folder.join(format!("{PREFIX}{time}{suffix}")),
        number => folder.join(format!("{PREFIX}{time}-{number}{suffix}")),
    })
}

/// Returns the first name that does not exist. After a thousand it gives up and returns one that may.
fn unused_name(name: impl Fn(usize) -> PathBuf) -> PathBuf {
    (0..1_000).map(&name).find(|path| !path.exists()).unwrap_or_else(|| name(1_000))
}

/// Lists the files of a folder that are named like backups, newest first.
fn list_named(folder: &Path) -> Result<Vec<(PathBuf, Timestamp)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Error::from_io("read", folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::from_io("read", folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        found.extend(parse_name(&name).map(|(at, number)| (path, at, number)));
    }
    found.sort_by_key(|(_, at, number)| std::cmp::Reverse((*at, *number)));
    Ok(found.into_iter().map(|(path, at, _)| (path, at)).collect())
}

/// Parses the time in the name of a backup, and its number among those of one second.
fn parse_name(name: &str) -> Option<(Timestamp, u32)> {
    let rest = name.strip_prefix(PREFIX)?;
    let rest = rest.strip_suffix(AGE_SUFFIX).unwrap_or(rest).strip_suffix(SUFFIX)?;
    let (time, number) = match rest.split_once('-') {
        Some((time, number)) => (time, number.parse().ok()?),
        None => (rest, 0),
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
    Some((Timestamp::from_jiff(time.to_zoned(TimeZone::UTC).ok()?.timestamp()), number))
}

fn prune_backups(folder: &Path, keep: RetentionPolicy) -> Result<Vec<PathBuf>> {
    let all = list_named(folder)?;
    let times: Vec<Timestamp> = all.iter().map(|(_, at)| *at).collect();
    let mut removed = Vec::new();
    for index in keep.select_expired(&times, &TimeZone::system()) {
        let Some((path, _)) = all.get(index) else { continue };
        fs::remove_file(path).map_err(Error::from_io("remove", path))?;
        removed.push(path.clone());
    }
    Ok(removed)
}

/// Locks a folder for one backup at a time. The owner of the lock removes work folders left behind.
fn lock_folder(folder: &Path) -> Result<LockGuard> {
    let path = folder.join(".backup.lock");
    match FileLock::try_acquire(&path).map_err(Error::from_io("lock", &path))? {
        FileLock::Taken(owner) => {
            let who = owner.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            Err(Error::Busy(format!("{who} is creating a backup in {}", folder.display())))
        }
        FileLock::Held(held) => {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            for left in entries.filter(|path| {
                path.is_dir() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(WORK_PREFIX))
            }) {
                fs::remove_dir_all(&left).map_err(Error::from_io("remove", &left))?;
            }
            Ok(held)
        }
    }
}

/// Work folder, removed on drop.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn new(beside: &Path) -> Result<Self> {
        let path = beside.join(format!("{WORK_PREFIX}{}-{}", std::process::id(), crate::domain::hash::random_hex()));
        disk::create_private_folder(&path).map_err(Error::from_io("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // The next backup removes what cannot be removed now.
        let _ = fs::remove_dir_all(&self.0);
    }
}
