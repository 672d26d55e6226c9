//! Values behind names: `NAME=value` of an environment, files of all kinds, flags, headers, calls, SQL, sentences.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::beginnings::Beginnings;
use super::judge::{is_password_value, is_stated_password, looks_generated, looks_like_password};
use super::key_names::{NameKind, classify, makes_key_public, name_around, qualifies_key};
use super::makeup::{entropy, has_digit, has_strong_sign};
use super::non_secrets::{
    has_uuid, is_call, is_file_name, is_no_value, is_number_like, is_path, is_placeholder, is_reference, is_uuid,
};
use super::values::{Separator, Value, is_pictograph, read_separator, read_value, run_without_blank, word_before};
use super::view::View;
use super::{Findings, compile, first_line, floor_boundary, headers, last_line, sentences};

/// Stems of names. Those of the second list are parts of many words and count only at the end of one.
const STEMS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "cred",
    "auth",
    "session",
    "cookie",
    "signature",
    "connection",
    "bearer",
    "webhook",
    "identified",
    "kennwort",
    "senha",
    "contraseña",
    "contrasena",
    "Пароль",
    "Ключ",
    "Токен",
    "Şifre",
    "clave",
    "wachtwoord",
    "parola",
    "şifre",
    "hasło",
    "пароль",
    "mot de passe",
    "clé",
    "chave",
    "schlüssel",
    "ключ",
    "токен",
    "密码",
    "密碼",
    "口令",
    "密钥",
    "密鑰",
    "秘钥",
    "金鑰",
    "令牌",
    "授权码",
    "キー",
    "パスフレーズ",
    "トークン",
    "シークレット",
    "토큰",
    "시크릿",
    "私钥",
    "私鑰",
    "凭证",
    "憑證",
    "暗号",
    "パスワード",
    "비밀번호",
];
const SHORT_STEMS: &[&str] = &[
    "sid",
    "psk",
    "hmac",
    "dsn",
    "conn",
    "pw",
    "pat",
    "seed",
    "jwt",
    "otp",
    "sig",
    "pin",
    "salt",
    "_sk",
    "mdp",
    "sess",
    "sessid",
    "_jct",
    "community",
];

/// Returns all stems.
pub(super) fn stems() -> impl Iterator<Item = &'static str> {
    STEMS.iter().chain(SHORT_STEMS).copied()
}

static STEM_BEGINNINGS: LazyLock<Beginnings> = LazyLock::new(|| Beginnings::new(stems()));

/// Names of passwords in other languages.
const FOREIGN_NAMES: &[&str] = &[
    "пароль",
    "mot de passe",
    "contraseña",
    "contrasena",
    "senha",
    "kennwort",
    "clave",
    "wachtwoord",
    "parola",
    "şifre",
    "hasło",
    "mdp",
];
/// Names of keys and tokens in other languages.
const FOREIGN_SECRETS: &[&str] = &["clé", "chave", "schlüssel", "ключ", "токен"];

static FOREIGN_NAME_BEGINNINGS: LazyLock<Beginnings> = LazyLock::new(|| Beginnings::new(FOREIGN_NAMES.iter().copied()));
static FOREIGN_SECRET_BEGINNINGS: LazyLock<Beginnings> =
    LazyLock::new(|| Beginnings::new(FOREIGN_SECRETS.iter().copied()));

/// Finds the values of names.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    let text = view.text();
    let bytes = text.as_bytes();
    // End of the last stem: stems do not overlap.
    let mut last_end = 0;
    let mut done = 0;
    for start in view.grams().names().iter().copied() {
        if start < last_end {
            continue;
        }
        let rest = bytes.get(start..).unwrap_or(&[]);
        let Some((index, stem)) = STEM_BEGINNINGS.find_any_case(rest) else { continue };
        let end = start + stem.len();
        last_end = end;
        if start < done {
            continue;
        }
        if sentences::is_chinese(stem) {
            done = end;
            findings.has_names = true;
            sentences::find_behind_chinese(view, start..end, findings);
            continue;
        }
        if index >= STEMS.len() && bytes.get(end).is_some_and(u8::is_ascii_lowercase) {
            continue;
        }
        let name = if stem.is_ascii() {
            name_around(bytes, start, end)
        } else {
            // Endings of the word in its language.
            let ending =
                text.get(end..).map_or(0, |rest| rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
            start..end + ending.min(24)
        };
        done = name.end;
        let next = Assignment { view, name }.find(findings);
        done = done.max(next.unwrap_or(0));
    }
}

