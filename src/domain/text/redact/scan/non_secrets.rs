//! What stands where a secret would stand and is none: placeholders, references, paths, names, numbers, words.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::beginnings::Beginnings;
use super::byte_set::{ByteSet, WORD};
use super::makeup::{distinct_bytes, has_digit, has_strong_sign};
use super::word_lists::NO_VALUES;
use super::wordiness::word_share;

/// Parts of what people write in place of a secret.
const PLACEHOLDER_PARTS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "changethis",
    "your",
    "xxxx",
    "....",
    "…",
    "****",
    "••",
    "dummy",
    "sample",
    "redacted",
    "insert",
    "todo",
    "-here",
    "_here",
    "abcdef123456",
    "1234567890",
    "mysecret",
    "my-secret",
    "my_secret",
    "supersecret",
    "fake",
    "foobar",
    "test-token",
    "test_token",
    "test-key",
    "test_key",
    "mytoken",
    "my-token",
    "some-",
    "some_",
    "notreal",
    "not-real",
    "replace",
];
/// Parts that no real secret has.
const CERTAIN_PLACEHOLDER_PARTS: &[&str] = &[
    "example",
    "placeholder",
    "xxxx",
    "....",
    "…",
    "****",
    "••",
    "redacted",
    "1234567890abcdef",
    "abcdefghij",
    "yourapikey",
    "your_",
    "your-",
    "0123456789",
];

static PLACEHOLDER_FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| find_any_case(PLACEHOLDER_PARTS));
static CERTAIN_PLACEHOLDER_FINDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| find_any_case(CERTAIN_PLACEHOLDER_PARTS));

fn find_any_case(parts: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(parts).ok()
}

/// Returns true for what people write in place of a secret.
pub(super) fn is_placeholder(text: &str) -> bool {
    is_masked(text) || PLACEHOLDER_FINDER.as_ref().is_some_and(|parts| parts.is_match(text))
}

/// Returns true for what no real secret looks like.
pub(super) fn is_certain_placeholder(text: &str) -> bool {
    is_masked(text) || CERTAIN_PLACEHOLDER_FINDER.as_ref().is_some_and(|parts| parts.is_match(text))
}

/// Returns true for signs of one or a few kinds, and for `<…>`.
fn is_masked(text: &str) -> bool {
    text.len() >= 4 && distinct_bytes(text) < 3 || text.starts_with('<') && text.ends_with('>')
}

/// Beginnings of references in code, templates and configuration files.
const REFERENCE_STARTS: &[&str] = &[
    "{{",
    "<%",
    "&[",
    "&mut",
    "&self",
    "&'",
    "::",
    "#{",
    "=>",
    "->",
    "[",
    "$(",
    "${",
    "process.",
    "os.",
    "env.",
    "env[",
    "env(",
    "env:",
    "self.",
    "this.",
    "config.",
    "cfg.",
    "std::",
    "req.",
    "request.",
    "opt.",
    "opts.",
    "options.",
    "arg.",
    "args.",
    "params.",
    "param.",
    "props.",
    "prop.",
    "data.",
    "var.",
    "vars.",
    "local.",
    "module.",
    "import.",
    "ctx.",
    "c.",
    "s.",
    "secrets.",
    "settings.",
    "inputs.",
    "steps.",
    "Deno.",
    "ENV[",
    "System.",
    "Environment.",
    "await ",
    "new ",
    "function",
    "async ",
    "vault:",
    "op://",
    "bitwarden:",
    "ssm:",
    "arn:",
    "projects/",
    "file:",
    "keyring:",
    "secretref",
    "!Ref",
    "!Sub",
    "!GetAtt",
    "!secret",
    "Option<",
    "Vec<",
];
static REFERENCE_BEGINNINGS: LazyLock<Beginnings> = LazyLock::new(|| Beginnings::new(REFERENCE_STARTS.iter().copied()));

