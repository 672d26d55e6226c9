//! Adds one key to a JSON or TOML text and removes it again; every other byte stays as it was.

use std::path::{Path, PathBuf};

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstObject, CstObjectProp, CstRootNode};
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::error::{Error, Result};
use super::{InstallPlan, InstallScope, LaunchCommand, McpClient, SERVER};

const SERVERS: &str = "mcpServers";
const CODEX_SERVERS: &str = "mcp_servers";

/// Returns the text with the server's entry.
pub(super) fn add_server(
    plan: &InstallPlan<'_>,
    file: &Path,
    text: Option<&str>,
    launch: &LaunchCommand,
) -> Result<Option<String>> {
    if is_toml(file) {
        return add_toml_server(file, text, launch).map(Some);
    }
    let root = parse_json(file, text)?;
    let mut object = root_object(file, &root)?;
    for key in servers_path(plan) {
        object = object_or_create(&object, &key).ok_or_else(|| shape_error(file, &key, "an object"))?;
    }
    let arguments = launch.server_arguments().into_iter().map(CstInputValue::from).collect();
    let mut entry = vec![
        ("command".to_owned(), CstInputValue::from(launch.program.display().to_string())),
        ("args".to_owned(), CstInputValue::Array(arguments)),
    ];
    if plan.client == McpClient::ClaudeCode {
        entry.insert(0, ("type".to_owned(), CstInputValue::from("stdio".to_owned())));
        entry.push(("env".to_owned(), CstInputValue::Object(Vec::new())));
    }
    let entry = CstInputValue::Object(entry);
    match last_property(&object, SERVER) {
        // An entry with the right contents keeps its formatting.
        Some(known) if known.value().and_then(|value| value.to_serde_value()) == Some(to_plain_json(&entry)) => {}
        Some(known) => known.set_value(entry),
        None => {
            object.append(SERVER, entry);
        }
    }
    Ok(Some(root.to_string()))
}

/// Returns the text without the server's entry. Objects that become empty are removed too: nothing else was in them.
pub(super) fn remove_server(plan: &InstallPlan<'_>, file: &Path, text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    if is_toml(file) {
        return remove_toml_server(file, text).map(Some);
    }
    let root = parse_json(file, Some(text))?;
    let mut way = servers_path(plan);
    let Some(servers) = object_at(file, &root, &way)? else { return Ok(Some(text.to_owned())) };
    let entries: Vec<CstObjectProp> = find_properties(&servers, SERVER);
    if entries.is_empty() {
        return Ok(Some(text.to_owned()));
    }
    entries.into_iter().for_each(CstObjectProp::remove);
    // Removes the object of servers, and the project's object in local scope, if nothing else is in them.
    while let Some(last) = way.pop() {
        let Some(above) = object_at(file, &root, &way)? else { break };
        let is_empty = object_in(&above, &last).is_some_and(|object| object.properties().is_empty());
        if !is_empty || !remove_only(&above, &last) {
            break;
        }
    }
    Ok(Some(root.to_string()))
}

/// Returns true if a file is TOML, by its name before links are followed. All others are JSON.
pub(super) fn is_toml(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "toml")
}

/// Returns the keys that lead to the object of servers.
fn servers_path(plan: &InstallPlan<'_>) -> Vec<String> {
    match (plan.client, plan.scope) {
        (McpClient::ClaudeCode, InstallScope::Local) => {
            vec!["projects".to_owned(), plan.places.project_key(), SERVERS.to_owned()]
        }
        _ => vec![SERVERS.to_owned()],
    }
}

/// Returns the object that these keys lead to, if it exists.
fn object_at(file: &Path, root: &CstRootNode, path: &[String]) -> Result<Option<CstObject>> {
    let top = root_object(file, root)?;
    Ok(path.iter().try_fold(top, |object, key| object_in(&object, key)))
}

/// Returns all properties of a name: JSON permits repeated keys.
fn find_properties(object: &CstObject, name: &str) -> Vec<CstObjectProp> {
    let all = object.properties().into_iter();
    all.filter(|property| property.decoded_name().as_deref() == Some(name)).collect()
}

/// Returns the property that clients read: the last one of its name.
fn last_property(object: &CstObject, name: &str) -> Option<CstObjectProp> {
    find_properties(object, name).pop()
}

/// Returns the object at a key.
pub(super) fn object_in(object: &CstObject, name: &str) -> Option<CstObject> {
    last_property(object, name)?.object_value()
}

/// Returns the list at a key.
pub(super) fn array_in(object: &CstObject, name: &str) -> Option<CstArray> {
    last_property(object, name)?.array_value()
}

/// Returns the object at a key, created if it is missing or null; `None` if the key has another value.
pub(super) fn object_or_create(object: &CstObject, name: &str) -> Option<CstObject> {
    match last_property(object, name) {
        None => object.object_value_or_create(name),
        Some(property) if is_null(&property) => Some(property.object_value_or_set()),
        Some(property) => property.object_value(),
    }
}

/// Returns the list at a key, created if it is missing or null; `None` if the key has another value.
pub(super) fn array_or_create(object: &CstObject, name: &str) -> Option<CstArray> {
    match last_property(object, name) {
        None => object.array_value_or_create(name),
        Some(property) if is_null(&property) => Some(property.array_value_or_set()),
        Some(property) => property.array_value(),
    }
}

fn is_null(property: &CstObjectProp) -> bool {
    property.value().is_some_and(|value| value.as_null_keyword().is_some())
}

