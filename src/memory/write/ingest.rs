//! Imports transcripts into the store: streaming, newest first, resumable, interruptible, with bounded memory.
//!
//! A batch and the cursor of its file commit together, so a crash at any time repeats at most one batch, whose messages
//! are then recognised as duplicates. While one batch commits, the next is prepared.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::disk;
use crate::domain::{ContentHash, Draft, Ledger, Timestamp};
use crate::import::{
    BadRecord, Item, Position, ReadOptions, RecordStream, SessionRef, Source, TitleRank, TranscriptFile,
    directory_of_slug,
};
use crate::memory::write::copied_text::CopySources;
use crate::memory::write::forks::put_originals_first;
use crate::memory::write::import_report::{ImportCounts, ImportOptions, ImportProgress, ImportReport};
use crate::memory::write::parallel::run_parallel;
use crate::memory::write::projects::project_for_directory;
use crate::memory::{Error, Memory, Result};
use crate::store::{
    ImportBatch, ImportCursor, InsertOutcome, NewProject, NewTitle, PreparedMessage, Preparer, Store, WriteReceipt,
};

/// A batch is committed when it holds this many messages or bytes.
const BATCH_MESSAGES: usize = 500;
const BATCH_BYTES: usize = 8 << 20;
/// Items sent to the importer at a time, and such groups buffered ahead. An item holds at most one line.
const READ_BATCH: usize = 24;
const READ_AHEAD: usize = 2;
/// Commits after which postings and doc values are updated for concurrent searches.
const REFRESH_COMMITS: u32 = 4;
/// Threads that prepare messages at most; the single writer keeps up with no more.
const MAX_PREPARERS: usize = 4;
/// Number of leading bytes that identify a file.
const HEAD_BYTES: u64 = 256;

/// Id of a message passed to the store, and true if its record is counted.
type GatheredMessage = (ContentHash, bool);

/// State of one import over many files.
struct ImportRun<'a> {
    memory: &'a Memory,
    options: ImportOptions,
    preparers: Vec<Mutex<Preparer>>,
    now: Timestamp,
    stop: &'a AtomicBool,
    progress: &'a mut dyn FnMut(ImportProgress),
    state: ImportProgress,
    report: ImportReport,
    /// Project identity of each directory, looked up once.
    projects: HashMap<String, NewProject>,
    /// Working directories by slug of the transcript folder, for records that name none.
    slugs: HashMap<String, Option<String>>,
    /// Batch being written: its messages, and the receipt of the outcomes.
    waiting: Option<(Vec<GatheredMessage>, WriteReceipt<Vec<InsertOutcome>>)>,
    sessions: HashSet<ContentHash>,
    /// Outcome of every message of this run; a message may come in several pieces.
    seen: HashMap<ContentHash, InsertOutcome>,
    /// Messages of the current batch.
    gathered: Vec<Mutex<Option<Draft>>>,
    /// Indexes of the messages in it that are kept although their record was not understood.
    uncounted: HashSet<usize>,
    /// Total bytes of their texts.
    weight: usize,
    batch: ImportBatch,
    commits: u32,
    /// Outputs that a model may have copied from.
    sources: CopySources,
}

impl Memory {
    /// Imports a file of a source, or all files below a folder, and what else the source has there. `stop` ends it
    /// after the current batch.
    ///
    /// # Errors
    /// If `path` cannot be read at all or the store cannot be written; committed batches stay.
    pub fn import_path(
        &self,
        path: &Path,
        options: ImportOptions,
        now: Timestamp,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let (mut report, mut done) = (ImportReport::default(), ImportProgress::default());
        for (source, path) in options.source.import_steps(path) {
            let options = ImportOptions { source, ..options };
            let mut state = ImportProgress::default();
            let part = self.import_step(&path, options, now, stop, &mut |step| {
                state = step;
                progress(done.add_progress(step));
            })?;
            done = done.add_progress(state);
            report.add_report(part);
        }
        if options.settle && !options.dry_run {
            self.read_stored_edits(stop, &mut |_| {})?;
        }
        Ok(report)
    }

