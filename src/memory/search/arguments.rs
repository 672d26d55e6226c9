//! Arguments of a search as people and models give them: names, times in words, a cursor. Read once for every adapter.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;

use crate::config::{SearchSettings, suggest_name};
use crate::domain::names::{choose_value, choose_values};
use crate::domain::{
    ContentHash, Detail, Failure, Filter, PartKind, Query, Role, SearchMode, SearchTier, Timestamp, date_bound, limits,
};
use crate::embed::RerankerSpec;
use crate::import::Source;
use crate::memory::{Memory, RankWeights};

/// Arguments of a search. What is left out has the default of the settings, or does not limit the search.
#[derive(Debug, Clone, Default)]
pub struct SearchArguments {
    /// Texts to search for; all of them must match.
    pub texts: Vec<String>,
    /// Most hits.
    pub limit: Option<usize>,
    /// `all`, `current`, or a project's name, number or path.
    pub project: Option<String>,
    /// First time, in words or as a date.
    pub after: Option<String>,
    /// End of the time, exclusive.
    pub before: Option<String>,
    /// Name of the search mode.
    pub mode: Option<String>,
    /// Name of the tier.
    pub tier: Option<String>,
    /// Names of kinds of parts.
    pub kinds: Vec<String>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Names of sources.
    pub sources: Vec<String>,
    /// Id of a session.
    pub session: Option<String>,
    /// End of a path that tool calls of the message name.
    pub file: Option<String>,
    /// Git branch.
    pub branch: Option<String>,
    /// Name of the amount of text.
    pub detail: Option<String>,
    /// Most tokens of all returned texts.
    pub max_tokens: Option<usize>,
    /// True to explain each score.
    pub explain: bool,
    /// Cursor of a page, as an earlier answer had it.
    pub cursor: Option<String>,
}

impl SearchArguments {
    /// Reads the arguments. `directory` is the folder in which the question is asked.
    ///
    /// # Errors
    /// An unknown name or project, a time that cannot be read, or a cursor of another search.
    pub fn into_query(
        self,
        memory: &Memory,
        directory: Option<&Path>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Query, Failure> {
        let settings = &memory.settings().search;
        check_search_settings(settings)?;
        let bound = |text: Option<String>| {
            text.map(|text| date_bound::parse_date_bound(&text, now, zone).map_err(Failure::invalid_input)).transpose()
        };
        let projects = match self.project.as_deref() {
            Some(wanted) => memory.resolve_projects(wanted, directory)?,
            None => None,
        };
        let detail = self.detail.as_deref().unwrap_or(Detail::default().name());
        let mut query = Query {
            texts: self.texts,
            mode: choose_value("mode", self.mode.as_deref().unwrap_or(&settings.mode), &SearchMode::ALL)?,
            tier: choose_value("tier", self.tier.as_deref().unwrap_or(&settings.tier), &SearchTier::ALL)?,
            filter: Filter {
                projects,
                after: bound(self.after)?,
                before: bound(self.before)?,
                roles: choose_values("role", &self.roles, &Role::ALL)?,
                kinds: choose_values("kind", &self.kinds, &PartKind::OFFERED)?,
                sources: self.sources,
                session: self.session,
                not_session: None,
                file: self.file,
                git_branch: self.branch,
            },
            limit: self.limit.unwrap_or(settings.limit),
            offset: 0,
            detail: choose_value("detail", detail, &Detail::ALL)?,
            max_tokens: self.max_tokens.unwrap_or(settings.max_tokens),
            here: memory.current_projects(directory),
            explain: self.explain,
            exchange: true,
            worth: None,
        };
        if let Some(cursor) = &self.cursor {
            query.offset = decode_search_cursor(&query, cursor).ok_or_else(|| {
                Failure::invalid_arguments("this cursor belongs to another query", "repeat the query without a cursor")
            })?;
        }
        Ok(query)
    }
}

impl Memory {
    /// Checks that sources are known: importers, saved notes, or what is stored.
    ///
    /// # Errors
    /// The first unknown one, with the nearest known name.
    pub fn check_sources(&self, sources: &[String]) -> Result<(), Failure> {
        if sources.is_empty() {
            return Ok(());
        }
        let mut known = self.snapshot()?.list_sources()?;
        known.extend(Source::ALL.iter().map(|source| source.name().to_owned()));
        known.push("saved".to_owned());
        known.sort_unstable();
        known.dedup();
        let Some(wrong) = sources.iter().find(|source| !known.contains(source)) else { return Ok(()) };
        let near = suggest_name(wrong, known.iter().map(String::as_str));
        let hint = format!("it must be one of {}", known.join(", "));
        Err(Failure::invalid_arguments(format!("there is no source {wrong:?}{near}"), hint))
    }
}

/// Checks the settings of section `[search]`, whatever set them.
///
/// # Errors
/// The first setting that no search can use, by name.
pub fn check_search_settings(settings: &SearchSettings) -> Result<(), Failure> {
    let wrong = |name: &str, why: String| Failure::invalid_input(format!("setting search.{name}: {why}"));
    choose_value::<SearchMode>("mode", &settings.mode, &SearchMode::ALL)
        .map_err(|error| wrong("mode", error.to_string()))?;
    choose_value::<SearchTier>("tier", &settings.tier, &SearchTier::ALL)
        .map_err(|error| wrong("tier", error.to_string()))?;
    RerankerSpec::check_setting(&settings.reranker).map_err(|why| wrong("reranker", why))?;
    if settings.limit == 0 || settings.limit > limits::QUERY_HITS {
        return Err(wrong("limit", format!("{} is not between 1 and {}", settings.limit, limits::QUERY_HITS)));
    }
    RankWeights::from_setting(&settings.weights).map_err(|why| wrong("weights", why))?;
    Ok(())
}

/// Hashes the parts of a query that all pages of one search share.
fn query_fingerprint(query: &Query) -> i64 {
    let same = Query {
        offset: 0,
        limit: 0,
        max_tokens: 0,
        explain: false,
        exchange: false,
        worth: None,
        detail: Detail::Snippet,
        here: Vec::new(),
        ..query.clone()
    };
    ContentHash::of_text(&format!("{same:?}")).short_key()
}

/// Encodes the opaque cursor of the page that begins at `offset`.
pub fn encode_search_cursor(query: &Query, offset: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{offset}:{}", query_fingerprint(query)))
}

/// Decodes a cursor to its offset; `None` if it belongs to another query.
fn decode_search_cursor(query: &Query, cursor: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (offset, print) = text.split_once(':')?;
    (print.parse() == Ok(query_fingerprint(query))).then(|| offset.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let query = Query {
            texts: vec!["x".to_owned()],
            mode: SearchMode::Hybrid,
            tier: SearchTier::Fast,
            filter: Filter::default(),
            limit: 5,
            offset: 5,
            detail: Detail::Snippet,
            max_tokens: 1200,
            here: Vec::new(),
            explain: false,
            exchange: true,
            worth: None,
        };
        let cursor = encode_search_cursor(&query, 10);
        assert_eq!(decode_search_cursor(&Query { offset: 0, limit: 9, ..query.clone() }, &cursor), Some(10));
        assert_eq!(decode_search_cursor(&Query { texts: vec!["y".to_owned()], ..query.clone() }, &cursor), None);
        assert_eq!(decode_search_cursor(&query, "not base64!"), None);
    }
}
