//! Monthly maintenance: back up, delete old messages, optimise indexes, vacuum if worthwhile, verify. Owns the order of
//! the steps.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{Error, Result};
use crate::backup;
use crate::config::Paths;
use crate::disk;
use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;
use crate::memory::{CheckResult, Memory};
use crate::store::OldMessageCounts;

/// Messages deleted per transaction, so that other writers do not wait long.
const BATCH: usize = 500;
/// Percentage of free pages from which the database is vacuumed.
const VACUUM_FREE_PERCENT: u64 = 20;
/// Free disk space that a vacuum needs, in tenths of the database.
const VACUUM_SPACE_TENTHS: u64 = 22;

/// Options of a maintenance run.
#[derive(Debug, Clone, Copy)]
pub struct MaintenancePlan {
    /// Delete messages older than this many days; `None` deletes nothing.
    pub cleanup_days: Option<u32>,
    /// Only count what would be deleted.
    pub dry_run: bool,
}

/// Result of a maintenance run.
#[derive(Debug, Default)]
pub struct MaintenanceReport {
    /// Path of the backup made first.
    pub backup: Option<std::path::PathBuf>,
    /// Messages that were due for deletion, counted before.
    pub old: OldMessageCounts,
    /// Messages that were deleted.
    pub removed: u64,
    /// Bytes of database and log before and after.
    pub bytes: (u64, u64),
    /// Bytes of unused pages before the vacuum.
    pub free_bytes: u64,
    /// True if the database was vacuumed; `None` if it should have been but the disk had no room.
    pub vacuumed: Option<bool>,
    /// Results of the verification.
    pub checks: Vec<CheckResult>,
    /// True if it was stopped. Finished steps stay done; the next run continues.
    pub interrupted: bool,
}

/// Runs maintenance. `progress` gets the number of deleted messages and the total.
///
/// # Errors
/// If a step fails. Nothing is deleted before a backup exists.
pub fn run_maintenance(
    memory: &Memory,
    paths: &Paths,
    plan: MaintenancePlan,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<MaintenanceReport> {
    let size = |memory: &Memory| -> Result<u64> {
        let stats = memory.snapshot()?.collect_stats()?;
        Ok(stats.database_bytes + stats.log_bytes)
    };
    let mut done = MaintenanceReport { vacuumed: Some(false), ..MaintenanceReport::default() };
    let before = plan.cleanup_days.map(|days| now.minus_milliseconds(i64::from(days) * DAY_MS));
    if let Some(before) = before {
        done.old = memory.snapshot()?.count_old_messages(before)?;
    }
    done.bytes.0 = size(memory)?;
    done.free_bytes = memory.snapshot()?.free_bytes()?;
    if plan.dry_run {
        done.bytes.1 = done.bytes.0;
        return Ok(done);
    }
    let made = backup::create_scheduled_backup(memory, paths, now, stop)?;
    let Some(made) = made else {
        return Ok(MaintenanceReport { interrupted: true, ..done });
    };
    done.backup = made.path;
    if let Some(before) = before {
        while !stop.load(Ordering::Relaxed) {
            let gone = memory.delete_old_messages(before, BATCH)?;
            if gone == 0 {
                break;
            }
            done.removed += gone;
            progress(done.removed, done.old.messages);
        }
        done.interrupted = stop.load(Ordering::Relaxed);
    }
    memory.prune_caches()?;
    // Killed searches of production may have left texts there.
    disk::sweep_scratch(&paths.fetch_folder()).map_err(Error::from_io("clear", &paths.fetch_folder()))?;
    // Rotated here because timers only append to it.
    let mut log = disk::RotatingLog::new(paths.cron_log()).map_err(Error::from_io("look at", &paths.cron_log()))?;
    log.rotate_if_large().map_err(Error::from_io("put aside", &paths.cron_log()))?;
    memory.read_stored_edits(stop, &mut |_| {})?;
    if !done.interrupted {
        done.free_bytes = memory.snapshot()?.free_bytes()?;
        done.vacuumed = vacuum_if_worthwhile(memory, paths, done.free_bytes)?;
        done.checks = vec![memory.integrity_check(), memory.reconciliation_check()?];
    }
    done.bytes.1 = size(memory)?;
    Ok(done)
}

/// Vacuums the database if enough of it is unused. Returns `None` if the disk has no room for that.
fn vacuum_if_worthwhile(memory: &Memory, paths: &Paths, free: u64) -> Result<Option<bool>> {
    let all = memory.snapshot()?.collect_stats()?.database_bytes;
    if free * 100 < all * VACUUM_FREE_PERCENT {
        return Ok(Some(false));
    }
    if disk::disk_space(paths.home()).is_ok_and(|(room, _)| room < all / 10 * VACUUM_SPACE_TENTHS) {
        return Ok(None);
    }
    memory.vacuum_database()?;
    Ok(Some(true))
}