    /// Imports the files of one source.
    fn import_step(
        &self,
        path: &Path,
        options: ImportOptions,
        now: Timestamp,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let found = options.source.find_transcripts(path);
        let (transcripts, unreadable) = found.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound {
                message: format!("{} does not exist", path.display()),
                hint: Some(options.source.help().hint.to_owned()),
            },
            _ => Error::path_error(path)(error),
        })?;
        let mut run = ImportRun {
            memory: self,
            options,
            preparers: create_preparers(&self.store)?,
            now,
            stop,
            progress,
            state: ImportProgress::default(),
            report: ImportReport { files: transcripts.len() as u64, ..ImportReport::default() },
            projects: HashMap::new(),
            slugs: HashMap::new(),
            waiting: None,
            sessions: HashSet::new(),
            seen: HashMap::new(),
            gathered: Vec::new(),
            uncounted: HashSet::new(),
            weight: 0,
            batch: ImportBatch::default(),
            commits: 0,
            sources: CopySources::default(),
        };
        unreadable.into_iter().for_each(|bad| run.report.record_bad(bad));
        let report = run.import_files(transcripts)?;
        if !options.dry_run && report.messages > 0 {
            self.delete_repeats(now)?;
        }
        Ok(report)
    }
}

impl Memory {
    /// Stores messages that do not come from files, and titles of their sessions: for benchmarks and other databases.
    ///
    /// # Errors
    /// If the store cannot be written; committed batches stay.
    pub fn import_drafts(
        &self,
        source: &'static str,
        drafts: Vec<Draft>,
        titles: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<ImportCounts> {
        let (preparers, mut projects, mut taken) =
            (create_preparers(&self.store)?, HashMap::new(), ImportCounts::default());
        let (mut drafts, mut sources) = (drafts, CopySources::default());
        for draft in &mut drafts {
            sources.mark_copies(self, draft)?;
        }
        let drafts: Vec<Mutex<Option<Draft>>> = drafts.into_iter().map(|draft| Mutex::new(Some(draft))).collect();
        let mut waiting: Option<WriteReceipt<Vec<InsertOutcome>>> = None;
        let mut settle = |receipt: Option<WriteReceipt<Vec<InsertOutcome>>>| -> Result<()> {
            for outcome in receipt.map_or(Ok(Vec::new()), WriteReceipt::wait)? {
                match outcome {
                    InsertOutcome::New => taken.new += 1,
                    InsertOutcome::Duplicate
                    | InsertOutcome::Extended
                    | InsertOutcome::Revised
                    | InsertOutcome::Collided => {
                        taken.duplicate += 1;
                    }
                    InsertOutcome::Forgotten => taken.forgotten += 1,
                }
            }
            Ok(())
        };
        for some in drafts.chunks(BATCH_MESSAGES) {
            let mut batch = ImportBatch::default();
            for (_, _, message) in self.prepare_drafts(source, &preparers, some)? {
                add_message(&mut batch, &mut projects, message);
            }
            settle(waiting.take())?;
            waiting = Some(self.store.import_later(source, batch, now)?);
        }
        settle(waiting)?;
        if !titles.is_empty() {
            let clean = |(session, title)| {
                Ok(NewTitle { session: Some(session), part_key: None, title: self.redact_text(title)?, chosen: false })
            };
            let titles = titles.into_iter().map(clean).collect::<Result<_>>()?;
            self.store.import_later(source, ImportBatch { titles, ..ImportBatch::default() }, now)?.wait()?;
        }
        self.store.merge_postings(false)?;
        Ok(taken)
    }
}

impl Memory {
    /// Redacts, splits and compresses drafts on several threads. Returns them in order, each with the hash of its id
    /// and the number of secrets redacted.
    fn prepare_drafts(
        &self,
        source: &'static str,
        preparers: &[Mutex<Preparer>],
        drafts: &[Mutex<Option<Draft>>],
    ) -> Result<Vec<(ContentHash, u64, PreparedMessage)>> {
        let prepare = |preparer: &mut Preparer, draft: &Mutex<Option<Draft>>| {
            let draft = draft.lock().unwrap_or_else(PoisonError::into_inner).take();
            draft.map(|mut draft| {
                self.redact_draft(&mut draft)?;
                let redacted = draft.redacted.values().sum();
                let id = ContentHash::of_parts(&[draft.session.as_bytes(), draft.external_id.as_bytes()]);
                Ok((id, redacted, preparer.prepare_message(source, draft)?))
            })
        };
        // A batch that was started is always finished, so `stop` is not passed on.
        run_parallel(preparers, drafts, &AtomicBool::new(false), prepare).into_iter().flatten().flatten().collect()
    }
}

impl ImportRun<'_> {
    fn import_files(mut self, transcripts: Vec<TranscriptFile>) -> Result<ImportReport> {
        let mut cursors = self.memory.store.snapshot()?.import_cursors(self.options.source.name())?;
        let mut work = Vec::new();
        for transcript in transcripts {
            let cursor = cursors.remove(&path_key(&transcript.path)).filter(|_| !self.options.rescan);
            let reader = self.options.source.reader_version();
            let unchanged = cursor
                .as_ref()
                .is_some_and(|c| c.size == transcript.size && c.modified == transcript.modified && c.reader == reader);
            if unchanged {
                self.report.unchanged += 1;
            } else {
                self.state.total_bytes += transcript.size;
                work.push((transcript, cursor));
            }
        }
        put_originals_first(&mut work);
        for (transcript, cursor) in work {
            if self.stop.load(Ordering::Relaxed) {
                self.report.interrupted = true;
                break;
            }
            let before = self.state.done_bytes;
            // Only read errors of the file itself are reported as a bad file.
            if let Err(error) = self.import_file(&transcript, cursor)? {
                if disk::foreign_reads_stopped() {
                    self.report.interrupted = true;
                    break;
                }
                self.report.record_bad(BadRecord { path: transcript.path.clone(), line: 0, why: error.to_string() });
            }
            if !self.report.interrupted {
                self.state.done_bytes = before + transcript.size;
            }
            (self.progress)(self.state);
        }
        self.commit_batch()?;
        self.await_batch()?;
        if !self.options.dry_run {
            self.memory.store.resolve_titles(self.now)?;
        }
        if self.options.settle {
            self.memory.flush_pending()?;
        }
        self.report.sessions = self.sessions.len() as u64;
        let count = |outcome: InsertOutcome| self.seen.values().filter(|seen| **seen == outcome).count() as u64;
        self.report.messages = self.seen.len() as u64;
        self.report.new = count(InsertOutcome::New);
        self.report.duplicate = count(InsertOutcome::Duplicate);
        self.report.forgotten = count(InsertOutcome::Forgotten);
        self.report.extended = count(InsertOutcome::Extended);
        self.report.revised = count(InsertOutcome::Revised);
        self.report.collided = count(InsertOutcome::Collided);
        self.report.skipped = self.report.ledger.bookkeeping.values().sum();
        self.report.own = self.report.ledger.own;
        Ok(self.report)
    }

