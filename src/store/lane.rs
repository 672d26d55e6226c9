//! The write lane: one thread owns the process's only writable connection. Queued writes share one transaction, each
//! in a savepoint of its own, and every caller gets its answer after COMMIT (group commit). A panic in one write is
//! that write's error. A connection whose fsync failed, or that saw a corrupt database, never writes again: the next
//! write opens another, and when that one sees the same, writing has ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::error::{Error, Result};

/// At most this many writes share a transaction, so that nobody waits long for the first.
const MOST_TOGETHER: usize = 64;
/// BUSY still surfaces now and then after SQLite's own ten seconds; then the whole group is tried again.
const BEGIN_ATTEMPTS: usize = 3;

/// Runs in the lane inside a transaction, or learns why there is none; returns what to do once the outcome of the
/// commit is known.
type Job = Box<dyn FnOnce(std::result::Result<&Connection, &Error>) -> Finish + Send>;
type Finish = Box<dyn FnOnce(std::result::Result<(), &Error>) + Send>;
/// Opens another connection when one may not be used any more.
type Opener = Box<dyn Fn() -> Result<Connection> + Send>;
/// Fails when what the connection writes to is not what others open under its name.
type Check = Box<dyn Fn() -> Result<()> + Send>;

/// The sending end of the lane. Dropping it ends the thread after the queued writes.
#[derive(Debug)]
pub(super) struct Lane {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// A write that was queued; [`Receipt::wait`] returns after its COMMIT.
#[derive(Debug)]
#[must_use = "a write is only known to be on disk after `wait`"]
pub struct Receipt<T>(Receiver<Result<T>>);

impl<T> Receipt<T> {
    /// Waits for the commit.
    ///
    /// # Errors
    /// Whatever the write or the commit failed with; nothing of it is then stored.
    pub fn wait(self) -> Result<T> {
        self.0.recv().unwrap_or(Err(Error::Closed))
    }
}

impl Lane {
    /// Starts the thread. `check` runs before each transaction; where it fails nothing is written.
    pub(super) fn start(connection: Connection, reopen: Opener, check: Check) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let name = "store-writer".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || run(connection, &reopen, &check, &queue))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn submit<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Receipt<T> {
        let (reply, receipt) = sync_channel(1);
        let job: Job = Box::new(move |connection| {
            let outcome = match connection {
                Ok(connection) => in_savepoint(connection, write),
                Err(error) => Err(error.clone()),
            };
            Box::new(move |commit| answer(&reply, outcome, commit))
        });
        if let Some(jobs) = &self.jobs {
            // A failed send drops the job and with it the reply: the receipt then says `Closed`.
            let _ = jobs.send(job);
        }
        Receipt(receipt)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It cannot panic outside `catch_unwind`; if it did there is nobody to tell.
            let _ = thread.join();
        }
    }
}

fn answer<T>(reply: &SyncSender<Result<T>>, outcome: Result<T>, commit: std::result::Result<(), &Error>) {
    let outcome = match commit {
        Ok(()) => outcome,
        Err(error) => Err(error.clone()),
    };
    // Nobody waits for a receipt that was dropped.
    let _ = reply.send(outcome);
}

fn in_savepoint<T>(connection: &Connection, write: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let run = |sql: &str| connection.execute_batch(sql).map_err(|source| Error::sqlite("write", source));
    run("SAVEPOINT job")?;
    let outcome = catch_unwind(AssertUnwindSafe(|| write(connection))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Panicked(text.unwrap_or_else(|| "unknown".to_owned())))
    });
    match outcome {
        Ok(value) => run("RELEASE job").map(|()| value),
        Err(error) => {
            // After a full disk SQLite may have rolled everything back already; then there is no savepoint.
            let _ = run("ROLLBACK TO job; RELEASE job");
            Err(error)
        }
    }
}

fn run(first: Connection, reopen: &Opener, check: &Check, queue: &Receiver<Job>) {
    let (mut connection, mut poisoned) = (Some(first), None::<Error>);
    while let Ok(job) = queue.recv() {
        if let Err(error) = check() {
            job(Err(&error))(Err(&error));
            continue;
        }
        // Twice in a row is no accident of the connection.
        let again = poisoned.is_some();
        if let (None, Some(error)) = (&connection, &poisoned) {
            let stopped = Error::Poisoned(error.to_string());
            job(Err(&stopped))(Err(&stopped));
            continue;
        }
        let Some(current) = &connection else { continue };
        match group(current, job, queue) {
            Err(error) if error.poisons() => {
                tracing::error!(%error, "the writing connection is given up");
                drop(connection.take());
                if !again {
                    connection = reopen().ok();
                }
                poisoned = Some(error);
            }
            Err(_) => {}
            Ok(()) => poisoned = None,
        }
    }
    // Best effort at the end: the next opener would do the same work.
    if let Some(connection) = connection {
        let _ = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

fn group(connection: &Connection, first: Job, queue: &Receiver<Job>) -> Result<()> {
    if let Err(error) = begin(connection) {
        first(Err(&error))(Err(&error));
        return Err(error);
    }
    let mut finishes: Vec<Finish> = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next {
        finishes.push(job(Ok(connection)));
        next = if finishes.len() < MOST_TOGETHER { queue.try_recv().ok() } else { None };
    }
    let committed = connection.execute_batch("COMMIT").map_err(|source| Error::sqlite("commit", source));
    if committed.is_err() && !connection.is_autocommit() {
        // The error that matters is the first; a failed rollback leaves nothing to keep either.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for finish in finishes {
        finish(committed.as_ref().copied());
    }
    committed
}

fn begin(connection: &Connection) -> Result<()> {
    let mut attempt = 1;
    loop {
        match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => return Ok(()),
            Err(error) => {
                let busy = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy);
                if !busy || attempt == BEGIN_ATTEMPTS {
                    return Err(Error::sqlite("begin a write", error));
                }
                attempt += 1;
            }
        }
    }
}
