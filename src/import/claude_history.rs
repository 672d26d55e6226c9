//! Reads every prompt typed into Claude Code from `~/.claude/history.jsonl`. The file outlives the transcripts, which
//! are deleted after 30 days, so it still has the user's prompts of old sessions.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::claude_files::HOME_HINT;
use super::draft_builder::{ContentIds, DraftBuilder, parse_time, text_field};
use super::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use super::jsonl::{JsonlReader, RecordConverter};
use super::{Item, TranscriptFile};
use crate::disk::ForeignFile;
use crate::domain::hash::to_hex;
use crate::domain::time::DAY_MS;
use crate::domain::{ContentHash, Origin, PartKind, Role, Timestamp};

/// Maximum size in bytes of one pasted text.
const PASTE_BYTES: u64 = 4 << 20;

/// The importer of the prompts that were typed into Claude Code.
pub(super) static IMPORTER: Importer = Importer {
    name: "claude-history",
    kind: ImporterKind::Companion,
    help: ImporterHelp { command: "", path: "", hint: HOME_HINT },
    default_folder: None,
    owns_file: is_prompt_history,
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| {
        Ok(Box::new(JsonlReader::open(transcript, options, PromptHistory::new(transcript))?))
    },
    special: SpecialRules::NONE,
};

/// Returns true if a file is the prompt history of a Claude home directory.
pub(super) fn is_prompt_history(path: &Path) -> bool {
    let in_projects =
        path.parent().and_then(Path::parent).and_then(Path::file_name).is_some_and(|name| name == "projects");
    has_name(path, &["history.jsonl"]) && !in_projects
}

/// State while one file is read.
struct PromptHistory {
    ids: ContentIds,
    /// Folder in which newer versions keep pasted texts, named by their hash.
    pastes: PathBuf,
}

/// Finds `[Pasted text #1 +23 lines]`: the number ends where the digits do, so #1 is not #10.
fn find_placeholder(text: &str, number: &str) -> Option<(usize, usize)> {
    let opening = format!("[Pasted text #{number}");
    let starts = text.match_indices(&opening).map(|(start, _)| start);
    let is_whole = |start: &usize| {
        text.get(start + opening.len()..).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let start = starts.into_iter().find(is_whole)?;
    Some((start, start + text.get(start..)?.find(']')? + 1))
}

impl PromptHistory {
    fn new(transcript: &TranscriptFile) -> Self {
        let home = transcript.path.parent().unwrap_or(Path::new(""));
        Self { ids: ContentIds::default(), pastes: home.join("paste-cache") }
    }

    /// Replaces the placeholders of pasted texts with the texts.
    fn expand_pastes(&self, display: &str, pasted: &Value) -> String {
        let mut text = display.to_owned();
        for (number, paste) in pasted.as_object().into_iter().flatten() {
            let stored = text_field(paste, "contentHash").and_then(|hash| self.read_paste(hash));
            let Some(content) = text_field(paste, "content").map(str::to_owned).or(stored) else { continue };
            match find_placeholder(&text, number) {
                Some((start, end)) => text.replace_range(start..end, &content),
                None => text = format!("{text}\n{content}"),
            }
        }
        text
    }

    fn read_paste(&self, hash: &str) -> Option<String> {
        let is_name = !hash.is_empty() && hash.chars().all(|c| c.is_ascii_alphanumeric());
        let path = is_name.then(|| self.pastes.join(format!("{hash}.txt")))?;
        let mut bytes = Vec::new();
        ForeignFile::open_unlinked(&path).ok()?.take(PASTE_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl RecordConverter for PromptHistory {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        let display = text_field(&value, "display").ok_or("an entry without `display`, skipped")?;
        let text = self.expand_pastes(display, value.get("pastedContents").unwrap_or(&Value::Null));
        // A command without arguments has no text to keep.
        if !text.trim().contains(char::is_whitespace) && text.trim_start().starts_with('/') {
            return Ok(vec![Item::Bookkeeping("command".into())]);
        }
        let at = parse_time(value.get("timestamp"));
        let project = text_field(&value, "project");
        let session = text_field(&value, "sessionId").map_or_else(|| derive_day_session(project, at), str::to_owned);
        let stamp = at.map(|at| at.to_string()).unwrap_or_default();
        let id = self.ids.next_id(&[&session, &stamp, &text]);
        let mut builder = DraftBuilder::new(&session, &id, Role::User, at, line);
        add_history_prompt(&mut builder, &text);
        builder.draft_mut().cwd = project.map(str::to_owned);
        Ok(vec![builder.finish()])
    }

    fn is_record(value: &Value) -> bool {
        value.get("display").is_some()
    }
}

/// Adds a prompt in the form a transcript has it: the arguments of a command without its name, a shell command without
/// its `!`. This makes it recognisable as a duplicate when the transcript is imported too.
fn add_history_prompt(builder: &mut DraftBuilder, text: &str) {
    let command = text.strip_prefix('/').and_then(|rest| rest.split_once(char::is_whitespace));
    match command.filter(|(name, _)| !name.contains('/')) {
        Some((name, arguments)) => {
            builder.add_part(PartKind::Meta, Origin::Client, &format!("/{name}"), None);
            builder.add_prompt(arguments.trim());
        }
        None => builder.add_prompt(text.strip_prefix('!').map_or(text, str::trim)),
    }
}

/// Builds a session id from folder and day, for versions that wrote no session id.
fn derive_day_session(project: Option<&str>, at: Option<Timestamp>) -> String {
    let day = at.map_or(0, |at| at.to_milliseconds().div_euclid(DAY_MS));
    let hash = ContentHash::of_parts(&[project.unwrap_or("").as_bytes(), &day.to_le_bytes()]);
    format!("prompts-{}", to_hex(hash.0.get(..6).unwrap_or(&[])))
}
