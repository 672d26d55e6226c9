//! What the official conformance suite wants a server to have: tools, resources and prompts with fixed names, so that every
//! check of the transport can be made against ours. Compiled into debug builds only, and offered only when
//! `CLAUDE_MEMORY_TEST_FIXTURES` is set: without it a debug build answers as a release does.
#![expect(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "JSON in, JSON out: an index into a JSON object gives null where nothing is"
)]

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorCode, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, InputRequiredResult, Prompt, ReadResourceResponse, ReadResourceResult, ServerNotification,
    ServerRequest, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::ContentHash;
use crate::domain::hash::hex;

/// One red pixel, and a second of nothing.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
const PAUSE: Duration = Duration::from_millis(50);

type Answer<T> = Result<T, ErrorData>;

/// A finished answer from its JSON; older clients are spared the type by the layer below.
fn complete<T: DeserializeOwned>(mut value: Value) -> Answer<T> {
    value["resultType"] = "complete".into();
    made(value)
}

/// A value of the protocol from its JSON.
fn made<T: DeserializeOwned>(value: Value) -> Answer<T> {
    serde_json::from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn elicit(message: &str, properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().map(|all| all.keys().collect()).unwrap_or_default();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "method": "elicitation/create", "params": { "message": message, "requestedSchema": schema } })
}

fn sample(prompt: &str) -> Value {
    let message = json!({ "role": "user", "content": text(prompt) });
    json!({ "method": "sampling/createMessage", "params": { "messages": [message], "maxTokens": 100 } })
}

fn roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

/// The tools.
pub(super) fn tools() -> Vec<Tool> {
    const PLAIN: [&str; 20] = [
        "test_logging_tool",
        "test_streaming_elicitation",
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_tool_with_logging",
        "test_tool_with_progress",
        "test_error_handling",
        "test_elicitation_sep1034_defaults",
        "test_elicitation_sep1330_enums",
        "test_input_required_result_elicitation",
        "test_input_required_result_sampling",
        "test_input_required_result_list_roots",
        "test_input_required_result_request_state",
        "test_input_required_result_multiple_inputs",
        "test_input_required_result_multi_round",
        "test_input_required_result_tampered_state",
        "test_input_required_result_capabilities",
    ];
    let tool = |name: &str, schema: Value| json!({ "name": name, "description": "For tests.", "inputSchema": schema });
    let one =
        |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } }, "required": [name] });
    let mut all: Vec<Value> = PLAIN.map(|name| tool(name, json!({ "type": "object", "properties": {} }))).to_vec();
    all.push(tool("test_sampling", one("prompt")));
    all.push(tool("test_elicitation", one("message")));
    let header =
        json!({ "type": "object", "properties": { "tenant": { "type": "string", "x-mcp-header": "Tenant" } } });
    all.push(tool("test_custom_header", header));
    all.push(tool("test_missing_capability", json!({ "type": "object", "properties": {} })));
    let strings = json!({ "street": { "type": "string" }, "city": { "type": "string" } });
    all.push(tool(
        "json_schema_2020_12_tool",
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": { "address": { "$anchor": "addressDef", "type": "object", "properties": strings } },
            "properties": {
                "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" },
                "contactMethod": { "type": "string", "enum": ["phone", "email"] },
                "phone": { "type": "string" }, "email": { "type": "string" }
            },
            "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
            "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
            "then": { "required": ["phone"] }, "else": { "required": ["email"] }, "additionalProperties": false
        }),
    ));
    all.into_iter().filter_map(|tool| made(tool).ok()).collect()
}

