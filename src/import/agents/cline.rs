//! Reads the tasks of Cline: of its CLI (`~/.cline/data/sessions/<session>/<session>.messages.json`), and of its extension
//! for VS Code and those made from it (`tasks/<task>/api_conversation_history.json`). Messages have the form of the
//! Messages API; without calls of tools in that form, they are marked text.

use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_content, add_prose, read_usage, set_result_role};

use crate::config::env;
use crate::disk;
use crate::domain::{Origin, PartKind, Role, Timestamp, json};
use crate::import::draft_builder::{ContentIds, DraftBuilder, array_field, first_time_field, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::whole_file::DocumentReader;
use crate::import::{Item, TranscriptFile};

pub(super) use super::places::extension_folders;

/// The importer of Cline's tasks.
pub(in crate::import) static CLINE: Importer = Importer {
    name: "cline",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Cline's tasks, from its CLI or its extension for VS Code",
        path: "File of a task, or folder with tasks at any depth [default: ~/.cline/data, and the extension's folder]",
        hint: "name the folder that holds Cline's tasks: ~/.cline/data, or globalStorage/saoudrizwan.claude-dev of VS Code",
    },
    default_folder: Some(|| env::user_home().map(|home| home.join(".cline/data"))),
    owns_file: |path| is_task(path) || is_cli_session(path),
    is_own_record: |value| value.get("sessionId").is_some() && value.get("origin").is_some() && has_messages(value),
    reader_version: 1,
    open: |transcript, _, options| {
        let (transcript, longest) = (transcript.clone(), options.longest);
        Ok(Box::new(DocumentReader { transcript, longest, convert: convert_task }))
    },
    special: SpecialRules {
        home_name: Some(".cline"),
        default_folders: Some(|| {
            let own = env::user_home().map(|home| home.join(".cline/data")).into_iter();
            own.filter(|folder| folder.is_dir()).chain(extension_folders("saoudrizwan.claude-dev")).collect()
        }),
        ..SpecialRules::NONE
    },
};

/// The importer of Roo Code's tasks, whose extension was made from Cline's.
pub(in crate::import) static ROO_CODE: Importer = Importer {
    name: "roo-code",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Roo Code's tasks from its extension for VS Code",
        path: "File of a task, or folder with tasks at any depth [default: the extension's folder]",
        hint: "name globalStorage/rooveterinaryinc.roo-cline of VS Code",
    },
    default_folder: Some(|| {
        let folder = || {
            env::application_folder().map(|folder| folder.join("Code/User/globalStorage/rooveterinaryinc.roo-cline"))
        };
        extension_folders("rooveterinaryinc.roo-cline").into_iter().next().or_else(folder)
    }),
    owns_file: is_task,
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, from, options| (CLINE.open)(transcript, from, options),
    special: SpecialRules {
        default_folders: Some(|| extension_folders("rooveterinaryinc.roo-cline")),
        ..SpecialRules::NONE
    },
};

/// Returns true for the messages of a task of an extension.
pub(super) fn is_task(path: &Path) -> bool {
    has_name(path, &["api_conversation_history.json"])
}

fn is_cli_session(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".messages.json"))
}

fn has_messages(value: &Value) -> bool {
    value.get("messages").is_some_and(Value::is_array)
}

/// Tags around the words of a person in a message of the extension.
const TYPED_TAGS: [&str; 5] = ["task", "feedback", "user_message", "answer", "new_task"];

/// Maximum bytes of the description of a session.
const MAX_DESCRIPTION_BYTES: u64 = 4 << 20;

/// Properties of a task that its messages share.
#[derive(Debug, Default)]
struct TaskFacts {
    session: String,
    started: Option<Timestamp>,
    folder: Option<String>,
    branch: Option<String>,
    title: Option<String>,
    parent: Option<String>,
}

fn convert_task(value: &Value, transcript: &TranscriptFile) -> Result<Vec<Item>, String> {
    let messages = match value {
        Value::Array(messages) => messages.as_slice(),
        other if has_messages(other) => array_field(other, "messages"),
        _ => return Err("no `messages`, skipped".to_owned()),
    };
    let facts = read_facts(value, messages, &transcript.path);
    let mut calls = CallNames::default();
    let mut ids = ContentIds::default();
    let mut items: Vec<Item> = messages
        .iter()
        .enumerate()
        .map(|(place, message)| convert_message(message, place as u64 + 1, &facts, &mut calls, &mut ids))
        .collect();
    items.extend(facts.title.iter().map(|title| Item::generated_title(&facts.session, title)));
    Ok(items)
}

fn read_facts(value: &Value, messages: &[Value], path: &Path) -> TaskFacts {
    if is_task(path) {
        let folder = path.parent().unwrap_or(Path::new(""));
        let session = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let about = read_description(&folder.join("history_item.json")).unwrap_or_default();
        return TaskFacts {
            // The name of a task is the time of its start, or an id.
            started: first_time_field(&about, &["ts"])
                .or_else(|| crate::import::draft_builder::parse_time(Some(&Value::from(session.as_str())))),
            folder: text_field(&about, "workspace").map(str::to_owned).or_else(|| find_workspace(messages)),
            parent: text_field(&about, "parentTaskId").map(str::to_owned),
            session,
            ..TaskFacts::default()
        };
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".messages.json").unwrap_or(&name);
    let about = read_description(&path.with_file_name(format!("{stem}.json"))).unwrap_or_default();
    let owned = |pointer: &str| about.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let session = text_field(value, "sessionId").unwrap_or(stem).to_owned();
    let parent = value.pointer("/origin/parentSessionId").and_then(Value::as_str).or(owned("/parent_session_id"));
    TaskFacts {
        session,
        started: first_time_field(&about, &["started_at"]),
        folder: owned("/cwd").or(owned("/workspace_root")).map(str::to_owned),
        branch: owned("/metadata/git/branch").map(str::to_owned),
        title: owned("/metadata/title").map(str::to_owned),
        parent: parent.map(str::to_owned),
    }
}

