//! Addresses that may become links: http and https, nothing else. Finds them in prose and cuts them where a sentence
//! goes on.

/// Longest address that becomes a link.
const MAX_ADDRESS_BYTES: usize = 2_000;

/// Returns true for an address that a reader may follow.
pub(super) fn is_web_address(address: &str) -> bool {
    let rest = strip_scheme(address);
    address.len() <= MAX_ADDRESS_BYTES
        && rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_alphanumeric() || first == '['))
        && !address.contains(|letter: char| letter.is_whitespace() || letter.is_control() || "<>\"'`".contains(letter))
}

fn strip_scheme(address: &str) -> Option<&str> {
    ["https://", "http://"].iter().find_map(|scheme| {
        let (head, rest) = address.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// Splits prose into pieces; the flag is true for an address.
pub(super) fn split_addresses(text: &str) -> Vec<(&str, bool)> {
    let mut pieces = Vec::new();
    let (mut plain, mut from) = (0, 0);
    while let Some(start) = text.get(from..).and_then(|rest| rest.find("http")).map(|at| from + at) {
        let tail = text.get(start..).unwrap_or("");
        let end = tail.find(ends_address).unwrap_or(tail.len());
        let address = tail.get(..end).unwrap_or("").trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
        let joined =
            text.get(..start).and_then(|before| before.chars().next_back()).is_some_and(|c| c.is_ascii_alphanumeric());
        if !joined && is_web_address(address) {
            pieces.extend(text.get(plain..start).filter(|piece| !piece.is_empty()).map(|piece| (piece, false)));
            pieces.push((address, true));
            plain = start + address.len();
        }
        from = start + address.len().max("http".len());
    }
    pieces.extend(text.get(plain..).filter(|piece| !piece.is_empty()).map(|piece| (piece, false)));
    pieces
}

fn ends_address(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || "<>\"'`)]}|，。、；：！？）】」』”’".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_links() {
        for address in ["https://example.org/a?b=c#d", "HTTP://example.org", "http://[::1]:80/"] {
            assert!(is_web_address(address), "{address}");
        }
        for address in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "https://",
            "file:///etc",
            "https:// x",
            "https://a\"b",
        ] {
            assert!(!is_web_address(address), "{address}");
        }
    }

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        let links = |text| -> Vec<&str> {
            let pieces = split_addresses(text);
            assert_eq!(pieces.iter().map(|(piece, _)| *piece).collect::<String>(), text);
            pieces.into_iter().filter(|(_, link)| *link).map(|(piece, _)| piece).collect()
        };
        assert_eq!(
            links("see https://a.example/x. Then (http://b.example)，再看https://c.example/路径。"),
            ["https://a.example/x", "http://b.example", "https://c.example/路径"]
        );
        assert!(links("xhttps://a.example http httphttp://").is_empty());
    }
}
