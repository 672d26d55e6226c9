//! Detects which program wrote a file or folder from its content. Reads a bounded part of it and changes nothing.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::Source;
use super::archive::{self, Visitor};
use super::encoding::read_head;
use super::generic::{GenericJsonl, is_single_document};
use super::jsonl::RecordConverter;
use super::record_source::{source_of_record, source_of_value};
use super::tables::table_names;
use crate::disk::ForeignFile;
use crate::domain::json::{self, RecordOutcome};

/// Maximum bytes read from a file.
const HEAD_BYTES: u64 = 1 << 20;

/// Limits: lines of a file, depth of folders, folder entries, and files examined.
const MAX_LINES: usize = 64;
const MAX_DEPTH: usize = 8;
const MAX_ENTRIES: usize = 5_000;
const MAX_FILES: usize = 64;

/// Magic bytes of an SQLite database.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// Magic bytes of Zstandard, which Codex compresses with.
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Detects the program that wrote a file, or most of the files in a folder.
pub fn detect_source(path: &Path) -> Option<Source> {
    if std::fs::metadata(path).ok()?.is_dir() { detect_folder(path) } else { detect_file(path) }
}

/// Suggests another source after a file was read as `tried` and nothing in it was understood.
pub fn suggest_source(path: &Path, tried: Source) -> Option<Source> {
    detect_source(path).filter(|source| *source != tried)
}

fn detect_folder(path: &Path) -> Option<Source> {
    let mut files = list_files(path);
    let databases = files.iter().filter(|file| has_ending(file, &DATABASE_ENDINGS));
    let mut databases = databases;
    let databases = databases.find_map(|file| Source::databases().find(|source| source.owns_file(file)));
    if databases.is_some() {
        return databases;
    }
    // Names only decide which files to examine first, not what they are.
    let is_likely = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name.starts_with("rollout-") || name.starts_with("session-") || name.starts_with("conversations")
    };
    files.sort_by_key(|file| !is_likely(file));
    let mut found: Vec<Source> = files.iter().take(MAX_FILES).filter_map(|file| detect_file(file)).collect();
    // Any program may write JSON lines next to its own files.
    if found.iter().any(|source| *source != Source::JSONL) {
        found.retain(|source| *source != Source::JSONL);
    }
    let count = |source: Source| found.iter().filter(|other| **other == source).count();
    let most = found.iter().copied().rev().max_by_key(|source| count(*source));
    most.or_else(|| {
        let name = path.file_name()?.to_str()?;
        Source::ALL.iter().copied().find(|source| source.is_home_name(name))
    })
}

/// Lists the files of a folder that may hold a history, top level first. Does not follow symbolic links.
fn list_files(path: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders, mut entries) = (Vec::new(), vec![path.to_owned()], 0);
    for _ in 0..MAX_DEPTH {
        let mut below = Vec::new();
        for folder in folders {
            let mut inside: Vec<PathBuf> =
                std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            inside.sort();
            for path in inside {
                entries += 1;
                if entries > MAX_ENTRIES {
                    return files;
                }
                match path.symlink_metadata() {
                    Ok(metadata) if metadata.is_dir() => below.push(path),
                    Ok(_) if may_hold_history(&path) => files.push(path),
                    _ => {}
                }
            }
        }
        folders = below;
    }
    files
}

/// Endings of databases, and of other files that may hold a history.
const DATABASE_ENDINGS: [&str; 4] = ["db", "sqlite", "sqlite3", "vscdb"];
const OTHER_ENDINGS: [&str; 4] = ["jsonl", "json", "zst", "zip"];

fn may_hold_history(path: &Path) -> bool {
    has_ending(path, &DATABASE_ENDINGS) || has_ending(path, &OTHER_ENDINGS) || source_of_markdown(path).is_some()
}

