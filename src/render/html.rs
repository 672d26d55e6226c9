//! Documents as HTML for files that people keep: no script, nothing that loads, every text escaped.

use std::fmt::Write as _;

use super::document::{
    Alignment, Block, CodeLine, DiffSign, EditBlock, EditOperation, ListItem, LookupKind, Span, TaskState, TokenClass,
    ToolOutput,
};
use crate::domain::text::escape_xml;

/// Edits of up to this many lines are open.
const OPEN_EDIT_LINES: usize = 24;

/// Style of what [`render_html`] returns, light and dark.
pub const HTML_STYLE: &str = ":root{--sunk:#f1efea;--line:#e5e2db;--dim:#6b665f;--ac:#0b6a61;--add:#e4f5e7;--del:#fdeae8;--ok:#176a37;--bad:#ae2218;--key:#8a3fb0;--str:#176a37;--num:#9a4520;--com:#6b665f;--fn:#1c5c9f;--type:#0b6a61}\
@media(prefers-color-scheme:dark){:root{--sunk:#232120;--line:#2d2b28;--dim:#97928a;--ac:#62d4c5;--add:#14291a;--del:#311917;--ok:#6fce8c;--bad:#f6897f;--key:#d0a0ee;--str:#8fdca5;--num:#eea67f;--com:#97928a;--fn:#86b8f2;--type:#62d4c5}}\
.doc p{margin:.5rem 0;white-space:pre-wrap;overflow-wrap:anywhere}.doc h2,.doc h3,.doc h4{font-size:1.05rem;margin:1rem 0 .4rem}.doc ul,.doc ol{margin:.5rem 0;padding-left:1.5rem}.doc li.task{list-style:none;margin-left:-1.2rem}\
.doc blockquote{margin:.5rem 0;padding-left:.9rem;border-left:3px solid var(--line);color:var(--dim)}.doc hr{border:0;border-top:1px solid var(--line)}.doc code{background:var(--sunk);border-radius:.25rem;padding:.05em .3em;font-size:.9em}\
.doc pre{overflow-x:auto;background:var(--sunk);padding:.7rem;border-radius:.5rem;font-size:.85rem}.doc pre code{background:none;padding:0;font-size:1em}.doc a{color:var(--ac)}\
.table{overflow-x:auto}.doc table{border-collapse:collapse;margin:.5rem 0}.doc td,.doc th{border:1px solid var(--line);padding:.3rem .7rem;text-align:left}.doc .right{text-align:right}.doc .center{text-align:center}\
.key{color:var(--key)}.str{color:var(--str)}.num{color:var(--num)}.com{color:var(--com)}.fn{color:var(--fn)}.type{color:var(--type)}.plus{color:var(--ok)}.minus,.exit{color:var(--bad)}\
.diff span.line{display:block;min-height:1.3em}.diff .added{background:var(--add)}.diff .removed{background:var(--del)}.diff .gap{color:var(--dim)}details{margin:.4rem 0}summary code{background:none}";

/// Returns the blocks as HTML.
pub fn render_html(blocks: &[Block]) -> String {
    let mut html = String::from("<div class=\"doc\">");
    write_blocks(blocks, &mut html);
    html.push_str("</div>\n");
    html
}

fn write_blocks(blocks: &[Block], html: &mut String) {
    for block in blocks {
        write_block(block, html);
    }
}

fn write_block(block: &Block, html: &mut String) {
    match block {
        Block::Paragraph { spans } => write_element("p", spans, html),
        // The file's own heading is the first.
        Block::Heading { level, spans } => {
            write_element(["h2", "h3", "h4"].get(usize::from(*level).saturating_sub(1)).unwrap_or(&"h4"), spans, html);
        }
        Block::List { start, items } => write_list(*start, items, html),
        Block::Table { columns, head, rows } => write_table(columns, head, rows, html),
        Block::Quote { blocks } => {
            html.push_str("<blockquote>");
            write_blocks(blocks, html);
            html.push_str("</blockquote>");
        }
        Block::Rule => html.push_str("<hr>"),
        Block::Code { lines, .. } => write_code(lines, html),
        Block::Edit(edit) => write_edit(edit, html),
        Block::Tasks { items } => {
            html.push_str("<ul>");
            for item in items {
                let sign = match item.state {
                    TaskState::Done => "☑",
                    TaskState::Doing => "◐",
                    TaskState::Open => "☐",
                };
                let _ = write!(html, "<li class=\"task\">{sign} {}</li>", escape_xml(&item.text));
            }
            html.push_str("</ul>");
        }
        Block::Command { lines, purpose } => {
            if !purpose.is_empty() {
                let _ = write!(html, "<p>{}</p>", escape_xml(purpose));
            }
            write_code(lines, html);
        }
        Block::Lookup { kind, subject } => {
            let _ = write!(html, "<p>{} <code>{}</code></p>", lookup_name(*kind), escape_xml(subject));
        }
        Block::Call { text, .. } | Block::Plain { text } => {
            let _ = write!(html, "<pre>{}</pre>", escape_xml(text));
        }
        Block::Output(output) => write_output(output, html),
        Block::Image { label } => {
            let _ = write!(html, "<p>[image{}{}]</p>", if label.is_empty() { "" } else { ": " }, escape_xml(label));
        }
    }
}

