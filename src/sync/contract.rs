//! Tests the contract of every target on one that lives in memory and fails where its script says. After any failure
//! each message is there once, nothing deleted is there, and every difference is found. The integration tests hold the
//! real servers to the same contract.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::error::{Error, Result};
use super::page::{ChangePage, conversation_id, digest_parts};
use super::push_engine::{compare_target, push_changes};
use super::target::{CompareBy, SyncTarget};
use crate::config::{LayeredSettings, Paths};
use crate::domain::random::SplitMix64;
use crate::domain::{DraftNote, IdGenerator, MessageId, Timestamp};
use crate::memory::Memory;
use crate::store::OpenMode;

/// Failure of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The call fails and has no effect.
    Refuses,
    /// The call takes effect, but its answer is lost.
    AnswerLost,
    /// The call takes effect, and the calling process is told to stop.
    Stops,
    /// The target loses its data and reports another identity from now on.
    Emptied,
}

/// A target in memory that follows a script of faults.
#[derive(Debug, Default)]
struct Scripted {
    script: VecDeque<Fault>,
    places: usize,
    messages: BTreeMap<MessageId, (Uuid, String)>,
    tombstones: BTreeSet<MessageId>,
    pages: usize,
    /// Set when the calling process has to end.
    stop: Arc<AtomicBool>,
}

impl Scripted {
    /// Runs one operation, subject to the next fault of the script.
    fn call<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> Result<T> {
        let broken = || Error::Target { target: "scripted", why: "as the script says".to_owned() };
        match self.script.pop_front().unwrap_or(Fault::None) {
            Fault::None => Ok(act(self)),
            Fault::Refuses => Err(broken()),
            Fault::AnswerLost => {
                act(self);
                Err(broken())
            }
            Fault::Stops => {
                self.stop.store(true, Ordering::Relaxed);
                Ok(act(self))
            }
            Fault::Emptied => {
                self.messages.clear();
                self.tombstones.clear();
                self.places += 1;
                Err(broken())
            }
        }
    }
}

impl SyncTarget for Scripted {
    /// One of the two names that the store knows.
    fn target_name(&self) -> &'static str {
        "postgres"
    }

    fn compared_by(&self) -> CompareBy {
        CompareBy::Messages
    }

    async fn prepare_target(&mut self) -> Result<String> {
        self.call(|target| format!("place {}", target.places))
    }

    async fn push(&mut self, page: &ChangePage) -> Result<()> {
        self.call(|target| {
            target.pages += 1;
            for (message, _) in &page.messages {
                if !target.tombstones.contains(&message.id) {
                    let conversation = conversation_id(&message.conversation.source, &message.conversation.session);
                    target.messages.insert(message.id, (conversation, digest_parts(&message.parts)));
                }
            }
            for id in page.forgotten.iter().map(|one| &one.message) {
                target.tombstones.insert(*id);
                target.messages.remove(id);
            }
            for id in &page.hidden {
                target.messages.remove(id);
            }
        })
    }

    async fn conversation_digests(&mut self) -> Result<BTreeMap<Uuid, String>> {
        self.call(|target| {
            let mut each: BTreeMap<Uuid, BTreeMap<MessageId, String>> = BTreeMap::new();
            for (id, (conversation, digest)) in &target.messages {
                each.entry(*conversation).or_default().insert(*id, digest.clone());
            }
            each.iter().map(|(id, messages)| (*id, CompareBy::Messages.combine_digests(messages))).collect()
        })
    }

    async fn message_digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>> {
        self.call(|target| {
            let of = target.messages.iter().filter(|(_, (of, _))| *of == conversation);
            of.map(|(id, (_, digest))| (*id, digest.clone())).collect()
        })
    }
}

