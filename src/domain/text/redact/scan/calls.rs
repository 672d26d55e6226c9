//! Passwords in calls that take a user and a password, in the code of several languages.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::judge::is_password_value;
use super::literals::Literal;
use super::non_secrets::is_reference;
use super::sentences::is_user_name;
use super::view::View;
use super::{Findings, compile};

/// Calls, and a literal that must occur. The secret is the last group.
static CALLS: LazyLock<Vec<(Literal, LazyLock<Regex>)>> = LazyLock::new(|| {
    let calls: Vec<(&str, LazyLock<Regex>)> = vec![
        (
            "uth",
            LazyLock::new(|| {
                compile(concat!(
                    r#"\b(?:auth\s{0,2}=\s{0,2}|(?:Set|HTTP|Http|new |set|use|with)?(?:Basic|Digest)Auth|basic_?auth|HTTPBasicAuth|httpBasicAuth)"#,
                    r#"\(\s{0,4}["']([^"'\n]{1,64})["']\s{0,4},\s{0,4}(?:Some\()?["']([^"'\n]{3,120})["']"#,
                ))
            }),
        ),
        (
            "onnect",
            LazyLock::new(|| {
                compile(
                    r#"onnect(?:ion)?\([^()\n]{1,200}?,\s{0,4}["']([^"'\n]{1,64})["']\s{0,4},\s{0,4}["']([^"'\n]{3,120})["']"#,
                )
            }),
        ),
        (
            "PDO(",
            LazyLock::new(|| {
                compile(r#"PDO\([^()\n]{1,200}?,\s{0,4}["']([^"'\n]{1,64})["']\s{0,4},\s{0,4}["']([^"'\n]{3,120})["']"#)
            }),
        ),
        (
            "mysqli",
            LazyLock::new(|| {
                compile(
                    r#"mysqli\([^()\n]{1,80}?,\s{0,4}["']([^"'\n]{1,64})["']\s{0,4},\s{0,4}["']([^"'\n]{3,120})["']"#,
                )
            }),
        ),
        (
            "ConvertTo-SecureString",
            LazyLock::new(|| compile(r#"ConvertTo-SecureString\s+(?:-String\s+)?["']([^"'\n]{3,120})["']"#)),
        ),
        (
            "Credential",
            LazyLock::new(|| {
                compile(
                    r#"(?:NetworkCredential|UsernamePasswordCredentials?|Credentials)\(\s{0,4}["']([^"'\n]{1,64})["']\s{0,4},\s{0,4}["']([^"'\n]{3,120})["']"#,
                )
            }),
        ),
        (
            "hex",
            LazyLock::new(|| compile(&DECODED_KEY.replace("FUNCTION", "[A-Za-z0-9_.]{0,40}hex[A-Za-z0-9_.]{0,20}"))),
        ),
        ("64", LazyLock::new(|| compile(&DECODED_KEY.replace("FUNCTION", "[A-Za-z0-9_.]{0,40}64[A-Za-z0-9_.]{0,20}")))),
        ("btoa(", LazyLock::new(|| compile(r#"btoa\(\s{0,4}["'`]([^"'`:\n]{1,64}):([^"'`\n]{3,120})["'`]"#))),
        ("b64encode(", LazyLock::new(|| compile(r#"b64encode\(\s{0,4}b?["']([^"':\n]{1,64}):([^"'\n]{3,120})["']"#))),
        (
            "Buffer.from(",
            LazyLock::new(|| compile(r#"Buffer\.from\(\s{0,4}["'`]([^"'`:\n]{1,64}):([^"'`\n]{3,120})["'`]"#)),
        ),
    ];
    calls.into_iter().map(|(literal, pattern)| (Literal::new(literal), pattern)).collect()
});

/// A key that a call decodes, on the line of a name that says so.
const DECODED_KEY: &str = r#"(?i)(?:key|secret|token)[A-Za-z0-9_]{0,20}\s{0,3}:?=\s{0,3}FUNCTION\(\s{0,3}b?["']([A-Za-z0-9+/=_-]{24,200})["']"#;

/// Finds the passwords of such calls.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    let text = view.text();
    for (literal, pattern) in CALLS.iter() {
        if !literal.occurs_in(view) {
            continue;
        }
        for captures in pattern.captures_iter(text.as_bytes()) {
            let mut groups = captures.iter().skip(1).flatten();
            let (first, second) = (groups.next(), groups.next());
            let Some(secret) = second.or(first) else { continue };
            let is_user = second.is_none() || first.and_then(|user| text.get(user.range())).is_some_and(is_user_name);
            let accepts = |secret: &str| is_password_value(secret, true, true) && !is_reference(secret);
            if is_user && text.get(secret.range()).is_some_and(accepts) {
                findings.add("password", view, secret.range());
            }
        }
    }
}
