//! What a task should start with: memories about it, about its files and about its error, within a budget, none of them
//! handed to the same session twice. And what any session of a project should start with.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::fixes::ErrorPlace;
use super::{Memory, Result};
use crate::domain::query::Worth;
use crate::domain::text::suspicion::reads_like_an_instruction;
use crate::domain::text::{one_line, prompt, tokens};
use crate::domain::{Detail, Filter, Hit, Kind, MessageId, Mode, Origin, Query, Role, Timestamp};
use crate::store::SessionFilter;

/// Tokens that an item costs beside its text: time, project, title, address (measured with o200k on 200 packs).
const ITEM_TOKENS: usize = 90;
/// Candidates of the task and of each file.
const TASK_HITS: usize = 16;
const FEW_HITS: usize = 6;
const FILE_HITS: usize = 4;
const ERROR_HITS: usize = 3;
/// Sessions among which the last one is looked for: some may be running.
const NEWEST: usize = 3;
/// Files of a request that are looked at.
const MOST_FILES: usize = 10;
/// A text is worth handing out unasked when its words that the request has too weigh so much (a word that nothing else
/// holds has weight 1) and are such a part of all words of the request; or when it means nearly the same. Set on the
/// development questions: docs/decisions/0014 and 0031.
const WORTH: Worth = Worth { weight: 1.3, share: 0.3, cosine: Some(0.5) };
/// Characters of one item.
const CONSERVATIVE: usize = 280;
const BALANCED: usize = 500;
const COMPREHENSIVE: usize = 1200;

/// How much is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Only what clearly belongs to the task.
    Conservative,
    /// The best, up to the budget.
    #[default]
    Balanced,
    /// The best at length.
    Comprehensive,
}

impl Style {
    /// Every style.
    pub const ALL: [Self; 3] = [Self::Conservative, Self::Balanced, Self::Comprehensive];

    /// The name used in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conservative => "conservative",
            Self::Balanced => "balanced",
            Self::Comprehensive => "comprehensive",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.name() == name)
    }

    const fn characters(self) -> usize {
        match self {
            Self::Conservative => CONSERVATIVE,
            Self::Balanced => BALANCED,
            Self::Comprehensive => COMPREHENSIVE,
        }
    }
}

/// What a pack is wanted for.
#[derive(Debug, Clone, Default)]
pub struct PackRequest {
    /// What is to be done.
    pub task: String,
    /// Files that it concerns.
    pub files: Vec<String>,
    /// An error that has to be overcome.
    pub error: Option<String>,
    /// Upper bound of the estimated tokens.
    pub max_tokens: usize,
    /// How much of each.
    pub style: Style,
    /// Rows of projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    /// Rows of the project in which it is asked.
    pub here: Vec<i64>,
    /// The session that asks: what it said itself and what it was given before is left out.
    pub session: Option<String>,
    /// By word and meaning, or by word only, which needs no encoder.
    pub mode: Mode,
}

/// Why something is in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is about the task.
    Task,
    /// It is about this file.
    File(String),
    /// It ended such an error.
    Error,
    /// It was saved to be kept at hand.
    Standing,
    /// The session before this one.
    Recent,
}

impl Reason {
    /// For people and models.
    pub fn words(&self) -> String {
        match self {
            Self::Task => "task".to_owned(),
            Self::File(file) => format!("file {file}"),
            Self::Error => "how the error ended".to_owned(),
            Self::Standing => "kept at hand".to_owned(),
            Self::Recent => "last session here".to_owned(),
        }
    }
}

/// One memory of a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct PackItem {
    /// The message.
    pub id: MessageId,
    /// Its session.
    pub session: String,
    /// Name of its project.
    pub project: String,
    /// Who speaks.
    pub role: Role,
    /// Who vouches for it.
    pub origin: Origin,
    /// Title of its session, or of the memory.
    pub title: String,
    /// When it was said.
    pub at: Timestamp,
    /// The text.
    pub text: String,
    /// Why it is here.
    pub reason: Reason,
}

