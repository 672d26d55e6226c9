//! Bytes on disk: atomic writes, private modes, locks with an owner, and reading a checkout's identity.
//! Owns no file format. Knows nothing of SQLite.

mod atomic;
pub mod checkout;
mod lock;
mod map;
mod place;
mod private;
mod rotating;
mod scratch;
mod snapshot;

pub use atomic::{create_atomic, publish, swap, sync_folder_of, write_atomic};
pub use lock::{Held, Lock};
pub use map::map;
pub use place::{Unfit, is_writable, space, unfit};
pub use private::{FileId, append_private, create_private_file, create_private_folder};
pub use rotating::RotatingLog;
pub use scratch::{Scratch, sweep};
pub use snapshot::{Snapshot, Whole};
