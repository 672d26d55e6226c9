//! A store beside a plain map: after any sequence of saving, changing, importing, forgetting, folding, reopening and looking
//! through for secrets, both say the same.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use claude_memory::testing::config::LayeredSettings;
use claude_memory::testing::domain::{DraftNote, MessageId, SearchMode};
use claude_memory::testing::memory::{ImportOptions, Memory};
use claude_memory::testing::store::{CopyPolicy, NoteUpdate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::extent;
use crate::home::{TestHome, say, user};
use crate::rig::{found, now, open, text_of};

#[derive(Debug, Clone)]
enum Act {
    Save(u16),
    /// The same key again: the one before is replaced.
    SaveUnderKey(u16, u8),
    Rewrite(u8, u16),
    Import(u8),
    /// Everything that was imported, read again from its beginning.
    ImportAgain,
    Forget(u8),
    ForgetSession(u8),
    Settle,
    Rescan,
    Reopen,
    Search(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => any::<u16>().prop_map(Act::Save),
        2 => (any::<u16>(), 0..3_u8).prop_map(|(text, key)| Act::SaveUnderKey(text, key)),
        2 => (any::<u8>(), any::<u16>()).prop_map(|(which, text)| Act::Rewrite(which, text)),
        2 => (1..6_u8).prop_map(Act::Import),
        1 => Just(Act::ImportAgain),
        3 => any::<u8>().prop_map(Act::Forget),
        1 => any::<u8>().prop_map(Act::ForgetSession),
        1 => Just(Act::Settle),
        1 => Just(Act::Rescan),
        1 => Just(Act::Reopen),
        4 => any::<u8>().prop_map(Act::Search),
    ];
    prop::collection::vec(act, 1..40)
}

/// What the store must say.
#[derive(Default)]
struct Model {
    texts: BTreeMap<MessageId, String>,
    /// What another memory has replaced: there, and not found.
    replaced: BTreeMap<MessageId, String>,
    /// By what.
    successors: BTreeMap<MessageId, MessageId>,
    keys: BTreeMap<u8, MessageId>,
    /// Lines of each imported session.
    sessions: Vec<u8>,
    number: u32,
}

impl Model {
    fn text(&mut self, seed: u16) -> String {
        self.number += 1;
        format!("unique{}x 词{} word{} and {}", self.number, seed % 7, seed % 5, seed)
    }

    fn replace(&mut self, before: MessageId, by: MessageId) {
        if let Some(text) = self.texts.remove(&before) {
            self.replaced.insert(before, text);
            self.successors.insert(before, by);
        }
    }

    /// With everything that it has replaced.
    fn forget(&mut self, id: MessageId) {
        self.texts.remove(&id);
        self.replaced.remove(&id);
        let earlier: Vec<MessageId> =
            self.successors.iter().filter(|(_, by)| **by == id).map(|(before, _)| *before).collect();
        for before in earlier {
            self.successors.remove(&before);
            self.forget(before);
        }
    }

    fn pick(&self, which: u8) -> Option<MessageId> {
        self.texts.keys().nth(usize::from(which) % self.texts.len().max(1)).copied()
    }
}

fn imported(session: usize, line: u8) -> (MessageId, String) {
    let id = MessageId::for_imported("claude-code", &format!("m{session}"), &format!("u{session}-{line}"));
    (id, format!("imported{session}y{line} 会话 said in session {session}"))
}

fn run(acts: &[Act]) {
    let home = TestHome::new();
    let (mut memory, mut model) = (open(&home.memory()), Model::default());
    for act in acts {
        apply(act, &home, &mut memory, &mut model);
        assert_eq!(
            memory.snapshot().unwrap().collect_stats().unwrap().messages as usize,
            model.texts.len() + model.replaced.len(),
            "{act:?}"
        );
    }
    for (id, text) in model.texts.iter().chain(&model.replaced) {
        assert_eq!(text_of(&memory, *id).as_ref(), Some(text));
    }
    for (id, text) in &model.texts {
        assert_eq!(found(&memory, text, SearchMode::Exact).unwrap(), [id.to_string()]);
    }
    memory.snapshot().unwrap().verify_index().unwrap();
}

fn apply(act: &Act, home: &TestHome, memory: &mut Memory, model: &mut Model) {
    match act {
        Act::Save(seed) => {
            let text = model.text(*seed);
            let id = memory.save(DraftNote { text: text.clone(), ..DraftNote::default() }, now()).unwrap().id;
            assert!(model.texts.insert(id, text).is_none());
        }
        Act::SaveUnderKey(seed, key) => {
            let text = model.text(*seed);
            let note = DraftNote { text: text.clone(), topic_key: Some(format!("key{key}")), ..DraftNote::default() };
            let id = memory.save(note, now()).unwrap().id;
            if let Some(before) = model.keys.insert(*key, id) {
                model.replace(before, id);
            }
            model.texts.insert(id, text);
        }
        Act::Rewrite(which, seed) => {
            let Some(id) = model.pick(*which) else { return };
            let text = model.text(*seed);
            // A person changes what was saved; what was said stays as it was.
            let Ok(saved) = memory.update(id, Some(text.clone()), NoteUpdate::default(), (false, None), now()) else {
                assert!(model.texts[&id].starts_with("imported"));
                return;
            };
            model.replace(id, saved.id);
            model.texts.insert(saved.id, text);
            model.keys.values_mut().filter(|known| **known == id).for_each(|known| *known = saved.id);
        }
        Act::Import(lines) => {
            let session = model.sessions.len();
            model.sessions.push(*lines);
            let line =
                |line: u8| user(&format!("u{session}-{line}"), &format!("m{session}"), &imported(session, line).1);
            let lines: Vec<String> = (0..*lines).map(line).collect();
            home.write(&format!("t/m{session}.jsonl"), lines.join("\n") + "\n");
            read(home, memory, false);
            model.texts.extend((0..model.sessions[session]).map(|line| imported(session, line)));
        }
        Act::ImportAgain => read(home, memory, true),
        Act::Forget(which) => {
            let Some(id) = model.pick(*which) else { return };
            let receipt = memory.forget(vec![id], "model", CopyPolicy::Remove, now()).unwrap();
            assert!(receipt.searched.found_in.is_empty(), "{receipt:?}");
            model.forget(id);
        }
        Act::ForgetSession(which) => {
            let session = usize::from(*which) % model.sessions.len().max(1);
            let Ok(ids) = memory.messages_of_session(&format!("m{session}")) else { return };
            for id in &ids {
                assert!(model.texts.contains_key(id), "a message of session {session} that nobody knows");
                model.forget(*id);
            }
            if !ids.is_empty() {
                let _ = memory.forget(ids, "model", CopyPolicy::Remove, now()).unwrap();
            }
        }
        Act::Settle => memory.flush_pending().unwrap(),
        Act::Rescan => {
            let _ = memory.rescan_secrets(false, now(), &AtomicBool::new(false), &mut |_| {}).unwrap();
        }
        Act::Reopen => *memory = open(&home.memory()),
        Act::Search(which) => {
            let Some(id) = model.pick(*which) else { return };
            let word = model.texts[&id].split(' ').next().unwrap().to_owned();
            assert_eq!(found(memory, &word, SearchMode::Keyword).unwrap().first(), Some(&id.to_string()), "{word}");
            if let Some((id, text)) = model.replaced.iter().next() {
                assert!(
                    !found(memory, text, SearchMode::Keyword).unwrap().contains(&id.to_string()),
                    "{text} was replaced"
                );
            }
        }
    }
}

fn read(home: &TestHome, memory: &Memory, rescan: bool) {
    let folder = home.path().join("t");
    if folder.is_dir() {
        let settings = LayeredSettings::load_file(&home.path().join("no-config")).unwrap().settings;
        let options = ImportOptions { rescan, ..ImportOptions::from_settings(&settings) };
        let report = memory.import_path(&folder, options, now(), &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert_eq!(report.bad_total, 0);
    }
}

#[test]
fn store_and_map_say_the_same() {
    let cases = extent(10, 100, 2_000);
    let config = Config { cases: cases as u32, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    runner
        .run(&acts(), |acts| {
            run(&acts);
            Ok(())
        })
        .unwrap();
    say(&format!("model: {cases} sequences of up to 40 acts, store and map said the same"));
}
