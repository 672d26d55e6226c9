//! Passwords in sentences, in English, Chinese and some other languages.

use std::sync::LazyLock;

use super::beginnings::Beginnings;
use super::byte_set::{ByteSet, NAME};
use super::judge::{is_stated_password, looks_generated, looks_like_password};
use super::key_names::NameKind;
use super::makeup::{has_digit, has_strong_sign};
use super::values::{Value, ends_bare, is_pictograph, read_value};
use super::view::View;
use super::word_lists::{STOP_WORDS, WordList, pack_all};
use super::{Findings, blank_run, first_line, floor_boundary, last_line};

/// Bytes of a sentence that are looked at behind and before a name.
const WINDOW: usize = 160;

/// Verbs and prepositions right before a value, in English, Spanish, Portuguese, Italian, French, German, Dutch, Polish and
/// Russian.
#[rustfmt::skip]
static COPULAS: WordList = WordList::new(&pack_all(&[
    "->", ":", "=", "a", "are", "auf", "be", "became", "equals", "es", "est", "from", "is", "ist", "jest", "lautet",
    "now", "remains", "sera", "será", "to", "was", "wordt", "zu", "à", "è", "é", "теперь", "это", "–", "—", "→",
]));
/// Words between a verb and the value.
#[rustfmt::skip]
static ADVERBS: WordList = WordList::new(&pack_all(&[
    "agora", "ahora", "currently", "jetzt", "just", "maintenant", "now", "still", "теперь",
]));
/// Verbs of Chinese behind a name in any language.
const CHINESE_COPULAS: &[&str] =
    &["就是", "已改为", "已改成", "改成了", "改成", "改为", "设为", "设成", "用的是", "换成", "是", "为"];
/// Most words between a name and its verb.
const MAX_WORDS_BETWEEN: usize = 8;

/// Finds the value that a sentence states behind a name: `for the admin user is now X`, `改成了 X`.
///
/// There may be two: `changed from X to Y`.
pub(super) fn find_stated(text: &str, end: usize, kind: NameKind) -> Vec<Value> {
    find_all_stated(text, end, kind).unwrap_or_default()
}

fn find_all_stated(text: &str, end: usize, kind: NameKind) -> Option<Vec<Value>> {
    let bytes = text.as_bytes();
    let mut at = end;
    while at < end + 3 && bytes.get(at).is_some_and(|byte| b"\"'`*_".contains(byte)) {
        at += 1;
    }
    let blanks = blank_run(bytes, at, 8);
    let rest = text.get(blanks..floor_boundary(text, blanks + WINDOW))?;
    let accept = |start: usize| {
        let value = read_value(text, start)?;
        is_spoken_value(kind, text.get(value.start..value.end)?).then_some(value)
    };
    let may_be_chinese = rest.as_bytes().first().is_some_and(|byte| *byte >= 0xe4);
    if may_be_chinese && let Some(verb) = CHINESE_COPULAS.iter().find(|verb| rest.starts_with(**verb)) {
        let at = blanks + verb.len();
        return accept(blank_run(bytes, at + usize::from(bytes.get(at) == Some(&b':')), 2)).map(|value| vec![value]);
    }
    if blanks == at || kind == NameKind::Key || !rest.starts_with(|c: char| c.is_alphabetic()) {
        return None;
    }
    let (mut is_behind_verb, mut verb, mut values) = (false, "", Vec::new());
    for (start, word) in words_of(rest).take(MAX_WORDS_BETWEEN + 2) {
        let is_filler = is_behind_verb && (is_listed(&ADVERBS, word) || !word.contains(char::is_alphanumeric));
        if is_behind_verb && !is_filler {
            // "a" is an article as well.
            let is_article = verb.eq_ignore_ascii_case("a");
            values.extend(accept(blanks + start).filter(|_| !is_article || has_strong_sign(word)));
        }
        // A sentence, or a clause of code, ends the search.
        let last = word.bytes().next_back().unwrap_or(b' ');
        if matches!(last, b'.' | b'?' | b'!' | b';' | b'(' | b')' | b'{' | b',') {
            break;
        }
        verb = word;
        is_behind_verb = last == b':' || is_listed(&COPULAS, word) || is_filler;
    }
    Some(values)
}

