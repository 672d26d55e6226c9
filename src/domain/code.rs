//! Stable error codes that every adapter maps to its own protocol. Does not own any error type.

use super::names::names;

/// Kind of a failure. The names are part of the public contract (`docs/reference/errors.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCode {
    /// The request itself is wrong; repeating it cannot help.
    InvalidInput,
    /// The named thing does not exist.
    NotFound,
    /// Another process holds a lock, or a queue is full.
    Busy,
    /// A dependency cannot be used at present: a model, a target.
    Unavailable,
    /// The operating system has no room left.
    DiskFull,
    /// Stored bytes differ from what was written.
    Corrupt,
    /// An earlier failure made further writing unsafe, or the database that is open was removed.
    Poisoned,
    /// The store was written by a newer version of this program.
    TooNew,
    /// A bug in this program, or a panic that was caught.
    Internal,
}

/// Advice to the caller of a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A retry fails the same way.
    Never,
    /// A retry may succeed after a pause.
    Later,
}

names!(FailureCode { InvalidInput: "invalid_input"; NotFound: "not_found"; Busy: "busy"; Unavailable: "unavailable"; DiskFull: "disk_full"; Corrupt: "corrupt"; Poisoned: "poisoned"; TooNew: "too_new"; Internal: "internal"; });

impl FailureCode {
    /// Returns the exit code of the command line.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::NotFound => 1,
            Self::InvalidInput => 2,
            Self::Busy | Self::Unavailable | Self::DiskFull => 3,
            Self::Corrupt | Self::Poisoned | Self::TooNew => 4,
            Self::Internal => 70,
        }
    }

    /// Returns the explanation that the reference prints.
    pub const fn short_explanation(self) -> &'static str {
        match self {
            Self::InvalidInput => "the request is wrong and has to be changed",
            Self::NotFound => "the named thing does not exist",
            Self::Busy => "another process holds a lock; try again in a moment",
            Self::Unavailable => "a needed part (model, runtime, permission) cannot be used now",
            Self::DiskFull => "the disk is full; nothing acknowledged was lost",
            Self::Corrupt => "stored bytes fail their checksum",
            Self::Poisoned => {
                "writing is not safe any more (a write failed, or the folder was removed); restart the process"
            }
            Self::TooNew => "the store was written by a newer claude-memory",
            Self::Internal => "a bug in claude-memory",
        }
    }

    /// Returns whether a retry can help.
    pub const fn retry_advice(self) -> Retry {
        match self {
            Self::Busy | Self::Unavailable | Self::DiskFull => Retry::Later,
            Self::InvalidInput | Self::NotFound | Self::Corrupt | Self::Poisoned | Self::TooNew | Self::Internal => {
                Retry::Never
            }
        }
    }
}
