//! Finds out which program wrote a file or a folder, from what is in it. Reads a bounded part of it and changes nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::Source;
use super::archive::{self, Visitor};
use super::encoding::read_head;
use super::generic::{Generic, is_one_value};
use super::jsonl::Client;
use super::peers::table_names;
use super::record_source::{source_of_record, source_of_value};
use crate::domain::json::{self, Found};

/// Bytes of a file that are read.
const HEAD_BYTES: u64 = 1 << 20;

/// Lines of a file, levels of folders, entries of folders and files that are looked at.
const MAX_LINES: usize = 64;
const MAX_DEPTH: usize = 8;
const MAX_ENTRIES: usize = 5_000;
const MAX_FILES: usize = 64;

/// First bytes of a database.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// First bytes of a file that Codex has compressed.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Finds out which program wrote a file, or the files of a folder.
pub fn detect(path: &Path) -> Option<Source> {
    if std::fs::metadata(path).ok()?.is_dir() { detect_folder(path) } else { detect_file(path) }
}

/// Finds the source to suggest where a file was read as another one's and nothing in it was understood.
pub fn suggest(path: &Path, tried: Source) -> Option<Source> {
    detect(path).filter(|source| *source != tried)
}

fn detect_folder(path: &Path) -> Option<Source> {
    let mut files = list_files(path);
    let databases = files.iter().find_map(|file| Source::PEERS.into_iter().find(|source| source.has(file)));
    if databases.is_some() {
        return databases;
    }
    // Names tell which files to look at first, not what they are.
    let is_likely = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name.starts_with("rollout-") || name.starts_with("session-") || name.starts_with("conversations")
    };
    files.sort_by_key(|file| !is_likely(file));
    let mut found: Vec<Source> = files.iter().take(MAX_FILES).filter_map(|file| detect_file(file)).collect();
    // Any program writes lines of JSON beside its own files.
    if found.iter().any(|source| *source != Source::Jsonl) {
        found.retain(|source| *source != Source::Jsonl);
    }
    let count = |source: Source| found.iter().filter(|other| **other == source).count();
    let most = found.iter().copied().rev().max_by_key(|source| count(*source));
    most.or_else(|| match path.file_name()?.to_str()? {
        ".claude" => Some(Source::ClaudeCode),
        ".codex" => Some(Source::Codex),
        ".gemini" => Some(Source::Gemini),
        _ => None,
    })
}

/// Files of a folder that may hold a history, those near the top first. Links to folders are not followed.
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

