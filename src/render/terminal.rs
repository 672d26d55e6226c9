//! Documents as lines for a terminal: wrapped to a width, each run with a tone. The command line turns tones into escape
//! sequences, the terminal UI into its own styles. Chinese characters count as two cells.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::document::{
    Alignment, Block, CodeLine, DiffSign, EditBlock, ListItem, Span, TaskState, TokenClass, ToolOutput,
};
use super::html::lookup_name;
use crate::domain::text::line_breaks::may_break_between;

/// Narrowest width that a nested block is wrapped to.
const MIN_WIDTH: usize = 16;

/// Meaning of a run of characters, from which a medium chooses a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineTone {
    #[default]
    Text,
    Dim,
    Accent,
    Code,
    Added,
    Removed,
    Keyword,
    Literal,
    Number,
    Function,
    TypeName,
}

/// A run of characters of one look on a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "looks are independent of each other")]
pub struct TerminalSpan {
    pub text: String,
    pub tone: LineTone,
    pub bold: bool,
    pub italic: bool,
    pub underlined: bool,
    pub struck: bool,
    pub mark: bool,
}

/// The runs of one line.
pub type TerminalLine = Vec<TerminalSpan>;

impl TerminalSpan {
    fn with_tone(tone: LineTone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone, ..Self::default() }
    }

    fn bold_text(text: impl Into<String>) -> Self {
        Self { text: text.into(), bold: true, ..Self::default() }
    }
}

/// Lays blocks out on lines of at most `width` cells. Of what a tool printed, at most `output_lines` lines are shown.
pub fn layout_blocks(blocks: &[Block], width: usize, output_lines: usize) -> Vec<TerminalLine> {
    let mut layout = LineLayout { width: width.max(MIN_WIDTH), output_lines, lines: Vec::new() };
    layout.add_blocks(blocks, "");
    layout.lines
}

struct LineLayout {
    width: usize,
    output_lines: usize,
    lines: Vec<TerminalLine>,
}

impl LineLayout {
    fn add_blocks(&mut self, blocks: &[Block], indent: &str) {
        for (number, block) in blocks.iter().enumerate() {
            if number > 0 {
                self.push_prefixed(indent, Vec::new());
            }
            self.add_block(block, indent);
        }
    }

    fn add_block(&mut self, block: &Block, indent: &str) {
        match block {
            Block::Paragraph { spans } => self.add_wrapped(&convert_spans(spans), indent, indent),
            Block::Heading { spans, .. } => {
                let bold = spans.iter().map(|span| TerminalSpan { bold: true, ..convert_span(span) });
                self.add_wrapped(&bold.collect::<Vec<_>>(), indent, indent);
            }
            Block::List { start, items } => self.add_list(*start, items, indent),
            Block::Table { columns, head, rows } => self.add_table(columns, head, rows, indent),
            Block::Quote { blocks } => self.add_blocks(blocks, &format!("{indent}│ ")),
            Block::Rule => {
                let rule = "─".repeat(self.width.saturating_sub(indent.width()).min(24));
                self.push_prefixed(indent, vec![TerminalSpan::with_tone(LineTone::Dim, rule)]);
            }
            Block::Code { lines, .. } => {
                for line in lines {
                    self.push_prefixed(&format!("{indent}  "), convert_tokens(line));
                }
            }
            Block::Edit(edit) => self.add_edit(edit, indent),
            Block::Tasks { items } => {
                for item in items {
                    let (sign, struck) = match item.state {
                        TaskState::Done => ("✓ ", true),
                        TaskState::Doing => ("◐ ", false),
                        TaskState::Open => ("○ ", false),
                    };
                    let tone = if struck { LineTone::Dim } else { LineTone::Text };
                    let text = [TerminalSpan::with_tone(tone, item.text.clone())];
                    self.add_wrapped(&text, &format!("{indent}{sign}"), &format!("{indent}  "));
                }
            }
            Block::Command { lines, purpose } => {
                for (number, line) in lines.iter().enumerate() {
                    let sign = TerminalSpan::with_tone(LineTone::Accent, if number == 0 { "$ " } else { "  " });
                    self.push_prefixed(indent, std::iter::once(sign).chain(convert_tokens(line)).collect());
                }
                if !purpose.is_empty() {
                    let text = [TerminalSpan::with_tone(LineTone::Dim, purpose.clone())];
                    self.add_wrapped(&text, &format!("{indent}  "), &format!("{indent}  "));
                }
            }
            Block::Lookup { kind, subject } => {
                let name = TerminalSpan::with_tone(LineTone::Dim, format!("▸ {} ", lookup_name(*kind)));
                self.push_prefixed(indent, vec![name, TerminalSpan::with_tone(LineTone::Code, subject.clone())]);
            }
            Block::Call { text, .. } | Block::Plain { text } => self.add_text_lines(text, indent, usize::MAX),
            Block::Output(output) => self.add_output(output, indent),
            Block::Image { label } => {
                let gap = if label.is_empty() { "" } else { ": " };
                self.push_prefixed(
                    indent,
                    vec![TerminalSpan::with_tone(LineTone::Dim, format!("[image{gap}{label}]"))],
                );
            }
        }
    }

