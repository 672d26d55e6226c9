//! Power cuts, simulated: everything a session did to its files was recorded; an image of the disk at any moment holds what
//! was synced by then, and of the rest a random part, torn at sectors. A store opened on such an image must have everything
//! that had been acknowledged. The test proves itself by finding losses when durability is `normal`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use claude_memory::testing::domain::{MessageId, SearchMode};
use claude_memory::testing::memory::Memory;
use serde_json::{Value, json};

use crate::home::{TestHome, say};
use crate::rig::{Random, beside, embed, faults, found, open, text_of, under};
use crate::session::Session;
use crate::{extent, seed};

const SECTOR: usize = 512;
const TRUNCATES: i64 = 0x200;

/// One entry of the record.
struct Entry {
    kind: u8,
    descriptor: i32,
    offset: i64,
    bytes: Vec<u8>,
}

fn entries(record: &[u8]) -> Vec<Entry> {
    let (mut entries, mut at) = (Vec::new(), 0);
    while at < record.len() {
        let number = |from: usize| i64::from_le_bytes(record[at + from..at + from + 8].try_into().unwrap());
        let descriptor = i32::from_le_bytes(record[at + 1..at + 5].try_into().unwrap());
        let (offset, length) = (number(5), usize::try_from(number(13)).unwrap());
        let bytes = record[at + 21..at + 21 + length].to_vec();
        entries.push(Entry { kind: record[at], descriptor, offset, bytes });
        at += 21 + length;
    }
    entries
}

enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

