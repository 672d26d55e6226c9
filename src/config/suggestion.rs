//! "Did you mean": the nearest of known names, for names that somebody mistyped; and types in the words of a reader.

/// Least likeness of a name that is suggested, 0 to 1.
const MIN_LIKENESS: f64 = 0.8;

/// Finds the known name that is nearest to a mistyped one; `None` if none is near.
fn find_similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &wanted), known))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .filter(|(likeness, _)| *likeness > MIN_LIKENESS)
        .map(|(_, known)| known)
}

/// Formats the suggestion of a name: `; did you mean …?`; empty if none is near.
pub fn suggest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    find_similar(name, known).map(|known| format!("; did you mean {known}?")).unwrap_or_default()
}

/// Types as the parser of settings names them, and as a reader does. The longer of two that overlap comes first.
const TYPE_NAMES: [(&str, &str); 17] = [
    ("invalid type: ", ""),
    ("invalid value: ", ""),
    ("expected usize", "expected a whole number"),
    ("expected u64", "expected a whole number"),
    ("expected u32", "expected a whole number"),
    ("expected u16", "expected a whole number"),
    ("expected u8", "expected a whole number"),
    ("expected i64", "expected a whole number"),
    ("expected f32", "expected a number"),
    ("expected f64", "expected a number"),
    ("expected a boolean", "expected true or false"),
    ("expected a sequence", "expected a list, as in [\"a\", \"b\"]"),
    ("expected a string", "expected a text"),
    ("string \"", "\""),
    ("sequence", "a list"),
    ("integer `", "number `"),
    ("floating point `", "number `"),
];

/// Rewrites the error of a value in the words of a reader: `"many", expected a whole number`.
pub(super) fn describe_wrong_value(message: &str) -> String {
    TYPE_NAMES.iter().fold(message.to_owned(), |text, (technical, plain)| text.replace(technical, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        let known = ["claude-code", "codex", "chatgpt"];
        assert_eq!(suggest_name("chatgtp", known), "; did you mean chatgpt?");
        assert_eq!(suggest_name("Codx", known), "; did you mean codex?");
        assert_eq!(suggest_name("库存", known), "");
        assert_eq!(suggest_name("x", []), "");
    }

    #[test]
    fn types_are_named_for_readers() {
        let told = describe_wrong_value("invalid type: string \"abc\", expected usize");
        assert_eq!(told, "\"abc\", expected a whole number");
        let told = describe_wrong_value("invalid type: integer `3`, expected a sequence");
        assert_eq!(told, "number `3`, expected a list, as in [\"a\", \"b\"]");
    }
}
