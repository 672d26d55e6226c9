//! Reads aider's chat histories: `.aider.chat.history.md` in the folder of each project. A line marked `####` is typed, a
//! line marked `>` is the client's, and the rest is what the model said. Only the start of a session has a time.

use std::io;
use std::path::Path;

use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, Origin, PartKind, Role, Timestamp};
use crate::import::draft_builder::DraftBuilder;
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::whole_file::read_items;
use crate::import::{Item, Position, ReadEnd, RecordStream, TranscriptFile};

/// The importer of aider's chat histories.
pub(in crate::import) static AIDER: Importer = Importer {
    name: "aider",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import aider's chat histories",
        path: "History, or folder with projects",
        hint: "name a project, or a folder with projects, that has a file .aider.chat.history.md",
    },
    // Each project has a history of its own.
    default_folder: None,
    owns_file: |path| has_name(path, &[".aider.chat.history.md"]),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| {
        Ok(Box::new(ChatHistory { transcript: transcript.clone(), longest: options.longest }))
    },
    special: SpecialRules::NONE,
};

/// First line of a session, before its time.
const SESSION_START: &str = "# aider chat started at ";
const TYPED: &str = "#### ";
const CLIENT: &str = "> ";
/// End of a line that the client wrote for a person: a line break of Markdown. Lines of the model rarely have it.
const LINE_BREAK: &str = "  ";

/// Reader of one history.
#[derive(Debug)]
struct ChatHistory {
    transcript: TranscriptFile,
    longest: usize,
}

impl RecordStream for ChatHistory {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let path = &self.transcript.path;
        let read = |bytes: &[u8], _: &dyn Fn(String) -> crate::import::BadRecord| {
            read_history(&String::from_utf8_lossy(bytes), path)
        };
        read_items(&self.transcript, self.longest, read, tell)
    }
}

/// Speaker of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Person,
    Client,
    Model,
}

/// Lines of one speaker.
#[derive(Debug)]
struct SpokenLines {
    speaker: Speaker,
    text: String,
    line: u64,
}

/// Session while it is read.
#[derive(Debug, Default)]
struct ChatSession {
    id: String,
    at: Option<Timestamp>,
    passages: Vec<SpokenLines>,
}

impl ChatSession {
    fn add_line(&mut self, text: &str, line: u64) {
        let last = self.passages.last().map(|passage| passage.speaker);
        let is_blank = text.trim().is_empty();
        let ends_client_line = text.ends_with(LINE_BREAK);
        let (speaker, text) = if let Some(typed) = text.strip_prefix(TYPED).filter(|_| ends_client_line) {
            (Speaker::Person, typed)
        } else if let Some(told) =
            text.strip_prefix(CLIENT).filter(|_| ends_client_line || last != Some(Speaker::Model))
        {
            (Speaker::Client, told)
        } else if last == Some(Speaker::Client) && ends_client_line {
            // The second line of a notice has no mark.
            (Speaker::Client, text)
        } else if is_blank && last != Some(Speaker::Model) {
            return;
        } else {
            (Speaker::Model, text)
        };
        let text = text.trim_end();
        match self.passages.last_mut().filter(|passage| passage.speaker == speaker) {
            Some(passage) => {
                passage.text.push('\n');
                passage.text.push_str(text);
            }
            None => self.passages.push(SpokenLines { speaker, text: text.to_owned(), line }),
        }
    }

    fn build_items(self, folder: Option<&str>) -> Vec<Item> {
        let convert = |(place, passage): (usize, SpokenLines)| {
            let role = match passage.speaker {
                Speaker::Person => Role::User,
                Speaker::Client => Role::System,
                Speaker::Model => Role::Assistant,
            };
            let mut builder = DraftBuilder::new(&self.id, &place.to_string(), role, None, passage.line);
            builder.set_neighbor_time(self.at);
            builder.draft_mut().cwd = folder.map(str::to_owned);
            match passage.speaker {
                Speaker::Person => builder.add_typed_text(passage.text.trim()),
                Speaker::Client => builder.add_part(PartKind::Meta, Origin::Client, passage.text.trim(), None),
                Speaker::Model => builder.add_part(PartKind::Text, Origin::Model, passage.text.trim(), None),
            }
            builder.finish()
        };
        self.passages.into_iter().enumerate().map(convert).collect()
    }
}

/// Reads all sessions of a history. Text before the first one belongs to a session without a time.
fn read_history(text: &str, path: &Path) -> Vec<Item> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let place = ContentHash::of_text(&absolute.to_string_lossy());
    let place = to_hex(place.0.get(..6).unwrap_or(&[]));
    let folder = absolute.parent().map(|folder| folder.display().to_string());
    let mut session = ChatSession { id: place.clone(), ..ChatSession::default() };
    let mut items = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(started) = line.strip_prefix(SESSION_START) {
            let started = started.trim();
            let next = ChatSession {
                id: format!("{started}-{place}").replace(' ', "-"),
                at: Timestamp::parse_rfc3339(&format!("{}Z", started.replace(' ', "T"))),
                passages: Vec::new(),
            };
            items.extend(std::mem::replace(&mut session, next).build_items(folder.as_deref()));
            items.push(Item::Bookkeeping("session".into()));
        } else {
            session.add_line(line, number as u64 + 1);
        }
    }
    items.extend(session.build_items(folder.as_deref()));
    items
}