/// A file: what is on the disk for sure, and what the system may have written or not.
#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Inode {
    fn apply(content: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Truncate(length) => content.resize(*length, 0),
            Change::Write(at, bytes) => {
                content.resize(content.len().max(at + bytes.len()), 0);
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    fn sync(&mut self) {
        let Self { durable, pending } = self;
        pending.drain(..).for_each(|change| Self::apply(durable, &change));
    }

    /// What a disk may hold: each pending change with this chance, and some writes only in part.
    fn after(&self, chance: u64, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        for change in self.pending.iter().filter(|_| random.chance(chance)).collect::<Vec<_>>() {
            match change {
                Change::Write(at, bytes) if bytes.len() > SECTOR && random.chance(20) => {
                    for (number, sector) in
                        bytes.chunks(SECTOR).enumerate().filter(|_| random.chance(50)).collect::<Vec<_>>()
                    {
                        Self::apply(&mut content, &Change::Write(at + number * SECTOR, sector.to_vec()));
                    }
                }
                change => Self::apply(&mut content, change),
            }
        }
        content
    }
}

enum NameChange {
    Bind(String, usize),
    Remove(String),
    Folder(String),
}

/// The disk while the recorded session runs.
#[derive(Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: HashMap<String, usize>,
    folders: HashSet<String>,
    descriptors: HashMap<i32, String>,
    files: HashMap<i32, usize>,
    changes: Vec<NameChange>,
    /// So many changes of names are on the disk for sure. A journal keeps their order.
    durable: usize,
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk {
    fn create(&mut self, path: &str) -> usize {
        self.inodes.push(Inode::default());
        self.bind(path, self.inodes.len() - 1);
        self.inodes.len() - 1
    }

    fn bind(&mut self, path: &str, inode: usize) {
        self.names.insert(path.to_owned(), inode);
        self.changes.push(NameChange::Bind(path.to_owned(), inode));
    }

    fn remove(&mut self, path: &str) {
        self.names.remove(path);
        self.changes.push(NameChange::Remove(path.to_owned()));
    }

    fn replay(&mut self, entry: &Entry) {
        let text = || String::from_utf8_lossy(&entry.bytes).into_owned();
        let pair = || {
            let text = text();
            let (from, to) = text.split_once('\0').unwrap();
            (from.to_owned(), to.to_owned())
        };
        match entry.kind {
            b'O' if self.folders.contains(&text()) => {
                self.descriptors.insert(entry.descriptor, text());
                self.files.remove(&entry.descriptor);
            }
            b'O' => {
                let inode = self.names.get(&text()).copied().unwrap_or_else(|| self.create(&text()));
                if entry.offset & TRUNCATES != 0 {
                    self.inodes[inode].pending.push(Change::Truncate(0));
                }
                self.files.insert(entry.descriptor, inode);
                self.descriptors.remove(&entry.descriptor);
            }
            b'w' => {
                let change = Change::Write(usize::try_from(entry.offset).unwrap(), entry.bytes.clone());
                self.inodes[self.files[&entry.descriptor]].pending.push(change);
            }
            b't' => {
                let change = Change::Truncate(usize::try_from(entry.offset).unwrap());
                self.inodes[self.files[&entry.descriptor]].pending.push(change);
            }
            b's' => match self.descriptors.get(&entry.descriptor) {
                None => self.inodes[self.files[&entry.descriptor]].sync(),
                Some(folder) => {
                    let touches = |change: &NameChange| match change {
                        NameChange::Bind(path, _) | NameChange::Remove(path) | NameChange::Folder(path) => {
                            folder_of(path) == folder
                        }
                    };
                    let last = self.changes.iter().rposition(touches).map_or(0, |at| at + 1);
                    self.durable = self.durable.max(last);
                }
            },
            b'r' => {
                let (from, to) = pair();
                let inode = self.names[&from];
                self.remove(&from);
                self.bind(&to, inode);
            }
            b'l' => {
                let (from, to) = pair();
                self.bind(&to, self.names[&from]);
            }
            b'u' => self.remove(&pair().0),
            b'd' => {
                self.folders.insert(pair().0);
                self.changes.push(NameChange::Folder(pair().0));
            }
            _ => {}
        }
    }

    /// Writes what a power cut at this moment may leave behind. `root` is where the session had its memory.
    fn image(&self, root: &Path, into: &Path, random: &mut Random) {
        let chance = [0, 30, 70, 100][random.at(4)];
        let open = self.changes.len() - self.durable;
        let kept = self.durable + if chance == 0 { 0 } else { random.at(open + 1) };
        let mut names: HashMap<&str, usize> = HashMap::new();
        for change in &self.changes[..kept] {
            match change {
                NameChange::Bind(path, inode) => drop(names.insert(path, *inode)),
                NameChange::Remove(path) => drop(names.remove(path.as_str())),
                NameChange::Folder(_) => {}
            }
        }
        for (path, inode) in names {
            // Shared memory is never read after a cut: the first to come makes it anew.
            if path.ends_with("-shm") {
                continue;
            }
            let target = into.join(Path::new(path).strip_prefix(root).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(&target, self.inodes[inode].after(chance, random)).unwrap();
        }
    }
}

/// What had been acknowledged after so many entries.
#[derive(Default)]
struct Promises {
    kept: Vec<(usize, MessageId, String)>,
    forgotten: Vec<(usize, MessageId)>,
    imported: Option<(usize, u64)>,
}

/// A session that does everything that writes, recorded.
fn record(durability: &str) -> Option<(TestHome, Vec<Entry>, Promises)> {
    let library = faults()?;
    let home = TestHome::new();
    let record = home.path().join("record");
    let mut command = home.command();
    under(&mut command, &home, library);
    command.env("FAULTS_RECORD", &record).env("CLAUDE_MEMORY_STORE_DURABILITY", durability);
    command.env("CLAUDE_CONFIG_DIR", home.path().join("claude"));
    crate::rig::copy(&crate::home::samples(), &home.path().join("claude/projects/demo"));
    let mut session = Session::start(command);
    let mut random = Random::new(seed());
    let mut texts = HashMap::new();
    let mut forgets = Vec::new();
    for number in 0..260 {
        let words: Vec<String> = (0..30).map(|_| format!("w{:x}", random.below(50_000))).collect();
        let text = format!("power{number} 停电 {}", words.join(" "));
        // One at a time and many at a time.
        if number % 3 == 0 {
            let saved = session.call("memory_save", &json!({ "text": text })).unwrap();
            let id: MessageId = saved["result"]["structuredContent"]["id"].as_str().unwrap().parse().unwrap();
            texts.insert(id.to_string(), text);
            if number % 30 == 0 {
                let shown = session.call("memory_forget", &json!({ "ids": [id.to_string()] })).unwrap();
                let code = json!({ "code": shown["result"]["structuredContent"]["code"] });
                let gone = session.call("memory_forget", &code).unwrap();
                assert!(gone["result"]["isError"] != true, "{gone}");
                forgets.push(id);
            }
        } else {
            assert!(session.save(text));
        }
        if number == 130 {
            let imported = session.call("memory_import", &json!({})).unwrap();
            assert!(imported["result"]["structuredContent"]["new"].as_u64() > Some(50), "{imported}");
        }
    }
    let (acknowledged, refused) = session.finish();
    assert!(refused.is_empty(), "{refused:?}");
    texts.extend(acknowledged.into_iter().map(|(id, text)| (id.to_string(), text)));
    let entries = entries(&std::fs::read(&record).unwrap());
    let promises = promises(&entries, &texts, &forgets);
    assert_eq!(promises.kept.len(), texts.len());
    assert_eq!(promises.forgotten.len(), forgets.len());
    Some((home, entries, promises))
}

/// When each answer left the process.
fn promises(entries: &[Entry], texts: &HashMap<String, String>, forgets: &[MessageId]) -> Promises {
    let (mut promises, mut line) = (Promises::default(), Vec::new());
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.kind == b'o') {
        line.extend(&entry.bytes);
        while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            let answer: Value = serde_json::from_slice(&line[..end]).unwrap();
            line.drain(..=end);
            let content = &answer["result"]["structuredContent"];
            if let Some(text) = content["id"].as_str().and_then(|id| texts.get(id)) {
                promises.kept.push((at, content["id"].as_str().unwrap().parse().unwrap(), text.clone()));
            } else if content["receipt"]["messages"].as_u64() == Some(1) {
                promises.forgotten.push((at, forgets[promises.forgotten.len()]));
            } else if content["files"].as_u64().is_some() {
                promises.imported = content["new"].as_u64().map(|new| (at, new));
            }
        }
    }
    promises
}