    /// Imports one file. The inner result is the error of reading the file, the outer one that of the store.
    fn import_file(
        &mut self,
        transcript: &TranscriptFile,
        cursor: Option<ImportCursor>,
    ) -> Result<std::io::Result<()>> {
        let head = match hash_head(&transcript.path) {
            Ok(head) => head,
            Err(error) => return Ok(Err(error)),
        };
        let source = self.options.source;
        let reread = cursor.as_ref().is_some_and(|cursor| cursor.reader != source.reader_version());
        // A file that is shorter or begins differently is another file under the same name.
        let resume = cursor
            .filter(|cursor| source.can_resume() && !reread && cursor.head == head && cursor.offset <= transcript.size);
        let (from, ledger) = resume.map_or_else(Default::default, |cursor| {
            (Position { offset: cursor.offset, line: cursor.line }, cursor.ledger)
        });
        let options = ReadOptions { longest: self.options.longest_line, now: self.now };
        let reader = match source.open(transcript, from, options) {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        let start = self.state.done_bytes + from.offset;
        let mut cursor = ImportCursor {
            source: self.options.source.name(),
            path: path_key(&transcript.path),
            size: 0,
            modified: transcript.modified,
            offset: from.offset,
            line: from.line,
            head,
            reader: source.reader_version(),
            ledger,
            reread,
        };
        // Counts of this run, and of items that are read again when a later import resumes at the cursor.
        let (mut counts, mut ahead) = (Ledger::default(), Ledger::default());
        // The file is read and parsed while earlier items are prepared and written.
        std::thread::scope(|scope| {
            let (sender, items) = sync_channel(READ_AHEAD);
            scope.spawn(move || read_ahead(reader, from, &sender));
            // The reader always sends a final step: the end of the file or an error.
            for (step, position) in items.into_iter().flatten() {
                if disk::foreign_reads_stopped() {
                    self.account_file(transcript, from, &counts);
                    return self.interrupt_file(cursor).map(Ok);
                }
                let (ended, complete) = match &step {
                    ReadStep::Item(_) => (false, false),
                    ReadStep::End { complete } => (true, *complete),
                    ReadStep::Failed(_) => (true, false),
                };
                let mut failure = None;
                match step {
                    ReadStep::Item(item) => {
                        count_item(&item, &mut ahead);
                        let understood = counts.understood_count() + ahead.understood_count() > 0;
                        self.add_item(*item, transcript, understood)?;
                    }
                    ReadStep::End { .. } => {}
                    ReadStep::Failed(error) => failure = Some(error),
                }
                if position.offset > cursor.offset || ended && complete {
                    counts.add_counts(&ahead);
                    cursor.ledger.add_counts(&std::mem::take(&mut ahead));
                }
                let stopping = self.stop.load(Ordering::Relaxed);
                (cursor.offset, cursor.line) = (position.offset, position.line);
                self.state.done_bytes = start + position.offset.saturating_sub(from.offset);
                if complete {
                    // Only a file that was read to its end may be skipped next time. The size is the one seen at the
                    // start: if the file has grown since, it differs next time.
                    cursor.size = transcript.size;
                }
                let full = self.gathered.len() >= BATCH_MESSAGES || self.weight >= BATCH_BYTES;
                if ended || stopping || full {
                    // A short file shares a transaction with those after it.
                    self.batch.cursors.push((self.gathered.len(), cursor.clone()));
                }
                if stopping || full {
                    self.commit_batch()?;
                    (self.progress)(self.state);
                }
                if ended || stopping {
                    counts.add_counts(&ahead);
                    self.account_file(transcript, from, &counts);
                    self.report.interrupted |= !ended;
                    return Ok(failure.map_or(Ok(()), Err));
                }
            }
            Ok(Ok(()))
        })
    }

    /// Ends a file at the last position before a signal. What was read since then may lack parts, so the next import
    /// reads it again.
    fn interrupt_file(&mut self, cursor: ImportCursor) -> Result<()> {
        self.batch.cursors.push((self.gathered.len(), cursor));
        self.report.interrupted = true;
        self.commit_batch()
    }

    /// Adds the counts of one file to the report. A file of which no record was understood is listed.
    fn account_file(&mut self, transcript: &TranscriptFile, from: Position, counts: &Ledger) {
        let foreign = counts.understood_count() == 0 && counts.unread_count() > 0;
        if foreign && from == Position::default() {
            self.report.foreign.push(transcript.path.clone());
        }
        self.report.ledger.add_counts(counts);
    }

    /// Adds one item to the batch.
    fn add_item(&mut self, item: Item, transcript: &TranscriptFile, understood: bool) -> Result<()> {
        match item {
            // Text of a file that belongs to another program is not imported.
            Item::NotUnderstood(..) if !understood => {}
            Item::Bookkeeping(_) | Item::Own | Item::NotUnderstood(_, None) => {}
            Item::NotUnderstood(_, Some(kept)) => {
                self.uncounted.insert(self.gathered.len());
                self.gather_draft(*kept, transcript)?;
            }
            Item::Bad(bad) | Item::Warning(bad) => self.report.record_bad(bad),
            Item::Title(title) => {
                let (session, part_key) = match title.session {
                    SessionRef::Id(session) => (Some(session), None),
                    SessionRef::PartKey(key) => (None, Some(key)),
                };
                let chosen = title.rank == TitleRank::Chosen;
                let title = self.memory.redact_text(title.title)?;
                self.batch.titles.push(NewTitle { session, part_key, title, chosen });
            }
            Item::Draft(draft) => self.gather_draft(*draft, transcript)?,
        }
        Ok(())
    }

    fn gather_draft(&mut self, mut draft: Draft, transcript: &TranscriptFile) -> Result<()> {
        if self.options.source == Source::CLAUDE_CODE
            && draft.cwd.is_none()
            && let Some(slug) = transcript_slug(&transcript.path)
        {
            let directory = || directory_of_slug(slug, &[]);
            draft.cwd.clone_from(self.slugs.entry(slug.to_owned()).or_insert_with(directory));
        }
        self.sessions.insert(ContentHash::of_text(&draft.session));
        self.weight += draft.parts.iter().map(|part| part.text.len()).sum::<usize>();
        self.sources.mark_copies(self.memory, &mut draft)?;
        self.gathered.push(Mutex::new(Some(draft)));
        Ok(())
    }

    /// Submits the current batch; first waits for the previous one, so that at most two are in memory.
    fn commit_batch(&mut self) -> Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        self.weight = 0;
        // Prepared while the previous batch is being written.
        let gathered = self.prepare_batch(&mut batch)?;
        self.await_batch()?;
        if self.options.dry_run {
            self.record_outcomes(gathered.into_iter().map(|message| (message, InsertOutcome::New)));
            return Ok(());
        }
        // Prompts that a transcript contains count as known.
        batch.known_in = (self.options.source == Source::CLAUDE_HISTORY).then(|| Source::CLAUDE_CODE.name());
        let receipt = self.memory.store.import_later(self.options.source.name(), batch, self.now)?;
        self.waiting = Some((gathered, receipt));
        self.commits += 1;
        if self.commits.is_multiple_of(REFRESH_COMMITS) {
            // Every search must read the pending postings and the doc values that are not shared yet.
            self.memory.store.merge_postings_later()?;
            self.memory.refresh_doc_values()?;
        }
        Ok(())
    }