    fn push_prefixed(&mut self, indent: &str, mut line: TerminalLine) {
        if !indent.trim().is_empty() || (!indent.is_empty() && !line.is_empty()) {
            line.insert(0, TerminalSpan::with_tone(LineTone::Dim, indent));
        }
        self.lines.push(line);
    }

    fn add_text_lines(&mut self, text: &str, indent: &str, most: usize) {
        for line in text.lines().take(most) {
            self.push_prefixed(indent, vec![TerminalSpan::with_tone(LineTone::Dim, line.replace('\t', "    "))]);
        }
    }

    fn add_list(&mut self, start: Option<u64>, items: &[ListItem], indent: &str) {
        for (number, ListItem { checked, blocks }) in (0_u64..).zip(items) {
            let sign = match (checked, start) {
                (Some(true), _) => "✓ ".to_owned(),
                (Some(false), _) => "○ ".to_owned(),
                (None, Some(first)) => format!("{}. ", first.saturating_add(number)),
                (None, None) => "• ".to_owned(),
            };
            let inner = format!("{indent}{}", " ".repeat(sign.width()));
            let begun = self.lines.len();
            for block in blocks {
                if let (true, Block::Paragraph { spans }) = (self.lines.len() == begun, block) {
                    self.add_wrapped(&convert_spans(spans), &format!("{indent}{sign}"), &inner);
                } else {
                    self.add_block(block, &inner);
                }
            }
            if self.lines.len() == begun {
                self.push_prefixed(&format!("{indent}{sign}"), vec![TerminalSpan::default()]);
            }
        }
    }

