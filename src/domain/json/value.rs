//! A JSON value in which a key that stands twice loses no text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A value in which a key that stood twice kept both its values.
pub(super) struct Lenient(pub(super) Value);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LenientVisitor).map(Self)
    }
}

struct LenientVisitor;

impl<'de> Visitor<'de> for LenientVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Lenient(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((key, Lenient(value))) = entries.next_entry::<String, Lenient>()? {
            match fields.get_mut(&key) {
                Some(earlier) => *earlier = merge(earlier.take(), value),
                None => {
                    fields.insert(key, value);
                }
            }
        }
        Ok(Value::Object(fields))
    }
}

/// Merges the two values of a key that stands twice: the last one counts, but no text of the first is lost.
fn merge(first: Value, last: Value) -> Value {
    match (first, last) {
        (first, Value::Null) => first,
        (Value::Object(mut fields), Value::Object(more)) => {
            for (key, value) in more {
                let earlier = fields.remove(&key);
                fields.insert(key, earlier.map_or_else(|| value.clone(), |earlier| merge(earlier, value.clone())));
            }
            Value::Object(fields)
        }
        (Value::Array(mut list), Value::Array(more)) => {
            for item in more {
                if !list.contains(&item) {
                    list.push(item);
                }
            }
            Value::Array(list)
        }
        (Value::String(first), Value::String(last)) if reads_like_text(&first) && !last.contains(&first) => {
            if last.is_empty() { first.into() } else { format!("{first}\n{last}").into() }
        }
        (_, last) => last,
    }
}

/// Whether a string says something to a reader, unlike an id, a path, a time or encoded bytes.
pub fn reads_like_text(text: &str) -> bool {
    let text = text.trim();
    let longest = text.split_whitespace().map(str::len).max().unwrap_or(0);
    // Han and kana need no blanks.
    let words = text.split_whitespace().count() > 1 || text.chars().any(|c| matches!(c, '\u{3040}'..='\u{9fff}'));
    words && longest < 1_000
}
