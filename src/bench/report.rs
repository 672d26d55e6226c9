//! Report of a run, and comparison of two rankings. Arithmetic and shapes, no engine: rankings of any system are scored
//! here.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::score::{bootstrap_interval, ratio};
use super::{Dataset, Error, MeanMeasures, Measures};

pub(super) use super::score::round_figure;

/// Ranked ids by question and level.
pub type Rankings = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Scores of one level.
#[derive(Debug, Clone, Serialize)]
pub struct LevelScores {
    /// Means over all questions.
    pub overall: MeanMeasures,
    /// 95 % bootstrap intervals of `hit_1`, `hit_5`, `hit_10`.
    pub intervals: [(f64, f64); 3],
    /// Means by question type of the dataset.
    pub by_type: BTreeMap<String, MeanMeasures>,
}

/// Percentiles of a number of milliseconds or tokens.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

/// Time of one default search.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Latency {
    /// Milliseconds of the whole search.
    #[serde(flatten)]
    pub total: Percentiles,
    /// Mean microseconds by stage.
    pub stages_us: BTreeMap<&'static str, u64>,
}

/// Report of one retrieval run.
#[derive(Debug, Clone, Serialize)]
pub struct RetrievalReport {
    /// Name and version of this program.
    pub program: String,
    /// SHA-256 of its file, if it could be read.
    pub binary: Option<String>,
    /// Id of the embedding model, if embeddings were used.
    pub model: Option<String>,
    /// SHA-256 of the data.
    pub data: String,
    /// Name of the tier: lexical, fast or rerank.
    pub tier: &'static str,
    /// Name of the pool: `per-haystack` or `all`.
    pub pool: &'static str,
    /// Clock of the searches: `asked_at`, the dataset's time of each question where it has one; or `now`.
    pub clock: &'static str,
    /// Ranking weights by name.
    pub weights: BTreeMap<&'static str, f32>,
    /// Scores at turn and session level; a level without labels is absent.
    pub levels: BTreeMap<&'static str, LevelScores>,
    /// Time of one default search.
    pub latency_ms: Latency,
    /// Estimated tokens of one default answer.
    pub tokens: Percentiles,
    /// Number of searches that were degraded, as without the reranker that the tier asks for.
    pub degraded: usize,
    /// Number of imported turns.
    pub turns: usize,
    /// Seconds until keyword search was ready.
    pub import_seconds: f64,
    /// Seconds until semantic search was ready, counted from then.
    pub embed_seconds: f64,
    /// Ranked ids by question and level.
    pub rankings: Rankings,
}

/// Difference between two rankings of the same questions, in one measure.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MeasureDifference {
    /// Mean of the second minus mean of the first.
    pub mean: f64,
    /// Paired 95 % bootstrap interval of the mean, over questions.
    pub interval: (f64, f64),
    /// Numbers of questions for which the second ranking scores higher, and the first.
    pub won_lost: (usize, usize),
}

/// Differences of one level.
#[derive(Debug, Clone, Serialize)]
pub struct LevelComparison {
    /// Number of questions compared.
    pub n: usize,
    /// Differences by measure: `hit_1`, `hit_5`, `hit_10`, `mrr`, `ndcg_10`.
    pub measures: BTreeMap<&'static str, MeasureDifference>,
}

/// Scores rankings against the labels. A question that is not ranked counts as a miss.
pub fn score_levels(data: &Dataset, rankings: &Rankings) -> BTreeMap<&'static str, LevelScores> {
    let mut found = BTreeMap::new();
    for level in ["turn", "session"] {
        let scores: Vec<(String, Measures)> =
            measure_questions(data, rankings, level).map(|(kind, measures, _)| (kind.to_owned(), measures)).collect();
        if !scores.is_empty() && rankings.values().any(|levels| levels.contains_key(level)) {
            found.insert(level, summarise_level(&scores));
        }
    }
    found
}

/// Iterates over all questions that have labels of a level: type, measures and id.
fn measure_questions<'a>(
    data: &'a Dataset,
    rankings: &'a Rankings,
    level: &'a str,
) -> impl Iterator<Item = (&'a str, Measures, &'a str)> {
    data.questions.iter().filter_map(move |question| {
        let gold = if level == "turn" { &question.gold_turns } else { &question.gold_sessions };
        let ranking = rankings.get(&question.id).and_then(|levels| levels.get(level));
        (!gold.is_empty()).then(|| {
            let measures = Measures::score_ranking(ranking.map_or(&[], Vec::as_slice), gold);
            (question.kind.as_str(), measures, question.id.as_str())
        })
    })
}

