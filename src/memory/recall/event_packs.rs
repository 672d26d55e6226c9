//! Context packs for events other than a prompt: after compaction, after a failed command, before a file is edited.
//! Everything comes from what a person typed, or an agent did and said, in the same project.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::domain::text::statement::{states_correction, states_decision};
use crate::domain::text::{prompt, to_one_line, tokens};
use crate::domain::{Detail, Filter, Origin, PartKind, Query, Role, SearchMode, Timestamp};
use crate::memory::recall::context::{ContextPack, ITEM_TOKENS, PackItem, PackReason, PackRequest};
use crate::memory::recall::fixes::ErrorScope;
use crate::memory::{Memory, Result};
use crate::store::{ConversationHead, Excerpt, ExcerptQuery};

/// Last tool calls of a session that are examined.
const MAX_CALLS: usize = 300;
/// Maximum files, commands, steps and requests listed.
const MAX_FILES: usize = 24;
const MAX_COMMANDS: usize = 8;
const MAX_STEPS: usize = 5;
const MAX_REQUESTS: usize = 6;
/// Maximum characters of one line, and of a command.
const LINE_CHARACTERS: usize = 110;
const COMMAND_CHARACTERS: usize = 80;
/// Maximum characters of the conclusion of an error.
const CONCLUSION_CHARACTERS: usize = 400;
/// Texts of persons examined for a decision about a file.
const MAX_TEXTS: usize = 30;
/// File names that are ambiguous without their folder.
const COMMON_NAMES: [&str; 16] = [
    "mod.rs",
    "main.rs",
    "lib.rs",
    "main.go",
    "index.ts",
    "index.tsx",
    "index.js",
    "index.html",
    "__init__.py",
    "main.py",
    "readme.md",
    "package.json",
    "cargo.toml",
    "makefile",
    "dockerfile",
    "pom.xml",
];

impl Memory {
    /// Builds the pack for a session after compaction: its requests, open steps, files and commands, and the pinned
    /// notes.
    pub fn compaction_pack(&self, request: &PackRequest, now: Timestamp) -> Result<ContextPack> {
        let mut pack = ContextPack::default();
        let Some(session) = &request.session else { return Ok(pack) };
        let nothing = HashSet::new();
        // Compaction removed everything injected before, so nothing counts as already injected.
        let mut items: Vec<PackItem> = Vec::new();
        if let Some(head) = self.store.snapshot()?.find_conversation(session)? {
            items.extend(self.requests_item(&head)?);
            pack.add_items(items, &nothing, request.max_tokens);
            let left = request.max_tokens.saturating_sub(pack.tokens + ITEM_TOKENS);
            pack.add_items(self.work_item(&head, left)?, &nothing, request.max_tokens);
        }
        let notes = self.pinned_notes(request, now)?;
        pack.add_items(notes, &nothing, request.max_tokens);
        Ok(pack)
    }

    /// Returns the first request of a session and the last ones; decisions and corrections take precedence.
    fn requests_item(&self, head: &ConversationHead) -> Result<Option<PackItem>> {
        let wanted = ExcerptQuery {
            kinds: &[PartKind::Text],
            origins: &[Origin::Person],
            limit: 400,
            ..ExcerptQuery::default()
        };
        let mut said = self.store.snapshot()?.read_excerpts(head.row, &wanted)?;
        said.retain(|said| !prompt::is_small_talk(&said.text));
        let Some(last) = said.last().cloned() else { return Ok(None) };
        let weighs = |said: &Excerpt| states_decision(&said.text) || states_correction(&said.text);
        let mut chosen: Vec<usize> = Vec::new();
        chosen.extend(said.len().checked_sub(1));
        chosen.extend((0..said.len()).rev().filter(|at| said.get(*at).is_some_and(weighs)).take(MAX_REQUESTS - 2));
        chosen.push(0);
        chosen.extend((0..said.len()).rev().take(MAX_REQUESTS));
        let mut seen = HashSet::new();
        chosen.retain(|at| seen.insert(*at));
        chosen.truncate(MAX_REQUESTS);
        chosen.sort_unstable();
        let lines = chosen.iter().filter_map(|at| said.get(*at)).map(|said| to_one_line(&said.text, LINE_CHARACTERS));
        let text = self.redact_text(lines.collect::<Vec<_>>().join("\n"))?;
        Ok(Some(item_from_excerpt(head, &last, text, PackReason::Asked)))
    }

