//! Answerability benchmark: asks each store what it can and what it cannot answer, and counts how often the confidence
//! of the answer says so.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::report::round_figure;
use super::retrieval::{BenchStores, DEPTH, HaystackStore, MessageLabels, label_hits};
use super::score::ratio;
use super::{BenchQuestion, Dataset, Error, Measures, RetrievalOptions, UnansweredQuestion};
use crate::config::Settings;
use crate::domain::{Confidence, Detail, Query, SearchResults, Timestamp};

/// Types of published questions whose answer is not in the history although its subject is; counted on neither side.
const NEITHER: [&str; 2] = ["adversarial", "abstention"];
/// Questions between two reports of progress.
const PROGRESS_QUESTIONS: usize = 20;

/// Confidence of one answer and what it was computed from.
#[derive(Debug, Clone, Serialize)]
struct AnsweredQuestion {
    id: String,
    haystack: String,
    #[serde(rename = "type")]
    kind: String,
    answerable: bool,
    /// True for a question that names speakers of the history in place of its own.
    renamed: bool,
    confidence: &'static str,
    log_odds: f32,
    cosine: Option<f32>,
    share: f32,
    nearest_weight: f32,
    foreign: bool,
    texts: f32,
    /// 1 if a labelled turn, or else session, is among the first five; only for answerable questions.
    hit_5: Option<f64>,
}

/// Answerable questions of one confidence.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct BandScore {
    /// Number of questions.
    pub n: usize,
    /// Share with a labelled turn or session among the first five.
    pub hit_5: f64,
}

/// Unanswerable questions of one kind.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct KindScore {
    /// Number of questions.
    pub n: usize,
    /// Share with confidence none.
    pub silent: f64,
    /// Share with confidence strong.
    pub falsely_strong: f64,
    /// Area under the curve against the answerable questions, by log-odds.
    pub auc: f64,
}

/// Report of an answerability run. Shares are 0 to 1.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerabilityReport {
    /// SHA-256 of the data.
    pub data: String,
    /// Number of answerable questions.
    pub answerable: usize,
    /// Number of unanswerable questions, those with exchanged names apart.
    pub unanswerable: usize,
    /// Share of answerable questions with confidence strong or weak.
    pub kept: f64,
    /// Share of unanswerable questions with confidence none.
    pub silent: f64,
    /// Share of unanswerable questions with confidence strong.
    pub falsely_strong: f64,
    /// Probability that an answerable question has higher log-odds than an unanswerable one.
    pub auc: f64,
    /// Answerable questions by confidence: `strong`, `weak`, `none`.
    pub bands: BTreeMap<&'static str, BandScore>,
    /// Unanswerable questions by type.
    pub kinds: BTreeMap<String, KindScore>,
    /// Questions with exchanged names, if there are any.
    pub renamed: Option<KindScore>,
    questions: Vec<AnsweredQuestion>,
}

/// Runs the benchmark in `scratch`. Reuses stores as a retrieval run does. Returns `None` if `stop` was set.
///
/// # Errors
/// When the engine fails.
pub fn measure_answerability(
    (scratch, settings): (&Path, &Settings),
    data: &Dataset,
    unanswered: &[UnansweredQuestion],
    options: &RetrievalOptions,
    now: Timestamp,
    (stop, talk): (&AtomicBool, &mut dyn FnMut(String)),
) -> Result<Option<AnswerabilityReport>, Error> {
    let mut questions = Vec::new();
    let stores = BenchStores { scratch, settings, data, options, now };
    stores.visit_each(&mut |store| {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut places = MessageLabels::new();
        talk(format!("store {} of {}: preparing", store.number + 1, store.count));
        store.prepare_store(&mut places, stop)?;
        let answerable = store.own_questions().filter(|question| !NEITHER.contains(&question.kind.as_str()));
        let answerable: Vec<&BenchQuestion> = answerable.collect();
        let is_here = |haystack: &Option<String>| {
            haystack.as_ref().is_none_or(|haystack| store.group.contains(&haystack.as_str()))
        };
        let others: Vec<&UnansweredQuestion> =
            unanswered.iter().filter(|question| is_here(&question.haystack)).collect();
        let total = answerable.len() + others.len();
        let asked = answerable.into_iter().map(AskedQuestion::Answerable);
        for (done, question) in asked.chain(others.into_iter().map(AskedQuestion::Unanswerable)).enumerate() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            if done > 0 && done % PROGRESS_QUESTIONS == 0 {
                talk(format!("store {} of {}: {done} of {total} questions", store.number + 1, store.count));
            }
            questions.push(question.ask_store(store, &places, options, now)?);
        }
        Ok(())
    })?;
    let is_stopped = stop.load(Ordering::Relaxed);
    Ok((!is_stopped).then(|| AnswerabilityReport::summarise_questions(data.digest.clone(), &questions)))
}

