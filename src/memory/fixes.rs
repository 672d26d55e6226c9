//! How an error was overcome before: it is recognised by what stays the same in it, and what was said when it was done with
//! is handed back.

use super::{Error, Memory, Result};
use crate::domain::query::Worth;
use crate::domain::text::signature::signature;
use crate::domain::{Filter, Hit, Kind, Mode, Origin, Query, Timestamp};
use crate::store::{Excerpt, Wanted};

/// Places of the error that are followed up for each fix that is wanted.
const LOOKED_AT: usize = 4;
/// What shares less with the signature is another error.
const LEAST: Worth = Worth { weight: 1.0, share: 0.5, cosine: None };
/// What follows an error is looked at so far.
const AFTER: usize = 40;

/// One earlier occurrence of an error.
#[derive(Debug, Clone)]
pub struct Fix {
    /// Where it occurred.
    pub error: Hit,
    /// What the model said when it was done with it, before the person spoke again.
    pub conclusion: Option<Excerpt>,
    /// Files that were changed between the two.
    pub files: Vec<String>,
    /// Whether the same error occurred again after that, in the same session.
    pub came_back: bool,
}

/// Where an earlier error is looked for.
#[derive(Debug, Clone, Default)]
pub struct ErrorPlace {
    /// Rows of projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    /// Rows of the project in which the question is asked.
    pub here: Vec<i64>,
    /// The session that asks, which is left out.
    pub not_session: Option<String>,
    /// By word and meaning, or by word only.
    pub mode: Mode,
}

impl Memory {
    /// Earlier occurrences of an error with what ended them, best first.
    ///
    /// # Errors
    /// When the error is blank or the store cannot be read.
    pub fn fixes(&self, error: &str, place: ErrorPlace, limit: usize, now: Timestamp) -> Result<Vec<Fix>> {
        let signature = signature(error);
        if signature.trim().is_empty() {
            return Err(Error::invalid("the error message is blank"));
        }
        let query = Query {
            mode: place.mode,
            filter: Filter {
                projects: place.projects,
                not_session: place.not_session,
                kinds: vec![Kind::ToolResult, Kind::Text, Kind::Summary],
                ..Filter::default()
            },
            here: place.here,
            limit: (limit * LOOKED_AT).clamp(1, 50),
            worth: Some(LEAST),
            ..Query::about(signature)
        };
        let mut fixes: Vec<Fix> = Vec::new();
        for hit in self.search(&query, now)?.hits {
            if fixes.len() == limit {
                break;
            }
            let fix = self.follow_up(hit)?;
            // The same end of the same trouble is told once.
            let end = |fix: &Fix| fix.conclusion.as_ref().map(|said| said.id);
            if end(&fix).is_none() || fixes.iter().all(|known| end(known) != end(&fix)) {
                fixes.push(fix);
            }
        }
        // An occurrence that nobody ended tells less.
        fixes.sort_by_key(|fix| (fix.conclusion.is_none(), fix.came_back));
        Ok(fixes)
    }

    fn follow_up(&self, error: Hit) -> Result<Fix> {
        let Some((head, _)) = self.store.find_message(error.id)? else {
            return Ok(Fix { error, conclusion: None, files: Vec::new(), came_back: false });
        };
        let after = |kinds: &'static [Kind], origins: &'static [Origin]| Wanted {
            kinds,
            origins,
            after: Some(error.at.minus(1)),
            limit: AFTER,
            ..Wanted::default()
        };
        let said = self.store.excerpts(head.row, &after(&[Kind::Text], &[Origin::Person, Origin::Model]))?;
        let own = said.iter().position(|excerpt| excerpt.id == error.id);
        let later = said.get(own.map_or(0, |at| at + 1)..).unwrap_or(&[]);
        let until_person = later.iter().take_while(|excerpt| excerpt.origin == Origin::Model);
        let conclusion = until_person.last().or_else(|| {
            // Somebody tells of an error, and the answer follows; or the model itself told of it and how it ended.
            let next = later.iter().skip_while(|excerpt| excerpt.origin == Origin::Person);
            next.take_while(|excerpt| excerpt.origin == Origin::Model).last()
        });
        let conclusion = conclusion.cloned().map(|excerpt| self.clean_excerpt(excerpt)).transpose()?;
        let end = conclusion.as_ref().map_or(error.at, |said| said.at);
        let mut files = Vec::new();
        for call in self.store.excerpts(head.row, &after(&[Kind::ToolUse], &[]))? {
            let path = call.text.lines().find_map(|line| line.strip_prefix("file_path: "));
            let edits = call.tool.as_deref().is_some_and(|tool| super::blame::EDITORS.contains(&tool));
            if let Some(path) = path.filter(|path| edits && call.at <= end && !files.iter().any(|known| known == path))
            {
                files.push(path.to_owned());
            }
        }
        let telling = signature(&error.snippet).lines().next().unwrap_or("").to_owned();
        let results = Wanted { after: Some(end), ..after(&[Kind::ToolResult], &[]) };
        let came_back = !telling.is_empty()
            && self.store.excerpts(head.row, &results)?.iter().any(|part| signature(&part.text).contains(&telling));
        Ok(Fix { error, conclusion, files, came_back })
    }
}
