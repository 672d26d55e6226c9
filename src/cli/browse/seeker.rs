//! Searches on a thread of its own, so that keys never wait for an answer: what was typed last is asked, first by word, then by meaning too.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::state::State;
use crate::config::env;
use crate::domain::{Answer, Detail, Filter, Mode, Query};
use crate::memory::Memory;

/// Hits that are shown.
const HITS: usize = 50;

/// A question by its number.
struct Asked {
    number: u64,
    text: String,
    project: Option<String>,
}

/// What became of a question.
pub(super) struct Found {
    pub(super) number: u64,
    /// Whether meaning was asked too.
    pub(super) is_whole: bool,
    pub(super) outcome: Result<Answer, String>,
}

/// The thread, seen from the screen.
#[derive(Debug)]
pub(super) struct Seeker {
    questions: Sender<Asked>,
    found: Receiver<Found>,
}

impl Seeker {
    pub(super) fn start(memory: Arc<Memory>) -> std::io::Result<Self> {
        let ((questions, asked), (tell, found)) = (channel(), channel());
        std::thread::Builder::new().name("seeker".to_owned()).spawn(move || seek(&memory, &asked, &tell))?;
        Ok(Self { questions, found })
    }

    /// Asks what is typed now.
    pub(super) fn ask(&self, state: &State) {
        let (text, project) = (state.query().to_owned(), state.project().map(str::to_owned));
        // A thread that is gone has told why.
        let _ = self.questions.send(Asked { number: state.number(), text, project });
    }

    /// Answers that have come.
    pub(super) fn answers(&self) -> impl Iterator<Item = Found> + '_ {
        self.found.try_iter()
    }
}

fn seek(memory: &Memory, asked: &Receiver<Asked>, tell: &Sender<Found>) {
    while let Ok(mut question) = asked.recv() {
        'newer: loop {
            // Only the last one counts.
            while let Ok(newer) = asked.try_recv() {
                question = newer;
            }
            for mode in [Mode::Keyword, Mode::Hybrid] {
                let outcome = search(memory, &question, mode);
                let is_whole = mode == Mode::Hybrid;
                if tell.send(Found { number: question.number, is_whole, outcome }).is_err() {
                    return;
                }
                if let Ok(newer) = asked.try_recv() {
                    question = newer;
                    continue 'newer;
                }
            }
            break;
        }
    }
}

fn search(memory: &Memory, question: &Asked, mode: Mode) -> Result<Answer, String> {
    if question.text.trim().is_empty() {
        return Ok(Answer::default());
    }
    let here = env::project_folder();
    let project = question.project.as_deref().unwrap_or("all");
    let projects = memory.resolve_projects(project, here.as_deref()).map_err(|error| error.to_string())?;
    let query = Query {
        mode,
        filter: Filter { projects, ..Filter::default() },
        limit: HITS,
        detail: Detail::Snippet,
        max_tokens: usize::MAX,
        here: memory.projects_here(here.as_deref()),
        ..Query::about(question.text.clone())
    };
    memory.search(&query, env::now()).map_err(|error| error.to_string())
}
