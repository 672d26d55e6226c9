//! Words of a command line for a POSIX shell: `sh`, also on Windows, where Claude Code brings Git's bash.

use std::fmt::Write as _;

use super::sanitise;

/// Programs whose output others wrote: they fetch it from the network.
const FETCHING_PROGRAMS: [&str; 14] = [
    "curl",
    "wget",
    "http",
    "https",
    "xh",
    "lynx",
    "w3m",
    "links",
    "elinks",
    "gh",
    "glab",
    "hub",
    "iwr",
    "invoke-webrequest",
];

/// Returns true if a program that fetches from the network is called in a command line, as its first word or after what
/// separates commands.
pub fn fetches_from_network(command: &str) -> bool {
    command.split(['|', ';', '&', '\n', '(', '`']).any(|part| {
        let words =
            part.split_whitespace().skip_while(|word| word.contains('=') || matches!(*word, "sudo" | "env" | "time"));
        let program = words.map(|word| word.rsplit(['/', '\\']).next().unwrap_or(word)).next().unwrap_or("");
        let program = program.strip_suffix(".exe").unwrap_or(program).to_ascii_lowercase();
        FETCHING_PROGRAMS.contains(&program.as_str())
    })
}

/// Quotes a word for a command that is run.
pub fn quote_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Quotes a word for a command that is printed. Characters that act on a terminal are escaped in `$'…'`.
pub fn quote_for_print(word: &str) -> String {
    if !word.contains(['\n', '\t']) && sanitise::sanitise_text(word) == word {
        return quote_word(word);
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
            _ if letter.is_ascii() || sanitise::sanitise_text(letter.encode_utf8(&mut [0; 4])).starts_with(letter) => {
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
    fn a_command_that_fetches_is_known_by_its_program() {
        for fetches in [
            "curl -s https://example.org | head",
            "cd /w && /usr/bin/wget -q https://example.org",
            "TOKEN=x gh issue view 12",
            "sudo curl https://example.org",
            "echo $(curl https://example.org)",
        ] {
            assert!(fetches_from_network(fetches), "{fetches}");
        }
        for local in ["cargo test curl", "grep -rn 'wget' src", "git log", "ls ~/.curlrc", ""] {
            assert!(!fetches_from_network(local), "{local}");
        }
    }

    #[test]
    fn no_word_ends_its_quotation() {
        for (word, shown) in [
            ("/home/mei/work", "/home/mei/work"),
            ("", "''"),
            ("pool", "pool"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("it's; rm -rf ~", r"'it'\''s; rm -rf ~'"),
            ("$(reboot)", "'$(reboot)'"),
            (r"C:\my work", r"'C:\my work'"),
            ("a\nb\u{1b}[31m'", r"$'a\nb\x1b[31m\''"),
            ("a\u{202e}b\\", r"$'a\U0000202eb\\'"),
            ("会话", "'会话'"),
        ] {
            assert_eq!(quote_for_print(word), shown);
        }
    }
}
