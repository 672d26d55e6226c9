//! Files that hold secrets in a form of their own: tables, `.pgpass`, Kubernetes, XML, Docker, `.npmrc`.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::byte_set::ByteSet;
use super::encoded::is_user_and_password;
use super::judge::{is_password_value, is_stated_password, looks_generated, looks_like_password};
use super::key_names::{NameKind, classify};
use super::literals::Literal;
use super::makeup::has_strong_sign;
use super::non_secrets::is_reference;
use super::view::View;
use super::{Findings, compile, floor_boundary, lines_of};

/// Literals that files of these forms hold.
const LITERALS: &[&str] = &[
    "\"auth\"",
    "_password",
    "_auth",
    "<input",
    "</",
    "alue",
    "pgpass",
    "\"kty\"",
    "TRUE\t",
    "FALSE\t",
    "chpasswd:",
    "RSAKeyValue",
    "ind: Secret",
    "ind\": \"Secret",
    "private",
    "PRIVATE",
    "deployer",
    "私钥",
    "secret",
];

static FINDERS: LazyLock<Vec<Literal>> = LazyLock::new(|| LITERALS.iter().map(|text| Literal::new(text)).collect());

/// Returns true if the text holds a literal of [`LITERALS`].
fn holds(view: &View<'_>, literal: &str) -> bool {
    let place = LITERALS.iter().position(|known| *known == literal);
    place.and_then(|place| FINDERS.get(place)).is_some_and(|finder| finder.occurs_in(view))
}

/// Finds secrets in files of known forms.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    static HEX: ByteSet = ByteSet::parse("A-Fa-f0-9");
    let text = view.text();
    let has = |literal: &str| holds(view, literal);
    if findings.has_names && memchr::memchr3(b'\n', b'|', b'\t', text.as_bytes()).is_some() {
        find_in_tables(view, findings);
    }
    if has("\"auth\"") {
        find_each(&DOCKER_AUTH, view, "registry-auth", findings, |secret, _| {
            is_user_and_password(secret) || looks_generated(secret, 12, false)
        });
    }
    if has("_password") || has("_auth") {
        find_each(&NPM_PASSWORD, view, "npm-token", findings, |secret, _| !is_reference(secret));
    }
    if has("<input") {
        find_each(&PASSWORD_INPUT, view, "password", findings, |secret, _| is_password_value(secret, true, true));
    }
    if has("</") {
        find_named(&TAG, view, findings);
    }
    if has("alue") {
        find_named(&NAME_ATTRIBUTE, view, findings);
        find_named(&NAME_FIELD, view, findings);
    }
    if has_pgpass_line(text) {
        let is_shown = has("pgpass");
        find_each(&PGPASS, view, "password", findings, |secret, _| {
            !is_reference(secret)
                && !secret.bytes().all(|byte| byte.is_ascii_digit())
                && (looks_like_password(secret) || is_shown)
        });
    }
    if has("\"kty\"") {
        find_each(&JWK_MEMBER, view, "private-key", findings, |secret, _| {
            looks_generated(secret, 20, false) || secret.len() > 40
        });
    }
    if has("TRUE\t") || has("FALSE\t") {
        find_each(&COOKIE_FILE, view, "cookie", findings, |secret, _| looks_generated(secret, 16, true));
    }
    if has("chpasswd:") {
        find_each(&CHPASSWD, view, "password", findings, |secret, _| is_password_value(secret, true, true));
    }
    if has("RSAKeyValue") {
        find_each(&XML_KEY_MEMBER, view, "private-key", findings, |_, _| true);
    }
    if has("ind: Secret") || has("ind\": \"Secret") {
        find_kubernetes_secrets(view, findings);
    }
    if HEX.next_run(text.as_bytes(), 0, 64).is_some()
        && (has("private") || has("PRIVATE") || has("deployer") || has("私钥") || has("secret"))
    {
        find_each(&WALLET_KEY, view, "wallet-key", findings, |_, _| true);
    }
}

