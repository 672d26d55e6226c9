//! Retrieval benchmark over the user's own history: a commit's subject is the question, the sessions that made the commit
//! are the answer. Those are the sessions in which git printed it, or that were open at its time and named most of its
//! files. Reads only; nothing leaves the machine.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::Error;
use super::retrieval::{DEPTH, distinct_sessions};
use super::score::{MeanMeasures, Measures, bootstrap_interval};
use crate::domain::text::is_cjk;
use crate::domain::{ContentHash, Detail, MessageId, PartKind, Query, SearchMode, Timestamp};
use crate::memory::{Memory, RankWeights};
use crate::repository::CommitHead;
use crate::store::{SessionFilter, SessionSummary};

/// Newest commits that are read, and files of each.
const MAX_COMMITS: usize = 2000;
const MAX_FILES: usize = 8;
/// Sessions read at a time.
const PAGE_SESSIONS: usize = 100;
/// Fewer words, or Chinese characters, than these are no question that one session answers.
const MIN_WORDS: usize = 3;
const MIN_HAN: usize = 6;
/// A subject in more sessions than these, such as the title of a release, has no answer of its own.
const MAX_SESSIONS: usize = 3;
/// Milliseconds after its end in which a session may still be the one whose work is committed.
const COMMIT_DELAY: i64 = 30 * 60 * 1000;
/// Questions in each half from which weights can be fitted.
const MIN_HALF: usize = 20;
/// Weights that differ between people, and the values that are tried: how much is asked in the words of the text, and how
/// much in whole sessions.
const FITTED: &[(&str, &[f32])] =
    &[("word_share", &[0.35, 0.5, 0.65]), ("session", &[0.15, 0.3, 0.45]), ("deviation", &[0.15, 0.2, 0.25])];
/// Rounds over all fitted weights.
const FIT_ROUNDS: usize = 2;

/// Subject of a commit, and the sessions that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OwnQuestion {
    subject: String,
    sessions: Vec<String>,
    /// Messages that contain the subject word for word.
    verbatim: HashSet<MessageId>,
}

/// Scores of one way to count, over all questions.
#[derive(Debug, Clone, Serialize)]
pub struct OwnScores {
    #[serde(flatten)]
    pub scores: MeanMeasures,
    /// 95 % interval of `hit_5`.
    pub hit_5_interval: (f64, f64),
}

/// Result of fitting weights on one half of the questions.
#[derive(Debug, Clone, Serialize)]
pub struct OwnFit {
    /// Weights that differ from the defaults, by name.
    pub weights: BTreeMap<&'static str, f32>,
    /// Scores of the half that was not fitted on, with the weights in force before.
    pub before: OwnScores,
    /// Scores of that half with the fitted weights.
    pub after: OwnScores,
}

impl OwnFit {
    /// Returns true if the fitted weights find more in the half that they were not fitted on.
    pub fn is_better(&self) -> bool {
        !self.weights.is_empty() && self.after.scores.mean.mrr > self.before.scores.mean.mrr
    }

