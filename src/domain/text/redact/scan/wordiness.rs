//! Tells words from what was drawn at random, by how often a letter follows another one.

use super::word_lists::IDENTIFIER_WORDS;

/// How rare each letter is at the start of a word (first row) and behind each letter, from `a` (certain) to `z` (never
/// seen): minus three times the natural logarithm of its share. Counted over the English documents of this project.
const LETTER_PAIRS: [&[u8; 26]; 27] = [
    b"jkhjijnkkqokjljioihimnksrv",
    b"vkhjvojvjznhjgzlzgigkmutlz",
    b"gzozetzojkzgrzhzzilphtzzlt",
    b"hzmvgxwflzijzxfvxinglzzzoz",
    b"hrtjdvnvgzzmqzizzkgrktvvnz",
    b"iqjgmnosoxsjjhulpffjrmplpy",
    b"gztzhjzzezzkzzfzzjojitzzlz",
    b"jszzdzqiizzmpklqzgiqiqzzzz",
    b"fovpdzzufzzrpqfzzkqjozzzqz",
    b"npjkjmkzzzrijeglylihvmzqzp",
    b"nzzzbzzzlzzzzzhzzzfzjzzzzz",
    b"nzzldpnzhzomzjrpzzflizzzzz",
    b"gzsieousgzshvvgnztjjkptzkz",
    b"fjsrewzzhzvqkrggzzlslwwzzz",
    b"jtihhnfzjpnnsnkqztgfmnxwpz",
    b"nokkronzpoljifkkzfkjimjysz",
    b"grwqfzpnjzzhrzgkzgkgjzzzpz",
    b"zzzjzzzzzzzizzzzzzzzazzzzz",
    b"htllerlwhzmplmhszlhilmrzjz",
    b"ixjwfvxjhznprrjmrxhejzmzmz",
    b"iznoeqogfzznryhpzjgllzozlz",
    b"klljizmzjzziigpjzfhhuzzrzr",
    b"gzzzbszzgzzzzzozzzzzpzzzzz",
    b"hzztezzfgzznzigzziirzzzzzz",
    b"gzjzhzzogzzzzzzfzzzdpzzzpz",
    b"zlozjzzzlzzlkhjfzqegzzhzzn",
    b"izzzczzlfzzzzzlzzzizzzzzzg",
];

/// Highest mean rarity of the letters of a word, in the unit of the table.
const MAX_WORD_RARITY: usize = 9;
/// Share of vowels in a word, in percent.
const WORD_VOWELS: std::ops::RangeInclusive<usize> = 20..=70;

/// Returns the share of letters that stand in words, in percent.
///
/// A text is taken apart at signs, digits and changes to upper case, as identifiers are; a piece is a word if it is a
/// usual word of identifiers, or has four letters or more, vowels, and no rare pairs of letters.
pub(super) fn word_share(text: &str) -> usize {
    let bytes = text.as_bytes();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 {
        return 0;
    }
    let (mut in_words, mut at) = (0, 0);
    while let Some((start, end)) = next_piece(bytes, at) {
        let piece = bytes.get(start..end).unwrap_or(&[]);
        in_words += if is_word(piece) { piece.len() } else { 0 };
        at = end;
    }
    in_words * 100 / letters
}

/// Returns the next piece of letters: `HTTP` and `Server` of `HTTPServer2`.
pub(super) fn next_piece(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let start = from + bytes.get(from..)?.iter().position(u8::is_ascii_alphabetic)?;
    let is_lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
    let is_upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    let mut end = start + 1;
    if is_upper(start) && !is_lower(end) {
        while is_upper(end) {
            end += 1;
        }
        // The last capital letter begins the next word.
        if is_lower(end) && end > start + 1 {
            end -= 1;
        }
    } else {
        while is_lower(end) {
            end += 1;
        }
    }
    Some((start, end))
}

fn is_word(piece: &[u8]) -> bool {
    let mut lower = [0; 24];
    let Some(lower) = lower.get_mut(..piece.len()) else { return false };
    lower.copy_from_slice(piece);
    lower.make_ascii_lowercase();
    let is_listed = || std::str::from_utf8(lower).is_ok_and(|word| IDENTIFIER_WORDS.contains(word));
    if piece.len() < 4 {
        return is_listed();
    }
    let vowels = lower.iter().filter(|byte| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')).count();
    let reads_well = || {
        let mut row = 0;
        let rarity: usize = lower
            .iter()
            .map(|letter| {
                let column = usize::from(letter - b'a');
                let grade = LETTER_PAIRS.get(row).and_then(|row| row.get(column)).copied().unwrap_or(b'z');
                row = column + 1;
                usize::from(grade - b'a')
            })
            .sum();
        rarity <= MAX_WORD_RARITY * lower.len()
    };
    WORD_VOWELS.contains(&(vowels * 100 / piece.len())) && reads_well() || is_listed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_random_letters() {
        for text in ["addEventListenerOptions1", "HTTPServerTimeout", "resnet-features-model", "created_at_2024"] {
            assert!(word_share(text) > 60, "{text}: {}", word_share(text));
        }
        for text in ["kJ8xQw2LmZp9", "GI7HFzvCGiFqk6RK2zzB9GBcplnPz6bKvCYR", "e66b59862de314b94edcd5e9dbbd87ef"] {
            assert!(word_share(text) < 30, "{text}: {}", word_share(text));
        }
    }
}
