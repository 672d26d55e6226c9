//! Recovery phrases of wallets and recovery codes of accounts.

use std::ops::Range;
use std::sync::LazyLock;

use super::byte_set::ByteSet;
use super::literals::Literal;
use super::makeup::has_digit;
use super::view::View;
use super::word_lists::STOP_WORDS;
use super::{Findings, floor_boundary};

/// Words of the recovery phrases of BIP-39, one a line, sorted. The list is that of the standard (MIT).
static PHRASE_WORDS: &str = include_str!("recovery_words.txt");

/// The words, packed, in the order of the list.
static PACKED_WORDS: LazyLock<Vec<u64>> = LazyLock::new(|| PHRASE_WORDS.lines().map(pack_word).collect());

/// Packs a word of at most eight bytes, so that numbers are in the order of words.
fn pack_word(word: &str) -> u64 {
    let mut packed = [0; 8];
    packed.iter_mut().zip(word.bytes()).for_each(|(to, byte)| *to = byte);
    u64::from_be_bytes(packed)
}

/// Returns true for a word of recovery phrases.
fn is_phrase_word(word: &str) -> bool {
    word.len() <= 8 && PACKED_WORDS.binary_search(&pack_word(word)).is_ok()
}

/// Numbers of words of a phrase.
const PHRASE_LENGTHS: &[usize] = &[12, 15, 18, 21, 24];
/// Names of phrases.
const PHRASE_NAMES: &[&str] = &["seed", "mnemonic", "recovery phrase", "secret phrase", "助记词", "助記詞"];

/// Finds recovery phrases and recovery codes.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    find_phrases(view, findings);
    find_codes(view, findings);
}

/// Finds runs of twelve or more short lower-case words between blanks, commas or numbers.
fn find_phrases(view: &View<'_>, findings: &mut Findings<'_>) {
    static PHRASE: ByteSet = ByteSet::parse("a-z0-9 \t\n,.)\"'");
    let mut run: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(stretch) = PHRASE.next_run(view.text().as_bytes(), at, SHORTEST_PHRASE) {
        at = stretch.end;
        find_phrases_in(view, stretch, &mut run, findings);
    }
}

/// Fewest bytes of twelve words of three letters.
const SHORTEST_PHRASE: usize = 12 * 4 - 1;

/// Finds phrases in a stretch of letters and of what may stand between words. `run` is empty before and behind it.
fn find_phrases_in(view: &View<'_>, stretch: Range<usize>, run: &mut Vec<(usize, usize)>, findings: &mut Findings<'_>) {
    let bytes = view.text().as_bytes().get(..stretch.end).unwrap_or(&[]);
    let mut at = stretch.start;
    while at < bytes.len() {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_lowercase) {
            at += 1;
        }
        let is_word = (3..=8).contains(&(at - start));
        if is_word {
            run.push((start, at));
        }
        let gap = at;
        while at < gap + 6 && bytes.get(at).is_some_and(|byte| b" \t\n,.)\"'".contains(byte) || byte.is_ascii_digit()) {
            at += 1;
        }
        let is_separated = bytes
            .get(gap..at)
            .is_some_and(|gap| !gap.is_empty() && (gap.contains(&b' ') || gap.contains(&b',') || gap.contains(&b'\n')));
        if !is_word || !is_separated || !bytes.get(at).is_some_and(u8::is_ascii_lowercase) {
            judge_phrase(view, run, findings);
            run.clear();
            // The rest of a word that is too long, or of something else.
            if at == start {
                at += 1;
            }
        }
        if run.len() > 400 {
            judge_phrase(view, run, findings);
            run.clear();
        }
    }
    judge_phrase(view, run, findings);
    run.clear();
}

fn judge_phrase(view: &View<'_>, run: &[(usize, usize)], findings: &mut Findings<'_>) {
    static NAMES: LazyLock<Vec<Literal>> =
        LazyLock::new(|| PHRASE_NAMES.iter().map(|name| Literal::new(name)).collect());
    let text = view.text();
    if run.len() < 12 {
        return;
    }
    let word = |range: &(usize, usize)| text.get(range.0..range.1).unwrap_or("");
    let is_usual = |range: &&(usize, usize)| STOP_WORDS.contains(word(range));
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    let is_named_before = || {
        let before = text.get(floor_boundary(text, first.0.saturating_sub(80))..first.0).unwrap_or("").to_lowercase();
        PHRASE_NAMES.iter().any(|name| before.contains(name))
    };
    let is_named =
        NAMES.iter().any(|name| name.may_occur_in(view)) && (PHRASE_NAMES.contains(&word(first)) || is_named_before());
    if is_named && PHRASE_LENGTHS.contains(&run.len()) && !run.iter().any(|range| is_usual(&range)) {
        findings.add("recovery-phrase", view, first.0..last.1);
        return;
    }
    // Stretches of words of the list; words of a sentence may stand before and behind one.
    let needed = if is_named { 11 } else { 12 };
    let is_listed = |at: usize| run.get(at).is_some_and(|range| is_phrase_word(word(range)));
    let mut start = 0;
    while start + needed <= run.len() {
        // From the last word that is needed, so that most are not looked up.
        if let Some(other) = (start..start + needed).rev().find(|at| !is_listed(*at)) {
            start = other + 1;
            continue;
        }
        let end = (start + needed..run.len()).find(|at| !is_listed(*at)).unwrap_or(run.len());
        let stretch = run.get(start..end).unwrap_or(&[]);
        start = end + 1;
        let mut words: Vec<&str> = stretch.iter().map(word).collect();
        words.sort_unstable();
        words.dedup();
        let usual = stretch.iter().filter(is_usual).count();
        let is_phrase = words.len() > 6 && (is_named || usual < 2);
        if let (true, Some(first), Some(last)) = (is_phrase, stretch.first(), stretch.last()) {
            findings.add("recovery-phrase", view, first.0..last.1);
        }
    }
}