fn read_description(path: &Path) -> Option<Value> {
    let bytes = disk::read_foreign_file(path, MAX_DESCRIPTION_BYTES).ok()?;
    json::parse_partial(&bytes).ok().map(|(value, _)| value)
}

/// Finds the folder of a task in what the client tells the model about the environment.
fn find_workspace(messages: &[Value]) -> Option<String> {
    const HEADINGS: [&str; 3] =
        ["# Current Workspace Directory (", "# Current Working Directory (", "# Current Workspace Directory: ("];
    messages.iter().take(4).find_map(|message| {
        let text = crate::import::content::content_text(message.get("content")?);
        let (_, rest) = HEADINGS.iter().find_map(|heading| text.split_once(heading))?;
        rest.split_once(')').map(|(folder, _)| folder.to_owned())
    })
}

fn convert_message(message: &Value, line: u64, facts: &TaskFacts, calls: &mut CallNames, ids: &mut ContentIds) -> Item {
    let is_answer = text_field(message, "role") == Some("assistant");
    let role = if is_answer { Role::Assistant } else { Role::User };
    let content = message.get("content").unwrap_or(&Value::Null);
    let own = text_field(message, "id").map(str::to_owned);
    let id = own.unwrap_or_else(|| ids.next_id(&[if is_answer { "assistant" } else { "user" }, &content.to_string()]));
    let mut builder = DraftBuilder::new(&facts.session, &id, role, first_time_field(message, &["ts"]), line);
    builder.set_neighbor_time(facts.started);
    let draft = builder.draft_mut();
    draft.cwd.clone_from(&facts.folder);
    draft.git_branch.clone_from(&facts.branch);
    draft.parent_session.clone_from(&facts.parent);
    if is_answer {
        draft.model = message.pointer("/modelInfo/id").and_then(Value::as_str).map(str::to_owned);
        let names = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"];
        draft.usage = message.get("metrics").and_then(|metrics| read_usage(metrics, names, true));
        if let Some(reasoning) = text_field(message, "reasoning_content") {
            builder.add_part(PartKind::Thinking, Origin::Model, reasoning, None);
        }
        add_content(&mut builder, content, ContentAuthor::Model, calls);
        return builder.finish();
    }
    if message.get("isSummary") == Some(&Value::Bool(true)) {
        let text = crate::import::content::content_text(content);
        builder.add_part(PartKind::Summary, Origin::Client, &text, None);
        return builder.finish();
    }
    // The prompt of a sub-task is written by the model that started it.
    let author = if facts.parent.is_some() { ContentAuthor::Model } else { ContentAuthor::Person };
    let results = add_user_blocks(&mut builder, content, author, calls);
    set_result_role(&mut builder, results);
    builder.finish()
}

/// Adds the blocks of a user message. Returns true if it holds the result of a call.
fn add_user_blocks(builder: &mut DraftBuilder, content: &Value, author: ContentAuthor, calls: &mut CallNames) -> bool {
    let blocks = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice);
    let mut results = false;
    // Text that follows the heading of a result is the result.
    let mut pending: Option<String> = None;
    for block in blocks {
        let text = block.as_str().or_else(|| text_field(block, "text"));
        let Some(text) = text.filter(|_| block.is_string() || text_field(block, "type") == Some("text")) else {
            results |= add_content(builder, block, author, calls);
            continue;
        };
        if let Some((tool, rest)) = split_result_heading(text) {
            results = true;
            pending = rest.is_empty().then(|| tool.to_owned());
            add_result_text(builder, tool, rest, author);
        } else if let Some(tool) = pending.take().filter(|_| !text.trim_start().starts_with("<environment_details>")) {
            add_result_text(builder, &tool, text, author);
        } else {
            add_marked_prose(builder, text, author);
        }
    }
    results
}

/// Splits the heading of a result, `[execute_command for 'ls'] Result:`, from its text.
fn split_result_heading(text: &str) -> Option<(&str, &str)> {
    let (heading, rest) = text.strip_prefix('[')?.split_once("] Result:")?;
    let tool = heading.split_whitespace().next()?;
    (!heading.contains('\n')).then(|| (tool, rest.trim()))
}

/// Adds the text of a result. The reason with which a person refuses a call is typed.
fn add_result_text(builder: &mut DraftBuilder, tool: &str, text: &str, author: ContentAuthor) {
    let (before, typed, after) = split_typed(text).filter(|(before, ..)| !before.is_empty()).unwrap_or((text, "", ""));
    builder.add_result(Some(tool), before);
    add_prose(builder, author, typed);
    builder.add_result(Some(tool), after);
}

/// Adds text in which the words of a person are marked with a tag.
fn add_marked_prose(builder: &mut DraftBuilder, text: &str, author: ContentAuthor) {
    match split_typed(text) {
        Some((before, typed, after)) => {
            add_prose(builder, ContentAuthor::Client, before);
            add_prose(builder, author, typed);
            add_prose(builder, ContentAuthor::Client, after);
        }
        None => add_prose(builder, author, text),
    }
}

/// Returns the text before, inside and after the first tag of typed words.
fn split_typed(text: &str) -> Option<(&str, &str, &str)> {
    TYPED_TAGS.iter().find_map(|tag| {
        let (before, rest) = text.split_once(&format!("<{tag}>"))?;
        let (typed, after) = rest.split_once(&format!("</{tag}>"))?;
        Some((before.trim(), typed.trim(), after.trim()))
    })
}