    /// Summarises the work of a session: open steps, files edited and read, commands run, latest first, up to `tokens`.
    fn work_item(&self, head: &ConversationHead, tokens: usize) -> Result<Option<PackItem>> {
        let wanted = ExcerptQuery {
            kinds: &[PartKind::ToolUse],
            origins: &[Origin::Model],
            newest_first: true,
            limit: MAX_CALLS,
            ..ExcerptQuery::default()
        };
        let calls = self.store.snapshot()?.read_excerpts(head.row, &wanted)?;
        let Some(last) = calls.first().cloned() else { return Ok(None) };
        let (mut changed, mut read, mut ran) = (Vec::new(), Vec::new(), Vec::new());
        for call in &calls {
            let value = |name: &str| call.text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let edits =
                call.tool.as_deref().is_some_and(|tool| crate::memory::recall::blame::EDIT_TOOLS.contains(&tool));
            let path = value("file_path: ").or_else(|| value("notebook_path: "));
            let list = if edits { &mut changed } else { &mut read };
            list.extend(path.filter(|path| !list.contains(path)));
            let command = value("command: ").map(|command| to_one_line(&command, COMMAND_CHARACTERS));
            ran.extend(command.filter(|command| !ran.contains(command)));
        }
        read.retain(|path| !changed.contains(path));
        let folder = common_folder(changed.iter().chain(&read));
        let below = |path: &String| path.get(folder.len()..).unwrap_or(path).to_owned();
        let steps = self.open_steps(head.row)?;
        let steps = steps.iter().map(|step| to_one_line(&step.content, LINE_CHARACTERS));
        let mut text = BudgetedText { text: String::new(), tokens };
        text.append_values("open", "\n", steps.take(MAX_STEPS));
        text.append_values("changed", ", ", changed.iter().take(MAX_FILES).map(below));
        text.append_values("ran", "\n", ran.iter().take(2).cloned());
        text.append_values("read", ", ", read.iter().take(MAX_FILES).map(below));
        text.append_values("ran", "\n", ran.iter().skip(2).take(MAX_COMMANDS).cloned());
        if !folder.is_empty() {
            text.append_values("files are below", "", std::iter::once(folder.clone()));
        }
        let text = self.redact_text(text.text)?;
        Ok((!text.is_empty()).then(|| item_from_excerpt(head, &last, text, PackReason::Done)))
    }

    /// Builds the pack after a failed command: how the same error ended the last time in this project.
    pub fn failure_pack(&self, error: &str, request: &PackRequest, now: Timestamp) -> Result<ContextPack> {
        let mut pack = ContextPack::default();
        if request.here.is_empty() || error.trim().is_empty() {
            return Ok(pack);
        }
        let place = ErrorScope {
            projects: Some(request.here.clone()),
            here: request.here.clone(),
            not_session: request.session.clone(),
            mode: SearchMode::Keyword,
        };
        let mut items = Vec::new();
        for fix in self.find_fixes(error, place, 1, now)?.into_iter().filter(|fix| fix.literal && !fix.came_back) {
            let Some(said) = fix.conclusion else { continue };
            let mut text = to_one_line(&said.text, CONCLUSION_CHARACTERS);
            if !fix.files.is_empty() {
                let _ = write!(text, "\nchanged then: {}", fix.files.join(", "));
            }
            items.push(PackItem {
                id: said.id,
                session: fix.error.session,
                project: fix.error.project,
                role: said.role,
                origin: said.origin,
                said_by: said.said_by,
                title: to_one_line(&fix.error.title, 80),
                at: said.at,
                text,
                reason: PackReason::Error,
            });
        }
        self.add_unasked_items(&mut pack, items, request);
        self.withhold_remote_titles(&mut pack, request.style)?;
        Ok(pack)
    }

    /// Builds the pack before a file is edited: the newest decision that names it, in one line.
    pub fn edit_pack(&self, file: &str, request: &PackRequest, now: Timestamp) -> Result<ContextPack> {
        let mut pack = ContextPack::default();
        let Some(name) = recognisable_name(file).filter(|_| !request.here.is_empty()) else { return Ok(pack) };
        let query = Query {
            mode: SearchMode::Keyword,
            filter: Filter {
                projects: Some(request.here.clone()),
                roles: vec![Role::User],
                kinds: vec![PartKind::Text, PartKind::Note],
                not_session: request.session.clone(),
                ..Filter::default()
            },
            limit: MAX_TEXTS,
            detail: Detail::Full,
            ..Query::for_text(name.as_str())
        };
        let mut hits = self.search(&query, now)?.hits;
        hits.retain(|hit| hit.origin == Origin::Person);
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.at));
        let deciding = hits.into_iter().filter_map(|hit| {
            let line = decision_line(&hit.snippet, &name, hit.kind == PartKind::Note)?;
            Some((to_one_line(line, LINE_CHARACTERS * 2), hit))
        });
        let decided = deciding.take(1).map(|(text, hit)| PackItem {
            id: hit.id,
            session: hit.session,
            project: hit.project,
            role: hit.role,
            origin: hit.origin,
            said_by: hit.said_by,
            title: String::new(),
            at: hit.at,
            text,
            reason: PackReason::File(name.clone()),
        });
        self.add_unasked_items(&mut pack, decided.collect(), request);
        Ok(pack)
    }

    /// Fills a pack with items that may be injected unasked and that the session does not have yet.
    fn add_unasked_items(&self, pack: &mut ContextPack, items: Vec<PackItem>, request: &PackRequest) {
        let given = request.session.as_deref().map(|session| self.injected_ids(session)).unwrap_or_default();
        let allowed = items.into_iter().filter(|item| request.style.may_inject(item));
        pack.add_items(allowed, &given, request.max_tokens);
        pack.given_before = 0;
    }
}