/// Returns true for a variable, a call, a type or an address instead of a value.
pub(super) fn is_reference(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (first, second) = (bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0));
    let begins_name = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    match first {
        b'$' if second == b'{' || second == b'(' => return true,
        b'$' if begins_name(second) => {
            // `$NAME` and `$name_part`; `$uperS3cret` is a password.
            let name = text.get(1..).unwrap_or("");
            let end = WORD.run_end(name.as_bytes(), 0, name.len());
            let (name, rest) = name.split_at_checked(end).unwrap_or((name, ""));
            let is_variable = !name.bytes().any(|byte| byte.is_ascii_lowercase())
                || !has_digit(name) && !name.bytes().any(|byte| byte.is_ascii_uppercase())
                || word_share(name) > 60 && !has_digit(name);
            if is_variable && !has_strong_sign(rest) {
                return true;
            }
        }
        b'%' if text.len() > 2 && text.ends_with('%') && begins_name(second) => return true,
        b'%' if matches!(text, "%s" | "%v" | "%q" | "%d") => return true,
        b'{' | b'&' | b'*' if begins_name(second) => return true,
        b'<' if begins_name(second) || matches!(second, b'/' | b' ' | b'-') => return true,
        b'@' => {
            let end = ByteSet::run_end(&WORD, bytes, 1, bytes.len());
            if end > 1 && matches!(bytes.get(end), None | Some(b'.' | b'[' | b'(')) && !has_digit(text) {
                return true;
            }
        }
        _ => {}
    }
    REFERENCE_BEGINNINGS.find(bytes).is_some()
        || bytes.windows(2).any(|pair| matches!(pair, b"${" | b"{{" | b"$(" | b"#{" | b"<%" | b"%(" | b"::"))
        || text.ends_with("()")
        || is_call(text)
        || is_address(text)
}

/// Returns true for `name(…)`.
pub(super) fn is_call(text: &str) -> bool {
    static CALLEE: ByteSet = ByteSet::parse("A-Za-z0-9_.:!");
    let bytes = text.as_bytes();
    let end = CALLEE.run_end(bytes, 0, bytes.len());
    if end == 0 || bytes.get(end) != Some(&b'(') || bytes.first().is_none_or(u8::is_ascii_digit) {
        return false;
    }
    match text.rfind(')') {
        None => true,
        Some(close) => bytes
            .get(close + 1)
            .is_none_or(|byte| matches!(byte, b'.' | b';' | b',' | b'?' | b'!' | b'[' | b')' | b' ' | b'{')),
    }
}

/// Returns true for `scheme://…`.
pub(super) fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        (2..=16).contains(&scheme.len())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'.' | b'-'))
    })
}

/// Returns true for a name of letters, with `_`, `-`, `.`, `/` or `::` between its parts.
pub(super) fn is_identifier(text: &str) -> bool {
    let text = text.trim_end_matches(['!', '?']);
    !text.is_empty()
        && text
            .split("::")
            .flat_map(|part| part.split("->"))
            .flat_map(|part| part.split(['.', '-', '/']))
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_'))
}

static PATH_BYTES: ByteSet = ByteSet::parse("A-Za-z0-9_.@%+ /\\:~-");
static FILE_BYTES: ByteSet = ByteSet::parse("A-Za-z0-9_./@-");

/// Returns true for a file path.
pub(super) fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts = text.starts_with('/')
        || text.starts_with("~/")
        || text.starts_with("./")
        || text.starts_with("../")
        || matches!(bytes, [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic());
    let separators = bytes.iter().filter(|byte| matches!(byte, b'/' | b'\\')).count();
    starts && bytes.iter().all(|byte| PATH_BYTES.contains(*byte)) && (separators > 1 || text.starts_with(['.', '~']))
}

