//! Types of records and attachments that hold no conversation: bookkeeping of the client, by name, so that a new type is
//! noticed. Also the fields that repeat in another form what their record says.

use crate::domain::json::Unread;

/// Types of records.
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

/// Subtypes of `system` records.
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

/// Attachments that the client makes for the model by itself.
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

/// Attachments that hold a file or a part of one.
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

/// The output of a tool as the client shows it; the record holds it as the model saw it.
const TOOL_USE_RESULT: Unread = Unread { name: "toolUseResult", types: &["user", "assistant"], inner: &[] };

/// Fields that repeat what stands elsewhere in their record: more than half the bytes of a transcript.
pub(super) const UNREAD: [Unread; 2] = [
    TOOL_USE_RESULT,
    Unread {
        name: "data",
        types: &["progress"],
        inner: &[
            Unread { name: "normalizedMessages", types: &[], inner: &[] },
            Unread { name: "message", types: &[], inner: &[TOOL_USE_RESULT] },
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
