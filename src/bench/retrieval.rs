//! The retrieval benchmark: conversations go in through the production write path, each question is asked once with
//! production defaults, rankings are scored at turn and at session level.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;

use super::report::{Latency, Level, Rankings, Receipt, levels, percentiles, round};
use super::{Data, Error, Question, Session};
use crate::config::{Paths, Settings};
use crate::disk;
use crate::domain::{Detail, Draft, DraftPart, Filter, Ids, Kind, MessageId, Mode, Origin, Query, Role, Timestamp};
use crate::memory::{Memory, Weights};
use crate::store::Open;

const SOURCE: &str = "bench";
/// Ranking depth: enough turns that ten distinct sessions stand among them.
const DEPTH: usize = 50;
/// Questions that are asked once before anything is measured.
const WARM_UP: usize = 5;

/// Which part of the data a question is asked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// A store for each haystack, as each of their users would have one.
    PerHaystack,
    /// One store for everything, without a filter.
    All,
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Evidence: hybrid or keyword only.
    pub mode: Mode,
    /// What a question is asked over.
    pub pool: Pool,
    /// Workers for vectors.
    pub workers: usize,
    /// Numbers to rank by.
    pub weights: Weights,
    /// Whether the set's own time of asking is the clock; without it every question is asked now.
    pub use_clock: bool,
}

/// What was found in a scratch store before.
#[derive(Debug, PartialEq, Serialize)]
struct Mark<'a> {
    data: &'a str,
    haystacks: &'a [&'a str],
    version: &'static str,
    embedded: bool,
}

/// Turns and seconds of ingestion.
#[derive(Debug, Clone, Copy, Default)]
struct Ingested {
    turns: usize,
    import_seconds: f64,
    embed_seconds: f64,
}

/// Runs in `scratch`. A store that an earlier run left there for the same data is used again.
///
/// # Errors
/// When the engine fails. A question that finds nothing counts as a miss.
pub fn run(
    scratch: &Path,
    settings: &Settings,
    data: &Data,
    options: &Options,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<Receipt, Error> {
    let mut haystacks: Vec<&str> = Vec::new();
    for session in &data.sessions {
        if !haystacks.contains(&session.haystack.as_str()) {
            haystacks.push(&session.haystack);
        }
    }
    let groups: Vec<&[&str]> = match options.pool {
        Pool::All => vec![haystacks.as_slice()],
        Pool::PerHaystack => haystacks.chunks(1).collect(),
    };
    let (mut asked, mut total) = (Asked::default(), Ingested::default());
    let mut last: Option<Memory> = None;
    for (number, group) in groups.iter().enumerate() {
        let paths = Paths::resolve(Some(scratch.join(format!("store-{number}"))))?;
        let mut memory = match &last {
            Some(memory) => memory.beside(&paths, Open::Create, Ids::System, now)?,
            None => Memory::open(&paths, settings.clone(), Open::Create, Ids::System, now)?,
        };
        memory.set_weights(options.weights);
        let one = Haystack { memory: &memory, data, group, options, now };
        let ingested = one.prepare(&paths, &mut asked.places)?;
        total.turns += ingested.turns;
        total.import_seconds += ingested.import_seconds;
        total.embed_seconds += ingested.embed_seconds;
        let questions: Vec<&Question> =
            data.questions.iter().filter(|question| group.contains(&question.haystack.as_str())).collect();
        for question in questions.iter().take(if number == 0 { WARM_UP } else { 1 }) {
            memory.search(&one.query(question), now)?;
        }
        for question in questions {
            asked.ask(&one, question)?;
        }
        if number == 0 || (number + 1) % 10 == 0 || number + 1 == groups.len() {
            talk(format!(
                "{} of {} stores: {} turns, {:.0} s to index them by word, {:.0} s by meaning",
                number + 1,
                groups.len(),
                total.turns,
                total.import_seconds,
                total.embed_seconds
            ));
        }
        if options.mode != Mode::Keyword {
            asked.model = memory.model_digest();
        }
        last = Some(memory);
    }
    asked.receipt(data, options, total)
}

/// One store with what is asked of it.
struct Haystack<'a> {
    memory: &'a Memory,
    data: &'a Data,
    group: &'a [&'a str],
    options: &'a Options,
    now: Timestamp,
}

/// Session and turn of every message.
type Places = HashMap<MessageId, (String, String)>;

