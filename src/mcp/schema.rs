//! JSON Schemas of tool arguments and results, generated from the wire types and trimmed: every token of a definition
//! costs in every session.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::domain::Named;

/// Stands in a schema for the name of a value of a closed set. The argument itself is a text, so that a wrong name gets a
/// message of ours.
pub(super) struct NameOf<T>(PhantomData<T>);

impl<T: Named> JsonSchema for NameOf<T> {
    fn schema_name() -> Cow<'static, str> {
        std::any::type_name::<T>().into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = T::VALUES.iter().map(|value| value.value_name()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// Generates the schema of a type: draft 2020-12, no references, closed objects, no nulls (optional fields are absent).
pub(super) fn generate_schema<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    trim_schema(&mut schema);
    match schema {
        Value::Object(mut schema) => {
            // OpenAI and Gemini refuse an object without `properties`.
            schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            Arc::new(schema)
        }
        _ => Arc::new(Map::new()),
    }
}

fn trim_schema(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            // `format: uint32` is unknown to other validators; titles repeat the names.
            for noise in ["$schema", "format"] {
                object.remove(noise);
            }
            if object.get("title").is_some_and(Value::is_string) {
                object.remove("title");
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            drop_null(object);
            if object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(trim_schema);
        }
        Value::Array(items) => items.iter_mut().for_each(trim_schema),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes null from types: `["integer", "null"]` → `"integer"`; `anyOf: [X, null]` → X; `enum` without null.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (name, value) in only {
                object.entry(name).or_insert(value);
            }
        }
    }
}