/// A name, and what may stand behind it.
struct Assignment<'v> {
    view: &'v View<'v>,
    name: std::ops::Range<usize>,
}

impl Assignment<'_> {
    fn text(&self) -> &str {
        self.view.text()
    }

    fn name(&self) -> &str {
        self.text().get(self.name.clone()).unwrap_or("")
    }

    /// Finds the value; returns how far the text was looked at.
    fn find(&self, findings: &mut Findings<'_>) -> Option<usize> {
        let name = self.name();
        let is_lower = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let lower = &*if is_lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) };
        if lower == "identified" {
            find_identified_by(self.view, self.name.end, findings);
            return None;
        }
        if lower.ends_with("authorization") {
            return headers::find_authorization(self.view, self.name.end, findings);
        }
        if lower.ends_with("cookie") || lower.ends_with("cookies") {
            return headers::find_cookies(self.view, self.name.end, findings);
        }
        if lower == "bearer" {
            return headers::find_bearer(self.view, self.name.end, findings);
        }
        let mut kind = classify(self.name());
        let foreign = FOREIGN_NAME_BEGINNINGS.find(lower.as_bytes());
        if foreign.is_some_and(|(_, name)| lower == name || !name.is_ascii()) {
            kind = Some(NameKind::Password);
        }
        if FOREIGN_SECRET_BEGINNINGS.find(lower.as_bytes()).is_some() {
            kind = Some(NameKind::Secret);
        }
        if lower == "key" && makes_key_public(word_before(self.text(), self.name.start)) {
            return None;
        }
        if lower == "key" && qualifies_key(word_before(self.text(), self.name.start)) {
            kind = Some(NameKind::Secret);
        }
        let kind = kind?;
        findings.has_names = true;
        let done = self.find_behind(kind, lower, findings);
        if kind == NameKind::Password || matches!(lower, "token" | "secret" | "key") {
            sentences::find_before(self.view, self.name.start, findings);
        }
        done
    }

    fn find_behind(&self, kind: NameKind, lower: &str, findings: &mut Findings<'_>) -> Option<usize> {
        let (text, end) = (self.text(), self.name.end);
        let bytes = text.as_bytes();
        let is_part_of_path = bytes.get(self.name.start.saturating_sub(2)..self.name.start) == Some(b"::")
            || bytes.get(end..end + 2) == Some(b"::");
        if is_part_of_path {
            return None;
        }
        let stated = sentences::find_stated(text, end, kind);
        if let Some(last) = stated.last().map(|value| value.end) {
            stated.iter().for_each(|value| findings.add("password-in-prose", self.view, value.start..value.end));
            return Some(last);
        }
        if sentences::find_behind_chinese_words(self.view, end, kind, findings) {
            return None;
        }
        if lower.ends_with("passphrase") {
            sentences::find_phrase(self.view, end, findings);
        }
        if kind == NameKind::Password && bytes.get(end) == Some(&b'\n') && self.is_whole_name_line() {
            sentences::find_on_next_line(self.view, end, kind, findings);
            return None;
        }
        if kind != NameKind::Key {
            sentences::find_announced(self.view, end, kind, findings);
        }
        // `arn:aws:secretsmanager:…:secret:name`
        let before = bytes.get(self.name.start.saturating_sub(2)..self.name.start);
        let is_within_name = matches!(before, Some([letter, b':']) if letter.is_ascii_alphanumeric());
        let read = read_separator(text, end).or_else(|| read_separator(text, skip_number(text, end)?))?;
        if is_within_name && read.separator == Separator::Colon {
            return None;
        }
        if read.wrapped && read.separator != Separator::Colon && read.separator != Separator::Assign {
            return None;
        }
        match read.separator {
            Separator::Blank => self.find_behind_blank(kind, lower, read.value, findings),
            // Elements of XML are read as such; a `>` alone says nothing.
            Separator::Tag => None,
            Separator::Argument => {
                let value = read_value(text, read.value).filter(|value| value.quoted)?;
                let secret = text.get(value.start..value.end)?;
                let is_secret = match kind {
                    // define('DB_PASSWORD', '…')
                    NameKind::Password => {
                        looks_like_password(secret)
                            || self.is_quoted_constant() && is_password_value(secret, true, true)
                    }
                    NameKind::Secret => {
                        looks_generated(secret, 16, true)
                            || self.is_quoted_constant() && looks_generated(&secret.replace(' ', ""), 32, true)
                    }
                    NameKind::Key => looks_generated(secret, 32, false),
                };
                is_secret.then(|| findings.add("assigned-secret", self.view, value.start..value.end));
                Some(value.end)
            }
            separator => {
                let value = read_value(text, read.value)?;
                // Tables are read by their heads; a bar between two words says little.
                let cell = text.get(value.start..value.end)?;
                if separator == Separator::Bar && !has_strong_sign(cell) && !looks_generated(cell, 20, false) {
                    return None;
                }
                let place = Place { kind, separator, spaced: read.spaced, lower };
                self.find_assigned(&place, value, findings)
            }
        }
    }

    /// Returns true if the name is all that stands before the end of its line.
    fn is_whole_name_line(&self) -> bool {
        self.text().get(..self.name.start).is_none_or(|before| last_line(before).trim().is_empty())
    }

    /// Returns true for a name in capital letters and quotation marks.
    fn is_quoted_constant(&self) -> bool {
        let mark = self.name.start.checked_sub(1).and_then(|at| self.text().as_bytes().get(at));
        matches!(mark, Some(b'"' | b'\'')) && !self.name().bytes().any(|byte| byte.is_ascii_lowercase())
    }

    /// Finds the value behind `=`, `:`, `|` or a tag.
    fn find_assigned(&self, place: &Place<'_>, value: Value, findings: &mut Findings<'_>) -> Option<usize> {
        let text = self.text();
        let secret = text.get(value.start..value.end)?;
        let run = run_without_blank(text.as_bytes(), value.start);
        // A long run is judged once, not at each name within it.
        let is_long = !value.quoted && secret.len() > 200;
        let done = if is_long { Some(run) } else { None };
        if is_long && secret.get(..60).is_some_and(|start| start.contains('=')) {
            return done;
        }
        let is_other = place.separator == Separator::Compare && !value.quoted
            || looks_like_regex(secret)
            || !value.quoted && (secret.starts_with("!vault") || matches!(secret, "|" | ">" | "|-"));
        if is_other
            || !value.quoted
                && secret.bytes().all(|byte| byte.is_ascii_digit())
                && secret.len() < 9
                && !self.is_whole_line(value)
        {
            return done;
        }
        if place.accepts(secret, value.quoted) || place.kind == NameKind::Password && self.accepts_weak(place, value) {
            let rule = if place.kind == NameKind::Password { "password" } else { "assigned-secret" };
            findings.add(rule, self.view, value.start..value.end);
            return Some(value.end);
        }
        if place.is_bare(value.quoted) && (place.kind != NameKind::Key || place.lower.contains("cred")) {
            let is_name =
                |user: &str| sentences::is_user_name(user) && user.bytes().any(|byte| byte.is_ascii_alphabetic());
            let pair = [':', '/'].iter().filter_map(|mark| secret.split_once(*mark));
            for (user, password) in pair {
                if is_name(user) && looks_like_password(password) && !password.contains('/') {
                    findings.add("password", self.view, value.start + user.len() + 1..value.end);
                    return Some(value.end);
                }
            }
        }
        done
    }

    /// Returns true if name and value are all that their line holds.
    fn is_whole_line(&self, value: Value) -> bool {
        let text = self.text();
        let line = text.get(..self.name.start).map_or("", last_line);
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || "-*+>\"'".contains(c));
        let line = ["export ", "set ", "ENV ", "ARG "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line);
        let behind = text.get(value.end..).map_or("", first_line);
        line.trim_matches(['"', '\'']).is_empty()
            && behind.len() < 12
            && behind.trim_matches(|c: char| " \t\r,;\"'}".contains(c) || is_pictograph(c)).is_empty()
    }

    /// Accepts a weak word behind a password's name, where name and value are all that the line holds.
    fn accepts_weak(&self, place: &Place<'_>, value: Value) -> bool {
        let text = self.text();
        let secret = text.get(value.start..value.end).unwrap_or("");
        let name = self.name();
        if !(4..=40).contains(&secret.len())
            || is_reference(secret)
            || is_no_value(secret)
            || is_placeholder(secret)
            || secret.bytes().all(|byte| b"*.xX-_#".contains(&byte))
            || matches!(place.lower, "pass" | "passes" | "pwd")
            || is_path(secret)
            || !self.is_whole_line(value)
        {
            return false;
        }
        let is_letters = secret.bytes().all(|byte| byte.is_ascii_alphabetic());
        if place.separator == Separator::Assign && !name.bytes().any(|byte| byte.is_ascii_lowercase()) && !place.spaced
        {
            let is_constant = !secret.bytes().any(|byte| byte.is_ascii_lowercase());
            let is_snake = is_letters_with(secret, "_") && !is_letters;
            return secret.len() >= 5 && !is_constant && !is_snake
                || secret.len() >= 5 && secret.bytes().all(|byte| byte.is_ascii_digit());
        }
        if secret.bytes().all(|byte| byte.is_ascii_digit()) {
            return secret.len() >= 5;
        }
        if secret.contains(' ') {
            let words = secret.matches(' ').count();
            return value.quoted && (2..=6).contains(&words) && secret.len() >= 16 && secret == secret.to_lowercase();
        }
        if is_letters {
            let is_type = secret.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase()) && !value.quoted;
            let is_known_type = ["String", "Secret", "Password", "Yes", "No", "None", "Text"].contains(&secret);
            return !(is_type && is_known_type) && (place.separator != Separator::Assign || !place.spaced);
        }
        if is_letters_with(secret, "._-") {
            let parts_are_names =
                secret.split(['.', '_', '-']).skip(1).all(|part| part.starts_with(|c: char| c.is_ascii_uppercase()));
            return value.quoted || place.separator == Separator::Colon && parts_are_names;
        }
        secret.bytes().any(|byte| byte.is_ascii_alphabetic())
            && (has_digit(secret) || has_strong_sign(secret))
            && !secret.contains('(')
            && !is_file_name(secret)
            && !is_number_like(secret)
    }

    /// Finds the value behind only a blank: flags, `.netrc`, SQL, `ENV` of a container, the shell.
    fn find_behind_blank(
        &self,
        kind: NameKind,
        lower: &str,
        start: usize,
        findings: &mut Findings<'_>,
    ) -> Option<usize> {
        let text = self.text();
        let bytes = text.as_bytes();
        if bytes.get(self.name.end..start).is_some_and(|gap| gap.contains(&b'\n')) {
            return None;
        }
        let value = read_value(text, start)?;
        let secret = text.get(value.start..value.end)?;
        if kind == NameKind::Password && is_no_value(secret) {
            return None;
        }
        let before_name = self.name.start.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b'\n');
        let second = self.name.start.checked_sub(2).and_then(|at| bytes.get(at)).copied().unwrap_or(b'\n');
        if before_name == b'-' && (second == b'-' || second.is_ascii_whitespace()) {
            let kind = if kind == NameKind::Key { NameKind::Secret } else { kind };
            let place = Place { kind, separator: Separator::Assign, spaced: false, lower };
            if !secret.starts_with('-') && place.accepts(secret, true) {
                findings.add("command-password", self.view, value.start..value.end);
            }
            return None;
        }
        let may_be_drawn = || looks_generated(secret, 8, true) || looks_like_password(secret);
        if kind != NameKind::Password && !may_be_drawn() {
            return None;
        }
        let line_start = floor_boundary(text, self.name.start.saturating_sub(200));
        let before = text.get(line_start..self.name.start).unwrap_or("");
        let line = last_line(before);
        let is_upper = !self.name().bytes().any(|byte| byte.is_ascii_lowercase());
        let is_secret = if kind == NameKind::Password && value.quoted && is_upper && speaks_sql(line) {
            is_password_value(secret, true, true)
        } else if kind == NameKind::Password
            && (speaks_netrc(before) || lower == "requirepass" || lower == "masterauth")
        {
            looks_like_password(secret) || is_password_value(secret, value.quoted, false) && has_digit(secret)
        } else if sets_variable(line) {
            let is_name = is_upper || self.name().contains(['_', '.', '-']) || lower != self.name();
            let place = Place { kind, separator: Separator::Assign, spaced: false, lower };
            let is_pair = secret.get(..secret.len().saturating_sub(2)).is_some_and(|start| start.contains('='));
            is_name && !is_pair && place.accepts(secret, value.quoted)
        } else if kind == NameKind::Password {
            let is_line = line.trim().is_empty()
                && text.get(value.end..).is_none_or(|rest| {
                    rest.trim_start_matches([' ', '\t', '\r']).starts_with('\n') || rest.trim().is_empty()
                });
            let is_announced = is_line
                || line.trim_end().ends_with([',', ';', '，', '；'])
                || ["with ", "mit ", "con ", "avec ", "com "].iter().any(|word| line.ends_with(word));
            let is_certain = has_strong_sign(secret) && has_digit(secret) || looks_generated(secret, 10, false);
            looks_like_password(secret) && is_certain || is_announced && sentences::is_spoken_value(kind, secret)
        } else {
            kind == NameKind::Secret && looks_generated(secret, 20, true) && !is_uuid(secret)
        };
        is_secret.then(|| findings.add("password", self.view, value.start..value.end));
        None
    }
}

