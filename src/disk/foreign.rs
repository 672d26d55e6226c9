//! Opening files that others wrote or placed: transcripts, exports, databases, bundles, models, settings, and what lies
//! in a checkout. One way for all of them, so that neither a FIFO, a device nor an endless file hangs or fills the
//! process, and an interrupted command stops reading. Owns no format.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::domain::limits;

/// True once the process was asked to end.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Makes every further read of a foreign file in this process fail. For the first Ctrl-C or SIGTERM.
pub fn stop_foreign_reads() {
    STOPPED.store(true, Ordering::Relaxed);
}

/// Returns true after [`stop_foreign_reads`].
pub fn foreign_reads_stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

fn check_stopped() -> io::Result<()> {
    if foreign_reads_stopped() { Err(io::Error::other("stopped by a signal")) } else { Ok(()) }
}

/// Treatment of a path whose last component is a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinkPolicy {
    Follow,
    Refuse,
}

/// A regular file that another program wrote, open for reading.
#[derive(Debug)]
pub struct ForeignFile(File);

impl ForeignFile {
    /// Opens a regular file. Links are followed.
    ///
    /// # Errors
    /// Any I/O error; [`io::ErrorKind::InvalidInput`] for a FIFO, a device, a socket or a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, LinkPolicy::Follow)
    }

    /// Opens a regular file whose name is no link. For names that only their own program gives.
    ///
    /// # Errors
    /// Those of [`Self::open`]; [`io::ErrorKind::InvalidInput`] for a link.
    pub fn open_unlinked(path: &Path) -> io::Result<Self> {
        Self::open_with(path, LinkPolicy::Refuse)
    }

    fn open_with(path: &Path, links: LinkPolicy) -> io::Result<Self> {
        check_stopped()?;
        // Checked before it is opened: opening a device may already do something.
        check_regular(&match links {
            LinkPolicy::Follow => fs::metadata(path)?,
            LinkPolicy::Refuse => fs::symlink_metadata(path)?,
        })?;
        let file = read_options(links).open(path)?;
        // Checked again: the name may stand for another file by now.
        check_regular(&file.metadata()?)?;
        Ok(Self(file))
    }

    /// Returns the size in bytes.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

impl Read for ForeignFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        check_stopped()?;
        self.0.read(buffer)
    }
}

impl Seek for ForeignFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

fn check_regular(data: &Metadata) -> io::Result<()> {
    if data.is_file() {
        return Ok(());
    }
    let why = if data.is_symlink() { "it is a link, which is not followed here" } else { "it is not a regular file" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Opening a FIFO that took the file's name, and reading a kernel file that waits for events, must not block.
#[cfg(unix)]
fn read_options(links: LinkPolicy) -> OpenOptions {
    let no_follow = if links == LinkPolicy::Refuse { libc::O_NOFOLLOW } else { 0 };
    let mut options = OpenOptions::new();
    options.read(true);
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY | no_follow);
    options
}

#[cfg(not(unix))]
fn read_options(_links: LinkPolicy) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Reads a whole regular file of at most `most` bytes. Links are followed.
///
/// # Errors
/// Those of [`ForeignFile::open`]; [`io::ErrorKind::FileTooLarge`] for a larger file.
pub fn read_foreign_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_whole(ForeignFile::open(path)?, most)
}

/// Reads a whole regular file of at most `most` bytes as UTF-8. Links are followed.
///
/// # Errors
/// Those of [`read_foreign_file`], or if the file is not UTF-8.
pub fn read_foreign_text(path: &Path, most: u64) -> io::Result<String> {
    decode_text(read_foreign_file(path, most)?)
}

/// Reads a whole regular file of at most `most` bytes as UTF-8. A link is refused.
///
/// # Errors
/// Those of [`ForeignFile::open_unlinked`], or if the file is larger or not UTF-8.
pub fn read_unlinked_text(path: &Path, most: u64) -> io::Result<String> {
    decode_text(read_whole(ForeignFile::open_unlinked(path)?, most)?)
}

/// Reads the first bytes of a regular file, at most `most`. Links are followed.
///
/// # Errors
/// Those of [`ForeignFile::open`].
pub fn read_foreign_head(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ForeignFile::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_whole(file: ForeignFile, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("the file is larger than {most} bytes")));
    }
    Ok(bytes)
}