/// Returns true if the list has the word in any case: people shout.
fn is_listed(list: &WordList, word: &str) -> bool {
    list.contains_any_case(word) || !word.is_ascii() && list.contains(&word.to_lowercase())
}

/// Most blank lines and fences between a label and the line with its value.
const MAX_LINES_BETWEEN: usize = 2;

/// Finds the value that is all of the line behind a label; `at` is the end of the label's line.
pub(super) fn find_on_next_line(view: &View<'_>, at: usize, kind: NameKind, findings: &mut Findings<'_>) {
    let text = view.text();
    let mut at = at;
    for _ in 0..=MAX_LINES_BETWEEN {
        let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix('\n')) else { return };
        let line = first_line(rest);
        let word = line.trim();
        if word.is_empty() || word.starts_with("```") {
            at += 1 + line.len();
            continue;
        }
        let marks = |c: char| c.is_whitespace() || "`\"'“”「」".contains(c);
        let secret = word.trim_start_matches(['-', '>', '*', '•']).trim_matches(marks);
        let secret = secret.get(..secret.find(is_pictograph).unwrap_or(secret.len())).unwrap_or(secret).trim_end();
        if line.len() < 80 && is_spoken_value(kind, secret) {
            let start = at + 1 + line.find(secret).unwrap_or(0);
            findings.add("password-in-prose", view, start..start + secret.len());
        }
        return;
    }
}

/// Most bytes between a name and the end of its line, where the line announces what the next one holds.
const MAX_ANNOUNCEMENT: usize = 60;

/// Finds the value on the line behind one that announces it: `the new password for admin is:`, `新密码如下：`.
pub(super) fn find_announced(view: &View<'_>, end: usize, kind: NameKind, findings: &mut Findings<'_>) {
    let text = view.text();
    let window = text.as_bytes().get(end..text.len().min(end + MAX_ANNOUNCEMENT)).unwrap_or(&[]);
    let Some(length) = memchr::memchr(b'\n', window) else { return };
    let line =
        text.get(end..end + length).unwrap_or("").trim_end_matches(|c: char| c.is_whitespace() || "*`_".contains(c));
    let last = line.rsplit([' ', '\t']).next().unwrap_or("");
    let is_announced = line.ends_with([':', '→', '是', '为', '為', '下'])
        || last.len() < line.len() && matches!(last, "is" | "was" | "are" | "now" | "IS" | "Is");
    if is_announced {
        find_on_next_line(view, end + length, kind, findings);
    }
}

/// Finds a passphrase of four to eight plain words that are the rest of the line behind `passphrase …:`.
pub(super) fn find_phrase(view: &View<'_>, end: usize, findings: &mut Findings<'_>) {
    let text = view.text();
    let line = text.get(end..).map_or("", first_line);
    let Some((head, phrase)) = line.split_once(": ").filter(|(head, _)| head.len() < 60) else { return };
    let words: Vec<&str> = phrase.split(' ').collect();
    let is_word = |word: &&str| {
        (3..=12).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase())
            && !STOP_WORDS.contains(word)
    };
    if (4..=8).contains(&words.len()) && words.iter().all(is_word) {
        let start = end + head.len() + 2;
        findings.add("password-in-prose", view, start..start + phrase.len());
    }
}

/// Words of a line, with where they begin.
fn words_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let line = first_line(text);
    let mut at = 0;
    line.split([' ', '\t']).filter_map(move |word| {
        let start = at;
        at += word.len() + 1;
        (!word.is_empty()).then_some((start, word))
    })
}