    /// Prepares the gathered drafts and adds them to the batch; returns the messages in order.
    fn prepare_batch(&mut self, batch: &mut ImportBatch) -> Result<Vec<GatheredMessage>> {
        let drafts = std::mem::take(&mut self.gathered);
        let uncounted = std::mem::take(&mut self.uncounted);
        let mut gathered = Vec::with_capacity(drafts.len());
        let prepared = self.memory.prepare_drafts(self.options.source.name(), &self.preparers, &drafts)?;
        for (number, (id, redacted, message)) in prepared.into_iter().enumerate() {
            gathered.push((id, !uncounted.contains(&number)));
            self.report.redacted += redacted;
            add_message(batch, &mut self.projects, message);
        }
        Ok(gathered)
    }

    fn await_batch(&mut self) -> Result<()> {
        if let Some((messages, receipt)) = self.waiting.take() {
            let outcomes = receipt.wait()?;
            self.record_outcomes(messages.into_iter().zip(outcomes));
        }
        Ok(())
    }

    fn record_outcomes(&mut self, outcomes: impl Iterator<Item = (GatheredMessage, InsertOutcome)>) {
        for ((message, counted), outcome) in outcomes {
            match outcome {
                _ if !counted => {}
                InsertOutcome::Duplicate => self.report.known_records += 1,
                InsertOutcome::Forgotten => {}
                _ => self.report.stored_records += 1,
            }
            let known = self.seen.entry(message).or_insert(InsertOutcome::Duplicate);
            self.state.new += u64::from(outcome == InsertOutcome::New && *known != InsertOutcome::New);
            *known = outcome.max(*known);
        }
    }
}

