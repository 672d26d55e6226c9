//! Retrieval benchmark: imports sessions through the production write path, asks each question once with production
//! defaults, and scores the rankings at turn and at session level.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::report::{Latency, LevelScores, Rankings, RetrievalReport, compute_percentiles, round_figure, score_levels};
use super::{BenchQuestion, BenchSession, Dataset, Error};
use crate::config::{Paths, Settings};
use crate::disk;
use crate::domain::{
    Detail, Draft, DraftPart, Filter, Hit, IdGenerator, MessageId, Origin, PartKind, Query, Role, SearchMode,
    SearchTier, Timestamp,
};
use crate::memory::{Memory, RankWeights};
use crate::store::OpenMode;

const SOURCE: &str = "bench";
/// Ranking depth: enough turns to contain ten distinct sessions.
pub(super) const DEPTH: usize = 50;
/// Warm-up questions that are asked before anything is measured.
const WARM_UP: usize = 5;

/// Part of the dataset over which a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HaystackPool {
    /// One store per haystack, as each of their users would have.
    PerHaystack,
    /// One store for everything, without a filter.
    All,
}

/// Options of a retrieval run.
#[derive(Debug, Clone)]
pub struct RetrievalOptions {
    /// Search mode: hybrid or keyword only.
    pub mode: SearchMode,
    /// Effort of the search: with or without the reranker of the settings.
    pub tier: SearchTier,
    /// Sessions over which a question is asked.
    pub pool: HaystackPool,
    /// Number of embedding workers.
    pub workers: usize,
    /// Ranking weights of the search.
    pub weights: RankWeights,
    /// True if the dataset's time of a question is the clock; otherwise every question is asked now.
    pub use_clock: bool,
}

/// Marker of a scratch store: the data that it was filled with.
#[derive(Debug, PartialEq, Serialize)]
struct StoreMarker<'a> {
    data: &'a str,
    haystacks: &'a [&'a str],
    version: &'static str,
    embedded: bool,
}

/// Turns and seconds of ingestion.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IngestStats {
    turns: usize,
    import_seconds: f64,
    embed_seconds: f64,
}

/// Runs the benchmark in `scratch`. Reuses a store that an earlier run left there for the same data.
///
/// # Errors
/// When the engine fails. A question without results counts as a miss.
pub fn run_retrieval(
    scratch: &Path,
    settings: &Settings,
    data: &Dataset,
    options: &RetrievalOptions,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<RetrievalReport, Error> {
    let (mut asked, mut total) = (RetrievalRun::default(), IngestStats::default());
    let stores = BenchStores { scratch, settings, data, options, now };
    stores.visit_each(&mut |one| {
        let ingested = one.prepare_store(&mut asked.places, &AtomicBool::new(false))?;
        total.turns += ingested.turns;
        total.import_seconds += ingested.import_seconds;
        total.embed_seconds += ingested.embed_seconds;
        let questions: Vec<&BenchQuestion> = one.own_questions().collect();
        for question in questions.iter().take(if one.number == 0 { WARM_UP } else { 1 }) {
            one.memory.search(&one.build_query(&question.text), now)?;
        }
        for question in questions {
            asked.ask_question(one, question)?;
        }
        if one.number == 0 || (one.number + 1) % 10 == 0 || one.number + 1 == one.count {
            talk(format!(
                "{} of {} stores: {} turns, {:.0} s for the keyword index, {:.0} s for embeddings",
                one.number + 1,
                one.count,
                total.turns,
                total.import_seconds,
                total.embed_seconds
            ));
        }
        if options.mode != SearchMode::Keyword {
            asked.model = one.memory.model_digest();
        }
        Ok(())
    })?;
    if let Some(why) = asked.degraded.first() {
        talk(format!("degraded: {} of {} searches; the first: {why}", asked.degraded.len(), asked.times.len()));
    }
    asked.into_report(data, options, total)
}

/// Scratch stores of a run: one for each haystack, or one for all.
pub(super) struct BenchStores<'a> {
    pub(super) scratch: &'a Path,
    pub(super) settings: &'a Settings,
    pub(super) data: &'a Dataset,
    pub(super) options: &'a RetrievalOptions,
    pub(super) now: Timestamp,
}