/// Returns the end of a number between a name and its mark, as in `Unseal Key 1:`.
fn skip_number(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?.strip_prefix(' ')?;
    let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
    (digits > 0 && rest.as_bytes().get(digits) == Some(&b':')).then_some(end + 1 + digits)
}

/// What is known about the place of a value.
struct Place<'a> {
    kind: NameKind,
    separator: Separator,
    spaced: bool,
    /// The name in lower case.
    lower: &'a str,
}

impl Place<'_> {
    /// Returns true where a bare word may be a name or prose: behind `:` and behind `=` with blanks around it.
    fn is_bare(&self, quoted: bool) -> bool {
        let is_spaced = self.separator == Separator::Assign && self.spaced;
        !quoted && (matches!(self.separator, Separator::Colon | Separator::Bar) || is_spaced)
    }

    fn accepts(&self, secret: &str, quoted: bool) -> bool {
        let bare = self.is_bare(quoted);
        let assigned = !bare;
        if self.kind != NameKind::Key && has_uuid(secret) && !is_uuid(secret) {
            return false;
        }
        match self.kind {
            // The word of a test run: "PASS: TestX/y", "pass: 12".
            NameKind::Password
                if bare
                    && matches!(self.lower, "pass" | "passes")
                    && !has_strong_sign(secret)
                    && !looks_generated(secret, 10, false) =>
            {
                false
            }
            NameKind::Password if bare => {
                looks_like_password(secret)
                    || self.separator == Separator::Colon && is_stated_password(secret)
                    || is_password_value(secret, false, false)
                        && has_digit(secret)
                        && secret.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !b"_.-".contains(&byte))
                        && !is_call(secret)
            }
            NameKind::Password => is_password_value(secret, quoted, assigned),
            NameKind::Secret => {
                looks_generated(secret, if assigned { 8 } else { 12 }, true)
                    || looks_like_password(secret) && secret.len() >= 8 && has_strong_sign(secret) && has_digit(secret)
            }
            NameKind::Key => {
                looks_generated(secret, 20, false)
                    && has_digit(secret)
                    && !secret.contains(':')
                    && entropy(secret) > 3.0
            }
        }
    }
}