/// Returns true for what a sentence may call a password or a secret.
pub(super) fn is_spoken_value(kind: NameKind, secret: &str) -> bool {
    if kind == NameKind::Password {
        return looks_like_password(secret) || is_stated_password(secret);
    }
    looks_generated(secret, 12, false) || looks_like_password(secret) && secret.len() >= 8 && has_strong_sign(secret)
}

/// Finds the value before a name: `try X as the password`.
pub(super) fn find_before(view: &View<'_>, name: usize, findings: &mut Findings<'_>) {
    const ARTICLES: &[&str] = &["the", "my", "our", "a", "an", "your", "its"];
    let text = view.text();
    let from = floor_boundary(text, name.saturating_sub(WINDOW));
    let before = text.get(from..name).unwrap_or("");
    if !before.ends_with([' ', '\t']) {
        return;
    }
    let line = last_line(before);
    let line_start = before.len() - line.len();
    let mut last_words = line.split_ascii_whitespace().rev().take(3);
    let is_article = |word: &str| ARTICLES.iter().any(|article| article.eq_ignore_ascii_case(word));
    if !last_words.any(is_article) {
        return;
    }
    let words: Vec<(usize, &str)> = words_of(line).collect();
    let from_end = |index: usize| words.len().checked_sub(index + 1).and_then(|index| words.get(index));
    // Up to two words may stand between the article and the name: "as the new admin password".
    let Some(index) = (0..3).find(|index| from_end(*index).is_some_and(|(_, word)| is_article(word))) else {
        return;
    };
    let links = ["as", "for", "is", "was"];
    let is_linked =
        from_end(index + 1).is_some_and(|(_, word)| links.iter().any(|link| link.eq_ignore_ascii_case(word)));
    let Some((start, word)) = from_end(index + 2).filter(|_| is_linked) else { return };
    let trimmed = word.trim_start_matches(['"', '\'', '`', '“', '(']);
    let offset = word.len() - trimmed.len();
    let trimmed = trimmed.trim_end_matches(['"', '\'', '`', '”', ',', '.', ';', ')']);
    if looks_like_password(trimmed) && (has_strong_sign(trimmed) || looks_generated(trimmed, 10, false)) {
        let start = from + line_start + start + offset;
        findings.add("password-in-prose", view, start..start + trimmed.len());
    }
}

/// Returns true for a name of a user.
pub(super) fn is_user_name(text: &str) -> bool {
    static USER: ByteSet = ByteSet::parse("A-Za-z0-9_.@-");
    (2..=40).contains(&text.len()) && text.bytes().all(|byte| USER.contains(byte))
}

/// Finds the value behind a name in Latin letters that Chinese words follow: `AccessKey Secret 我发你：…`. Returns true if one
/// was found.
pub(super) fn find_behind_chinese_words(
    view: &View<'_>,
    end: usize,
    kind: NameKind,
    findings: &mut Findings<'_>,
) -> bool {
    let text = view.text();
    let start = blank_run(text.as_bytes(), end, 1);
    let rest = text.get(start..).unwrap_or("");
    if !rest.starts_with(is_chinese_letter) {
        return false;
    }
    let gap_end =
        rest.char_indices().take(MAX_GAP).find(|(_, c)| !is_chinese_letter(*c)).map_or(rest.len(), |(at, _)| at);
    let mark = rest.get(gap_end..).unwrap_or("").starts_with(':');
    let said = rest.get(..gap_end).is_some_and(|gap| gap.ends_with(['是', '为', '為', '成', 'は', '는', '은']));
    let at = blank_run(text.as_bytes(), start + gap_end + usize::from(mark), 2);
    let Some(value) = read_value(text, at).filter(|_| mark || said) else { return false };
    let is_secret = text.get(value.start..value.end).is_some_and(|secret| is_spoken_value(kind, secret));
    if is_secret {
        findings.add("password-in-prose", view, value.start..value.end);
    }
    is_secret
}

/// Returns true for a word in Chinese, Japanese or Korean.
pub(super) fn is_chinese(word: &str) -> bool {
    word.chars().next().is_some_and(|first| first > '\u{2e7f}')
}

