//! Adding one key to a text and taking it out again, with every other byte as it was.

use std::path::PathBuf;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstObject, CstObjectProp, CstRootNode};
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::error::{Error, Result};
use super::{Client, Launch, Plan, SERVER, Scope};

const SERVERS: &str = "mcpServers";
const CODEX_SERVERS: &str = "mcp_servers";

/// The text with the server's entry.
pub(super) fn add_server(plan: &Plan<'_>, text: Option<&str>, launch: &Launch) -> Result<Option<String>> {
    let file = plan.places.server_file(plan.client, plan.scope)?;
    if plan.client == Client::Codex {
        return add_toml(&file, text, launch).map(Some);
    }
    let root = parse(&file, text)?;
    let mut object = top(&file, &root)?;
    for key in path(plan) {
        object = object_or_create(&object, &key).ok_or_else(|| shape(&file, &key, "an object"))?;
    }
    let arguments = launch.server_arguments().into_iter().map(CstInputValue::from).collect();
    let mut entry = vec![
        ("command".to_owned(), CstInputValue::from(launch.program.display().to_string())),
        ("args".to_owned(), CstInputValue::Array(arguments)),
    ];
    if plan.client == Client::ClaudeCode {
        entry.insert(0, ("type".to_owned(), CstInputValue::from("stdio".to_owned())));
        entry.push(("env".to_owned(), CstInputValue::Object(Vec::new())));
    }
    let entry = CstInputValue::Object(entry);
    match property(&object, SERVER) {
        // What is right already keeps its form.
        Some(known) if known.value().and_then(|value| value.to_serde_value()) == Some(plain(&entry)) => {}
        Some(known) => known.set_value(entry),
        None => {
            object.append(SERVER, entry);
        }
    }
    Ok(Some(root.to_string()))
}

/// The text without the server's entry. Objects that are empty then go too: an object that held nothing else is as good as none.
pub(super) fn remove_server(plan: &Plan<'_>, text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let file = plan.places.server_file(plan.client, plan.scope)?;
    if plan.client == Client::Codex {
        return remove_toml(&file, text).map(Some);
    }
    let root = parse(&file, Some(text))?;
    let mut way = path(plan);
    let Some(servers) = at(&file, &root, &way)? else { return Ok(Some(text.to_owned())) };
    let entries: Vec<CstObjectProp> = properties(&servers, SERVER);
    if entries.is_empty() {
        return Ok(Some(text.to_owned()));
    }
    entries.into_iter().for_each(CstObjectProp::remove);
    // The servers, and for one project the project, if nothing else is in them.
    while let Some(last) = way.pop() {
        let Some(above) = at(&file, &root, &way)? else { break };
        let is_empty = object_in(&above, &last).is_some_and(|object| object.properties().is_empty());
        if !is_empty || !remove_only(&above, &last) {
            break;
        }
    }
    Ok(Some(root.to_string()))
}

/// The keys that lead to the servers.
fn path(plan: &Plan<'_>) -> Vec<String> {
    match (plan.client, plan.scope) {
        (Client::ClaudeCode, Scope::Local) => {
            vec!["projects".to_owned(), plan.places.project_key(), SERVERS.to_owned()]
        }
        _ => vec![SERVERS.to_owned()],
    }
}

/// The object that these keys lead to, if it is there.
fn at(file: &std::path::Path, root: &CstRootNode, path: &[String]) -> Result<Option<CstObject>> {
    let top = top(file, root)?;
    Ok(path.iter().try_fold(top, |object, key| object_in(&object, key)))
}

/// The properties of a name. JSON does not forbid that a key stands twice.
fn properties(object: &CstObject, name: &str) -> Vec<CstObjectProp> {
    let all = object.properties().into_iter();
    all.filter(|property| property.decoded_name().as_deref() == Some(name)).collect()
}

/// The property that clients read: the last one of its name.
fn property(object: &CstObject, name: &str) -> Option<CstObjectProp> {
    properties(object, name).pop()
}

/// The object at a key.
pub(super) fn object_in(object: &CstObject, name: &str) -> Option<CstObject> {
    property(object, name)?.object_value()
}

/// The list at a key.
pub(super) fn array_in(object: &CstObject, name: &str) -> Option<CstArray> {
    property(object, name)?.array_value()
}

