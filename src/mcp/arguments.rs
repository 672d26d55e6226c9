//! Coercion of tool arguments that models and strict clients send loosely: `"5"` for 5, one string for a list, `""` for
//! a field that is left out. A value that does not match the tool's schema is reported with the name of its field.

use serde_json::{Map, Value};

use crate::domain::text::to_one_line;
use crate::domain::{Failure, json};

/// Characters of a wrong argument repeated in the error message.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// Free-text arguments, which may be longer than `MOST_BYTES`; all others are names, paths, times and ids.
const FREE_TEXT_ARGUMENTS: [&str; 4] = ["text", "query", "task", "error"];
const MAX_ARGUMENT_BYTES: usize = 4_096;

/// Coerces arguments to the tool's schema where the intent is unambiguous.
///
/// Empty optional fields are dropped. Fields that the schema does not have are dropped too; their names are returned.
///
/// # Errors
/// When a field has a value of another type or is too long; the failure names the field.
pub(super) fn coerce_arguments(schema: &Map<String, Value>, arguments: Value) -> Result<(Value, Vec<String>), Failure> {
    let mut unknown = Vec::new();
    let fields = match arguments {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        other => return Ok((other, unknown)),
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let mut fitting = Map::new();
    for (name, value) in fields {
        let is_required = required.is_some_and(|required| required.iter().any(|one| one == name.as_str()));
        let is_empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        if is_empty && !is_required {
            continue;
        }
        let Some(wanted) = properties.and_then(|properties| properties.get(&name)) else {
            unknown.push(to_one_line(&name, MAX_SHOWN_CHARACTERS));
            continue;
        };
        let value =
            coerce_value(wanted, value).map_err(|(value, expected)| invalid_argument(&name, &value, expected))?;
        if !FREE_TEXT_ARGUMENTS.contains(&name.as_str())
            && value.as_str().is_some_and(|text| text.len() > MAX_ARGUMENT_BYTES)
        {
            return Err(invalid_argument(&name, &value, "shorter than 4,096 bytes"));
        }
        fitting.insert(name, value);
    }
    Ok((Value::Object(fitting), unknown))
}

fn invalid_argument(name: &str, value: &Value, expected: &str) -> Failure {
    let shown = to_one_line(&value.to_string(), MAX_SHOWN_CHARACTERS);
    Failure::invalid_arguments(format!("{name} is {shown}"), format!("{name} must be {expected}"))
}

/// Coerces a value to its schema. The error holds the value and the expected type, for the message.
fn coerce_value(wanted: &Value, value: Value) -> Result<Value, (Value, &'static str)> {
    match type_of(wanted) {
        "integer" => match parse_whole_number(&value) {
            Some(number) if number >= 0 || wanted.get("minimum").is_none() => Ok(number.into()),
            Some(_) => Err((value, "a whole number, not below 0")),
            None => Err((value, "a whole number")),
        },
        "boolean" => match parse_bool(&value) {
            Some(truth) => Ok(truth.into()),
            None => Err((value, "true or false")),
        },
        "string" => match value {
            Value::String(_) => Ok(value),
            Value::Number(number) => Ok(number.to_string().into()),
            // A list of strings for a single string: join them.
            Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_string) => {
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                Ok(texts.join(" ").into())
            }
            other => Err((other, "a text")),
        },
        "array" => {
            let items = wanted.get("items").unwrap_or(&Value::Null);
            let list: Result<Vec<Value>, _> =
                parse_list(value)?.into_iter().map(|item| coerce_value(items, item)).collect();
            list.map(Value::Array)
        }
        _ => Ok(value),
    }
}

fn type_of(schema: &Value) -> &str {
    schema.get("type").and_then(Value::as_str).unwrap_or("")
}

/// Parses a whole number from `5`, `5.0`, `"5"` or `"5.0"`.
fn parse_whole_number(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, rest)| {
        if !rest.is_empty() && rest.bytes().all(|digit| digit == b'0') { whole } else { "" }
    });
    whole.parse().ok()
}

fn parse_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Returns the items of a list, of a list encoded as a string, or of a single value.
fn parse_list(value: Value) -> Result<Vec<Value>, (Value, &'static str)> {
    match value {
        Value::Array(list) => Ok(list),
        Value::String(text) if text.trim_start().starts_with('[') => match json::parse_lenient(text.as_bytes()) {
            Ok((Value::Array(list), _)) => Ok(list),
            _ => Ok(vec![text.into()]),
        },
        Value::String(_) | Value::Number(_) => Ok(vec![value]),
        other => Err((other, "a list")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Map<String, Value> {
        let list = json!({ "type": "array", "items": { "type": "string" } });
        let schema = json!({ "type": "object", "required": ["query"], "properties": {
            "query": { "type": "string" }, "limit": { "type": "integer", "minimum": 0 },
            "roles": list, "project": { "type": "string" }, "explain": { "type": "boolean" },
        }});
        schema.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_meant_is_taken() {
        for (sent, taken) in [
            (json!({ "query": "x", "limit": "5" }), json!({ "query": "x", "limit": 5 })),
            (json!({ "query": "x", "limit": 5.0 }), json!({ "query": "x", "limit": 5 })),
            (json!({ "query": "x", "limit": " 5.00 " }), json!({ "query": "x", "limit": 5 })),
            (json!({ "query": "x", "roles": "user" }), json!({ "query": "x", "roles": ["user"] })),
            (
                json!({ "query": "x", "roles": "[\"user\", \"tool\"]" }),
                json!({ "query": "x", "roles": ["user", "tool"] }),
            ),
            (json!({ "query": "x", "roles": "[draft" }), json!({ "query": "x", "roles": ["[draft"] })),
            (
                json!({ "query": "x", "project": "", "limit": "", "roles": "", "explain": null }),
                json!({ "query": "x" }),
            ),
            (
                json!({ "query": "x", "explain": "False", "project": 7 }),
                json!({ "query": "x", "explain": false, "project": "7" }),
            ),
            (json!({ "query": ["x", "y"] }), json!({ "query": "x y" })),
            (json!({ "query": 4711 }), json!({ "query": "4711" })),
        ] {
            assert_eq!(coerce_arguments(&schema(), sent.clone()).unwrap(), (taken, Vec::new()), "{sent}");
        }
        assert_eq!(coerce_arguments(&schema(), Value::Null).unwrap(), (json!({}), Vec::new()));
        let (taken, unknown) = coerce_arguments(&schema(), json!({ "query": "", "top_k": 3, "format": null })).unwrap();
        assert_eq!((taken, unknown), (json!({ "query": "" }), vec!["top_k".to_owned()]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (sent, message, hint) in [
            (json!({ "limit": "many" }), "limit is \"many\"", "limit must be a whole number"),
            (json!({ "limit": 5.5 }), "limit is 5.5", "limit must be a whole number"),
            (json!({ "limit": -1 }), "limit is -1", "limit must be a whole number, not below 0"),
            (json!({ "roles": true }), "roles is true", "roles must be a list"),
            (json!({ "roles": [{}] }), "roles is {}", "roles must be a text"),
            (json!({ "explain": 3 }), "explain is 3", "explain must be true or false"),
            (json!({ "query": {} }), "query is {}", "query must be a text"),
        ] {
            let failure = coerce_arguments(&schema(), sent.clone()).unwrap_err();
            assert_eq!((failure.message.as_str(), failure.hint.as_deref()), (message, Some(hint)), "{sent}");
        }
    }
}
