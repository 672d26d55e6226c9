//! Arguments as models and strict clients send them: `"5"` for 5, one text for a list, `""` for every field that is left out. What
//! does not fit the schema of a tool is named with its field.

use serde_json::{Map, Value};

use super::error::Failure;
use crate::domain::json;
use crate::domain::text::one_line;

/// Characters of a wrong argument that are repeated.
const SHOWN: usize = 60;

/// Makes arguments fit the schema of a tool, where what was meant is beyond doubt. Fields that the schema does not have stay.
///
/// # Errors
/// When a field has a value of another type; the failure names it.
pub(super) fn conform(schema: &Map<String, Value>, arguments: Value) -> Result<Value, Failure> {
    let fields = match arguments {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        other => return Ok(other),
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
        let value = match properties.and_then(|properties| properties.get(&name)) {
            Some(wanted) => fit(wanted, value).map_err(|(value, expected)| wrong(&name, &value, expected))?,
            None => value,
        };
        fitting.insert(name, value);
    }
    Ok(Value::Object(fitting))
}

fn wrong(name: &str, value: &Value, expected: &str) -> Failure {
    let shown = one_line(&value.to_string(), SHOWN);
    Failure::arguments(format!("{name} is {shown}"), format!("{name} must be {expected}"))
}

/// The value in the form that a schema wants, or the value and what was expected.
fn fit(wanted: &Value, value: Value) -> Result<Value, (Value, &'static str)> {
    if let Some(choices) = wanted.get("anyOf").and_then(Value::as_array) {
        let same = choices.iter().find(|choice| type_of(choice) == type_name(&value)).or(choices.first());
        return match same {
            Some(choice) => fit(choice, value),
            None => Ok(value),
        };
    }
    match type_of(wanted) {
        "integer" => match whole_number(&value) {
            Some(number) if number >= 0 || wanted.get("minimum").is_none() => Ok(number.into()),
            Some(_) => Err((value, "a whole number, not below 0")),
            None => Err((value, "a whole number")),
        },
        "boolean" => match truth(&value) {
            Some(truth) => Ok(truth.into()),
            None => Err((value, "true or false")),
        },
        "string" => match value {
            Value::String(_) => Ok(value),
            Value::Number(number) => Ok(number.to_string().into()),
            other => Err((other, "a text")),
        },
        "array" => {
            let items = wanted.get("items").unwrap_or(&Value::Null);
            let list: Result<Vec<Value>, _> = list_of(value)?.into_iter().map(|item| fit(items, item)).collect();
            list.map(Value::Array)
        }
        _ => Ok(value),
    }
}

fn type_of(schema: &Value) -> &str {
    schema.get("type").and_then(Value::as_str).unwrap_or("")
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `5`, `5.0`, `"5"` and `"5.0"`.
fn whole_number(value: &Value) -> Option<i64> {
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

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A list, one text, or a list that was written into a text.
fn list_of(value: Value) -> Result<Vec<Value>, (Value, &'static str)> {
    match value {
        Value::Array(list) => Ok(list),
        Value::String(text) if text.trim_start().starts_with('[') => match json::parse(text.as_bytes()) {
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
            "query": { "anyOf": [{ "type": "string" }, list] }, "limit": { "type": "integer", "minimum": 0 },
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
            (json!({ "query": ["x", 4711] }), json!({ "query": ["x", "4711"] })),
            (json!({ "query": 4711 }), json!({ "query": "4711" })),
            (json!({ "query": "", "other": 3 }), json!({ "query": "", "other": 3 })),
        ] {
            assert_eq!(conform(&schema(), sent.clone()).unwrap(), taken, "{sent}");
        }
        assert_eq!(conform(&schema(), Value::Null).unwrap(), json!({}));
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
            let failure = conform(&schema(), sent.clone()).unwrap_err();
            assert_eq!((failure.message.as_str(), failure.hint.as_deref()), (message, Some(hint)), "{sent}");
        }
    }
}
