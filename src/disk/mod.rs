//! Bytes on disk: atomic writes, private modes, files of others, locks with an owner, and the identity of a checkout.
//! Owns no file format. Knows nothing of SQLite.

mod atomic;
pub mod checkout;
mod folder_check;
mod foreign;
mod key_file;
mod lines;
mod lock;
mod mmap;
mod private;
mod rotating;
mod scratch;
mod section_file;

pub use atomic::{create_atomic, publish_path, swap_folders, sync_parent_folder, write_atomic};
pub use folder_check::{UnfitFolder, check_folder, disk_space, is_writable};
pub use foreign::{
    ForeignFile, UnpackBudget, UnpackedReader, foreign_reads_stopped, read_foreign_file, read_foreign_head,
    read_foreign_text, stop_foreign_reads,
};
pub use key_file::read_or_create_key;
pub use lines::{BoundedLine, read_bounded_line};
pub use lock::{FileLock, LockGuard};
#[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
pub use mmap::map_file;
pub use private::{FileId, create_private_file, create_private_folder, open_private_append};
pub use rotating::RotatingLog;
pub use scratch::{ScratchFolder, sweep_scratch};
pub use section_file::{SectionFile, VerifiedSectionFile};
