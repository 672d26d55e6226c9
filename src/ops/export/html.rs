//! A conversation as one HTML file: no script, nothing from elsewhere, and a policy that says so. Every text is escaped.

use jiff::tz::TimeZone;
use std::fmt::Write as _;

use super::{Entry, heading, speaker};
use crate::domain::Role;
use crate::domain::text::{one_line, visible};
use crate::memory::Conversation;

const STYLE: &str = "body{font:16px/1.55 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c1917;background:#faf9f7}\
h1{font-size:1.5rem;overflow-wrap:anywhere}.small,time,summary{color:#57534e;font-size:.85rem}article{margin:.75rem 0;padding:.75rem 1rem;border:1px solid #e2dfda;border-radius:.75rem;background:#fff}\
article.user{background:#eef5f4}article.tool,article.system{border-color:transparent;background:none;padding:.1rem 1rem}.said{white-space:pre-wrap;overflow-wrap:anywhere;margin:.35rem 0}\
pre{overflow-x:auto;background:#f3f1ed;padding:.7rem;border-radius:.5rem;font-size:.85rem}td,th{text-align:left;padding:.3rem .8rem .3rem 0}\
@media(prefers-color-scheme:dark){body{color:#f0eeeb;background:#151413}article{background:#1e1c1b;border-color:#37332f}article.user{background:#1a2624}pre{background:#282523}.small,time,summary{color:#aba59f}a{color:#5eead4}}";

/// Nothing is fetched and nothing runs, whatever a text says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in visible::safe(text).chars() {
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

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title><style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        escaped(title)
    )
}

pub(super) fn conversation(conversation: &Conversation) -> String {
    let head = &conversation.head;
    let title = one_line(if head.title.is_empty() { &head.session } else { &head.title }, 120);
    let mut body = format!("<h1>{}</h1>\n", escaped(&title));
    let _ = writeln!(
        body,
        "<p class=\"small\">{} · {} · session <code>{}</code> · {} messages</p>",
        escaped(&head.project),
        escaped(&head.source),
        escaped(&head.session),
        head.messages
    );
    for message in &conversation.messages {
        let class = if message.role == Role::User { "user" } else { message.role.name() };
        let side = if message.sidechain { " · side conversation" } else { "" };
        let (at, shown) = (message.at, message.at.to_minute(&TimeZone::UTC));
        let _ = writeln!(
            body,
            "<article class=\"{class}\" id=\"{}\"><b>{}</b> <time datetime=\"{at}\">{shown} UTC{side}</time>",
            message.id,
            speaker(message)
        );
        for part in &message.parts {
            let said = escaped(part.text.trim_end());
            let _ = match heading(part) {
                None => writeln!(body, "<div class=\"said\">{said}</div>"),
                Some(heading) => {
                    writeln!(body, "<details><summary>{}</summary><pre>{said}</pre></details>", escaped(&heading))
                }
            };
        }
        body.push_str("</article>\n");
    }
    page(&title, &body)
}

pub(super) fn index(files: &[Entry]) -> String {
    let mut body = "<h1>Conversations</h1>\n<table>\n".to_owned();
    for file in files {
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td><a href=\"./{}\">{}</a></td><td>{}</td></tr>",
            escaped(&file.day),
            escaped(&file.project),
            escaped(&file.name),
            escaped(&one_line(&file.title, 100)),
            file.messages
        );
    }
    body.push_str("</table>\n");
    page("Conversations", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        assert_eq!(escaped("<a href=\"x\" title='y'>&\u{202e}"), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
    }
}
