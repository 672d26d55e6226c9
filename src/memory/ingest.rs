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

use super::forks::put_originals_first;
use super::import_report::{ImportOptions, ImportProgress, Report, Taken};
use super::parallel::spread;
use super::projects::project_of;
use super::{Error, Memory, Result};
use crate::domain::{ContentHash, Draft, Ledger, Timestamp};
use crate::import::{
    BadLine, Item, Position, ReadOptions, Records, SessionRef, Source, TitleRank, Transcript, directory_of_slug,
};
use crate::store::{Batch, Cursor, NewProject, NewTitle, Outcome, PreparedMessage, Preparer, Receipt};

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

/// A message that was handed to the store, and whether its record is counted as one.
type Gathered = (ContentHash, bool);

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
    /// Working directories by the names of folders that stand for them, for records that name none.
    slugs: HashMap<String, Option<String>>,
    /// The batch that is being written: its messages and whether each is counted, and the answer to come.
    waiting: Option<(Vec<Gathered>, Receipt<Vec<Outcome>>)>,
    sessions: HashSet<ContentHash>,
    /// Every message of this run and what became of it; a message may come in several pieces.
    seen: HashMap<ContentHash, Outcome>,
    /// The messages of the batch that is being gathered.
    gathered: Vec<Mutex<Option<Draft>>>,
    /// Which of them are kept although their record was not understood.
    uncounted: HashSet<usize>,
    /// Bytes of their texts.
    weight: usize,
    batch: Batch,
    commits: u32,
}

