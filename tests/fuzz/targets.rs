// What is fuzzed, and what must hold whatever comes in. Included by the fuzzer (tests/fuzz) and by the test that replays its
// corpus (tests/it/fuzzing.rs).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use claude_memory::testing::config::{LayeredSettings, Paths};
use claude_memory::testing::disk::{ForeignFile, write_atomic};
use claude_memory::testing::domain::text::redact::{RedactionCounts, Redactor};
use claude_memory::testing::domain::{FailureCode, IdGenerator, Query, SearchMode, Timestamp};
use claude_memory::testing::http::{ConnectionPool, Guard, TokenSet};

use claude_memory::testing::import::claude_code::TranscriptReader;
use claude_memory::testing::import::{Item, Position, ReadOptions, TranscriptFile};
use claude_memory::testing::mcp::envelope::{self, CheckedMessage};
use claude_memory::testing::mcp::{Caller, Profile, tools};
use claude_memory::testing::memory::{ImportOptions, Memory};
use claude_memory::testing::monitor::alerts;
use claude_memory::testing::store::{OpenMode, Preparer};
use claude_memory::testing::sync::import_bundle;

/// Takes whatever comes in, and panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 9] = [
    ("jsonrpc", jsonrpc),
    ("http", http),
    ("transcript_line", transcript_line),
    ("import_file", import_file),
    ("query", query),
    ("webhook", webhook),
    ("config", config),
    ("redaction", redaction),
    ("bundle", bundle),
];

/// Tools that only read; the others would fill the store.
const READING: [&str; 11] = [
    "memory_search",
    "memory_get",
    "memory_timeline",
    "memory_context",
    "memory_projects",
    "memory_health",
    "memory_blame",
    "memory_fix",
    "memory_sessions",
    "memory_stats",
    "memory_handoff",
];

fn options(longest: usize) -> ReadOptions {
    ReadOptions { longest, now: now() }
}

fn now() -> Timestamp {
    Timestamp::from_milliseconds(1_790_000_000_000)
}

/// A small store of the sample conversations, without an encoder.
fn memory() -> &'static Memory {
    static MEMORY: OnceLock<Memory> = OnceLock::new();
    MEMORY.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("claude-memory-fuzz-{}", std::process::id()));
        let paths = Paths::resolve_home(Some(folder)).unwrap();
        let mut settings = LayeredSettings::from_text(Path::new("none"), "").unwrap().settings;
        "off".clone_into(&mut settings.embed.model);
        let options = ImportOptions::from_settings(&settings);
        let memory = Memory::open(&paths, settings, OpenMode::Create, IdGenerator::System, now()).unwrap();
        let samples =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|folder| folder.join("data/demo").is_dir());
        let samples = samples.unwrap().join("data/demo");
        let never = AtomicBool::new(false);
        memory.import_path(&samples, options, now(), &never, &mut |_| {}).unwrap();
        memory
    })
}

/// A line on stdin: it is refused with one of the codes of JSON-RPC, or a tool answers it. No failure is a bug of ours.
pub fn jsonrpc(data: &[u8]) {
    let text = match envelope::check_message(data) {
        CheckedMessage::Message { text, .. } => text,
        CheckedMessage::Refused(refusals) => {
            assert!(!refusals.is_empty() && refusals.iter().all(|one| (-32700..=-32600).contains(&one.code)));
            return;
        }
        CheckedMessage::Ignored => return,
    };
    assert!(!text.contains(&b'\n'));
    let message: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let params = &message["params"];
    if let Some(name) = params["name"].as_str().filter(|name| READING.contains(name)) {
        let caller = Caller {
            directory: Some(PathBuf::from("/home/yue/web")),
            session: None,
            transcripts: None,
            now: now(),
            remote: None,
            is_person: false,
        };
        let outcome = tools::call_tool(memory(), &caller, Profile::Admin, name, params["arguments"].clone());
        if let Some(Err(failure)) = outcome {
            assert_ne!(failure.code, FailureCode::Internal, "{}", failure.message);
        }
    }
}

/// A request over HTTP, head and body: it is kept out, or its body is a line as any other.
pub fn http(data: &[u8]) {
    let end = data.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = end.map_or((data, &[][..]), |end| (&data[..end], &data[end + 4..]));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let pool = ConnectionPool::new(std::sync::Arc::default());
    let guard = Guard::new(TokenSet::with_admin_token("the-token"), pool, 8080, Vec::new());
    if guard.refuses_headers(&headers) {
        return;
    }
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("");
    assert!(bearer.to_lowercase().starts_with("bearer ") && bearer.contains("the-token"), "{headers:?}");
    assert!(headers.get("host").is_some_and(|host| host.to_str().unwrap().ends_with(":8080")), "{headers:?}");
    jsonrpc(body);
}

fn transcript() -> TranscriptFile {
    TranscriptFile { path: PathBuf::from("/t/agent-7.jsonl"), size: 0, modified: 1_790_000_000_000 }
}

