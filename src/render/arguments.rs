//! Arguments of a tool call as importers record them: lines of `name: value`, of which a value may go over several
//! lines, or one JSON object.

use serde_json::Value;

/// Arguments by name, in their order.
#[derive(Debug, Default)]
pub(super) struct CallArguments(Vec<(String, String)>);

impl CallArguments {
    /// Reads the arguments of these names; every line that begins none of them goes on with the one before.
    pub(super) fn read_arguments(text: &str, names: &[&str]) -> Self {
        let is_object = text.trim_start().starts_with('{');
        if let Some(Value::Object(fields)) = is_object.then(|| serde_json::from_str(text).ok()).flatten() {
            let texts = fields.into_iter().map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, other.to_string()),
            });
            return Self(texts.collect());
        }
        let mut found: Vec<(String, String)> = Vec::new();
        for line in text.split('\n') {
            let begun = line.split_once(": ").or_else(|| line.strip_suffix(':').map(|name| (name, "")));
            let begun = begun.filter(|(name, _)| names.contains(name) && !found.iter().any(|(known, _)| known == name));
            match (begun, found.last_mut()) {
                (Some((name, value)), _) => found.push((name.to_owned(), value.to_owned())),
                (None, Some((_, value))) => {
                    value.push('\n');
                    value.push_str(line);
                }
                (None, None) => {}
            }
        }
        Self(found)
    }

    /// Returns the first of several arguments that is there.
    pub(super) fn find_value(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.iter().find(|(known, _)| known == name)).map(|(_, value)| value.as_str())
    }

    /// Returns an argument that is a JSON array.
    pub(super) fn find_array(&self, names: &[&str]) -> Option<Vec<Value>> {
        match serde_json::from_str(self.find_value(names)?.trim()) {
            Ok(Value::Array(list)) => Some(list),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_over_lines_and_keep_their_order() {
        let text = "replace_all: false\nfile_path: /a/b.rs\nold_string: one\nfile_path: inside\n\nnew_string: two\n";
        let read = CallArguments::read_arguments(text, &["replace_all", "file_path", "old_string", "new_string"]);
        assert_eq!(read.find_value(&["old_string"]), Some("one\nfile_path: inside\n"));
        assert_eq!(read.find_value(&["path", "file_path"]), Some("/a/b.rs"));
        assert_eq!(read.find_value(&["new_string"]), Some("two\n"));
        let json = CallArguments::read_arguments(r#"{"command":["ls","-l"],"n":1}"#, &[]);
        assert_eq!(json.find_array(&["command"]).map(|list| list.len()), Some(2));
        assert!(CallArguments::read_arguments("no arguments", &["x"]).find_value(&["x"]).is_none());
    }
}
