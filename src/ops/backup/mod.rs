//! Backups: made while everything runs, restored and compared before they count, kept by days, weeks and months. Owns the
//! steps; the format is in `archive`, what stays in `retention`, putting one back in `restore`.

mod archive;
mod crypt;
mod restore;
mod retention;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;

use super::error::Result;
use crate::config::Paths;
use crate::disk::{self, Held, Lock};
use crate::domain::{Ids, MessageId, Timestamp};
use crate::memory::{self, Memory};
use crate::store::Open;

pub use super::error::Error;
pub use archive::{Counts, Entry, Manifest};
pub use crypt::Keys;
pub use restore::{Restored, restore};
pub use retention::Keep;

const PREFIX: &str = "claude-memory-";
const SUFFIX: &str = ".tar.zst";
/// After it when the backup is encrypted.
const SEALED: &str = ".age";
/// What work in progress is called; it is removed by whoever comes next.
const UNFINISHED: &str = ".backup-";

/// Where a backup goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The folder of backups; those that are not kept any more go.
    Own(Keep),
    /// A folder, under a name made of the time; or a file of this name.
    Path(PathBuf),
    /// Standard output.
    Stream,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Created {
    /// The file; `None` for a stream.
    pub path: Option<PathBuf>,
    /// Its length.
    pub bytes: u64,
    /// What it says about itself.
    pub manifest: Manifest,
    /// Older ones that went.
    pub removed: Vec<PathBuf>,
}

/// A backup in a folder.
#[derive(Debug)]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// When it was made, by its name.
    pub at: Timestamp,
    /// Its length.
    pub bytes: u64,
    /// What it says about itself, or why it cannot be read.
    pub manifest: std::result::Result<Manifest, String>,
}

/// The name under which the outcome of backups is noted down.
pub(super) const RUN: &str = "backup";

