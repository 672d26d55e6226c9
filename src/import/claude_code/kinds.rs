//! Types of records and attachments that are bookkeeping of the client, listed by name so that a new type is noticed.
//! Also the fields that only repeat their record's content in another form.

use serde_json::Value;

use crate::domain::json::SkippedField;
use crate::import::draft_builder::text_field;

/// Fields that, with a session id, only Claude Code's records have.
const OWN_FIELDS: [&str; 7] =
    ["parentUuid", "leafUuid", "operation", "customTitle", "agentName", "toolUseResult", "attachment"];

/// Returns true for a record that only Claude Code writes. Other programs have sessions and types too.
pub(super) fn is_own_record(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    let kind = text_field(value, "type").unwrap_or("");
    let is_message = !kind.is_empty() && value.get("message").is_some_and(Value::is_object);
    (has("sessionId") && (is_message || OWN_FIELDS.iter().any(|name| has(name))))
        || (kind == "summary" && has("leafUuid"))
        || (has("uuid") && has("parentUuid") && has("message"))
        || (kind == "file-history-snapshot" && has("snapshot"))
        || (has("display") && has("pastedContents"))
}

/// Types of records without conversation.
const RECORDS: [&str; 33] = [
    "agent-color",
    "agent-setting",
    "api-request",
    "api-request-blob",
    "api-request-shape",
    "atis-latch",
    "attribution-snapshot",
    "bridge-session",
    "content-replacement",
    "cost-state",
    "file-history-delta",
    "file-history-snapshot",
    "fork-context-ref",
    "invoked-skills",
    "last-prompt",
    "marble-origami-commit",
    "marble-origami-snapshot",
    "mcp-state",
    "mode",
    "permission-mode",
    "pr-link",
    "prompt-id",
    "relocated",
    "result",
    "session-state",
    "speculation-accept",
    "started",
    "tag",
    "task-summary",
    "todos",
    "tools-used",
    "turn-state",
    "worktree-state",
];

/// Subtypes of `system` records without conversation.
const SYSTEM: [&str; 13] = [
    "api_error",
    "api_metrics",
    "bridge_status",
    "compact_boundary",
    "file_snapshot",
    "init",
    "memory_saved",
    "microcompact_boundary",
    "permission_retry",
    "scheduled_task_fire",
    "status",
    "stop_hook_summary",
    "turn_duration",
];

/// Attachments that the client generates for the model.
const ATTACHMENTS: [&str; 50] = [
    "agent_listing_delta",
    "agent_mention",
    "agent_pending_messages",
    "already_read_file",
    "async_hook_response",
    "auto_mode",
    "auto_mode_exit",
    "bagel_console",
    "budget_usd",
    "command_permissions",
    "companion_intro",
    "compaction_reminder",
    "context_efficiency",
    "critical_system_reminder",
    "current_session_memory",
    "date",
    "date_change",
    "deferred_tools_delta",
    "deferred_tools_record",
    "diagnostics",
    "dynamic_skill",
    "environment",
    "invoked_skills",
    "mcp_instructions_delta",
    "model",
    "nested_memory",
    "opened_file_in_ide",
    "output_style",
    "output_token_usage",
    "plan_mode",
    "plan_mode_exit",
    "plan_mode_reentry",
    "prompt_snapshot",
    "relevant_memories",
    "remote_session_change",
    "session_context",
    "skill_discovery",
    "skill_listing",
    "structured_output",
    "task_reminder",
    "task_status",
    "team_context",
    "teammate_mailbox",
    "teammate_shutdown_batch",
    "todo",
    "todo_reminder",
    "token_usage",
    "ultrathink_effort",
    "verify_plan_reminder",
    "workspace",
];

/// Attachments with a file or a part of one.
const FILES: [&str; 9] = [
    "compact_file_reference",
    "directory",
    "edited_image_file",
    "edited_text_file",
    "file",
    "mcp_resource",
    "pdf_reference",
    "plan_file_reference",
    "selected_lines_in_ide",
];

/// Tool output as the client shows it; the record also holds it as the model got it.
const TOOL_USE_RESULT: SkippedField = SkippedField { name: "toolUseResult", types: &["user", "assistant"], inner: &[] };

/// Fields that repeat other content of their record: more than half the bytes of a transcript.
pub(super) const UNREAD: [SkippedField; 2] = [
    TOOL_USE_RESULT,
    SkippedField {
        name: "data",
        types: &["progress"],
        inner: &[
            SkippedField { name: "normalizedMessages", types: &[], inner: &[] },
            SkippedField { name: "message", types: &[], inner: &[TOOL_USE_RESULT] },
        ],
    },
];

pub(super) fn is_bookkeeping(kind: &str) -> bool {
    RECORDS.contains(&kind)
}

pub(super) fn is_system_bookkeeping(subtype: &str) -> bool {
    SYSTEM.contains(&subtype)
}

pub(super) fn is_attachment_bookkeeping(kind: &str) -> bool {
    ATTACHMENTS.contains(&kind)
}

pub(super) fn is_file_attachment(kind: &str) -> bool {
    FILES.contains(&kind)
}
