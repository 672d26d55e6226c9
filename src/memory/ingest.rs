//! Reading transcripts into the store: streaming, newest first, resumable, interruptible, bounded in memory.
//!
//! A batch and the cursor that says how far the file was read commit together, so a crash at any moment repeats at most
//! one batch, whose messages are then recognised as duplicates. While one batch commits the next is being prepared.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::parallel::spread;
use super::projects::project_of;
use super::{Error, Memory, Result};
use crate::domain::{ContentHash, Draft, Timestamp};
use crate::import::{BadLine, Item, Position, Records, Source, Transcript};
use crate::store::{Batch, Cursor, NewProject, Outcome, PreparedMessage, Preparer, Receipt};

/// A batch is committed when it holds this many messages or bytes.
const BATCH_MESSAGES: usize = 500;
const BATCH_BYTES: usize = 8 << 20;
/// Items that are handed over together, and how often that may happen before they are wanted. An item holds at most one line.
const READ_AT_ONCE: usize = 24;
const READ_AHEAD: usize = 2;
/// Commits after which words and columns are brought up to date for those who search meanwhile.
const REFRESH_COMMITS: u32 = 4;
/// Cores that prepare messages; one transaction at a time takes in no more.
const MOST_PREPARERS: usize = 4;
/// So many first bytes identify a file.
const HEAD_BYTES: u64 = 256;
/// Bad lines that are listed one by one; the rest is counted.
const LISTED_BAD: usize = 1000;

/// How to import.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// What is read.
    pub source: Source,
    /// Longest line in bytes.
    pub longest_line: usize,
    /// Read every file from its start, whatever was read before.
    pub rescan: bool,
    /// Read and count, store nothing.
    pub dry_run: bool,
    /// Bring the word index and the shared files up to date at the end. Who has little time leaves it to others.
    pub settle: bool,
}

impl ImportOptions {
    /// As the settings have it: what is new of Claude Code's transcripts is read and stored.
    pub fn of(settings: &crate::config::Settings) -> Self {
        let longest_line = usize::try_from(settings.import.max_line_mib).unwrap_or(128) << 20;
        Self { source: Source::ClaudeCode, longest_line, rescan: false, dry_run: false, settle: true }
    }
}

/// Where an import stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportProgress {
    /// Bytes of all files that have to be read.
    pub total_bytes: u64,
    /// Bytes read.
    pub done_bytes: u64,
    /// Messages stored.
    pub new: u64,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Transcript files found.
    pub files: u64,
    /// Files that had not changed since they were last read.
    pub unchanged: u64,
    /// Sessions that had something to read.
    pub sessions: u64,
    /// Messages read, each counted once.
    pub messages: u64,
    /// Messages that were not known.
    pub new: u64,
    /// Messages that were known.
    pub duplicate: u64,
    /// Records that hold no conversation.
    pub skipped: u64,
    /// Results of our own tools, left out.
    pub own: u64,
    /// Messages left out because they were forgotten on purpose.
    pub forgotten: u64,
    /// Secrets that were taken out of what was read.
    pub redacted: u64,
    /// Lines and files that could not be read, at most a thousand of them.
    pub bad: Vec<BadLine>,
    /// How many there were in all.
    pub bad_total: u64,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

/// What became of messages that were handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Not known before.
    pub new: u64,
    /// Known.
    pub duplicate: u64,
    /// Left out because they were forgotten on purpose.
    pub forgotten: u64,
}

impl Report {
    /// Adds what another import did.
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.unchanged += other.unchanged;
        self.sessions += other.sessions;
        self.messages += other.messages;
        self.new += other.new;
        self.duplicate += other.duplicate;
        self.skipped += other.skipped;
        self.own += other.own;
        self.forgotten += other.forgotten;
        self.redacted += other.redacted;
        let listed = other.bad.len() as u64;
        other.bad.into_iter().for_each(|bad| self.bad(bad));
        self.bad_total += other.bad_total - listed;
        self.interrupted |= other.interrupted;
    }

    fn bad(&mut self, bad: BadLine) {
        self.bad_total += 1;
        if self.bad.len() < LISTED_BAD {
            self.bad.push(bad);
        }
    }
}

