//! Reads the files of older versions: `storage/session/<project>/<session>.json`, `storage/message/<session>/<message>.json`
//! and `storage/part/<message>/<part>.json`. The folder of a session's messages stands for the session.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::parts::Conversation;
use crate::disk;
use crate::domain::json;
use crate::import::discover::{find_files, sort_newest_first};
use crate::import::draft_builder::{first_field, text_field};
use crate::import::importer::FoundFiles;
use crate::import::{BadRecord, Item, Position, ReadEnd, ReadOptions, RecordStream, TranscriptFile};

/// Returns true for a file of a message or a part.
pub(super) fn is_piece(path: &Path) -> bool {
    let name_of = |place: usize| path.ancestors().nth(place).and_then(Path::file_name);
    let is_json = path.extension().is_some_and(|kind| kind == "json");
    is_json
        && name_of(3).is_some_and(|name| name == "storage")
        && name_of(2).is_some_and(|name| name == "message" || name == "part")
}

/// Finds databases, and the sessions that are files. A path to one file stands for its session.
pub(super) fn find_sessions(path: &Path, program: &str) -> io::Result<FoundFiles> {
    if path.is_file() && is_piece(path) {
        let sessions = session_of_piece(path).into_iter().map(|folder| describe_session(&folder));
        return Ok((sessions.collect(), Vec::new()));
    }
    // A session is the folder of its messages.
    if path.is_dir() && path.parent().and_then(Path::file_name).is_some_and(|name| name == "message") {
        return Ok((vec![describe_session(path)], Vec::new()));
    }
    let wanted = |file: &Path| super::is_database(file, program) || super::cline::is_task(file) && program == "kilo";
    let (found, bad) = find_files(path, &wanted)?;
    let mut found: Vec<TranscriptFile> = found.into_iter().map(TranscriptFile::with_write_ahead_log).collect();
    let storage = [path.to_owned(), path.join("storage")];
    let messages = storage.iter().map(|folder| folder.join("message")).find(|folder| folder.is_dir());
    let entries = messages.and_then(|messages| std::fs::read_dir(messages).ok()).into_iter().flatten().flatten();
    found.extend(
        entries.map(|entry| entry.path()).filter(|folder| folder.is_dir()).map(|folder| describe_session(&folder)),
    );
    sort_newest_first(&mut found);
    Ok((found, bad))
}

/// Returns the folder of the messages of the session that a file belongs to.
fn session_of_piece(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    let kind = folder.parent()?;
    if kind.file_name()? == "message" {
        return Some(folder.to_owned());
    }
    let part = disk::read_foreign_file(path, MAX_PIECE_BYTES).ok()?;
    let (part, _) = json::parse_partial(&part).ok()?;
    Some(kind.parent()?.join("message").join(text_field(&part, "sessionID")?)).filter(|folder| folder.is_dir())
}

/// Maximum bytes of a part that is read to find its session.
const MAX_PIECE_BYTES: u64 = 64 << 20;

/// Returns a session with the size and time of all its files.
fn describe_session(folder: &Path) -> TranscriptFile {
    let messages = list_pieces(folder);
    let parts = folder.ancestors().nth(2).map(|storage| storage.join("part")).unwrap_or_default();
    let all = messages.iter().flat_map(|message| {
        let below = list_pieces(&parts.join(message.path.file_stem().unwrap_or_default()));
        std::iter::once(message.clone()).chain(below)
    });
    let mut session = TranscriptFile { path: folder.to_owned(), size: 0, modified: 0 };
    for file in all {
        session.size += file.size;
        session.modified = session.modified.max(file.modified);
    }
    session
}

/// Lists the files of a folder by name, which is their order: names begin with their time.
fn list_pieces(folder: &Path) -> Vec<TranscriptFile> {
    let is_json = |path: &Path| path.extension().is_some_and(|kind| kind == "json");
    let mut files = find_files(folder, &is_json).map(|(found, _)| found).unwrap_or_default();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files
}

/// Opens a session.
pub(super) fn open_files(transcript: &TranscriptFile, options: ReadOptions) -> Box<dyn RecordStream> {
    Box::new(SessionFiles { folder: transcript.path.clone(), longest: options.longest as u64 })
}

fn file_stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// File of a message or of a part of it.
struct SessionPiece {
    file: TranscriptFile,
    /// Id of the message.
    message: String,
    is_part: bool,
}

impl SessionPiece {
    fn convert_value(&self, conversation: &mut Conversation, session: &str, value: &Value, line: u64) -> Item {
        let id = text_field(value, "id").map_or_else(|| file_stem(&self.file.path), str::to_owned);
        let session = first_field(value, &["sessionID"]).unwrap_or(session);
        if self.is_part {
            return conversation.read_part(&id, &self.message, session, value, line);
        }
        conversation.read_message(&id, session, None, value, line)
    }
}

/// Reader of the files of one session.
#[derive(Debug)]
struct SessionFiles {
    folder: PathBuf,
    longest: u64,
}

impl SessionFiles {
    fn read_piece(&self, path: &Path) -> Result<Value, String> {
        let bytes = disk::read_foreign_file(path, self.longest).map_err(|error| error.to_string())?;
        json::parse_partial(&bytes).map(|(value, _)| value).map_err(|error| format!("not JSON: {error}"))
    }

    /// Lists the messages of the session, each with its parts after it.
    fn list_session(&self, storage: &Path) -> Vec<SessionPiece> {
        let mut pieces = Vec::new();
        for file in list_pieces(&self.folder) {
            let message = file_stem(&file.path);
            let parts = list_pieces(&storage.join("part").join(&message)).into_iter();
            pieces.push(SessionPiece { file, message: message.clone(), is_part: false });
            pieces.extend(parts.map(|file| SessionPiece { file, message: message.clone(), is_part: true }));
        }
        pieces
    }

    /// Finds the file of the session, which is in the folder of its project.
    fn find_session(&self, storage: &Path, session: &str) -> Option<PathBuf> {
        let projects = std::fs::read_dir(storage.join("session")).ok()?;
        let mut files = projects.flatten().map(|project| project.path().join(format!("{session}.json")));
        files.find(|file| file.is_file())
    }
}

impl RecordStream for SessionFiles {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let storage = self.folder.ancestors().nth(2).unwrap_or(Path::new("")).to_owned();
        let session = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut conversation = Conversation::default();
        let mut position = Position::default();
        let bad = |path: &Path, why| vec![Item::Bad(BadRecord { path: path.to_owned(), line: 0, why })];
        if let Some(file) = self.find_session(&storage, &session) {
            let items = self.read_piece(&file).and_then(|value| conversation.read_session(&value));
            for item in items.unwrap_or_else(|why| bad(&file, why)) {
                if !tell(item, position) {
                    return Ok(ReadEnd { position, complete: false });
                }
            }
        }
        for piece in self.list_session(&storage) {
            position = Position { offset: position.offset + piece.file.size, line: position.line + 1 };
            let items = self
                .read_piece(&piece.file.path)
                .map(|value| vec![piece.convert_value(&mut conversation, &session, &value, position.line)]);
            for item in items.unwrap_or_else(|why| bad(&piece.file.path, why)) {
                if !tell(item, position) {
                    return Ok(ReadEnd { position, complete: false });
                }
            }
        }
        Ok(ReadEnd::completed_at(position))
    }
}