/// Answers a call; `None` when the tool is not one of these.
pub(super) async fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<Answer<CallToolResponse>> {
    let name = request.name.strip_prefix("test_").unwrap_or(&request.name);
    if let Some(name) = name.strip_prefix("input_required_result_") {
        return Some(in_rounds(name, request, context));
    }
    let image = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
    let resource = |uri: &str, kind: &str, body: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": body } });
    let content = match name {
        "simple_text" => json!([text("This is a simple text response for testing.")]),
        "image_content" => json!([image]),
        "audio_content" => json!([{ "type": "audio", "data": SILENCE, "mimeType": "audio/wav" }]),
        "embedded_resource" => {
            json!([resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")])
        }
        "multiple_content_types" => {
            let data = resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#);
            json!([text("Multiple content types test:"), image, data])
        }
        "error_handling" => {
            let content = json!([text("This tool intentionally returns an error for testing")]);
            return Some(complete::<CallToolResult>(json!({ "content": content, "isError": true })).map(Into::into));
        }
        "missing_capability" if !can(context, "sampling") => {
            let data = json!({ "requiredCapabilities": { "sampling": {} } });
            let code = ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY;
            return Some(Err(ErrorData::new(code, "sampling is needed", Some(data))));
        }
        "custom_header"
        | "missing_capability"
        | "logging_tool"
        | "streaming_elicitation"
        | "json_schema_2020_12_tool" => json!([text("done")]),
        _ => return asking(name, request, context).await,
    };
    Some(complete::<CallToolResult>(json!({ "content": content })).map(Into::into))
}

/// Tools that talk to the client while they run.
async fn asking(
    name: &str,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<Answer<CallToolResponse>> {
    let argument =
        |name: &str| request.arguments.as_ref().and_then(|all| all.get(name)?.as_str()).unwrap_or("").to_owned();
    let said = match name {
        "tool_with_logging" => {
            for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                let log = json!({ "method": "notifications/message", "params": { "level": "info", "data": line } });
                tell(context, log).await;
            }
            Ok("logged".to_owned())
        }
        "tool_with_progress" => {
            if let Some(token) = context.meta.get_progress_token() {
                for progress in [0, 50, 100] {
                    let params = json!({ "progressToken": token, "progress": progress, "total": 100 });
                    tell(context, json!({ "method": "notifications/progress", "params": params })).await;
                }
            }
            Ok("done".to_owned())
        }
        "sampling" => ask(context, sample(&argument("prompt"))).await.map(|answer| format!("LLM response: {answer}")),
        "elicitation" => {
            let wanted = json!({ "username": { "type": "string" }, "email": { "type": "string" } });
            ask(context, elicit(&argument("message"), wanted)).await.map(|answer| format!("User response: {answer}"))
        }
        "elicitation_sep1034_defaults" => ask(context, elicit("Please fill in", defaults())).await,
        "elicitation_sep1330_enums" => ask(context, elicit("Please choose", enums())).await,
        _ => return None,
    };
    Some(said.and_then(|said| complete::<CallToolResult>(json!({ "content": [text(&said)] }))).map(Into::into))
}

async fn tell(context: &RequestContext<RoleServer>, notification: Value) {
    if let Ok(notification) = made::<ServerNotification>(notification) {
        // A client that went away hears nothing any more.
        let _ = context.peer.send_notification(notification).await;
    }
    tokio::time::sleep(PAUSE).await;
}

async fn ask(context: &RequestContext<RoleServer>, request: Value) -> Answer<String> {
    let request: ServerRequest = made(request)?;
    let answer = context.peer.send_request(request).await;
    let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(serde_json::to_value(answer).unwrap_or_default().to_string())
}

fn defaults() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true }
    })
}

fn enums() -> Value {
    let titled = json!([{ "const": "value1", "title": "First" }, { "const": "value2", "title": "Second" }, { "const": "value3", "title": "Third" }]);
    json!({
        "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": { "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"] },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled } }
    })
}

