//! A stage: marker words, what must be found of each, and what the model says at each step of a scripted session.

use std::collections::BTreeMap;

use crate::model::{Block, Heard};

/// Who says a text, which decides how it must be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A person types it.
    Prompt,
    /// A person chooses or types it where a client asks.
    Reply,
    /// A person names the session so.
    Title,
    /// The model answers it.
    Answer,
    /// The model thinks it.
    Thought,
    /// The model puts it into a call.
    Call,
    /// The model gives it to a sub-agent.
    Task,
    /// The model writes it when the session is compacted.
    Summary,
    /// A tool returns it.
    Output,
    /// The client adds it: a file that a prompt mentions, the body of a command.
    Added,
}

/// How often a text is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    Once,
    /// Once, and a fork copies it.
    Forked,
    /// The client repeats it, or the model may say it again.
    Repeated,
}

/// A marker word.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) word: String,
    pub(super) said: Said,
    pub(super) times: Times,
    /// The step at which it is said.
    pub(super) step: String,
}

/// Words and steps of all scripted sessions of one client.
#[derive(Debug)]
pub(super) struct Stage {
    bird: &'static str,
    step: String,
    pub(super) marks: Vec<Mark>,
    /// What the client writes when a step happened as it should, byte for byte.
    pub(super) evidence: Vec<(String, String)>,
    steps: BTreeMap<String, Vec<Vec<Block>>>,
}

impl Stage {
    pub(super) fn new(bird: &'static str) -> Self {
        Self { bird, step: String::new(), marks: Vec::new(), evidence: Vec::new(), steps: BTreeMap::new() }
    }

    /// Begins a step and returns its prompt, which carries a word.
    pub(super) fn prompt(&mut self, step: &str) -> String {
        self.begin(step);
        let word = self.word(Said::Prompt);
        format!("please {word} {}", self.cue())
    }

    /// Begins a step that has no prompt of its own.
    pub(super) fn begin(&mut self, step: &str) {
        step.clone_into(&mut self.step);
    }

    /// What a text must hold for the model to go on with the present step.
    pub(super) fn cue(&self) -> String {
        format!("step:{}", self.step)
    }

    /// A new word that is said once.
    pub(super) fn word(&mut self, said: Said) -> String {
        self.counted(said, Times::Once)
    }

    pub(super) fn counted(&mut self, said: Said, times: Times) -> String {
        let word = format!("{}{:03}", self.bird, self.marks.len());
        self.marks.push(Mark { word: word.clone(), said, times, step: self.step.clone() });
        word
    }

    /// Everything said since `from` is copied by a fork.
    pub(super) fn forked(&mut self, from: usize) {
        self.marks.iter_mut().skip(from).for_each(|mark| mark.times = Times::Forked);
    }

    /// A block of text with a word.
    pub(super) fn answer(&mut self) -> Block {
        Block::Text(format!("answer {}", self.word(Said::Answer)))
    }

    pub(super) fn thought(&mut self) -> Block {
        Block::Thought(format!("thought {}", self.word(Said::Thought)))
    }

    /// A shell command whose output carries a word that the command itself does not hold in one piece.
    pub(super) fn echo(&mut self) -> String {
        format!("echo output {}", split(&self.word(Said::Output)))
    }

    /// Answers of the model after the cue, one a round.
    pub(super) fn rounds(&mut self, rounds: Vec<Vec<Block>>) {
        self.steps.insert(self.step.clone(), rounds);
    }

    /// The rounds after the cue, and an answer after the last of them; returns its word.
    pub(super) fn plays(&mut self, mut rounds: Vec<Vec<Block>>) -> String {
        rounds.push(vec![self.answer()]);
        self.rounds(rounds);
        self.marks.last().unwrap().word.clone()
    }

    /// A step that is nothing but a prompt and its answer: the prompt, and the word of the answer.
    pub(super) fn exchange(&mut self, step: &str) -> (String, String) {
        let prompt = self.prompt(step);
        (prompt, self.plays(Vec::new()))
    }

    /// The client must write `bytes` at this step.
    pub(super) fn writes(&mut self, bytes: &str) {
        self.evidence.push((self.step.clone(), bytes.to_owned()));
    }

    /// What the model says next: the round after the last cue.
    pub(super) fn next(&self, heard: &[Heard]) -> Vec<Block> {
        let (mut step, mut round, mut in_results) = ("", 0, false);
        for heard in heard {
            let results = matches!(heard, Heard::Result(_));
            round += usize::from(results && !in_results);
            in_results = results;
            if let Heard::Text(text) = heard
                && let Some((_, rest)) = text.rsplit_once("step:")
            {
                let end = rest.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(rest.len());
                (step, round) = (rest.split_at(end).0, 0);
            }
        }
        let rounds = self.steps.get(step).map(Vec::as_slice).unwrap_or_default();
        rounds.get(round).cloned().unwrap_or_else(|| vec![Block::Text("nothing more".to_owned())])
    }
}

/// A word in two quoted pieces, which a shell puts together.
pub(super) fn split(word: &str) -> String {
    let (head, tail) = word.split_at(3);
    format!("{head}''{tail}")
}

/// A command that prints 620 kB, with a word in the middle and one at the end.
pub(super) fn large(deep: &str, last: &str) -> String {
    format!("seq 1 30000; echo deep {}; seq 30000 105000; echo last {}", split(deep), split(last))
}
