//! A conversation as Markdown. What tools said stands in fences that nothing in it can close.

use std::fmt::Write as _;

use super::{Entry, heading, speaker};
use crate::domain::text::{one_line, visible};
use crate::memory::Conversation;

pub(super) fn conversation(conversation: &Conversation) -> String {
    let head = &conversation.head;
    let title = visible::safe(&one_line(&head.title, 120)).into_owned();
    let session = visible::safe(&one_line(&head.session, 200)).replace('`', "'");
    let mut text = format!("# {}\n\n", if title.is_empty() { &session } else { &title });
    let _ = writeln!(
        text,
        "Project {} · {} · session `{}` · {} to {} · {} messages",
        visible::safe(&head.project),
        head.source,
        session,
        head.started_at,
        head.ended_at,
        head.messages
    );
    for message in &conversation.messages {
        let side = if message.sidechain { " (side conversation)" } else { "" };
        let _ = writeln!(text, "\n## {} · {}{side}\n", speaker(message), message.at);
        for part in &message.parts {
            let said = visible::safe(&part.text);
            match heading(part) {
                None => {
                    let _ = writeln!(text, "{}\n", said.trim_end());
                }
                Some(heading) => {
                    let fence = fence(&said);
                    let _ = writeln!(text, "**{heading}**\n\n{fence}\n{}\n{fence}\n", said.trim_end());
                }
            }
        }
    }
    text
}

/// Longer than any row of backticks in the text.
fn fence(text: &str) -> String {
    let (mut longest, mut row) = (0, 0);
    for letter in text.chars() {
        row = if letter == '`' { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    "`".repeat((longest + 1).max(3))
}

pub(super) fn index(files: &[Entry]) -> String {
    let mut text =
        "# Conversations\n\n| day | project | conversation | messages |\n| --- | --- | --- | --- |\n".to_owned();
    for file in files {
        let cell = |text: &str| one_line(text, 100).replace('|', "\\|").replace(['[', ']'], " ");
        let name = file.name.replace(' ', "%20");
        let _ = writeln!(
            text,
            "| {} | {} | [{}]({name}) | {} |",
            file.day,
            cell(&file.project),
            cell(&file.title),
            file.messages
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_closes_its_fence() {
        assert_eq!(fence("plain"), "```");
        assert_eq!(fence("```\ncode\n```` x"), "`````");
    }
}