fn decode_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// Bytes that an archive may still unpack to, all its entries together.
#[derive(Debug)]
pub struct UnpackBudget {
    packed_bytes: u64,
    left: AtomicU64,
}

impl UnpackBudget {
    /// Creates the budget of an archive: [`limits::UNPACK_RATIO`] times its size, at least [`limits::UNPACK_BYTES`].
    pub fn for_archive(packed_bytes: u64) -> Arc<Self> {
        Arc::new(Self { packed_bytes, left: AtomicU64::new(unpacked_bound(packed_bytes)) })
    }

    /// Takes bytes out of the budget.
    ///
    /// # Errors
    /// If fewer are left.
    fn spend(&self, bytes: u64) -> io::Result<()> {
        let take = |left: u64| left.checked_sub(bytes);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{} bytes unpack to more than {}, as no honest file does; unpack it yourself if you trust it",
            self.packed_bytes,
            unpacked_bound(self.packed_bytes)
        )))
    }
}

fn unpacked_bound(packed_bytes: u64) -> u64 {
    packed_bytes.saturating_mul(limits::UNPACK_RATIO as u64).max(limits::UNPACK_BYTES as u64)
}

/// Reader of unpacked bytes that fails once they are far more than an honest archive of that size holds.
#[derive(Debug)]
pub struct UnpackedReader<R> {
    unpacked: R,
    budget: Arc<UnpackBudget>,
}

impl<R: Read> UnpackedReader<R> {
    /// Bounds what `unpacked` gives by what is left of a budget.
    pub fn new(unpacked: R, budget: &Arc<UnpackBudget>) -> Self {
        Self { unpacked, budget: Arc::clone(budget) }
    }
}

impl<R: Read> Read for UnpackedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        check_stopped()?;
        let read = self.unpacked.read(buffer)?;
        self.budget.spend(read as u64)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_within_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        crate::disk::write_atomic(&path, b"12345").unwrap();
        assert_eq!(read_foreign_file(&path, 5).unwrap(), b"12345");
        assert_eq!(read_foreign_head(&path, 2).unwrap(), b"12");
        assert_eq!(read_foreign_text(&path, 9).unwrap(), "12345");
        assert_eq!(read_foreign_file(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_foreign_file(folder.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        crate::disk::write_atomic(&path, b"\xff").unwrap();
        assert_eq!(read_unlinked_text(&path, 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let name = std::ffi::CString::new(fifo.to_str().unwrap()).unwrap();
        #[expect(unsafe_code, reason = "a call into the C library")]
        // SAFETY: the name ends with a zero and lives as long as the call.
        let made = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
        assert_eq!(made, 0);
        let link = |name: &str, target: &Path| {
            let path = folder.path().join(name);
            std::os::unix::fs::symlink(target, &path).unwrap();
            path
        };
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let to_fifo = link("to-fifo", &fifo);
        for path in [&fifo, &to_fifo, &link("zero", Path::new("/dev/zero")), &socket, folder.path()] {
            for opened in [ForeignFile::open(path), ForeignFile::open_unlinked(path)] {
                assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::InvalidInput, "{}", path.display());
            }
        }
        let plain = folder.path().join("plain");
        crate::disk::write_atomic(&plain, b"x").unwrap();
        let to_plain = link("to-plain", &plain);
        assert_eq!(read_foreign_file(&to_plain, 1).unwrap(), b"x");
        assert!(read_unlinked_text(&to_plain, 1).unwrap_err().to_string().contains("link"));
        assert_eq!(read_unlinked_text(&plain, 1).unwrap(), "x");
    }

    #[test]
    fn an_archive_may_unpack_to_so_much_and_no_more() {
        let least = limits::UNPACK_BYTES as u64;
        assert_eq!((unpacked_bound(0), unpacked_bound(least)), (least, least * limits::UNPACK_RATIO as u64));
        let budget = UnpackBudget::for_archive(10);
        let read = |bytes: u64| io::copy(&mut UnpackedReader::new(io::repeat(0).take(bytes), &budget), &mut io::sink());
        assert_eq!(read(least - 1).unwrap(), least - 1);
        assert_eq!(read(1).unwrap(), 1, "the entries of an archive share its budget");
        assert!(read(1).unwrap_err().to_string().contains("unpack"));
    }
}