/// Returns the program whose history is a Markdown file of this name.
fn source_of_markdown(path: &Path) -> Option<Source> {
    Source::with_command().find(|source| has_ending(path, &["md"]) && source.owns_file(path))
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let kind = path.extension().unwrap_or_default();
    endings.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

fn detect_file(path: &Path) -> Option<Source> {
    if let Some(source) = source_of_markdown(path) {
        return Some(source);
    }
    let mut file = BufReader::new(ForeignFile::open(path).ok()?);
    let start = file.fill_buf().ok()?;
    if start.starts_with(SQLITE_MAGIC) {
        return detect_database(path);
    }
    if start.starts_with(ZSTD_MAGIC) {
        let text = zstd::stream::read::Decoder::with_buffer(file).ok()?;
        return detect_text(&read_start(text));
    }
    if start.starts_with(archive::ZIP_MAGIC) {
        let mut entries = ArchiveDetector::default();
        archive::walk_entries(file, path, &mut entries).ok()?;
        return entries.found;
    }
    detect_text(&read_start(file))
}

/// Reads the start of a text as UTF-8. Returns the readable part if it is damaged.
fn read_start(input: impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    let _damage = input.take(HEAD_BYTES).read_to_end(&mut head);
    read_head(&head[..], HEAD_BYTES).unwrap_or(head)
}

/// Returns the source of the first record that identifies one; otherwise `Jsonl` if there are JSON objects with
/// messages.
fn detect_text(head: &[u8]) -> Option<Source> {
    let is_record = |value: &serde_json::Value| {
        source_of_record(value).is_some() || <GenericJsonl as RecordConverter>::is_record(value)
    };
    let values: Vec<serde_json::Value> = if is_single_document(head) {
        json::parse_partial(head).ok().map(|(value, _)| value).into_iter().collect()
    } else {
        let lines = head.split(|byte| *byte == b'\n').take(MAX_LINES);
        let found = lines.flat_map(|line| json::read_records(line, is_record));
        let value = |found| match found {
            RecordOutcome::Whole(value) | RecordOutcome::Repaired(value) | RecordOutcome::Partial(value) => Some(value),
            RecordOutcome::Unreadable(_) => None,
        };
        found.filter_map(value).collect()
    };
    let known = values.iter().find_map(source_of_value);
    known.or_else(|| {
        let records =
            values.iter().flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
        records.filter(|value| value.is_object()).any(is_message).then_some(Source::JSONL)
    })
}

/// Returns true if a record of no known program is a message or an exchange.
fn is_message(value: &serde_json::Value) -> bool {
    let has_text = ["text", "content"].iter().any(|name| value.get(*name).is_some_and(serde_json::Value::is_string));
    has_text || <GenericJsonl as RecordConverter>::is_record(value)
}

fn detect_database(path: &Path) -> Option<Source> {
    Source::databases().find(|source| source.owns_file(path)).or_else(|| {
        let tables = table_names(path);
        Source::databases().find(|source| source.owns_tables(&tables))
    })
}

/// Visitor that examines archive entries until one identifies the source.
#[derive(Debug, Default)]
struct ArchiveDetector {
    found: Option<Source>,
    seen: usize,
}

impl Visitor for ArchiveDetector {
    fn rank_entry(&self, name: &str) -> Option<u8> {
        let is_json = Path::new(name).extension().is_some_and(|kind| kind == "json" || kind == "jsonl");
        is_json.then_some(u8::from(!name.contains("conversations")))
    }

    fn visit_entry(&mut self, _path: &Path, input: &mut dyn BufRead) -> io::Result<bool> {
        self.seen += 1;
        self.found = detect_text(&read_start(input)).filter(|source| *source != Source::JSONL);
        Ok(self.found.is_none() && self.seen < MAX_FILES)
    }

    fn report_entry(&mut self, _path: &Path, _why: String) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            crate::disk::write_atomic(&path, content.as_ref()).unwrap();
            path
        }
    }

    fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
        archive.finish().unwrap().into_inner()
    }

    fn claude_code() -> String {
        json!({ "type": "user", "sessionId": "s", "uuid": "u", "message": { "role": "user", "content": "hello there" } }).to_string()
    }

    fn codex() -> String {
        json!({ "timestamp": "t", "type": "session_meta", "payload": { "id": "x" } }).to_string()
    }

    const CHATGPT: &str = "[{\"title\": \"x\", \"mapping\": {\"a\": {\"message\": {}}}}]";
    const CLAUDE_AI: &str = "[\n {\n \"uuid\": \"x\", \"chat_messages\": []}]";

    #[test]
    fn files_are_known_by_what_they_hold() {
        let folder = Folder::new();
        let utf16: Vec<u8> = CHATGPT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let inner = zipped("conversations.json", CHATGPT.as_bytes());
        let compressed = zstd::encode_all(codex().as_bytes(), 0).unwrap();
        let cases: [(&str, Vec<u8>, Option<Source>); 14] = [
            ("a.jsonl", format!("\n{{\"torn\n{}\n", claude_code()).into(), Some(Source::CLAUDE_CODE)),
            ("b.jsonl", codex().into(), Some(Source::CODEX)),
            ("b.jsonl.zst", compressed, Some(Source::CODEX)),
            (
                "c.json",
                b"{\n \"sessionId\": \"x\", \"projectHash\": \"h\", \"messages\": []}".to_vec(),
                Some(Source::GEMINI),
            ),
            ("d.json", CHATGPT.into(), Source::from_name("chatgpt")),
            ("d16.json", utf16, Source::from_name("chatgpt")),
            ("d.zip", zipped("Activity/x.zip", &inner), Source::from_name("chatgpt")),
            ("e.json", CLAUDE_AI.into(), Source::from_name("claude-ai")),
            ("e.zip", zipped("data/conversations.json", CLAUDE_AI.as_bytes()), Source::from_name("claude-ai")),
            ("f.jsonl", b"{\"role\": \"user\", \"text\": \"x\"}\n".to_vec(), Some(Source::JSONL)),
            (
                "g.jsonl",
                b"{\"conversations\": [{\"from\": \"human\", \"value\": \"x\"}]}\n".to_vec(),
                Some(Source::JSONL),
            ),
            ("h.json", b"{\"name\": \"package\", \"version\": 1}".to_vec(), None),
            ("i.txt", b"plain text".to_vec(), None),
            ("j.json", Vec::new(), None),
        ];
        for (name, content, expected) in cases {
            let path = folder.write(name, content);
            assert_eq!(detect_source(&path), expected, "{name}");
            assert_eq!(
                suggest_source(&path, Source::CODEX),
                expected.filter(|source| *source != Source::CODEX),
                "{name}"
            );
        }
        assert_eq!(detect_source(&folder.0.path().join("missing")), None);
    }

    #[test]
    fn folders_are_known_by_their_files() {
        type Files = &'static [(&'static str, &'static str)];
        let cases: [(Files, Option<Source>); 8] = [
            (
                &[
                    (".claude/history.jsonl", "{\"display\": \"x\", \"pastedContents\": {}}"),
                    (".claude/projects/p/s.jsonl", "CLAUDE"),
                ],
                Some(Source::CLAUDE_CODE),
            ),
            (
                &[
                    (".codex/history.jsonl", "{\"session_id\": \"s\", \"ts\": 1, \"text\": \"x\"}"),
                    (".codex/sessions/2026/01/01/rollout-x.jsonl", "CODEX"),
                ],
                Some(Source::CODEX),
            ),
            (
                &[(
                    ".gemini/tmp/h/chats/session-x.json",
                    "{\"sessionId\": \"x\", \"messages\": [{\"type\": \"user\"}]}",
                )],
                Some(Source::GEMINI),
            ),
            (&[("export/conversations.json", CHATGPT), ("export/user.json", "{}")], Source::from_name("chatgpt")),
            (&[("export/users.json", "[]"), ("export/conversations.json", CLAUDE_AI)], Source::from_name("claude-ai")),
            (&[("notes/a.jsonl", "{\"text\": \"x\"}")], Some(Source::JSONL)),
            (&[(".codex/config.toml", "")], Some(Source::CODEX)),
            (&[("other/readme.md", "x")], None),
        ];
        for (files, expected) in cases {
            let folder = Folder::new();
            for (name, content) in files {
                folder.write(name, content.replace("CLAUDE", &claude_code()).replace("CODEX", &codex()));
            }
            let top = files[0].0.split('/').next().unwrap();
            assert_eq!(detect_source(&folder.0.path().join(top)), expected, "{top}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "databases of other programs")]
    fn databases_are_known_by_name_or_tables() {
        let folder = Folder::new();
        let cases = [
            ("claude-mem.db", "CREATE TABLE x (y)", Source::from_name("claude-mem")),
            ("a.db", "CREATE TABLE sdk_sessions (id)", Source::from_name("claude-mem")),
            ("b.db", "CREATE TABLE exchanges (id)", Source::from_name("episodic-memory")),
            ("c.db", "CREATE TABLE collections (id); CREATE TABLE embeddings (id)", Source::from_name("mempalace")),
            (
                "d.db",
                "CREATE TABLE sessions (id); CREATE TABLE observations (id); CREATE TABLE user_prompts (id)",
                Source::from_name("engram"),
            ),
            ("e.db", "CREATE TABLE something (id)", None),
        ];
        for (name, sql, expected) in cases {
            let path = folder.0.path().join(name);
            rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
            assert_eq!(detect_source(&path), expected, "{name}");
        }
        let inside = Folder::new();
        let path = inside.write("superpowers/conversation-archive/p/s.jsonl", claude_code());
        let index = path.ancestors().nth(3).unwrap().join("conversation-index/db.sqlite");
        std::fs::create_dir_all(index.parent().unwrap()).unwrap();
        rusqlite::Connection::open(&index).unwrap().execute_batch("CREATE TABLE exchanges (id)").unwrap();
        assert_eq!(detect_source(&inside.0.path().join("superpowers")), Source::from_name("episodic-memory"));
    }
}