/// Makes a backup, restores it beside and compares, and only then gives it its name. `None` when it was stopped. How one for the
/// folder of backups went is noted down, whoever asked for it.
///
/// # Errors
/// When anything cannot be read or written, or differs: there is then no backup under that name.
pub fn create(
    memory: &Memory,
    paths: &Paths,
    target: &Target,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Created>> {
    let outcome = make(memory, paths, target, now, stop, progress);
    let said = match &outcome {
        // Neither made nor failed: somebody stopped it, or somebody else is making one.
        Ok(None) | Err(Error::Busy(_)) => None,
        Ok(Some(made)) => Some((true, format!("{} bytes", made.bytes))),
        Err(error) => Some((false, error.to_string())),
    };
    if let (Target::Own(_), Some((ok, said))) = (target, said) {
        // Where even this cannot be written, the outcome itself still reaches whoever asked.
        let _ = memory.note_run(RUN, ok, said, now);
    }
    outcome
}

fn make(
    memory: &Memory,
    paths: &Paths,
    target: &Target,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Created>> {
    let keys = Keys::of(&memory.settings().backup, None)?;
    let folder = match target {
        Target::Own(_) | Target::Stream => paths.backups(),
        Target::Path(path) if path.is_dir() => path.clone(),
        Target::Path(path) => {
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
        }
    };
    let path = match target {
        Target::Path(path) if !path.is_dir() => path.clone(),
        _ => free_name(&folder, now, keys.encrypts()),
    };
    if path.exists() {
        let message = format!("{} is there already", path.display());
        return Err(Error::Invalid { message, hint: "name another file; a backup is never written over" });
    }
    if matches!(target, Target::Own(_) | Target::Stream) {
        disk::create_private_folder(&folder).map_err(Error::io("create", &folder))?;
    }
    let _turn = turn(&folder)?;
    let work = Work::new(&folder)?;
    let Some(manifest) = gather(memory, paths, &work.0, now, stop, progress)? else { return Ok(None) };
    let unfinished = finish(memory, &keys, &work, &manifest, now)?;
    let bytes = fs::metadata(&unfinished).map_err(Error::io("look at", &unfinished))?.len();
    if *target == Target::Stream {
        let mut file = fs::File::open(&unfinished).map_err(Error::io("open", &unfinished))?;
        let mut out = std::io::stdout().lock();
        std::io::copy(&mut file, &mut out)
            .and_then(|_| out.flush())
            .map_err(Error::io("write", Path::new("stdout")))?;
        return Ok(Some(Created { path: None, bytes, manifest, removed: Vec::new() }));
    }
    disk::publish(&unfinished, &path).map_err(Error::io("name", &path))?;
    let removed = match target {
        Target::Own(keep) => prune(&folder, *keep)?,
        _ => Vec::new(),
    };
    Ok(Some(Created { path: Some(path), bytes, manifest, removed }))
}

/// Writes the archive of what lies in a work folder, restores and compares it, and encrypts it if that is wanted: whoever makes a
/// backup need not be able to read it later.
fn finish(memory: &Memory, keys: &Keys, work: &Work, manifest: &Manifest, now: Timestamp) -> Result<PathBuf> {
    let unfinished = work.0.join("archive");
    let write = || -> std::io::Result<()> {
        let mut file = disk::create_private_file(&unfinished)?;
        archive::write(&work.0, manifest, &mut file)?;
        file.sync_all()
    };
    write().map_err(Error::io("write", &unfinished))?;
    prove(memory, keys, &unfinished, &work.0.join("restored"), false, now)?;
    if !keys.encrypts() {
        return Ok(unfinished);
    }
    let sealed = work.0.join("sealed");
    keys.seal(&unfinished, &sealed)?;
    Ok(sealed)
}

/// The backups of a folder, the newest first.
///
/// # Errors
/// When the folder cannot be read; one that does not exist holds none.
pub fn list(folder: &Path, keys: &Keys) -> Result<Vec<Listed>> {
    let mut found = Vec::new();
    for (path, at) in named(folder)? {
        let bytes = fs::metadata(&path).map_err(Error::io("look at", &path))?.len();
        let manifest = archive::manifest(&path, keys).map_err(|error| error.to_string());
        found.push(Listed { path, at, bytes, manifest });
    }
    Ok(found)
}

/// The files of the backups of a folder, the newest first. Opens none.
///
/// # Errors
/// When the folder cannot be read; one that does not exist holds none.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(named(folder)?.into_iter().map(|(path, _)| path).collect())
}

/// When the backups of a folder were made, by their names, the newest first. Opens none.
///
/// # Errors
/// When the folder cannot be read.
pub fn times(folder: &Path) -> Result<Vec<Timestamp>> {
    Ok(named(folder)?.into_iter().map(|(_, at)| at).collect())
}

/// Length of all backups of a folder. Opens none.
///
/// # Errors
/// When the folder cannot be read.
pub fn bytes(folder: &Path) -> Result<u64> {
    Ok(files(folder)?.iter().filter_map(|path| fs::metadata(path).ok()).map(|data| data.len()).sum())
}

/// What a backup says about itself. Nothing is compared.
///
/// # Errors
/// [`Error::BadBackup`] when the file is not one of ours.
pub fn look(path: &Path, keys: &Keys) -> Result<Manifest> {
    archive::manifest(path, keys)
}

/// When the newest backup of a folder was made, by its name. Opens nothing.
pub fn newest(folder: &Path) -> Option<Timestamp> {
    named(folder).ok()?.first().map(|(_, at)| *at)
}

/// Takes messages out of every backup of the folder of backups: each is restored, forgets, and is made anew under its name.
/// Returns those that held any.
///
/// # Errors
/// When one cannot be read or written; it is then as it was, and so are those after it.
pub fn forget(memory: &Memory, paths: &Paths, ids: &[MessageId], reason: &str, now: Timestamp) -> Result<Vec<PathBuf>> {
    let folder = paths.backups();
    let all = named(&folder)?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::of(&memory.settings().backup, None)?;
    let _turn = turn(&folder)?;
    let mut rewritten = Vec::new();
    for (path, _) in all {
        let work = Work::new(&folder)?;
        let old = archive::unpack(&path, &keys, &work.0)?;
        let inside = Paths::resolve(Some(work.0.clone())).map_err(|error| Error::bad(&path, error.to_string()))?;
        let restored = memory.beside(&inside, Open::Existing, Ids::System, now)?;
        let (held, counts) = match restored.forget(ids.to_vec(), reason, now) {
            Ok(receipt) => (receipt.messages > 0, counts(&restored)?),
            Err(memory::Error::NotFound { .. }) => (false, old.counts),
            Err(error) => return Err(error.into()),
        };
        // Its log is in the database when nobody has it open.
        drop(restored);
        if !held {
            continue;
        }
        let measured = old.files.iter().map(|file| archive::measure(&file.name, &work.0.join(&file.name)));
        let manifest = Manifest { counts, files: measured.collect::<Result<_>>()?, ..old };
        // As it was: one that was not encrypted is not now.
        let sealed = path.extension().is_some_and(|kind| kind == "age");
        let for_whom = if sealed { keys.clone() } else { keys.reading() };
        let unfinished = finish(memory, &for_whom, &work, &manifest, now)?;
        disk::publish(&unfinished, &path).map_err(Error::io("name", &path))?;
        rewritten.push(path);
    }
    Ok(rewritten)
}

/// Restores a backup beside the store, compares it with what it says, and takes it away again. `deep` also compares every
/// text with the words.
///
/// # Errors
/// [`Error::BadBackup`] when anything differs.
pub fn verify(
    memory: &Memory,
    paths: &Paths,
    (path, keys): (&Path, &Keys),
    deep: bool,
    now: Timestamp,
) -> Result<Manifest> {
    disk::create_private_folder(&paths.backups()).map_err(Error::io("create", &paths.backups()))?;
    let _turn = turn(&paths.backups())?;
    let work = Work::new(&paths.backups())?;
    prove(memory, keys, path, &work.0.join("restored"), deep, now)
}

/// Unpacks, opens as a store, and looks.
fn prove(memory: &Memory, keys: &Keys, path: &Path, folder: &Path, deep: bool, now: Timestamp) -> Result<Manifest> {
    disk::create_private_folder(folder).map_err(Error::io("create", folder))?;
    let manifest = archive::unpack(path, keys, folder)?;
    let paths = Paths::resolve(Some(folder.to_owned())).map_err(|error| Error::bad(path, error.to_string()))?;
    let restored =
        memory.beside(&paths, Open::Existing, Ids::System, now).map_err(|error| Error::bad(path, error.to_string()))?;
    let checked = if deep { restored.verify() } else { restored.check_pages() };
    checked.map_err(|error| Error::bad(path, error.to_string()))?;
    let counts = counts(&restored)?;
    if counts != manifest.counts {
        return Err(Error::bad(path, format!("it holds {counts:?} where its manifest says {:?}", manifest.counts)));
    }
    drop(restored);
    fs::remove_dir_all(folder).map_err(Error::io("remove", folder))?;
    Ok(manifest)
}

/// The files of a backup in a folder of their own, and what they are.
fn gather(
    memory: &Memory,
    paths: &Paths,
    work: &Path,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Manifest>> {
    let database = work.join(archive::DATABASE);
    if !memory.copy_database(&database, stop, progress)? {
        return Ok(None);
    }
    let mut files = vec![archive::measure(archive::DATABASE, &database)?];
    if paths.config().is_file() {
        let copy = work.join(archive::CONFIG);
        fs::copy(paths.config(), &copy).map_err(Error::io("copy", &paths.config()))?;
        files.push(archive::measure(archive::CONFIG, &copy)?);
    }
    // Counted in the copy: the store goes on.
    let copied = Paths::resolve(Some(work.to_owned())).map_err(|error| Error::bad(work, error.to_string()))?;
    let copy = memory.beside(&copied, Open::Existing, Ids::System, now)?;
    let stats = copy.stats()?;
    Ok(Some(Manifest::new(now.to_string(), stats.schema, counts(&copy)?, files)))
}

fn counts(memory: &Memory) -> Result<Counts> {
    let stats = memory.stats()?;
    Ok(Counts {
        messages: stats.messages,
        conversations: stats.conversations,
        parts: stats.parts,
        vectors: stats.vectors,
        notes: stats.notes,
    })
}

/// `claude-memory-20261123T100000Z.tar.zst`, with a number when there is one of this second.
fn free_name(folder: &Path, now: Timestamp, sealed: bool) -> PathBuf {
    let suffix = if sealed { format!("{SUFFIX}{SEALED}") } else { SUFFIX.to_owned() };
    let time = now.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string();
    unused(|number| match number {
        0 => folder.join(format!("{PREFIX}{time}{suffix}")),
        number => folder.join(format!("{PREFIX}{time}-{number}{suffix}")),
    })
}

/// The first name that nothing has. More than a thousand in one second are not told apart.
fn unused(name: impl Fn(usize) -> PathBuf) -> PathBuf {
    (0..1_000).map(&name).find(|path| !path.exists()).unwrap_or_else(|| name(1_000))
}

/// The files of a folder that are named as backups are, the newest first.
fn named(folder: &Path) -> Result<Vec<(PathBuf, Timestamp)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Error::io("read", folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        found.extend(moment(&name).map(|(at, number)| (path, at, number)));
    }
    found.sort_by_key(|(_, at, number)| std::cmp::Reverse((*at, *number)));
    Ok(found.into_iter().map(|(path, at, _)| (path, at)).collect())
}

/// The moment in the name of a backup, and its number among those of one second.
fn moment(name: &str) -> Option<(Timestamp, u32)> {
    let rest = name.strip_prefix(PREFIX)?;
    let rest = rest.strip_suffix(SEALED).unwrap_or(rest).strip_suffix(SUFFIX)?;
    let (time, number) = match rest.split_once('-') {
        Some((time, number)) => (time, number.parse().ok()?),
        None => (rest, 0),
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
    Some((Timestamp::from_jiff(time.to_zoned(TimeZone::UTC).ok()?.timestamp()), number))
}

fn prune(folder: &Path, keep: Keep) -> Result<Vec<PathBuf>> {
    let all = named(folder)?;
    let times: Vec<Timestamp> = all.iter().map(|(_, at)| *at).collect();
    let mut removed = Vec::new();
    for index in keep.superfluous(&times, &TimeZone::system()) {
        let Some((path, _)) = all.get(index) else { continue };
        fs::remove_file(path).map_err(Error::io("remove", path))?;
        removed.push(path.clone());
    }
    Ok(removed)
}

/// One backup at a time in a folder. Whoever has the turn removes what others left unfinished.
fn turn(folder: &Path) -> Result<Held> {
    let path = folder.join(".backup.lock");
    match Lock::try_take(&path).map_err(Error::io("lock", &path))? {
        Lock::Taken(owner) => {
            let who = owner.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            Err(Error::Busy(format!("{who} is making a backup in {}", folder.display())))
        }
        Lock::Held(held) => {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            for left in entries.filter(|path| {
                path.is_dir() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
            }) {
                fs::remove_dir_all(&left).map_err(Error::io("remove", &left))?;
            }
            Ok(held)
        }
    }
}

/// A folder for work in progress, gone afterwards.
struct Work(PathBuf);

impl Work {
    fn new(beside: &Path) -> Result<Self> {
        let path = beside.join(format!("{UNFINISHED}{}-{}", std::process::id(), crate::domain::hash::nonce()));
        disk::create_private_folder(&path).map_err(Error::io("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next one.
        let _ = fs::remove_dir_all(&self.0);
    }
}
