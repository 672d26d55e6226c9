//! Checks of a folder for a database that several processes share: it must be on a disk of this machine, and the
//! caller's own. Owns the questions to the operating system; does not own the messages about the answers.

use std::io;
use std::path::Path;

/// Reason that a folder cannot hold the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnfitFolder {
    /// On a network file system of this kind: locks and shared memory do not reach other machines.
    Network(&'static str),
    /// Owned by another user, with this user id.
    Owner(u32),
}

/// Checks a folder, or the nearest one above it that exists. `None` when it can hold the database.
///
/// # Errors
/// When the operating system does not answer.
pub fn check_folder(folder: &Path) -> io::Result<Option<UnfitFolder>> {
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    if let Some(kind) = network_kind(existing)? {
        return Ok(Some(UnfitFolder::Network(kind)));
    }
    // A parent may well belong to another user.
    Ok(if existing == folder { foreign_owner(folder)?.map(UnfitFolder::Owner) } else { None })
}

/// Converts a path to a C string.
///
/// # Errors
/// When the path contains a zero byte.
#[cfg(unix)]
pub(super) fn c_path(path: &Path) -> io::Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(std::ffi::CString::new(path.as_os_str().as_bytes())?)
}

/// Returns true if the operating system permits creating files in a folder, as far as it can say without trying.
#[cfg(unix)]
pub fn is_writable(folder: &Path) -> bool {
    let Ok(path) = c_path(folder) else { return false };
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: the path ends with a zero.
    unsafe {
        libc::access(path.as_ptr(), libc::W_OK) == 0
    }
}

/// Returns true if the operating system permits creating files in a folder, as far as it can say without trying.
#[cfg(not(unix))]
pub fn is_writable(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|data| !data.permissions().readonly())
}

/// Returns the owner's user id, if it is not the user this process runs as.
#[cfg(unix)]
fn foreign_owner(folder: &Path) -> io::Result<Option<u32>> {
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder)?);
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: it takes nothing and cannot fail.
    let own = unsafe { libc::geteuid() };
    Ok((owner != own).then_some(owner))
}

/// Returns `None`: Windows keeps other users out by itself.
#[cfg(not(unix))]
fn foreign_owner(_folder: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Returns the name of the network file system that holds a folder. The numbers are those of `statfs(2)`.
#[cfg(target_os = "linux")]
fn network_kind(folder: &Path) -> io::Result<Option<&'static str>> {
    const KINDS: [(i64, &str); 9] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xfe53_4d42, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0x5346_414f, "AFS"),
        (0x7375_7245, "Coda"),
        (0x0102_1997, "9P"),
        (0x0bd0_0bd0, "Lustre"),
        (0x00c3_6400, "Ceph"),
    ];
    #[expect(clippy::useless_conversion, reason = "the number has another type on other processors")]
    let kind = i64::from(read_statfs(folder)?.f_type) & 0xffff_ffff;
    Ok(KINDS.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name))
}

/// Returns a name for a file system that macOS does not flag as local.
#[cfg(target_os = "macos")]
fn network_kind(folder: &Path) -> io::Result<Option<&'static str>> {
    let local = i64::from(read_statfs(folder)?.f_flags) & i64::from(libc::MNT_LOCAL) != 0;
    Ok((!local).then_some("a network file system"))
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn read_statfs(folder: &Path) -> io::Result<libc::statfs> {
    let path = c_path(folder)?;
    let mut answer = std::mem::MaybeUninit::<libc::statfs>::uninit();
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: the path ends with a zero and the answer has room for what is written; it is read only after success.
    unsafe {
        if libc::statfs(path.as_ptr(), answer.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(answer.assume_init())
    }
}

/// Recognises a share of another machine by its path: `\\server\share`.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn network_kind(folder: &Path) -> io::Result<Option<&'static str>> {
    use std::path::{Component, Prefix};
    let first = folder.components().next();
    let share = |prefix: Prefix<'_>| matches!(prefix, Prefix::UNC(..) | Prefix::VerbatimUNC(..));
    Ok(match first {
        Some(Component::Prefix(prefix)) if share(prefix.kind()) => Some("a network share"),
        _ => None,
    })
}

/// Returns the free and the total bytes of a folder's disk; free bytes are those this user may still use.
///
/// # Errors
/// When the operating system does not answer.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub fn disk_space(folder: &Path) -> io::Result<(u64, u64)> {
    let answer = read_statfs(folder)?;
    #[expect(clippy::useless_conversion, reason = "the numbers have other types on other systems")]
    let (free, all) = (u64::from(answer.f_bavail), u64::from(answer.f_blocks));
    let block = u64::try_from(answer.f_bsize).unwrap_or(0);
    Ok((free * block, all * block))
}

/// Fails always: the size of a disk is not read on this system.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn disk_space(_folder: &Path) -> io::Result<(u64, u64)> {
    Err(io::ErrorKind::Unsupported.into())
}
