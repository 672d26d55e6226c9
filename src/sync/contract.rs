//! The contract of every target, tried on one that lives in memory and breaks off where its script says: whatever happens on the
//! way, everything is there once, nothing that is gone is there, and what differs is found. The real servers are held to the same
//! by the integration tests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::error::{Error, Result};
use super::page::{Page, conversation_id, digest};
use super::run::{check, push};
use super::target::{Holds, Target};
use crate::config::{Layered, Paths};
use crate::domain::random::SplitMix64;
use crate::domain::{Ids, MessageId, Note, Timestamp};
use crate::memory::Memory;
use crate::store::Open;

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// It refuses, and has done nothing.
    Refuses,
    /// It has done it, and the answer is lost on the way.
    AnswerLost,
    /// It has done it, and the process that asked ends.
    Stops,
    /// It is emptied and is another place from now on.
    Emptied,
}

/// A target in memory.
#[derive(Debug, Default)]
struct Scripted {
    script: VecDeque<Fault>,
    places: usize,
    messages: BTreeMap<MessageId, (Uuid, String)>,
    tombstones: BTreeSet<MessageId>,
    pages: usize,
    /// Set when the process that asks has to end.
    stop: Arc<AtomicBool>,
}

impl Scripted {
    /// Does something unless the script has it refuse.
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

impl Target for Scripted {
    /// The store knows two names.
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn holds(&self) -> Holds {
        Holds::Messages
    }

    async fn prepare(&mut self) -> Result<String> {
        self.call(|target| format!("place {}", target.places))
    }

    async fn push(&mut self, page: &Page) -> Result<()> {
        self.call(|target| {
            target.pages += 1;
            for (message, _) in &page.messages {
                if !target.tombstones.contains(&message.id) {
                    let conversation = conversation_id(&message.conversation.source, &message.conversation.session);
                    target.messages.insert(message.id, (conversation, digest(&message.parts)));
                }
            }
            for (id, ..) in &page.forgotten {
                target.tombstones.insert(*id);
                target.messages.remove(id);
            }
            for id in &page.hidden {
                target.messages.remove(id);
            }
        })
    }

    async fn summaries(&mut self) -> Result<BTreeMap<Uuid, String>> {
        self.call(|target| {
            let mut each: BTreeMap<Uuid, BTreeMap<MessageId, String>> = BTreeMap::new();
            for (id, (conversation, digest)) in &target.messages {
                each.entry(*conversation).or_default().insert(*id, digest.clone());
            }
            each.iter().map(|(id, messages)| (*id, Holds::Messages.together(messages))).collect()
        })
    }

    async fn digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>> {
        self.call(|target| {
            let of = target.messages.iter().filter(|(_, (of, _))| *of == conversation);
            of.map(|(id, (_, digest))| (*id, digest.clone())).collect()
        })
    }
}

/// A memory, what is in sight in it, and the moment.
struct Machine {
    memory: Memory,
    _folder: tempfile::TempDir,
    seen: Vec<MessageId>,
    now: i64,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(Some(folder.path().join("memory"))).unwrap();
        let settings = Layered::of(std::path::Path::new("config.toml"), "").unwrap().settings;
        let now = 1_790_000_000_000;
        let ids = Ids::seeded(7);
        let memory = Memory::open(&paths, settings, Open::Create, ids, Timestamp::from_milliseconds(now)).unwrap();
        Self { memory, _folder: folder, seen: Vec::new(), now }
    }

    fn moment(&mut self) -> Timestamp {
        self.now += 1_000;
        Timestamp::from_milliseconds(self.now)
    }

    /// Says, hides or forgets something.
    fn live(&mut self, random: &mut SplitMix64) {
        let at = self.moment();
        let any = |seen: &Vec<MessageId>, random: &mut SplitMix64| {
            usize::try_from(random.next()).unwrap_or(0).checked_rem(seen.len())
        };
        match (random.next() % 10, any(&self.seen, random)) {
            (0, Some(index)) => {
                let id = self.seen.swap_remove(index);
                drop(self.memory.forget(vec![id], "test", at).unwrap());
            }
            (1, Some(index)) => {
                let id = self.seen.swap_remove(index);
                assert_eq!(self.memory.quarantine(vec![id], "test", at).unwrap(), 1);
            }
            _ => {
                let text = format!("remember 记住 {:x}", random.next());
                let cwd = format!("/work/project-{}", random.next() % 3);
                let note = Note { text, cwd: Some(cwd), ..Note::default() };
                self.seen.push(self.memory.save(note, at).unwrap().id);
            }
        }
    }

    /// Sends until everything is there; returns how many runs it took.
    async fn send(&mut self, target: &mut Scripted) -> usize {
        for run in 1.. {
            let at = self.moment();
            let stop = Arc::clone(&target.stop);
            stop.store(false, Ordering::Relaxed);
            let outcome = push(&self.memory, target, &|| at, &stop, &mut |_| {}).await;
            if outcome.as_ref().is_ok_and(|pushed| !pushed.interrupted) {
                return run;
            }
            assert!(run < 100, "it never ends: {outcome:?}");
        }
        unreachable!("the loop ends by itself")
    }

    async fn compare(&mut self, target: &mut Scripted, repair: bool) -> super::run::Compared {
        let at = self.moment();
        check(&self.memory, target, repair, at, &mut |_, _| {}).await.unwrap()
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
            assert!(machine.compare(&mut target, false).await.agrees(), "seed {seed}");
            // Nothing is new: nothing is sent.
            let pages = target.pages;
            assert_eq!(machine.send(&mut target).await, 1);
            assert_eq!(target.pages, pages);
        }
        // What is changed or taken out over there is found, and mended once.
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
        assert!(machine.compare(&mut target, false).await.agrees(), "seed {seed}");
    });
}

#[test]
fn every_target_keeps_the_contract_whatever_breaks() {
    (0..60).for_each(contract);
}
