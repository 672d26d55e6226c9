//! Markdown as agents write it (CommonMark with tables, task lists and strikethrough) as blocks. Raw HTML stays text, an
//! image becomes a placeholder, only addresses with http and https become links. Depth and size are bounded.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::code::tokenise_code;
use super::document::{Alignment, Block, ListItem, Span};
use super::links::{is_web_address, split_addresses};

/// Most bytes that are read as Markdown. A longer text is a log or a file, and stands as it is.
const MAX_BYTES: usize = 200_000;
/// Most lists and quotes inside each other; deeper ones are flattened.
const MAX_DEPTH: usize = 12;
/// Most columns of a table.
const MAX_COLUMNS: usize = 64;

/// Returns the blocks of a text that is safe to show already.
pub(super) fn parse_markdown(text: &str) -> Vec<Block> {
    if text.len() > MAX_BYTES {
        return vec![Block::Plain { text: text.to_owned() }];
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut builder = DocumentBuilder::default();
    for event in Parser::new_ext(text, options) {
        builder.add_event(event);
    }
    builder.finish_document()
}

/// A list, an item or a quote that is still open.
enum OpenContainer {
    Quote,
    List { start: Option<u64>, items: Vec<ListItem> },
    Item { checked: Option<bool> },
}

#[derive(Default)]
struct OpenTable {
    columns: Vec<Alignment>,
    head: Vec<Vec<Span>>,
    rows: Vec<Vec<Vec<Span>>>,
    row: Vec<Vec<Span>>,
}

/// Builder of the tree from a stream of events.
#[derive(Default)]
struct DocumentBuilder {
    /// Blocks of the document and of each open container, innermost last.
    levels: Vec<(OpenContainer, Vec<Block>)>,
    root: Vec<Block>,
    /// Open containers beyond the limit of depth.
    ignored: usize,
    spans: Vec<Span>,
    heading: Option<u8>,
    table: Option<OpenTable>,
    code: Option<(String, String)>,
    look: SpanLook,
}

/// Emphasis that is open, counted, because it may be nested.
#[derive(Default)]
struct SpanLook {
    strong: usize,
    emphasis: usize,
    struck: usize,
    links: Vec<Option<String>>,
    image: usize,
}

impl DocumentBuilder {
    fn add_event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.open_tag(tag),
            Event::End(tag) => self.close_tag(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.add_text(&text),
            Event::Code(text) => self.push_span(&text, true),
            Event::SoftBreak | Event::HardBreak => self.push_span("\n", false),
            Event::Rule => {
                self.flush_paragraph();
                self.push_block(Block::Rule);
            }
            Event::TaskListMarker(done) => {
                if let Some((OpenContainer::Item { checked }, _)) = self.levels.last_mut() {
                    *checked = Some(done);
                }
            }
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => self.add_text(&text),
        }
    }

    fn open_tag(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.flush_paragraph(),
            Tag::Heading { level, .. } => {
                self.flush_paragraph();
                self.heading = Some(heading_number(level));
            }
            Tag::BlockQuote(_) => self.open_container(OpenContainer::Quote),
            Tag::List(start) => self.open_container(OpenContainer::List { start, items: Vec::new() }),
            Tag::Item => self.open_container(OpenContainer::Item { checked: None }),
            Tag::CodeBlock(kind) => {
                self.flush_paragraph();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().unwrap_or("").to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::Table(columns) => {
                self.flush_paragraph();
                let columns = columns.into_iter().take(MAX_COLUMNS).map(column_alignment).collect();
                self.table = Some(OpenTable { columns, ..OpenTable::default() });
            }
            Tag::Strong => self.look.strong += 1,
            Tag::Emphasis => self.look.emphasis += 1,
            Tag::Strikethrough => self.look.struck += 1,
            Tag::Link { dest_url, .. } => {
                self.look.links.push(is_web_address(&dest_url).then(|| dest_url.into_string()));
            }
            Tag::Image { .. } => {
                self.push_span("[image: ", false);
                self.look.image += 1;
            }
            _ => {}
        }
    }

    fn close_tag(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.flush_paragraph(),
            TagEnd::Heading(_) => {
                let level = self.heading.take().unwrap_or(1);
                let spans = self.take_spans();
                self.push_block(Block::Heading { level, spans });
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => self.close_container(),
            TagEnd::CodeBlock => {
                if let Some((language, text)) = self.code.take() {
                    let lines = tokenise_code(&language, text.strip_suffix('\n').unwrap_or(&text));
                    self.push_block(Block::Code { language, lines });
                }
            }
            TagEnd::TableCell => {
                let spans = self.take_spans();
                if let Some(table) = &mut self.table
                    && table.row.len() < MAX_COLUMNS
                {
                    table.row.push(spans);
                }
            }
            TagEnd::TableHead => {
                if let Some(table) = &mut self.table {
                    table.head = std::mem::take(&mut table.row);
                }
            }
            TagEnd::TableRow => {
                if let Some(table) = &mut self.table {
                    let row = std::mem::take(&mut table.row);
                    table.rows.push(row);
                }
            }
            TagEnd::Table => {
                if let Some(OpenTable { columns, head, rows, .. }) = self.table.take() {
                    self.push_block(Block::Table { columns, head, rows });
                }
            }
            TagEnd::Strong => self.look.strong = self.look.strong.saturating_sub(1),
            TagEnd::Emphasis => self.look.emphasis = self.look.emphasis.saturating_sub(1),
            TagEnd::Strikethrough => self.look.struck = self.look.struck.saturating_sub(1),
            TagEnd::Link => drop(self.look.links.pop()),
            TagEnd::Image => {
                self.look.image = self.look.image.saturating_sub(1);
                self.push_span("]", false);
            }
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
        } else if self.look.links.is_empty() && self.look.image == 0 {
            for (piece, link) in split_addresses(text) {
                let span = Span { link: link.then(|| piece.to_owned()), ..self.look_span(piece) };
                self.append_span(span);
            }
        } else {
            self.push_span(text, false);
        }
    }

    fn look_span(&self, text: &str) -> Span {
        Span {
            text: text.to_owned(),
            strong: self.look.strong > 0,
            emphasis: self.look.emphasis > 0,
            struck: self.look.struck > 0,
            link: self.look.links.last().cloned().flatten(),
            ..Span::default()
        }
    }

    fn push_span(&mut self, text: &str, code: bool) {
        let span = Span { code, ..self.look_span(text) };
        self.append_span(span);
    }

    /// Appends a span; one that looks like the last one continues it.
    fn append_span(&mut self, span: Span) {
        if let Some(last) = self.spans.last_mut() {
            let alike = (last.strong, last.emphasis, last.struck, last.code)
                == (span.strong, span.emphasis, span.struck, span.code);
            if alike && last.link == span.link {
                last.text.push_str(&span.text);
                return;
            }
        }
        self.spans.push(span);
    }

    fn take_spans(&mut self) -> Vec<Span> {
        let mut spans = std::mem::take(&mut self.spans);
        if let Some(last) = spans.last_mut() {
            last.text.truncate(last.text.trim_end_matches('\n').len());
        }
        spans.retain(|span| !span.text.is_empty());
        spans
    }

    fn flush_paragraph(&mut self) {
        let spans = self.take_spans();
        if !spans.is_empty() {
            self.push_block(Block::Paragraph { spans });
        }
    }

    fn push_block(&mut self, block: Block) {
        self.levels.last_mut().map_or(&mut self.root, |(_, blocks)| blocks).push(block);
    }

    fn open_container(&mut self, container: OpenContainer) {
        self.flush_paragraph();
        if self.ignored > 0 || self.levels.len() >= MAX_DEPTH {
            self.ignored += 1;
        } else {
            self.levels.push((container, Vec::new()));
        }
    }

    fn close_container(&mut self) {
        self.flush_paragraph();
        if self.ignored > 0 {
            self.ignored -= 1;
            return;
        }
        match self.levels.pop() {
            Some((OpenContainer::Quote, blocks)) => self.push_block(Block::Quote { blocks }),
            Some((OpenContainer::List { start, items }, _)) => self.push_block(Block::List { start, items }),
            Some((OpenContainer::Item { checked }, blocks)) => match self.levels.last_mut() {
                Some((OpenContainer::List { items, .. }, _)) => items.push(ListItem { checked, blocks }),
                _ => blocks.into_iter().for_each(|block| self.push_block(block)),
            },
            None => {}
        }
    }

    fn finish_document(mut self) -> Vec<Block> {
        self.flush_paragraph();
        while !self.levels.is_empty() {
            self.close_container();
        }
        self.root
    }
}

const fn heading_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

const fn column_alignment(alignment: pulldown_cmark::Alignment) -> Alignment {
    match alignment {
        pulldown_cmark::Alignment::Right => Alignment::Right,
        pulldown_cmark::Alignment::Center => Alignment::Center,
        pulldown_cmark::Alignment::None | pulldown_cmark::Alignment::Left => Alignment::Left,
    }
}
