//! Reads the chats of VS Code (Copilot Chat): `workspaceStorage/<workspace>/chatSessions/<session>.json`, and newer
//! `.jsonl`, a log of changes to that object which is replayed first ([`super::mutation_log`]).

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::blocks::{parse_arguments, result_text};
use super::mutation_log::replay_log;
use super::places::{editor_folders, path_of_uri, workspace_folder};
use crate::domain::{Origin, PartKind, Role, Timestamp};
use crate::import::content::{content_text, readable_strings};
use crate::import::draft_builder::{DraftBuilder, array_field, first_time_field, parse_time, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use crate::import::whole_file::{DocumentReader, read_items};
use crate::import::{
    BadRecord, Item, Position, ReadEnd, RecordStream, SessionRef, SessionTitle, TitleRank, TranscriptFile,
};

/// The importer of VS Code's chats.
pub(in crate::import) static VSCODE_CHAT: Importer = Importer {
    name: "vscode-chat",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import the chats of VS Code (Copilot Chat)",
        path: "Chat, or folder with chats at any depth [default: the User folder of VS Code]",
        hint: "name VS Code's User folder, which has workspaceStorage and globalStorage",
    },
    default_folder: Some(|| chat_folders().into_iter().next().or_else(|| user_folders().into_iter().next())),
    owns_file: is_chat,
    is_own_record: |value| value.get("requesterUsername").is_some() && value.get("requests").is_some(),
    reader_version: 1,
    open: |transcript, _, options| {
        let (transcript, longest) = (transcript.clone(), options.longest);
        if transcript.path.extension().is_some_and(|kind| kind == "jsonl") {
            return Ok(Box::new(ChatLog { transcript, longest }));
        }
        Ok(Box::new(DocumentReader { transcript, longest, convert: convert_chat }))
    },
    special: SpecialRules { default_folders: Some(chat_folders), ..SpecialRules::NONE },
};

fn user_folders() -> Vec<PathBuf> {
    editor_folders(&["Code", "Code - Insiders", "VSCodium"])
}

/// Returns the folders of all workspaces that exist.
fn chat_folders() -> Vec<PathBuf> {
    let places = user_folders()
        .into_iter()
        .flat_map(|user| [user.join("workspaceStorage"), user.join("globalStorage/emptyWindowChatSessions")]);
    places.filter(|folder| folder.is_dir()).collect()
}

fn is_chat(path: &Path) -> bool {
    let is_json = path.extension().is_some_and(|kind| kind == "json" || kind == "jsonl");
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    is_json && (folder == "chatSessions" || folder == "emptyWindowChatSessions")
}

/// Reader of a log of changes.
#[derive(Debug)]
struct ChatLog {
    transcript: TranscriptFile,
    longest: usize,
}

impl RecordStream for ChatLog {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let read = |bytes: &[u8], bad: &dyn Fn(String) -> BadRecord| {
            let log = replay_log(bytes);
            let at = |(line, why): (u64, String)| Item::Warning(BadRecord { line, ..bad(why) });
            let mut items: Vec<Item> = log.damaged.into_iter().map(at).collect();
            match convert_chat(&log.object, &self.transcript) {
                Ok(read) => items.extend(read),
                Err(why) => items.push(Item::Bad(bad(why))),
            }
            items
        };
        read_items(&self.transcript, self.longest, read, tell)
    }
}

fn convert_chat(value: &Value, transcript: &TranscriptFile) -> Result<Vec<Item>, String> {
    let requests = value.get("requests").and_then(Value::as_array).ok_or("no `requests`, skipped")?;
    let stem = transcript.path.file_stem().unwrap_or_default().to_string_lossy();
    let session = text_field(value, "sessionId").unwrap_or(&stem);
    let own_folder = text_field(value, "workingDirectory").map(path_of_uri);
    let chat = ChatFacts {
        session,
        folder: own_folder.or_else(|| transcript.path.ancestors().nth(2).and_then(workspace_folder)),
        started: first_time_field(value, &["creationDate"]),
    };
    let mut items = Vec::new();
    for (place, request) in requests.iter().enumerate() {
        let line = place as u64 + 1;
        let id = text_field(request, "requestId").map_or_else(|| place.to_string(), str::to_owned);
        items.push(chat.build_prompt(&id, request, line));
        items.push(chat.build_answer(&id, request, line));
    }
    items.extend(text_field(value, "customTitle").map(|title| {
        let session = SessionRef::Id(session.to_owned());
        Item::Title(SessionTitle { session, title: title.to_owned(), rank: TitleRank::Generated })
    }));
    if items.is_empty() {
        items.push(Item::Bookkeeping("chat without requests".into()));
    }
    Ok(items)
}

/// Properties that the messages of a chat share.
struct ChatFacts<'a> {
    session: &'a str,
    folder: Option<String>,
    started: Option<Timestamp>,
}