static DOCKER_AUTH: LazyLock<Regex> = LazyLock::new(|| compile(r#""auth"\s{0,4}:\s{0,4}"([A-Za-z0-9+/=_-]{8,2000})""#));
static NPM_PASSWORD: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"(?:^|[:/ \n])_(?:password|auth)\s{0,4}=\s{0,4}"?([A-Za-z0-9+/=]{6,400})"#));
static PASSWORD_INPUT: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"(?i)<input\s[^<>]{0,200}?type=["']?password["']?[^<>]{0,200}?\svalue=["']([^"'<>]{4,100})["']"#)
});
static TAG: LazyLock<Regex> =
    LazyLock::new(|| compile(r"<([A-Za-z_][A-Za-z0-9_:.-]{1,60})(?:\s[^<>]{0,100})?>([^<>\n]{3,300})</"));
static NAME_ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r#"(?i)<(?:add|property|entry|param|setting|env|item)\s[^<>]{0,60}?(?:key|name)\s*=\s*["']([^"']{2,60})["']"#,
        r#"[^<>]{0,20}?value\s*=\s*["']([^"']{3,200})["']"#,
    ))
});
static NAME_FIELD: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r#"["']?\b(?:name|key|Name|Key|ParameterKey)["']?\s{0,3}[:=]\s{0,3}["']?([A-Za-z_][A-Za-z0-9_.-]{2,60})["']?,?\s{0,3}\n?[ \t]{0,20}"#,
        r#"["']?(?:value|Value|ParameterValue)["']?\s{0,3}[:=]\s{0,3}["']?([^\s"',}]{4,200})"#,
    ))
});
static PGPASS: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"(?m)^[ \t]{0,20}(?:[A-Za-z0-9_.*-]{1,80}):(?:[0-9]{2,5}|\*):(?:[A-Za-z0-9_.*-]{1,64}):(?:[A-Za-z0-9_.*@-]{1,64}):",
        r#"([^\s:"'`]{3,128})["'`}.]{0,4}$"#,
    ))
});
/// Private members of a JSON Web Key.
static JWK_MEMBER: LazyLock<Regex> =
    LazyLock::new(|| compile(r#""(?:d|p|q|dp|dq|qi|k)"\s{0,3}:\s{0,3}"([A-Za-z0-9_-]{20,2000})""#));
/// Private members of an XML key.
static XML_KEY_MEMBER: LazyLock<Regex> =
    LazyLock::new(|| compile(r"<(?:D|P|Q|DP|DQ|InverseQ)>\s{0,4}([A-Za-z0-9+/=]{16,2000})"));
/// A line of a cookie file of Netscape's form.
static COOKIE_FILE: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?:TRUE|FALSE)\t[^\t\n]{1,200}\t(?:TRUE|FALSE)\t[0-9]{1,12}\t[^\t\n]{1,100}\t([^\s]{8,4000})")
});
/// A list of users and passwords for a new machine.
static CHPASSWD: LazyLock<Regex> =
    LazyLock::new(|| compile(r"chpasswd:[^\n]*\n(?:[^\n]{0,80}\n){0,3}?[ \t-]+[a-z][a-z0-9_-]{0,31}:([^\s:]{5,80})"));
static WALLET_KEY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(?:private[ _-]?key|priv[ _-]?key|deployer|\xE7\xA7\x81\xE9\x92\xA5|secret[ _-]?key)[^\n]{0,40}?\b(0x[a-f0-9]{64}|[a-f0-9]{64})\b",
    )
});

/// Returns true if a line has four colons and no blank.
fn has_pgpass_line(text: &str) -> bool {
    let bytes = text.as_bytes();
    if memchr::memchr_iter(b':', bytes).nth(3).is_none() {
        return false;
    }
    // Colons of the line of the last one.
    let (mut last, mut count) = (0, 0);
    let is_line = |colon: usize| {
        let start = memchr::memrchr(b'\n', bytes.get(..colon).unwrap_or(&[])).map_or(0, |newline| newline + 1);
        let rest = bytes.get(start..).unwrap_or(&[]);
        let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or(rest).trim_ascii();
        line.len() < 500 && memchr::memchr(b' ', line).is_none()
    };
    for colon in memchr::memchr_iter(b':', bytes) {
        if count > 0 && memchr::memchr(b'\n', bytes.get(last..colon).unwrap_or(&[])).is_some() {
            if count == 4 && is_line(last) {
                return true;
            }
            count = 0;
        }
        (last, count) = (colon, count + 1);
    }
    count == 4 && is_line(last)
}

