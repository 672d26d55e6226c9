//! Restores a backup: next to the data folder first, then swapped in with one rename. The previous folder is kept under
//! another name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BackupKeys, BackupManifest, WorkFolder, archive, test_restore, unused_name};
use crate::backup::{Error, Result};
use crate::config::{Paths, remove_guarded_settings};
use crate::disk;
use crate::domain::{Timestamp, limits};
use crate::memory::Memory;
use crate::store::CopyKind;

/// Files not copied from the previous folder: the database comes from the backup, and the rest is rebuilt from it.
const NOT_CARRIED_OVER: [&str; 6] = ["memory.db", "memory.db-wal", "memory.db-shm", "index", "injections", "backups"];

/// Result of a restore.
#[derive(Debug, Clone)]
pub struct RestoredStore {
    pub manifest: BackupManifest,
    /// New name of the previous data folder; `None` if there was none.
    pub before: Option<PathBuf>,
    /// Messages of the backup that were deleted or quarantined again, as they were in the previous data folder.
    pub carried_over: CarriedOver,
    /// Settings of the backup that were not restored, because an archive must not choose programs or servers.
    pub left_out: Vec<String>,
}

/// Deletions and quarantine that a restored store takes over from the previous one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedOver {
    pub deleted: u64,
    pub quarantined: u64,
    /// Reason why they could not be read: what was deleted since the backup is then back.
    pub trouble: Option<String>,
}

/// Copy of the backup's settings, which nothing reads, if some of them were not restored.
pub const ARCHIVED_CONFIG: &str = "config.from-backup.toml";

/// Replaces the data folder with a backup. `opener` opens a folder as a store: the current one need not be readable.
///
/// # Errors
/// [`Error::BadBackup`] if the backup is damaged, [`Error::Busy`] if another process uses the store; the data folder is
/// then unchanged.
pub fn restore_backup(
    paths: &Paths,
    (path, keys): (&Path, &BackupKeys),
    now: Timestamp,
    opener: &dyn Fn(&Paths) -> crate::memory::Result<Memory>,
) -> Result<RestoredStore> {
    let home = paths.home();
    let parent = home.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(Error::from_io("create", parent))?;
    let work = WorkFolder::new(parent)?;
    let new = work.0.join("new");
    disk::create_private_folder(&new).map_err(Error::from_io("create", &new))?;
    // Verified before anything is changed; then unpacked again into its final place.
    let scratch = Paths::resolve_home(Some(work.0.join("looked-at")))
        .map_err(|error| Error::bad_backup(path, error.to_string()))?;
    archive::load_manifest(path, keys)?;
    let looking = opener(&scratch)?;
    test_restore(&looking, keys, path, &work.0.join("proved"), false, now)?;
    drop(looking);
    let manifest = archive::unpack_archive(path, keys, &new)?;
    let archived_config = take_archived_config(&new)?;
    if !home.exists() {
        let left_out = restore_settings(&new, archived_config.as_deref())?;
        disk::publish_path(&new, home).map_err(Error::from_io("name", home))?;
        return Ok(RestoredStore { manifest, before: None, carried_over: CarriedOver::default(), left_out });
    }
    if let Some(error) = in_use_error(paths, opener) {
        return Err(error);
    }
    carry_over_files(home, &new)?;
    let left_out = restore_settings(&new, archived_config.as_deref())?;
    let before = previous_folder_name(home, now);
    let carried_over = carry_over_deletions(paths, &new, &before, now, opener)?;
    // Placed under the previous folder's future name, so that one swap suffices: both are complete at any moment.
    disk::publish_path(&new, &before).map_err(Error::from_io("name", &before))?;
    disk::swap_folders(&before, home).map_err(Error::from_io("put back", home))?;
    // Right behind the swap, before anything else can fail: the next run looks for backups here.
    let backups = before.join("backups");
    if backups.is_dir() {
        disk::publish_path(&backups, &paths.backups_folder()).map_err(Error::from_io("move", &backups))?;
    }
    disk::sync_parent_folder(home).map_err(Error::from_io("sync", parent))?;
    Ok(RestoredStore { manifest, before: Some(before), carried_over, left_out })
}

