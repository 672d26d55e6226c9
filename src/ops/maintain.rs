//! The monthly round: a backup first, then what is old goes, indexes are folded, room is given back if it is worth it, and
//! everything is compared with everything. Owns the order of steps.

use std::sync::atomic::{AtomicBool, Ordering};

use super::backup::{self, Keep, Target};
use super::error::{Error, Result};
use crate::config::Paths;
use crate::disk;
use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;
use crate::memory::{Check, Memory};
use crate::store::Old;

/// Messages that go in one transaction, so that nobody waits long.
const BATCH: usize = 500;
/// The database is written anew when so much of it, in hundredths, holds nothing.
const WORTH_PERCENT: u64 = 20;
/// Free disk that this takes, in tenths of the database.
const ROOM_TENTHS: u64 = 22;

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Messages older than so many days go; `None` leaves them.
    pub cleanup_days: Option<u32>,
    /// Count, change nothing.
    pub dry_run: bool,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// The backup that was made first.
    pub backup: Option<std::path::PathBuf>,
    /// What is older and may go, counted before.
    pub old: Old,
    /// Messages that went.
    pub removed: u64,
    /// Bytes of database and log before and after.
    pub bytes: (u64, u64),
    /// Bytes in it that held nothing.
    pub free_bytes: u64,
    /// Whether the database was written anew; `None` when it was worth it and there was no room.
    pub vacuumed: Option<bool>,
    /// Whether everything agrees.
    pub checks: Vec<Check>,
    /// Whether it was stopped before its end. What was done stays done; the next run goes on.
    pub interrupted: bool,
}

/// Does it. `progress` is told how many messages have gone of how many.
///
/// # Errors
/// When a step fails; nothing goes before there is a backup.
pub fn maintain(
    memory: &Memory,
    paths: &Paths,
    plan: Plan,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Done> {
    let size = |memory: &Memory| memory.stats().map(|stats| stats.database_bytes + stats.log_bytes);
    let mut done = Done { vacuumed: Some(false), ..Done::default() };
    let before = plan.cleanup_days.map(|days| now.minus(i64::from(days) * DAY_MS));
    if let Some(before) = before {
        done.old = memory.count_old(before)?;
    }
    done.bytes.0 = size(memory)?;
    done.free_bytes = memory.free_bytes()?;
    if plan.dry_run {
        done.bytes.1 = done.bytes.0;
        return Ok(done);
    }
    let made = backup::create(memory, paths, &Target::Own(Keep::default()), now, stop, &mut |_, _| {})?;
    let Some(made) = made else {
        return Ok(Done { interrupted: true, ..done });
    };
    done.backup = made.path;
    if let Some(before) = before {
        while !stop.load(Ordering::Relaxed) {
            let gone = memory.remove_old(before, BATCH)?;
            if gone == 0 {
                break;
            }
            done.removed += gone;
            progress(done.removed, done.old.messages);
        }
        done.interrupted = stop.load(Ordering::Relaxed);
    }
    memory.tidy()?;
    // Searches of production that were killed left texts there.
    disk::sweep(&paths.fetched()).map_err(Error::io("clear", &paths.fetched()))?;
    // What timers print has no other owner.
    let mut log = disk::RotatingLog::new(paths.cron_log()).map_err(Error::io("look at", &paths.cron_log()))?;
    log.put_aside_if_large().map_err(Error::io("put aside", &paths.cron_log()))?;
    if !done.interrupted {
        done.free_bytes = memory.free_bytes()?;
        done.vacuumed = vacuum(memory, paths, done.free_bytes)?;
        done.checks = vec![memory.integrity(), memory.reconciliation()?];
    }
    done.bytes.1 = size(memory)?;
    Ok(done)
}

/// Gives room back if much of the database holds nothing. `None` when there is no room for that.
fn vacuum(memory: &Memory, paths: &Paths, free: u64) -> Result<Option<bool>> {
    let all = memory.stats()?.database_bytes;
    if free * 100 < all * WORTH_PERCENT {
        return Ok(Some(false));
    }
    if disk::space(paths.home()).is_ok_and(|(room, _)| room < all / 10 * ROOM_TENTHS) {
        return Ok(None);
    }
    memory.vacuum()?;
    Ok(Some(true))
}
