//! MCP resources: the answers of read-only tools under URIs that a user can mention.

use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

use super::caller::Caller;
use super::profile::Profile;
use super::tools::{self, Reply};
use crate::domain::Failure;
use crate::memory::Memory;

const SCHEME: &str = "memory://";

/// Fixed resources and URI templates: URI, title, description.
const FIXED_RESOURCES: [(&str, &str, &str); 3] = [
    ("memory://status", "Status", "How much is kept and whether search is degraded"),
    ("memory://recent", "Recent sessions", "The last twenty sessions of all projects"),
    ("memory://projects", "Projects", "The projects that memories come from"),
];
const RESOURCE_TEMPLATES: [(&str, &str, &str); 3] = [
    ("memory://project/{id}", "Project", "A project with its folders, by name or number"),
    ("memory://session/{id}", "Session", "The messages of a session"),
    ("memory://item/{id}", "Memory", "A message with its neighbours"),
];

/// Returns the definitions of the fixed resources.
pub(super) fn define_resources() -> Vec<Resource> {
    let resource = |(uri, title, description): &(&str, &str, &str)| {
        let name = uri.trim_start_matches(SCHEME);
        Resource::new(*uri, name).with_title(*title).with_description(*description).with_mime_type("text/plain")
    };
    FIXED_RESOURCES.iter().map(resource).collect()
}

/// Returns the templates of resources with an id.
pub(super) fn define_templates() -> Vec<ResourceTemplate> {
    let template = |(uri, title, description): &(&str, &str, &str)| {
        let name = uri.trim_start_matches(SCHEME).split('/').next().unwrap_or("item");
        ResourceTemplate::new(*uri, name).with_title(*title).with_description(*description).with_mime_type("text/plain")
    };
    RESOURCE_TEMPLATES.iter().map(template).collect()
}

/// Maps a URI to the tool that answers it and its arguments; `None` if the URI is unknown.
fn tool_for_uri(uri: &str) -> Option<(&'static str, Value)> {
    let path = uri.strip_prefix(SCHEME)?;
    Some(match path.split_once('/') {
        None if path == "status" => ("memory_health", json!({})),
        None if path == "recent" => ("memory_timeline", json!({ "limit": 20 })),
        None if path == "projects" => ("memory_projects", json!({})),
        Some((_, "")) => return None,
        Some(("project", id)) => ("memory_projects", json!({ "action": "show", "query": percent_decode(id) })),
        Some(("session", id)) => ("memory_get", json!({ "session_id": percent_decode(id), "max_tokens": 8000 })),
        Some(("item", id)) => ("memory_get", json!({ "ids": [percent_decode(id)] })),
        _ => return None,
    })
}

/// Reads a resource; `None` if the URI is unknown.
pub(super) fn read_resource(
    memory: &Memory,
    caller: &Caller,
    uri: &str,
) -> Option<Result<ReadResourceResult, Failure>> {
    let (tool, arguments) = tool_for_uri(uri)?;
    let reply = tools::call_tool(memory, caller, Profile::Admin, tool, arguments)?;
    Some(reply.map(|reply: Reply| ReadResourceResult::new(vec![ResourceContents::text(reply.into_text(), uri)])))
}

/// Percent-decodes an id. Clients encode names with spaces or Chinese characters.
fn percent_decode(id: &str) -> String {
    let mut bytes = Vec::with_capacity(id.len());
    let mut rest = id.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high * 16 + low));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_tools() {
        assert_eq!(tool_for_uri("memory://project/my%20shop%E5%BA%97").unwrap().1["query"], "my shop店");
        assert_eq!(tool_for_uri("memory://session/abc").unwrap().0, "memory_get");
        for wrong in ["memory://", "memory://item/", "memory://nothing", "file:///etc/passwd", "memory://x/../y"] {
            assert!(tool_for_uri(wrong).is_none(), "{wrong}");
        }
        assert_eq!(percent_decode("100%"), "100%");
    }
}
