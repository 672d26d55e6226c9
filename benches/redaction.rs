//! Redaction: time of one megabyte of each of many repeated units, and of the texts of files.
//!
//!     cargo bench --bench redaction -- [FILE…]
//!
//! Prints one JSON object: milliseconds for a quarter of a megabyte and for one of each unit, and for the files (a JSON
//! string a line) microseconds a text, nanoseconds a byte and texts changed. Measures this machine now; nothing is asserted.
#![expect(clippy::print_stdout, clippy::disallowed_macros, reason = "a bench may speak")]

use std::time::Instant;

use claude_memory::testing::domain::text::redact::{RedactionCounts, Redactor};
use serde_json::{Map, Value, json};

/// Beginnings of secrets and of what surrounds them, which a text may repeat without an end.
const UNITS: &[&str] = &[
    "-----BEGIN PRIVATE KEY-----\n",
    "-----END PRIVATE KEY-----\n",
    "-----BEGIN",
    "sk-",
    "sk-proj-",
    "ghp_",
    "eyJ",
    "eyJaaaaaaaa.",
    "eyJh.",
    "password=",
    "password \"",
    "\"password\": \"",
    "token: ",
    "key ",
    "private key ",
    "password is ",
    "password for the ",
    "identified by ",
    "PASSWORD '",
    "Authorization: Basic ",
    "Cookie: a=",
    "Set-Cookie: a=bbbbbbbbbbbbbbbbb; ",
    "bearer ",
    "密码",
    "密码是 ",
    "密码：",
    "http://a:b@",
    "http://a:",
    "://",
    "?token=abc",
    "=",
    "@",
    "$",
    "$2b$10$",
    "\\",
    "\\\\\"",
    "&quot;",
    "\u{1b}[",
    "\u{200b}",
    "%25",
    "%2525",
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo",
    "cGFzc3dvcmQ9",
    "6768705f",
    "mysql -p ",
    "mysql -pabcd1 ",
    "curl -u a:b ",
    "echo abcd | ",
    "| a | password |\n",
    "<a>",
    "<input type=password ",
    "name: abc value: ",
    "kind: Secret\ndata:\n  a: bcdef\n",
    "a:1:b:c:d\n",
    "1:a\n",
    "web-1  | a\n",
    "[a b] c\n",
    "remote: a\n",
    "12:00:01 a\n",
    "password\n",
    "password:\n\n",
    "密码：\n",
    "<td>password</td>",
    "<",
    "a_ghp_",
    "password\tb\n",
    "password: 🔑",
    "password é",
    "abandon ",
    "seed ",
    "recovery codes: ",
    "login: a/",
    "account ",
    "0123456789abcdef0123456789abcdef ",
    "a.",
    "a",
    "1",
    "\n",
    "-",
    // What a text may be full of without a secret.
    "a=",
    "\"k\":\"",
    "-----BEGIN ",
    "%41",
    "\\u0041",
    "QUJD",
    "://u:p@",
    "\u{1b}[31mx",
    " ",
    "\"",
    "'",
    ":",
    "/",
    ".",
    ",",
    ";",
    "|",
    "\t",
    "#",
    "0x",
    "A",
    "Z9",
    "aB3$",
    "key=",
    "secret: ",
    "pass ",
    "api_key = \"x\"\n",
    "user:pass ",
    "\r\n",
    "> ",
    "+a\n",
    "1\ta\n",
    "é",
    "，",
    "😀",
    "&amp;",
    "https://example.com/a?b=c&d=e ",
    "export A=b\n",
    "{\"a\":1},",
    "<a b=\"c\">d</a>",
    "echo a | sudo -S ",
    "- a: b\n",
    "word ",
    "the password of the user is ",
    "x-api-key: ",
    "['a', '-p'] ",
    "a.b.c.d:1:",
    "192.168.0.1 ",
    "deadbeef",
    "2026-01-01T00:00:00Z INFO a: b\n",
    "Key Secret 我发你",
    "token token ",
    "sk_live_",
    "AKIA",
    "SK",
    "AC",
    "64(",
    "auth = (",
    "connect(a",
    "scrypt$",
    "hex",
    "private",
    "0123456789",
    "name=",
    "ConvertTo-SecureString ",
    "TRUE\t",
    "recovery code",
    "uth(\"a\", ",
    "name: key\nvalue: ",
    "Jenkins ",
    "助记词",
    "secret key ",
    "\\n",
    "aws configure set ",
    "docker login ",
    "send \"",
    "$argon2id$v=1$a$",
    "/api/webhooks/",
    "{SSHA}",
    "a@",
    "a:",
];

fn main() {
    let redactor = Redactor::new([7; 32], Vec::new());
    let milliseconds = |unit: &str, bytes: usize| {
        let text = unit.repeat(bytes / unit.len() + 1);
        let start = Instant::now();
        std::hint::black_box(redactor.redact(&text, &mut RedactionCounts::new()));
        (start.elapsed().as_secs_f64() * 1e5).round() / 100.0
    };
    let units = UNITS
        .iter()
        .map(|unit| ((*unit).to_owned(), json!([milliseconds(unit, 1 << 18), milliseconds(unit, 1 << 20)])));
    let units: Map<String, Value> = units.collect();
    let mut files = Map::new();
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        let lines = std::fs::read_to_string(&path).unwrap_or_default();
        let texts: Vec<String> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let start = Instant::now();
        let mut counts = RedactionCounts::new();
        let changed = texts.iter().filter(|text| redactor.redact(text, &mut counts) != text.as_str()).count();
        let nanoseconds = start.elapsed().as_nanos();
        let per = |unit: usize| nanoseconds.checked_div(unit as u128).unwrap_or_default();
        let bytes = texts.iter().map(String::len).sum::<usize>();
        files.insert(
            path,
            json!({ "texts": texts.len(), "changed": changed, "counts": counts,
                "nanoseconds_a_text": u64::try_from(per(texts.len())).ok(), "nanoseconds_a_byte": u64::try_from(per(bytes)).ok() }),
        );
    }
    println!("{}", json!({ "milliseconds_of_units": units, "files": files }));
}