/// Text that grows up to a token budget.
struct BudgetedText {
    text: String,
    tokens: usize,
}

impl BudgetedText {
    /// Appends values after a label, on one line or on one line each; values that do not fit are omitted.
    fn append_values(&mut self, label: &str, between: &str, values: impl Iterator<Item = String>) {
        let mut open = false;
        for value in values {
            let start = if self.text.is_empty() { "" } else { "\n" };
            let new_line = !open || between == "\n";
            let addition = if new_line { format!("{start}{label}: {value}") } else { format!("{between}{value}") };
            let whole = format!("{}{addition}", self.text);
            if tokens::estimate_quoted_tokens(&whole) > self.tokens {
                break;
            }
            self.text = whole;
            open = true;
        }
    }
}

/// Returns the common folder of all paths with its trailing separator; empty if there is none.
fn common_folder<'a>(paths: impl Iterator<Item = &'a String>) -> String {
    let mut common: Option<&str> = None;
    let mut count = 0;
    for path in paths {
        count += 1;
        let shared = common.map_or(path.len(), |known| {
            known.bytes().zip(path.bytes()).take_while(|(left, right)| left == right).count()
        });
        common = path.get(..shared);
    }
    let folder = common.and_then(|common| common.rsplit_once(['/', '\\'])).map_or(0, |(folder, _)| folder.len() + 1);
    if count < 2 { String::new() } else { common.and_then(|common| common.get(..folder)).unwrap_or("").to_owned() }
}

fn item_from_excerpt(head: &ConversationHead, said: &Excerpt, text: String, reason: PackReason) -> PackItem {
    PackItem {
        id: said.id,
        session: head.session.clone(),
        project: head.project.clone(),
        role: said.role,
        origin: said.origin,
        said_by: said.said_by.clone(),
        title: String::new(),
        at: said.at,
        text,
        reason,
    }
}

/// Returns the line of a text in which a person decides about a file. Quotations and code blocks count as pasted and
/// are skipped.
fn decision_line<'a>(text: &'a str, name: &str, is_note: bool) -> Option<&'a str> {
    let mut in_code = false;
    text.lines().find(|line| {
        let start = line.trim_start();
        let is_fence = start.starts_with("```") || start.starts_with("~~~");
        in_code ^= is_fence;
        let is_pasted =
            in_code || is_fence || start.starts_with(['>', '|', '+', '-', '#', '<']) || line.starts_with("    ");
        !is_pasted && line.contains(name) && (is_note || states_decision(line))
    })
}

/// Returns the name by which people refer to a file; with its folder if many files share it.
fn recognisable_name(file: &str) -> Option<String> {
    let mut names = file.rsplit(['/', '\\']).filter(|name| !name.is_empty());
    let name = names.next()?;
    let is_common = COMMON_NAMES.contains(&name.to_lowercase().as_str());
    match names.next().filter(|_| is_common) {
        Some(folder) => Some(format!("{folder}/{name}")),
        None if is_common || name.len() < 3 => None,
        None => Some(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pasted_decides_nothing() {
        let pasted = "Here is the README:\n```\nWe decided: in pool.ts always open it.\n```\n> we should change pool.ts\n- use pool.ts";
        assert_eq!(decision_line(pasted, "pool.ts", false), None);
        let own = format!("{pasted}\nIn pool.ts we should stay below fifteen.");
        assert_eq!(decision_line(&own, "pool.ts", false), Some("In pool.ts we should stay below fifteen."));
        assert_eq!(decision_line("look at pool.ts", "pool.ts", false), None);
        assert_eq!(decision_line("pool.ts: fifteen", "pool.ts", true), Some("pool.ts: fifteen"));
    }

    #[test]
    fn files_are_told_below_their_folder() {
        let paths = ["/w/src/db/pool.ts", "/w/src/auth.ts", "/w/src/db/port.ts"].map(str::to_owned);
        assert_eq!(common_folder(paths.iter()), "/w/src/");
        assert_eq!((common_folder(paths.iter().take(1)), common_folder([].iter())), (String::new(), String::new()));
        let apart = [r"C:\a\b.ts", "/x"].map(str::to_owned);
        assert_eq!(common_folder(apart.iter()), "");
    }

    #[test]
    fn a_text_stays_within_its_tokens() {
        let mut text = BudgetedText { text: String::new(), tokens: 12 };
        text.append_values("changed", ", ", ["a.rs", "b.rs", "c.rs", "d.rs", "e.rs"].into_iter().map(str::to_owned));
        assert!(text.text.starts_with("changed: a.rs, b.rs") && !text.text.contains("e.rs"), "{}", text.text);
        assert!(tokens::estimate_quoted_tokens(&text.text) <= 12);
    }

    #[test]
    fn a_file_is_named_as_people_name_it() {
        assert_eq!(recognisable_name("/w/src/db/pool.ts").as_deref(), Some("pool.ts"));
        assert_eq!(recognisable_name(r"C:\w\search\mod.rs").as_deref(), Some("search/mod.rs"));
        assert_eq!((recognisable_name("README.md"), recognisable_name("")), (None, None));
    }
}
