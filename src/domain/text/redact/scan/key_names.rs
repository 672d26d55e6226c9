//! Says what the name of a value promises: a password, a secret, a key, or nothing.
//!
//! A name is split into its words (`dbPassword_new` → db, password, new), and its last word decides: `secret_file` names
//! a file, `max_tokens` a number, `next_page_token` a place in a list.

use super::byte_set::{ByteSet, NAME};
use super::word_lists::{
    COUNTED_TOKENS, DESCRIBING_TAILS, KEY_QUALIFIERS, PASSWORD_NAMES, PUBLIC_KEYS, SECRET_NAMES, VALUE_TAILS,
    WEAK_NAMES,
};
use super::wordiness::next_piece;

/// What the name of a value promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// Any value is a password.
    Password,
    /// A value is a secret if it looks drawn.
    Secret,
    /// A value is a secret only if it is long and looks drawn.
    Key,
}

/// Most bytes of a name before and behind the word it was found by.
const MAX_BEFORE: usize = 80;
const MAX_BEHIND: usize = 60;
/// Most words of a name.
const MAX_WORDS: usize = 16;
/// Most bytes of a name that is split.
const MAX_NAME: usize = MAX_BEFORE + MAX_BEHIND + 40;

/// Returns the whole name around the word at `start..end`.
pub(super) fn name_around(bytes: &[u8], start: usize, end: usize) -> std::ops::Range<usize> {
    static BEHIND: ByteSet = ByteSet::parse("A-Za-z0-9_-");
    let mut first = NAME.run_start(bytes, start, start.saturating_sub(MAX_BEFORE));
    while first < start && bytes.get(first).is_some_and(|byte| matches!(byte, b'.' | b'-' | b'0'..=b'9')) {
        first += 1;
    }
    first..BEHIND.run_end(bytes, end, end + MAX_BEHIND)
}

/// The lower-case words of a name.
struct Words {
    lower: [u8; MAX_NAME],
    ends: [(u8, u8); MAX_WORDS],
    count: usize,
}