    fn add_table(&mut self, columns: &[Alignment], head: &[Vec<Span>], rows: &[Vec<Vec<Span>>], indent: &str) {
        let cell_width = |cell: &Vec<Span>| cell.iter().map(|span| span.text.width()).sum::<usize>();
        let mut widths = vec![0; columns.len()];
        for row in std::iter::once(head).chain(rows.iter().map(Vec::as_slice)) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell_width(cell));
            }
        }
        let whole = widths.iter().map(|width| width + 2).sum::<usize>() + indent.width();
        if whole > self.width + 2 {
            return self.add_narrow_table(head, rows, indent);
        }
        for (number, row) in std::iter::once(head).chain(rows.iter().map(Vec::as_slice)).enumerate() {
            let mut line = TerminalLine::new();
            for ((cell, width), alignment) in row.iter().zip(&widths).zip(columns) {
                let room = width.saturating_sub(cell_width(cell));
                let before = match alignment {
                    Alignment::Left => 0,
                    Alignment::Center => room / 2,
                    Alignment::Right => room,
                };
                line.push(TerminalSpan { text: " ".repeat(before), ..TerminalSpan::default() });
                line.extend(cell.iter().map(|span| TerminalSpan { bold: number == 0, ..convert_span(span) }));
                line.push(TerminalSpan { text: " ".repeat(room - before + 2), ..TerminalSpan::default() });
            }
            trim_line_end(&mut line);
            self.push_prefixed(indent, line);
            if number == 0 {
                let rule = "─".repeat(whole.saturating_sub(indent.width() + 2));
                self.push_prefixed(indent, vec![TerminalSpan::with_tone(LineTone::Dim, rule)]);
            }
        }
    }

    /// Adds a table that does not fit as one block of lines for each row.
    fn add_narrow_table(&mut self, head: &[Vec<Span>], rows: &[Vec<Vec<Span>>], indent: &str) {
        for row in rows {
            for (number, cell) in row.iter().enumerate() {
                let name: String = head.get(number).into_iter().flatten().map(|span| span.text.as_str()).collect();
                let mut spans = vec![TerminalSpan::bold_text(format!("{name}: "))];
                spans.extend(cell.iter().map(convert_span));
                let sign = if number == 0 { "• " } else { "  " };
                self.add_wrapped(&spans, &format!("{indent}{sign}"), &format!("{indent}    "));
            }
        }
    }

    fn add_edit(&mut self, edit: &EditBlock, indent: &str) {
        let title = vec![
            TerminalSpan::bold_text(format!("▾ {}", edit.path)),
            TerminalSpan::with_tone(LineTone::Added, format!("  +{}", edit.added)),
            TerminalSpan::with_tone(LineTone::Removed, format!(" −{}", edit.removed)),
        ];
        self.push_prefixed(indent, title);
        for line in &edit.lines {
            let (sign, tone) = match line.sign {
                DiffSign::Same => ("  ", LineTone::Text),
                DiffSign::Added => ("+ ", LineTone::Added),
                DiffSign::Removed => ("− ", LineTone::Removed),
                DiffSign::Gap => ("⋯ ", LineTone::Dim),
            };
            let sign = TerminalSpan::with_tone(tone, format!("  {sign}"));
            let text: String = line.tokens.iter().map(|token| token.1.replace('\t', "    ")).collect();
            let tokens = if tone == LineTone::Text {
                convert_tokens(&line.tokens)
            } else {
                vec![TerminalSpan::with_tone(tone, text)]
            };
            self.push_prefixed(indent, std::iter::once(sign).chain(tokens).collect());
        }
        self.add_hidden(edit.hidden, indent);
    }

    fn add_output(&mut self, output: &ToolOutput, indent: &str) {
        if let Some(code) = output.exit_code.filter(|code| *code != 0) {
            self.push_prefixed(indent, vec![TerminalSpan::with_tone(LineTone::Removed, format!("exit code {code}"))]);
        }
        self.add_text_lines(&output.text, indent, self.output_lines);
        self.add_hidden(output.lines.saturating_sub(output.text.lines().count().min(self.output_lines)), indent);
    }

    fn add_hidden(&mut self, lines: usize, indent: &str) {
        if lines > 0 {
            let noun = if lines == 1 { "line" } else { "lines" };
            self.push_prefixed(indent, vec![TerminalSpan::with_tone(LineTone::Dim, format!("⋯ {lines} more {noun}"))]);
        }
    }

    /// Adds runs wrapped at spaces and between Chinese characters.
    fn add_wrapped(&mut self, spans: &[TerminalSpan], first: &str, next: &str) {
        let width = self.width.saturating_sub(first.width().max(next.width())).max(MIN_WIDTH / 2);
        let (mut line, mut used, mut cut): (Vec<(char, usize)>, usize, Option<usize>) = (Vec::new(), 0, None);
        let mut lines = Vec::new();
        let letters =
            spans.iter().enumerate().flat_map(|(number, span)| span.text.chars().map(move |letter| (letter, number)));
        for (letter, number) in letters {
            if letter == '\n' {
                lines.push(std::mem::take(&mut line));
                (used, cut) = (0, None);
                continue;
            }
            let letter = if letter == '\t' { ' ' } else { letter };
            let cells = letter.width().unwrap_or(0);
            if letter == ' ' || line.last().is_some_and(|(before, _)| may_break_between(*before, letter)) {
                cut = Some(line.len());
            }
            if used + cells > width && !line.is_empty() {
                let rest = cut.filter(|cut| *cut < line.len()).map_or_else(Vec::new, |cut| line.split_off(cut));
                lines.push(std::mem::replace(&mut line, rest));
                used = line.iter().map(|(letter, _)| letter.width().unwrap_or(0)).sum();
                cut = None;
                if letter == ' ' && line.is_empty() {
                    continue;
                }
            }
            line.push((letter, number));
            used += cells;
        }
        lines.push(line);
        for (number, line) in lines.into_iter().enumerate() {
            self.push_prefixed(if number == 0 { first } else { next }, join_letters(&line, spans));
        }
    }
}