impl BenchStores<'_> {
    /// Opens the stores one after the other and visits each. They are not filled yet.
    ///
    /// # Errors
    /// A store that cannot be opened, or the first error of a visit.
    pub(super) fn visit_each(
        &self,
        visit: &mut dyn FnMut(&HaystackStore<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { scratch, settings, data, options, now } = *self;
        let mut haystacks: Vec<&str> = Vec::new();
        for session in &data.sessions {
            if !haystacks.contains(&session.haystack.as_str()) {
                haystacks.push(&session.haystack);
            }
        }
        let groups: Vec<&[&str]> = match options.pool {
            HaystackPool::All => vec![haystacks.as_slice()],
            HaystackPool::PerHaystack => haystacks.chunks(1).collect(),
        };
        let mut last: Option<Memory> = None;
        for (number, group) in groups.iter().enumerate() {
            let paths = Paths::resolve_home(Some(scratch.join(format!("store-{number}"))))?;
            let mut memory = match &last {
                Some(memory) => memory.open_scratch(&paths, OpenMode::Create, IdGenerator::System, now)?,
                None => Memory::open(&paths, settings.clone(), OpenMode::Create, IdGenerator::System, now)?,
            };
            memory.set_weights(options.weights);
            let count = groups.len();
            visit(&HaystackStore { memory: &memory, paths: &paths, data, group, options, now, number, count })?;
            last = Some(memory);
        }
        Ok(())
    }
}

/// One store with the haystacks that it holds.
pub(super) struct HaystackStore<'a> {
    pub(super) memory: &'a Memory,
    paths: &'a Paths,
    data: &'a Dataset,
    pub(super) group: &'a [&'a str],
    options: &'a RetrievalOptions,
    now: Timestamp,
    /// Index of the store, and number of stores.
    pub(super) number: usize,
    pub(super) count: usize,
}

/// Session and turn of every message.
pub(super) type MessageLabels = HashMap<MessageId, (String, String)>;

impl HaystackStore<'_> {
    /// Fills the store unless an earlier run did, and records session and turn of its messages.
    /// Embedding ends early when `stop` is set; the next run continues.
    pub(super) fn prepare_store(&self, places: &mut MessageLabels, stop: &AtomicBool) -> Result<IngestStats, Error> {
        let sessions: Vec<&BenchSession> =
            self.data.sessions.iter().filter(|session| self.group.contains(&session.haystack.as_str())).collect();
        for session in &sessions {
            let hidden = session.hidden_id();
            for (position, turn) in session.turns.iter().enumerate() {
                let id = MessageId::for_imported(SOURCE, &hidden, &position.to_string());
                places.insert(id, (session.session.clone(), turn.id.clone()));
            }
        }
        let turns = sessions.iter().map(|session| session.turns.len()).sum();
        let embedded = self.options.mode != SearchMode::Keyword;
        let mark = |embedded| StoreMarker {
            data: &self.data.digest,
            haystacks: self.group,
            version: env!("CARGO_PKG_VERSION"),
            embedded,
        };
        let file = self.paths.home().join("bench.json");
        let stored = std::fs::read(&file).unwrap_or_default();
        let is = |embedded| serde_json::to_vec(&mark(embedded)).is_ok_and(|bytes| bytes == stored);
        let mut ingested = IngestStats { turns, ..IngestStats::default() };
        if is(true) || (!embedded && is(false)) {
            return Ok(ingested);
        }
        let start = Instant::now();
        if !is(false) {
            for session in &sessions {
                let drafts = (0..session.turns.len()).map(|position| turn_draft(session, position)).collect();
                self.memory.import_drafts(SOURCE, drafts, Vec::new(), self.now)?;
            }
            self.memory.flush_pending()?;
        }
        ingested.import_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        if embedded && let Some(turn) = self.memory.acquire_embed_lease(self.options.workers)? {
            self.memory.embed_pending(&turn, stop, &mut |_| {})?;
        }
        ingested.embed_seconds = start.elapsed().as_secs_f64();
        if stop.load(Ordering::Relaxed) {
            return Ok(ingested);
        }
        let bytes = serde_json::to_vec(&mark(embedded)).unwrap_or_default();
        disk::write_atomic(&file, &bytes).map_err(|source| Error::Read { path: file, source })?;
        Ok(ingested)
    }

    /// Iterates over the questions about the haystacks of this store.
    pub(super) fn own_questions(&self) -> impl Iterator<Item = &BenchQuestion> {
        self.data.questions.iter().filter(|question| self.group.contains(&question.haystack.as_str()))
    }

    pub(super) fn build_query(&self, text: &str) -> Query {
        let settings = &self.memory.settings().search;
        Query {
            texts: vec![text.to_owned()],
            mode: self.options.mode,
            tier: self.options.tier,
            filter: Filter::default(),
            limit: settings.limit,
            offset: 0,
            detail: Detail::Snippet,
            max_tokens: settings.max_tokens,
            here: Vec::new(),
            explain: false,
            exchange: false,
            worth: None,
        }
    }
}

