//! Extracts the text of content blocks, as model APIs and clients write them.
//!
//! A block of a known type is read by its type. Of an unknown one every readable string is kept, so that the format of
//! a newer client costs structure but no words.

use serde_json::Value;

use super::draft_builder::text_field;

/// Fields whose strings are of no use to a reader.
const OPAQUE_FIELDS: [&str; 14] = [
    "type",
    "id",
    "uuid",
    "role",
    "signature",
    "data",
    "media_type",
    "mimeType",
    "mime_type",
    "cache_control",
    "encrypted_content",
    "encrypted_index",
    "blob",
    "encoding",
];

/// Returns the text of a content value: a string, a block, or a list of blocks.
pub(super) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => join_nonblank(blocks.iter().map(content_text)),
        Value::Object(_) => block_text(content),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Returns the text of one block.
fn block_text(block: &Value) -> String {
    let kind = text_field(block, "type").unwrap_or("");
    let of = |name: &str| block.get(name).map(content_text).unwrap_or_default();
    match kind {
        "image" | "input_image" | "image_url" => "[image]".to_owned(),
        "document" => document_text(block),
        "search_result" | "web_search_result" => join_nonblank([of("title"), of("url"), of("source"), of("content")]),
        "web_fetch_result" => join_nonblank([of("url"), of("content")]),
        "resource" => block
            .get("resource")
            .map(|resource| join_nonblank([text_of(resource, "uri"), text_of(resource, "text")]))
            .unwrap_or_default(),
        "resource_link" => join_nonblank([of("title"), of("name"), of("uri"), of("description")]),
        "tool_reference" => of("tool_name"),
        "thinking" => of("thinking"),
        _ => {
            let known = ["text", "content", "output"].iter().find_map(|name| {
                let text = block.get(*name).filter(|value| !value.is_object() || kind.is_empty()).map(content_text)?;
                (!text.trim().is_empty()).then_some(text)
            });
            match known {
                Some(text) if kind.is_empty() || has_single_text(kind) => text,
                _ => readable_strings(block),
            }
        }
    }
}

/// Returns true if blocks of this type hold their text in one field.
fn has_single_text(kind: &str) -> bool {
    kind == "text" || kind.ends_with("_text") || kind.ends_with("_result") || kind.ends_with("_output")
}

/// Returns title, context and text of a document; a binary file becomes `[document]`.
fn document_text(block: &Value) -> String {
    let source = block.get("source").unwrap_or(&Value::Null);
    let text = match text_field(source, "type") {
        Some("text") => text_of(source, "data"),
        Some("content") => text_of(source, "content"),
        Some("url") => text_of(source, "url"),
        _ => "[document]".to_owned(),
    };
    join_nonblank([text_of(block, "title"), text_of(block, "context"), text])
}

fn text_of(value: &Value, name: &str) -> String {
    value.get(name).map(content_text).unwrap_or_default()
}

/// Collects the readable strings of a value, one per line.
pub(super) fn readable_strings(value: &Value) -> String {
    let mut lines = Vec::new();
    collect_strings(value, &mut lines);
    join_nonblank(lines)
}

fn collect_strings(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::String(text) if is_readable(text) => lines.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_strings(item, lines)),
        Value::Object(fields) => {
            let told = fields.iter().filter(|(name, value)| {
                // `data` holds encoded bytes if it is a string, and may be anything if it is an object.
                let is_technical = OPAQUE_FIELDS.contains(&name.as_str()) && (*name != "data" || value.is_string());
                !is_technical && !name.ends_with("_id") && !name.ends_with("Id")
            });
            told.for_each(|(_, value)| collect_strings(value, lines));
        }
        _ => {}
    }
}

/// Returns true if a string looks like text rather than an id or encoded bytes.
fn is_readable(text: &str) -> bool {
    let text = text.trim();
    let longest = text.split_whitespace().map(str::len).max().unwrap_or(0);
    let has_letters = text.chars().any(char::is_alphabetic);
    has_letters && (longest < 200 || !text.is_ascii()) && uuid::Uuid::try_parse(text).is_err()
}

fn join_nonblank(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_keep_their_words() {
        let cases = [
            (json!("plain"), "plain"),
            (json!(["plain", { "type": "text", "text": "and block" }]), "plain\nand block"),
            (
                json!({ "type": "document", "title": "notes.txt", "source": { "type": "text", "data": "the invoice is 4711" } }),
                "notes.txt\nthe invoice is 4711",
            ),
            (
                json!([{ "type": "web_search_result", "title": "All about it", "url": "https://example.org/x", "encrypted_content": "zz" }]),
                "All about it\nhttps://example.org/x",
            ),
            (
                json!({ "type": "search_result", "title": "guide", "source": "https://example.org/n", "content": [{ "type": "text", "text": "it digs" }] }),
                "guide\nhttps://example.org/n\nit digs",
            ),
            (
                json!({ "type": "resource", "resource": { "uri": "docs://1", "mimeType": "text/plain", "text": "the text" } }),
                "docs://1\nthe text",
            ),
            (json!({ "type": "tool_reference", "tool_name": "read_file" }), "read_file"),
            (json!({ "type": "image", "source": { "type": "base64", "data": "aGVsbG8=" } }), "[image]"),
            (
                json!({ "type": "from_the_future", "id": "toolu_1", "note": "kept words", "body": [{ "caption": "too" }] }),
                "kept words\ntoo",
            ),
            (
                json!({ "type": "web_fetch_result", "url": "https://example.org", "content": { "type": "document", "source": { "type": "text", "data": "page\ntext" } } }),
                "https://example.org\npage\ntext",
            ),
        ];
        for (content, expected) in cases {
            assert_eq!(content_text(&content), expected, "{content}");
        }
        let encoded = "QUJD".repeat(100);
        assert_eq!(readable_strings(&json!({ "x": encoded, "y": "6f0c5e0e-3c7e-4b58-a3c5-000000000001" })), "");
    }
}
