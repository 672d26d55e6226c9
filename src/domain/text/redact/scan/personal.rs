//! Personal data with a checksum or a fixed form, for those who ask for it: payment cards, bank accounts, Chinese identity
//! numbers, phone numbers, mail addresses.
//!
//! Names, addresses of streets and dates of birth have no form that tells them from other text; they are not found.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::judge::stands_alone;
use super::view::View;
use super::{Findings, compile};

static CARD: LazyLock<Regex> = LazyLock::new(|| compile(r"[0-9](?:[ -]?[0-9]){12,18}"));
static IBAN: LazyLock<Regex> = LazyLock::new(|| compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"));
static IDENTITY: LazyLock<Regex> = LazyLock::new(|| compile(r"[1-9][0-9]{16}[0-9Xx]"));
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\+[1-9][0-9]{0,2}[ -]?(?:\([0-9]{1,4}\)[ -]?)?[0-9]{2,4}(?:[ -]?[0-9]{2,4}){1,4}|1[3-9][0-9]{9}")
});
static MAIL: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}")
});

/// Finds personal data.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    let bytes = view.text().as_bytes();
    let mut find = |rule: &'static str, pattern: &Regex, accepts: fn(&[u8]) -> bool| {
        for found in pattern.find_iter(bytes) {
            if stands_alone(bytes, found.start(), found.end()) && accepts(found.as_bytes()) {
                findings.add(rule, view, found.range());
            }
        }
    };
    find("payment-card", &CARD, is_card);
    find("bank-account", &IBAN, is_iban);
    find("identity-number", &IDENTITY, is_identity);
    find("phone-number", &PHONE, is_phone);
    find("mail-address", &MAIL, |_| true);
}

fn digits(text: &[u8]) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'))
}

/// Checks a card number (ISO/IEC 7812, Luhn).
fn is_card(text: &[u8]) -> bool {
    let sum: u32 = digits(text)
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10) && digits(text).next().is_some_and(|first| (2..=6).contains(&first))
}

/// Checks an account number (ISO 13616, modulo 97).
fn is_iban(text: &[u8]) -> bool {
    let letters: Vec<u8> = text.iter().copied().filter(|byte| *byte != b' ').collect();
    if !(15..=34).contains(&letters.len()) {
        return false;
    }
    let (head, rest) = letters.split_at(4);
    let remainder = rest.iter().chain(head).fold(0u32, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

/// Checks a Chinese identity number (GB 11643, modulo 11) and its date of birth.
fn is_identity(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let sum: u32 = digits(text).zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let number = |from: usize, to: usize| {
        text.get(from..to).map_or(0, |part| digits(part).fold(0, |sum, digit| sum * 10 + digit))
    };
    let is_date = (1900..2100).contains(&number(6, 10))
        && (1..=12).contains(&number(10, 12))
        && (1..=31).contains(&number(12, 14));
    let check = CHECKS.get((sum % 11) as usize).copied();
    is_date && text.last().map(u8::to_ascii_uppercase) == check
}

fn is_phone(text: &[u8]) -> bool {
    (10..=15).contains(&digits(text).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_tell_numbers_from_others() {
        assert!(is_card(b"4539 1488 0343 6467") && !is_card(b"4539 1488 0343 6468"));
        assert!(is_iban(b"DE89 3704 0044 0532 0130 00") && !is_iban(b"DE88 3704 0044 0532 0130 00"));
        assert!(is_identity(b"11010519491231002X") && !is_identity(b"110105194912310021"));
    }
}
