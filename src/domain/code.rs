//! The stable error codes that every adapter maps to its own world. Does not own any error type.

/// What kind of failure this is. The names are part of the public contract (`docs/reference/errors.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request itself is wrong; repeating it cannot help.
    InvalidInput,
    /// The named thing does not exist.
    NotFound,
    /// Somebody else holds a lock, or a queue is full.
    Busy,
    /// A part that is needed cannot be used now: a model, a target.
    Unavailable,
    /// The operating system has no room left.
    DiskFull,
    /// Stored bytes are not what was written.
    Corrupt,
    /// An earlier failure made further writing unsafe, or the database that is open was removed.
    Poisoned,
    /// The store was written by a newer version of this program.
    TooNew,
    /// A bug in this program, or a panic that was caught.
    Internal,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will fail the same way.
    Never,
    /// It may succeed after a pause.
    Later,
}

impl Code {
    /// Every code, in the order of the reference.
    pub const ALL: [Self; 9] = [
        Self::InvalidInput,
        Self::NotFound,
        Self::Busy,
        Self::Unavailable,
        Self::DiskFull,
        Self::Corrupt,
        Self::Poisoned,
        Self::TooNew,
        Self::Internal,
    ];

    /// The name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::DiskFull => "disk_full",
            Self::Corrupt => "corrupt",
            Self::Poisoned => "poisoned",
            Self::TooNew => "too_new",
            Self::Internal => "internal",
        }
    }

    /// The exit code of the command line.
    pub const fn exit(self) -> u8 {
        match self {
            Self::NotFound => 1,
            Self::InvalidInput => 2,
            Self::Busy | Self::Unavailable | Self::DiskFull => 3,
            Self::Corrupt | Self::Poisoned | Self::TooNew => 4,
            Self::Internal => 70,
        }
    }

    /// What it means, for the reference.
    pub const fn meaning(self) -> &'static str {
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

    /// Whether trying again can help.
    pub const fn retry(self) -> Retry {
        match self {
            Self::Busy | Self::Unavailable | Self::DiskFull => Retry::Later,
            Self::InvalidInput | Self::NotFound | Self::Corrupt | Self::Poisoned | Self::TooNew | Self::Internal => {
                Retry::Never
            }
        }
    }
}
