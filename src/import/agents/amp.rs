//! Reads Amp's threads: files of older versions (`~/.local/share/amp/threads/T-….json`), and what `amp threads export`
//! prints. Newer versions keep threads on a server.

use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_content, read_usage, set_result_role};
use super::places::path_of_uri;
use crate::config::env;
use crate::domain::Role;
use crate::import::draft_builder::{
    DraftBuilder, array_field, first_field, first_label, first_time_field, parse_time, text_field,
};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use crate::import::whole_file::DocumentReader;
use crate::import::{Item, TranscriptFile};

/// The importer of Amp's threads.
pub(in crate::import) static AMP: Importer = Importer {
    name: "amp",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Amp's threads, from its files or exported",
        path: "Thread, or folder with threads [default: ~/.local/share/amp/threads]",
        hint: "name a file that `amp threads export` made, or the folder ~/.local/share/amp/threads",
    },
    default_folder: Some(|| env::xdg_data_folder().map(|folder| folder.join("amp/threads"))),
    owns_file: is_thread,
    is_own_record: |value| {
        text_field(value, "id").is_some_and(|id| id.starts_with("T-")) && value.get("messages").is_some()
    },
    reader_version: 1,
    open: |transcript, _, options| {
        let (transcript, longest) = (transcript.clone(), options.longest);
        Ok(Box::new(DocumentReader { transcript, longest, convert: convert_thread }))
    },
    special: SpecialRules::NONE,
};

fn is_thread(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("T-") && path.extension().is_some_and(|kind| kind == "json")
}

fn convert_thread(value: &Value, transcript: &TranscriptFile) -> Result<Vec<Item>, String> {
    let messages = value.get("messages").and_then(Value::as_array).ok_or("no `messages`, skipped")?;
    let stem = transcript.path.file_stem().unwrap_or_default().to_string_lossy();
    let session = text_field(value, "id").unwrap_or(&stem);
    let started = first_time_field(value, &["created", "createdAt"]);
    let tree = value.pointer("/env/initial/trees/0").unwrap_or(&Value::Null);
    let folder = text_field(tree, "uri").map(path_of_uri);
    let branch = tree.pointer("/repository/ref").and_then(Value::as_str);
    let branch = branch.map(|branch| branch.strip_prefix("refs/heads/").unwrap_or(branch).to_owned());
    let mut calls = CallNames::default();
    let mut items = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let is_answer = text_field(message, "role") == Some("assistant");
        let role = if is_answer { Role::Assistant } else { Role::User };
        let id = first_label(message, &["messageId", "id"]).unwrap_or_else(|| place.to_string());
        let usage = message.get("usage").unwrap_or(&Value::Null);
        let at = message.pointer("/meta/sentAt").and_then(|at| parse_time(Some(at)));
        let at = at.or_else(|| first_time_field(usage, &["timestamp"]));
        let mut builder = DraftBuilder::new(session, &id, role, at, place as u64 + 1);
        builder.set_neighbor_time(started);
        let draft = builder.draft_mut();
        draft.cwd.clone_from(&folder);
        draft.git_branch.clone_from(&branch);
        if is_answer {
            draft.model = text_field(usage, "model").map(str::to_owned);
            let names = ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"];
            draft.usage = read_usage(usage, names, false);
        }
        let author = if is_answer { ContentAuthor::Model } else { ContentAuthor::Person };
        let content = message.get("content").unwrap_or(&Value::Null);
        let results = add_content(&mut builder, content, author, &mut calls);
        set_result_role(&mut builder, results && !is_answer);
        for run in array_field(message, "content").iter().filter_map(|block| block.pointer("/run/trackFiles")) {
            let files = run.as_array().into_iter().flatten().filter_map(Value::as_str).map(path_of_uri);
            builder.draft_mut().files.extend(files);
        }
        items.push(builder.finish());
    }
    items.extend(first_field(value, &["title"]).map(|title| Item::generated_title(session, title)));
    Ok(items)
}