/// The object at a key, made where there is none, or null; `None` when something else is there.
pub(super) fn object_or_create(object: &CstObject, name: &str) -> Option<CstObject> {
    match property(object, name) {
        None => object.object_value_or_create(name),
        Some(property) if is_null(&property) => Some(property.object_value_or_set()),
        Some(property) => property.object_value(),
    }
}

/// The list at a key, made where there is none, or null; `None` when something else is there.
pub(super) fn array_or_create(object: &CstObject, name: &str) -> Option<CstArray> {
    match property(object, name) {
        None => object.array_value_or_create(name),
        Some(property) if is_null(&property) => Some(property.array_value_or_set()),
        Some(property) => property.array_value(),
    }
}

fn is_null(property: &CstObjectProp) -> bool {
    property.value().is_some_and(|value| value.as_null_keyword().is_some())
}

/// Removes a key that stands once. Of two the last one counts: without it the first one would.
pub(super) fn remove_only(object: &CstObject, name: &str) -> bool {
    let mut found = properties(object, name);
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => {
            only.remove();
            true
        }
        _ => false,
    }
}

/// Reads JSON as the clients do, comments and trailing commas allowed. An empty file is an empty object.
pub(super) fn parse(file: &std::path::Path, text: Option<&str>) -> Result<CstRootNode> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or("{}\n");
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        ..ParseOptions::default()
    };
    CstRootNode::parse(text, &options)
        .map_err(|error| Error::Unparsable { path: file.to_owned(), why: error.to_string() })
}

pub(super) fn top(file: &std::path::Path, root: &CstRootNode) -> Result<CstObject> {
    root.object_value().ok_or_else(|| shape(file, "the file", "an object"))
}

pub(super) fn shape(file: &std::path::Path, key: &str, expected: &'static str) -> Error {
    Error::Shape { path: PathBuf::from(file), key: key.to_owned(), expected }
}