fn may_hold_history(path: &Path) -> bool {
    let kind = path.extension().unwrap_or_default();
    ["jsonl", "json", "zst", "zip", "db", "sqlite", "sqlite3"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

fn detect_file(path: &Path) -> Option<Source> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let start = file.fill_buf().ok()?;
    if start.starts_with(SQLITE) {
        return detect_database(path);
    }
    if start.starts_with(ZSTD) {
        let text = zstd::stream::read::Decoder::with_buffer(file).ok()?;
        return detect_text(&read_start(text));
    }
    if start.starts_with(archive::MAGIC) {
        let mut entries = Entries::default();
        archive::walk_entries(file, path, &mut entries).ok()?;
        return entries.found;
    }
    detect_text(&read_start(file))
}

/// The first bytes of a text; what could be read where it is damaged.
fn read_start(input: impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    let _damage = input.take(HEAD_BYTES).read_to_end(&mut head);
    read_head(&head[..], HEAD_BYTES).unwrap_or(head)
}

/// The source of the first record that shows one; else whether it is lines of JSON with messages.
fn detect_text(head: &[u8]) -> Option<Source> {
    let is_record =
        |value: &serde_json::Value| source_of_record(value).is_some() || <Generic as Client>::is_record(value);
    let values: Vec<serde_json::Value> = if is_one_value(head) {
        json::parse_partial(head).ok().map(|(value, _)| value).into_iter().collect()
    } else {
        let lines = head.split(|byte| *byte == b'\n').take(MAX_LINES);
        let found = lines.flat_map(|line| json::read_records(line, is_record));
        let value = |found| match found {
            Found::Whole(value) | Found::Repaired(value) | Found::Partial(value) => Some(value),
            Found::Unreadable(_) => None,
        };
        found.filter_map(value).collect()
    };
    let known = values.iter().find_map(source_of_value);
    known.or_else(|| {
        let records =
            values.iter().flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
        records.filter(|value| value.is_object()).any(is_message).then_some(Source::Jsonl)
    })
}

/// Returns whether a record of no known program is a message or an exchange.
fn is_message(value: &serde_json::Value) -> bool {
    let has_text = ["text", "content"].iter().any(|name| value.get(*name).is_some_and(serde_json::Value::is_string));
    has_text || <Generic as Client>::is_record(value)
}

fn detect_database(path: &Path) -> Option<Source> {
    if let Some(named) = Source::PEERS.into_iter().find(|source| source.has(path)) {
        return Some(named);
    }
    let tables = table_names(path);
    let has = |name: &str| tables.iter().any(|table| table == name);
    let kinds = [
        (has("sdk_sessions"), Source::ClaudeMem),
        (has("exchanges"), Source::EpisodicMemory),
        (has("memories") && has("memory_embeddings"), Source::McpMemoryService),
        (has("collections") && (has("embeddings") || has("documents")), Source::MemPalace),
        (has("observations") && has("user_prompts") && has("sessions"), Source::Engram),
    ];
    kinds.into_iter().find(|(is_kind, _)| *is_kind).map(|(_, source)| source)
}

/// Looks at the entries of an archive until one shows whose export it is.
#[derive(Debug, Default)]
struct Entries {
    found: Option<Source>,
    seen: usize,
}

impl Visitor for Entries {
    fn rank_entry(&self, name: &str) -> Option<u8> {
        let is_json = Path::new(name).extension().is_some_and(|kind| kind == "json" || kind == "jsonl");
        is_json.then_some(u8::from(!name.contains("conversations")))
    }

    fn visit_entry(&mut self, _path: &Path, input: &mut dyn BufRead) -> io::Result<bool> {
        self.seen += 1;
        self.found = detect_text(&read_start(input)).filter(|source| *source != Source::Jsonl);
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
            ("a.jsonl", format!("\n{{\"torn\n{}\n", claude_code()).into(), Some(Source::ClaudeCode)),
            ("b.jsonl", codex().into(), Some(Source::Codex)),
            ("b.jsonl.zst", compressed, Some(Source::Codex)),
            (
                "c.json",
                b"{\n \"sessionId\": \"x\", \"projectHash\": \"h\", \"messages\": []}".to_vec(),
                Some(Source::Gemini),
            ),
            ("d.json", CHATGPT.into(), Some(Source::ChatGpt)),
            ("d16.json", utf16, Some(Source::ChatGpt)),
            ("d.zip", zipped("Activity/x.zip", &inner), Some(Source::ChatGpt)),
            ("e.json", CLAUDE_AI.into(), Some(Source::ClaudeAi)),
            ("e.zip", zipped("data/conversations.json", CLAUDE_AI.as_bytes()), Some(Source::ClaudeAi)),
            ("f.jsonl", b"{\"role\": \"user\", \"text\": \"x\"}\n".to_vec(), Some(Source::Jsonl)),
            (
                "g.jsonl",
                b"{\"conversations\": [{\"from\": \"human\", \"value\": \"x\"}]}\n".to_vec(),
                Some(Source::Jsonl),
            ),
            ("h.json", b"{\"name\": \"package\", \"version\": 1}".to_vec(), None),
            ("i.txt", b"plain text".to_vec(), None),
            ("j.json", Vec::new(), None),
        ];
        for (name, content, expected) in cases {
            let path = folder.write(name, content);
            assert_eq!(detect(&path), expected, "{name}");
            assert_eq!(suggest(&path, Source::Codex), expected.filter(|source| *source != Source::Codex), "{name}");
        }
        assert_eq!(detect(&folder.0.path().join("missing")), None);
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
                Some(Source::ClaudeCode),
            ),
            (
                &[
                    (".codex/history.jsonl", "{\"session_id\": \"s\", \"ts\": 1, \"text\": \"x\"}"),
                    (".codex/sessions/2026/01/01/rollout-x.jsonl", "CODEX"),
                ],
                Some(Source::Codex),
            ),
            (
                &[(
                    ".gemini/tmp/h/chats/session-x.json",
                    "{\"sessionId\": \"x\", \"messages\": [{\"type\": \"user\"}]}",
                )],
                Some(Source::Gemini),
            ),
            (&[("export/conversations.json", CHATGPT), ("export/user.json", "{}")], Some(Source::ChatGpt)),
            (&[("export/users.json", "[]"), ("export/conversations.json", CLAUDE_AI)], Some(Source::ClaudeAi)),
            (&[("notes/a.jsonl", "{\"text\": \"x\"}")], Some(Source::Jsonl)),
            (&[(".codex/config.toml", "")], Some(Source::Codex)),
            (&[("other/readme.md", "x")], None),
        ];
        for (files, expected) in cases {
            let folder = Folder::new();
            for (name, content) in files {
                folder.write(name, content.replace("CLAUDE", &claude_code()).replace("CODEX", &codex()));
            }
            let top = files[0].0.split('/').next().unwrap();
            assert_eq!(detect(&folder.0.path().join(top)), expected, "{top}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "databases of other programs")]
    fn databases_are_known_by_name_or_tables() {
        let folder = Folder::new();
        let cases = [
            ("claude-mem.db", "CREATE TABLE x (y)", Some(Source::ClaudeMem)),
            ("a.db", "CREATE TABLE sdk_sessions (id)", Some(Source::ClaudeMem)),
            ("b.db", "CREATE TABLE exchanges (id)", Some(Source::EpisodicMemory)),
            ("c.db", "CREATE TABLE collections (id); CREATE TABLE embeddings (id)", Some(Source::MemPalace)),
            (
                "d.db",
                "CREATE TABLE sessions (id); CREATE TABLE observations (id); CREATE TABLE user_prompts (id)",
                Some(Source::Engram),
            ),
            ("e.db", "CREATE TABLE something (id)", None),
        ];
        for (name, sql, expected) in cases {
            let path = folder.0.path().join(name);
            rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
            assert_eq!(detect(&path), expected, "{name}");
        }
        let inside = Folder::new();
        let path = inside.write("superpowers/conversation-archive/p/s.jsonl", claude_code());
        let index = path.ancestors().nth(3).unwrap().join("conversation-index/db.sqlite");
        std::fs::create_dir_all(index.parent().unwrap()).unwrap();
        rusqlite::Connection::open(&index).unwrap().execute_batch("CREATE TABLE exchanges (id)").unwrap();
        assert_eq!(detect(&inside.0.path().join("superpowers")), Some(Source::EpisodicMemory));
    }
}
