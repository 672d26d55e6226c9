//! Paths as git prints them: in quotes with escapes if they hold unusual characters.

/// Returns a path without the quotes and escapes of git. Bytes that are no UTF-8 are replaced.
pub(super) fn unquote_path(printed: &[u8]) -> String {
    let Some(inner) = printed.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return String::from_utf8_lossy(printed).into_owned();
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(next @ b'0'..=b'7') = rest.peek().copied() {
                        value = value * 8 + u32::from(next - b'0');
                        rest.next();
                    }
                }
                bytes.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
            }
            Some(letter) => bytes.push(match letter {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'a' => 7,
                b'b' => 8,
                b'f' => 12,
                b'v' => 11,
                other => other,
            }),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unquote_path(b"src/a b.rs"), "src/a b.rs");
        assert_eq!(unquote_path(br#""a\"b\\c\td""#), "a\"b\\c\td");
        assert_eq!(unquote_path(br#""\346\226\207.md""#), "文.md");
        assert_eq!(unquote_path("文档/说明.md".as_bytes()), "文档/说明.md");
    }
}
