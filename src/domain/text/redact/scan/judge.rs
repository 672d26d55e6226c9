//! Judges what stands where a secret would stand: a reference, a placeholder, a date, a word, or a secret.
//!
//! Three strengths: what a machine made ([`looks_generated`]), what a person made up and wrote into a sentence
//! ([`looks_like_password`]), and what stands behind a password's name in a file ([`is_password_value`]), where all is
//! a password but what is plainly something else.

use std::borrow::Cow;

use super::byte_set::{ALNUM, ByteSet, WORD};
use super::makeup::{Makeup, entropy, has_digit, has_strong_sign, is_sequence};
use super::non_secrets::{
    has_uuid, is_certain_placeholder, is_file_name, is_identifier, is_no_value, is_number_like, is_path,
    is_placeholder, is_reference, is_technique, is_uuid,
};
use super::word_lists::IDENTIFIER_WORDS;
use super::wordiness::word_share;

/// Most bytes of a value in which letters of other alphabets are folded.
const MAX_FOLDED: usize = 120;

/// Returns the text with an ASCII letter in place of each letter of another alphabet: `Girasól_884` is a password as well.
fn fold_letters(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || text.len() > MAX_FOLDED {
        return Cow::Borrowed(text);
    }
    let fold = |letter: char| match letter {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
        'é' | 'è' | 'ê' | 'ë' | 'ę' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        letter if letter.is_ascii() || letter >= '\u{2e80}' || !letter.is_alphabetic() => letter,
        letter if letter.is_uppercase() => 'N',
        _ => 'n',
    };
    Cow::Owned(text.chars().map(fold).collect())
}

/// Most bytes of a value that are looked at.
pub(super) const MAX_VALUE: usize = 4096;

/// Returns true for what a machine has drawn: `least` bytes or more, no reference, no name, no words.
///
/// A UUID counts only with `uuid`: most are names of things.
pub(super) fn looks_generated(text: &str, least: usize, uuid: bool) -> bool {
    let folded = if text.len() < MAX_FOLDED { fold_letters(text) } else { Cow::Borrowed(text) };
    let text = &*folded;
    if text.len() < least || text.len() > MAX_VALUE || text.contains([' ', '\t']) {
        return false;
    }
    if is_uuid(text) {
        return uuid;
    }
    let makeup = Makeup::of(text);
    if !makeup.has_letters() || !uuid && has_uuid(text) {
        return false;
    }
    let bits = entropy(text);
    if makeup.digits == 0 && !(makeup.lower > 0 && makeup.upper > 0 && bits > 3.6) {
        return false;
    }
    // Among many letters drawn at random a short word may stand by chance.
    let is_sample = if text.len() > 100 { is_certain_placeholder(text) } else { is_placeholder(text) };
    bits >= if least < 12 { 2.6 } else { 3.0 }
        && !is_sample
        && !is_reference(text)
        && !is_path(text)
        && !is_number_like(text)
        && !is_file_name(text)
        && !is_sequence(text)
        && word_share(text) < if makeup.digits >= 2 { 45 } else { 30 }
}

/// Returns true for the shape of a password in a sentence: letters with digits or signs, and neither a word, a path, a
/// name nor a number.
pub(super) fn looks_like_password(text: &str) -> bool {
    let folded = fold_letters(text);
    let text = &*folded;
    if !(5..=80).contains(&text.len()) || !text.is_ascii() || text.contains(' ') {
        return false;
    }
    let core = text.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
    let (all, core_makeup) = (Makeup::of(text), Makeup::of(core));
    if all.digits + core_makeup.signs == 0 {
        return false;
    }
    if is_placeholder(text)
        || is_reference(text)
        || is_number_like(text)
        || is_technique(text)
        || is_file_name(text)
        || is_uuid(text)
        || is_no_value(text)
    {
        return false;
    }
    let slashes = text.bytes().filter(|byte| *byte == b'/').count();
    if !all.has_letters() {
        let is_figures = text.bytes().all(|byte| byte.is_ascii_digit() || b":.,/+-()%x=<>".contains(&byte));
        return core_makeup.signs > 0 && all.digits > 0 && text.len() >= 8 && !is_figures;
    }
    if is_path(text) || slashes >= 2 && all.digits < 3 {
        return false;
    }
    if all.digits > 0 && core_makeup.signs > 0 {
        return !is_assignment(text) || (all.digits >= 2 || has_strong_sign(text)) && !is_closed_assignment(text);
    }
    if all.digits > 0 {
        let parts = || core.split(['-', '_', '.', '/']).filter(|part| !part.is_empty());
        let several = parts().nth(1).is_some();
        let is_letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if several
            && (parts().any(|part| is_letters(part) && part.len() > 2) && word_share(core) > 40
                || parts().all(|part| is_letters(part) || is_digits(part)))
        {
            return false;
        }
        return core.len() >= 6 && (all.lower > 0 && all.upper > 0 || word_share(core) < 70 || all.digits >= 2);
    }
    core_makeup.signs > 0 && is_word_with_signs(core)
}

/// Returns true for letters with signs inside and no digits, such as `sun!flower`.
fn is_word_with_signs(core: &str) -> bool {
    static INNER: ByteSet = ByteSet::parse("!@#$%^&*+~?");
    let bytes = core.as_bytes();
    let head = bytes.iter().position(|byte| INNER.contains(*byte)).unwrap_or(0);
    let tail = bytes.iter().rposition(|byte| INNER.contains(*byte)).unwrap_or(0);
    let is_name = |byte: &u8| WORD.contains(*byte) || matches!(byte, b'.' | b'-');
    let signs_stand_together =
        bytes.get(head..=tail).is_some_and(|signs| signs.iter().all(|byte| INNER.contains(*byte)));
    core.len() >= 8
        && head > 0
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.get(..head).is_some_and(|name| name.iter().all(is_name))
        && bytes.get(tail + 1..).is_some_and(|name| name.iter().all(is_name))
        && signs_stand_together
        && !(bytes.get(head) == Some(&b'@') && bytes.get(head + 1).is_some_and(u8::is_ascii_alphanumeric))
}

