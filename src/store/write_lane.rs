//! The write lane: one thread that owns the process's only writable connection. Queued writes share one transaction,
//! each in a savepoint of its own, and every caller gets its result after COMMIT (group commit). A panic in one write
//! is that write's error. A connection whose fsync failed, or that saw a corrupt database, never writes again: the next
//! write opens another, and if that one fails in the same way, writing has ended.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::error::{Error, Result};

/// Maximum number of writes in one transaction, so that the first does not wait long.
const MAX_GROUP_SIZE: usize = 64;
/// Attempts to begin a transaction. BUSY surfaces after five seconds; then the group is tried again, without the
/// impatient writes.
const BEGIN_ATTEMPTS: usize = 6;

/// One queued write.
struct WriteJob {
    /// True if the write fails after the first busy attempt.
    is_impatient: bool,
    /// Runs in the lane inside a transaction, or receives the error that prevented one. Returns the action to run once
    /// the outcome of the commit is known.
    run: Box<WriteFn>,
}

type WriteFn = dyn FnOnce(std::result::Result<&Connection, &Error>) -> FinishFn + Send;

impl WriteJob {
    fn fail_with(self, error: &Error) {
        (self.run)(Err(error))(Err(error));
    }
}

type FinishFn = Box<dyn FnOnce(std::result::Result<(), &Error>) + Send>;
/// Opens a replacement for a connection that must not be used any more.
type ReopenFn = Box<dyn Fn() -> Result<Connection> + Send>;
/// Fails if the file that the connection writes to is not the one that others open under its name.
type FileCheckFn = Box<dyn Fn() -> Result<()> + Send>;

/// Sending end of the lane. Dropping it ends the thread after the queued writes.
#[derive(Debug)]
pub(super) struct WriteLane {
    jobs: Option<Sender<WriteJob>>,
    thread: Option<JoinHandle<()>>,
}

/// Handle of a queued write. [`WriteReceipt::wait`] returns after its COMMIT.
#[derive(Debug)]
#[must_use = "a write is only known to be on disk after `wait`"]
pub struct WriteReceipt<T>(Receiver<Result<T>>);

impl<T> WriteReceipt<T> {
    /// Waits for the commit and returns the result of the write.
    ///
    /// # Errors
    /// The error of the write or the commit; nothing of it is then stored.
    pub fn wait(self) -> Result<T> {
        self.0.recv().unwrap_or(Err(Error::Closed))
    }
}

impl WriteLane {
    /// Starts the writer thread. `check` runs before each transaction; if it fails, nothing is written.
    pub(super) fn start_thread(connection: Connection, reopen: ReopenFn, check: FileCheckFn) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let name = "store-writer".to_owned();
        let thread =
            std::thread::Builder::new().name(name).spawn(move || run_writer(connection, &reopen, &check, &queue))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Queues a write. An impatient one fails after five seconds in which another process writes.
    pub(super) fn submit_write<T: Send + 'static>(
        &self,
        is_impatient: bool,
        write: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> WriteReceipt<T> {
        let (reply, receipt) = sync_channel(1);
        let run = Box::new(move |connection: std::result::Result<&Connection, &Error>| -> FinishFn {
            let outcome = match connection {
                Ok(connection) => run_in_savepoint(connection, write),
                Err(error) => Err(error.clone()),
            };
            Box::new(move |commit| send_reply(&reply, outcome, commit))
        });
        let job = WriteJob { is_impatient, run };
        if let Some(jobs) = &self.jobs {
            // A failed send drops the job and with it the reply: the receipt then says `Closed`.
            let _ = jobs.send(job);
        }
        WriteReceipt(receipt)
    }
}

impl Drop for WriteLane {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic outside `catch_unwind`; if it did, there is no caller to report it to.
            let _ = thread.join();
        }
    }
}

fn send_reply<T>(reply: &SyncSender<Result<T>>, outcome: Result<T>, commit: std::result::Result<(), &Error>) {
    let outcome = match commit {
        Ok(()) => outcome,
        Err(error) => Err(error.clone()),
    };
    // Sending fails only if the receipt was dropped: no caller waits for it.
    let _ = reply.send(outcome);
}

fn run_in_savepoint<T>(connection: &Connection, write: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let run = |sql: &str| connection.execute_batch(sql).map_err(|source| Error::from_sqlite("write", source));
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

fn run_writer(first: Connection, reopen: &ReopenFn, check: &FileCheckFn, queue: &Receiver<WriteJob>) {
    let (mut connection, mut poisoned) = (Some(first), None::<Error>);
    while let Ok(job) = queue.recv() {
        if let Err(error) = check() {
            job.fail_with(&error);
            continue;
        }
        // Two failures in a row are not a fault of one connection.
        let again = poisoned.is_some();
        if let (None, Some(error)) = (&connection, &poisoned) {
            let stopped = Error::Poisoned(error.to_string());
            job.fail_with(&stopped);
            continue;
        }
        let Some(current) = &connection else { continue };
        match run_group(current, job, queue) {
            Err(error) if error.poisons_connection() => {
                tracing::error!(%error, "closing the write connection after an unsafe error");
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

fn run_group(connection: &Connection, first: WriteJob, queue: &Receiver<WriteJob>) -> Result<()> {
    let mut waiting = VecDeque::from([first]);
    if let Err(error) = begin_transaction(connection, &mut waiting, queue) {
        waiting.into_iter().for_each(|job| job.fail_with(&error));
        return Err(error);
    }
    let mut finishes: Vec<FinishFn> = Vec::new();
    while let Some(job) = waiting.pop_front().or_else(|| {
        let is_full = finishes.len() >= MAX_GROUP_SIZE;
        if is_full { None } else { queue.try_recv().ok() }
    }) {
        finishes.push((job.run)(Ok(connection)));
    }
    let committed = connection.execute_batch("COMMIT").map_err(|source| Error::from_sqlite("commit", source));
    if committed.is_err() && !connection.is_autocommit() {
        // The first error matters; a failed rollback leaves nothing to keep either.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for finish in finishes {
        finish(committed.as_ref().copied());
    }
    committed
}

/// Begins a transaction for the waiting jobs. After each busy attempt the impatient jobs, also those queued meanwhile,
/// fail.
fn begin_transaction(
    connection: &Connection,
    waiting: &mut VecDeque<WriteJob>,
    queue: &Receiver<WriteJob>,
) -> Result<()> {
    for attempt in 1.. {
        let Err(source) = connection.execute_batch("BEGIN IMMEDIATE") else { break };
        let is_busy = source.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy);
        let error = Error::from_sqlite("begin a write", source);
        if !is_busy || attempt == BEGIN_ATTEMPTS {
            return Err(error);
        }
        waiting.extend(queue.try_iter());
        let (impatient, patient): (Vec<WriteJob>, Vec<WriteJob>) = waiting.drain(..).partition(|job| job.is_impatient);
        impatient.into_iter().for_each(|job| job.fail_with(&error));
        waiting.extend(patient);
        if waiting.is_empty() {
            return Err(error);
        }
    }
    Ok(())
}