/// Makes the draft of a turn: role, time and text under ids that reveal nothing.
fn turn_draft(session: &BenchSession, position: usize) -> Draft {
    let (role, origin, text) = match session.turns.get(position) {
        Some(turn) if turn.role == "assistant" => (Role::Assistant, Origin::Model, turn.text.clone()),
        Some(turn) if turn.role == "user" || turn.role == "ex" => (Role::User, Origin::Person, turn.text.clone()),
        // In a chat between people the speaker is part of the text.
        Some(turn) => (Role::User, Origin::Person, format!("{}: {}", turn.role, turn.text)),
        None => (Role::User, Origin::Person, String::new()),
    };
    let external_id = position.to_string();
    let external_key = external_id.clone();
    Draft {
        parts: vec![DraftPart { external_key, kind: PartKind::Text, origin, text, tool: None }],
        cwd: Some(format!("/bench/{}", session.haystack)),
        ..Draft::new(&session.hidden_id(), &external_id, role, session.turn_time(position))
    }
}

/// Returns the labels of hits: turns, and sessions in order of first appearance.
pub(super) fn label_hits(hits: &[Hit], places: &MessageLabels) -> (Vec<String>, Vec<String>) {
    let found: Vec<&(String, String)> = hits.iter().filter_map(|hit| places.get(&hit.id)).collect();
    let turns = found.iter().map(|(_, turn)| turn.clone()).collect();
    (turns, distinct_sessions(found.into_iter().map(|(session, _)| session)))
}

/// Returns sessions in order of first appearance.
pub(super) fn distinct_sessions<'a>(sessions: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for session in sessions {
        if !distinct.contains(session) {
            distinct.push(session.clone());
        }
    }
    distinct
}

#[derive(Default)]
struct RetrievalRun {
    places: MessageLabels,
    rankings: Rankings,
    times: Vec<f64>,
    tokens: Vec<f64>,
    stages: BTreeMap<&'static str, u64>,
    /// Reasons of the degraded searches, such as a reranker that cannot be loaded.
    degraded: Vec<String>,
    model: Option<String>,
}

impl RetrievalRun {
    fn ask_question(&mut self, haystack: &HaystackStore<'_>, question: &BenchQuestion) -> Result<(), Error> {
        let usual = haystack.build_query(&question.text);
        let clock = question.asked_time().filter(|_| haystack.options.use_clock).unwrap_or(haystack.now);
        let start = Instant::now();
        let answer = haystack.memory.answer_query(&usual, clock)?;
        self.times.push(start.elapsed().as_secs_f64() * 1000.0);
        self.tokens.push(f64::from(u32::try_from(answer.tokens).unwrap_or(u32::MAX)));
        if answer.degraded {
            self.degraded.push(answer.warnings.join("; "));
        }
        for (stage, micros) in answer.stages {
            *self.stages.entry(stage).or_default() += micros;
        }
        let deep = Query { limit: DEPTH, detail: Detail::Index, max_tokens: usize::MAX, ..usual };
        let hits = haystack.memory.answer_query(&deep, clock)?.hits;
        let (turns, sessions) = label_hits(&hits, &self.places);
        let levels = BTreeMap::from([("turn".to_owned(), turns), ("session".to_owned(), sessions)]);
        self.rankings.insert(question.id.clone(), levels);
        Ok(())
    }

    fn into_report(
        self,
        data: &Dataset,
        options: &RetrievalOptions,
        total: IngestStats,
    ) -> Result<RetrievalReport, Error> {
        let questions = self.times.len().max(1) as u64;
        let levels: BTreeMap<&'static str, LevelScores> = score_levels(data, &self.rankings);
        Ok(RetrievalReport {
            program: format!("claude-memory {}", env!("CARGO_PKG_VERSION")),
            binary: binary_digest(),
            model: self.model,
            data: data.digest.clone(),
            tier: if options.mode == SearchMode::Keyword { "lexical" } else { options.tier.name() },
            pool: if options.pool == HaystackPool::PerHaystack { "per-haystack" } else { "all" },
            clock: if options.use_clock { "asked_at" } else { "now" },
            weights: RankWeights::NAMES.iter().filter_map(|name| Some((*name, options.weights.get(name)?))).collect(),
            levels,
            latency_ms: Latency {
                total: compute_percentiles(self.times),
                stages_us: self.stages.into_iter().map(|(stage, sum)| (stage, sum / questions)).collect(),
            },
            tokens: compute_percentiles(self.tokens),
            degraded: self.degraded.len(),
            turns: total.turns,
            import_seconds: round_figure(total.import_seconds),
            embed_seconds: round_figure(total.embed_seconds),
            rankings: self.rankings,
        })
    }
}

/// Returns the SHA-256 of this program, which includes the embedding model in optimised builds.
fn binary_digest() -> Option<String> {
    let path: PathBuf = std::env::current_exe().ok()?;
    Some(crate::domain::hash::sha256_hex(&std::fs::read(path).ok()?))
}
