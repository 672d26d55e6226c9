//! Recognises texts of an agent that only announce its next step: "Let me check …". The result follows in a later text.

/// Most characters of an announcement: a longer text says more than what comes next.
const MAX_CHARACTERS: usize = 280;

/// Words that stand before an announcement.
const INTERJECTIONS: [&str; 19] = [
    "okay",
    "ok",
    "great",
    "good",
    "perfect",
    "excellent",
    "now",
    "first",
    "next",
    "then",
    "also",
    "alright",
    "sure",
    "done",
    "so",
    "and",
    "right",
    "yes",
    "好的",
];

const ANNOUNCEMENT_OPENINGS: [&str; 20] = [
    "let me ",
    "let's ",
    "i'll ",
    "i will ",
    "i'm going to ",
    "i am going to ",
    "i need to ",
    "i want to ",
    "i should ",
    "i'm now ",
    "i am now ",
    "让我",
    "我来",
    "我先",
    "我将",
    "我会",
    "我要",
    "接下来",
    "下面我",
    "现在我",
];

/// Words after an opening that make the text a statement.
const STATEMENTS: [&str; 12] = [
    "know",
    "explain",
    "summarize",
    "summarise",
    "clarify",
    "suggest",
    "propose",
    "recommend",
    "answer",
    "解释",
    "总结",
    "说明",
];

/// Returns whether a text only announces what comes next.
pub fn is_announcement(text: &str) -> bool {
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        return false;
    }
    let lower = text.trim().to_lowercase().replace('\u{2019}', "'");
    let mut rest = lower.as_str();
    while let Some(after) = INTERJECTIONS.iter().find_map(|word| rest.strip_prefix(word)) {
        let next = after.trim_start_matches([' ', ',', '.', '!', ':', ';', '，', '。', '！', '：', '-', '—', '\n']);
        if next.len() == after.len() && !after.is_empty() {
            break;
        }
        rest = next;
    }
    let opened = ANNOUNCEMENT_OPENINGS.iter().find_map(|opening| rest.strip_prefix(opening));
    let Some(rest) = opened else { return false };
    // A second paragraph is a statement.
    let says = STATEMENTS.iter().any(|word| rest.trim_start().starts_with(word));
    let paragraphs = rest.lines().filter(|line| !line.trim().is_empty()).count();
    !says && paragraphs <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_no_fact() {
        for text in [
            "Okay, let me check the config first.",
            "Let me search for documentation about the pool.",
            "Now let me check the tests:",
            "OK, I'll read the file first.",
            "Great! Now I’ll update the imports.",
            "I need to look at how sessions are stored.",
            "让我先看一下配置。",
            "好的，我来检查测试。",
            "接下来运行测试：",
        ] {
            assert!(is_announcement(text), "{text}");
        }
        for text in [
            "The pool has twelve connections.",
            "Let me know if you want the other one.",
            "Let me summarize: the limit is 12 because of the database team.",
            "I'll summarize what I found.\n\nThe limit is 12.",
            "We decided to use SQLite.",
            "Nowhere is it documented.",
            "连接池是十二。",
            "",
        ] {
            assert!(!is_announcement(text), "{text}");
        }
        assert!(!is_announcement(&format!("Let me {}", "explain ".repeat(60))));
    }
}
