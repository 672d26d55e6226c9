//! Numbers in sentences: digits in groups, and nouns that agree with their number. English only.

/// Formats a number with thousands separators: `1234567` → `1,234,567`.
pub fn group_digits(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number with its noun, given in the singular: `1 session`, `1,234 sessions`, `2 matches`.
pub fn format_count(number: u64, noun: &str) -> String {
    format!("{} {}", group_digits(number), agree_noun(number, noun))
}

/// Returns a noun, given in the singular, as it stands after a number.
pub fn agree_noun(number: u64, noun: &str) -> String {
    if number == 1 {
        return noun.to_owned();
    }
    let last_but_one = noun.chars().rev().nth(1);
    match noun.strip_suffix('y') {
        Some(stem) if last_but_one.is_some_and(|letter| !"aeiou".contains(letter)) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1_234_567].map(group_digits), ["0", "999", "1,234,567"]);
    }

    #[test]
    fn nouns_agree_with_their_numbers() {
        let all =
            [(0, "message"), (1, "message"), (2, "match"), (1, "query"), (3, "query"), (2, "day"), (1_000, "hook")];
        let said = all.map(|(number, noun)| format_count(number, noun));
        let wanted = ["0 messages", "1 message", "2 matches", "1 query", "3 queries", "2 days", "1,000 hooks"];
        assert_eq!(said, wanted);
    }
}