/// Sends every item with the position after it, then the end or the error. Stops when the receiver is dropped.
fn read_ahead(reader: Box<dyn RecordStream>, from: Position, sender: &SyncSender<Vec<(ReadStep, Position)>>) {
    let mut items = Vec::with_capacity(READ_BATCH);
    let (mut heard, mut last) = (true, from);
    let outcome = reader.for_each_item(&mut |item, position| {
        items.push((ReadStep::Item(Box::new(item)), position));
        last = position;
        if items.len() == READ_BATCH {
            let full = std::mem::replace(&mut items, Vec::with_capacity(READ_BATCH));
            heard = sender.send(full).is_ok();
        }
        heard
    });
    items.push(match outcome {
        Ok(end) => (ReadStep::End { complete: end.complete }, end.position),
        Err(error) => (ReadStep::Failed(error), last),
    });
    // A dropped receiver needs no more items.
    let _ = sender.send(items);
}

/// Item, end or error of a file being read.
enum ReadStep {
    Item(Box<Item>),
    End { complete: bool },
    Failed(std::io::Error),
}

/// Counts an item in a ledger.
fn count_item(item: &Item, ledger: &mut Ledger) {
    match item {
        Item::Draft(_) => ledger.messages += 1,
        Item::Own => ledger.own += 1,
        Item::Bad(_) => ledger.damaged += 1,
        Item::Bookkeeping(kind) => *ledger.bookkeeping.entry(kind.clone().into_owned()).or_default() += 1,
        Item::NotUnderstood(kind, _) => *ledger.not_understood.entry(kind.clone()).or_default() += 1,
        Item::Warning(_) | Item::Title(_) => {}
    }
}