impl ChatFacts<'_> {
    fn start_message(&self, id: &str, request: &Value, role: Role, line: u64) -> DraftBuilder {
        let at = parse_time(request.get("timestamp"));
        let mut builder = DraftBuilder::new(self.session, id, role, at, line);
        builder.set_neighbor_time(self.started);
        builder.draft_mut().cwd.clone_from(&self.folder);
        builder
    }

    fn build_prompt(&self, id: &str, request: &Value, line: u64) -> Item {
        let mut builder = self.start_message(id, request, Role::User, line);
        let message = request.get("message").unwrap_or(&Value::Null);
        let text = message.as_str().or_else(|| text_field(message, "text")).unwrap_or("");
        let is = |name: &str| request.get(name).is_some_and(|value| value == true || value.is_string());
        if is("isSystemInitiated") || is("confirmation") {
            builder.add_part(PartKind::Meta, Origin::Client, text, None);
        } else {
            builder.add_prompt(text);
        }
        for variable in request.pointer("/variableData/variables").and_then(Value::as_array).into_iter().flatten() {
            let name = text_field(variable, "name").unwrap_or("");
            builder.add_part(PartKind::Meta, Origin::Client, name, None);
        }
        builder.finish()
    }

    fn build_answer(&self, id: &str, request: &Value, line: u64) -> Item {
        let mut builder = self.start_message(&format!("{id}/answer"), request, Role::Assistant, line);
        builder.draft_mut().model = text_field(request, "modelId").map(str::to_owned);
        let rounds = request.pointer("/result/metadata/toolCallRounds").and_then(Value::as_array);
        let rounds = rounds.map_or(&[][..], Vec::as_slice);
        let results = request.pointer("/result/metadata/toolCallResults").unwrap_or(&Value::Null);
        let mut answer = AnswerParts { builder: &mut builder, prose: String::new(), rounds, results };
        array_field(request, "response").iter().for_each(|part| answer.add_part(part));
        answer.flush_prose();
        if let Some(error) = request.pointer("/result/errorDetails/message").and_then(Value::as_str) {
            builder.add_part(PartKind::Meta, Origin::Client, error, None);
        }
        builder.finish()
    }
}

/// Parts of an answer while they are read. Prose comes in pieces, with references to files between them.
struct AnswerParts<'a> {
    builder: &'a mut DraftBuilder,
    prose: String,
    /// Calls as the model made them, and their results by id.
    rounds: &'a [Value],
    results: &'a Value,
}

impl AnswerParts<'_> {
    fn flush_prose(&mut self) {
        let prose = std::mem::take(&mut self.prose);
        self.builder.add_part(PartKind::Text, Origin::Model, &prose, None);
    }

    fn add_part(&mut self, part: &Value) {
        match text_field(part, "kind") {
            None | Some("markdownContent" | "markdownVuln") => {
                let content = part.get("content").or_else(|| part.get("value")).unwrap_or(part);
                self.prose.push_str(markdown(content));
            }
            Some("inlineReference") => {
                let reference = part.get("inlineReference").unwrap_or(&Value::Null);
                let place = reference.get("location").and_then(|location| location.get("uri")).unwrap_or(reference);
                let path = ["fsPath", "path"].iter().find_map(|name| text_field(place, name)).unwrap_or("");
                self.prose.push_str(text_field(part, "name").unwrap_or(path));
            }
            Some("thinking") => {
                self.flush_prose();
                let text = part.get("value").map(content_text).unwrap_or_default();
                self.builder.add_part(PartKind::Thinking, Origin::Model, &text, None);
            }
            Some("toolInvocationSerialized" | "toolInvocation") => {
                self.flush_prose();
                self.add_call(part);
            }
            Some("textEditGroup" | "notebookEditGroup") => {
                let uri = part.get("uri").unwrap_or(&Value::Null);
                let path = ["fsPath", "path"].iter().find_map(|name| text_field(uri, name));
                self.builder.draft_mut().files.extend(path.map(str::to_owned));
            }
            Some(kind) if is_decoration(kind) => {}
            Some(_) => self.builder.add_part(PartKind::Meta, Origin::Client, &readable_strings(part), None),
        }
    }

    fn add_call(&mut self, part: &Value) {
        let id = text_field(part, "toolCallId");
        let made = self.rounds.iter().flat_map(|round| array_field(round, "toolCalls"));
        let made = made.into_iter().find(|call| id.is_some() && text_field(call, "id") == id);
        let tool = made.and_then(|call| text_field(call, "name")).or_else(|| text_field(part, "toolId"));
        let tool = tool.unwrap_or("tool");
        let command = part.pointer("/toolSpecificData/commandLine/original").and_then(Value::as_str);
        let shown = ["pastTenseMessage", "invocationMessage"].iter().find_map(|name| part.get(*name)).map(markdown);
        match made.and_then(|call| call.get("arguments")) {
            Some(arguments) => self.builder.add_call(tool, &parse_arguments(arguments)),
            None => self.builder.add_call(tool, &Value::from(command.or(shown).unwrap_or(""))),
        }
        let terminal = part.pointer("/toolSpecificData/terminalCommandOutput/text").map(content_text);
        let details = part.pointer("/resultDetails/output").map(details_text);
        let result = id.and_then(|id| self.results.get(id)).and_then(|result| result.get("content"));
        let texts = [result.map(details_text), details, terminal];
        let text = texts.into_iter().flatten().max_by_key(String::len).unwrap_or_default();
        self.builder.add_result(Some(tool), &text);
    }
}

/// Returns true for parts of an answer that say nothing.
fn is_decoration(kind: &str) -> bool {
    ["codeblockUri", "undoStop", "progressMessage", "progressTaskSerialized", "prepareToolInvocation"].contains(&kind)
        || ["mcpServersStarting", "confirmation", "elicitation", "command", "treeData"].contains(&kind)
}

/// Returns a string of Markdown, which may be an object with it.
fn markdown(value: &Value) -> &str {
    value.as_str().or_else(|| text_field(value, "value")).unwrap_or("")
}

/// Returns the text of the output of a tool: blocks with a value, which may be a string.
fn details_text(output: &Value) -> String {
    let of_one = |one: &Value| match one.get("value") {
        Some(Value::String(text)) => text.clone(),
        // A prompt element, as a tree.
        Some(tree) => readable_strings(tree),
        None => result_text(one),
    };
    match output {
        Value::Array(list) => list.iter().map(of_one).collect::<Vec<_>>().join("\n"),
        Value::String(text) => text.clone(),
        one => of_one(one),
    }
}
