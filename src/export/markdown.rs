//! A session as Markdown. Tool output is fenced so that nothing in it can close the fence.

use std::fmt::Write as _;

use super::{ExportedFile, part_heading, speaker_heading};
use crate::domain::text::{sanitise, to_one_line};
use crate::memory::SessionMessages;

pub(super) fn render_session(conversation: &SessionMessages) -> String {
    let head = &conversation.head;
    let title = sanitise::sanitise_text(&to_one_line(&head.title, 120)).into_owned();
    let session = sanitise::sanitise_text(&to_one_line(&head.session, 200)).replace('`', "'");
    let mut text = format!("# {}\n\n", if title.is_empty() { &session } else { &title });
    let _ = writeln!(
        text,
        "Project {} · {} · session `{}` · {} to {} · {} messages",
        sanitise::sanitise_text(&head.project),
        head.source,
        session,
        head.started_at,
        head.ended_at,
        head.messages
    );
    for message in &conversation.messages {
        let side = if message.sidechain { " (side conversation)" } else { "" };
        let _ = writeln!(text, "\n## {} · {}{side}\n", speaker_heading(message), message.at);
        for part in &message.parts {
            let said = sanitise::sanitise_text(&part.text);
            match part_heading(part) {
                None => {
                    let _ = writeln!(text, "{}\n", said.trim_end());
                }
                Some(heading) => {
                    let fence = make_fence(&said);
                    let _ = writeln!(text, "**{heading}**\n\n{fence}\n{}\n{fence}\n", said.trim_end());
                }
            }
        }
    }
    text
}

/// Returns a fence longer than any run of backticks in the text.
fn make_fence(text: &str) -> String {
    let (mut longest, mut row) = (0, 0);
    for letter in text.chars() {
        row = if letter == '`' { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    "`".repeat((longest + 1).max(3))
}

pub(super) fn render_index(files: &[ExportedFile]) -> String {
    let mut text =
        "# Conversations\n\n| day | project | conversation | messages |\n| --- | --- | --- | --- |\n".to_owned();
    for file in files {
        let cell = |text: &str| to_one_line(text, 100).replace('|', "\\|").replace(['[', ']'], " ");
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
        assert_eq!(make_fence("plain"), "```");
        assert_eq!(make_fence("```\ncode\n```` x"), "`````");
    }
}