/// Question of either side.
enum AskedQuestion<'a> {
    Answerable(&'a BenchQuestion),
    Unanswerable(&'a UnansweredQuestion),
}

impl AskedQuestion<'_> {
    fn ask_store(
        &self,
        store: &HaystackStore<'_>,
        places: &MessageLabels,
        options: &RetrievalOptions,
        now: Timestamp,
    ) -> Result<AnsweredQuestion, Error> {
        let (text, clock) = match self {
            Self::Answerable(question) => {
                (&question.text, question.asked_time().filter(|_| options.use_clock).unwrap_or(now))
            }
            Self::Unanswerable(question) => (&question.text, now),
        };
        let usual = store.build_query(text);
        let deep = Query { limit: DEPTH, detail: Detail::Index, max_tokens: usize::MAX, ..usual };
        let answer = store.memory.search(&deep, clock)?;
        let haystack = store.group.join(" ");
        Ok(match self {
            Self::Answerable(question) => {
                let (turns, sessions) = label_hits(&answer.hits, places);
                let (ranking, gold) = if question.gold_turns.is_empty() {
                    (sessions, &question.gold_sessions)
                } else {
                    (turns, &question.gold_turns)
                };
                let hit_5 = Some(Measures::score_ranking(&ranking, gold).hit_5);
                AnsweredQuestion {
                    answerable: true,
                    hit_5,
                    ..record_answer(&question.id, &question.kind, haystack, &answer)
                }
            }
            Self::Unanswerable(question) => AnsweredQuestion {
                renamed: question.is_renamed,
                ..record_answer(&question.id, &question.kind, haystack, &answer)
            },
        })
    }
}

/// Records the confidence of an answer, as of an unanswerable question.
fn record_answer(id: &str, kind: &str, haystack: String, answer: &SearchResults) -> AnsweredQuestion {
    let signals = answer.signals.unwrap_or_default();
    AnsweredQuestion {
        id: id.to_owned(),
        haystack,
        kind: kind.to_owned(),
        answerable: false,
        renamed: false,
        confidence: answer.confidence.name(),
        log_odds: signals.log_odds,
        cosine: signals.cosine,
        share: signals.share,
        nearest_weight: signals.nearest_weight,
        foreign: signals.foreign,
        texts: signals.texts,
        hit_5: None,
    }
}

