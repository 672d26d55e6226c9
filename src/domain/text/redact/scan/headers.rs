//! Headers of requests: `Authorization`, cookies, and the word `Bearer` wherever it stands.

use super::byte_set::{ByteSet, NAME};
use super::encoded::is_user_and_password;
use super::judge::{looks_generated, looks_like_password};
use super::non_secrets::{is_certain_placeholder, is_reference, is_uuid};
use super::view::View;
use super::{Findings, blank_run};

/// Schemes of authorization, in lower case.
const SCHEMES: &[&str] = &[
    "basic",
    "bearer",
    "token",
    "digest",
    "apikey",
    "api-key",
    "negotiate",
    "ntlm",
    "ssws",
    "googlelogin auth=",
    "splunk",
    "geniekey",
    "key",
    "aws4-hmac-sha256",
    "pveapitoken=",
    "mediabrowser",
    "discogs",
    "bot",
    "oauth",
    "jwt",
    "zoho-oauthtoken",
    "deepl-auth-key",
    "signature",
];
/// Bytes of credentials in a header.
static CREDENTIALS: ByteSet = ByteSet::parse("A-Za-z0-9._~+/=:%|!@#$^&*-");
/// Most bytes of them.
const MAX_CREDENTIALS: usize = 4000;
/// Most bytes of a line of cookies.
const MAX_COOKIES: usize = 8192;

/// Skips quotation marks, one mark between a name and its value, and blanks. Nothing if no mark is there.
fn skip_mark(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    while at < end + 3 && bytes.get(at).is_some_and(|byte| b"\"'`])".contains(byte)) {
        at += 1;
    }
    let quoted = at > end;
    at = blank_run(bytes, at, 4);
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'='), Some(b'>')) => at += 2,
        (Some(b':' | b'=' | b','), _) => at += 1,
        _ if !quoted && at > end => {}
        _ => return None,
    }
    at = blank_run(bytes, at, 3);
    while bytes.get(at).is_some_and(|byte| b"\"'`[".contains(byte)) {
        at += 1;
    }
    if bytes.get(at).is_some_and(|byte| matches!(byte, b'f' | b'b'))
        && bytes.get(at + 1).is_some_and(|byte| b"\"'".contains(byte))
    {
        at += 2;
    }
    Some(at)
}

/// Finds the credentials behind `Authorization`; returns how far the text was looked at.
pub(super) fn find_authorization(view: &View<'_>, end: usize, findings: &mut Findings<'_>) -> Option<usize> {
    let text = view.text();
    let bytes = text.as_bytes();
    let start = skip_mark(bytes, end)?;
    let window = text.get(start..super::floor_boundary(text, start + 24)).unwrap_or("").to_ascii_lowercase();
    let scheme = SCHEMES.iter().filter(|scheme| {
        window.strip_prefix(**scheme).is_some_and(|rest| scheme.ends_with('=') || rest.starts_with([' ', '\t']))
    });
    let scheme = scheme.max_by_key(|scheme| scheme.len()).copied();
    let mut value = scheme.map_or(start, |scheme| blank_run(bytes, start + scheme.len(), 4));
    for label in ["token=", "key=", "\"", "'"] {
        if text.get(value..).is_some_and(|rest| rest.starts_with(label)) {
            value += label.len();
        }
    }
    let run = CREDENTIALS.run_end(bytes, value, value + MAX_CREDENTIALS);
    let secret = text.get(value..run)?.trim_end_matches(['.', ',', ':', ';']);
    if secret.len() < 6 || is_reference(secret) {
        return Some(run);
    }
    let is_secret = match scheme {
        Some("basic") => {
            secret.len() >= 8
                && !is_certain_placeholder(secret)
                && (is_user_and_password(secret) || looks_generated(secret, 12, false))
        }
        Some(_) => looks_generated(secret, 8, true),
        None => looks_generated(secret, 16, true),
    };
    if is_secret {
        findings.add("auth-header", view, value..value + secret.len());
    }
    Some(run)
}

/// Finds what stands behind the word `Bearer`; returns how far the text was looked at.
pub(super) fn find_bearer(view: &View<'_>, end: usize, findings: &mut Findings<'_>) -> Option<usize> {
    static TOKEN: ByteSet = ByteSet::parse("A-Za-z0-9._~+/=-");
    let text = view.text();
    let bytes = text.as_bytes();
    let mut start = end + usize::from(bytes.get(end).is_some_and(|byte| b"\"'`:".contains(byte)));
    start = blank_run(bytes, start, 3);
    if start == end {
        return None;
    }
    start += usize::from(bytes.get(start).is_some_and(|byte| b"\"'`".contains(byte)));
    let run = TOKEN.run_end(bytes, start, start + MAX_CREDENTIALS);
    let secret = text.get(start..run)?.trim_end_matches(['.', ',']);
    if secret.len() >= 12 && looks_generated(secret, 16, true) {
        findings.add("bearer-token", view, start..start + secret.len());
    }
    Some(run)
}

/// Attributes of cookies and names that hold no secret.
const PUBLIC_COOKIES: &[&str] = &[
    "path", "domain", "expires", "max-age", "samesite", "_gid", "lang", "locale", "theme", "tz", "timezone", "consent",
    "version",
];

/// Finds the values of cookies on the line behind the name; returns how far the text was looked at.
pub(super) fn find_cookies(view: &View<'_>, end: usize, findings: &mut Findings<'_>) -> Option<usize> {
    let text = view.text();
    let bytes = text.as_bytes();
    let start = skip_mark(bytes, end)?;
    let limit = bytes.len().min(start + MAX_COOKIES);
    let line_end =
        bytes.get(start..limit).and_then(|line| memchr::memchr(b'\n', line)).map_or(limit, |length| start + length);
    let mut at = start;
    while let Some(equals) = bytes.get(at..line_end).and_then(|rest| memchr::memchr(b'=', rest)) {
        let equals = at + equals;
        let name_start = NAME.run_start(bytes, equals, equals.saturating_sub(64).max(start));
        let name = text.get(name_start..equals).unwrap_or("").to_ascii_lowercase();
        let value = equals + 1 + usize::from(bytes.get(equals + 1) == Some(&b'"'));
        let rest = bytes.get(value..line_end).unwrap_or(&[]);
        let length =
            rest.iter().position(|byte| byte.is_ascii_whitespace() || b";,\"'\\".contains(byte)).unwrap_or(rest.len());
        at = (value + length).min(line_end).max(equals + 1);
        let is_public = PUBLIC_COOKIES.contains(&name.as_str()) || name.starts_with("_ga");
        let secret = text.get(value..value + length).unwrap_or("");
        let is_session = || ["sess", "sid", "auth", "token"].iter().any(|part| name.contains(part));
        let shown = secret.get(..super::floor_boundary(secret, 512)).unwrap_or(secret);
        let is_secret = is_uuid(secret) && is_session() || looks_generated(shown, 16, false);
        if !name.is_empty() && !is_public && secret.len() >= 8 && is_secret {
            findings.add("cookie", view, value..value + length);
        }
    }
    Some(line_end)
}

/// Returns true for the value of a field of a form or an address that is a password.
pub(super) fn is_field_secret(name: &str, value: &str) -> bool {
    if value.starts_with(['(', '[', '{']) {
        return false;
    }
    let is_id = name.starts_with("code") || name.starts_with("hash") || name.starts_with("key");
    looks_generated(value, 16, !is_id) || name.contains("pass") && looks_like_password(value)
}