/// Adds the first group of each match that is a secret.
fn find_each(
    pattern: &Regex,
    view: &View<'_>,
    rule: &'static str,
    findings: &mut Findings<'_>,
    is_secret: impl Fn(&str, usize) -> bool,
) {
    let text = view.text();
    for captures in pattern.captures_iter(text.as_bytes()) {
        let Some(group) = captures.get(1) else { continue };
        if text.get(group.range()).is_some_and(|secret| is_secret(secret, group.start())) {
            findings.add(rule, view, group.range());
        }
    }
}

/// Adds the second group of each match whose first group is a name that promises a password or a secret.
fn find_named(pattern: &Regex, view: &View<'_>, findings: &mut Findings<'_>) {
    let text = view.text();
    for captures in pattern.captures_iter(text.as_bytes()) {
        let (Some(name), Some(value)) = (captures.get(1), captures.get(2)) else { continue };
        let (Some(name), Some(secret)) = (text.get(name.range()), text.get(value.range())) else { continue };
        let secret = secret.trim();
        let is_secret = match classify(name) {
            Some(NameKind::Password) => is_password_value(secret, true, true),
            Some(NameKind::Secret) => {
                looks_generated(secret, 8, true)
                    || looks_like_password(secret) && secret.len() >= 8 && has_strong_sign(secret)
            }
            _ => false,
        };
        if is_secret {
            findings.add("assigned-secret", view, value.range());
        }
    }
}

/// Most columns and rows of a table.
const MAX_COLUMNS: usize = 40;
const MAX_ROWS: usize = 200;
/// Most bytes of a line of a table.
const MAX_ROW: usize = 2000;

/// Finds the columns of passwords in tables: Markdown, CSV, columns between tabs.
pub(super) fn find_in_tables(view: &View<'_>, findings: &mut Findings<'_>) {
    let mut columns: Option<(char, Vec<usize>, usize, usize)> = None;
    for (start, line) in lines_of(view.text()) {
        let row = line.trim_end_matches(['\n', '\r']);
        if let Some((mark, secret_columns, width, rows)) = &mut columns {
            let is_rule = row.bytes().all(|byte| b"|+:=- \t".contains(&byte)) && !row.is_empty();
            if row.len() <= MAX_ROW && *rows < MAX_ROWS && (is_rule || row.split(*mark).count() == *width) {
                *rows += 1;
                mark_cells(view, start, row, *mark, secret_columns, findings);
                continue;
            }
        }
        columns = read_table_head(row);
        mark_labelled_cell(view, start, row, findings);
    }
}

/// Finds the value in the cell behind a label, in a row of two or three cells: `| Password | … |`.
fn mark_labelled_cell(view: &View<'_>, start: usize, row: &str, findings: &mut Findings<'_>) {
    let Some(mark) = ['|', '\t'].into_iter().find(|mark| row.contains(*mark)).filter(|_| row.len() <= 400) else {
        return;
    };
    let mut at = start;
    let mut cells = [(0, ""); 3];
    let mut count = 0;
    for cell in row.split(mark) {
        let text = trim_cell(cell);
        if !text.is_empty() {
            let Some(slot) = cells.get_mut(count) else { return };
            *slot = (at + cell.find(text).unwrap_or(0), text);
            count += 1;
        }
        at += cell.len() + mark.len_utf8();
    }
    // A number before the label counts the rows.
    let is_counted =
        count == 3 && cells.first().is_some_and(|(_, cell)| cell.bytes().all(|byte| byte.is_ascii_digit()));
    let [first, second, third] = cells;
    let ((_, label), (place, secret)) = if is_counted { (second, third) } else { (first, second) };
    let label = label.trim_end_matches([':', ' ']);
    let kind = if is_chinese_label(label) {
        Some(NameKind::Password)
    } else {
        classify(label).filter(|_| label.len() <= 40 && !label.contains(['=', ':', '<', '(']))
    };
    let is_secret = match kind {
        Some(NameKind::Password) => looks_like_password(secret) || is_stated_password(secret),
        Some(NameKind::Secret) => looks_generated(secret, 12, true),
        _ => false,
    };
    if is_secret {
        findings.add("password", view, place..place + secret.len());
    }
}