/// Most characters between a Chinese name and its value.
const MAX_GAP: usize = 24;

/// Finds the value behind a Chinese name: up to 24 Chinese characters and marks, then the value.
pub(super) fn find_behind_chinese(view: &View<'_>, name: std::ops::Range<usize>, findings: &mut Findings<'_>) {
    static VALUE: ByteSet = ByteSet::parse("!-~");
    let text = view.text();
    let rest = text.get(name.end..).unwrap_or("");
    let is_gap = |c: char| is_chinese_letter(c) || " \t:=,、，\"“‘「`'（(|/-".contains(c);
    let gap_end = rest.char_indices().take(MAX_GAP).find(|(_, c)| !is_gap(*c)).map(|(at, _)| at);
    let Some(gap_end) = gap_end else { return };
    let gap = rest.get(..gap_end).unwrap_or("");
    if rest.get(gap_end..).is_some_and(|rest| rest.starts_with('\n')) {
        find_announced(view, name.end, NameKind::Password, findings);
        return;
    }
    // A picture before the value.
    let pictures = rest.get(gap_end..).map_or(0, |rest| rest.len() - rest.trim_start_matches(is_pictograph).len());
    let gap_end =
        gap_end + pictures + usize::from(pictures > 0 && rest.as_bytes().get(gap_end + pictures) == Some(&b' '));
    let start = name.end + gap_end;
    let bytes = text.as_bytes();
    let end = VALUE.run_end(bytes, start, start + 200);
    let value = text.get(start..end).unwrap_or("");
    let value = value.get(..value.find(ends_bare).unwrap_or(value.len())).unwrap_or(value);
    let value = value.trim_end_matches([',', '.', ';', ')', ']', '}']);
    if ["is", "was", "to", "are"].iter().any(|verb| verb.eq_ignore_ascii_case(value)) && gap.len() <= 1 {
        let stated = find_stated(text, name.end, NameKind::Password);
        stated.iter().for_each(|value| findings.add("password-in-prose", view, value.start..value.end));
    }
    if value.len() < 4 {
        return;
    }
    // "root/…", "root:…": the name of the user stands before the password.
    let pair = ['/', ':']
        .iter()
        .find_map(|mark| value.split_once(*mark))
        .filter(|(user, _)| is_user_name(user) && user.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()));
    if let Some((user, password)) = pair {
        if (looks_like_password(password) || is_stated_password(password)) && !password.contains('/') {
            findings.add("password-in-prose", view, start + user.len() + 1..start + value.len());
        }
        return;
    }
    let is_said = gap.contains([':', '=', '是', '為', '为', '成', 'は', '는', '은', '가', 'が', '「', '“']);
    let has_sign = has_strong_sign(value) || value.contains(['?', '+', '~']);
    // 密码是520131: a number right behind the name.
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit()) && (6..=12).contains(&value.len());
    let is_password = is_said && is_stated_password(value)
        || looks_like_password(value)
            && (is_said
                || has_sign && has_digit(value)
                || gap.trim().is_empty()
                    && (looks_generated(value, 10, false) || is_mixed_case(value) && has_digit(value))
                || gap.is_empty() && value.bytes().filter(u8::is_ascii_digit).count() > 2)
        || is_number && gap.chars().count() <= 3 && is_said;
    let word = text.get(name).unwrap_or("");
    let is_key = [
        "密钥",
        "密鑰",
        "秘钥",
        "金鑰",
        "令牌",
        "私钥",
        "私鑰",
        "凭证",
        "憑證",
        "授权码",
        "キー",
        "トークン",
        "シークレット",
        "토큰",
        "시크릿",
    ]
    .contains(&word);
    let is_secret = if is_password {
        !is_key || has_sign || looks_generated(value, 12, true)
    } else {
        is_said && looks_generated(value, 16, true)
    };
    if is_secret {
        findings.add("password-in-prose", view, start..start + value.len());
    }
}