/// Returns the slug of a transcript: the folder below `projects` that contains it.
fn transcript_slug(transcript: &Path) -> Option<&str> {
    let mut folders = transcript.iter().skip_while(|folder| *folder != "projects").skip(1);
    // The slug is followed by the transcript or a folder of its session.
    let slug = folders.next()?.to_str()?;
    folders.next().map(|_| slug)
}

/// Creates one preparer per core, up to [`MAX_PREPARERS`].
fn create_preparers(store: &Store) -> Result<Vec<Mutex<Preparer>>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (0..cores.min(MAX_PREPARERS)).map(|_| Ok(Mutex::new(store.create_preparer()?))).collect()
}

/// Adds a message and its project to a batch; `known` caches the identity of each directory.
fn add_message(batch: &mut ImportBatch, known: &mut HashMap<String, NewProject>, message: PreparedMessage) {
    let directory = message.working_directory();
    if !batch.projects.contains_key(directory) {
        let project = known.entry(directory.to_owned()).or_insert_with(|| project_for_directory(directory));
        batch.projects.insert(directory.to_owned(), project.clone());
    }
    batch.messages.push(message);
}

pub(in crate::memory) fn path_key(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Hashes the start of a file, by which a file that grew is told from another one. A folder has none: it is never read
/// from a position.
fn hash_head(path: &Path) -> std::io::Result<ContentHash> {
    if path.is_dir() {
        return Ok(ContentHash::of_parts(&[]));
    }
    let first = disk::read_foreign_head(path, HEAD_BYTES)?;
    // Uses whole first lines only: a file that was read while its first line was being written would otherwise look
    // new.
    let end = memchr::memchr(b'\n', &first).unwrap_or(first.len());
    Ok(ContentHash::of_parts(&[first.get(..end).unwrap_or(&[])]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LayeredSettings, Paths};
    use crate::domain::IdGenerator;
    use crate::store::OpenMode;

    #[test]
    fn files_that_an_older_reader_read_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let transcript = folder.path().join("s1.jsonl");
        let record = br#"{"type":"user","uuid":"u1","sessionId":"s1","message":{"content":"hello"}}"#;
        disk::write_atomic(&transcript, &[record, &b"\n"[..]].concat()).unwrap();
        let now = Timestamp::from_milliseconds(1_790_000_000_000);
        let paths = Paths::resolve_home(Some(folder.path().join("memory"))).unwrap();
        let settings = LayeredSettings::load_file(&paths.config_file()).unwrap().settings;
        let memory = Memory::open(&paths, settings, OpenMode::Create, IdGenerator::with_seed(1), now).unwrap();
        let import = || {
            let options = ImportOptions::from_settings(memory.settings());
            memory.import_path(&transcript, options, now, &AtomicBool::new(false), &mut |_| {}).unwrap()
        };
        assert_eq!((import().new, import().unchanged), (1, 1));
        let cursors = memory.store.snapshot().unwrap().import_cursors(Source::CLAUDE_CODE.name()).unwrap();
        let older = cursors.into_values().map(|cursor| (0, ImportCursor { reader: 1, ..cursor })).collect();
        let batch = ImportBatch { cursors: older, ..ImportBatch::default() };
        memory.store.import_later(Source::CLAUDE_CODE.name(), batch, now).unwrap().wait().unwrap();
        let again = import();
        assert_eq!((again.unchanged, again.duplicate), (0, 1));
        assert_eq!(import().unchanged, 1);
    }
}
