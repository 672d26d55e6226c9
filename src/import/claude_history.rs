//! Every prompt typed into Claude Code: `~/.claude/history.jsonl`. It survives the transcripts, which are deleted after 30
//! days: of sessions long gone it holds what the person said.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::draft_builder::{ContentIds, DraftBuilder, field, moment};
use super::jsonl::Client;
use super::{Item, Transcript};
use crate::domain::hash::hex;
use crate::domain::time::DAY_MS;
use crate::domain::{ContentHash, Kind, Origin, Role, Timestamp};

/// Bytes of one pasted text that are kept.
const PASTE_BYTES: u64 = 4 << 20;

/// The state of one file.
pub(super) struct History {
    ids: ContentIds,
    /// Where newer versions keep pasted texts, by their hash.
    pastes: PathBuf,
}

impl History {
    pub(super) fn new(transcript: &Transcript) -> Self {
        let home = transcript.path.parent().unwrap_or(Path::new(""));
        Self { ids: ContentIds::default(), pastes: home.join("paste-cache") }
    }

    /// Puts pasted texts where their placeholders stand.
    fn expand(&self, display: &str, pasted: &Value) -> String {
        let mut text = display.to_owned();
        for (number, paste) in pasted.as_object().into_iter().flatten() {
            let stored = field(paste, "contentHash").and_then(|hash| self.read_paste(hash));
            let Some(content) = field(paste, "content").map(str::to_owned).or(stored) else { continue };
            let opening = format!("[Pasted text #{number}");
            match text.find(&opening).and_then(|start| Some((start, start + text.get(start..)?.find(']')? + 1))) {
                Some((start, end)) => text.replace_range(start..end, &content),
                None => text = format!("{text}\n{content}"),
            }
        }
        text
    }

    fn read_paste(&self, hash: &str) -> Option<String> {
        use std::io::Read as _;
        let is_name = !hash.is_empty() && hash.chars().all(|c| c.is_ascii_alphanumeric());
        let file = std::fs::File::open(self.pastes.join(format!("{hash}.txt"))).ok().filter(|_| is_name)?;
        let mut bytes = Vec::new();
        file.take(PASTE_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Client for History {
    fn record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        let display = field(&value, "display").ok_or("an entry without `display`, skipped")?;
        let text = self.expand(display, value.get("pastedContents").unwrap_or(&Value::Null));
        // A bare command says nothing.
        if !text.trim().contains(char::is_whitespace) && text.trim_start().starts_with('/') {
            return Ok(vec![Item::Bookkeeping("command".into())]);
        }
        let at = moment(value.get("timestamp"));
        let project = field(&value, "project");
        let session = field(&value, "sessionId").map_or_else(|| day_session(project, at), str::to_owned);
        let stamp = at.map(|at| at.to_string()).unwrap_or_default();
        let id = self.ids.next_id(&[&session, &stamp, &text]);
        let mut builder = DraftBuilder::new(&session, &id, Role::User, at, line);
        add_typed(&mut builder, &text);
        builder.draft().cwd = project.map(str::to_owned);
        Ok(vec![builder.finish()])
    }

    fn is_record(value: &Value) -> bool {
        value.get("display").is_some()
    }
}

/// Adds a prompt the way a transcript holds it: the words behind a command apart from its name, a shell command without
/// its mark. So it is recognised where the transcript is known.
fn add_typed(builder: &mut DraftBuilder, text: &str) {
    let command = text.strip_prefix('/').and_then(|rest| rest.split_once(char::is_whitespace));
    match command.filter(|(name, _)| !name.contains('/')) {
        Some((name, arguments)) => {
            builder.add_part(Kind::Meta, Origin::Client, &format!("/{name}"), None);
            builder.add_prompt(arguments.trim());
        }
        None => builder.add_prompt(text.strip_prefix('!').map_or(text, str::trim)),
    }
}

/// The session of prompts of a version that did not write it down: those of a folder and a day.
fn day_session(project: Option<&str>, at: Option<Timestamp>) -> String {
    let day = at.map_or(0, |at| at.milliseconds().div_euclid(DAY_MS));
    let hash = ContentHash::of_parts(&[project.unwrap_or("").as_bytes(), &day.to_le_bytes()]);
    format!("prompts-{}", hex(hash.0.get(..6).unwrap_or(&[])))
}
