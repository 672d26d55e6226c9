//! Handles the history copied into the file of a fork. Until 2026 a fork began with its own `session_meta`, its
//! parent's, and a copy of the parent's history so far, with no mark where the copy ends. Copied messages belong to the
//! parent: they get the session and ids they have in the parent's own file.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::draft_builder::parse_time;
use super::super::jsonl::RecordConverter as _;
use super::super::lines::LineOutcome;
use super::archive::{Damage, open_lines};
use super::ids::{fingerprint_draft, set_identity};
use super::paths::FOLDERS;
use super::{Codex, Item};
use crate::domain::json::{self, RecordOutcome};
use crate::domain::{ContentHash, Draft, PartKind, Role, Timestamp};

/// Maximum depth of forks of forks.
const MAX_GENERATIONS: u8 = 8;
/// Maximum depth of folders below the one with the sessions: year, month, day.
const MAX_FOLDERS: u8 = 4;
/// Maximum milliseconds between the times in a copy, which is written at once.
const BURST_MS: i64 = 500;

/// History of another session in the file of a fork.
#[derive(Debug)]
pub(super) enum CopiedHistory {
    /// The parent's file exists: its messages in order, by kind of record.
    Known { responses: OriginalMatcher, events: OriginalMatcher },
    /// The parent's file is gone: all lines up to `last_line` were written at once, so they are a copy.
    Burst { parent: String, last_line: u64 },
}

/// A message of the parent.
#[derive(Debug)]
struct OriginalMessage {
    fingerprint: ContentHash,
    is_message: bool,
    draft: Draft,
}

/// Matches copies with originals in order.
#[derive(Debug, Default)]
pub(super) struct OriginalMatcher {
    originals: Vec<OriginalMessage>,
    next: usize,
    ended: bool,
}

impl OriginalMatcher {
    fn add_originals(&mut self, items: Vec<Item>) {
        for item in items {
            if let Item::Draft(mut draft) | Item::NotUnderstood(_, Some(mut draft)) = item {
                let (fingerprint, is_message) = (fingerprint_draft(&draft), is_message(&draft));
                draft.parts = Vec::new();
                self.originals.push(OriginalMessage { fingerprint, is_message, draft: *draft });
            }
        }
    }

    /// Finds the original of a draft. The copy ends with the first message that the parent does not have at this
    /// position.
    fn match_original(&mut self, draft: &Draft, own_id: Option<&str>) -> Option<&Draft> {
        if self.ended {
            return None;
        }
        let (wanted, is_message) = (fingerprint_draft(draft), is_message(draft));
        let is_it = |original: &OriginalMessage| {
            original.fingerprint == wanted && own_id.is_none_or(|id| id == original.draft.external_id)
        };
        let ahead = self.originals.iter().enumerate().skip(self.next);
        let mut until_message = ahead.scan(false, |past, (place, original)| {
            let seen = std::mem::replace(past, *past || original.is_message);
            (!seen).then_some((place, original))
        });
        let Some((place, _)) = until_message.find(|(_, original)| is_it(original)) else {
            self.ended |= is_message;
            return None;
        };
        self.next = place + 1;
        self.originals.get(place).map(|original| &original.draft)
    }
}

/// Returns true if a draft is a person's or model's text. Instructions, tool output and reasoning may differ in a copy.
fn is_message(draft: &Draft) -> bool {
    matches!(draft.role, Role::User | Role::Assistant) && draft.parts.iter().any(|part| part.kind == PartKind::Text)
}

impl CopiedHistory {
    /// Finds the history that a fork copied from another session. `meta_at` is the time of the parent's copied
    /// `session_meta`.
    pub(super) fn find_history(
        codex: &Codex,
        parent: &str,
        meta_line: u64,
        meta_at: Option<Timestamp>,
    ) -> Option<Self> {
        if codex.generation >= MAX_GENERATIONS {
            return None;
        }
        let file = find_transcript(&codex.path, parent);
        if let Some((responses, events)) = file.and_then(|file| read_originals(codex, &file).ok()) {
            return Some(Self::Known { responses, events });
        }
        let last_line = last_line_of_burst(codex, meta_line, meta_at?).ok()??;
        Some(Self::Burst { parent: parent.to_owned(), last_line })
    }

