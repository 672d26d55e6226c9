//! Finds how an error was fixed before: recognises it by its signature and returns the conclusion reached then.

use std::collections::HashSet;

use crate::domain::query::MinOverlap;
use crate::domain::text::signature::error_signature;
use crate::domain::{Detail, Filter, Hit, Origin, PartKind, Query, SearchMode, Timestamp};
use crate::memory::{Error, Memory, Result};
use crate::store::{Excerpt, ExcerptQuery};

/// Occurrences examined for each fix wanted.
const CANDIDATES_PER_FIX: usize = 4;
/// Minimum overlap with the signature; below it the text is about another error.
const MIN_OVERLAP: MinOverlap = MinOverlap { weight: 1.0, share: 0.5, log_odds: None };
/// Texts after an error that are examined.
const MAX_FOLLOWING: usize = 40;

/// Earlier occurrence of an error and how it ended.
#[derive(Debug, Clone)]
pub struct ErrorFix {
    /// Search hit where the error occurred.
    pub error: Hit,
    /// Model's closing statement about it, before the person's next message.
    pub conclusion: Option<Excerpt>,
    /// Files edited between the error and the conclusion.
    pub files: Vec<String>,
    /// True if the same error occurred again afterwards in the same session.
    pub came_back: bool,
    /// True if the error text matched literally.
    pub literal: bool,
}

/// Scope of the search for an earlier error.
#[derive(Debug, Clone, Default)]
pub struct ErrorScope {
    /// Rows of projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    /// Rows of the project in which the search runs.
    pub here: Vec<i64>,
    /// Session to exclude: the one that searches.
    pub not_session: Option<String>,
    /// Search mode; keyword search needs no embedding model.
    pub mode: SearchMode,
}

impl Memory {
    /// Returns earlier occurrences of an error with their conclusions, best first.
    ///
    /// # Errors
    /// If the error message is blank.
    pub fn find_fixes(&self, error: &str, place: ErrorScope, limit: usize, now: Timestamp) -> Result<Vec<ErrorFix>> {
        let signature = error_signature(error);
        if signature.trim().is_empty() {
            return Err(Error::invalid_input("the error message is blank"));
        }
        let query = Query {
            mode: place.mode,
            filter: Filter {
                projects: place.projects,
                not_session: place.not_session,
                kinds: vec![PartKind::ToolResult, PartKind::Text, PartKind::Summary],
                ..Filter::default()
            },
            here: place.here,
            limit: (limit * CANDIDATES_PER_FIX).clamp(1, 50),
            worth: Some(MIN_OVERLAP),
            ..Query::for_text(signature)
        };
        let mut fixes: Vec<ErrorFix> = Vec::new();
        let literal = self.literal_matches(error, &query, now)?;
        let alike = self.search(&query, now)?.hits.into_iter().map(|hit| (hit, false));
        for (hit, literal) in literal.into_iter().map(|hit| (hit, true)).chain(alike) {
            if fixes.len() == limit {
                break;
            }
            if fixes.iter().any(|known| known.error.id == hit.id) {
                continue;
            }
            let fix = ErrorFix { literal, ..self.trace_outcome(hit)? };
            // The same conclusion is listed once.
            let end = |fix: &ErrorFix| fix.conclusion.as_ref().map(|said| said.id);
            if end(&fix).is_none() || fixes.iter().all(|known| end(known) != end(&fix)) {
                fixes.push(fix);
            }
        }
        // An occurrence without a conclusion is worth less.
        fixes.sort_by_key(|fix| (fix.conclusion.is_none(), !fix.literal, fix.came_back));
        Ok(fixes)
    }

