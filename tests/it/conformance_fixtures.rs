//! A server for the official conformance suite: ours, and before it the tools, resources and prompts with fixed names that the
//! suite calls, so that every check of the transport runs against our server.

use std::time::Duration;

use claude_memory::testing::domain::ContentHash;
use claude_memory::testing::domain::hash::to_hex;
use claude_memory::testing::mcp::Server;
use rmcp::model::{
    self, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, InputRequiredResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, Prompt,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerConfig, ServerNotification,
    ServerRequest, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// PNG of one red pixel, and a WAV file without samples.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
const PAUSE: Duration = Duration::from_millis(50);

/// Our server behind the fixtures.
#[derive(Clone)]
pub(crate) struct FixtureServer(pub(crate) Server);

#[expect(deprecated, reason = "older revisions have it")]
impl ServerHandler for FixtureServer {
    fn get_info(&self) -> ServerConfig {
        let mut info = self.0.get_info();
        // Older revisions have them.
        info.capabilities.logging = Some(serde_json::Map::new());
        if let Some(resources) = &mut info.capabilities.resources {
            resources.subscribe = Some(true);
        }
        info
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<ListToolsResult> {
        let mut listed = self.0.list_tools(request, context).await?;
        listed.tools.extend(fixture_tools());
        Ok(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<CallToolResponse> {
        match call_fixture(&request, &context).await {
            Some(answer) => answer,
            None => self.0.call_tool(request, context).await,
        }
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<ListPromptsResult> {
        let mut listed = self.0.list_prompts(request, context).await?;
        listed.prompts.extend(fixture_prompts());
        Ok(listed)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<GetPromptResponse> {
        match render_fixture_prompt(&request) {
            Some(answer) => answer,
            None => self.0.get_prompt(request, context).await,
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<ListResourcesResult> {
        self.0.list_resources(request, context).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<ListResourceTemplatesResult> {
        self.0.list_resource_templates(request, context).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<ReadResourceResponse> {
        match read_fixture(&request.uri) {
            Some(answer) => answer,
            None => self.0.read_resource(request, context).await,
        }
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<CompleteResult> {
        self.0.complete(request, context).await
    }

    async fn set_level(&self, _: model::SetLevelRequestParams, _: RequestContext<RoleServer>) -> FixtureResult<()> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &model::SubscriptionFilter) -> Option<model::SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn subscribe(&self, _: model::SubscribeRequestParams, _: RequestContext<RoleServer>) -> FixtureResult<()> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _: model::UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> FixtureResult<()> {
        Ok(())
    }

    async fn on_custom_request(
        &self,
        request: model::CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> FixtureResult<model::CustomResult> {
        self.0.on_custom_request(request, context).await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let fixture = fixture_tools().into_iter().find(|tool| tool.name == name);
        fixture.or_else(|| self.0.get_tool(name))
    }
}

type FixtureResult<T> = Result<T, ErrorData>;

/// Builds a complete result from JSON. rmcp removes `resultType` for older clients.
fn complete_result<T: DeserializeOwned>(mut value: Value) -> FixtureResult<T> {
    value["resultType"] = "complete".into();
    parse_value(value)
}

/// Deserializes a protocol type from JSON.
fn parse_value<T: DeserializeOwned>(value: Value) -> FixtureResult<T> {
    serde_json::from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn text_content(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn elicit_request(message: &str, properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().map(|all| all.keys().collect()).unwrap_or_default();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "method": "elicitation/create", "params": { "message": message, "requestedSchema": schema } })
}

fn sampling_request(prompt: &str) -> Value {
    let message = json!({ "role": "user", "content": text_content(prompt) });
    json!({ "method": "sampling/createMessage", "params": { "messages": [message], "maxTokens": 100 } })
}

fn roots_request() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

/// Returns the definitions of the suite's tools.
fn fixture_tools() -> Vec<Tool> {
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
    all.into_iter().filter_map(|tool| parse_value(tool).ok()).collect()
}

/// Answers a call; `None` if the tool is not a fixture.
async fn call_fixture(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<FixtureResult<CallToolResponse>> {
    let name = request.name.strip_prefix("test_").unwrap_or(&request.name);
    if let Some(name) = name.strip_prefix("input_required_result_") {
        return Some(call_multi_round(name, request, context));
    }
    let image = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
    let resource = |uri: &str, kind: &str, body: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": body } });
    let content = match name {
        "simple_text" => json!([text_content("This is a simple text response for testing.")]),
        "image_content" => json!([image]),
        "audio_content" => json!([{ "type": "audio", "data": SILENCE, "mimeType": "audio/wav" }]),
        "embedded_resource" => {
            json!([resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")])
        }
        "multiple_content_types" => {
            let data = resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#);
            json!([text_content("Multiple content types test:"), image, data])
        }
        "error_handling" => {
            let content = json!([text_content("This tool intentionally returns an error for testing")]);
            return Some(
                complete_result::<CallToolResult>(json!({ "content": content, "isError": true })).map(Into::into),
            );
        }
        "missing_capability" if !has_capability(context, "sampling") => {
            let data = json!({ "requiredCapabilities": { "sampling": {} } });
            let code = ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY;
            return Some(Err(ErrorData::new(code, "sampling is needed", Some(data))));
        }
        "custom_header"
        | "missing_capability"
        | "logging_tool"
        | "streaming_elicitation"
        | "json_schema_2020_12_tool" => json!([text_content("done")]),
        _ => return call_interactive(name, request, context).await,
    };
    Some(complete_result::<CallToolResult>(json!({ "content": content })).map(Into::into))
}

/// Answers tools that send notifications or requests to the client while they run.
async fn call_interactive(
    name: &str,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<FixtureResult<CallToolResponse>> {
    let argument =
        |name: &str| request.arguments.as_ref().and_then(|all| all.get(name)?.as_str()).unwrap_or("").to_owned();
    let said = match name {
        "tool_with_logging" => {
            for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                let log = json!({ "method": "notifications/message", "params": { "level": "info", "data": line } });
                send_notification_json(context, log).await;
            }
            Ok("logged".to_owned())
        }
        "tool_with_progress" => {
            if let Some(token) = context.meta.get_progress_token() {
                for progress in [0, 50, 100] {
                    let params = json!({ "progressToken": token, "progress": progress, "total": 100 });
                    send_notification_json(context, json!({ "method": "notifications/progress", "params": params }))
                        .await;
                }
            }
            Ok("done".to_owned())
        }
        "sampling" => send_request_json(context, sampling_request(&argument("prompt")))
            .await
            .map(|answer| format!("LLM response: {answer}")),
        "elicitation" => {
            let wanted = json!({ "username": { "type": "string" }, "email": { "type": "string" } });
            send_request_json(context, elicit_request(&argument("message"), wanted))
                .await
                .map(|answer| format!("User response: {answer}"))
        }
        "elicitation_sep1034_defaults" => {
            send_request_json(context, elicit_request("Please fill in", default_fields())).await
        }
        "elicitation_sep1330_enums" => send_request_json(context, elicit_request("Please choose", enum_fields())).await,
        _ => return None,
    };
    Some(
        said.and_then(|said| complete_result::<CallToolResult>(json!({ "content": [text_content(&said)] })))
            .map(Into::into),
    )
}

async fn send_notification_json(context: &RequestContext<RoleServer>, notification: Value) {
    if let Ok(notification) = parse_value::<ServerNotification>(notification) {
        // The client may have disconnected.
        let _ = context.peer.send_notification(notification).await;
    }
    tokio::time::sleep(PAUSE).await;
}

async fn send_request_json(context: &RequestContext<RoleServer>, request: Value) -> FixtureResult<String> {
    let request: ServerRequest = parse_value(request)?;
    let answer = context.peer.send_request(request).await;
    let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(serde_json::to_value(answer).unwrap_or_default().to_string())
}

fn default_fields() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true }
    })
}

fn enum_fields() -> Value {
    let titled = json!([{ "const": "value1", "title": "First" }, { "const": "value2", "title": "Second" }, { "const": "value3", "title": "Third" }]);
    json!({
        "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": { "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"] },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled } }
    })
}

/// Answers tools that need several rounds: the first result lists the inputs that the client has to send.
fn call_multi_round(
    name: &str,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> FixtureResult<CallToolResponse> {
    let brought = serde_json::to_value(&request.input_responses).unwrap_or_default();
    let has = |key: &str| brought.get(key).is_some();
    let state = request.request_state.as_deref();
    let done = |said: &str| {
        complete_result::<CallToolResult>(json!({ "content": [text_content(said)] })).map(CallToolResponse::from)
    };
    let question = |message: &str, key: &str| elicit_request(message, json!({ key: { "type": "string" } }));
    let name_wanted = || json!({ "user_name": question("What is your name?", "name") });
    if let Some(state) = state
        && !is_signed(state)
    {
        return Err(ErrorData::new(ErrorCode::INVALID_PARAMS, "the request state was changed", None));
    }
    match name {
        "elicitation" if has("user_name") => done(&format!("Hello, {}!", brought["user_name"]["content"]["name"])),
        "elicitation" => require_input(name_wanted(), None),
        "sampling" if has("capital_question") => done(&brought["capital_question"].to_string()),
        "sampling" => {
            require_input(json!({ "capital_question": sampling_request("What is the capital of France?") }), None)
        }
        "list_roots" if has("client_roots") => done(&brought["client_roots"].to_string()),
        "list_roots" => require_input(json!({ "client_roots": roots_request() }), None),
        "request_state" | "tampered_state" if has("confirm") && state.is_some() => done("state-ok"),
        "request_state" | "tampered_state" => {
            let confirm = elicit_request("Please confirm", json!({ "ok": { "type": "boolean" } }));
            require_input(json!({ "confirm": confirm }), Some("confirm"))
        }
        "multiple_inputs" if ["user_name", "greeting", "client_roots"].iter().all(|key| has(key)) => done("all here"),
        "multiple_inputs" => {
            let mut all = name_wanted();
            all["greeting"] = sampling_request("Generate a greeting");
            all["client_roots"] = roots_request();
            require_input(all, Some("multiple"))
        }
        "multi_round" if has("step2") => done("both steps are done"),
        "multi_round" if has("step1") => {
            require_input(json!({ "step2": question("Step 2: What is your favorite color?", "color") }), Some("second"))
        }
        "multi_round" => {
            require_input(json!({ "step1": question("Step 1: What is your name?", "name") }), Some("first"))
        }
        "capabilities" => {
            let mut asked = json!({});
            if has_capability(context, "sampling") {
                asked["greeting"] = sampling_request("Generate a greeting");
            }
            if has_capability(context, "elicitation") {
                asked["user_name"] = question("What is your name?", "name");
            }
            require_input(asked, None)
        }
        _ => Err(ErrorData::invalid_params("unknown tool", None)),
    }
}

/// Returns true if the client declares a capability with this request.
fn has_capability(context: &RequestContext<RoleServer>, capability: &str) -> bool {
    let meta = serde_json::to_value(&context.meta).unwrap_or_default();
    meta["io.modelcontextprotocol/clientCapabilities"].get(capability).is_some()
}

fn require_input<T: From<InputRequiredResult>>(requests: Value, state: Option<&str>) -> FixtureResult<T> {
    let mut result = json!({ "resultType": "input_required", "inputRequests": requests });
    if let Some(state) = state {
        result["requestState"] = sign_state(state).into();
    }
    parse_value::<InputRequiredResult>(result).map(T::from)
}

fn sign_state(state: &str) -> String {
    format!("{state}.{}", to_hex(&ContentHash::of_parts(&[b"a key for tests", state.as_bytes()]).0))
}

fn is_signed(state: &str) -> bool {
    state.rsplit_once('.').is_some_and(|(plain, _)| sign_state(plain) == state)
}

/// Reads a resource; `None` if it is not a fixture.
fn read_fixture(uri: &str) -> Option<FixtureResult<ReadResourceResponse>> {
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
    Some(complete_result::<ReadResourceResult>(json!({ "contents": [contents] })).map(Into::into))
}

/// Returns the definitions of the suite's prompts.
fn fixture_prompts() -> Vec<Prompt> {
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
    all.into_iter().filter_map(|prompt| parse_value(prompt).ok()).collect()
}

/// Renders a prompt; `None` if it is not a fixture.
fn render_fixture_prompt(request: &GetPromptRequestParams) -> Option<FixtureResult<GetPromptResponse>> {
    let argument =
        |name: &str| request.arguments.as_ref().and_then(|all| all.get(name)?.as_str()).unwrap_or("").to_owned();
    let from_user = |content: Value| json!({ "role": "user", "content": content });
    let messages = match request.name.strip_prefix("test_")? {
        "simple_prompt" => json!([from_user(text_content("This is a simple prompt for testing."))]),
        "prompt_with_arguments" => {
            let (one, two) = (argument("arg1"), argument("arg2"));
            json!([from_user(text_content(&format!("Prompt with arguments: arg1='{one}', arg2='{two}'")))])
        }
        "prompt_with_embedded_resource" => {
            let resource = json!({ "uri": argument("resourceUri"), "mimeType": "text/plain", "text": "Embedded resource content for testing." });
            json!([
                from_user(json!({ "type": "resource", "resource": resource })),
                from_user(text_content("Please process the embedded resource above."))
            ])
        }
        "prompt_with_image" => json!([
            from_user(json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" })),
            from_user(text_content("Please analyze the image above."))
        ]),
        "input_required_result_prompt" if request.input_responses.is_some() => {
            json!([from_user(text_content("Thank you."))])
        }
        "input_required_result_prompt" => {
            let question =
                elicit_request("What context should the prompt use?", json!({ "context": { "type": "string" } }));
            return Some(require_input(json!({ "user_context": question }), None));
        }
        _ => return None,
    };
    Some(complete_result::<GetPromptResult>(json!({ "messages": messages })).map(Into::into))
}