/// One line of a transcript, all the way to what would be stored: nothing that is redacted once is redacted differently
/// the second time.
pub fn transcript_line(data: &[u8]) {
    thread_local! {
        static TOOLS: (Redactor, Preparer) = (Redactor::new([7; 32], Vec::new()), Preparer::new(None).unwrap());
    }
    TOOLS.with(|(redactor, preparer)| prepared(data, redactor, preparer));
}

fn prepared(data: &[u8], redactor: &Redactor, preparer: &Preparer) {
    let line = [data, b"\n"].concat();
    let mut reader = TranscriptReader::from_input(
        &transcript(),
        Box::new(std::io::Cursor::new(line)),
        Position::default(),
        options(1 << 20),
    );
    while let Some(item) = reader.next_item().unwrap() {
        let Item::Draft(mut draft) = item else { continue };
        for part in &mut draft.parts {
            let once = redactor.redact(&part.text, &mut RedactionCounts::new()).into_owned();
            let twice = redactor.redact(&once, &mut RedactionCounts::new()).into_owned();
            assert_eq!(once, twice, "what is clean stays as it is");
            part.text = once;
        }
        preparer.prepare_message("fuzz", *draft).unwrap();
    }
}

/// A file of lines: the position only moves forward, and reading on from any position gives what was left.
pub fn import_file(data: &[u8]) {
    let (longest, stop) = (64 + usize::from(data.first().copied().unwrap_or(0)) * 8, data.get(1).copied().unwrap_or(0));
    let file = data.get(2..).unwrap_or(&[]);
    let read = |from: Position| {
        let rest = file.get(usize::try_from(from.offset).unwrap()..).unwrap_or(&[]).to_vec();
        TranscriptReader::from_input(&transcript(), Box::new(std::io::Cursor::new(rest)), from, options(longest))
    };
    let mut reader = read(Position::default());
    let (mut items, mut positions) = (0, vec![(0, Position::default())]);
    while reader.next_item().unwrap().is_some() {
        items += 1;
        let position = reader.position();
        let (_, last) = positions[positions.len() - 1];
        assert!(position.offset >= last.offset && position.line >= last.line && position.offset <= file.len() as u64);
        if position != last {
            positions.push((items, position));
        }
    }
    let (before, from) = positions[usize::from(stop) % positions.len()];
    let (mut rest, mut again) = (0, read(from));
    while again.next_item().unwrap().is_some() {
        rest += 1;
    }
    // What is before a position was returned; some of what comes after it may have been returned too: the first records of a
    // line with several, and a last line that its writer has not finished.
    assert!(before + rest >= items, "{before} and {rest} of {items}: something is never read");
}

/// A question, by word and literally.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for mode in [SearchMode::Keyword, SearchMode::Exact] {
        if let Err(error) = memory().search(&Query { mode, ..Query::for_text(text.clone()) }, now()) {
            assert_eq!(error.code(), FailureCode::InvalidInput, "{error}");
        }
    }
}

/// A payload for the webhook: it is refused with a word, or each of its alerts is one line that nothing in it can break.
pub fn webhook(data: &[u8]) {
    let Ok(payload) = alerts::parse_payload(data) else { return };
    for line in payload.to_log_lines(None, now()) {
        let text = serde_json::to_string(&line).unwrap();
        assert!(!text.contains('\n') && text.chars().all(|c| !c.is_control()), "{text:?}");
        assert_eq!(serde_json::from_str::<alerts::AlertLine>(&text).unwrap(), line);
    }
}

/// A file of settings: it is taken or it is said what is wrong.
pub fn config(data: &[u8]) {
    match LayeredSettings::from_text(Path::new("config.toml"), &String::from_utf8_lossy(data)) {
        Ok(layered) => drop(format!("{layered:?}")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A text with secrets or without: what comes out is a text that holds no more of them.
pub fn redaction(data: &[u8]) {
    static REDACTOR: OnceLock<Redactor> = OnceLock::new();
    let redactor = REDACTOR.get_or_init(|| Redactor::new([7; 32], Vec::new()).with_personal_data(true));
    let text = String::from_utf8_lossy(data);
    let mut counts = RedactionCounts::new();
    let clean = redactor.redact(&text, &mut counts).into_owned();
    assert_eq!(clean == text, counts.is_empty(), "{text:?}");
    assert!(clean.matches("[REDACTED:").count() >= usize::from(!counts.is_empty()), "{clean:?}");
}

/// A bundle: it is refused with a reason, or each of its lines is taken or named.
pub fn bundle(data: &[u8]) {
    let file = std::env::temp_dir().join(format!("claude-memory-fuzz-{}.bundle", std::process::id()));
    write_atomic(&file, data).unwrap();
    let opened = ForeignFile::open(&file).unwrap();
    match import_bundle(memory(), opened, now(), &AtomicBool::new(false), &mut |_| {}) {
        Ok(counts) => assert!(counts.bad.iter().all(|(line, why)| *line > 0 && !why.is_empty()), "{counts:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