    /// Returns hits that contain at least half of the distinctive lines of an error literally, newest first. A single
    /// line is often that of a program which only reports that another one failed.
    fn literal_matches(&self, error: &str, query: &Query, now: Timestamp) -> Result<Vec<Hit>> {
        let lines = distinctive_lines(error);
        let Some(first) = lines.first() else { return Ok(Vec::new()) };
        let query = Query {
            texts: vec![lines.join("\n")],
            mode: SearchMode::Keyword,
            limit: LITERAL_CANDIDATES,
            detail: Detail::Full,
            worth: None,
            ..query.clone()
        };
        let held = |text: &str| lines.iter().filter(|line| text.contains(**line)).count();
        let mut hits = self.search(&query, now)?.hits;
        hits.retain(|hit| held(&hit.snippet) * 2 >= lines.len());
        let sessions: HashSet<&str> = hits.iter().map(|hit| hit.session.as_str()).collect();
        if sessions.len() > COMMON_SESSIONS {
            return Ok(Vec::new());
        }
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.at));
        for hit in &mut hits {
            let shown = lines.iter().find(|line| hit.snippet.contains(**line)).unwrap_or(first);
            let around = hit.snippet.lines().skip_while(|text| !text.contains(shown)).take(SHOWN_LINES);
            hit.snippet = around.collect::<Vec<_>>().join("\n");
        }
        Ok(hits)
    }

    fn trace_outcome(&self, error: Hit) -> Result<ErrorFix> {
        let Some((head, _)) = self.store.snapshot()?.find_message(error.id)? else {
            return Ok(ErrorFix { error, conclusion: None, files: Vec::new(), came_back: false, literal: false });
        };
        let after = |kinds: &'static [PartKind], origins: &'static [Origin]| ExcerptQuery {
            kinds,
            origins,
            after: Some(error.at.minus_milliseconds(1)),
            limit: MAX_FOLLOWING,
            ..ExcerptQuery::default()
        };
        let said = self
            .store
            .snapshot()?
            .read_excerpts(head.row, &after(&[PartKind::Text], &[Origin::Person, Origin::Model]))?;
        // Either the person reports an error and the answer follows, or the model itself reported it and how it ended.
        let conclusion = self.pick_conclusion(said, error.id)?;
        let end = conclusion.as_ref().map_or(error.at, |said| said.at);
        let mut files = Vec::new();
        for call in self.store.snapshot()?.read_excerpts(head.row, &after(&[PartKind::ToolUse], &[]))? {
            let path = call.text.lines().find_map(|line| line.strip_prefix("file_path: "));
            let edits =
                call.tool.as_deref().is_some_and(|tool| crate::memory::recall::blame::EDIT_TOOLS.contains(&tool));
            if let Some(path) = path.filter(|path| edits && call.at <= end && !files.iter().any(|known| known == path))
            {
                files.push(path.to_owned());
            }
        }
        let telling = error_signature(&error.snippet).lines().next().unwrap_or("").to_owned();
        let results = ExcerptQuery { after: Some(end), ..after(&[PartKind::ToolResult], &[]) };
        let came_back = !telling.is_empty()
            && self
                .store
                .snapshot()?
                .read_excerpts(head.row, &results)?
                .iter()
                .any(|part| error_signature(&part.text).contains(&telling));
        Ok(ErrorFix { error, conclusion, files, came_back, literal: false })
    }
}

/// Returns the lines that identify an error: those that state the fault, else the longest one.
fn distinctive_lines(error: &str) -> Vec<&str> {
    let lines = || error.lines().map(str::trim).filter(|line| line.chars().count() >= MIN_LINE_CHARACTERS);
    let says = |line: &&str| {
        let line = line.to_lowercase();
        ERROR_WORDS.iter().any(|word| line.contains(word))
    };
    let mut telling: Vec<&str> = lines().filter(says).take(MAX_LINES).collect();
    if telling.is_empty() {
        telling.extend(lines().max_by_key(|line| line.len()));
    }
    telling.into_iter().map(|line| crate::domain::text::byte_prefix(line, MAX_LINE_BYTES)).collect()
}

/// Words that mark a line as stating a fault.
const ERROR_WORDS: [&str; 14] = [
    "error",
    "failed",
    "failure",
    "exception",
    "panic",
    "cannot",
    "can't",
    "not found",
    "undefined",
    "denied",
    "refused",
    "错误",
    "失败",
    "异常",
];
/// Shorter lines occur in too many outputs.
const MIN_LINE_CHARACTERS: usize = 12;
const MAX_LINE_BYTES: usize = 300;
const MAX_LINES: usize = 8;
/// Lines found in more sessions than this do not identify one error.
const COMMON_SESSIONS: usize = 3;
/// Keyword hits among which literal matches are searched, and lines shown of each match.
const LITERAL_CANDIDATES: usize = 30;
const SHOWN_LINES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_by_its_telling_lines() {
        let error = "Exit code 101\n   Compiling shop v0.1.0\nerror[E0382]: borrow of moved value: `pool`\n --> src/db.rs:4\n\
            error: could not compile `shop`";
        let lines = ["error[E0382]: borrow of moved value: `pool`", "error: could not compile `shop`"];
        assert_eq!(distinctive_lines(error), lines);
        assert_eq!(distinctive_lines("连接数据库失败：超时，请稍后再试一次"), ["连接数据库失败：超时，请稍后再试一次"]);
        assert_eq!((distinctive_lines("no"), distinctive_lines("")), (Vec::new(), Vec::new()));
    }
}