/// Tools that need several requests: the first answers with what the client has to bring.
fn in_rounds(
    name: &str,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Answer<CallToolResponse> {
    let brought = serde_json::to_value(&request.input_responses).unwrap_or_default();
    let has = |key: &str| brought.get(key).is_some();
    let state = request.request_state.as_deref();
    let done = |said: &str| complete::<CallToolResult>(json!({ "content": [text(said)] })).map(CallToolResponse::from);
    let question = |message: &str, key: &str| elicit(message, json!({ key: { "type": "string" } }));
    let name_wanted = || json!({ "user_name": question("What is your name?", "name") });
    if let Some(state) = state
        && !is_signed(state)
    {
        return Err(ErrorData::new(ErrorCode::INVALID_PARAMS, "the request state was changed", None));
    }
    match name {
        "elicitation" if has("user_name") => done(&format!("Hello, {}!", brought["user_name"]["content"]["name"])),
        "elicitation" => wanted(name_wanted(), None),
        "sampling" if has("capital_question") => done(&brought["capital_question"].to_string()),
        "sampling" => wanted(json!({ "capital_question": sample("What is the capital of France?") }), None),
        "list_roots" if has("client_roots") => done(&brought["client_roots"].to_string()),
        "list_roots" => wanted(json!({ "client_roots": roots() }), None),
        "request_state" | "tampered_state" if has("confirm") && state.is_some() => done("state-ok"),
        "request_state" | "tampered_state" => {
            let confirm = elicit("Please confirm", json!({ "ok": { "type": "boolean" } }));
            wanted(json!({ "confirm": confirm }), Some("confirm"))
        }
        "multiple_inputs" if ["user_name", "greeting", "client_roots"].iter().all(|key| has(key)) => done("all here"),
        "multiple_inputs" => {
            let mut all = name_wanted();
            all["greeting"] = sample("Generate a greeting");
            all["client_roots"] = roots();
            wanted(all, Some("multiple"))
        }
        "multi_round" if has("step2") => done("both steps are done"),
        "multi_round" if has("step1") => {
            wanted(json!({ "step2": question("Step 2: What is your favorite color?", "color") }), Some("second"))
        }
        "multi_round" => wanted(json!({ "step1": question("Step 1: What is your name?", "name") }), Some("first")),
        "capabilities" => {
            let mut asked = json!({});
            if can(context, "sampling") {
                asked["greeting"] = sample("Generate a greeting");
            }
            if can(context, "elicitation") {
                asked["user_name"] = question("What is your name?", "name");
            }
            wanted(asked, None)
        }
        _ => Err(ErrorData::invalid_params("unknown tool", None)),
    }
}

/// Whether the client declares a capability with this request.
fn can(context: &RequestContext<RoleServer>, capability: &str) -> bool {
    let meta = serde_json::to_value(&context.meta).unwrap_or_default();
    meta["io.modelcontextprotocol/clientCapabilities"].get(capability).is_some()
}

fn wanted<T: From<InputRequiredResult>>(requests: Value, state: Option<&str>) -> Answer<T> {
    let mut result = json!({ "resultType": "input_required", "inputRequests": requests });
    if let Some(state) = state {
        result["requestState"] = signed(state).into();
    }
    made::<InputRequiredResult>(result).map(T::from)
}

fn signed(state: &str) -> String {
    format!("{state}.{}", hex(&ContentHash::of_parts(&[b"a key for tests", state.as_bytes()]).0))
}

fn is_signed(state: &str) -> bool {
    state.rsplit_once('.').is_some_and(|(plain, _)| signed(plain) == state)
}

/// Reads a resource; `None` when it is not one of these.
pub(super) fn read(uri: &str) -> Option<Answer<ReadResourceResponse>> {
    let contents = match uri.strip_prefix("test://")? {
        "static-text" => {
            json!({ "uri": uri, "mimeType": "text/plain", "text": "This is the content of the static text resource." })
        }
        "static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": PIXEL }),
        "watched-resource" => json!({ "uri": uri, "mimeType": "text/plain", "text": "It does not change." }),
        path => {
            let id = path.strip_prefix("template/")?.strip_suffix("/data")?;
            let body = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            json!({ "uri": uri, "mimeType": "application/json", "text": body.to_string() })
        }
    };
    Some(complete::<ReadResourceResult>(json!({ "contents": [contents] })).map(Into::into))
}

/// The prompts.
pub(super) fn prompts() -> Vec<Prompt> {
    let argument = |name: &str| json!({ "name": name, "description": "For tests.", "required": true });
    let prompt =
        |name: &str, arguments: Value| json!({ "name": name, "description": "For tests.", "arguments": arguments });
    let all = [
        prompt("test_simple_prompt", json!([])),
        prompt("test_prompt_with_arguments", json!([argument("arg1"), argument("arg2")])),
        prompt("test_prompt_with_embedded_resource", json!([argument("resourceUri")])),
        prompt("test_prompt_with_image", json!([])),
        prompt("test_input_required_result_prompt", json!([])),
    ];
    all.into_iter().filter_map(|prompt| made(prompt).ok()).collect()
}

/// Gets a prompt; `None` when it is not one of these.
pub(super) fn prompt(request: &GetPromptRequestParams) -> Option<Answer<GetPromptResponse>> {
    let argument =
        |name: &str| request.arguments.as_ref().and_then(|all| all.get(name)?.as_str()).unwrap_or("").to_owned();
    let from_user = |content: Value| json!({ "role": "user", "content": content });
    let messages = match request.name.strip_prefix("test_")? {
        "simple_prompt" => json!([from_user(text("This is a simple prompt for testing."))]),
        "prompt_with_arguments" => {
            let (one, two) = (argument("arg1"), argument("arg2"));
            json!([from_user(text(&format!("Prompt with arguments: arg1='{one}', arg2='{two}'")))])
        }
        "prompt_with_embedded_resource" => {
            let resource = json!({ "uri": argument("resourceUri"), "mimeType": "text/plain", "text": "Embedded resource content for testing." });
            json!([
                from_user(json!({ "type": "resource", "resource": resource })),
                from_user(text("Please process the embedded resource above."))
            ])
        }
        "prompt_with_image" => json!([
            from_user(json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" })),
            from_user(text("Please analyze the image above."))
        ]),
        "input_required_result_prompt" if request.input_responses.is_some() => json!([from_user(text("Thank you."))]),
        "input_required_result_prompt" => {
            let question = elicit("What context should the prompt use?", json!({ "context": { "type": "string" } }));
            return Some(wanted(json!({ "user_context": question }), None));
        }
        _ => return None,
    };
    Some(complete::<GetPromptResult>(json!({ "messages": messages })).map(Into::into))
}