impl AnswerabilityReport {
    fn summarise_questions(data: String, questions: &[AnsweredQuestion]) -> Self {
        let (answerable, other): (Vec<&AnsweredQuestion>, Vec<&AnsweredQuestion>) =
            questions.iter().partition(|question| question.answerable);
        let (renamed, plain): (Vec<&AnsweredQuestion>, Vec<&AnsweredQuestion>) =
            other.into_iter().partition(|question| question.renamed);
        let score = |unanswerable: &[&AnsweredQuestion]| score_kind(&answerable, unanswerable);
        let mut by_kind: BTreeMap<String, Vec<&AnsweredQuestion>> = BTreeMap::new();
        for question in &plain {
            by_kind.entry(question.kind.clone()).or_default().push(question);
        }
        let all = score(&plain);
        let silent = answerable.iter().filter(|question| question.confidence == Confidence::None.name()).count();
        Self {
            data,
            answerable: answerable.len(),
            unanswerable: plain.len(),
            kept: round_figure(ratio(answerable.len() - silent, answerable.len())),
            silent: all.silent,
            falsely_strong: all.falsely_strong,
            auc: all.auc,
            bands: Confidence::ALL.iter().map(|band| (band.name(), score_band(&answerable, band.name()))).collect(),
            kinds: by_kind.iter().map(|(kind, questions)| (kind.clone(), score(questions))).collect(),
            renamed: (!renamed.is_empty()).then(|| score(&renamed)),
            questions: questions.to_vec(),
        }
    }
}

fn score_band(answerable: &[&AnsweredQuestion], band: &str) -> BandScore {
    let hits: Vec<f64> = answerable
        .iter()
        .filter(|question| question.confidence == band)
        .map(|question| question.hit_5.unwrap_or(0.0))
        .collect();
    BandScore {
        n: hits.len(),
        hit_5: round_figure(hits.iter().fold(0.0, |sum, hit| sum + hit) / ratio(hits.len().max(1), 1)),
    }
}

fn score_kind(answerable: &[&AnsweredQuestion], unanswerable: &[&AnsweredQuestion]) -> KindScore {
    let count =
        |wanted: Confidence| unanswerable.iter().filter(|question| question.confidence == wanted.name()).count();
    let share = |wanted| round_figure(ratio(count(wanted), unanswerable.len()));
    let odds = |questions: &[&AnsweredQuestion]| questions.iter().map(|question| question.log_odds).collect::<Vec<_>>();
    KindScore {
        n: unanswerable.len(),
        silent: share(Confidence::None),
        falsely_strong: share(Confidence::Strong),
        auc: round_figure(area_under_curve(&odds(answerable), &odds(unanswerable))),
    }
}

/// Returns the probability that a value of the first list is higher than one of the second; ties count half.
fn area_under_curve(higher: &[f32], lower: &[f32]) -> f64 {
    let mut wins = 0.0;
    for high in higher {
        wins += lower
            .iter()
            .map(|low| match high.total_cmp(low) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })
            .sum::<f64>();
    }
    wins / ratio((higher.len() * lower.len()).max(1), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_counts_pairs() {
        assert!((area_under_curve(&[2.0, 1.0], &[0.0, 1.0]) - 0.875).abs() < 1e-9);
        assert!(area_under_curve(&[], &[1.0]).abs() < 1e-9);
    }

    #[test]
    fn shares_bands_and_kinds() {
        let question = |answerable, confidence: Confidence, log_odds, hit_5| AnsweredQuestion {
            answerable,
            hit_5,
            log_odds,
            confidence: confidence.name(),
            ..record_answer("q", "kind", "h".to_owned(), &SearchResults::default())
        };
        let report = AnswerabilityReport::summarise_questions(
            String::new(),
            &[
                question(true, Confidence::Strong, 2.0, Some(1.0)),
                question(true, Confidence::None, -2.0, Some(0.0)),
                question(false, Confidence::None, -3.0, None),
                question(false, Confidence::Strong, 3.0, None),
                AnsweredQuestion { renamed: true, ..question(false, Confidence::Weak, 0.0, None) },
            ],
        );
        assert_eq!((report.answerable, report.unanswerable), (2, 2));
        assert_eq!((report.kept, report.silent, report.falsely_strong, report.auc), (0.5, 0.5, 0.5, 0.5));
        assert_eq!((report.bands["strong"].n, report.bands["strong"].hit_5, report.bands["weak"].n), (1, 1.0, 0));
        assert_eq!(report.renamed.map(|renamed| renamed.n), Some(1));
    }
}
