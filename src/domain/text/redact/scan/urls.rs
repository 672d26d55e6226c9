//! Secrets in addresses: the password before the host, a token in the query.

use std::sync::LazyLock;

use super::byte_set::{ByteSet, NAME};
use super::headers::is_field_secret;
use super::judge::looks_generated;
use super::literals::Literal;
use super::non_secrets::{is_certain_placeholder, is_identifier, is_no_value, is_reference};
use super::view::View;
use super::{Findings, floor_boundary};

/// Bytes of the part before the host that are looked at.
const MAX_USER_INFO: usize = 320;
/// Most bytes of a value in a query.
const MAX_QUERY_VALUE: usize = 2000;

/// Finds secrets in addresses. Each address is looked at once.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    static ADDRESS: LazyLock<Literal> = LazyLock::new(|| Literal::new("://"));
    static PROTOCOLS: LazyLock<[Literal; 3]> = LazyLock::new(|| ["@tcp(", "@unix(", "@udp("].map(Literal::new));
    let bytes = view.text().as_bytes();
    let mut done = 0;
    for mark in ADDRESS.find_in(view) {
        if mark >= done && mark.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric) {
            done = find_user_info(view, mark + 3, findings).max(mark + 3);
        }
    }
    for at in PROTOCOLS.iter().flat_map(|mark| mark.find_in(view)) {
        find_before_protocol(view, at, findings);
    }
    find_query(view, findings);
}

/// Finds the password of `user:password@tcp(host)`, the form of Go's drivers.
fn find_before_protocol(view: &View<'_>, at: usize, findings: &mut Findings<'_>) {
    let text = view.text();
    let before = text.get(floor_boundary(text, at.saturating_sub(120))..at).unwrap_or("");
    let start =
        before.rfind(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '=')).map_or(0, |start| start + 1);
    let Some((user, password)) = before.get(start..).and_then(|pair| pair.split_once(':')) else { return };
    let is_none =
        password.len() < 2 || is_reference(password) || is_no_value(password) || is_certain_placeholder(password);
    if !user.is_empty() && !is_none {
        findings.add("url-password", view, at - password.len()..at);
    }
}

/// Finds the password, or the token, between `://` and `@`.
fn find_user_info(view: &View<'_>, start: usize, findings: &mut Findings<'_>) -> usize {
    static HOST: ByteSet = ByteSet::parse("A-Za-z0-9.[_-");
    let text = view.text();
    let bytes = text.as_bytes();
    let window = text.get(start..floor_boundary(text, start + MAX_USER_INFO)).unwrap_or("");
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
    let window = window.get(..window.find(ends).unwrap_or(window.len())).unwrap_or(window);
    let window = window.find("://").map_or(window, |next| window.get(..next).unwrap_or(window));
    let end = start + window.len();
    // The password may hold an `@`: the last one before the path that a host follows.
    let head = window.find('/').unwrap_or(window.len());
    let is_host = |at: usize| bytes.get(start + at + 1).is_some_and(|byte| HOST.contains(*byte));
    let plain = window.get(..head).unwrap_or("").rfind('@').filter(|at| is_host(*at));
    let at = plain.or_else(|| window.rfind('@').filter(|at| is_host(*at) && holds_slash(window, *at)));
    let Some(at) = at else { return end };
    let user_info = window.get(..at).unwrap_or("");
    let Some((user, password)) = user_info.split_once(':') else {
        if looks_generated(user_info, 20, false)
            && user_info.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            findings.add("url-password", view, start..start + at);
        }
        return end;
    };
    let is_masked = password.starts_with(['$', '{', '*']) && is_reference(password)
        || password == "%s"
        || password.bytes().all(|byte| b"*xX.".contains(&byte));
    let is_port = password.len() <= 5 && password.bytes().all(|byte| byte.is_ascii_digit()) && user.is_empty();
    let speaks_of_one = password.to_ascii_lowercase().contains("pass") && is_identifier(password);
    let is_none = password.len() < 2
        || is_masked
        || is_port
        || speaks_of_one
        || is_reference(password)
        || is_certain_placeholder(password)
        || is_no_value(password)
        || is_identifier(password) && password.len() < 4;
    if !is_none {
        findings.add("url-password", view, start + user.len() + 1..start + at);
    }
    end
}

/// Returns true if what stands before the `@` can be a password with a slash in it, and not a path.
fn holds_slash(window: &str, at: usize) -> bool {
    let Some((user, password)) = window.get(..at).and_then(|info| info.split_once(':')) else { return false };
    let slashes = password.matches('/').count();
    let port = password.split('/').next().unwrap_or("");
    !user.contains('/')
        && slashes <= 2
        && password.bytes().any(|byte| byte.is_ascii_digit())
        && !port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Last words of names of query fields that hold a secret.
const QUERY_NAMES: &[&str] = &[
    "token",
    "code",
    "sig",
    "signature",
    "key",
    "apikey",
    "secret",
    "password",
    "passwd",
    "pwd",
    "pass",
    "auth",
    "session",
    "sid",
    "access_token",
    "id_token",
    "refresh_token",
    "ticket",
    "jwt",
    "credential",
    "hash",
    "otp",
    "invite",
    "oobcode",
    "magic",
];

/// Finds the values of fields behind `?`, `&`, `#` and `;`.
fn find_query(view: &View<'_>, findings: &mut Findings<'_>) {
    let text = view.text();
    let bytes = text.as_bytes();
    let mut done = 0;
    for equals in memchr::memchr_iter(b'=', bytes) {
        if equals < done {
            continue;
        }
        let name_start = NAME.run_start(bytes, equals, equals.saturating_sub(48));
        let mark = name_start.checked_sub(1).and_then(|at| bytes.get(at));
        if !matches!(mark, Some(b'?' | b'&' | b'#' | b';')) {
            continue;
        }
        let name = text.get(name_start..equals).unwrap_or("").to_ascii_lowercase();
        let last = name.rsplit(['_', '.', '-']).next().unwrap_or("");
        if !QUERY_NAMES.contains(&last) && !QUERY_NAMES.contains(&name.as_str()) {
            continue;
        }
        let limit = bytes.len().min(equals + 1 + MAX_QUERY_VALUE);
        let rest = bytes.get(equals + 1..limit).unwrap_or(&[]);
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"&\"'`<>#;".contains(byte);
        let end = equals + 1 + rest.iter().position(ends).unwrap_or(rest.len());
        done = if end - equals > 200 { end } else { equals + 1 };
        let value = text.get(equals + 1..end).unwrap_or("");
        if value.len() >= 6 && is_field_secret(&name, value) {
            findings.add("url-query", view, equals + 1..end);
        }
    }
}
