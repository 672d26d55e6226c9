//! Real Claude Code transcripts with labelled questions: a folder of `.jsonl` files, and `queries.jsonl` whose gold
//! sessions are session ids. Only what was said goes in; the reader is that of the import.

use std::path::Path;

use super::{Data, neutral, set};
use crate::bench::{Error, Session, Turn};
use crate::domain::Timestamp;
use crate::domain::{Draft, Kind};
use crate::import::claude_code::Reader;
use crate::import::{Item, Position, ReadOptions, Source};

/// Longest line that is read.
const LONGEST_LINE: usize = 256 << 20;

pub(super) fn load(folder: &Path) -> Result<Data, Error> {
    let unreadable = |source| Error::Read { path: folder.to_owned(), source };
    let (questions, bytes) = neutral::questions(folder)?;
    let haystack = questions.first().map_or_else(|| "claude-code".to_owned(), |question| question.haystack.clone());
    let mut files = vec![bytes];
    let mut sessions: Vec<Session> = Vec::new();
    let (transcripts, _) = Source::ClaudeCode.discover(folder).map_err(unreadable)?;
    for transcript in transcripts.into_iter().filter(|found| !found.path.ends_with("queries.jsonl")) {
        let options = ReadOptions { longest: LONGEST_LINE, now: Timestamp::from_milliseconds(i64::MAX) };
        let mut reader = Reader::open(&transcript, Position::default(), options).map_err(unreadable)?;
        files.push(super::read(&transcript.path)?);
        while let Some(item) = reader.next_item().map_err(unreadable)? {
            if let Item::Draft(draft) = item {
                take(*draft, &haystack, &mut sessions);
            }
        }
    }
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    Ok(set(sessions, questions, &files))
}

fn take(draft: Draft, haystack: &str, sessions: &mut Vec<Session>) {
    let said = draft.parts.into_iter().filter(|part| matches!(part.kind, Kind::Text | Kind::Summary));
    let text = said.map(|part| part.text).collect::<Vec<_>>().join("\n\n");
    if text.trim().is_empty() {
        return;
    }
    let turn = Turn { id: draft.external_id, role: draft.role.name().to_owned(), ts: Some(draft.at.to_string()), text };
    // A subagent's words belong to the session that started it.
    let id = draft.parent_session.unwrap_or(draft.session);
    match sessions.iter_mut().find(|session| session.session == id) {
        Some(session) => session.turns.push(turn),
        None => sessions.push(Session {
            haystack: haystack.to_owned(),
            session: id,
            started_at: turn.ts.clone(),
            turns: vec![turn],
        }),
    }
}
