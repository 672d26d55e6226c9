//! A checksum on every page of the database file. Owns the layer between SQLite and the operating system's files; does
//! not own what is done about a damaged page.
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

use super::connection::APPLICATION_ID;

/// Size of a page; the only one this program writes.
const PAGE: usize = 4096;
/// Bytes at the end of a page that SQLite is asked to leave alone.
pub(super) const RESERVED: c_int = 8;
const BODY: usize = PAGE - 8;
/// Where the database's header says whose it is.
const APPLICATION_AT: std::ops::Range<usize> = 68..72;
const HEADER: usize = 100;

/// The parameter of a file's name that says that it will be one of our databases.
pub(super) const COPY: &CStr = c"copy";

/// The name under which SQLite knows this layer.
const NAME: &CStr = c"claude-memory";

/// What stands behind SQLite's own file: its methods with three of them replaced, the methods as they were, and
/// whether the header was seen to be ours.
#[repr(C)]
struct Tail {
    methods: ffi::sqlite3_io_methods,
    below: *const ffi::sqlite3_io_methods,
    ours: bool,
}

/// The operating system's layer, on which this one stands.
static BELOW: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(std::ptr::null_mut());

/// Makes the layer known to SQLite and returns its name. Whoever opens the database by other means needs it to write.
///
/// # Errors
/// The code with which SQLite refused.
pub fn page_checksums() -> Result<&'static CStr, c_int> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    match *REGISTERED.get_or_init(register) {
        ffi::SQLITE_OK => Ok(NAME),
        refused => Err(refused),
    }
}

#[expect(unsafe_code, reason = "SQLite's interface for layers is C")]
fn register() -> c_int {
    // SAFETY: the default layer lives as long as the process; the copy is leaked and lives as long too.
    unsafe {
        let below = ffi::sqlite3_vfs_find(std::ptr::null());
        let Some(default) = below.as_ref() else { return ffi::SQLITE_NOTFOUND };
        BELOW.store(below, Ordering::Release);
        let mut layer = *default;
        layer.szOsFile = c_int::try_from(tail_offset(default) + size_of::<Tail>()).unwrap_or(c_int::MAX);
        layer.zName = NAME.as_ptr();
        layer.pNext = std::ptr::null_mut();
        layer.xOpen = Some(open);
        ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 0)
    }
}

fn tail_offset(below: &ffi::sqlite3_vfs) -> usize {
    usize::try_from(below.szOsFile).unwrap_or(0).next_multiple_of(align_of::<Tail>())
}

/// Lets the layer below open the file, and puts our reading and writing in front of its own if it is a database.
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
        let tail = tail(file);
        // Of a copy that is being made the header comes last.
        let ours = ffi::sqlite3_uri_boolean(name, COPY.as_ptr(), 0) != 0;
        tail.write(Tail { methods: replaced, below: methods, ours });
        (*file).pMethods = &raw const (*tail).methods;
        code
    }
}

#[expect(unsafe_code, reason = "arithmetic on SQLite's memory")]
unsafe fn tail(file: *mut ffi::sqlite3_file) -> *mut Tail {
    // SAFETY: `open` has stored the layer below, and `szOsFile` has room for the tail.
    unsafe { file.cast::<u8>().add(BELOW.load(Ordering::Acquire).as_ref().map_or(0, tail_offset)).cast() }
}

#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, bytes: c_int, at: i64) -> c_int {
    // SAFETY: SQLite calls this for files that `open` prepared, with room for `bytes` bytes.
    unsafe {
        let tail = tail(file);
        let Some(read) = (*(*tail).below).xRead else { return ffi::SQLITE_IOERR_READ };
        let code = read(file, into, bytes, at);
        if code != ffi::SQLITE_OK || !is_page(bytes, at) {
            return code;
        }
        let page = &*into.cast::<[u8; PAGE]>();
        if is_ours(tail, file, page, at) && page.get(BODY..) != Some(&checksum(page, at)) {
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
        let tail = tail(file);
        let Some(write) = (*(*tail).below).xWrite else { return ffi::SQLITE_IOERR_WRITE };
        if is_page(bytes, at) && is_ours(tail, file, &*from.cast::<[u8; PAGE]>(), at) {
            // SQLite may still use its page: the checksum goes into a copy.
            let mut page = *from.cast::<[u8; PAGE]>();
            let sum = checksum(&page, at);
            if let Some(place) = page.get_mut(BODY..) {
                place.copy_from_slice(&sum);
            }
            return write(file, page.as_ptr().cast(), bytes, at);
        }
        write(file, from, bytes, at)
    }
}

/// Pages that are mapped into memory would be read unseen.
#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn no_mapping(_: *mut ffi::sqlite3_file, _: i64, _: c_int, place: *mut *mut c_void) -> c_int {
    // SAFETY: SQLite gives the place for its pointer.
    unsafe { *place = std::ptr::null_mut() };
    ffi::SQLITE_OK
}

fn is_page(bytes: c_int, at: i64) -> bool {
    usize::try_from(bytes) == Ok(PAGE) && at % i64::from(bytes) == 0
}

/// Whether the database is one of ours: its first page says so. A database that is just being made says so later.
#[expect(unsafe_code, reason = "reads through the layer below")]
unsafe fn is_ours(tail: *mut Tail, file: *mut ffi::sqlite3_file, page: &[u8; PAGE], at: i64) -> bool {
    // SAFETY: the caller's file and its tail.
    unsafe {
        if (*tail).ours {
            return true;
        }
        let mut header = [0_u8; HEADER];
        if at == 0 {
            header.copy_from_slice(page.get(..HEADER).unwrap_or(&[0; HEADER]));
        } else if let Some(read) = (*(*tail).below).xRead {
            let bytes = c_int::try_from(HEADER).unwrap_or(0);
            // An empty file leaves zeros, which are nobody's.
            let _ = read(file, header.as_mut_ptr().cast(), bytes, 0);
        }
        let application = i32::try_from(APPLICATION_ID).unwrap_or(0).to_be_bytes();
        (*tail).ours = header.get(APPLICATION_AT) == Some(&application);
        (*tail).ours
    }
}

fn checksum(page: &[u8; PAGE], at: i64) -> [u8; 8] {
    xxh3_64_with_seed(page.get(..BODY).unwrap_or(page), at.cast_unsigned()).to_le_bytes()
}

/// Asks for the bytes at the end of every page; only heard before the first page is written, and by a `VACUUM`.
#[expect(unsafe_code, reason = "a call that rusqlite does not wrap")]
pub(super) fn reserve(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let mut bytes = RESERVED;
    // SAFETY: the connection is open, and the control reads and writes one int.
    let code = unsafe {
        let (database, place) = (connection.handle(), (&raw mut bytes).cast());
        let main: *const c_char = c"main".as_ptr();
        ffi::sqlite3_file_control(database, main, ffi::SQLITE_FCNTL_RESERVE_BYTES, place)
    };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)) }
}