    /// Gives a copy the identity of its original, and returns the owner of the message.
    pub(super) fn claim_message(&mut self, draft: &mut Draft, own_id: Option<&str>, is_event: bool) -> MessageOwner {
        match self {
            Self::Known { responses, events } => {
                let matcher = if is_event { events } else { responses };
                let Some(original) = matcher.match_original(draft, own_id) else { return MessageOwner::Own };
                set_identity(draft, &original.session, &original.external_id);
                (draft.at, draft.at_estimated) = match (original.at, original.at_estimated) {
                    (at, true) if at.to_milliseconds() == 0 => (draft.at, draft.at_estimated),
                    original => original,
                };
                draft.parent_session.clone_from(&original.parent_session);
                draft.forked_from.clone_from(&original.forked_from);
                draft.cwd.clone_from(&original.cwd);
                draft.git_branch.clone_from(&original.git_branch);
                draft.model.clone_from(&original.model);
                MessageOwner::Original
            }
            Self::Burst { parent, last_line } if draft.line <= *last_line => MessageOwner::Session(parent.clone()),
            Self::Burst { .. } => MessageOwner::Own,
        }
    }
}

/// Owner of a message in the file of a fork.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MessageOwner {
    /// The fork owns the message.
    Own,
    /// The parent owns it; the draft already has the original's session and id.
    Original,
    /// The named session owns it.
    Session(String),
}

/// Reads the messages of the parent: those of response items, and those that only events hold.
fn read_originals(fork: &Codex, path: &Path) -> io::Result<(OriginalMatcher, OriginalMatcher)> {
    let mut parent = Codex::of_generation(path, fork.longest, fork.generation + 1);
    let (mut responses, mut events) = (OriginalMatcher::default(), OriginalMatcher::default());
    for_each_record(path, fork.longest, |value, line| {
        responses.add_originals(parent.convert_record(value, line).unwrap_or_default());
        true
    })?;
    responses.add_originals(parent.answers.release_all());
    events.add_originals(parent.remaining_items());
    Ok((responses, events))
}

/// Finds the last line written at once with the parent's `session_meta`; `None` if that is every line, which proves
/// nothing.
fn last_line_of_burst(fork: &Codex, meta_line: u64, meta_at: Timestamp) -> io::Result<Option<u64>> {
    let (mut last, mut goes_on) = (meta_line, false);
    for_each_record(&fork.path, fork.longest, |value, line| {
        let at = parse_time(value.get("timestamp")).unwrap_or(meta_at);
        goes_on = line > meta_line && at.to_milliseconds() > meta_at.to_milliseconds() + BURST_MS;
        if !goes_on {
            last = last.max(line);
        }
        !goes_on
    })?;
    Ok(Some(last).filter(|last| goes_on && *last > meta_line))
}

fn for_each_record(path: &Path, longest: usize, mut read: impl FnMut(Value, u64) -> bool) -> io::Result<()> {
    let mut lines = open_lines(path, longest, &Damage::default())?;
    loop {
        let step = lines.next()?;
        let line = lines.position.line + u64::from(step == LineOutcome::Unfinished);
        match step {
            LineOutcome::End => return Ok(()),
            LineOutcome::TooLong(_) => continue,
            LineOutcome::Complete | LineOutcome::Unfinished => {}
        }
        for found in json::read_records(&lines.buffer, Codex::is_record) {
            if let RecordOutcome::Whole(value) | RecordOutcome::Repaired(value) | RecordOutcome::Partial(value) = found
                && !read(value, line)
            {
                return Ok(());
            }
        }
        if step == LineOutcome::Unfinished {
            return Ok(());
        }
    }
}

/// Returns the Codex home directory that a transcript is in.
pub(super) fn codex_home(transcript: &Path) -> Option<&Path> {
    let mut folders = transcript.ancestors().skip(1);
    let is_known = |folder: &&Path| FOLDERS.iter().any(|name| folder.file_name().is_some_and(|folder| folder == *name));
    folders.find(is_known).and_then(Path::parent)
}

/// Returns the folders that may hold another session: those of Codex, else the folder above year, month and day.
fn session_folders(beside: &Path) -> Vec<PathBuf> {
    let is_date = |folder: &Path| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
    };
    match codex_home(beside) {
        Some(home) => FOLDERS.iter().map(|name| home.join(name)).collect(),
        None => beside.ancestors().skip(1).find(|folder| !is_date(folder)).map(Path::to_owned).into_iter().collect(),
    }
}

/// Finds the transcript of another session, given the path of a known one.
fn find_transcript(beside: &Path, session: &str) -> Option<PathBuf> {
    let roots = session_folders(beside);
    let mut folders: Vec<(PathBuf, u8)> = roots.into_iter().map(|root| (root, 0)).collect();
    let mut found = None;
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if depth < MAX_FOLDERS {
                    folders.push((path, depth + 1));
                }
                continue;
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_it = path != beside && name.contains(session) && super::is_transcript(&path);
            // If both exist, the uncompressed file is the newer one.
            if is_it && (found.is_none() || !super::archive::is_compressed(&path)) {
                found = Some(path);
            }
        }
    }
    found
}
