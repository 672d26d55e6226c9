//! Documents in all media: what they look like, and that hostile texts stay harmless and cheap.

use super::document::Block;
use super::{layout_blocks, mark_blocks, parse_part, render_excerpt, render_html, to_ansi};
use crate::domain::PartKind;
use crate::domain::text::highlight::Highlighter;

const REPLY: &str = "Here is the **comparison**:\n\n| Service | Retries | Delay |\n| --- | ---: | --- |\n| gateway | 3 | fixed 1 s |\n| history | 5 | exponential |\n\n\
1. The gateway came first\n2. The history service copied it\n   - and then changed the delay\n\n- [x] done\n- [ ] open\n\n> A quote, *emphasised*, and a rule below\n\n---\n\n\
```go\nfunc Retry(n int) error { return nil } // policy\n```\nSee [docs](https://example.org/a) or https://example.org/b.";

fn html(text: &str) -> String {
    render_html(&parse_part(PartKind::Text, None, text))
}

fn plain_lines(blocks: &[Block], width: usize) -> Vec<String> {
    let lines = layout_blocks(blocks, width, 5);
    lines.iter().map(|line| line.iter().map(|span| span.text.as_str()).collect()).collect()
}

#[test]
fn a_reply_in_html() {
    let html = html(REPLY);
    for part in [
        "<strong>comparison</strong>",
        "<th>Service</th><th class=\"right\">Retries</th>",
        "<td class=\"right\">5</td>",
        "<ol start=\"1\"><li>The gateway came first</li><li>The history service copied it<ul><li>and then changed the delay</li></ul></li></ol>",
        "<li class=\"task\">☑ done</li>",
        "<blockquote><p>A quote, <em>emphasised</em>, and a rule below</p></blockquote><hr>",
        "<span class=\"key\">func</span> <span class=\"fn\">Retry</span>",
        "<span class=\"com\">// policy</span>",
        "<a href=\"https://example.org/a\" rel=\"noopener noreferrer nofollow\">docs</a>",
        "<a href=\"https://example.org/b\" rel=\"noopener noreferrer nofollow\">https://example.org/b</a>.",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn a_reply_on_a_terminal() {
    let lines = plain_lines(&parse_part(PartKind::Text, None, REPLY), 60).join("\n");
    for part in [
        "Service  Retries  Delay",
        "gateway        3  fixed 1 s",
        "1. The gateway came first\n2. The history service copied it\n   • and then changed the delay",
        "✓ done\n○ open",
        "│ A quote, emphasised, and a rule below",
        "  func Retry(n int) error { return nil } // policy",
    ] {
        assert!(lines.contains(part), "{part} is not in\n{lines}");
    }
    let narrow = plain_lines(&parse_part(PartKind::Text, None, REPLY), 24).join("\n");
    assert!(narrow.contains("• Service: gateway\n  Retries: 3"), "{narrow}");
    let chinese = parse_part(PartKind::Text, None, "连接池大小从二十改成十二，因为数据库的上限。**粗体**也要换行");
    let lines = plain_lines(&chinese, 20);
    assert!(
        lines.len() > 2 && lines.iter().all(|line| unicode_width::UnicodeWidthStr::width(line.as_str()) <= 20),
        "{lines:?}"
    );
    let ansi: Vec<String> = layout_blocks(&chinese, 80, 5).iter().map(|line| to_ansi(line)).collect();
    assert!(ansi.join("").contains("\u{1b}[1m粗体\u{1b}[0m"), "{ansi:?}");
}

#[test]
fn edits_and_outputs_in_all_media() {
    let call = "file_path: gateway/retry.go\nold_string: const retries = 3\nnew_string: const retries = 5";
    let edit = parse_part(PartKind::ToolUse, Some("Edit"), call);
    let html = render_html(&edit);
    assert!(
        html.contains("<code>gateway/retry.go</code> <span class=\"plus\">+1</span> <span class=\"minus\">−1</span>"),
        "{html}"
    );
    assert_eq!(plain_lines(&edit, 60), ["▾ gateway/retry.go  +1 −1", "  − const retries = 3", "  + const retries = 5"]);
    let printed = parse_part(PartKind::ToolResult, Some("Bash"), "Exit code 1\na\nb\nc\nd\ne\nf\ng");
    assert_eq!(plain_lines(&printed, 60), ["exit code 1", "a", "b", "c", "d", "e", "⋯ 2 more lines"]);
    assert!(matches!(parse_part(PartKind::Meta, None, "[image]").as_slice(), [Block::Image { .. }]));
}

#[test]
fn marks_are_in_prose_only() {
    let mut blocks = parse_part(PartKind::Text, None, REPLY);
    let count = mark_blocks(&mut blocks, &Highlighter::from_query("history policies retry", &[]));
    let html = render_html(&blocks);
    assert!(html.contains("<mark>history</mark>") && html.contains("<mark>Retries</mark>"), "{html}");
    assert!(count == 3 && html.contains("// policy"), "{count} {html}");
}

#[test]
fn excerpts_have_one_line() {
    let text = |query: &str, text: &str| {
        let spans = render_excerpt(text, true, &Highlighter::from_query(query, &[]));
        let marked: Vec<String> = spans.iter().filter(|span| span.mark).map(|span| span.text.clone()).collect();
        (spans.iter().map(|span| span.text.as_str()).collect::<String>(), marked.join("|"))
    };
    let (line, marked) = text(
        "policies",
        "# Title\n\nThe **policy** of\nretries\n\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n\nmore\n```",
    );
    assert_eq!((line.as_str(), marked.as_str()), ("Title The policy of retries a · b 1 · 2 code more", "policy"));
    assert_eq!(text("连接池", "…数据库**连接**池\n- 一"), ("…数据库连接池 · 一".to_owned(), "连接|池".to_owned()));
    assert_eq!(text("policy", "…```go\nfn policy()\n```\n\nSee the policies…").1, "policy|policies");
}

/// Texts that act on a reader which takes them for markup.
const HOSTILE: &[&str] = &[
    "<script>x</script>",
    "<img src=x onerror=x>",
    "[a](javascript:x)",
    "![a](http://evil.example/x.png)",
    "[a](data:text/html,x)",
    "<https://a.example/\"onclick=\"x>",
    "https://a.example/'onmouseover='x",
    "[a](https://a.example/\"x \"t\")",
    "</pre></details><b>",
    "`<b>`",
    "```<i>\n<u>\n```",
    "| <s> |\n|---|\n| </table> |",
    "&lt;b&gt; &#60;i&#62;",
    "\u{202e}abc\u{1b}[31m\u{1b}]0;x\u{7}",
    "[x]: javascript:y\n[x]",
];

#[test]
fn hostile_texts_stay_texts() {
    for text in HOSTILE {
        for (kind, tool) in [
            (PartKind::Text, None),
            (PartKind::ToolUse, Some("Bash")),
            (PartKind::ToolUse, Some("Write")),
            (PartKind::ToolResult, None),
            (PartKind::Meta, None),
        ] {
            let text =
                if tool == Some("Write") { format!("file_path: {text}\ncontent: {text}") } else { (*text).to_owned() };
            let blocks = parse_part(kind, tool, &text);
            let html = render_html(&blocks);
            let lower = html.to_lowercase();
            for forbidden in
                ["<script", "<img", "<b>", "<i>", "<u>", "href=\"javascript", "href=\"data", "\u{202e}", "\u{1b}"]
            {
                assert!(!lower.contains(forbidden), "{forbidden} of {text:?} in {html}");
            }
            let attributes = html.matches("<a href=\"https://a.example/").count();
            assert_eq!(html.matches("<a ").count(), attributes, "{html}");
            assert!(!lower.contains("\" onclick") && !lower.contains("' onmouse"), "{html}");
            for line in layout_blocks(&blocks, 40, 5) {
                assert!(
                    line.iter().all(|span| !span.text.contains(['\u{1b}', '\u{202e}', '\n'])),
                    "{text:?}: {line:?}"
                );
            }
        }
    }
}

#[test]
fn deep_and_long_texts_are_bounded() {
    let deep = [
        ">".repeat(20_000),
        "- ".repeat(5_000),
        "> - ".repeat(4_000),
        "*".repeat(30_000),
        "[".repeat(30_000),
        "`".repeat(30_000),
        "\"\\".repeat(30_000),
        format!("|{}\n|{}\n{}", "a|".repeat(3_000), "-|".repeat(3_000), "|\n".repeat(3_000)),
        "(".repeat(30_000),
        "http".repeat(20_000),
        "- a\n".repeat(20_000),
    ];
    for text in deep {
        for (kind, tool) in
            [(PartKind::Text, None), (PartKind::ToolUse, Some("Bash")), (PartKind::ToolUse, Some("Edit"))]
        {
            let code = if tool.is_some() {
                format!("file_path: a.rs\ncommand: {text}\nnew_string: {text}")
            } else {
                format!("{text}\n\n```js\n{text}\n```")
            };
            let blocks = parse_part(kind, tool, &code);
            let json = serde_json::to_string(&blocks).unwrap();
            assert!(json.len() < 60 * code.len() && nesting(&json) < 80, "{} of {}", json.len(), code.len());
            let _ = (render_html(&blocks), layout_blocks(&blocks, 40, 5));
        }
    }
}

/// Returns the depth of the brackets outside of strings.
fn nesting(json: &str) -> usize {
    let (mut open, mut most, mut inside, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => open += 1,
            b']' | b'}' if !inside => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

proptest::proptest! {
    #[test]
    fn any_text_is_rendered(text in "[ -~数据\\n\u{202e}\u{1b}|`*_#>\\[\\]()<-]{0,120}") {
        for (kind, tool) in [(PartKind::Text, None), (PartKind::ToolUse, Some("MultiEdit")), (PartKind::ToolResult, None)] {
            let mut blocks = parse_part(kind, tool, &text);
            mark_blocks(&mut blocks, &Highlighter::from_query("a 数据", &[]));
            let html = render_html(&blocks);
            proptest::prop_assert!(!html.contains("<script") && !html.contains("<img"));
            let _ = layout_blocks(&blocks, 30, 5);
        }
    }
}
