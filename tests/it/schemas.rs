//! The tools' schemas against the subsets of JSON Schema that clients and services take. One tool that is refused can cost a
//! whole request, so every tool of every profile keeps to what all of them take.

use claude_memory::testing::mcp::{Profile, tools};
use serde_json::{Value, json};

/// Keywords that somebody refuses or drops, and who.
const REFUSED: [(&str, &str); 18] = [
    ("$ref", "Gemini: function declarations have no references"),
    ("$defs", "Gemini"),
    ("definitions", "Gemini"),
    ("$schema", "Gemini: an unknown field"),
    ("oneOf", "OpenAI strict, Gemini, Bedrock"),
    ("allOf", "OpenAI strict, Gemini, Bedrock"),
    ("anyOf", "Bedrock and Anthropic at the top, Gemini next to anything else"),
    ("not", "OpenAI strict, Gemini"),
    ("if", "OpenAI strict, Gemini"),
    ("dependentRequired", "OpenAI strict, Gemini"),
    ("dependentSchemas", "OpenAI strict, Gemini"),
    ("prefixItems", "VS Code, Gemini, OpenAI strict: a list has one type of items"),
    ("contains", "OpenAI strict, Gemini"),
    ("uniqueItems", "OpenAI strict, Gemini"),
    ("patternProperties", "OpenAI strict, Gemini"),
    ("propertyNames", "OpenAI strict, Gemini"),
    ("const", "Gemini"),
    ("nullable", "OpenAI strict: an absent field is absent"),
];

/// A rule for one schema, and who needs it.
type Rule = (&'static str, fn(&Value) -> bool);

/// Rules for every schema: the arguments as a whole, each argument, the items of lists.
const RULES: [Rule; 6] = [
    ("Gemini, Bedrock: a type is one name, not a list, and never left out", |schema| {
        let types = ["string", "integer", "number", "boolean", "array", "object"];
        schema["type"].as_str().is_some_and(|name| types.contains(&name))
    }),
    ("VS Code, OpenAI, Gemini: a list says the type of its items", |schema| {
        schema["type"] != "array" || schema["items"]["type"].is_string()
    }),
    ("OpenAI, Gemini: an object says its properties", |schema| {
        schema["type"] != "object" || schema["properties"].is_object()
    }),
    ("OpenAI strict: an object is closed", |schema| {
        schema["type"] != "object" || schema["additionalProperties"] == false
    }),
    ("Gemini: what is required is a property", |schema| {
        let mut required = schema["required"].as_array().into_iter().flatten();
        required.all(|name| name.as_str().is_some_and(|name| schema["properties"].get(name).is_some()))
    }),
    ("Gemini: only strings have an enum, of strings that are not empty", |schema| {
        let Some(values) = schema.get("enum") else { return true };
        let is_text = |value: &Value| value.as_str().is_some_and(|value| !value.is_empty());
        schema["type"] == "string" && values.as_array().is_some_and(|values| values.iter().all(is_text))
    }),
];

/// Characters of a description that OpenAI takes.
const DESCRIPTION: usize = 1024;
/// Characters of the name of a tool or an argument that OpenAI, Bedrock and Anthropic take, with what clients put before it.
const NAME: usize = 64;
const PREFIX: &str = "mcp__claude-memory__";

/// Every rule that a tool breaks.
fn faults(tool: &Value) -> Vec<String> {
    let name = tool["name"].as_str().unwrap_or_default();
    let mut faults = Vec::new();
    if !is_name(name) || PREFIX.len() + name.len() > NAME {
        faults.push(format!("{name:?}: OpenAI, Bedrock, Anthropic: not a name"));
    }
    if !is_description(&tool["description"]) {
        faults.push(format!("{name}: OpenAI, Bedrock: a description has 1 to {DESCRIPTION} characters"));
    }
    if tool["inputSchema"]["type"] != "object" {
        faults.push(format!("{name}: all: arguments are an object"));
    }
    add_faults(&tool["inputSchema"], name, &mut faults);
    faults
}

fn add_faults(schema: &Value, place: &str, faults: &mut Vec<String>) {
    let refused = REFUSED.iter().filter(|(keyword, _)| schema.get(keyword).is_some());
    faults.extend(refused.map(|(keyword, who)| format!("{place}: {keyword}: {who}")));
    let broken = RULES.iter().filter(|(_, holds)| !holds(schema));
    faults.extend(broken.map(|(rule, _)| format!("{place}: {rule}")));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        if !is_name(name) {
            faults.push(format!("{place}: Bedrock, Anthropic: not a name"));
        }
        if !is_description(&property["description"]) {
            faults.push(format!("{place}: a model is told nothing, or more than {DESCRIPTION} characters"));
        }
        add_faults(property, &place, faults);
    }
    if let Some(items) = schema.get("items") {
        add_faults(items, &format!("{place}[]"), faults);
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'-';
    (1..=NAME).contains(&name.len()) && name.bytes().all(is_part)
}

fn is_description(text: &Value) -> bool {
    text.as_str().is_some_and(|text| !text.trim().is_empty() && text.chars().count() <= DESCRIPTION)
}

#[test]
fn every_client_takes_every_tool() {
    for profile in [Profile::Core, Profile::Full, Profile::Admin] {
        let tools = tools::define_tools(profile, false);
        let tools = tools.iter().map(|tool| serde_json::to_value(tool).unwrap());
        let faults: Vec<String> = tools.flat_map(|tool| faults(&tool)).collect();
        assert!(faults.is_empty(), "{profile:?}:\n{}", faults.join("\n"));
    }
}

/// Each rule is broken once, and nothing else is found.
#[test]
fn a_schema_that_somebody_refuses_is_noticed() {
    let text = json!({ "type": "string", "description": "Text." });
    let tool = |schema: Value| {
        let input = json!({ "type": "object", "properties": { "a": schema }, "additionalProperties": false });
        json!({ "name": "t", "description": "A tool.", "inputSchema": input })
    };
    assert_eq!(faults(&tool(text.clone())), [""; 0]);
    let with = |key: &str, value: Value| {
        let mut schema = text.clone();
        schema[key] = value;
        tool(schema)
    };
    let mut refused = vec![
        with("type", json!(["string", "null"])),
        with("type", json!("array")),
        with("type", json!("text")),
        with("enum", json!(["a", 1])),
        with("description", json!(" ")),
        with("description", json!("a".repeat(DESCRIPTION + 1))),
        with("required", json!(["b"])),
        tool(json!({ "type": "object", "description": "O.", "additionalProperties": false })),
        tool(json!({ "type": "object", "description": "O.", "properties": {} })),
    ];
    refused.extend(REFUSED.iter().map(|(keyword, _)| with(keyword, json!({}))));
    for (key, value) in [("name", json!("a tool")), ("name", json!("t".repeat(NAME))), ("description", json!(""))] {
        let mut tool = tool(text.clone());
        tool[key] = value;
        refused.push(tool);
    }
    for tool in refused {
        let faults = faults(&tool);
        assert_eq!(faults.len(), 1, "{tool}: {faults:?}");
    }
}