pub(super) const fn lookup_name(kind: LookupKind) -> &'static str {
    match kind {
        LookupKind::Read => "Read",
        LookupKind::Search => "Searched",
        LookupKind::List => "Listed",
        LookupKind::Fetch => "Fetched",
    }
}

fn write_element(name: &str, spans: &[Span], html: &mut String) {
    let _ = write!(html, "<{name}>");
    write_spans(spans, html);
    let _ = write!(html, "</{name}>");
}

fn write_spans(spans: &[Span], html: &mut String) {
    for span in spans {
        let looks = [
            (span.strong, "strong"),
            (span.emphasis, "em"),
            (span.struck, "s"),
            (span.code, "code"),
            (span.mark, "mark"),
        ];
        let names: Vec<&str> = looks.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        if let Some(link) = &span.link {
            let _ = write!(html, "<a href=\"{}\" rel=\"noopener noreferrer nofollow\">", escape_xml(link));
        }
        for name in &names {
            let _ = write!(html, "<{name}>");
        }
        html.push_str(&escape_xml(&span.text));
        for name in names.iter().rev() {
            let _ = write!(html, "</{name}>");
        }
        if span.link.is_some() {
            html.push_str("</a>");
        }
    }
}

fn write_list(start: Option<u64>, items: &[ListItem], html: &mut String) {
    match start {
        Some(number) => {
            let _ = write!(html, "<ol start=\"{number}\">");
        }
        None => html.push_str("<ul>"),
    }
    for ListItem { checked, blocks } in items {
        match checked {
            Some(done) => {
                let _ = write!(html, "<li class=\"task\">{} ", if *done { "☑" } else { "☐" });
            }
            None => html.push_str("<li>"),
        }
        match blocks.split_first() {
            // An item of one line needs no paragraph.
            Some((Block::Paragraph { spans }, rest)) => {
                write_spans(spans, html);
                write_blocks(rest, html);
            }
            _ => write_blocks(blocks, html),
        }
        html.push_str("</li>");
    }
    html.push_str(if start.is_some() { "</ol>" } else { "</ul>" });
}

fn write_table(columns: &[Alignment], head: &[Vec<Span>], rows: &[Vec<Vec<Span>>], html: &mut String) {
    let write_row = |cells: &[Vec<Span>], name: &str, html: &mut String| {
        html.push_str("<tr>");
        for (number, cell) in cells.iter().enumerate() {
            let class = match columns.get(number) {
                Some(Alignment::Right) => " class=\"right\"",
                Some(Alignment::Center) => " class=\"center\"",
                _ => "",
            };
            let _ = write!(html, "<{name}{class}>");
            write_spans(cell, html);
            let _ = write!(html, "</{name}>");
        }
        html.push_str("</tr>");
    };
    html.push_str("<div class=\"table\"><table><thead>");
    write_row(head, "th", html);
    html.push_str("</thead><tbody>");
    rows.iter().for_each(|row| write_row(row, "td", html));
    html.push_str("</tbody></table></div>");
}

fn write_tokens(line: &CodeLine, html: &mut String) {
    for token in line {
        let class = match token.0 {
            TokenClass::Plain => {
                html.push_str(&escape_xml(&token.1));
                continue;
            }
            TokenClass::Keyword => "key",
            TokenClass::Literal => "str",
            TokenClass::Number => "num",
            TokenClass::Comment => "com",
            TokenClass::Function => "fn",
            TokenClass::TypeName => "type",
        };
        let _ = write!(html, "<span class=\"{class}\">{}</span>", escape_xml(&token.1));
    }
}

fn write_code(lines: &[CodeLine], html: &mut String) {
    html.push_str("<pre><code>");
    for line in lines {
        write_tokens(line, html);
        html.push('\n');
    }
    html.push_str("</code></pre>");
}

fn write_edit(edit: &EditBlock, html: &mut String) {
    let verb = match edit.change {
        EditOperation::Changed => "",
        EditOperation::Written => "new file ",
        EditOperation::Deleted => "deleted ",
    };
    let _ = write!(
        html,
        "<details{}><summary>{verb}<code>{}</code> <span class=\"plus\">+{}</span> <span class=\"minus\">−{}</span></summary><pre class=\"diff\">",
        if edit.lines.len() <= OPEN_EDIT_LINES { " open" } else { "" },
        escape_xml(&edit.path),
        edit.added,
        edit.removed
    );
    for line in &edit.lines {
        let (class, sign) = match line.sign {
            DiffSign::Same => ("line", "  "),
            DiffSign::Added => ("line added", "+ "),
            DiffSign::Removed => ("line removed", "− "),
            DiffSign::Gap => ("line gap", "⋯ "),
        };
        let _ = write!(html, "<span class=\"{class}\">{sign}");
        write_tokens(&line.tokens, html);
        html.push_str("</span>");
    }
    if edit.hidden > 0 {
        let _ = write!(html, "<span class=\"line gap\">⋯ {} more lines</span>", edit.hidden);
    }
    html.push_str("</pre></details>");
}

fn write_output(output: &ToolOutput, html: &mut String) {
    if let Some(code) = output.exit_code.filter(|code| *code != 0) {
        let _ = write!(html, "<p class=\"exit\">exit code {code}</p>");
    }
    let _ = write!(html, "<pre>{}</pre>", escape_xml(&output.text));
    if output.hidden > 0 {
        let _ = write!(html, "<p>{} more lines</p>", output.hidden);
    }
}
