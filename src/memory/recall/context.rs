//! Context packs: memories for a task, its files and its error within a token budget, and for the start of a session.
//! Nothing is injected into the same session twice.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::domain::names::names;
use crate::domain::query::MinOverlap;
use crate::domain::text::suspicion::reads_like_an_instruction;
use crate::domain::text::{prompt, to_one_line, tokens};
use crate::domain::{Confidence, Detail, Filter, Hit, MessageId, Origin, PartKind, Query, Role, SearchMode, Timestamp};
use crate::memory::recall::fixes::ErrorScope;
use crate::memory::{Memory, Result};
use crate::store::SessionFilter;

/// Tokens of an item in addition to its text and title: number, time, project, role, id, reason.
pub(in crate::memory) const ITEM_TOKENS: usize = 50;
/// Search limits for the task, for a conservative task, for each file and for an error.
const TASK_HITS: usize = 16;
const FEW_HITS: usize = 6;
const FILE_HITS: usize = 4;
const ERROR_HITS: usize = 3;
/// Newest sessions examined to find the last one: some may be running.
const NEWEST_SESSIONS: usize = 3;
/// Maximum number of pinned notes read.
const MAX_PINNED_NOTES: usize = 50;
/// A text with fewer letters and digits is a border or a ruler, and is never injected unasked.
const MIN_LETTERS: usize = 6;
/// Files of a request that are used; the rest is ignored.
const MAX_FILES: usize = 10;
/// Overlap that a text needs to be injected unasked: it answers the request as likely as not. Without embeddings its
/// words decide: those shared with the request must reach this weight (a word that nothing else contains has weight 1)
/// and this share of all words of the request. Set on the development questions: docs/decisions/0034-moments.md.
const MIN_OVERLAP: MinOverlap = MinOverlap { weight: 1.3, share: 0.3, log_odds: Some(0.0) };
/// Maximum characters of one item, by style.
const CONSERVATIVE_CHARACTERS: usize = 280;
const BALANCED_CHARACTERS: usize = 500;
const COMPREHENSIVE_CHARACTERS: usize = 1200;

/// Amount of text in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PackStyle {
    /// Only memories that clearly belong to the task.
    Conservative,
    /// Best memories up to the budget.
    #[default]
    Balanced,
    /// Best memories with long excerpts.
    Comprehensive,
}

names!(PackStyle { Conservative: "conservative"; Balanced: "balanced"; Comprehensive: "comprehensive"; });

impl PackStyle {
    const fn max_characters(self) -> usize {
        match self {
            Self::Conservative => CONSERVATIVE_CHARACTERS,
            Self::Balanced => BALANCED_CHARACTERS,
            Self::Comprehensive => COMPREHENSIVE_CHARACTERS,
        }
    }
}

/// Request for a context pack.
#[derive(Debug, Clone, Default)]
pub struct PackRequest {
    /// Description of the task.
    pub task: String,
    /// Files that the task concerns.
    pub files: Vec<String>,
    /// Error message to fix.
    pub error: Option<String>,
    /// Token budget (estimated).
    pub max_tokens: usize,
    /// Amount of text.
    pub style: PackStyle,
    /// Rows of projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    /// Rows of the project in which the request is made.
    pub here: Vec<i64>,
    /// Requesting session: its own messages and those already injected into it are excluded.
    pub session: Option<String>,
    /// Search mode; keyword search needs no embedding model.
    pub mode: SearchMode,
}

/// Reason why a memory is in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackReason {
    /// About the task.
    Task,
    /// About the task, but superseded by a newer memory in the pack.
    Older,
    /// Later decision on the subject of the best hit.
    Later,
    /// About this file.
    File(String),
    /// Conclusion of an earlier occurrence of the error.
    Error,
    /// Note pinned for every session of the project.
    Standing,
    /// Requests of the session before it was compacted.
    Asked,
    /// Work of the session before it was compacted.
    Done,
    /// Last session of the project.
    Recent,
}