/// One run over many files.
struct Run<'a> {
    memory: &'a Memory,
    options: ImportOptions,
    preparers: Vec<Mutex<Preparer>>,
    now: Timestamp,
    stop: &'a AtomicBool,
    progress: &'a mut dyn FnMut(ImportProgress),
    state: ImportProgress,
    report: Report,
    /// Identity of each directory, looked up once.
    projects: HashMap<String, NewProject>,
    /// The batch that is being written: its messages, and the answer to come.
    waiting: Option<(Vec<ContentHash>, Receipt<Vec<Outcome>>)>,
    sessions: HashSet<ContentHash>,
    /// Every message of this run and what became of it; a message may come in several pieces.
    seen: HashMap<ContentHash, Outcome>,
    /// The messages of the batch that is being gathered.
    gathered: Vec<Mutex<Option<Draft>>>,
    /// Bytes of their texts.
    weight: usize,
    batch: Batch,
    commits: u32,
}

impl Memory {
    /// Reads a file of a source, or every one below a folder. `stop` ends it after the current batch.
    ///
    /// # Errors
    /// When `path` cannot be read at all or the store cannot be written; what was committed stays.
    pub fn import(
        &self,
        path: &Path,
        options: ImportOptions,
        now: Timestamp,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Report> {
        let found = options.source.discover(path);
        let (transcripts, unreadable) = found.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound {
                message: format!("{} does not exist", path.display()),
                hint: Some(options.source.hint().to_owned()),
            },
            _ => Error::Unreadable { path: path.display().to_string(), why: error.to_string() },
        })?;
        let mut run = Run {
            memory: self,
            options,
            preparers: preparers()?,
            now,
            stop,
            progress,
            state: ImportProgress::default(),
            report: Report { files: transcripts.len() as u64, ..Report::default() },
            projects: HashMap::new(),
            waiting: None,
            sessions: HashSet::new(),
            seen: HashMap::new(),
            gathered: Vec::new(),
            weight: 0,
            batch: Batch::default(),
            commits: 0,
        };
        unreadable.into_iter().for_each(|bad| run.report.bad(bad));
        run.all(transcripts)
    }
}

impl Memory {
    /// Stores messages that do not come from a file, and titles of their sessions: for benchmarks and other databases.
    ///
    /// # Errors
    /// When the store cannot be written; what was committed before stays.
    pub fn import_drafts(
        &self,
        source: &'static str,
        drafts: Vec<Draft>,
        titles: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<Taken> {
        let (preparers, mut projects, mut taken) = (preparers()?, HashMap::new(), Taken::default());
        let drafts: Vec<Mutex<Option<Draft>>> = drafts.into_iter().map(|draft| Mutex::new(Some(draft))).collect();
        let mut waiting: Option<Receipt<Vec<Outcome>>> = None;
        let mut settle = |receipt: Option<Receipt<Vec<Outcome>>>| -> Result<()> {
            for outcome in receipt.map_or(Ok(Vec::new()), Receipt::wait)? {
                match outcome {
                    Outcome::New => taken.new += 1,
                    Outcome::Duplicate | Outcome::Extended => taken.duplicate += 1,
                    Outcome::Forgotten => taken.forgotten += 1,
                }
            }
            Ok(())
        };
        for some in drafts.chunks(BATCH_MESSAGES) {
            let mut batch = Batch::default();
            for (_, _, message) in self.prepared(source, &preparers, some)? {
                add(&mut batch, &mut projects, message);
            }
            settle(waiting.take())?;
            waiting = Some(self.store.import_later(source, batch, now)?);
        }
        settle(waiting)?;
        if !titles.is_empty() {
            let clean = |(session, title)| Ok((session, self.clean_text(title)?));
            let titles = titles.into_iter().map(clean).collect::<Result<_>>()?;
            self.store.import_later(source, Batch { titles, ..Batch::default() }, now)?.wait()?;
        }
        self.store.fold_words(false)?;
        Ok(taken)
    }
}

impl Memory {
    /// Redacts, splits and compresses drafts on all cores. In order, with the hash of each id and how many secrets it held.
    fn prepared(
        &self,
        source: &'static str,
        preparers: &[Mutex<Preparer>],
        drafts: &[Mutex<Option<Draft>>],
    ) -> Result<Vec<(ContentHash, u64, PreparedMessage)>> {
        let prepare = |preparer: &mut Preparer, draft: &Mutex<Option<Draft>>| {
            let draft = draft.lock().unwrap_or_else(PoisonError::into_inner).take();
            draft.map(|mut draft| {
                self.clean_draft(&mut draft)?;
                let redacted = draft.redacted.values().sum();
                let id = ContentHash::of_parts(&[draft.session.as_bytes(), draft.external_id.as_bytes()]);
                Ok((id, redacted, preparer.message(source, draft)?))
            })
        };
        // A batch that was begun is finished, whatever the user wishes meanwhile.
        spread(preparers, drafts, &AtomicBool::new(false), prepare).into_iter().flatten().flatten().collect()
    }
}

impl Run<'_> {
    fn all(mut self, transcripts: Vec<Transcript>) -> Result<Report> {
        let mut cursors = self.memory.store.cursors(self.options.source.name())?;
        let mut work = Vec::new();
        for transcript in transcripts {
            let cursor = cursors.remove(&key(&transcript.path)).filter(|_| !self.options.rescan);
            let unchanged =
                cursor.as_ref().is_some_and(|c| c.size == transcript.size && c.modified == transcript.modified);
            if unchanged {
                self.report.unchanged += 1;
            } else {
                self.state.total_bytes += transcript.size;
                work.push((transcript, cursor));
            }
        }
        for (transcript, cursor) in work {
            if self.stop.load(Ordering::Relaxed) {
                self.report.interrupted = true;
                break;
            }
            let before = self.state.done_bytes;
            // Only what the file itself fails with is the file's fault.
            if let Err(error) = self.file(&transcript, cursor)? {
                self.report.bad(BadLine { path: transcript.path.clone(), line: 0, why: error.to_string() });
            }
            if !self.report.interrupted {
                self.state.done_bytes = before + transcript.size;
            }
            (self.progress)(self.state);
        }
        self.commit()?;
        self.settle()?;
        if self.options.settle {
            self.memory.settle()?;
        }
        self.report.sessions = self.sessions.len() as u64;
        let count = |outcome: Outcome| self.seen.values().filter(|seen| **seen == outcome).count() as u64;
        self.report.messages = self.seen.len() as u64;
        self.report.new = count(Outcome::New);
        self.report.duplicate = count(Outcome::Duplicate);
        self.report.forgotten = count(Outcome::Forgotten);
        Ok(self.report)
    }