/// Compares the second ranking with the first, question by question.
pub fn compare_rankings(
    data: &Dataset,
    first: &Rankings,
    second: &Rankings,
) -> BTreeMap<&'static str, LevelComparison> {
    let mut found = BTreeMap::new();
    for level in ["turn", "session"] {
        let has = |rankings: &Rankings| rankings.values().any(|levels| levels.contains_key(level));
        if !has(first) || !has(second) {
            continue;
        }
        let base: HashMap<&str, Measures> =
            measure_questions(data, first, level).map(|(_, measures, id)| (id, measures)).collect();
        let pairs: Vec<(Measures, Measures)> = measure_questions(data, second, level)
            .filter_map(|(_, measures, id)| base.get(id).map(|base| (*base, measures)))
            .collect();
        if !pairs.is_empty() {
            found.insert(level, compare_pairs(&pairs));
        }
    }
    found
}

/// Accessor of one measure.
type MeasureAccessor = fn(&Measures) -> f64;

fn compare_pairs(pairs: &[(Measures, Measures)]) -> LevelComparison {
    let measures: [(&str, MeasureAccessor); 5] = [
        ("hit_1", |m| m.hit_1),
        ("hit_5", |m| m.hit_5),
        ("hit_10", |m| m.hit_10),
        ("mrr", |m| m.mrr),
        ("ndcg_10", |m| m.ndcg_10),
    ];
    let difference = |pick: MeasureAccessor| {
        let differences: Vec<f64> = pairs.iter().map(|(first, second)| pick(second) - pick(first)).collect();
        let count = |wanted: fn(f64) -> bool| differences.iter().filter(|value| wanted(**value)).count();
        MeasureDifference {
            mean: round_figure(differences.iter().sum::<f64>() / ratio(differences.len(), 1)),
            interval: bootstrap_interval(&differences),
            won_lost: (count(|value| value > 0.0), count(|value| value < 0.0)),
        }
    };
    LevelComparison { n: pairs.len(), measures: measures.map(|(name, pick)| (name, difference(pick))).into() }
}

fn summarise_level(scores: &[(String, Measures)]) -> LevelScores {
    let all: Vec<Measures> = scores.iter().map(|(_, measures)| *measures).collect();
    let column = |pick: MeasureAccessor| bootstrap_interval(&all.iter().map(pick).collect::<Vec<_>>());
    let mut types: BTreeMap<String, Vec<Measures>> = BTreeMap::new();
    for (kind, measures) in scores {
        types.entry(kind.clone()).or_default().push(*measures);
    }
    LevelScores {
        overall: MeanMeasures::mean_of(&all),
        intervals: [column(|m| m.hit_1), column(|m| m.hit_5), column(|m| m.hit_10)],
        by_type: types.into_iter().map(|(kind, measures)| (kind, MeanMeasures::mean_of(&measures))).collect(),
    }
}

pub(super) fn compute_percentiles(mut values: Vec<f64>) -> Percentiles {
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| {
        let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
        round_figure(values.get(index).copied().unwrap_or(0.0))
    };
    Percentiles { p50: at(50), p95: at(95), p99: at(99) }
}

/// Reads rankings: a receipt of this program, `{question: {"turn": [ids], "session": [ids]}}`, or `{question: [session ids]}`.
///
/// # Errors
/// A file that is missing or of another shape.
pub fn read_rankings(path: &Path) -> Result<Rankings, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let shape = |message: String| Error::Format { path: path.to_owned(), line: 0, message };
    let mut value: Value = serde_json::from_slice(&bytes).map_err(|error| shape(error.to_string()))?;
    if let Some(inner) = value.get_mut("rankings") {
        value = inner.take();
    }
    let Value::Object(questions) = value else {
        return Err(shape("expected an object of question ids".to_owned()));
    };
    let mut rankings = Rankings::new();
    for (question, ranking) in questions {
        let levels = match ranking {
            list @ Value::Array(_) => {
                serde_json::from_value(list).map(|ids| BTreeMap::from([("session".to_owned(), ids)]))
            }
            other => serde_json::from_value(other),
        };
        rankings.insert(question.clone(), levels.map_err(|error| shape(format!("question {question}: {error}")))?);
    }
    Ok(rankings)
}
