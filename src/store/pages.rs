//! Checksums on every page of the database file. Owns the VFS layer between SQLite and the operating system's
//! files, and the id by which it knows ours; does not own the handling of a damaged page.
//!
//! SQLite notices a flipped bit only where it breaks a structure: a changed time, role or posting is simply read. So the
//! last eight bytes of a page, which SQLite leaves alone when asked to reserve them, hold a checksum of the rest and of
//! the page's place; it is written with the page and compared whenever one is read (after SQLite's own extension
//! `cksumvfs`). The write-ahead log has checksums of SQLite's own. Other programs may read such a database, not write it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// "ClMm": distinguishes our file from other SQLite databases.
pub(super) const APPLICATION_ID: i64 = 0x436c_4d6d;
/// Page size in bytes; the only one this program writes.
const PAGE_BYTES: usize = 4096;
/// Bytes at the end of a page that SQLite is asked to leave alone.
pub(super) const RESERVED_BYTES: c_int = 8;
const PAGE_BODY_BYTES: usize = PAGE_BYTES - 8;
/// Range of the application id in the database header.
const APPLICATION_ID_RANGE: std::ops::Range<usize> = 68..72;
const HEADER_BYTES: usize = 100;

/// URI parameter for a file that will become one of our databases.
pub(super) const COPY_PARAMETER: &CStr = c"copy";

/// Name under which SQLite knows this VFS layer.
const VFS_NAME: &CStr = c"claude-memory";

/// Data behind SQLite's own file object: its methods with three of them replaced, the original methods, and whether the
/// header was recognised as ours.
#[repr(C)]
struct ChecksumFile {
    methods: ffi::sqlite3_io_methods,
    below: *const ffi::sqlite3_io_methods,
    ours: bool,
}

/// Operating system's VFS, below this one.
static BELOW: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(std::ptr::null_mut());

/// Registers the layer with SQLite and returns its name. A program that opens the database by other means needs it to
/// write.
///
/// # Errors
/// The result code with which SQLite refused the registration.
pub fn checksum_vfs_name() -> Result<&'static CStr, c_int> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    match *REGISTERED.get_or_init(register_vfs) {
        ffi::SQLITE_OK => Ok(VFS_NAME),
        refused => Err(refused),
    }
}

#[expect(unsafe_code, reason = "SQLite's interface for layers is C")]
fn register_vfs() -> c_int {
    // SAFETY: the default layer lives as long as the process; the copy is leaked and lives as long too.
    unsafe {
        let below = ffi::sqlite3_vfs_find(std::ptr::null());
        let Some(default) = below.as_ref() else { return ffi::SQLITE_NOTFOUND };
        BELOW.store(below, Ordering::Release);
        let mut layer = *default;
        layer.szOsFile = c_int::try_from(tail_offset(default) + size_of::<ChecksumFile>()).unwrap_or(c_int::MAX);
        layer.zName = VFS_NAME.as_ptr();
        layer.pNext = std::ptr::null_mut();
        layer.xOpen = Some(open);
        ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 0)
    }
}

fn tail_offset(below: &ffi::sqlite3_vfs) -> usize {
    usize::try_from(below.szOsFile).unwrap_or(0).next_multiple_of(align_of::<ChecksumFile>())
}

/// Opens the file with the layer below, and installs our read and write methods if it is a database.
#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn open(
    _layer: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a file of `szOsFile` bytes, aligned for anything, that stays in place until it is closed. The
    // layer below uses the first bytes of it, the tail lies behind them.
    unsafe {
        let below = BELOW.load(Ordering::Acquire);
        let Some(open) = below.as_ref().and_then(|below| below.xOpen) else { return ffi::SQLITE_CANTOPEN };
        let code = open(below, name, file, flags, out);
        if code != ffi::SQLITE_OK || flags & ffi::SQLITE_OPEN_MAIN_DB == 0 {
            return code;
        }
        let methods = (*file).pMethods;
        let Some(replaced) = methods.as_ref() else { return code };
        let mut replaced = *replaced;
        replaced.xRead = Some(read);
        replaced.xWrite = Some(write);
        replaced.xFetch = Some(no_mapping);
        let tail = file_tail(file);
        // In a copy in progress the header is written last.
        let ours = ffi::sqlite3_uri_boolean(name, COPY_PARAMETER.as_ptr(), 0) != 0;
        tail.write(ChecksumFile { methods: replaced, below: methods, ours });
        (*file).pMethods = &raw const (*tail).methods;
        code
    }
}

