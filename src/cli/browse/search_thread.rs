//! Background search thread of the interactive screen, so that keys never wait. Only the newest query is searched:
//! first keyword, then hybrid.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::config::env;
use crate::domain::{Detail, Filter, Query, SearchMode, SearchResults};
use crate::memory::Memory;

/// Maximum number of hits shown.
const MAX_HITS: usize = 50;

/// A query with its sequence number.
pub(super) struct BrowseQuery {
    pub(super) number: u64,
    pub(super) text: String,
    /// Project that is searched; `None` for all.
    pub(super) project: Option<String>,
}

/// Outcome of one query in one mode.
pub(super) struct BrowseOutcome {
    pub(super) number: u64,
    /// True if semantic search took part.
    pub(super) is_whole: bool,
    pub(super) outcome: Result<SearchResults, String>,
}

/// Handle of the search thread: sends queries, receives results.
#[derive(Debug)]
pub(super) struct SearchThread {
    questions: Sender<BrowseQuery>,
    found: Receiver<BrowseOutcome>,
}

impl SearchThread {
    pub(super) fn spawn_thread(memory: Arc<Memory>) -> std::io::Result<Self> {
        let ((questions, asked), (tell, found)) = (channel(), channel());
        std::thread::Builder::new().name("seeker".to_owned()).spawn(move || run_searches(&memory, &asked, &tell))?;
        Ok(Self { questions, found })
    }

    /// Sends a query to the search thread.
    pub(super) fn send_query(&self, query: BrowseQuery) {
        // Fails only if the thread has ended.
        let _ = self.questions.send(query);
    }

    /// Returns the results that have arrived, without waiting.
    pub(super) fn drain_outcomes(&self) -> impl Iterator<Item = BrowseOutcome> + '_ {
        self.found.try_iter()
    }
}

fn run_searches(memory: &Memory, asked: &Receiver<BrowseQuery>, tell: &Sender<BrowseOutcome>) {
    while let Ok(mut question) = asked.recv() {
        'newer: loop {
            // Only the newest query counts.
            while let Ok(newer) = asked.try_recv() {
                question = newer;
            }
            for mode in [SearchMode::Keyword, SearchMode::Hybrid] {
                let outcome = search_in_mode(memory, &question, mode);
                let is_whole = mode == SearchMode::Hybrid;
                if tell.send(BrowseOutcome { number: question.number, is_whole, outcome }).is_err() {
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

fn search_in_mode(memory: &Memory, question: &BrowseQuery, mode: SearchMode) -> Result<SearchResults, String> {
    if question.text.trim().is_empty() {
        return Ok(SearchResults::default());
    }
    let here = env::project_folder();
    let project = question.project.as_deref().unwrap_or("all");
    let projects = memory.resolve_projects(project, here.as_deref()).map_err(|error| error.to_string())?;
    let query = Query {
        mode,
        filter: Filter { projects, ..Filter::default() },
        limit: MAX_HITS,
        detail: Detail::Snippet,
        max_tokens: usize::MAX,
        here: memory.current_projects(here.as_deref()),
        ..Query::for_text(question.text.clone())
    };
    memory.search(&query, env::current_time()).map_err(|error| error.to_string())
}
