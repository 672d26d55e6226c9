//! Renders what agents write: parts of messages become a document tree, and the tree becomes HTML, lines for a terminal,
//! or JSON that the page draws. Pure. Owns every syntax that is understood (Markdown, calls of tools, patches, outputs)
//! and every bound on it; reads nothing and knows no message.

mod arguments;
mod call;
mod code;
mod diff;
mod document;
mod excerpt;
mod html;
mod languages;
mod links;
mod markdown;
mod marks;
mod output;
pub mod terminal;

use crate::domain::PartKind;
use crate::domain::text::sanitise::sanitise_text;

pub use self::document::Block;
pub use self::excerpt::render_excerpt;
pub use self::html::{HTML_STYLE, render_html};
pub use self::marks::mark_blocks;
pub use self::terminal::{layout_blocks, to_ansi};

/// Name that stands for an image that was not kept.
const IMAGE_MARK: &str = "[image]";

/// Returns the blocks of one part of a message. What acts on a terminal or hides from a reader is removed.
pub fn parse_part(kind: PartKind, tool: Option<&str>, text: &str) -> Vec<Block> {
    let safe = sanitise_text(text);
    let safe = safe.trim_end();
    if safe == IMAGE_MARK {
        return vec![Block::Image { label: String::new() }];
    }
    match kind {
        PartKind::Text | PartKind::Note | PartKind::Summary | PartKind::Thinking => markdown::parse_markdown(safe),
        PartKind::ToolUse => call::parse_call(tool.unwrap_or("tool"), safe),
        PartKind::ToolResult => vec![Block::Output(output::parse_output(safe))],
        PartKind::Meta | PartKind::Earlier => vec![Block::Plain { text: safe.to_owned() }],
    }
}

#[cfg(test)]
mod tests;
