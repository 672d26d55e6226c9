//! Replays a log of changes to one object, as VS Code writes it: the object, then properties that were set, lists that
//! were cut or grew, and properties that were removed. Bounded, so that no path makes it grow without content.

use serde_json::{Map, Value};

use crate::domain::json::{self, RecordOutcome};

/// Maximum steps of a path.
const MAX_DEPTH: usize = 32;

/// Object after all changes.
#[derive(Debug)]
pub(super) struct ReplayedLog {
    pub(super) object: Value,
    /// Lines that could not be applied, with the reason.
    pub(super) damaged: Vec<(u64, String)>,
}

/// Applies all lines of a log.
pub(super) fn replay_log(bytes: &[u8]) -> ReplayedLog {
    let mut log = ReplayedLog { object: Value::Object(Map::new()), damaged: Vec::new() };
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        for found in json::read_records(line, |value| value.get("kind").is_some()) {
            let applied = match found {
                RecordOutcome::Whole(entry) | RecordOutcome::Repaired(entry) | RecordOutcome::Partial(entry) => {
                    apply_entry(&mut log.object, entry)
                }
                RecordOutcome::Unreadable(error) => Err(format!("not a JSON record, skipped: {error}")),
            };
            log.damaged.extend(applied.err().map(|why| (number as u64 + 1, why)));
        }
    }
    log
}

fn apply_entry(object: &mut Value, mut entry: Value) -> Result<(), String> {
    let path = entry.get("k").and_then(Value::as_array).cloned().unwrap_or_default();
    let value = entry.get_mut("v").map(Value::take);
    match entry.get("kind").and_then(Value::as_u64) {
        Some(0) => {
            *object = value.unwrap_or_default();
            Ok(())
        }
        Some(1) => find_place(object, &path).map(|place| *place = value.unwrap_or_default()),
        Some(2) => {
            let place = find_place(object, &path)?;
            if place.is_null() {
                *place = Value::Array(Vec::new());
            }
            let list = place.as_array_mut().ok_or("a list to extend is no list, skipped")?;
            if let Some(length) = entry.get("i").and_then(Value::as_u64) {
                list.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            }
            if let Some(Value::Array(new)) = value {
                list.extend(new);
            }
            Ok(())
        }
        Some(3) => find_place(object, &path).map(|place| *place = Value::Null),
        _ => Err("a change of an unknown kind, skipped".to_owned()),
    }
}

/// Returns the value at a path. Fields that are missing are made; elements of a list are not, except the next one.
fn find_place<'a>(object: &'a mut Value, path: &[Value]) -> Result<&'a mut Value, String> {
    if path.is_empty() || path.len() > MAX_DEPTH {
        return Err("a change without a usable path, skipped".to_owned());
    }
    let mut place = object;
    for step in path {
        if place.is_null() {
            *place = if step.is_string() { Value::Object(Map::new()) } else { Value::Array(Vec::new()) };
        }
        place = match (place, step) {
            (Value::Object(fields), Value::String(name)) => fields.entry(name.clone()).or_insert(Value::Null),
            (Value::Array(list), Value::Number(number)) => {
                let index = number.as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
                if index == list.len() {
                    list.push(Value::Null);
                }
                list.get_mut(index).ok_or("a change beyond the end of a list, skipped")?
            }
            _ => return Err("a change of a value that has no such part, skipped".to_owned()),
        };
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_applied_and_damaged_ones_named() {
        let lines = [
            r#"{"kind":0,"v":{"requests":[],"title":null}}"#,
            r#"{"kind":2,"k":["requests"],"v":[{"m":1},{"m":2}]}"#,
            r#"{"kind":2,"k":["requests"],"v":[{"m":3}],"i":1}"#,
            r#"{"kind":1,"k":["requests",1,"result"],"v":{"x":"y"}}"#,
            r#"{"kind":1,"k":["requests",9,"result"],"v":1}"#,
            r#"{"kind":1,"k":["title"],"v":"T"}"#,
            r#"{"kind":3,"k":["title"]}"#,
            r#"{"kind":7}"#,
            "torn",
        ];
        let log = replay_log(lines.join("\n").as_bytes());
        assert_eq!(log.object, json!({ "requests": [{ "m": 1 }, { "m": 3, "result": { "x": "y" } }], "title": null }));
        let lines: Vec<u64> = log.damaged.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [5, 8, 9]);
    }
}