    /// Reads one file; the inner result is what reading it came to.
    fn file(&mut self, transcript: &Transcript, cursor: Option<Cursor>) -> Result<std::io::Result<()>> {
        let head = match head(&transcript.path) {
            Ok(head) => head,
            Err(error) => return Ok(Err(error)),
        };
        // A shorter file, or one that begins otherwise, is another file under the same name.
        let resume = cursor
            .filter(|cursor| self.options.source.resumes() && cursor.head == head && cursor.offset <= transcript.size);
        let from =
            resume.map_or_else(Position::default, |cursor| Position { offset: cursor.offset, line: cursor.line });
        let reader = match self.options.source.open(transcript, from, self.options.longest_line) {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        let start = self.state.done_bytes + from.offset;
        let mut cursor = Cursor {
            source: self.options.source.name(),
            path: key(&transcript.path),
            size: 0,
            modified: transcript.modified,
            offset: from.offset,
            line: from.line,
            head,
        };
        // The file is read and parsed while what was read before is prepared and written.
        std::thread::scope(|scope| {
            let (sender, items) = sync_channel(READ_AHEAD);
            scope.spawn(move || read_ahead(reader, from, &sender));
            // The reader ends with the end of the file or an error, never before.
            for (item, position) in items.into_iter().flatten() {
                let (item, failure) = match item {
                    Ok(item) => (item, None),
                    Err(error) => (None, Some(error)),
                };
                let ended = item.is_none();
                if let Some(item) = item {
                    self.take(item)?;
                }
                let stopping = self.stop.load(Ordering::Relaxed);
                (cursor.offset, cursor.line) = (position.offset, position.line);
                self.state.done_bytes = start + (position.offset - from.offset);
                if ended && failure.is_none() {
                    // Only a file that was read to its end may be passed over next time. Its size is the one seen at the
                    // start: if it has grown since, it differs next time.
                    cursor.size = transcript.size;
                }
                let full = self.gathered.len() >= BATCH_MESSAGES || self.weight >= BATCH_BYTES;
                if ended || stopping || full {
                    // A short file shares a transaction with those after it.
                    self.batch.cursors.push((self.gathered.len(), cursor.clone()));
                }
                if stopping || full {
                    self.commit()?;
                    (self.progress)(self.state);
                }
                if ended || stopping {
                    self.report.interrupted |= !ended;
                    return Ok(failure.map_or(Ok(()), Err));
                }
            }
            Ok(Ok(()))
        })
    }

    /// Takes one item into the batch.
    fn take(&mut self, item: Item) -> Result<()> {
        match item {
            Item::Skipped => self.report.skipped += 1,
            Item::Own => self.report.own += 1,
            Item::Bad(bad) => self.report.bad(bad),
            Item::Title { session, title } => self.batch.titles.push((session, self.memory.clean_text(title)?)),
            Item::Draft(draft) => {
                self.sessions.insert(ContentHash::of(&draft.session));
                self.weight += draft.parts.iter().map(|part| part.text.len()).sum::<usize>();
                self.gathered.push(Mutex::new(Some(*draft)));
            }
        }
        Ok(())
    }

    /// Queues a batch; first waits for the one before, so that at most two are in memory.
    fn commit(&mut self) -> Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        self.weight = 0;
        // While the batch before is being written.
        let gathered = self.prepare(&mut batch)?;
        self.settle()?;
        if self.options.dry_run {
            self.note(gathered.into_iter().map(|message| (message, Outcome::New)));
            return Ok(());
        }
        let receipt = self.memory.store.import_later(self.options.source.name(), batch, self.now)?;
        self.waiting = Some((gathered, receipt));
        self.commits += 1;
        if self.commits.is_multiple_of(REFRESH_COMMITS) {
            // Every search reads what is not folded and not shared yet.
            self.memory.store.fold_words_later()?;
            self.memory.refresh_columns()?;
        }
        Ok(())
    }