/// Announcements of recovery codes.
const CODE_NAMES: &[&str] = &[
    "recovery code",
    "recovery-code",
    "recovery_code",
    "backup code",
    "backup-code",
    "backup_code",
    "scratch code",
    "恢复码",
    "备用码",
    "恢復碼",
    "備用碼",
];
/// Bytes behind an announcement that are looked at.
const CODES_WINDOW: usize = 800;

/// Finds three codes or more on the lines behind an announcement of recovery codes.
fn find_codes(view: &View<'_>, findings: &mut Findings<'_>) {
    static NAMES: LazyLock<Vec<Literal>> = LazyLock::new(|| CODE_NAMES.iter().map(|name| Literal::new(name)).collect());
    let text = view.text();
    let has = |part: &str| memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some();
    if !NAMES.iter().any(|name| name.may_occur_in(view))
        || !(has("code") || has("Codes") || has("复码") || has("用码") || has("復碼") || has("用碼"))
    {
        return;
    }
    let lower = text.to_ascii_lowercase();
    let mut done = 0;
    for name in CODE_NAMES {
        for found in memchr::memmem::find_iter(lower.as_bytes(), name.as_bytes()) {
            if found < done {
                continue;
            }
            // Behind the colon, or at the end of the line.
            let end = found + name.len();
            let rest = text.as_bytes().get(end..).unwrap_or(&[]);
            let mark = memchr::memchr2(b':', b'\n', rest).unwrap_or(rest.len());
            let start = end + mark + usize::from(rest.get(mark) == Some(&b':'));
            done = read_codes(view, start, findings).max(found + 1);
        }
    }
}

fn read_codes(view: &View<'_>, start: usize, findings: &mut Findings<'_>) -> usize {
    let text = view.text();
    let window = text.get(start..floor_boundary(text, start + CODES_WINDOW)).unwrap_or("");
    let mut codes = Vec::new();
    let mut at = start;
    for line in window.split_inclusive('\n') {
        let mut is_list = true;
        let mut position = at;
        let mut found = Vec::new();
        // Codes of two groups with a blank between them are found as such first.
        let joined = join_groups(line);
        for word in joined.split_inclusive([' ', ',', '\t', '|']) {
            let bare = word.trim_matches([' ', ',', '\t', '|', '\n', '\r', '-', '*', '•', '`', '"', '\'', ')']);
            let is_number = bare.len() <= 3 && bare.trim_end_matches('.').bytes().all(|byte| byte.is_ascii_digit());
            if is_code(bare) {
                let offset = word.find(bare).unwrap_or(0);
                found.push(position + offset..position + offset + bare.len());
            } else if !is_number && !bare.is_empty() {
                is_list = false;
            }
            position += word.len();
        }
        if is_list && !found.is_empty() {
            codes.append(&mut found);
        } else if !line.trim().is_empty() && (!codes.is_empty() || at > start) {
            break;
        }
        at += line.len();
    }
    if codes.len() >= 2 {
        codes.into_iter().for_each(|range| findings.add("recovery-code", view, range));
    }
    at
}

/// Puts a `-` between two groups of four or five digits with one blank between them, so that they are one code.
fn join_groups(line: &str) -> String {
    let is_group = |group: &str| (4..=5).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit());
    let pieces = line.split_inclusive([',', '\n', '\t']).map(|piece| {
        let body = piece.trim_matches([' ', ',', '\n', '\t', '\r']);
        match body.split_once(' ') {
            Some((first, second)) if is_group(first) && is_group(second) => {
                piece.replacen(body, &format!("{first}-{second}"), 1)
            }
            _ => piece.to_owned(),
        }
    });
    pieces.collect()
}

fn is_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let is_part = |part: &&str| (4..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    has_digit(word) && parts.iter().all(is_part) && (parts.len() > 1 && parts.len() < 6 || word.len() >= 8)
}