fn join_letters(line: &[(char, usize)], spans: &[TerminalSpan]) -> TerminalLine {
    let end = line.iter().rposition(|(letter, _)| *letter != ' ').map_or(0, |at| at + 1);
    let mut joined: Vec<(usize, TerminalSpan)> = Vec::new();
    for (letter, number) in line.iter().take(end) {
        match joined.last_mut() {
            Some((last, span)) if last == number => span.text.push(*letter),
            _ => {
                let span = spans.get(*number).cloned().unwrap_or_default();
                joined.push((*number, TerminalSpan { text: letter.to_string(), ..span }));
            }
        }
    }
    joined.into_iter().map(|(_, span)| span).collect()
}

/// Removes spaces at the end of a line.
fn trim_line_end(line: &mut TerminalLine) {
    while let Some(last) = line.last_mut() {
        last.text.truncate(last.text.trim_end().len());
        if !last.text.is_empty() {
            break;
        }
        line.pop();
    }
}

fn convert_spans(spans: &[Span]) -> Vec<TerminalSpan> {
    spans.iter().map(convert_span).collect()
}

fn convert_span(span: &Span) -> TerminalSpan {
    TerminalSpan {
        text: span.text.clone(),
        tone: if span.code { LineTone::Code } else { LineTone::Text },
        bold: span.strong,
        italic: span.emphasis,
        underlined: span.link.is_some(),
        struck: span.struck,
        mark: span.mark,
    }
}

fn convert_tokens(line: &CodeLine) -> TerminalLine {
    let tone = |class| match class {
        TokenClass::Plain => LineTone::Text,
        TokenClass::Keyword => LineTone::Keyword,
        TokenClass::Literal => LineTone::Literal,
        TokenClass::Number => LineTone::Number,
        TokenClass::Comment => LineTone::Dim,
        TokenClass::Function => LineTone::Function,
        TokenClass::TypeName => LineTone::TypeName,
    };
    line.iter().map(|token| TerminalSpan::with_tone(tone(token.0), token.1.replace('\t', "    "))).collect()
}

/// Returns a line with the escape sequences of its tones (SGR, sixteen colours).
pub fn to_ansi(line: &[TerminalSpan]) -> String {
    let mut text = String::new();
    for span in line {
        let mut codes: Vec<&str> = match span.tone {
            LineTone::Text => Vec::new(),
            LineTone::Dim => vec!["90"],
            LineTone::Accent | LineTone::Code | LineTone::TypeName => vec!["36"],
            LineTone::Added | LineTone::Literal => vec!["32"],
            LineTone::Removed => vec!["31"],
            LineTone::Keyword => vec!["35"],
            LineTone::Number => vec!["33"],
            LineTone::Function => vec!["34"],
        };
        let looks = [(span.bold, "1"), (span.italic, "3"), (span.underlined, "4"), (span.struck, "9")];
        codes.extend(looks.into_iter().filter_map(|(is, code)| is.then_some(code)));
        if span.mark {
            codes = vec!["30", "43"];
        }
        if codes.is_empty() {
            text.push_str(&span.text);
        } else {
            text.push_str("\u{1b}[");
            text.push_str(&codes.join(";"));
            text.push('m');
            text.push_str(&span.text);
            text.push_str("\u{1b}[0m");
        }
    }
    text
}