impl Memory {
    /// Reads a file of a source, or every one below a folder, and what else belongs to the source there. `stop` ends it
    /// after the current batch.
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
        let (mut report, mut done) = (Report::default(), ImportProgress::default());
        for (source, path) in options.source.steps(path) {
            let options = ImportOptions { source, ..options };
            let mut state = ImportProgress::default();
            let part = self.import_step(&path, options, now, stop, &mut |step| {
                state = step;
                progress(done.plus(step));
            })?;
            done = done.plus(state);
            report.add(part);
        }
        Ok(report)
    }

    /// Reads the files of one source.
    fn import_step(
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
            slugs: HashMap::new(),
            waiting: None,
            sessions: HashSet::new(),
            seen: HashMap::new(),
            gathered: Vec::new(),
            uncounted: HashSet::new(),
            weight: 0,
            batch: Batch::default(),
            commits: 0,
        };
        unreadable.into_iter().for_each(|bad| run.report.bad(bad));
        let report = run.all(transcripts)?;
        if !options.dry_run && report.messages > 0 {
            self.delete_repeats(now)?;
        }
        Ok(report)
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
                    Outcome::Duplicate | Outcome::Extended | Outcome::Revised | Outcome::Collided => {
                        taken.duplicate += 1;
                    }
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
            let clean = |(session, title)| {
                Ok(NewTitle { session: Some(session), part_key: None, title: self.clean_text(title)?, chosen: false })
            };
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
        if !self.options.dry_run {
            self.memory.store.resolve_titles(self.now)?;
        }
        if self.options.settle {
            self.memory.settle()?;
        }
        self.report.sessions = self.sessions.len() as u64;
        let count = |outcome: Outcome| self.seen.values().filter(|seen| **seen == outcome).count() as u64;
        self.report.messages = self.seen.len() as u64;
        self.report.new = count(Outcome::New);
        self.report.duplicate = count(Outcome::Duplicate);
        self.report.forgotten = count(Outcome::Forgotten);
        self.report.extended = count(Outcome::Extended);
        self.report.revised = count(Outcome::Revised);
        self.report.collided = count(Outcome::Collided);
        self.report.skipped = self.report.ledger.bookkeeping.values().sum();
        self.report.own = self.report.ledger.own;
        Ok(self.report)
    }

    /// Reads one file; the inner result is what reading it came to.
    fn file(&mut self, transcript: &Transcript, cursor: Option<Cursor>) -> Result<std::io::Result<()>> {
        let head = match head(&transcript.path) {
            Ok(head) => head,
            Err(error) => return Ok(Err(error)),
        };
        let source = self.options.source;
        let reread = cursor.as_ref().is_some_and(|cursor| cursor.reader != source.reader_version());
        // A shorter file, or one that begins otherwise, is another file under the same name.
        let resume = cursor
            .filter(|cursor| source.resumes() && !reread && cursor.head == head && cursor.offset <= transcript.size);
        let (from, ledger) = resume.map_or_else(Default::default, |cursor| {
            (Position { offset: cursor.offset, line: cursor.line }, cursor.ledger)
        });
        let options = ReadOptions { longest: self.options.longest_line, now: self.now };
        let reader = match source.open(transcript, from, options) {
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
            reader: source.reader_version(),
            ledger,
            reread,
        };
        // Counts of this run, and of items that will be told again when reading goes on at the cursor.
        let (mut counts, mut ahead) = (Ledger::default(), Ledger::default());
        // The file is read and parsed while what was read before is prepared and written.
        std::thread::scope(|scope| {
            let (sender, items) = sync_channel(READ_AHEAD);
            scope.spawn(move || read_ahead(reader, from, &sender));
            // The reader ends with the end of the file or an error, never before.
            for (step, position) in items.into_iter().flatten() {
                let (ended, complete) = match &step {
                    Step::Item(_) => (false, false),
                    Step::End { complete } => (true, *complete),
                    Step::Failed(_) => (true, false),
                };
                let mut failure = None;
                match step {
                    Step::Item(item) => {
                        count(&item, &mut ahead);
                        let understood = counts.understood() + ahead.understood() > 0;
                        self.take(*item, transcript, understood)?;
                    }
                    Step::End { .. } => {}
                    Step::Failed(error) => failure = Some(error),
                }
                if position.offset > cursor.offset || ended && complete {
                    counts.merge(&ahead);
                    cursor.ledger.merge(&std::mem::take(&mut ahead));
                }
                let stopping = self.stop.load(Ordering::Relaxed);
                (cursor.offset, cursor.line) = (position.offset, position.line);
                self.state.done_bytes = start + position.offset.saturating_sub(from.offset);
                if complete {
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
                    counts.merge(&ahead);
                    self.account(transcript, from, &counts);
                    self.report.interrupted |= !ended;
                    return Ok(failure.map_or(Ok(()), Err));
                }
            }
            Ok(Ok(()))
        })
    }

    /// Adds what one file held to the report. A file with records of which none was understood is named.
    fn account(&mut self, transcript: &Transcript, from: Position, counts: &Ledger) {
        let foreign = counts.understood() == 0 && counts.unread() > 0;
        if foreign && from == Position::default() {
            self.report.foreign.push(transcript.path.clone());
        }
        self.report.ledger.merge(counts);
    }

    /// Takes one item into the batch.
    fn take(&mut self, item: Item, transcript: &Transcript, understood: bool) -> Result<()> {
        match item {
            // The words of a file that belongs to another program are not taken for those of this one.
            Item::NotUnderstood(..) if !understood => {}
            Item::Bookkeeping(_) | Item::Own | Item::NotUnderstood(_, None) => {}
            Item::NotUnderstood(_, Some(kept)) => {
                self.uncounted.insert(self.gathered.len());
                self.gather(*kept, transcript);
            }
            Item::Bad(bad) | Item::Warning(bad) => self.report.bad(bad),
            Item::Title(title) => {
                let (session, part_key) = match title.session {
                    SessionRef::Id(session) => (Some(session), None),
                    SessionRef::PartKey(key) => (None, Some(key)),
                };
                let chosen = title.rank == TitleRank::Chosen;
                let title = self.memory.clean_text(title.title)?;
                self.batch.titles.push(NewTitle { session, part_key, title, chosen });
            }
            Item::Draft(draft) => self.gather(*draft, transcript),
        }
        Ok(())
    }

    fn gather(&mut self, mut draft: Draft, transcript: &Transcript) {
        if self.options.source == Source::ClaudeCode
            && draft.cwd.is_none()
            && let Some(slug) = slug_of(&transcript.path)
        {
            let directory = || directory_of_slug(slug, &[]);
            draft.cwd.clone_from(self.slugs.entry(slug.to_owned()).or_insert_with(directory));
        }
        self.sessions.insert(ContentHash::of(&draft.session));
        self.weight += draft.parts.iter().map(|part| part.text.len()).sum::<usize>();
        self.gathered.push(Mutex::new(Some(draft)));
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
        // Prompts that a transcript holds are known.
        batch.known_in = (self.options.source == Source::ClaudeHistory).then(|| Source::ClaudeCode.name());
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
    fn prepare(&mut self, batch: &mut Batch) -> Result<Vec<Gathered>> {
        let drafts = std::mem::take(&mut self.gathered);
        let uncounted = std::mem::take(&mut self.uncounted);
        let mut gathered = Vec::with_capacity(drafts.len());
        let prepared = self.memory.prepared(self.options.source.name(), &self.preparers, &drafts)?;
        for (number, (id, redacted, message)) in prepared.into_iter().enumerate() {
            gathered.push((id, !uncounted.contains(&number)));
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

    fn note(&mut self, outcomes: impl Iterator<Item = (Gathered, Outcome)>) {
        for ((message, counted), outcome) in outcomes {
            match outcome {
                _ if !counted => {}
                Outcome::Duplicate => self.report.known_records += 1,
                Outcome::Forgotten => {}
                _ => self.report.stored_records += 1,
            }
            let known = self.seen.entry(message).or_insert(Outcome::Duplicate);
            self.state.new += u64::from(outcome == Outcome::New && *known != Outcome::New);
            *known = outcome.max(*known);
        }
    }
}

/// Sends every item with the position after it, then the end or the error that ended it. Stops when nobody listens.
fn read_ahead(reader: Box<dyn Records>, from: Position, sender: &SyncSender<Vec<(Step, Position)>>) {
    let mut items = Vec::with_capacity(READ_AT_ONCE);
    let (mut heard, mut last) = (true, from);
    let outcome = reader.each(&mut |item, position| {
        items.push((Step::Item(Box::new(item)), position));
        last = position;
        if items.len() == READ_AT_ONCE {
            let full = std::mem::replace(&mut items, Vec::with_capacity(READ_AT_ONCE));
            heard = sender.send(full).is_ok();
        }
        heard
    });
    items.push(match outcome {
        Ok(end) => (Step::End { complete: end.complete }, end.position),
        Err(error) => (Step::Failed(error), last),
    });
    // A receiver that is gone has what it wanted.
    let _ = sender.send(items);
}

/// What reading a file comes to, step by step.
enum Step {
    Item(Box<Item>),
    End { complete: bool },
    Failed(std::io::Error),
}

/// Counts an item in a ledger.
fn count(item: &Item, ledger: &mut Ledger) {
    match item {
        Item::Draft(_) => ledger.messages += 1,
        Item::Own => ledger.own += 1,
        Item::Bad(_) => ledger.damaged += 1,
        Item::Bookkeeping(kind) => *ledger.bookkeeping.entry(kind.clone().into_owned()).or_default() += 1,
        Item::NotUnderstood(kind, _) => *ledger.not_understood.entry(kind.clone()).or_default() += 1,
        Item::Warning(_) | Item::Title(_) => {}
    }
}

/// The name of the folder below `projects` that a transcript lies in.
fn slug_of(transcript: &Path) -> Option<&str> {
    let mut folders = transcript.iter().skip_while(|folder| *folder != "projects").skip(1);
    // Behind the slug comes the transcript or a folder of its session.
    let slug = folders.next()?.to_str()?;
    folders.next().map(|_| slug)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layered, Paths};
    use crate::domain::Ids;
    use crate::store::Open;

    #[test]
    fn files_that_an_older_reader_read_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let transcript = folder.path().join("s1.jsonl");
        let record = br#"{"type":"user","uuid":"u1","sessionId":"s1","message":{"content":"hello"}}"#;
        crate::disk::write_atomic(&transcript, &[record, &b"\n"[..]].concat()).unwrap();
        let now = Timestamp::from_milliseconds(1_790_000_000_000);
        let paths = Paths::resolve(Some(folder.path().join("memory"))).unwrap();
        let settings = Layered::load(&paths.config()).unwrap().settings;
        let memory = Memory::open(&paths, settings, Open::Create, Ids::seeded(1), now).unwrap();
        let import = || {
            let options = ImportOptions::of(memory.settings());
            memory.import(&transcript, options, now, &AtomicBool::new(false), &mut |_| {}).unwrap()
        };
        assert_eq!((import().new, import().unchanged), (1, 1));
        let cursors = memory.store.cursors(Source::ClaudeCode.name()).unwrap();
        let older = cursors.into_values().map(|cursor| (0, Cursor { reader: 1, ..cursor })).collect();
        let batch = Batch { cursors: older, ..Batch::default() };
        memory.store.import_later(Source::ClaudeCode.name(), batch, now).unwrap().wait().unwrap();
        let again = import();
        assert_eq!((again.unchanged, again.duplicate), (0, 1));
        assert_eq!(import().unchanged, 1);
    }
}
