//! JSON values in which a duplicate key loses no text.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// A field whose value no reader needs: it is checked, but not kept. Clients write tool output twice.
#[derive(Debug)]
pub struct SkippedField {
    pub name: &'static str,
    /// Types of the objects in which it is skipped; empty for all. Only a `type` before the field counts.
    pub types: &'static [&'static str],
    /// Fields of its value that are skipped; empty to skip the whole value.
    pub inner: &'static [SkippedField],
}

/// A value in which duplicate keys are merged.
pub(super) struct LenientValue(pub(super) Value);

impl<'de> Deserialize<'de> for LenientValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LenientSeed(&[]).deserialize(deserializer).map(Self)
    }
}

/// Parses one whole value without the fields in `unread`.
pub(super) fn parse_strict(bytes: &[u8], unread: &'static [SkippedField]) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = LenientSeed(unread).deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

/// Deserializes a value without these fields.
#[derive(Clone, Copy)]
struct LenientSeed(&'static [SkippedField]);

impl LenientSeed {
    /// Returns the entry for a field, given the fields before it in its object.
    fn find_skipped(self, name: &str, before: &Map<String, Value>) -> Option<&'static SkippedField> {
        let unread = self.0.iter().find(|unread| unread.name == name)?;
        let kind = || before.get("type").and_then(Value::as_str).unwrap_or("");
        (unread.types.is_empty() || unread.types.contains(&kind())).then_some(unread)
    }
}

impl<'de> DeserializeSeed<'de> for LenientSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LenientSeed {
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
        while let Some(LenientValue(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let inner = match self.find_skipped(&key, &fields) {
                Some(unread) if unread.inner.is_empty() => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
                Some(unread) => unread.inner,
                None => &[],
            };
            let value = entries.next_value_seed(Self(inner))?;
            match fields.entry(key) {
                Entry::Occupied(mut entry) => {
                    let earlier = entry.get_mut().take();
                    entry.insert(merge_values(earlier, value));
                }
                Entry::Vacant(entry) => {
                    entry.insert(value);
                }
            }
        }
        Ok(Value::Object(fields))
    }
}

/// Merges the two values of a duplicate key: the last one counts, but no text of the first is lost.
fn merge_values(first: Value, last: Value) -> Value {
    match (first, last) {
        (first, Value::Null) => first,
        (Value::Object(mut fields), Value::Object(more)) => {
            for (key, value) in more {
                let earlier = fields.remove(&key);
                fields
                    .insert(key, earlier.map_or_else(|| value.clone(), |earlier| merge_values(earlier, value.clone())));
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
        (Value::String(first), Value::String(last)) if is_readable_text(&first) && !last.contains(&first) => {
            if last.is_empty() { first.into() } else { format!("{first}\n{last}").into() }
        }
        (_, last) => last,
    }
}

/// Returns true if a string is prose for a reader, unlike an id, a path, a time or encoded bytes.
pub fn is_readable_text(text: &str) -> bool {
    let text = text.trim();
    let longest = text.split_whitespace().map(str::len).max().unwrap_or(0);
    // Han and kana need no blanks.
    let words = text.split_whitespace().count() > 1 || text.chars().any(|c| matches!(c, '\u{3040}'..='\u{9fff}'));
    words && longest < 1_000
}
