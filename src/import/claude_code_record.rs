//! The shape of one line of a Claude Code transcript (versions 1.0 to 2.1). Borrows from the line where it can.
//! Unknown fields and record types are ignored, so that a newer client breaks nothing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::turn::named;

/// One line. Only the fields that are used; `message` stays raw until the type says that it is wanted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record<'a> {
    #[serde(borrow, rename = "type", default)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) uuid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) parent_uuid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) cwd: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) git_branch: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) is_sidechain: Option<bool>,
    #[serde(default)]
    pub(super) is_meta: Option<bool>,
    #[serde(default)]
    pub(super) is_compact_summary: Option<bool>,
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) custom_title: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) ai_title: Option<Cow<'a, str>>,
    /// Our own mark: `restore-transcript` wrote this record.
    #[serde(borrow, default)]
    pub(super) claude_memory: Option<Cow<'a, str>>,
}

/// The API message inside a user or assistant record.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) content: &'a RawValue,
}

/// One content block.
#[derive(Debug, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type", default)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
}

/// A content that is either one string or a list of blocks. Decided by its first byte: serde's untagged enums would
/// copy every text first.
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Blocks(Vec<Block<'a>>),
}

/// A string, borrowed if it holds no escapes (serde's plain `Cow` always copies).
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Content<'a> {
    pub(super) fn parse(raw: &'a RawValue) -> serde_json::Result<Self> {
        let raw = raw.get();
        if raw.starts_with('"') {
            Ok(Self::Text(serde_json::from_str::<Text<'a>>(raw)?.0))
        } else if raw == "null" {
            Ok(Self::Blocks(Vec::new()))
        } else {
            serde_json::from_str(raw).map(Self::Blocks)
        }
    }
}

/// The arguments of a tool call as text; what is no object stays as it stands.
pub(super) fn arguments(raw: &RawValue) -> String {
    match serde_json::from_str(raw.get()) {
        Ok(serde_json::Value::Object(fields)) => named(&fields),
        _ => raw.get().to_owned(),
    }
}

/// Files that a tool call names in its arguments.
pub(super) fn files(raw: &RawValue) -> Vec<String> {
    #[derive(Deserialize)]
    struct Arguments {
        #[serde(default)]
        file_path: Option<String>,
        #[serde(default)]
        notebook_path: Option<String>,
    }
    serde_json::from_str::<Arguments>(raw.get())
        .map(|arguments| arguments.file_path.into_iter().chain(arguments.notebook_path).collect())
        .unwrap_or_default()
}