impl Words {
    #[expect(clippy::cast_possible_truncation, reason = "a name has fewer bytes than a byte counts")]
    fn split(name: &str) -> Self {
        let mut words = Self { lower: [0; MAX_NAME], ends: [(0, 0); MAX_WORDS], count: 0 };
        let bytes = name.as_bytes();
        let length = bytes.len().min(MAX_NAME);
        if let (Some(lower), Some(bytes)) = (words.lower.get_mut(..length), bytes.get(..length)) {
            lower.copy_from_slice(bytes);
            lower.make_ascii_lowercase();
        }
        let mut at = 0;
        while at < length {
            let digits =
                bytes.get(at..length).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
            let piece =
                if digits > 0 { Some((at, at + digits)) } else { next_piece(bytes.get(..length).unwrap_or(bytes), at) };
            let Some((mut start, mut end)) = piece else { break };
            // A number before the next letters is a word of its own.
            if digits == 0
                && let Some(number) = bytes.get(at..start).and_then(|gap| gap.iter().position(u8::is_ascii_digit))
            {
                start = at + number;
                end = start
                    + bytes
                        .get(start..length)
                        .map_or(1, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
            }
            if words.count == MAX_WORDS {
                words.ends.rotate_left(1);
                words.count -= 1;
            }
            if let Some(slot) = words.ends.get_mut(words.count) {
                *slot = (start as u8, end as u8);
                words.count += 1;
            }
            at = end;
        }
        words
    }

    /// Returns a word, counted from the end.
    fn word_from_end(&self, index: usize) -> &str {
        let word = self.count.checked_sub(index + 1).and_then(|index| self.ends.get(index));
        word.map_or("", |(start, end)| self.text(usize::from(*start), usize::from(*end)))
    }

    fn text(&self, start: usize, end: usize) -> &str {
        self.lower.get(start..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

/// Returns what a name promises, or nothing.
pub(super) fn classify(name: &str) -> Option<NameKind> {
    let mut words = Words::split(name);
    let is_digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    while words.count > 1 && (VALUE_TAILS.contains(words.word_from_end(0)) || is_digits(words.word_from_end(0))) {
        words.count -= 1;
    }
    let (last, before) = (words.word_from_end(0), words.word_from_end(1));
    if last.is_empty() || DESCRIBING_TAILS.contains(last) {
        return None;
    }
    let two = format_two(before, last);
    let two = two.as_str();
    if PASSWORD_NAMES.contains(last) || PASSWORD_NAMES.contains(two) || two == "passphrase" {
        let is_asked = matches!(before, "no" | "is" | "has" | "show" | "hide" | "forgot" | "by" | "bad" | "wrong");
        return (!is_asked).then_some(NameKind::Password);
    }
    if SECRET_NAMES.contains(last) || SECRET_NAMES.contains(two) {
        return (!COUNTED_TOKENS.contains(before)).then_some(NameKind::Secret);
    }
    let has_secret = || (0..words.count).any(|index| words.word_from_end(index) == "secret");
    if last == "key" && KEY_QUALIFIERS.contains(before)
        || matches!(last, "key" | "access" | "base") && has_secret()
        || two == "keybase"
        || last == "auth" && !before.is_empty()
    {
        return Some(NameKind::Secret);
    }
    if WEAK_NAMES.contains(last) {
        return (!PUBLIC_KEYS.contains(before)).then_some(NameKind::Key);
    }
    if last.len() < 24 && (last.ends_with("password") || last.ends_with("passwd")) {
        return Some(NameKind::Password);
    }
    if last.ends_with("sessionid") || last.ends_with("sessid") || last.ends_with("sessdata") || last == "jct" {
        return Some(NameKind::Key);
    }
    let ends = ["secret", "token", "apikey"];
    (last.len() < 24 && ends.iter().any(|end| last.ends_with(end))).then_some(NameKind::Secret)
}

/// Two words as one, without an allocation.
struct TwoWords {
    bytes: [u8; 48],
    length: usize,
}

impl TwoWords {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

fn format_two(first: &str, second: &str) -> TwoWords {
    let mut two = TwoWords { bytes: [0; 48], length: 0 };
    for byte in first.bytes().chain(second.bytes()).take(48) {
        if let Some(slot) = two.bytes.get_mut(two.length) {
            *slot = byte;
            two.length += 1;
        }
    }
    two
}

/// Returns true if the word makes a secret of the word `key` behind it, as in `api key`.
pub(super) fn qualifies_key(word: &str) -> bool {
    KEY_QUALIFIERS.contains_any_case(word)
}

/// Returns true if the word makes something else of the word `key` behind it, as in `cache key`.
pub(super) fn makes_key_public(word: &str) -> bool {
    PUBLIC_KEYS.contains_any_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_a_name_decides() {
        let table: &[(&str, Option<NameKind>)] = &[
            ("DB_PASSWORD", Some(NameKind::Password)),
            ("spring.datasource.password", Some(NameKind::Password)),
            ("REDIS_PASS", Some(NameKind::Password)),
            ("passwordMinLength", None),
            ("credentials_file", None),
            ("next_page_token", None),
            ("apiKey", Some(NameKind::Secret)),
            ("APP_KEY", Some(NameKind::Secret)),
            ("NEXTAUTH_SECRET", Some(NameKind::Secret)),
            ("secret_key_base", Some(NameKind::Secret)),
            ("SecretAccessKey", Some(NameKind::Secret)),
            ("sort_key", None),
            ("publicKey", None),
            ("HMAC_KEY", Some(NameKind::Secret)),
            ("sessionid", Some(NameKind::Key)),
            ("keyId", None),
            ("token2", Some(NameKind::Secret)),
            ("max_tokens", None),
        ];
        for (name, kind) in table {
            assert_eq!(classify(name), *kind, "{name}");
        }
    }

    #[test]
    fn names_are_read_to_both_sides() {
        let text = b"x --db-password-old=1";
        assert_eq!(name_around(text, 7, 15), 4..19);
    }
}
