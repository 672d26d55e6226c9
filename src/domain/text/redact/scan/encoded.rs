//! Secrets inside base64 and hexadecimal text.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::Findings;
use super::judge::looks_like_password;
use super::makeup::has_digit;
use super::non_secrets::is_number_like;
use super::sentences::is_user_name;
use super::view::{LONG_RUN, View};

/// Shortest and longest run that is decoded.
const LENGTHS: std::ops::RangeInclusive<usize> = LONG_RUN..=16_384;
/// Most bytes decoded of one text. What is left then and begins as readable text is taken for a secret.
const MAX_DECODED: usize = 256 << 10;
/// Decodes with and without padding, and with bits left over.
static DECODER: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Finds runs whose decoded text is `user:password` or holds a secret. `holds_secret` looks at the decoded text.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>, holds_secret: &dyn Fn(&str) -> bool) {
    let text = view.text();
    let bytes = text.as_bytes();
    let mut decoded_bytes = 0;
    for Range { start, end } in view.long_runs().iter().cloned() {
        if !LENGTHS.contains(&(end - start)) {
            continue;
        }
        let padded =
            end + bytes.get(end..).map_or(0, |rest| rest.iter().take(2).take_while(|byte| **byte == b'=').count());
        let run = text.get(start..end).unwrap_or("");
        if !may_begin_text(run.as_bytes()) {
            continue;
        }
        let Some(head) = decode(run.get(..*LENGTHS.start()).unwrap_or(run)).map(narrow) else { continue };
        if !is_readable(&head) {
            continue;
        }
        decoded_bytes += end - start;
        if decoded_bytes > MAX_DECODED {
            findings.add("encoded-secret", view, start..padded);
            continue;
        }
        let Some(decoded) = decode(run).map(narrow).filter(|decoded| is_readable(decoded)) else { continue };
        let Ok(decoded) = String::from_utf8(decoded) else { continue };
        if is_pair(decoded.trim_end(), padded > end) || holds_secret(&decoded) {
            findings.add("encoded-secret", view, start..padded);
        }
    }
}

/// Returns false if the first four bytes of a run, decoded as base64, begin no readable text. True for hexadecimal digits.
fn may_begin_text(run: &[u8]) -> bool {
    let Some([first, second, third, fourth]) = run.first_chunk::<4>() else { return false };
    if [first, second, third, fourth].iter().all(|byte| byte.is_ascii_hexdigit()) {
        return true;
    }
    let bits = |byte: &u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let [_, start, middle, end] =
        (bits(first) << 18 | bits(second) << 12 | bits(third) << 6 | bits(fourth)).to_be_bytes();
    // Text of UTF-16 has a zero behind each letter.
    is_readable(&[start, end]) && (middle == 0 || is_readable(&[middle]))
}

/// Decodes base64 of either alphabet, or an even number of hexadecimal digits.
fn decode(run: &str) -> Option<Vec<u8>> {
    if run.len().is_multiple_of(2) && run.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = run.as_bytes().chunks_exact(2);
        return pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.last()?)?)).collect();
    }
    if run.contains(['-', '_']) {
        let standard: String = run
            .chars()
            .map(|c| match c {
                '-' => '+',
                '_' => '/',
                other => other,
            })
            .collect();
        return DECODER.decode(standard).ok();
    }
    DECODER.decode(run).ok()
}

/// Makes bytes of UTF-16 text, as PowerShell encodes it, out of every second one.
fn narrow(decoded: Vec<u8>) -> Vec<u8> {
    let is_wide = decoded.len() > 3 && decoded.iter().skip(1).step_by(2).all(|byte| *byte == 0);
    if is_wide { decoded.into_iter().step_by(2).collect() } else { decoded }
}

/// Returns true for printable ASCII text.
fn is_readable(decoded: &[u8]) -> bool {
    !decoded.is_empty() && decoded.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t'))
}

fn is_pair(decoded: &str, padded: bool) -> bool {
    let Some((user, password)) = decoded.split_once(':') else { return false };
    let is_user = is_user_name(user) && user.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let is_weak = || {
        padded
            && (6..=64).contains(&password.len())
            && !password.contains(' ')
            && !password.starts_with("//")
            && !is_number_like(password)
            && has_digit(password)
    };
    is_user && (looks_like_password(password) || is_weak())
}

/// Returns true for base64 of `user:password`.
pub(super) fn is_user_and_password(run: &str) -> bool {
    let decoded = decode(run.trim_end_matches('=')).and_then(|decoded| String::from_utf8(decoded).ok());
    decoded.is_some_and(|decoded| {
        decoded.split_once(':').is_some_and(|(user, password)| {
            user.len() <= 64
                && !user.is_empty()
                && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.@+-".contains(&byte))
                && (3..=200).contains(&password.len())
                && password.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        })
    })
}
