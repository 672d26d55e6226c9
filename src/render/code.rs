//! Tokens of source code, for colours: comments, literals, numbers, keywords, calls and types, by the rules of a
//! language. One pass, linear in the text; what no rule knows is plain.

use super::document::{CodeLine, CodeToken, TokenClass};
use super::languages::Language;

/// Most bytes of code that get colours.
const MAX_COLOURED_BYTES: usize = 100_000;
/// Most characters of a literal: a lone quotation mark must not cost a pass over the rest each time.
const MAX_LITERAL_CHARS: usize = 2_000;

/// Returns the lines of a piece of code as tokens. `language` is a name after a fence, or the name of a file.
pub(super) fn tokenise_code(language: &str, text: &str) -> Vec<CodeLine> {
    let rules = Language::find_language(language).filter(|_| text.len() <= MAX_COLOURED_BYTES);
    let mut scanner = CodeScanner { rules, open: None };
    text.split('\n').map(|line| scanner.scan_line(line.strip_suffix('\r').unwrap_or(line))).collect()
}

/// Returns the tokens of one line that stands alone, as a line of a diff does.
pub(super) fn tokenise_line(language: Option<&'static Language>, line: &str) -> CodeLine {
    CodeScanner { rules: language.filter(|_| line.len() <= MAX_COLOURED_BYTES), open: None }.scan_line(line)
}

/// Comment or literal that goes on at the end of a line, with its end.
struct OpenToken {
    class: TokenClass,
    end: &'static str,
}

struct CodeScanner {
    rules: Option<&'static Language>,
    open: Option<OpenToken>,
}

impl CodeScanner {
    fn scan_line(&mut self, line: &str) -> CodeLine {
        let Some(rules) = self.rules else { return plain_line(line) };
        let mut tokens = CodeLine::new();
        let mut rest = line;
        while !rest.is_empty() {
            let (class, length) = match self.open.take() {
                Some(open) => self.scan_open(open, rest, 0),
                None => self.scan_token(rules, rest),
            };
            let length = length.clamp(1, rest.len());
            let length = (length..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
            let (text, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
            push_token(&mut tokens, class, text);
            rest = tail;
        }
        tokens
    }

    /// Scans what is open to its end, or to the end of the line. `skipped` bytes at the start belong to the opening.
    fn scan_open(&mut self, open: OpenToken, rest: &str, skipped: usize) -> (TokenClass, usize) {
        let class = open.class;
        if let Some(at) = rest.get(skipped..).and_then(|body| body.find(open.end)) {
            return (class, skipped + at + open.end.len());
        }
        self.open = Some(open);
        (class, rest.len())
    }

    fn scan_token(&mut self, rules: &'static Language, rest: &str) -> (TokenClass, usize) {
        let first = rest.chars().next().unwrap_or(' ');
        if rules.line_comments.iter().any(|mark| rest.starts_with(mark)) {
            return (TokenClass::Comment, rest.len());
        }
        if let Some((start, end)) = rules.block_comment.filter(|(start, _)| rest.starts_with(start)) {
            return self.scan_open(OpenToken { class: TokenClass::Comment, end }, rest, start.len());
        }
        if let Some(mark) = rules.long_quotes.iter().find(|mark| rest.starts_with(**mark)) {
            return self.scan_open(OpenToken { class: TokenClass::Literal, end: mark }, rest, mark.len());
        }
        if rules.quotes.contains(first) {
            return (TokenClass::Literal, literal_length(rest, first));
        }
        if first.is_ascii_digit() {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            return (TokenClass::Number, rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        }
        if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            return (word_class(rules, word, after), length);
        }
        // Up to the next character that may begin a token. A space is never one.
        let is_quiet = |c: char| c == ' ' || c == '\t';
        (
            TokenClass::Plain,
            if is_quiet(first) { rest.find(|c| !is_quiet(c)).unwrap_or(rest.len()) } else { first.len_utf8() },
        )
    }
}

fn word_class(rules: &Language, word: &str, after: &str) -> TokenClass {
    if word.len() <= 16 && rules.is_keyword(word) {
        TokenClass::Keyword
    } else if after.starts_with('(') || after.starts_with("!(") {
        TokenClass::Function
    } else if rules.has_types && word.starts_with(|c: char| c.is_ascii_uppercase()) {
        TokenClass::TypeName
    } else {
        TokenClass::Plain
    }
}

/// Returns the length of a literal that ends on its line; a lone quotation mark is a token of its own.
fn literal_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1).take(MAX_LITERAL_CHARS) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    quote.len_utf8()
}

fn plain_line(line: &str) -> CodeLine {
    if line.is_empty() { CodeLine::new() } else { vec![CodeToken(TokenClass::Plain, line.to_owned())] }
}

fn push_token(tokens: &mut CodeLine, class: TokenClass, text: &str) {
    match tokens.last_mut() {
        Some(CodeToken(last, known)) if *last == class => known.push_str(text),
        _ => tokens.push(CodeToken(class, text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(language: &str, text: &str) -> Vec<(TokenClass, String)> {
        let lines = tokenise_code(language, text);
        let whole: Vec<String> = lines.iter().map(|line| line.iter().map(|token| token.1.as_str()).collect()).collect();
        assert_eq!(whole.join("\n"), text.replace("\r\n", "\n"), "no character is lost");
        let told = lines.into_iter().flatten().filter(|token| token.0 != TokenClass::Plain);
        told.map(|CodeToken(class, text)| (class, text)).collect()
    }

    #[test]
    fn tokens_of_typical_code() {
        use TokenClass::{Comment, Function, Keyword, Literal, Number, TypeName};
        let check = |language: &str, text: &str, expected: &[(TokenClass, &str)]| {
            let found = classes(language, text);
            let found: Vec<(TokenClass, &str)> = found.iter().map(|(class, text)| (*class, text.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        };
        check(
            "go",
            "func Retry(n int) error { return nil } // policy",
            &[
                (Keyword, "func"),
                (Function, "Retry"),
                (Keyword, "int"),
                (Keyword, "error"),
                (Keyword, "return"),
                (Keyword, "nil"),
                (Comment, "// policy"),
            ],
        );
        check(
            "src/a.rs",
            "let s: String = \"a\\\"b\"; /* x\ny */ 0x1f",
            &[
                (Keyword, "let"),
                (TypeName, "String"),
                (Literal, "\"a\\\"b\""),
                (Comment, "/* x"),
                (Comment, "y */"),
                (Number, "0x1f"),
            ],
        );
        check(
            "python",
            "def f():\n  \"\"\"one\n  two\"\"\"\n  return None  # 注释",
            &[
                (Keyword, "def"),
                (Function, "f"),
                (Literal, "\"\"\"one"),
                (Literal, "  two\"\"\""),
                (Keyword, "return"),
                (Keyword, "None"),
                (Comment, "# 注释"),
            ],
        );
        check(
            "SQL",
            "SELECT * FROM t WHERE a = 'x'",
            &[(Keyword, "SELECT"), (Keyword, "FROM"), (Keyword, "WHERE"), (Literal, "'x'")],
        );
        check("unknown", "let x = 1", &[]);
        check("rust", "fn f<'a>(x: &'a str) {}", &[(Keyword, "fn"), (Keyword, "str")]);
    }

    #[test]
    fn lines_of_any_language_keep_their_text() {
        for text in ["", "\n\n", "'", "\"", "`", "/*", "<!--", "\"\\", "é'é", "数据'库\"", "x\r\ny"] {
            for language in ["rust", "js", "py", "html", "sh", "sql", "css", "lua", ""] {
                let _ = classes(language, text);
            }
        }
    }
}