impl PackReason {
    /// Returns the reason in words, for people and models.
    pub fn in_words(&self) -> String {
        match self {
            Self::Task => "task".to_owned(),
            Self::Later => "decided later on this".to_owned(),
            Self::Older => "task; an earlier word on this, see the newer one".to_owned(),
            Self::File(file) => format!("file {file}"),
            Self::Error => "how the error ended".to_owned(),
            Self::Standing => "kept at hand".to_owned(),
            Self::Asked => "asked in this session before it was compacted".to_owned(),
            Self::Done => "done in this session before it was compacted".to_owned(),
            Self::Recent => "last session here".to_owned(),
        }
    }
}

/// Memory in a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct PackItem {
    /// Id of the message.
    pub id: MessageId,
    /// Session of the message.
    pub session: String,
    /// Name of the project.
    pub project: String,
    /// Role of the speaker.
    pub role: Role,
    /// Origin of the text, which decides how far it is trusted.
    pub origin: Origin,
    /// Name of the other person who said it, on a machine of theirs.
    pub said_by: Option<String>,
    /// Title of the session, or of the saved memory.
    pub title: String,
    /// Time of the message.
    pub at: Timestamp,
    /// Text, shortened to the style's length.
    pub text: String,
    /// Reason for including it.
    pub reason: PackReason,
}

/// Context pack: memories selected for a session.
#[derive(Debug, Clone, Default)]
pub struct ContextPack {
    /// Memories, most useful first.
    pub items: Vec<PackItem>,
    /// Estimated number of tokens.
    pub tokens: usize,
    /// Confidence that the memories answer the task; `None` if files or an error were named, or nothing was searched.
    pub confidence: Option<Confidence>,
    /// Number of memories omitted because the session already has them.
    pub given_before: usize,
    /// True if part of the evidence was missing.
    pub degraded: bool,
    /// Warnings for the reader.
    pub warnings: Vec<String>,
}

impl ContextPack {
    /// Returns the ids of the memories in the pack.
    pub fn memory_ids(&self) -> Vec<MessageId> {
        self.items.iter().map(|item| item.id).collect()
    }