/// Returns true for a label that names a password in Chinese: `密码`, `登录密码`, `管理员口令`.
fn is_chinese_label(label: &str) -> bool {
    label.chars().count() <= 10 && ["密码", "口令", "密碼", "パスワード"].iter().any(|name| label.ends_with(name))
}

/// Returns the mark between columns, the columns that hold secrets, the number of columns and a count of rows.
fn read_table_head(row: &str) -> Option<(char, Vec<usize>, usize, usize)> {
    // Signs that no head of a column has, whatever stands between the columns.
    static OTHER: ByteSet = ByteSet::parse("!#$%&'()+/:<=>?@[\\]^{}~");
    if row.len() > 400 || row.len() < 9 || row.bytes().any(|byte| OTHER.contains(byte)) {
        return None;
    }
    ['|', '\t', ',', ';'].into_iter().find_map(|mark| {
        let is_head = |cell: &str| {
            let is_edge = cell.is_empty() && matches!(mark, '|' | '\t');
            let is_name = |byte: u8| !byte.is_ascii_punctuation() || b"_-.".contains(&byte);
            cell.len() <= 40 && (is_edge || !cell.is_empty() && cell.bytes().all(is_name))
        };
        if !row.contains(mark) || !row.split(mark).map(trim_cell).all(is_head) {
            return None;
        }
        let cells: Vec<&str> = row.split(mark).map(trim_cell).collect();
        if cells.len() > MAX_COLUMNS {
            return None;
        }
        let is_secret = |cell: &&str| {
            is_chinese_label(cell)
                || !cell.contains([' ', ':', '='])
                    && matches!(classify(cell), Some(NameKind::Password | NameKind::Secret))
        };
        let columns: Vec<usize> =
            cells.iter().enumerate().filter(|(_, cell)| is_secret(cell)).map(|(index, _)| index).collect();
        (!columns.is_empty()).then_some((mark, columns, cells.len(), 0))
    })
}

fn trim_cell(cell: &str) -> &str {
    cell.trim().trim_matches(['"', '`', '*', ' '])
}

fn mark_cells(view: &View<'_>, start: usize, row: &str, mark: char, columns: &[usize], findings: &mut Findings<'_>) {
    let mut at = start;
    for (index, cell) in row.split(mark).enumerate() {
        let secret = trim_cell(cell);
        let is_secret = || {
            looks_like_password(secret) && (has_strong_sign(secret) || looks_generated(secret, 10, false))
                || secret.bytes().filter(u8::is_ascii_digit).count() > 1 && is_stated_password(secret)
                || looks_generated(secret, 16, true)
        };
        if columns.contains(&index) && !secret.is_empty() && is_secret() {
            let offset = cell.find(secret).unwrap_or(0);
            findings.add("password", view, at + offset..at + offset + secret.len());
        }
        at += cell.len() + mark.len_utf8();
    }
}

/// Finds the values below `data:` and `stringData:` of Kubernetes secrets.
fn find_kubernetes_secrets(view: &View<'_>, findings: &mut Findings<'_>) {
    const NEAR: usize = 4000;
    let text = view.text();
    let (mut block, mut last_secret): (Option<usize>, Option<usize>) = (None, None);
    for (start, line) in lines_of(text) {
        let body = line.trim_end();
        let indent = body.len() - body.trim_start().len();
        if body.contains("kind: Secret") {
            last_secret = Some(start);
        }
        if let Some(outer) = block {
            let pair = body.trim_start().split_once(": ");
            match pair {
                Some((_, value)) if indent > outer => {
                    let value = value.trim().trim_matches(['"', '\'']);
                    let is_value =
                        value.len() >= 4 && !is_reference(value) && !matches!(value, "|" | ">" | "|-" | ">-");
                    let offset = body.rfind(value).unwrap_or(0);
                    if is_value {
                        findings.add("kubernetes-secret", view, start + offset..start + offset + value.len());
                    }
                }
                _ if indent > outer || body.is_empty() => {}
                _ => block = None,
            }
        }
        if matches!(body.trim_matches([' ', '-']), "data:" | "stringData:" | "binaryData:") {
            let is_near = last_secret.is_some_and(|secret| start - secret < NEAR)
                || text
                    .get(start..floor_boundary(text, start + NEAR / 2))
                    .is_some_and(|rest| rest.contains("kind: Secret"));
            block = is_near.then_some(indent);
        }
    }
}