pub(super) fn plain(value: &CstInputValue) -> serde_json::Value {
    match value {
        CstInputValue::Null => serde_json::Value::Null,
        CstInputValue::Bool(value) => (*value).into(),
        CstInputValue::Number(text) => serde_json::from_str(text).unwrap_or_default(),
        CstInputValue::String(text) => text.clone().into(),
        CstInputValue::Array(values) => values.iter().map(plain).collect(),
        CstInputValue::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

fn add_toml(file: &std::path::Path, text: Option<&str>, launch: &Launch) -> Result<String> {
    let mut document = parse_toml(file, text.unwrap_or(""))?;
    let servers = document.entry(CODEX_SERVERS).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let servers = servers.as_table_like_mut().ok_or_else(|| shape(file, CODEX_SERVERS, "a table"))?;
    let arguments: Array = launch.server_arguments().into_iter().collect();
    let command = launch.program.display().to_string();
    let known = servers.get(SERVER).and_then(Item::as_table_like).is_some_and(|known| {
        let listed = known.get("args").and_then(Item::as_array);
        known.get("command").and_then(Item::as_str) == Some(command.as_str())
            && listed.is_some_and(|listed| {
                listed.iter().map(toml_edit::Value::as_str).eq(arguments.iter().map(toml_edit::Value::as_str))
            })
    });
    if !known {
        let mut table = Table::new();
        table.insert("command", value(command));
        table.insert("args", value(arguments));
        servers.insert(SERVER, Item::Table(table));
    }
    Ok(document.to_string())
}

fn remove_toml(file: &std::path::Path, text: &str) -> Result<String> {
    let mut document = parse_toml(file, text)?;
    let Some(servers) = document.get_mut(CODEX_SERVERS).and_then(Item::as_table_like_mut) else {
        return Ok(text.to_owned());
    };
    if servers.remove(SERVER).is_none() {
        return Ok(text.to_owned());
    }
    if servers.is_empty() {
        document.remove(CODEX_SERVERS);
    }
    Ok(document.to_string())
}

fn parse_toml(file: &std::path::Path, text: &str) -> Result<DocumentMut> {
    text.parse().map_err(|error: toml_edit::TomlError| Error::Unparsable {
        path: file.to_owned(),
        why: error.to_string().lines().next().unwrap_or("").to_owned(),
    })
}

/// What a text says, without what is empty: two texts that mean the same may differ in form.
pub(super) fn meaning(client: Client, text: Option<&str>) -> Option<serde_json::Value> {
    let text = text.unwrap_or("");
    let value = if client == Client::Codex {
        toml::from_str(text).ok()?
    } else {
        let root = parse(std::path::Path::new(""), Some(text)).ok()?;
        root.to_serde_value()?
    };
    Some(pruned(value))
}

fn pruned(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, pruned(value)));
            let is_empty = |value: &serde_json::Value| match value {
                serde_json::Value::Null => true,
                serde_json::Value::Object(fields) => fields.is_empty(),
                serde_json::Value::Array(items) => items.is_empty(),
                _ => false,
            };
            fields.filter(|(_, value)| !is_empty(value)).collect::<serde_json::Map<_, _>>().into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Places;
    use super::*;

    fn places() -> Places {
        let home = PathBuf::from("/home/u");
        Places { config: home.join(".config"), claude: None, codex: None, project: PathBuf::from("/w/p"), home }
    }

    fn launch() -> Launch {
        Launch { program: PathBuf::from("/usr/bin/claude-memory"), before: Vec::new() }
    }

    #[test]
    fn one_key_comes_and_goes_and_all_else_stays_as_it_is() {
        let places = places();
        let json = [
            "{}",
            "{\n}\n",
            "{\"mcpServers\":{}}",
            "{\n  \"a\": 1\n}\n",
            "{\n\t\"mcpServers\": {\n\t\t\"other\": { \"command\": \"x\" }\n\t},\n\t\"b\": [1, 2]\n}\n",
            "{\"mcpServers\":{\"other\":{\"command\":\"x\"}},\"z\":null}",
            "{\r\n  \"mcpServers\": {\r\n    \"o\": {}\r\n  }\r\n}\r\n",
            "// note\n{\n  \"x\": \"中文\", // why\n}\n",
            "{\"mcpServers\":null,\"projects\":null}",
            "{\"mcpServers\":{\"first\":{}},\"a\":1,\"mcpServers\":{\"other\":{\"command\":\"x\"}}}",
            "{\"mcpServers\":{\"first\":{\"command\":\"x\"}},\"mcpServers\":{}}",
            "{\"projects\":{\"/w/p\":{\"mcpServers\":null}},\"mcpServers\":{\"a\":{\"b\":1},\"a\":{\"b\":2}}}",
        ];
        for client in [Client::ClaudeCode, Client::Cursor, Client::Gemini, Client::ClaudeDesktop] {
            for scope in [Scope::User, Scope::Local] {
                if scope == Scope::Local && client != Client::ClaudeCode {
                    continue;
                }
                let plan = Plan { client, scope, places: &places };
                for text in json {
                    let added = add_server(&plan, Some(text), &launch()).unwrap().unwrap();
                    let read =
                        |text: &str| parse(std::path::Path::new(""), Some(text)).unwrap().to_serde_value().unwrap();
                    let entry = path(&plan).iter().fold(read(&added), |value, key| value[key].clone());
                    assert_eq!(entry[SERVER]["command"], "/usr/bin/claude-memory", "{added}");
                    assert_eq!(add_server(&plan, Some(&added), &launch()).unwrap().as_deref(), Some(added.as_str()));
                    let removed = remove_server(&plan, Some(&added)).unwrap().unwrap();
                    assert_eq!(meaning(client, Some(&removed)), meaning(client, Some(text)), "{removed}");
                }
            }
        }
        let plan = Plan { client: Client::Codex, scope: Scope::User, places: &places };
        for text in ["", "model = \"x\" # why\n\n[mcp_servers.other]\ncommand = \"y\"\n", "mcp_servers = {}\n"] {
            let added = add_server(&plan, Some(text), &launch()).unwrap().unwrap();
            assert_eq!(add_server(&plan, Some(&added), &launch()).unwrap().as_deref(), Some(added.as_str()));
            let removed = remove_server(&plan, Some(&added)).unwrap().unwrap();
            assert_eq!(meaning(Client::Codex, Some(&removed)), meaning(Client::Codex, Some(text)), "{removed}");
            assert!(added.contains(text.trim_end()) || text.contains("{}"), "{added}");
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_refused() {
        let places = places();
        for client in Client::ALL {
            let plan = Plan { client, scope: Scope::User, places: &places };
            for text in ["{\"mcpServers\": ", "[]", "{\"mcpServers\": 3}", "mcp_servers = 3", "\u{0}"] {
                if client == Client::Codex && text == "[]" {
                    continue;
                }
                assert!(add_server(&plan, Some(text), &launch()).is_err(), "{client}: {text}");
            }
        }
    }
}