fn is_mixed_case(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_lowercase()) && text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_chinese_letter(character: char) -> bool {
    matches!(character, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// Words that announce a user and a password.
const PAIR_WORDS: &[&str] =
    &["cred", "login", "log in", "sign in", "account", "账号", "帳號", "用户名", "登录", "登陆"];

static PAIR_BEGINNINGS: LazyLock<Beginnings> = LazyLock::new(|| Beginnings::new(pair_words()));

/// Returns the words that announce a user and a password.
pub(super) fn pair_words() -> impl Iterator<Item = &'static str> {
    PAIR_WORDS.iter().copied()
}

/// Finds `login: user / password` and the like: pairs behind a word that announces them.
pub(super) fn find_pairs(view: &View<'_>, findings: &mut Findings<'_>) {
    const LINKS: &[&str] = &["is", "are", "with", "as", "using", "用", "是"];
    let text = view.text();
    let bytes = text.as_bytes();
    for start in view.grams().pairs().iter().copied() {
        let rest = bytes.get(start..).unwrap_or(&[]);
        let Some((_, word)) = PAIR_BEGINNINGS.find_any_case(rest) else { continue };
        let mut at = start + word.len();
        while bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
            at += 1;
        }
        let mut start = blank_run(bytes, at, 2);
        let rest = text.get(start..).unwrap_or("");
        let link = LINKS.iter().find(|link| {
            rest.get(..link.len()).is_some_and(|start| start.eq_ignore_ascii_case(link))
                && (!link.is_ascii() || rest.get(link.len()..).is_some_and(|rest| rest.starts_with([' ', ':', '\t'])))
        });
        if let Some(link) = link {
            start = blank_run(bytes, start + link.len(), 2);
        }
        start = blank_run(bytes, start + usize::from(matches!(bytes.get(start), Some(b':' | b'='))), 3);
        while bytes.get(start).is_some_and(|byte| b"\"'`".contains(byte)) {
            start += 1;
        }
        let user_end = NAME.run_end(bytes, start, start + 40);
        let user_end =
            if bytes.get(user_end) == Some(&b'@') { NAME.run_end(bytes, user_end + 1, start + 60) } else { user_end };
        let is_user = user_end > start + 1 && bytes.get(start).is_some_and(u8::is_ascii_alphabetic);
        let mark = blank_run(bytes, user_end, 1);
        if !is_user || !matches!(bytes.get(mark), Some(b':' | b'/' | b'|')) {
            continue;
        }
        let value = blank_run(bytes, mark + 1, 1);
        let window = text.get(value..floor_boundary(text, value + 64)).unwrap_or("");
        let secret = window.get(..window.find(ends_bare).unwrap_or(window.len())).unwrap_or("");
        let secret = secret.trim_end_matches(['.', ',', ';', ':', ')']);
        let spaced = mark > user_end && value > mark + 1;
        let is_password = looks_like_password(secret) && (has_strong_sign(secret) || looks_generated(secret, 8, false))
            || spaced && is_stated_password(secret);
        if is_password && !secret.contains('/') {
            findings.add("password", view, value..value + secret.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_behind_verbs() {
        for (text, value) in [
            (" is now: harbour-Finch-62", Some("harbour-Finch-62")),
            (" for the admin user is x9!kQw", Some("x9!kQw")),
            (" has been changed to x9!kQw.", Some("x9!kQw")),
            (" 改成了 x9!kQw", Some("x9!kQw")),
            ("是x9!kQw", Some("x9!kQw")),
            (" de la base de datos es Girasol_884.", Some("Girasol_884")),
            (" field is required", None),
            (" is base64-encoded", None),
            ("=x9!kQw", None),
        ] {
            let found = find_stated(text, 0, NameKind::Password);
            assert_eq!(found.first().and_then(|found| text.get(found.start..found.end)), value, "{text}");
        }
    }
}