/// Deletes and quarantines in the restored store what was deleted and quarantined since the backup. The previous folder
/// becomes one of its copies. A current store that cannot be read is no error: restoring is the way out of that.
fn carry_over_deletions(
    paths: &Paths,
    new: &Path,
    before: &Path,
    now: Timestamp,
    opener: &dyn Fn(&Paths) -> crate::memory::Result<Memory>,
) -> Result<CarriedOver> {
    if !paths.database_file().exists() {
        return Ok(CarriedOver::default());
    }
    let state = opener(paths).and_then(|memory| Ok((memory.deletion_state()?, memory.last_deletion()?)));
    let (state, last) = match state {
        Ok(read) => read,
        Err(error) => return Ok(CarriedOver { trouble: Some(error.to_string()), ..CarriedOver::default() }),
    };
    let inside =
        Paths::resolve_home(Some(new.to_owned())).map_err(|error| Error::bad_backup(new, error.to_string()))?;
    let restored = opener(&inside)?;
    let (deleted, quarantined) = restored.apply_deletion_state(state, now)?;
    restored.record_copy(before, CopyKind::Folder, last, true, now)?;
    drop(restored);
    Ok(CarriedOver { deleted, quarantined, trouble: None })
}

/// Reads the settings of an unpacked archive and removes them from its folder.
fn take_archived_config(new: &Path) -> Result<Option<String>> {
    let file = new.join(archive::CONFIG);
    if !file.exists() {
        return Ok(None);
    }
    let text = disk::read_foreign_text(&file, limits::CONFIG_BYTES as u64);
    fs::remove_file(&file).map_err(Error::from_io("remove", &file))?;
    // A file that could not be read as settings sets nothing.
    Ok(text.ok())
}

/// Writes the settings of the archive, if the previous folder had none, without those that choose programs, libraries,
/// servers or keys. Returns the names of these; a file beside keeps their values.
fn restore_settings(new: &Path, archived: Option<&str>) -> Result<Vec<String>> {
    let file = new.join(archive::CONFIG);
    let Some(archived) = archived.filter(|_| !file.exists()) else { return Ok(Vec::new()) };
    let write = |name: &str, text: &str| {
        let path = new.join(name);
        disk::write_atomic(&path, text.as_bytes()).map_err(Error::from_io("write", &path))
    };
    let Some((rest, left_out)) = remove_guarded_settings(archived) else {
        write(ARCHIVED_CONFIG, archived)?;
        return Ok(vec![archive::CONFIG.to_owned()]);
    };
    write(archive::CONFIG, &rest)?;
    if !left_out.is_empty() {
        write(ARCHIVED_CONFIG, archived)?;
    }
    Ok(left_out)
}

/// Returns an error if another process has the database open. A store that cannot be opened counts as unused.
fn in_use_error(paths: &Paths, opener: &dyn Fn(&Paths) -> crate::memory::Result<Memory>) -> Option<Error> {
    if !paths.database_file().exists() {
        return None;
    }
    let alone = opener(paths).and_then(|memory| memory.is_only_connection());
    match alone {
        Ok(false) => Some(Error::Busy(format!(
            "another process uses the memory in {}; end the sessions and servers that use it",
            paths.home().display()
        ))),
        Ok(true) | Err(_) => None,
    }
}

/// Copies keys, tokens and installed files to the new folder; also the settings, if there are any.
fn carry_over_files(home: &Path, new: &Path) -> Result<()> {
    for entry in fs::read_dir(home).map_err(Error::from_io("read", home))? {
        let entry = entry.map_err(Error::from_io("read", home))?;
        let name = entry.file_name();
        let stays =
            name.to_str().is_some_and(|name| NOT_CARRIED_OVER.contains(&name) || name.starts_with(super::WORK_PREFIX));
        if !stays {
            copy_tree(&entry.path(), &new.join(&name)).map_err(Error::from_io("copy", &entry.path()))?;
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?;
    if kind.is_dir() {
        disk::create_private_folder(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if kind.is_file() {
        fs::copy(from, to)?;
        fs::File::open(to)?.sync_all()?;
    }
    Ok(())
}

fn previous_folder_name(home: &Path, now: Timestamp) -> PathBuf {
    let time = now.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = |number: usize| {
        let mut name = home.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".before-{time}{}", if number == 0 { String::new() } else { format!("-{number}") }));
        home.with_file_name(name)
    };
    unused_name(name)
}