/// A memory with its visible messages and its clock.
struct Machine {
    memory: Memory,
    _folder: tempfile::TempDir,
    seen: Vec<MessageId>,
    now: i64,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve_home(Some(folder.path().join("memory"))).unwrap();
        let settings = LayeredSettings::from_text(std::path::Path::new("config.toml"), "").unwrap().settings;
        let now = 1_790_000_000_000;
        let ids = IdGenerator::with_seed(7);
        let memory = Memory::open(&paths, settings, OpenMode::Create, ids, Timestamp::from_milliseconds(now)).unwrap();
        Self { memory, _folder: folder, seen: Vec::new(), now }
    }

    fn moment(&mut self) -> Timestamp {
        self.now += 1_000;
        Timestamp::from_milliseconds(self.now)
    }

    /// Saves, quarantines or deletes a message at random.
    fn live(&mut self, random: &mut SplitMix64) {
        let at = self.moment();
        let any = |seen: &Vec<MessageId>, random: &mut SplitMix64| {
            usize::try_from(random.next()).unwrap_or(0).checked_rem(seen.len())
        };
        match (random.next() % 10, any(&self.seen, random)) {
            (0, Some(index)) => {
                let id = self.seen.swap_remove(index);
                drop(self.memory.forget(vec![id], "test", crate::store::CopyPolicy::Keep, at).unwrap());
            }
            (1, Some(index)) => {
                let id = self.seen.swap_remove(index);
                assert_eq!(self.memory.quarantine_messages(vec![id], "test", at).unwrap(), 1);
            }
            _ => {
                let text = format!("remember 记住 {:x}", random.next());
                let cwd = format!("/work/project-{}", random.next() % 3);
                let note = DraftNote { text, cwd: Some(cwd), ..DraftNote::default() };
                self.seen.push(self.memory.save(note, at).unwrap().id);
            }
        }
    }

    /// Pushes until nothing is left; returns the number of runs it took.
    async fn send(&mut self, target: &mut Scripted) -> usize {
        for run in 1.. {
            let at = self.moment();
            let stop = Arc::clone(&target.stop);
            stop.store(false, Ordering::Relaxed);
            let outcome = push_changes(&self.memory, target, &|| at, &stop, &mut |_| {}).await;
            if outcome.as_ref().is_ok_and(|pushed| !pushed.interrupted) {
                return run;
            }
            assert!(run < 100, "it never ends: {outcome:?}");
        }
        unreachable!("the loop ends by itself")
    }

    async fn compare(&mut self, target: &mut Scripted, repair: bool) -> super::CompareReport {
        let at = self.moment();
        compare_target(&self.memory, target, repair, at, &mut |_, _| {}).await.unwrap()
    }
}

fn script(random: &mut SplitMix64) -> VecDeque<Fault> {
    let faults = [Fault::None, Fault::Refuses, Fault::AnswerLost, Fault::Stops, Fault::Emptied];
    (0..random.next() % 8).map(|_| faults[usize::try_from(random.next() % 5).unwrap_or(0)]).collect()
}

fn contract(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut random = SplitMix64(seed);
    let (mut machine, mut target) = (Machine::new(), Scripted::default());
    runtime.block_on(async {
        for _ in 0..4 {
            (0..random.next() % 12).for_each(|_| machine.live(&mut random));
            target.script = script(&mut random);
            let _ = machine.send(&mut target).await;
            target.script.clear();
            let there: BTreeSet<MessageId> = target.messages.keys().copied().collect();
            assert_eq!(there, machine.seen.iter().copied().collect(), "seed {seed}");
            assert!(machine.compare(&mut target, false).await.is_consistent(), "seed {seed}");
            // Nothing is new: nothing is sent.
            let pages = target.pages;
            assert_eq!(machine.send(&mut target).await, 1);
            assert_eq!(target.pages, pages);
        }
        // Messages changed or deleted on the target are found, and repaired once.
        let Some(first) = machine.seen.first().copied() else { return };
        let (conversation, _) = target.messages.remove(&first).unwrap();
        if let Some(second) = machine.seen.get(1) {
            target.messages.get_mut(second).unwrap().1 = "something else".to_owned();
        }
        let dead = target.tombstones.iter().next().copied();
        if let Some(dead) = dead {
            target.messages.insert(dead, (conversation, "back again".to_owned()));
        }
        let found = machine.compare(&mut target, true).await;
        let expected = (vec![first], machine.seen.get(1).copied().into_iter().collect(), dead.into_iter().collect());
        assert_eq!((found.missing, found.different, found.undead), expected, "seed {seed}");
        assert!(machine.compare(&mut target, false).await.is_consistent(), "seed {seed}");
    });
}

#[test]
fn every_target_keeps_the_contract_whatever_breaks() {
    (0..60).for_each(contract);
}
