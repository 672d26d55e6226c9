//! Real Claude Code transcripts with labelled questions: a folder of `.jsonl` files, and `queries.jsonl` whose gold
//! sessions are session ids. Only texts and summaries are used; the reader is that of the import.

use std::collections::HashMap;
use std::path::Path;

use super::{Dataset, build_dataset, neutral};
use crate::bench::{BenchSession, BenchTurn, Error};
use crate::domain::Timestamp;
use crate::domain::{Draft, Origin, PartKind};
use crate::import::claude_code::TranscriptReader;
use crate::import::{Item, Position, ReadOptions, Source, TranscriptFile};

/// Longest line that is read, in bytes.
const MAX_LINE_BYTES: usize = 256 << 20;

pub(super) fn load_transcripts(folder: &Path) -> Result<Dataset, Error> {
    let unreadable = |source| Error::Read { path: folder.to_owned(), source };
    let (questions, bytes) = neutral::read_questions(folder)?;
    let haystack = questions.first().map_or_else(|| "claude-code".to_owned(), |question| question.haystack.clone());
    let mut files = vec![bytes];
    let mut sessions: Vec<BenchSession> = Vec::new();
    let (transcripts, _) = Source::CLAUDE_CODE.find_transcripts(folder).map_err(unreadable)?;
    for transcript in transcripts.into_iter().filter(|found| !found.path.ends_with("queries.jsonl")) {
        files.push(super::read_file(&transcript.path)?);
        read_drafts(&transcript, &mut |draft| add_draft(draft, &haystack, &mut sessions)).map_err(unreadable)?;
    }
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    Ok(build_dataset(sessions, questions, &files))
}

/// Reads the messages of one transcript in order.
fn read_drafts(transcript: &TranscriptFile, each: &mut impl FnMut(Draft)) -> std::io::Result<()> {
    let options = ReadOptions { longest: MAX_LINE_BYTES, now: Timestamp::from_milliseconds(i64::MAX) };
    let mut reader = TranscriptReader::open(transcript, Position::default(), options)?;
    while let Some(item) = reader.next_item()? {
        if let Item::Draft(draft) = item {
            each(*draft);
        }
    }
    Ok(())
}

/// Reads the words of persons in a folder of transcripts, by the id of their message.
pub(in crate::bench) fn read_person_turns(folder: &Path) -> Result<HashMap<String, String>, Error> {
    let unreadable = |source| Error::Read { path: folder.to_owned(), source };
    let mut turns = HashMap::new();
    for transcript in Source::CLAUDE_CODE.find_transcripts(folder).map_err(unreadable)?.0 {
        let mut add = |draft: Draft| {
            let typed = draft.parts.iter().filter(|part| part.kind == PartKind::Text && part.origin == Origin::Person);
            let text = typed.map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n");
            if !text.is_empty() {
                turns.insert(draft.external_id, text);
            }
        };
        read_drafts(&transcript, &mut add).map_err(unreadable)?;
    }
    Ok(turns)
}

fn add_draft(draft: Draft, haystack: &str, sessions: &mut Vec<BenchSession>) {
    let said = draft.parts.into_iter().filter(|part| matches!(part.kind, PartKind::Text | PartKind::Summary));
    let text = said.map(|part| part.text).collect::<Vec<_>>().join("\n\n");
    if text.trim().is_empty() {
        return;
    }
    let turn =
        BenchTurn { id: draft.external_id, role: draft.role.name().to_owned(), ts: Some(draft.at.to_string()), text };
    // A subagent's words belong to the session that started it.
    let id = draft.parent_session.unwrap_or(draft.session);
    match sessions.iter_mut().find(|session| session.session == id) {
        Some(session) => session.turns.push(turn),
        None => sessions.push(BenchSession {
            haystack: haystack.to_owned(),
            session: id,
            started_at: turn.ts.clone(),
            turns: vec![turn],
        }),
    }
}
