//! The retrieval benchmark: conversations go in through the production write path, each question is asked once with
//! production defaults, rankings are scored at turn and at session level.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;

use super::score::{interval, ratio, round};
use super::{Data, Error, Measures, Question, Scored};
use crate::domain::{
    ContentHash, Detail, Draft, DraftPart, Filter, Kind, MessageId, Mode, Origin, Query, Role, Timestamp,
};
use crate::memory::Memory;

const SOURCE: &str = "bench";
/// Ranking depth: enough turns that ten distinct sessions stand among them.
const DEPTH: usize = 50;

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Evidence: hybrid or keyword only.
    pub mode: Mode,
    /// Ask within the question's haystack, or over everything that was imported.
    pub per_haystack: bool,
    /// Workers for vectors.
    pub workers: usize,
}

/// Scores of one level.
#[derive(Debug, Clone, Serialize)]
pub struct Level {
    /// Over all questions.
    pub overall: Scored,
    /// 95 % bootstrap intervals of `hit_1`, `hit_5`, `hit_10`.
    pub intervals: [(f64, f64); 3],
    /// By the set's own types.
    pub by_type: BTreeMap<String, Scored>,
}

/// Percentiles of a number of milliseconds or tokens.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Median.
    pub p50: f64,
    /// 95 %.
    pub p95: f64,
    /// 99 %.
    pub p99: f64,
}

/// What a run found.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// Digest of the data.
    pub data: String,
    /// Name of the tier: lexical or fast.
    pub tier: &'static str,
    /// per-haystack or all.
    pub pool: &'static str,
    /// Scores at turn and session level; a level without labels is absent.
    pub levels: BTreeMap<&'static str, Level>,
    /// Of one default search.
    pub latency_ms: Summary,
    /// Mean microseconds by stage.
    pub stages_us: BTreeMap<&'static str, u64>,
    /// Estimated tokens of one default answer.
    pub tokens: Summary,
    /// Turns that went in, and how fast: words, then vectors.
    pub turns: usize,
    /// Seconds to searchable by word.
    pub import_seconds: f64,
    /// Seconds to searchable by meaning.
    pub embed_seconds: f64,
    /// Ranked ids by question and level.
    pub rankings: BTreeMap<String, BTreeMap<&'static str, Vec<String>>>,
}

