//! A session as one HTML file: no script, nothing loaded from elsewhere, and a policy that says so. All text is
//! escaped.

use jiff::tz::TimeZone;
use std::fmt::Write as _;

use super::{ExportedFile, part_heading, speaker_heading};
use crate::domain::Role;
use crate::domain::text::{sanitise, to_one_line};
use crate::memory::SessionMessages;
use crate::render::{HTML_STYLE, parse_part, render_html};

const STYLE: &str = "body{font:16px/1.55 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c1917;background:#faf9f7}\
h1{font-size:1.5rem;overflow-wrap:anywhere}.small,time,summary{color:#57534e;font-size:.85rem}article{margin:.75rem 0;padding:.75rem 1rem;border:1px solid #e2dfda;border-radius:.75rem;background:#fff}\
article.user{background:#eef5f4}article.tool,article.system{border-color:transparent;background:none;padding:.1rem 1rem}\
td,th{text-align:left;padding:.3rem .8rem .3rem 0}\
@media(prefers-color-scheme:dark){body{color:#f0eeeb;background:#151413}article{background:#1e1c1b;border-color:#37332f}article.user{background:#1a2624}.small,time,summary{color:#aba59f}a{color:#5eead4}}";

/// Content Security Policy: loads nothing and runs nothing, whatever a text contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

fn escape_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in sanitise::sanitise_text(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn wrap_page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title><style>{STYLE}{HTML_STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        escape_html(title)
    )
}

pub(super) fn render_session(conversation: &SessionMessages) -> String {
    let head = &conversation.head;
    let title = to_one_line(if head.title.is_empty() { &head.session } else { &head.title }, 120);
    let mut body = format!("<h1>{}</h1>\n", escape_html(&title));
    let _ = writeln!(
        body,
        "<p class=\"small\">{} · {} · session <code>{}</code> · {} messages</p>",
        escape_html(&head.project),
        escape_html(&head.source),
        escape_html(&head.session),
        head.messages
    );
    for message in &conversation.messages {
        let class = if message.role == Role::User { "user" } else { message.role.name() };
        let side = if message.sidechain { " · side conversation" } else { "" };
        let (at, shown) = (message.at, message.at.format_minute(&TimeZone::UTC));
        let _ = writeln!(
            body,
            "<article class=\"{class}\" id=\"{}\"><b>{}</b> <time datetime=\"{at}\">{shown} UTC{side}</time>",
            message.id,
            speaker_heading(message)
        );
        for part in &message.parts {
            let said = render_html(&parse_part(part.kind, part.tool.as_deref(), &part.text));
            let _ = match part_heading(part) {
                None => writeln!(body, "{said}"),
                Some(heading) => {
                    writeln!(body, "<details><summary>{}</summary>{said}</details>", escape_html(&heading))
                }
            };
        }
        body.push_str("</article>\n");
    }
    wrap_page(&title, &body)
}

pub(super) fn render_index(files: &[ExportedFile]) -> String {
    let mut body = "<h1>Conversations</h1>\n<table>\n".to_owned();
    for file in files {
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td><a href=\"./{}\">{}</a></td><td>{}</td></tr>",
            escape_html(&file.day),
            escape_html(&file.project),
            escape_html(&file.name),
            escape_html(&to_one_line(&file.title, 100)),
            file.messages
        );
    }
    body.push_str("</table>\n");
    wrap_page("Conversations", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        assert_eq!(
            escape_html("<a href=\"x\" title='y'>&\u{202e}"),
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;"
        );
    }
}