    /// Returns the weights as items of the setting `search.weights`.
    pub fn to_setting(&self) -> Vec<String> {
        self.weights.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

/// Report of a run. All scores are of sessions.
#[derive(Debug, Clone, Serialize)]
pub struct OwnReport {
    pub sessions: usize,
    pub questions: usize,
    /// All results count.
    pub all: OwnScores,
    /// Results that contain the subject word for word do not count: what was said otherwise must find the session.
    pub reworded: OwnScores,
    /// `None` if no weights were to be fitted.
    pub fit: Option<OwnFit>,
    /// True if the run was interrupted: scores are of what was asked until then.
    pub interrupted: bool,
}

/// Source of the questions, and what to do with the scores.
#[derive(Debug, Clone, Default)]
pub struct OwnOptions {
    /// Repositories whose commits are asked, beside those that git printed in a session.
    pub repositories: Vec<PathBuf>,
    /// Fits weights on one half of the questions.
    pub fit: bool,
}

/// Asks the store for the sessions of the user's own commits. `progress` receives the number of questions asked and their
/// total. `stop` ends the run after the current question. Returns also what kept a repository from being read.
///
/// # Errors
/// If the store cannot be read. A question without results counts as a miss.
pub fn measure_own_history(
    memory: &mut Memory,
    options: &OwnOptions,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(OwnReport, Vec<String>), Error> {
    let ((first, last), sessions, mut subjects) = collect_printed(memory, stop)?;
    let span = (first, last.minus_milliseconds(-COMMIT_DELAY));
    let mut unread = Vec::new();
    for repository in &options.repositories {
        let opened = memory.open_repository(repository);
        let commits = opened.and_then(|opened| Ok(opened.list_changed_files(span, MAX_COMMITS, MAX_FILES)?));
        match commits {
            Ok(commits) => add_commits(memory, &mut subjects, &commits, stop)?,
            Err(why) => unread.push(format!("git log in {}: {why}", repository.display())),
        }
    }
    let mut questions = Vec::new();
    for (subject, sessions) in subjects.into_iter().filter(|(_, sessions)| sessions.len() <= MAX_SESSIONS) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let exact = memory.search(&deep_query(&subject, SearchMode::Exact), now)?.hits;
        let verbatim = exact.iter().map(|hit| hit.id).collect();
        questions.push(OwnQuestion { subject, sessions, verbatim });
    }
    let (mut all, mut reworded) = (Vec::new(), Vec::new());
    for (number, question) in questions.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (every, without) = ask_question(memory, question, now)?;
        all.push(every);
        reworded.push(without);
        progress(number + 1, questions.len());
    }
    let fit = if options.fit { fit_weights(memory, &questions, now, stop)? } else { None };
    let report = OwnReport {
        sessions,
        questions: questions.len(),
        all: OwnScores::of(&all),
        reworded: OwnScores::of(&reworded),
        fit,
        interrupted: stop.load(Ordering::Relaxed),
    };
    Ok((report, unread))
}

impl OwnScores {
    fn of(measures: &[Measures]) -> Self {
        let hits: Vec<f64> = measures.iter().map(|measures| measures.hit_5).collect();
        Self { scores: MeanMeasures::mean_of(measures), hit_5_interval: bootstrap_interval(&hits) }
    }
}

/// Sessions by the subject of the commit that they made.
type SubjectSessions = BTreeMap<String, Vec<String>>;

/// Returns first and last time of the sessions, their number, and the commits that git printed in them.
fn collect_printed(
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<((Timestamp, Timestamp), usize, SubjectSessions), Error> {
    let filter = SessionFilter { subagents: true, ..SessionFilter::default() };
    let mut found = SubjectSessions::new();
    let (mut count, mut place, mut span) = (0, None, None);
    while !stop.load(Ordering::Relaxed) {
        let page: Vec<SessionSummary> = memory.list_sessions(&filter, place, PAGE_SESSIONS)?;
        let Some(last) = page.last() else { break };
        place = Some((last.started_at, last.row));
        count += page.len();
        for session in &page {
            let (first, last) = span.unwrap_or((session.started_at, session.ended_at));
            span = Some((first.min(session.started_at), last.max(session.ended_at)));
            for subject in printed_subjects(memory, &session.session)? {
                let sessions = found.entry(subject).or_default();
                if !sessions.contains(&session.session) {
                    sessions.push(session.session.clone());
                }
            }
        }
    }
    Ok((span.unwrap_or_default(), count, found))
}

/// Adds the commits that no session printed, with the sessions that were open then and named most of their files.
fn add_commits(
    memory: &Memory,
    subjects: &mut SubjectSessions,
    commits: &[(CommitHead, Vec<String>)],
    stop: &AtomicBool,
) -> Result<(), Error> {
    for (commit, files) in commits {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if subjects.contains_key(&commit.subject) || !is_question(&commit.subject) {
            continue;
        }
        let mut named: HashMap<String, usize> = HashMap::new();
        for file in files {
            let filter = SessionFilter {
                after: Some(commit.author_at.minus_milliseconds(COMMIT_DELAY)),
                before: Some(commit.author_at),
                file: Some(file.clone()),
                ..SessionFilter::default()
            };
            for session in memory.list_sessions(&filter, None, PAGE_SESSIONS)? {
                *named.entry(session.session).or_default() += 1;
            }
        }
        let most = named.values().copied().max().unwrap_or(0);
        // One file of many is named by chance.
        if most * 2 > files.len() {
            let sessions = named.into_iter().filter(|(_, count)| *count == most).map(|(session, _)| session);
            subjects.insert(commit.subject.clone(), sessions.collect());
        }
    }
    Ok(())
}

/// Returns the subjects of the commits that git printed in a session.
fn printed_subjects(memory: &Memory, session: &str) -> Result<HashSet<String>, Error> {
    let read = memory.read_session(session, true)?;
    let parts = read.messages.iter().flat_map(|message| &message.parts);
    let outputs = parts.filter(|part| part.kind == PartKind::ToolResult);
    Ok(outputs.flat_map(|part| part.text.lines()).filter_map(printed_subject).map(str::to_owned).collect())
}

/// Returns the subject in a line that `git commit` prints, `[main 1a2b3c4] Add a test`, if it is one that could be asked.
fn printed_subject(line: &str) -> Option<&str> {
    let (head, subject) = line.trim().strip_prefix('[')?.split_once("] ")?;
    let hash = head.rsplit(' ').next().filter(|hash| hash.len() < head.len())?;
    let is_hash = (7..=40).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && is_question(subject)).then_some(subject)
}

/// Returns true if a subject says enough to be a question.
fn is_question(subject: &str) -> bool {
    let han = subject.chars().filter(|letter| is_cjk(*letter)).count();
    let is_long = subject.split_whitespace().count() >= MIN_WORDS || han >= MIN_HAN;
    is_long && !subject.starts_with("Merge ") && !subject.starts_with("fixup!")
}

/// Scores the ranking of a question's sessions: of all results, and of those that do not contain the subject.
fn ask_question(memory: &Memory, question: &OwnQuestion, now: Timestamp) -> Result<(Measures, Measures), Error> {
    let hits = memory.search(&deep_query(&question.subject, SearchMode::Hybrid), now)?.hits;
    let all = distinct_sessions(hits.iter().map(|hit| &hit.session));
    let reworded = hits.iter().filter(|hit| !question.verbatim.contains(&hit.id));
    let reworded = distinct_sessions(reworded.map(|hit| &hit.session));
    let score = |ranking: &[String]| Measures::score_ranking(ranking, &question.sessions);
    Ok((score(&all), score(&reworded)))
}

fn deep_query(text: &str, mode: SearchMode) -> Query {
    Query { mode, limit: DEPTH, detail: Detail::Index, ..Query::for_text(text) }
}

/// Fits [`FITTED`] on one half of the questions and scores the other half before and after. Returns `None` if there are too
/// few questions or `stop` is set. The memory keeps the weights that it had.
fn fit_weights(
    memory: &mut Memory,
    questions: &[OwnQuestion],
    now: Timestamp,
    stop: &AtomicBool,
) -> Result<Option<OwnFit>, Error> {
    let is_fitted_on = |question: &&OwnQuestion| ContentHash::of_text(&question.subject).short_key() % 2 == 0;
    let (half, other): (Vec<&OwnQuestion>, Vec<&OwnQuestion>) = questions.iter().partition(is_fitted_on);
    if half.len().min(other.len()) < MIN_HALF {
        return Ok(None);
    }
    let original = memory.weights();
    let mut best = (score_half(memory, &half, now, stop)?.scores.mean.mrr, original);
    for _ in 0..FIT_ROUNDS {
        for (name, values) in FITTED {
            for value in *values {
                let mut weights = best.1;
                weights.set(name, *value);
                memory.set_weights(weights);
                let reached = score_half(memory, &half, now, stop)?.scores.mean.mrr;
                if reached > best.0 {
                    best = (reached, weights);
                }
            }
        }
    }
    memory.set_weights(best.1);
    let after = score_half(memory, &other, now, stop)?;
    memory.set_weights(original);
    let before = score_half(memory, &other, now, stop)?;
    let default = RankWeights::default();
    let differing = FITTED.iter().filter_map(|(name, _)| {
        let value = best.1.get(name)?;
        (default.get(name) != Some(value)).then_some((*name, value))
    });
    Ok((!stop.load(Ordering::Relaxed)).then(|| OwnFit { weights: differing.collect(), before, after }))
}

/// Scores questions without results that contain the subject.
fn score_half(
    memory: &Memory,
    questions: &[&OwnQuestion],
    now: Timestamp,
    stop: &AtomicBool,
) -> Result<OwnScores, Error> {
    let mut measures = Vec::new();
    for question in questions {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        measures.push(ask_question(memory, question, now)?.1);
    }
    Ok(OwnScores::of(&measures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_that_git_printed() {
        let cases = [
            ("[main 1a2b3c4] Add a test for rotation", Some("Add a test for rotation")),
            ("[main (root-commit) 1a2b3c4d] Begin with the parser", Some("Begin with the parser")),
            ("[detached HEAD 1a2b3c4] 修复网关重复回调的问题", Some("修复网关重复回调的问题")),
            ("[main 1a2b3c4] wip", None),
            ("[main 1a2b3c4] Merge branch 'x' into y", None),
            ("[1a2b3c4] no branch stands here", None),
            ("[main 1a2b3] too short a hash", None),
            ("[INFO 12345678z] starting the server now", None),
            ("plain text", None),
        ];
        for (line, subject) in cases {
            assert_eq!(printed_subject(line), subject, "{line}");
        }
    }
}
