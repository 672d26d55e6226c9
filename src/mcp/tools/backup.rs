//! `memory_backup`: creates a backup or lists existing ones.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, additive_annotations, build_reply, build_tool, parse_arguments};
use crate::backup::{self, BackupKeys, BackupRun, BackupTarget, RetentionPolicy};
use crate::domain::names::{choose_value, names};
use crate::domain::text::counts::format_count;
use crate::mcp::caller::Caller;
use crate::mcp::schema::NameOf;
use crate::mcp::wire::operations::{BackupAnswer, BackupEntry};
use crate::memory::Memory;

const USAGE: &str = "for example {\"action\": \"create\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BackupToolInput {
    /// list (default) or create.
    #[schemars(with = "Option<NameOf<BackupAction>>")]
    action: Option<String>,
}

/// Work of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BackupAction {
    List,
    Create,
}

names!(BackupAction { List: "list"; Create: "create"; });

pub(super) fn define_tool() -> Tool {
    build_tool::<BackupToolInput, BackupAnswer>(
        "memory_backup",
        "Back up",
        "Makes a backup in the data folder, restored and compared before it counts, or lists those that there are. Use it only \
         when the user asks for it.",
        additive_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: BackupToolInput = parse_arguments(arguments, USAGE)?;
    let paths = memory.paths();
    let created = match choose_value("action", arguments.action.as_deref().unwrap_or("list"), &BackupAction::ALL)? {
        BackupAction::List => None,
        BackupAction::Create => {
            let target = BackupTarget::Own(RetentionPolicy::default());
            let never = AtomicBool::new(false);
            let run = BackupRun { memory, paths, target: &target, now: caller.now, stop: &never };
            run.create_backup(&mut |_, _| {})?
        }
    };
    let created = created.and_then(|made| made.path).map(|path| path.display().to_string());
    let backups: Vec<BackupEntry> =
        backup::list_backups(&paths.backups_folder(), &BackupKeys::from_settings(&memory.settings().backup, None)?)?
            .into_iter()
            .map(BackupEntry::from)
            .collect();
    let mut text = created.as_ref().map(|path| format!("made {path}\n")).unwrap_or_default();
    for backup in &backups {
        let what = match (&backup.messages, &backup.error) {
            (Some(messages), _) => format_count(*messages, "message"),
            (None, error) => format!("cannot be read: {}", error.as_deref().unwrap_or("")),
        };
        let _ = writeln!(text, "{} {} bytes, {what}: {}", backup.created_at, backup.bytes, backup.path);
    }
    let _ = write!(text, "{}", format_count(backups.len() as u64, "backup"));
    build_reply(&BackupAnswer { created, backups }, &text)
}