fn is_letters_with(text: &str, marks: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic() || marks.as_bytes().contains(&byte))
}

/// Returns true for a pattern instead of a value.
fn looks_like_regex(text: &str) -> bool {
    ["(?", "[^", "\\w", "\\s", "\\d", "\\S", "\\b", "]*", "]+", "]{", ")*", ")+"].iter().any(|part| text.contains(part))
}

fn speaks_sql(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["user", "role", "alter", "create", "with", "encrypted", "login", "set"].iter().any(|word| lower.contains(word))
}

/// Returns true if the words of a `.netrc` stand before the name.
fn speaks_netrc(before: &str) -> bool {
    before
        .split_ascii_whitespace()
        .rev()
        .take(8)
        .any(|word| matches!(word, "machine" | "default" | "login" | "user" | "username"))
}

/// Returns true if a line sets variables or settings, up to the name.
fn sets_variable(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace().rev().filter(|word| !word.starts_with('-'));
    match words.next() {
        Some(
            "ENV" | "ARG" | "export" | "set" | "setenv" | "SetEnv" | "config" | "secrets" | "secret" | "configure",
        ) => true,
        Some("add") => matches!(words.next(), Some("config" | "secrets" | "secret" | "configure")),
        _ => false,
    }
}

/// Finds the password of `IDENTIFIED BY '…'`.
fn find_identified_by(view: &View<'_>, end: usize, findings: &mut Findings<'_>) {
    static BY: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
        compile(r#"^(?i)\s*(?:by|with\s+['"]?[a-z0-9_]+['"]?\s+(?:by|as))\s+(?:password\s+)?['"]([^'"\n]{3,200})['"]"#)
    });
    let bytes = view.text().as_bytes();
    let window = bytes.get(end..bytes.len().min(end + 260)).unwrap_or(&[]);
    let Some(secret) = BY.captures(window).and_then(|captures| captures.get(1)) else { return };
    let range = end + secret.start()..end + secret.end();
    if view.text().get(range.clone()).is_some_and(|secret| is_password_value(secret, true, true)) {
        findings.add("password", view, range);
    }
}
