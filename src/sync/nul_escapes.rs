//! Texts without U+0000: in PostgreSQL, and under signatures.

/// Replaces U+0000, which PostgreSQL cannot store; returns true with the text if there was any.
pub(super) fn escape_nul(text: &str) -> (String, bool) {
    if text.contains('\0') { (text.replace('\\', "\\\\").replace('\0', "\\0"), true) } else { (text.to_owned(), false) }
}