/// What is handed out.
#[derive(Debug, Clone, Default)]
pub struct Pack {
    /// Most useful first.
    pub items: Vec<PackItem>,
    /// Estimated tokens.
    pub tokens: usize,
    /// Memories that this session has already.
    pub given_before: usize,
    /// Whether part of the evidence was missing.
    pub degraded: bool,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

impl Pack {
    /// The memories in it.
    pub fn ids(&self) -> Vec<MessageId> {
        self.items.iter().map(|item| item.id).collect()
    }

    /// Takes items in order while they fit; each memory once.
    fn fill(&mut self, items: impl IntoIterator<Item = PackItem>, given: &HashSet<MessageId>, budget: usize) {
        let mut seen: HashSet<MessageId> = self.items.iter().map(|item| item.id).collect();
        for item in items {
            let cost = tokens::estimate(&item.text) + ITEM_TOKENS;
            if given.contains(&item.id) {
                self.given_before += usize::from(seen.insert(item.id));
            } else if self.tokens + cost <= budget && seen.insert(item.id) {
                self.tokens += cost;
                self.items.push(item);
            }
        }
    }
}

impl Memory {
    /// Gathers what a task should start with.
    ///
    /// # Errors
    /// When neither task, file nor error is named, or the store cannot be read.
    pub fn pack(&self, request: &PackRequest, now: Timestamp) -> Result<Pack> {
        let mut pack = Pack::default();
        if request.task.trim().is_empty() && request.files.is_empty() && request.error.is_none() {
            return Err(super::Error::invalid("neither a task, a file nor an error is named"));
        }
        let mut lists: Vec<Vec<PackItem>> = Vec::new();
        if let Some(error) = request.error.as_deref().filter(|error| !error.trim().is_empty()) {
            lists.push(self.for_error(error, request, now)?);
        }
        if !request.task.trim().is_empty() {
            lists.push(self.about(&request.task, None, request, now, &mut pack)?);
        }
        for file in request.files.iter().take(MOST_FILES) {
            let task = if request.task.trim().is_empty() { file } else { &request.task };
            lists.push(self.about(task, Some(file), request, now, &mut pack)?);
        }
        let given = request.session.as_deref().map(|session| self.given(session)).unwrap_or_default();
        // The best of each in turn, so that no list takes the whole budget.
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
        let in_turn = (0..longest).flat_map(|_| lists.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>());
        pack.fill(in_turn.filter(|item| request.style.hands_out(item)), &given, request.max_tokens);
        pack.warnings.dedup();
        Ok(pack)
    }

    /// What any session of this project should start with: what was saved to be kept at hand, and how the last session ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn opening(&self, request: &PackRequest, now: Timestamp) -> Result<Pack> {
        if request.here.is_empty() {
            return Ok(Pack::default());
        }
        let mut items = Vec::new();
        for note in self.store.standing_notes(&request.here, 12, now)? {
            let said = self.clean_excerpt(note.excerpt)?;
            items.push(PackItem {
                id: said.id,
                session: note.session,
                project: note.project,
                role: said.role,
                origin: said.origin,
                title: note.title.unwrap_or(note.kind),
                at: said.at,
                text: one_line(&said.text, request.style.characters()),
                reason: Reason::Standing,
            });
        }
        items.extend(self.last_session(request)?);
        let given = request.session.as_deref().map(|session| self.given(session)).unwrap_or_default();
        let mut pack = Pack::default();
        pack.fill(items.into_iter().filter(|item| request.style.hands_out(item)), &given, request.max_tokens);
        Ok(pack)
    }