    /// Adds items in order while they fit into the budget, each memory once.
    pub(in crate::memory) fn add_items(
        &mut self,
        items: impl IntoIterator<Item = PackItem>,
        given: &HashSet<MessageId>,
        budget: usize,
    ) {
        let mut seen: HashSet<MessageId> = self.items.iter().map(|item| item.id).collect();
        for item in items {
            let cost = tokens::estimate_quoted_tokens(&item.text) + tokens::estimate_tokens(&item.title) + ITEM_TOKENS;
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
    /// Builds a context pack for a task.
    ///
    /// # Errors
    /// If neither task, file nor error is given.
    pub fn build_pack(&self, request: &PackRequest, now: Timestamp) -> Result<ContextPack> {
        let mut pack = ContextPack::default();
        if request.task.trim().is_empty() && request.files.is_empty() && request.error.is_none() {
            return Err(crate::memory::Error::invalid_input("neither a task, a file nor an error is named"));
        }
        let mut lists: Vec<Vec<PackItem>> = Vec::new();
        if let Some(error) = request.error.as_deref().filter(|error| !error.trim().is_empty()) {
            lists.push(self.error_items(error, request, now)?);
        }
        if !request.task.trim().is_empty() {
            lists.push(self.search_items(&request.task, None, request, now, &mut pack)?);
        }
        for file in request.files.iter().take(MAX_FILES) {
            let task = if request.task.trim().is_empty() { file } else { &request.task };
            lists.push(self.search_items(task, Some(file), request, now, &mut pack)?);
        }
        let given = request.session.as_deref().map(|session| self.injected_ids(session)).unwrap_or_default();
        // Takes the best of each list in turn, so that no list uses up the budget.
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
        let in_turn = (0..longest).flat_map(|_| lists.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>());
        pack.add_items(in_turn.filter(|item| request.style.may_inject(item)), &given, request.max_tokens);
        self.withhold_remote_titles(&mut pack, request.style)?;
        pack.warnings.dedup();
        Ok(pack)
    }

    /// Builds the pack for the start of a session: pinned notes, and how the last session ended.
    pub fn session_start_pack(&self, request: &PackRequest, now: Timestamp) -> Result<ContextPack> {
        if request.here.is_empty() {
            return Ok(ContextPack::default());
        }
        let mut items = self.pinned_notes(request, now)?;
        items.extend(self.last_session_item(request)?);
        let given = request.session.as_deref().map(|session| self.injected_ids(session)).unwrap_or_default();
        let mut pack = ContextPack::default();
        pack.add_items(items.into_iter().filter(|item| request.style.may_inject(item)), &given, request.max_tokens);
        self.withhold_remote_titles(&mut pack, request.style)?;
        Ok(pack)
    }

    /// Removes the titles of sessions of other machines from what is injected unasked: no signature covers them.
    pub(in crate::memory) fn withhold_remote_titles(&self, pack: &mut ContextPack, style: PackStyle) -> Result<()> {
        if style == PackStyle::Conservative && pack.items.iter().any(|item| !item.title.is_empty()) {
            let remote = self.store.snapshot()?.remote_among(&pack.memory_ids())?;
            for item in pack.items.iter_mut().filter(|item| remote.contains(&item.id)) {
                item.title.clear();
            }
        }
        Ok(())
    }

    /// Returns the pinned notes: saved by a person, or by a model with the person's consent.
    pub(in crate::memory) fn pinned_notes(&self, request: &PackRequest, now: Timestamp) -> Result<Vec<PackItem>> {
        let allowed = self.notes_with_consent();
        let mut items = Vec::new();
        for note in self.store.snapshot()?.pinned_notes(&request.here, MAX_PINNED_NOTES, now)? {
            if note.excerpt.origin != Origin::Person && !allowed.contains(&note.excerpt.id) {
                continue;
            }
            let said = self.redact_excerpt(note.excerpt)?;
            items.push(PackItem {
                id: said.id,
                session: note.session,
                project: note.project,
                role: said.role,
                origin: said.origin,
                said_by: said.said_by,
                title: String::new(),
                at: said.at,
                // The title is user text too, so it goes inside the quotation.
                text: match note.title {
                    Some(title) => to_one_line(&format!("{title}: {}", said.text), request.style.max_characters()),
                    None => to_one_line(&said.text, request.style.max_characters()),
                },
                reason: PackReason::Standing,
            });
        }
        Ok(items)
    }

    fn last_session_item(&self, request: &PackRequest) -> Result<Option<PackItem>> {
        let filter = SessionFilter { projects: Some(request.here.clone()), ..SessionFilter::default() };
        let newest = self.list_sessions(&filter, None, NEWEST_SESSIONS)?.into_iter();
        // A session that came from elsewhere is not one of the person.
        let mut last = None;
        for session in newest.filter(|one| Some(&one.session) != request.session.as_ref()) {
            let (asked, said) = (self.last_request(session.row)?, self.last_model_texts(session.row, 1)?.pop());
            if let Some((asked, said)) = asked.zip(said) {
                last = Some((session, asked, said));
                break;
            }
        }
        let Some((session, asked, said)) = last else { return Ok(None) };
        let mut text = format!("asked: {}\nended: {}", to_one_line(&asked.text, 160), to_one_line(&said.text, 240));
        for step in self.open_steps(session.row)?.iter().take(5) {
            let _ = write!(text, "\nopen: {}", to_one_line(&step.content, 80));
        }
        Ok(Some(PackItem {
            id: said.id,
            session: session.session,
            project: session.project,
            role: said.role,
            origin: said.origin,
            said_by: said.said_by,
            title: to_one_line(&session.title, 80),
            at: said.at,
            text,
            reason: PackReason::Recent,
        }))
    }

    fn search_items(
        &self,
        task: &str,
        file: Option<&String>,
        request: &PackRequest,
        now: Timestamp,
        pack: &mut ContextPack,
    ) -> Result<Vec<PackItem>> {
        let query = Query {
            mode: request.mode,
            filter: Filter {
                projects: request.projects.clone(),
                // Nothing from tools or the web: this may be injected unasked.
                roles: vec![Role::User, Role::Assistant],
                kinds: vec![PartKind::Text, PartKind::Summary, PartKind::Note],
                not_session: request.session.clone(),
                file: file.cloned(),
                ..Filter::default()
            },
            here: request.here.clone(),
            limit: match (file, request.style) {
                (Some(_), _) => FILE_HITS,
                (None, PackStyle::Conservative) => FEW_HITS,
                (None, _) => TASK_HITS,
            },
            detail: if request.style == PackStyle::Comprehensive { Detail::Full } else { Detail::Snippet },
            worth: (request.style == PackStyle::Conservative && file.is_none()).then_some(MIN_OVERLAP),
            ..Query::for_text(prompt::prompt_gist(task))
        };
        let answer = if file.is_none() { self.search_newest_first(&query, now)? } else { self.search(&query, now)? };
        if file.is_none() && request.files.is_empty() && request.error.is_none() {
            pack.confidence = Some(answer.confidence);
        }
        pack.degraded |= answer.degraded;
        pack.warnings.extend(answer.warnings);
        let mut hits = answer.hits;
        if request.style == PackStyle::Conservative {
            let notes =
                hits.iter().filter(|hit| hit.kind == PartKind::Note && hit.origin != Origin::Person).map(|hit| hit.id);
            let unapproved = self.notes_needing_consent(&notes.collect::<Vec<_>>())?;
            hits.retain(|hit| !unapproved.contains(&hit.id));
        }
        let reason = |hit: &Hit| match file {
            Some(file) => PackReason::File(file.clone()),
            None if hit.changed_by.is_some() => PackReason::Older,
            None => PackReason::Task,
        };
        if request.style == PackStyle::Conservative {
            // Relevant memories of this project come first, then those of others.
            hits.sort_by_key(|hit| !request.here.contains(&hit.project_row));
        }
        let later = match hits.first() {
            Some(first) if request.style == PackStyle::Conservative && file.is_none() => {
                self.later_decision(first, request, now)?
            }
            _ => None,
        };
        if let Some(later) = &later {
            hits.retain(|hit| hit.id != later.id);
        }
        let mut items: Vec<PackItem> = Vec::with_capacity(hits.len() + 1);
        for hit in hits {
            let reason = reason(&hit);
            items.push(item_from_hit(hit, reason, request.style));
        }
        if let (Some(later), Some(first)) = (later, items.first_mut()) {
            first.reason = PackReason::Older;
            items.insert(0, later);
        }
        Ok(items)
    }

    fn error_items(&self, error: &str, request: &PackRequest, now: Timestamp) -> Result<Vec<PackItem>> {
        let place = ErrorScope {
            projects: request.projects.clone(),
            here: request.here.clone(),
            not_session: request.session.clone(),
            mode: request.mode,
        };
        let mut items = Vec::new();
        for fix in self.find_fixes(error, place, ERROR_HITS, now)? {
            let Some(said) = fix.conclusion else { continue };
            items.push(PackItem {
                id: said.id,
                role: said.role,
                origin: said.origin,
                said_by: said.said_by,
                at: said.at,
                text: shorten_text(&said.text, request.style.max_characters()),
                ..item_from_hit(fix.error, PackReason::Error, request.style)
            });
        }
        Ok(items)
    }
}

impl PackStyle {
    /// Returns true if an item may be injected in this style. Unasked, nothing is injected that reads like an
    /// instruction, regardless of the author (pages and files are pasted), nor anything that comes from a tool, the web
    /// or another machine that is not confirmed, unless the person agreed to it.
    pub(in crate::memory) fn may_inject(self, item: &PackItem) -> bool {
        match item.origin {
            // On request, it is returned with a label.
            _ if self != Self::Conservative => true,
            // Of what the person did not save, only what they agreed to is a standing note.
            Origin::Tool | Origin::Web | Origin::Elsewhere if item.reason != PackReason::Standing => false,
            Origin::Tool | Origin::Web | Origin::Elsewhere | Origin::Person | Origin::Model | Origin::Client => {
                let letters = item.text.chars().filter(|letter| letter.is_alphanumeric()).take(MIN_LETTERS).count();
                letters == MIN_LETTERS
                    && !reads_like_an_instruction(&item.text)
                    && !reads_like_an_instruction(&item.title)
            }
        }
    }
}

fn item_from_hit(hit: Hit, reason: PackReason, style: PackStyle) -> PackItem {
    PackItem {
        id: hit.id,
        session: hit.session,
        project: hit.project,
        role: hit.role,
        origin: hit.origin,
        said_by: hit.said_by,
        title: hit.title,
        at: hit.at,
        text: shorten_text(&hit.snippet, style.max_characters()),
        reason,
    }
}

fn shorten_text(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("").trim_end()),
        None => text.to_owned(),
    }
}