/// Endings of file and host names.
const FILE_ENDINGS: &[&str] = &[
    "bak", "bin", "c", "cfg", "cjs", "com", "conf", "cpp", "crt", "cs", "css", "db", "dev", "dll", "env", "exe", "git",
    "go", "gz", "h", "hpp", "html", "ini", "io", "java", "jpg", "js", "json", "jsonl", "jsx", "key", "kt", "lock",
    "log", "md", "mjs", "net", "org", "pem", "php", "png", "proto", "pub", "py", "rb", "rs", "scss", "sh", "so", "sql",
    "sqlite", "svg", "swift", "tar", "tf", "tmp", "toml", "ts", "tsx", "txt", "vue", "wasm", "xml", "yaml", "yml",
    "zip", "cert",
];

/// Returns true for a file name, with or without a line number.
pub(super) fn is_file_name(text: &str) -> bool {
    let text = text.split([':', '#']).next().unwrap_or(text);
    let Some((stem, ending)) = text.rsplit_once('.') else { return false };
    !stem.is_empty()
        && stem.bytes().all(|byte| FILE_BYTES.contains(byte))
        && FILE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Returns true for a UUID.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Returns true if a UUID stands in the text.
pub(super) fn has_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 36
        && bytes
            .windows(36)
            .any(|window| window.get(8) == Some(&b'-') && std::str::from_utf8(window).is_ok_and(is_uuid))
}

/// Units and marks behind a number.
const UNITS: &[&str] = &[
    "z", "ms", "s", "m", "h", "d", "k", "g", "mb", "kb", "gb", "b", "px", "em", "rem", "%", "x", "th", "st", "nd", "rd",
];
/// Marks of unfinished versions.
const PRE_RELEASES: &[&str] = &["alpha", "beta", "rc", "dev", "pre", "post", "canary"];

/// Returns true for a number, a date, a time, a version or a size.
pub(super) fn is_number_like(text: &str) -> bool {
    let bytes = text.as_bytes();
    let body = text.strip_prefix('v').unwrap_or(text);
    let digits_end = body
        .bytes()
        .position(|byte| !(byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':' | b'/' | b'_' | b'T' | b'+')))
        .unwrap_or(body.len());
    if !body.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) || bytes.is_empty() {
        return false;
    }
    let (number, rest) = body.split_at_checked(digits_end).unwrap_or((body, ""));
    let groups_are_short = number.split(|c: char| !c.is_ascii_digit()).enumerate().all(|(index, group)| {
        group.len() <= if index == 0 { 12 } else { 9 } && (index == 0 || !group.is_empty() || number.ends_with('-'))
    });
    let rest = rest.to_ascii_lowercase();
    groups_are_short
        && (rest.is_empty()
            || UNITS.contains(&rest.as_str())
            || PRE_RELEASES.iter().any(|mark| {
                rest.strip_prefix(mark)
                    .is_some_and(|rest| rest.trim_start_matches(['.', '-']).bytes().all(|b| b.is_ascii_digit()))
            }))
}

/// Beginnings of names of encodings, hashes and protocols.
const TECHNIQUES: &[&str] = &[
    "base16", "base32", "base58", "base64", "sha1", "sha2", "sha3", "sha-", "sha224", "sha256", "sha384", "sha512",
    "md4", "md5", "utf8", "utf-", "utf16", "utf32", "oauth1", "oauth2", "oauth-", "argon2", "pbkdf2", "bcrypt", "x509",
    "rs256", "hs256", "es256", "aes-", "ed25519", "rsa-", "p-256", "p256", "ipv4", "ipv6", "http/", "http1", "http2",
    "http3",
];

static TECHNIQUE_BEGINNINGS: LazyLock<Beginnings> = LazyLock::new(|| Beginnings::new(TECHNIQUES.iter().copied()));

/// Returns true for the name of an encoding, a hash or a protocol.
pub(super) fn is_technique(text: &str) -> bool {
    TECHNIQUE_BEGINNINGS.find_any_case(text.as_bytes()).is_some()
}

/// Returns true for a word that stands in place of a value.
pub(super) fn is_no_value(text: &str) -> bool {
    let bare = text.trim_matches(|c: char| c.is_ascii_punctuation());
    NO_VALUES.contains_any_case(bare)
}
