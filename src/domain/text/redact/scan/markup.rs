//! A text without the tags of HTML and XML: cells of a row between tabs, rows and paragraphs on lines. Does not own what is
//! found in it.

use super::view::{View, ViewBuilder};

/// Most bytes of a tag.
const MAX_TAG: usize = 300;

/// Replacement of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagMark {
    Nothing,
    Space,
    /// The end of a cell.
    Tab,
    /// The end of a row or a paragraph.
    Line,
}

/// Returns the view without tags, or nothing if it has no closing one.
pub(super) fn strip_tags<'t>(base: &'t View<'t>) -> Option<View<'t>> {
    let text = base.text();
    let bytes = text.as_bytes();
    memchr::memmem::find(bytes, b"</")?;
    let mut view = ViewBuilder::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    while let Some(start) = memchr::memchr(b'<', bytes.get(at..).unwrap_or(&[])).map(|offset| at + offset) {
        let Some((end, place)) = read_tag(bytes, start) else {
            at = start + 1;
            continue;
        };
        view.push_same(text, copied..start);
        let mark = match place {
            TagMark::Nothing => None,
            TagMark::Space => Some(' '),
            TagMark::Tab => Some('\t'),
            TagMark::Line => Some('\n'),
        };
        if let Some(mark) = mark {
            view.push_decoded(mark, start..end);
        }
        // Blanks between tags are those of the source, not of the text.
        let rest = bytes.get(end..).unwrap_or(&[]);
        let blanks = rest.iter().take(MAX_TAG).take_while(|byte| byte.is_ascii_whitespace()).count();
        let is_between = rest.get(blanks) == Some(&b'<');
        at = end + if is_between { blanks } else { 0 };
        copied = at;
    }
    view.push_same(text, copied..text.len());
    Some(view.finish(Some(base)))
}

/// Returns the end of the tag at `start`, and its replacement.
fn read_tag(bytes: &[u8], start: usize) -> Option<(usize, TagMark)> {
    let window = bytes.get(start + 1..bytes.len().min(start + MAX_TAG))?;
    let is_closing = window.first() == Some(&b'/');
    let name = window.get(usize::from(is_closing)..)?;
    if !name.first().is_some_and(u8::is_ascii_alphabetic) {
        return None;
    }
    let end = memchr::memchr2(b'>', b'<', window).filter(|end| window.get(*end) == Some(&b'>'))?;
    let length = name.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(name.len());
    let is_named = |names: &[&str]| {
        name.get(..length).is_some_and(|name| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
    };
    let place = if is_named(&["br", "hr"]) || is_closing && is_named(&["tr", "p", "div", "li", "dd", "h1", "h2", "h3"])
    {
        TagMark::Line
    } else if is_closing && is_named(&["td", "th", "dt", "label"]) {
        TagMark::Tab
    } else if is_closing {
        TagMark::Space
    } else {
        TagMark::Nothing
    };
    Some((start + 1 + end + 1, place))
}

#[cfg(test)]
mod tests {
    use super::super::view;
    use super::*;

    #[test]
    fn cells_stand_between_tabs_and_rows_on_lines() {
        for (text, want) in [
            ("<tr>\n <td>a</td>\n <td class=\"x\">b</td>\n</tr>", "a\tb\t\n"),
            ("<b>a</b>: <code>b</code>", "a : b "),
            ("<p>1 < 2 && 3 > 2</p>", "1 < 2 && 3 > 2\n"),
        ] {
            let base = view::strip_invisible(text);
            assert_eq!(strip_tags(&base).map(|view| view.text().to_owned()).as_deref(), Some(want), "{text}");
        }
        assert!(strip_tags(&view::strip_invisible("a <b> c")).is_none());
    }
}
