//! Reads droid's transcripts: `~/.factory/sessions/<slug>/<session>.jsonl`, messages in the form of the Messages API.

use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_content, keep_unknown, set_result_role};
use crate::config::env;
use crate::domain::{Origin, PartKind, Role};
use crate::import::draft_builder::{ContentIds, DraftBuilder, first_field, parse_time, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use crate::import::jsonl::{JsonlReader, RecordConverter};
use crate::import::{Item, SessionRef, SessionTitle, TitleRank};

/// The importer of droid's transcripts.
pub(in crate::import) static DROID: Importer = Importer {
    name: "droid",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import droid's transcripts (Factory)",
        path: "Transcript, or folder with transcripts at any depth [default: ~/.factory/sessions]",
        hint: "name the folder that holds droid's transcripts, usually ~/.factory/sessions",
    },
    default_folder: Some(|| env::user_home().map(|home| home.join(".factory/sessions"))),
    owns_file: is_transcript,
    is_own_record,
    reader_version: 1,
    open: |transcript, _, options| {
        Ok(Box::new(JsonlReader::open(transcript, options, Droid::of_file(&transcript.path))?))
    },
    special: SpecialRules { home_name: Some(".factory"), ..SpecialRules::NONE },
};

fn is_transcript(path: &Path) -> bool {
    let is_lines = path.extension().is_some_and(|kind| kind == "jsonl");
    is_lines && path.ancestors().skip(1).any(|folder| folder.file_name().is_some_and(|name| name == "sessions"))
}

fn is_own_record(value: &Value) -> bool {
    let is_start = text_field(value, "type") == Some("session_start");
    let is_message = text_field(value, "type") == Some("message") && value.pointer("/message/content").is_some();
    // Ids are UUIDs, some with a prefix; other programs with such records have short ones.
    is_start || (is_message && text_field(value, "id").is_some_and(|id| id.len() >= 32 && id.contains('-')))
}

/// State while one file is read.
#[derive(Debug)]
struct Droid {
    session: String,
    cwd: Option<String>,
    parent_session: Option<String>,
    calls: CallNames,
    ids: ContentIds,
}

impl Droid {
    fn of_file(path: &Path) -> Self {
        let session = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { session, cwd: None, parent_session: None, calls: CallNames::default(), ids: ContentIds::default() }
    }

    fn read_start(&mut self, record: &Value) -> Vec<Item> {
        let owned = |name: &str| text_field(record, name).map(str::to_owned);
        self.session = owned("id").unwrap_or_else(|| self.session.clone());
        self.cwd = owned("cwd").or_else(|| self.cwd.take());
        self.parent_session = owned("callingSessionId").or_else(|| owned("parent"));
        let is_chosen = record.get("isSessionTitleManuallySet") == Some(&Value::Bool(true));
        let title = first_field(record, &["sessionTitle", "title"]).map(|title| SessionTitle {
            session: SessionRef::Id(self.session.clone()),
            title: title.to_owned(),
            rank: if is_chosen { TitleRank::Chosen } else { TitleRank::Generated },
        });
        [Item::Bookkeeping("session_start".into())].into_iter().chain(title.map(Item::Title)).collect()
    }

    fn start_message(&mut self, record: &Value, role: Role, line: u64) -> DraftBuilder {
        let own = text_field(record, "id").map(str::to_owned);
        let id = own.unwrap_or_else(|| self.ids.next_id(&[&record.to_string()]));
        let mut builder = DraftBuilder::new(&self.session, &id, role, parse_time(record.get("timestamp")), line);
        let draft = builder.draft_mut();
        draft.parent_external_id = text_field(record, "parentId").map(str::to_owned);
        draft.cwd.clone_from(&self.cwd);
        draft.parent_session.clone_from(&self.parent_session);
        builder
    }

    fn read_message(&mut self, record: &Value, line: u64) -> Item {
        let message = record.get("message").unwrap_or(&Value::Null);
        let is_answer = text_field(message, "role") == Some("assistant");
        let role = if is_answer { Role::Assistant } else { Role::User };
        let mut builder = self.start_message(record, role, line);
        // What the client tells the model at the start of a turn has an id of its own.
        let by_client = text_field(record, "id").is_some_and(|id| id.starts_with("context-"))
            || text_field(message, "visibility") == Some("llm_only");
        let author = match (is_answer, by_client) {
            (true, _) => ContentAuthor::Model,
            (_, true) => ContentAuthor::Client,
            // The prompt of a sub-agent is written by the model that started it.
            (_, false) if self.parent_session.is_some() => ContentAuthor::Model,
            (_, false) => ContentAuthor::Person,
        };
        let content = message.get("content").unwrap_or(&Value::Null);
        let results = add_content(&mut builder, content, author, &mut self.calls);
        set_result_role(&mut builder, results && !is_answer);
        let model = first_field(record, &["modelId", "model"]).or_else(|| text_field(message, "modelId"));
        builder.draft_mut().model = model.filter(|_| is_answer).map(str::to_owned);
        builder.finish()
    }
}

impl RecordConverter for Droid {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        let kind = text_field(&value, "type").unwrap_or("record without type").to_owned();
        Ok(match kind.as_str() {
            "session_start" => self.read_start(&value),
            "message" => vec![self.read_message(&value, line)],
            "compaction_state" => {
                let mut builder = self.start_message(&value, Role::Assistant, line);
                let text = first_field(&value, &["summaryText", "summary"]).unwrap_or("");
                builder.add_part(PartKind::Summary, Origin::Client, text, None);
                vec![builder.finish()]
            }
            "agent_turn_outcome" | "todo_state" | "session_end" => vec![Item::Bookkeeping(kind.into())],
            _ => vec![keep_unknown(&mut self.ids, &self.session, &kind, &value, line)],
        })
    }

    fn is_record(value: &Value) -> bool {
        value.get("type").is_some() && value.get("id").is_some()
    }
}