    fn last_session(&self, request: &PackRequest) -> Result<Option<PackItem>> {
        let filter = SessionFilter { projects: Some(request.here.clone()), ..SessionFilter::default() };
        let newest = self.sessions(&filter, None, NEWEST)?.into_iter();
        let Some(session) = newest.into_iter().find(|one| Some(&one.session) != request.session.as_ref()) else {
            return Ok(None);
        };
        let (Some(asked), Some(said)) = (self.last_request(session.row)?, self.last_said(session.row, 1)?.pop()) else {
            return Ok(None);
        };
        let mut text = format!("asked: {}\nended: {}", one_line(&asked.text, 160), one_line(&said.text, 240));
        for step in self.open_steps(session.row)?.iter().take(5) {
            let _ = write!(text, "\nopen: {}", one_line(&step.content, 80));
        }
        Ok(Some(PackItem {
            id: said.id,
            session: session.session,
            project: session.project,
            role: said.role,
            origin: said.origin,
            title: one_line(&session.title, 80),
            at: said.at,
            text,
            reason: Reason::Recent,
        }))
    }

    fn about(
        &self,
        task: &str,
        file: Option<&String>,
        request: &PackRequest,
        now: Timestamp,
        pack: &mut Pack,
    ) -> Result<Vec<PackItem>> {
        let query = Query {
            mode: request.mode,
            filter: Filter {
                projects: request.projects.clone(),
                // Nothing out of tools or the web: it would be handed out unasked.
                roles: vec![Role::User, Role::Assistant],
                kinds: vec![Kind::Text, Kind::Summary, Kind::Note],
                not_session: request.session.clone(),
                file: file.cloned(),
                ..Filter::default()
            },
            here: request.here.clone(),
            limit: match (file, request.style) {
                (Some(_), _) => FILE_HITS,
                (None, Style::Conservative) => FEW_HITS,
                (None, _) => TASK_HITS,
            },
            detail: if request.style == Style::Comprehensive { Detail::Full } else { Detail::Snippet },
            worth: (request.style == Style::Conservative && file.is_none()).then_some(WORTH),
            ..Query::about(prompt::gist(task))
        };
        let answer = self.search(&query, now)?;
        pack.degraded |= answer.degraded;
        pack.warnings.extend(answer.warnings);
        let reason = || file.map_or(Reason::Task, |file| Reason::File(file.clone()));
        let mut hits = answer.hits;
        if request.style == Style::Conservative {
            // What is worth it comes from this project first, then from others.
            let here = self.project_names_of(&request.here)?;
            hits.sort_by_key(|hit| !here.contains(&hit.project));
        }
        Ok(hits.into_iter().map(|hit| item(hit, reason(), request.style)).collect())
    }

    fn for_error(&self, error: &str, request: &PackRequest, now: Timestamp) -> Result<Vec<PackItem>> {
        let place = ErrorPlace {
            projects: request.projects.clone(),
            here: request.here.clone(),
            not_session: request.session.clone(),
            mode: request.mode,
        };
        let mut items = Vec::new();
        for fix in self.fixes(error, place, ERROR_HITS, now)? {
            let Some(said) = fix.conclusion else { continue };
            items.push(PackItem {
                id: said.id,
                role: said.role,
                origin: said.origin,
                at: said.at,
                text: shortened(&said.text, request.style.characters()),
                ..item(fix.error, Reason::Error, request.style)
            });
        }
        Ok(items)
    }
}

impl Style {
    /// Unasked, nothing is handed out that reads like an instruction, unless a person said it; nor anything that came out of a
    /// tool or the web.
    fn hands_out(self, item: &PackItem) -> bool {
        match item.origin {
            // Asked for, it is handed out with a label.
            _ if self != Self::Conservative => true,
            Origin::Person => true,
            Origin::Tool | Origin::Web => false,
            Origin::Model | Origin::Client => !reads_like_an_instruction(&item.text),
        }
    }
}

fn item(hit: Hit, reason: Reason, style: Style) -> PackItem {
    PackItem {
        id: hit.id,
        session: hit.session,
        project: hit.project,
        role: hit.role,
        origin: hit.origin,
        title: hit.title,
        at: hit.at,
        text: shortened(&hit.snippet, style.characters()),
        reason,
    }
}

fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("").trim_end()),
        None => text.to_owned(),
    }
}
