//! Words of a command line for a POSIX shell: `sh`, also on Windows, where Claude Code brings Git's bash.

use std::fmt::Write as _;

use super::visible;

/// Quotes a word for a command that is run.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Quotes a word for a command that is printed. What would act on the terminal is written as an escape in `$'…'`.
pub fn quoted_for_print(word: &str) -> String {
    if !word.contains(['\n', '\t']) && visible::safe(word) == word {
        return quoted(word);
    }
    let mut text = String::from("$'");
    for letter in word.chars() {
        match letter {
            '\\' | '\'' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            _ if letter.is_ascii_control() => {
                let _ = write!(text, "\\x{:02x}", u32::from(letter));
            }
            _ if letter.is_ascii() || visible::safe(letter.encode_utf8(&mut [0; 4])).starts_with(letter) => {
                text.push(letter);
            }
            _ => {
                let _ = write!(text, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_ends_its_quotation() {
        for (word, shown) in [
            ("/home/mei/work", "/home/mei/work"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's; rm -rf ~", r"'it'\''s; rm -rf ~'"),
            ("$(reboot)", "'$(reboot)'"),
            (r"C:\my work", r"'C:\my work'"),
            ("a\nb\u{1b}[31m'", r"$'a\nb\x1b[31m\''"),
            ("a\u{202e}b\\", r"$'a\U0000202eb\\'"),
            ("会话", "'会话'"),
        ] {
            assert_eq!(quoted_for_print(word), shown);
        }
    }
}