/// Removes a key that occurs once; returns true if it did. Of two equal keys the last one counts: without it the first
/// would.
pub(super) fn remove_only(object: &CstObject, name: &str) -> bool {
    let mut found = find_properties(object, name);
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => {
            only.remove();
            true
        }
        _ => false,
    }
}

/// Parses JSON as the clients do, comments and trailing commas allowed. An empty file is an empty object.
pub(super) fn parse_json(file: &Path, text: Option<&str>) -> Result<CstRootNode> {
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

pub(super) fn root_object(file: &Path, root: &CstRootNode) -> Result<CstObject> {
    root.object_value().ok_or_else(|| shape_error(file, "the file", "an object"))
}

pub(super) fn shape_error(file: &Path, key: &str, expected: &'static str) -> Error {
    Error::Shape { path: PathBuf::from(file), key: key.to_owned(), expected }
}

pub(super) fn to_plain_json(value: &CstInputValue) -> serde_json::Value {
    match value {
        CstInputValue::Null => serde_json::Value::Null,
        CstInputValue::Bool(value) => (*value).into(),
        CstInputValue::Number(text) => serde_json::from_str(text).unwrap_or_default(),
        CstInputValue::String(text) => text.clone().into(),
        CstInputValue::Array(values) => values.iter().map(to_plain_json).collect(),
        CstInputValue::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), to_plain_json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

fn add_toml_server(file: &Path, text: Option<&str>, launch: &LaunchCommand) -> Result<String> {
    let mut document = parse_toml(file, text.unwrap_or(""))?;
    let servers = document.entry(CODEX_SERVERS).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let servers = servers.as_table_like_mut().ok_or_else(|| shape_error(file, CODEX_SERVERS, "a table"))?;
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

fn remove_toml_server(file: &Path, text: &str) -> Result<String> {
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

fn parse_toml(file: &Path, text: &str) -> Result<DocumentMut> {
    text.parse().map_err(|error: toml_edit::TomlError| Error::Unparsable {
        path: file.to_owned(),
        why: error.to_string().lines().next().unwrap_or("").to_owned(),
    })
}

/// Parses a text without empty values, to compare contents independent of formatting.
pub(super) fn parse_contents(file: &Path, text: Option<&str>) -> Option<serde_json::Value> {
    let text = text.unwrap_or("");
    let value =
        if is_toml(file) { toml::from_str(text).ok()? } else { parse_json(file, Some(text)).ok()?.to_serde_value()? };
    Some(prune_empty(value))
}

fn prune_empty(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, prune_empty(value)));
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
    use super::super::ClientPaths;
    use super::*;

    fn places() -> ClientPaths {
        let home = PathBuf::from("/home/u");
        ClientPaths { config: home.join(".config"), claude: None, codex: None, project: PathBuf::from("/w/p"), home }
    }

    fn launch() -> LaunchCommand {
        LaunchCommand { program: PathBuf::from("/usr/bin/claude-memory"), before: Vec::new() }
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
        for client in [McpClient::ClaudeCode, McpClient::Cursor, McpClient::Gemini, McpClient::ClaudeDesktop] {
            for scope in [InstallScope::User, InstallScope::Local] {
                if scope == InstallScope::Local && client != McpClient::ClaudeCode {
                    continue;
                }
                let plan = InstallPlan { client, scope, places: &places };
                let file = places.server_file(client, scope).unwrap();
                for text in json {
                    let added = add_server(&plan, &file, Some(text), &launch()).unwrap().unwrap();
                    let read = |text: &str| parse_json(Path::new(""), Some(text)).unwrap().to_serde_value().unwrap();
                    let entry = servers_path(&plan).iter().fold(read(&added), |value, key| value[key].clone());
                    assert_eq!(entry[SERVER]["command"], "/usr/bin/claude-memory", "{added}");
                    assert_eq!(
                        add_server(&plan, &file, Some(&added), &launch()).unwrap().as_deref(),
                        Some(added.as_str())
                    );
                    let removed = remove_server(&plan, &file, Some(&added)).unwrap().unwrap();
                    assert_eq!(parse_contents(&file, Some(&removed)), parse_contents(&file, Some(text)), "{removed}");
                }
            }
        }
        let plan = InstallPlan { client: McpClient::Codex, scope: InstallScope::User, places: &places };
        let file = places.server_file(plan.client, plan.scope).unwrap();
        for text in ["", "model = \"x\" # why\n\n[mcp_servers.other]\ncommand = \"y\"\n", "mcp_servers = {}\n"] {
            let added = add_server(&plan, &file, Some(text), &launch()).unwrap().unwrap();
            let again = add_server(&plan, &file, Some(&added), &launch()).unwrap();
            assert_eq!(again.as_deref(), Some(added.as_str()));
            let removed = remove_server(&plan, &file, Some(&added)).unwrap().unwrap();
            assert_eq!(parse_contents(&file, Some(&removed)), parse_contents(&file, Some(text)), "{removed}");
            assert!(added.contains(text.trim_end()) || text.contains("{}"), "{added}");
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_refused() {
        let places = places();
        for client in McpClient::ALL {
            let plan = InstallPlan { client, scope: InstallScope::User, places: &places };
            let file = places.server_file(client, plan.scope).unwrap();
            for text in ["{\"mcpServers\": ", "[]", "{\"mcpServers\": 3}", "mcp_servers = 3", "\u{0}"] {
                if client == McpClient::Codex && text == "[]" {
                    continue;
                }
                assert!(add_server(&plan, &file, Some(text), &launch()).is_err(), "{client}: {text}");
            }
        }
    }
}
