//! `memory_backup`: makes a backup, or lists those that there are.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, adding, answer, define, parse};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::operations::{BackupAnswer, BackupEntry};
use crate::memory::Memory;
use crate::ops::backup::{self, Keep, Keys, Target};

const USAGE: &str = "for example {\"action\": \"create\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// list (default) or create.
    #[schemars(with = "Option<Action>")]
    action: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Action {
    List,
    Create,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, BackupAnswer>(
        "memory_backup",
        "Back up",
        "Makes a backup in the data folder, restored and compared before it counts, or lists those that there are. Use it only \
         when the user asks for it.",
        adding(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let paths = memory.paths();
    let created = match arguments.action.as_deref() {
        None | Some("list") => None,
        Some("create") => {
            let target = Target::Own(Keep::default());
            let never = AtomicBool::new(false);
            backup::create(memory, paths, &target, caller.now, &never, &mut |_, _| {})?
        }
        Some(other) => return Err(Failure::arguments(format!("action is {other:?}"), "it must be list or create")),
    };
    let created = created.and_then(|made| made.path).map(|path| path.display().to_string());
    let backups: Vec<BackupEntry> = backup::list(&paths.backups(), &Keys::of(&memory.settings().backup, None)?)?
        .into_iter()
        .map(BackupEntry::from)
        .collect();
    let mut text = created.as_ref().map(|path| format!("made {path}\n")).unwrap_or_default();
    for backup in &backups {
        let what = match (&backup.messages, &backup.error) {
            (Some(messages), _) => format!("{messages} messages"),
            (None, error) => format!("cannot be read: {}", error.as_deref().unwrap_or("")),
        };
        let _ = writeln!(text, "{} {} bytes, {what}: {}", backup.created_at, backup.bytes, backup.path);
    }
    let _ = write!(text, "{} backups", backups.len());
    answer(&BackupAnswer { created, backups }, &text)
}