#[expect(unsafe_code, reason = "arithmetic on SQLite's memory")]
unsafe fn file_tail(file: *mut ffi::sqlite3_file) -> *mut ChecksumFile {
    // SAFETY: `open` has stored the layer below, and `szOsFile` has room for the tail.
    unsafe { file.cast::<u8>().add(BELOW.load(Ordering::Acquire).as_ref().map_or(0, tail_offset)).cast() }
}

#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, bytes: c_int, at: i64) -> c_int {
    // SAFETY: SQLite calls this for files that `open` prepared, with room for `bytes` bytes.
    unsafe {
        let tail = file_tail(file);
        let Some(read) = (*(*tail).below).xRead else { return ffi::SQLITE_IOERR_READ };
        let code = read(file, into, bytes, at);
        if code != ffi::SQLITE_OK || !is_page(bytes, at) {
            return code;
        }
        let page = &*into.cast::<[u8; PAGE_BYTES]>();
        if is_ours(tail, file, page, at) && page.get(PAGE_BODY_BYTES..) != Some(&page_checksum(page, at)) {
            tracing::debug!(page = at / i64::from(bytes) + 1, "a page of the database does not match its checksum");
            return ffi::SQLITE_IOERR_DATA;
        }
        code
    }
}

#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, bytes: c_int, at: i64) -> c_int {
    // SAFETY: SQLite calls this for files that `open` prepared, with `bytes` bytes to write.
    unsafe {
        let tail = file_tail(file);
        let Some(write) = (*(*tail).below).xWrite else { return ffi::SQLITE_IOERR_WRITE };
        if is_page(bytes, at) && is_ours(tail, file, &*from.cast::<[u8; PAGE_BYTES]>(), at) {
            // SQLite may still use its page: the checksum goes into a copy.
            let mut page = *from.cast::<[u8; PAGE_BYTES]>();
            let sum = page_checksum(&page, at);
            if let Some(place) = page.get_mut(PAGE_BODY_BYTES..) {
                place.copy_from_slice(&sum);
            }
            return write(file, page.as_ptr().cast(), bytes, at);
        }
        write(file, from, bytes, at)
    }
}

/// Disables memory mapping, which would bypass the checksums.
#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn no_mapping(_: *mut ffi::sqlite3_file, _: i64, _: c_int, place: *mut *mut c_void) -> c_int {
    // SAFETY: SQLite gives the place for its pointer.
    unsafe { *place = std::ptr::null_mut() };
    ffi::SQLITE_OK
}

fn is_page(bytes: c_int, at: i64) -> bool {
    usize::try_from(bytes) == Ok(PAGE_BYTES) && at % i64::from(bytes) == 0
}

/// Returns true if the database is one of ours, by its first page. A database that is just being created is recognised
/// later.
#[expect(unsafe_code, reason = "reads through the layer below")]
unsafe fn is_ours(tail: *mut ChecksumFile, file: *mut ffi::sqlite3_file, page: &[u8; PAGE_BYTES], at: i64) -> bool {
    // SAFETY: the caller's file and its tail.
    unsafe {
        if (*tail).ours {
            return true;
        }
        let mut header = [0_u8; HEADER_BYTES];
        if at == 0 {
            header.copy_from_slice(page.get(..HEADER_BYTES).unwrap_or(&[0; HEADER_BYTES]));
        } else if let Some(read) = (*(*tail).below).xRead {
            let bytes = c_int::try_from(HEADER_BYTES).unwrap_or(0);
            // An empty file leaves zeros, which match no application id.
            let _ = read(file, header.as_mut_ptr().cast(), bytes, 0);
        }
        let application = i32::try_from(APPLICATION_ID).unwrap_or(0).to_be_bytes();
        (*tail).ours = header.get(APPLICATION_ID_RANGE) == Some(&application);
        (*tail).ours
    }
}

fn page_checksum(page: &[u8; PAGE_BYTES], at: i64) -> [u8; 8] {
    xxh3_64_with_seed(page.get(..PAGE_BODY_BYTES).unwrap_or(page), at.cast_unsigned()).to_le_bytes()
}

/// Reserves the bytes at the end of every page. SQLite honours this only before the first page is written, and in a
/// `VACUUM`.
#[expect(unsafe_code, reason = "a call that rusqlite does not wrap")]
pub(super) fn reserve_page_bytes(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let mut bytes = RESERVED_BYTES;
    // SAFETY: the connection is open, and the control reads and writes one int.
    let code = unsafe {
        let (database, place) = (connection.handle(), (&raw mut bytes).cast());
        let main: *const c_char = c"main".as_ptr();
        ffi::sqlite3_file_control(database, main, ffi::SQLITE_FCNTL_RESERVE_BYTES, place)
    };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)) }
}