    /// Prepares what was gathered; returns the messages in order.
    fn prepare(&mut self, batch: &mut Batch) -> Result<Vec<ContentHash>> {
        let drafts = std::mem::take(&mut self.gathered);
        let mut gathered = Vec::with_capacity(drafts.len());
        for (id, redacted, message) in self.memory.prepared(self.options.source.name(), &self.preparers, &drafts)? {
            gathered.push(id);
            self.report.redacted += redacted;
            add(batch, &mut self.projects, message);
        }
        Ok(gathered)
    }

    fn settle(&mut self) -> Result<()> {
        if let Some((messages, receipt)) = self.waiting.take() {
            let outcomes = receipt.wait()?;
            self.note(messages.into_iter().zip(outcomes));
        }
        Ok(())
    }

    fn note(&mut self, outcomes: impl Iterator<Item = (ContentHash, Outcome)>) {
        for (message, outcome) in outcomes {
            let known = self.seen.entry(message).or_insert(Outcome::Duplicate);
            self.state.new += u64::from(outcome == Outcome::New && *known != Outcome::New);
            *known = outcome.max(*known);
        }
    }
}

/// Sends every item with the position after it, then the end or the error that ended it. Stops when nobody listens.
fn read_ahead(reader: Box<dyn Records>, from: Position, sender: &SyncSender<Vec<Parsed>>) {
    let mut items: Vec<Parsed> = Vec::with_capacity(READ_AT_ONCE);
    let (mut heard, mut last) = (true, from);
    let outcome = reader.each(&mut |item, position| {
        items.push((Ok(Some(item)), position));
        last = position;
        if items.len() == READ_AT_ONCE {
            let full = std::mem::replace(&mut items, Vec::with_capacity(READ_AT_ONCE));
            heard = sender.send(full).is_ok();
        }
        heard
    });
    items.push(match outcome {
        Ok(position) => (Ok(None), position),
        Err(error) => (Err(error), last),
    });
    // Who does not listen any more has what he wanted.
    let _ = sender.send(items);
}

/// An item, the end or an error, with the position after it.
type Parsed = (std::io::Result<Option<Item>>, Position);

/// One for each core.
fn preparers() -> Result<Vec<Mutex<Preparer>>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (0..cores.min(MOST_PREPARERS)).map(|_| Ok(Mutex::new(Preparer::new()?))).collect()
}

/// Puts a message into a batch together with its project; `known` remembers the identity of each directory.
fn add(batch: &mut Batch, known: &mut HashMap<String, NewProject>, message: PreparedMessage) {
    let directory = message.directory();
    if !batch.projects.contains_key(directory) {
        let project = known.entry(directory.to_owned()).or_insert_with(|| project_of(directory));
        batch.projects.insert(directory.to_owned(), project.clone());
    }
    batch.messages.push(message);
}

pub(super) fn key(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn head(path: &Path) -> std::io::Result<ContentHash> {
    let mut first = Vec::new();
    std::fs::File::open(path)?.take(HEAD_BYTES).read_to_end(&mut first)?;
    // Only whole first lines: a file that was caught while its first line was being written would otherwise look new.
    let end = memchr::memchr(b'\n', &first).unwrap_or(first.len());
    Ok(ContentHash::of_parts(&[first.get(..end).unwrap_or(&[])]))
}