/// Returns true for `name=…`, `name(…` and the like.
fn is_assignment(text: &str) -> bool {
    static NAME: ByteSet = ByteSet::parse("A-Za-z0-9_.-");
    let end = NAME.run_end(text.as_bytes(), 0, text.len());
    end > 0 && matches!(text.as_bytes().get(end), Some(b'(' | b'[' | b':' | b'='))
}

/// Returns true for `name=value` and `name(value)` without other signs.
fn is_closed_assignment(text: &str) -> bool {
    static NAME: ByteSet = ByteSet::parse("A-Za-z0-9_.-");
    let bytes = text.as_bytes();
    let end = NAME.run_end(bytes, 0, bytes.len());
    let end = NAME.run_end(bytes, end + 1, bytes.len());
    let end = end + usize::from(matches!(bytes.get(end), Some(b')' | b']')));
    end >= bytes.len()
}

/// Returns true for what a sentence states to be a password, as in `the password is X`: letters with digits or signs, and
/// neither a number, a technique, a reference nor a placeholder.
pub(super) fn is_stated_password(text: &str) -> bool {
    let folded = fold_letters(text);
    let text = &*folded;
    let makeup = Makeup::of(text);
    let is_mixed = makeup.digits > 0 || makeup.signs > 0 && is_word_with_signs(text);
    (5..=80).contains(&text.len())
        && text.is_ascii()
        && makeup.lower + makeup.upper >= 3
        && is_mixed
        && !text.contains([' ', '(', ')', '[', ']', '{', '}', '<', '>', ';', '=', '"'])
        && !is_placeholder(text)
        && !is_reference(text)
        && !is_number_like(text)
        && !is_technique(text)
        && !is_file_name(text)
        && !is_path(text)
        && !is_uuid(text)
        && !is_no_value(text)
        && !text.ends_with('?')
        && (is_word_with_number(text) || !is_numbered_word(text))
}

/// Returns true for plain words with numbers, such as `step2`, `node-18` and `pod2html`.
fn is_numbered_word(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let word = text.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_one_word = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_one_word && (digits < 2 || IDENTIFIER_WORDS.contains(&word.to_ascii_lowercase()))
        || is_plain && word_share(text) > 60
}

/// Returns true for a word with a number behind it, such as `hunter2`, where a sentence says that it is the password.
pub(super) fn is_word_with_number(text: &str) -> bool {
    const NUMBERED: &[&str] = &[
        "pass", "password", "step", "phase", "version", "field", "option", "test", "user", "level", "type", "part",
        "layer",
    ];
    let bare = text.trim_end_matches(['!', '.']);
    let word = bare.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = bare.len() - word.len();
    (4..=12).contains(&word.len())
        && (1..=4).contains(&number)
        && word.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !is_technique(text)
        && !is_placeholder(text)
        && !NUMBERED.contains(&word.to_ascii_lowercase().as_str())
}

/// Parts of what people write in place of a password, unless it has digits.
const SPOKEN_PLACEHOLDERS: &[&str] =
    &["your", "change_me", "change-me", "changeme", "changethis", "placeholder", "dummy", "insert", "<", "example.com"];

/// Returns true for the value of a password in a file or a command: all but what is plainly something else.
///
/// `quoted`: it stands in quotation marks. `assigned`: what stands there can only be a value, as in `NAME=value`.
pub(super) fn is_password_value(text: &str, quoted: bool, assigned: bool) -> bool {
    if !(3..=512).contains(&text.len()) || !is_mostly_ascii(text) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    if is_no_value(text) || text.bytes().all(|byte| b"*.xX-_#".contains(&byte)) || is_reference(text) {
        return false;
    }
    let is_mixed =
        || quoted && !lower.contains("xxxx") && !lower.contains("...") && has_strong_sign(text) && has_digit(text);
    if is_certain_placeholder(text) && !is_mixed() {
        return false;
    }
    if SPOKEN_PLACEHOLDERS.iter().any(|part| lower.contains(part)) && word_share(text) > 60 && !has_digit(text) {
        return false;
    }
    if is_number_like(text) {
        return text.len() >= 6 && text.bytes().all(|byte| byte.is_ascii_digit()) && (quoted || assigned);
    }
    if text.contains(' ') {
        let words = text.bytes().filter(|byte| *byte == b' ').count();
        return words <= 3 && quoted && looks_like_password(&text.replace(' ', ""));
    }
    let slashes = text.bytes().filter(|byte| *byte == b'/').count();
    if is_technique(text) && text.len() < 12
        || is_path(text) && !(slashes == 1 && has_digit(text))
        || is_file_name(text) && !has_digit(text)
    {
        return false;
    }
    if is_identifier(text) {
        let has_parts = text.contains(['_', '.', '-', '/']) || text.contains("::");
        let speaks_of_one = ["pass", "pwd", "secret", "token", "key", "login", "user", "field", "input", "auth"];
        return !has_parts
            && text.len() >= 5
            && assigned
            && !(quoted && speaks_of_one.iter().any(|part| lower.contains(part)));
    }
    true
}

fn is_mostly_ascii(text: &str) -> bool {
    text.chars().all(|character| character < '\u{2e80}')
}

/// Returns true if the bytes before and after a range are not letters or digits.
pub(super) fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let is_word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| ALNUM.contains(*byte));
    !is_word(start.checked_sub(1)) && !is_word(Some(end))
}
