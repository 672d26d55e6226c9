//! Serialization of stored text in answers: `Outgoing` is sanitized when built and is a plain string in JSON.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

pub use crate::domain::text::outgoing::SafeText;

/// Maximum characters of a name (project, file, branch, tool, session).
const MAX_NAME_CHARACTERS: usize = 300;
/// Maximum characters of a title.
const MAX_TITLE_CHARACTERS: usize = 120;
/// Replacement for a line that reads like an instruction: a reader can find the session without it.
const WITHHELD: &str = "[withheld: it reads like an instruction]";

impl Serialize for SafeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl JsonSchema for SafeText {
    fn schema_name() -> Cow<'static, str> {
        "Outgoing".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// Sanitizes a title, which is shown outside of a quotation.
pub(in crate::mcp) fn sanitize_title(text: &str) -> SafeText {
    let text = sanitize_line(text, MAX_TITLE_CHARACTERS);
    // The title is shown in quotation marks, which it must not close.
    if text.contains(['“', '”']) {
        SafeText::single_line(&text.replace(['“', '”'], "\""), MAX_TITLE_CHARACTERS + 1)
    } else {
        text
    }
}

/// Sanitizes a name, which is shown outside of a quotation.
pub(in crate::mcp) fn sanitize_name(text: &str) -> SafeText {
    sanitize_line(text, MAX_NAME_CHARACTERS)
}

fn sanitize_line(text: &str, characters: usize) -> SafeText {
    // Check before truncating: the end may be the instruction.
    if SafeText::multi_line(text).reads_like_an_instruction() {
        return SafeText::single_line(WITHHELD, characters);
    }
    SafeText::single_line(text, characters)
}