/// Runs over a memory that must be empty.
///
/// # Errors
/// When the engine fails. A question that fails counts as a miss only if nothing is found.
pub fn run(
    memory: &Memory,
    data: &Data,
    options: Options,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<Receipt, Error> {
    let start = Instant::now();
    let places = ingest(memory, data, now)?;
    let import_seconds = start.elapsed().as_secs_f64();
    talk(format!("{} turns searchable by word after {import_seconds:.1} s", places.len()));
    let start = Instant::now();
    if options.mode != Mode::Keyword
        && let Some(turn) = memory.take_turn(options.workers)?
    {
        memory.make_vectors(&turn, &AtomicBool::new(false), &mut |_| {})?;
    }
    let embed_seconds = start.elapsed().as_secs_f64();
    talk(format!("searchable by meaning after another {embed_seconds:.1} s"));
    let mut asked = Asked::default();
    for question in &data.questions {
        asked.ask(memory, &places, question, options, now)?;
    }
    Ok(asked.receipt(data, options, places.len(), (import_seconds, embed_seconds)))
}

/// Haystack, session and turn of every message.
type Places = HashMap<MessageId, (String, String)>;

/// The engine sees roles, times and texts under ids that say nothing.
fn ingest(memory: &Memory, data: &Data, now: Timestamp) -> Result<Places, Error> {
    let mut places = HashMap::new();
    for session in &data.sessions {
        let hidden = hidden(&session.haystack, &session.session);
        let mut drafts = Vec::new();
        for (position, turn) in session.turns.iter().enumerate() {
            let external_id = format!("{position}");
            places
                .insert(MessageId::imported(SOURCE, &hidden, &external_id), (session.session.clone(), turn.id.clone()));
            drafts.push(draft(&hidden, external_id, session, position));
        }
        memory.import_drafts(SOURCE, drafts, now)?;
    }
    Ok(places)
}

fn hidden(haystack: &str, session: &str) -> String {
    crate::domain::hash::hex(&ContentHash::of_parts(&[haystack.as_bytes(), session.as_bytes(), b"hidden"]).0)
}

fn draft(hidden: &str, external_id: String, session: &super::Session, position: usize) -> Draft {
    let (role, origin, text) = match session.turns.get(position) {
        Some(turn) if turn.role == "assistant" => (Role::Assistant, Origin::Model, turn.text.clone()),
        Some(turn) if turn.role == "user" || turn.role == "ex" => (Role::User, Origin::Person, turn.text.clone()),
        // A chat between people: the speaker is part of what was said.
        Some(turn) => (Role::User, Origin::Person, format!("{}: {}", turn.role, turn.text)),
        None => (Role::User, Origin::Person, String::new()),
    };
    Draft {
        parts: vec![DraftPart { external_key: external_id.clone(), kind: Kind::Text, origin, text, tool: None }],
        external_id,
        parent_external_id: None,
        session: hidden.to_owned(),
        parent_session: None,
        role,
        at: session.time_of(position),
        cwd: Some(format!("/bench/{}", session.haystack)),
        git_branch: None,
        model: None,
        sidechain: false,
        files: Vec::new(),
        line: 0,
    }
}

#[derive(Default)]
struct Asked {
    scores: BTreeMap<&'static str, Vec<(String, Measures)>>,
    rankings: BTreeMap<String, BTreeMap<&'static str, Vec<String>>>,
    times: Vec<f64>,
    tokens: Vec<f64>,
    stages: BTreeMap<&'static str, u64>,
}

impl Asked {
    fn ask(
        &mut self,
        memory: &Memory,
        places: &Places,
        question: &Question,
        options: Options,
        now: Timestamp,
    ) -> Result<(), Error> {
        let projects = if options.per_haystack {
            memory.resolve_projects(&format!("/bench/{}", question.haystack), None)?
        } else {
            None
        };
        let settings = &memory.settings().search;
        let usual = Query {
            texts: vec![question.text.clone()],
            mode: options.mode,
            filter: Filter { projects, ..Filter::default() },
            limit: settings.limit,
            offset: 0,
            detail: Detail::Snippet,
            max_tokens: settings.max_tokens,
            explain: false,
        };
        let start = Instant::now();
        let answer = memory.search(&usual, now)?;
        self.times.push(start.elapsed().as_secs_f64() * 1000.0);
        self.tokens.push(ratio(answer.tokens, 1));
        for (stage, micros) in answer.stages {
            *self.stages.entry(stage).or_default() += micros;
        }
        let deep = Query { limit: DEPTH, detail: Detail::Index, max_tokens: usize::MAX, ..usual };
        let hits = memory.search(&deep, now)?.hits;
        let found: Vec<&(String, String)> = hits.iter().filter_map(|hit| places.get(&hit.id)).collect();
        let turns: Vec<String> = found.iter().map(|(_, turn)| turn.clone()).collect();
        let mut sessions: Vec<String> = Vec::new();
        for (session, _) in found {
            if !sessions.contains(session) {
                sessions.push(session.clone());
            }
        }
        for (level, ranking, gold) in
            [("turn", turns, &question.gold_turns), ("session", sessions, &question.gold_sessions)]
        {
            if !gold.is_empty() {
                let measures = Measures::of(&ranking, gold);
                self.scores.entry(level).or_default().push((question.kind.clone(), measures));
                self.rankings.entry(question.id.clone()).or_default().insert(level, ranking);
            }
        }
        Ok(())
    }

    fn receipt(self, data: &Data, options: Options, turns: usize, seconds: (f64, f64)) -> Receipt {
        let questions = self.times.len().max(1) as u64;
        Receipt {
            data: data.digest.clone(),
            tier: if options.mode == Mode::Keyword { "lexical" } else { "fast" },
            pool: if options.per_haystack { "per-haystack" } else { "all" },
            levels: self.scores.iter().map(|(level, scores)| (*level, summarise(scores))).collect(),
            latency_ms: percentiles(self.times),
            stages_us: self.stages.into_iter().map(|(stage, sum)| (stage, sum / questions)).collect(),
            tokens: percentiles(self.tokens),
            turns,
            import_seconds: round(seconds.0),
            embed_seconds: round(seconds.1),
            rankings: self.rankings,
        }
    }
}

fn summarise(scores: &[(String, Measures)]) -> Level {
    let all: Vec<Measures> = scores.iter().map(|(_, measures)| *measures).collect();
    let column = |pick: fn(&Measures) -> f64| interval(&all.iter().map(pick).collect::<Vec<_>>());
    let mut types: BTreeMap<String, Vec<Measures>> = BTreeMap::new();
    for (kind, measures) in scores {
        types.entry(kind.clone()).or_default().push(*measures);
    }
    Level {
        overall: Scored::mean(&all),
        intervals: [column(|m| m.hit_1), column(|m| m.hit_5), column(|m| m.hit_10)],
        by_type: types.into_iter().map(|(kind, measures)| (kind, Scored::mean(&measures))).collect(),
    }
}

fn percentiles(mut values: Vec<f64>) -> Summary {
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| {
        let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
        round(values.get(index).copied().unwrap_or(0.0))
    };
    Summary { p50: at(50), p95: at(95), p99: at(99) }
}