/// How many acknowledged messages an image has lost. Anything else that is wrong with it is a panic.
fn lost(memory: &Memory, promises: &Promises, until: usize) -> usize {
    let forgotten: HashMap<MessageId, usize> = promises.forgotten.iter().map(|(at, id)| (*id, *at)).collect();
    let mut lost = 0;
    for (_, id, text) in promises.kept.iter().filter(|(at, ..)| *at < until) {
        let read = text_of(memory, *id);
        // Forgetting begins before it is acknowledged.
        if forgotten.get(id).is_some_and(|at| *at < until) {
            assert!(read.is_none(), "{id} was forgotten and is there");
        } else if !forgotten.contains_key(id) {
            lost += usize::from(read.as_ref() != Some(text));
            assert!(read.is_none() || read.as_ref() == Some(text), "{id} is another text now");
        }
    }
    if let Some((_, new)) = promises.imported.filter(|(at, _)| *at < until) {
        let all = memory.snapshot().unwrap().collect_stats().unwrap();
        lost += usize::from(all.messages - all.notes < new);
    }
    lost
}

#[test]
fn acknowledged_means_on_the_disk() {
    let images = extent(12, 300, 5_000);
    let Some((home, entries, promises)) = record("full") else { return };
    let loaded = open(&home.memory());
    embed(&loaded);
    let mut random = Random::new(seed());
    let (mut messages, scratch) = (0, tempfile::tempdir().unwrap());
    for number in 0..images {
        let until = random.at(entries.len() + 1);
        let folder = image(&home, &entries[..until], scratch.path(), &mut random);
        let memory =
            beside(&loaded, &folder).unwrap_or_else(|error| panic!("image {number} cannot be opened: {error}"));
        let acknowledged = promises.kept.iter().filter(|(at, ..)| *at < until).count();
        messages += acknowledged;
        assert_eq!(lost(&memory, &promises, until), 0, "image {number}, after entry {until} of {}", entries.len());
        memory.snapshot().unwrap().verify_index().unwrap_or_else(|error| panic!("image {number}: {error}"));
        if acknowledged > 0 {
            let (_, id, text) = &promises.kept[random.at(acknowledged)];
            let mode = if number % 4 == 0 { SearchMode::Hybrid } else { SearchMode::Keyword };
            let ids = found(&memory, text, mode).unwrap();
            let gone = promises.forgotten.iter().any(|(_, gone)| gone == id);
            assert!(gone || ids.first() == Some(&id.to_string()), "image {number}: {text} is not found");
        }
        drop(memory);
        std::fs::remove_dir_all(folder).unwrap();
    }
    say(&format!(
        "power cuts: {images} images of a session of {} operations, {messages} acknowledged saves looked for, 0 lost, 0 images \
         unusable (seed {})",
        entries.len(),
        seed()
    ));
}

/// If this finds nothing, the simulation is no simulation.
#[test]
fn durability_normal_loses_what_a_power_cut_takes() {
    let images = extent(12, 60, 400);
    let Some((home, entries, promises)) = record("normal") else { return };
    let mut random = Random::new(seed());
    let (mut losing, scratch) = (0, tempfile::tempdir().unwrap());
    for _ in 0..images {
        let until = entries.len() / 10 + random.at(entries.len() * 9 / 10);
        let folder = image(&home, &entries[..until], scratch.path(), &mut random);
        if let Ok(memory) = crate::rig::try_open(&folder) {
            losing += u64::from(lost(&memory, &promises, until) > 0);
        } else {
            losing += 1;
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
    assert!(losing > images / 5, "{losing} of {images} images lost something: the cuts are too kind");
    say(&format!(
        "power cuts with durability = normal: {losing} of {images} images lost acknowledged messages, as they must"
    ));
}

fn image(home: &TestHome, entries: &[Entry], scratch: &Path, random: &mut Random) -> std::path::PathBuf {
    let mut disk = Disk::default();
    entries.iter().for_each(|entry| disk.replay(entry));
    let folder = scratch.join("image");
    std::fs::create_dir_all(&folder).unwrap();
    disk.image(&home.memory(), &folder, random);
    folder
}