impl Haystack<'_> {
    /// Fills the store unless an earlier run did, and learns the places of its messages.
    fn prepare(&self, paths: &Paths, places: &mut Places) -> Result<Ingested, Error> {
        let sessions: Vec<&Session> =
            self.data.sessions.iter().filter(|session| self.group.contains(&session.haystack.as_str())).collect();
        for session in &sessions {
            let hidden = session.hidden();
            for (position, turn) in session.turns.iter().enumerate() {
                let id = MessageId::imported(SOURCE, &hidden, &position.to_string());
                places.insert(id, (session.session.clone(), turn.id.clone()));
            }
        }
        let turns = sessions.iter().map(|session| session.turns.len()).sum();
        let embedded = self.options.mode != Mode::Keyword;
        let mark = |embedded| Mark {
            data: &self.data.digest,
            haystacks: self.group,
            version: env!("CARGO_PKG_VERSION"),
            embedded,
        };
        let file = paths.home().join("bench.json");
        let stored = std::fs::read(&file).unwrap_or_default();
        let is = |embedded| serde_json::to_vec(&mark(embedded)).is_ok_and(|bytes| bytes == stored);
        let mut ingested = Ingested { turns, ..Ingested::default() };
        if is(true) || (!embedded && is(false)) {
            return Ok(ingested);
        }
        let start = Instant::now();
        if !is(false) {
            for session in &sessions {
                let drafts = (0..session.turns.len()).map(|position| draft(session, position)).collect();
                self.memory.import_drafts(SOURCE, drafts, Vec::new(), self.now)?;
            }
            self.memory.settle()?;
        }
        ingested.import_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        if embedded && let Some(turn) = self.memory.take_turn(self.options.workers)? {
            self.memory.make_vectors(&turn, &AtomicBool::new(false), &mut |_| {})?;
        }
        ingested.embed_seconds = start.elapsed().as_secs_f64();
        let bytes = serde_json::to_vec(&mark(embedded)).unwrap_or_default();
        disk::write_atomic(&file, &bytes).map_err(|source| Error::Read { path: file, source })?;
        Ok(ingested)
    }

    fn query(&self, question: &Question) -> Query {
        let settings = &self.memory.settings().search;
        Query {
            texts: vec![question.text.clone()],
            mode: self.options.mode,
            filter: Filter::default(),
            limit: settings.limit,
            offset: 0,
            detail: Detail::Snippet,
            max_tokens: settings.max_tokens,
            here: Vec::new(),
            explain: false,
            worth: None,
        }
    }
}

/// The engine sees roles, times and texts under ids that say nothing.
fn draft(session: &Session, position: usize) -> Draft {
    let (role, origin, text) = match session.turns.get(position) {
        Some(turn) if turn.role == "assistant" => (Role::Assistant, Origin::Model, turn.text.clone()),
        Some(turn) if turn.role == "user" || turn.role == "ex" => (Role::User, Origin::Person, turn.text.clone()),
        // A chat between people: the speaker is part of what was said.
        Some(turn) => (Role::User, Origin::Person, format!("{}: {}", turn.role, turn.text)),
        None => (Role::User, Origin::Person, String::new()),
    };
    let external_id = position.to_string();
    let external_key = external_id.clone();
    Draft {
        parts: vec![DraftPart { external_key, kind: Kind::Text, origin, text, tool: None }],
        cwd: Some(format!("/bench/{}", session.haystack)),
        ..Draft::new(&session.hidden(), &external_id, role, session.time_of(position))
    }
}

#[derive(Default)]
struct Asked {
    places: Places,
    rankings: Rankings,
    times: Vec<f64>,
    tokens: Vec<f64>,
    stages: BTreeMap<&'static str, u64>,
    model: Option<String>,
}

impl Asked {
    fn ask(&mut self, haystack: &Haystack<'_>, question: &Question) -> Result<(), Error> {
        let usual = haystack.query(question);
        let clock = question.moment().filter(|_| haystack.options.use_clock).unwrap_or(haystack.now);
        let start = Instant::now();
        let answer = haystack.memory.search(&usual, clock)?;
        self.times.push(start.elapsed().as_secs_f64() * 1000.0);
        self.tokens.push(f64::from(u32::try_from(answer.tokens).unwrap_or(u32::MAX)));
        for (stage, micros) in answer.stages {
            *self.stages.entry(stage).or_default() += micros;
        }
        let deep = Query { limit: DEPTH, detail: Detail::Index, max_tokens: usize::MAX, ..usual };
        let hits = haystack.memory.search(&deep, clock)?.hits;
        let found: Vec<&(String, String)> = hits.iter().filter_map(|hit| self.places.get(&hit.id)).collect();
        let turns: Vec<String> = found.iter().map(|(_, turn)| turn.clone()).collect();
        let mut sessions: Vec<String> = Vec::new();
        for (session, _) in found {
            if !sessions.contains(session) {
                sessions.push(session.clone());
            }
        }
        let levels = BTreeMap::from([("turn".to_owned(), turns), ("session".to_owned(), sessions)]);
        self.rankings.insert(question.id.clone(), levels);
        Ok(())
    }

    fn receipt(self, data: &Data, options: &Options, total: Ingested) -> Result<Receipt, Error> {
        let questions = self.times.len().max(1) as u64;
        let levels: BTreeMap<&'static str, Level> = levels(data, &self.rankings);
        Ok(Receipt {
            program: format!("claude-memory {}", env!("CARGO_PKG_VERSION")),
            binary: binary_digest(),
            model: self.model,
            data: data.digest.clone(),
            tier: if options.mode == Mode::Keyword { "lexical" } else { "fast" },
            pool: if options.pool == Pool::PerHaystack { "per-haystack" } else { "all" },
            clock: if options.use_clock { "asked_at" } else { "now" },
            weights: Weights::NAMES.iter().filter_map(|name| Some((*name, options.weights.get(name)?))).collect(),
            levels,
            latency_ms: Latency {
                total: percentiles(self.times),
                stages_us: self.stages.into_iter().map(|(stage, sum)| (stage, sum / questions)).collect(),
            },
            tokens: percentiles(self.tokens),
            turns: total.turns,
            import_seconds: round(total.import_seconds),
            embed_seconds: round(total.embed_seconds),
            rankings: self.rankings,
        })
    }
}

/// SHA-256 of this program, with the encoder inside it in optimised builds.
fn binary_digest() -> Option<String> {
    let path: PathBuf = std::env::current_exe().ok()?;
    Some(crate::domain::hash::sha256_hex(&std::fs::read(path).ok()?))
}
