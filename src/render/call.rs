//! Calls of tools as blocks: edits as diffs, lists of tasks, commands, steps that only look. Which tools change files or
//! run commands is known in `domain::edit`; a call of any other tool keeps its arguments as they were recorded.

use serde_json::Value;

use super::arguments::CallArguments;
use super::code::tokenise_code;
use super::diff::{EditBuilder, parse_patch};
use super::document::{Block, EditBlock, EditOperation, LookupKind, TaskItem, TaskState};
use crate::domain::edit::{TextChange, is_shell_tool, is_text_edit_tool, read_text_edit};

/// Most bytes of a call that is read. A longer one is shown as it was recorded.
const MAX_BYTES: usize = 2 << 20;
/// Characters of the line that says what a call is about.
const SUBJECT_CHARS: usize = 200;

const COMMAND_NAMES: &[&str] = &[
    "command",
    "cmd",
    "description",
    "timeout",
    "workdir",
    "run_in_background",
    "dangerouslyDisableSandbox",
    "directory",
    "dir_path",
    "justification",
    "with_escalated_permissions",
    "timeout_ms",
    "yield_time_ms",
    "max_output_tokens",
];
/// Arguments that say what a call is about, most telling first.
const SUBJECTS: &[&str] = &[
    "command",
    "cmd",
    "pattern",
    "query",
    "url",
    "file_path",
    "path",
    "notebook_path",
    "absolute_path",
    "dir_path",
    "description",
    "prompt",
    "question",
    "skill",
    "name",
    "subject",
    "title",
    "text",
];

/// Returns the blocks of a call, from the name of its tool and its recorded arguments.
pub(super) fn parse_call(tool: &str, text: &str) -> Vec<Block> {
    let known = (text.len() <= MAX_BYTES).then(|| parse_known_call(tool, text)).flatten();
    known
        .filter(|blocks| !blocks.is_empty())
        .unwrap_or_else(|| vec![Block::Call { subject: find_subject(text), text: text.to_owned() }])
}

fn parse_known_call(tool: &str, text: &str) -> Option<Vec<Block>> {
    if text.contains("*** Begin Patch") {
        let patch = CallArguments::read_arguments(text, &["input", "patch"]);
        let array = CallArguments::read_arguments(text, &["command"]).find_array(&["command"]);
        let within = array.and_then(|words| words.last().and_then(Value::as_str).map(str::to_owned));
        let patch = patch.find_value(&["input", "patch"]).map(str::to_owned).or(within);
        return Some(parse_patch(patch.as_deref().unwrap_or(text)).into_iter().map(Block::Edit).collect());
    }
    match tool {
        "TodoWrite" | "update_plan" | "write_todos" => Some(vec![Block::Tasks { items: read_tasks(text)? }]),
        _ if is_text_edit_tool(tool) => Some(vec![Block::Edit(build_edit(text)?)]),
        _ if is_shell_tool(tool) => Some(vec![read_command(text)?]),
        _ => {
            let kind = lookup_kind(tool)?;
            Some(vec![Block::Lookup { kind, subject: find_subject(text) }])
        }
    }
}

fn lookup_kind(tool: &str) -> Option<LookupKind> {
    Some(match tool {
        "Read" | "NotebookRead" | "read_file" | "read_many_files" | "view_image" => LookupKind::Read,
        "Grep" | "Glob" | "search_file_content" | "glob" | "grep_search" | "ToolSearch" | "codebase_search" => {
            LookupKind::Search
        }
        "LS" | "list_directory" | "list_dir" => LookupKind::List,
        "WebFetch" | "WebSearch" | "web_fetch" | "google_web_search" | "web_search" | "web_search_call" => {
            LookupKind::Fetch
        }
        _ => return None,
    })
}

fn build_edit(text: &str) -> Option<EditBlock> {
    let edit = read_text_edit(text)?;
    let change = edit.change?;
    let is_whole = matches!(change, TextChange::Whole(_));
    let operation = if is_whole { EditOperation::Written } else { EditOperation::Changed };
    let mut builder = EditBuilder::for_path(&edit.path, operation);
    match change {
        TextChange::Whole(text) => {
            builder.set_numbers(1, 1);
            builder.add_change("", &text);
        }
        TextChange::Inserted(text) => builder.add_change("", &text),
        TextChange::Replaced(pairs) => pairs.iter().for_each(|(old, new)| builder.add_change(old, new)),
    }
    Some(builder.finish_edit())
}

fn read_tasks(text: &str) -> Option<Vec<TaskItem>> {
    let call = CallArguments::read_arguments(text, &["todos", "plan", "explanation", "merge"]);
    let items = call.find_array(&["todos", "plan"])?.into_iter().filter_map(|item| {
        let field = |names: &[&str]| names.iter().find_map(|name| item.get(*name).and_then(Value::as_str));
        let state = match field(&["status"]) {
            Some("completed" | "done") => TaskState::Done,
            Some("in_progress") => TaskState::Doing,
            _ => TaskState::Open,
        };
        Some(TaskItem { state, text: field(&["content", "step", "description"])?.to_owned() })
    });
    Some(items.collect())
}

fn read_command(text: &str) -> Option<Block> {
    let call = CallArguments::read_arguments(text, COMMAND_NAMES);
    let recorded = call.find_value(&["command", "cmd"])?;
    let words = call.find_array(&["command", "cmd"]);
    let words: Vec<&str> = words.iter().flatten().filter_map(Value::as_str).collect();
    let command = match words.as_slice() {
        // A shell and what it runs.
        [_, flag, script] if flag.starts_with('-') && flag.ends_with('c') => (*script).to_owned(),
        [] => recorded.to_owned(),
        words => words.join(" "),
    };
    let purpose = call.find_value(&["description", "justification"]).unwrap_or("").trim().to_owned();
    Some(Block::Command { lines: tokenise_code("bash", command.trim_end()), purpose })
}

/// Returns the argument that says what a call is about, in one line.
fn find_subject(text: &str) -> String {
    let call = CallArguments::read_arguments(text, SUBJECTS);
    let told = call.find_value(SUBJECTS).unwrap_or(text);
    told.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim().chars().take(SUBJECT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_block(mut blocks: Vec<Block>) -> Block {
        assert_eq!(blocks.len(), 1, "{blocks:?}");
        blocks.remove(0)
    }

    #[test]
    fn edits_are_diffs() {
        let text = "replace_all: false\nfile_path: /home/ana/api/retry.go\nold_string: const retries = 3\nconst delay = 1\nnew_string: const retries = 5\nconst delay = 1";
        let Block::Edit(edit) = only_block(parse_call("Edit", text)) else { panic!("an edit") };
        assert_eq!(
            (edit.path.as_str(), edit.added, edit.removed, edit.lines.len()),
            ("/home/ana/api/retry.go", 1, 1, 3)
        );
        let many = "file_path: a.py\nedits: [{\"old_string\":\"a\",\"new_string\":\"b\"},{\"old_string\":\"c\",\"new_string\":\"d\\ne\"}]";
        let Block::Edit(edit) = only_block(parse_call("MultiEdit", many)) else { panic!("an edit") };
        assert_eq!((edit.added, edit.removed), (3, 2));
        let Block::Edit(edit) = only_block(parse_call("Write", "file_path: b.md\ncontent: # 标题\n\ntext")) else {
            panic!()
        };
        assert_eq!((edit.change, edit.added, edit.lines[2].new), (EditOperation::Written, 3, Some(3)));
        let patch =
            "{\"command\":[\"apply_patch\",\"*** Begin Patch\\n*** Update File: x\\n-a\\n+b\\n*** End Patch\"]}";
        assert!(matches!(parse_call("shell", patch).as_slice(), [Block::Edit(edit)] if edit.path == "x"));
    }

    #[test]
    fn tasks_commands_and_steps() {
        let tasks = parse_call(
            "TodoWrite",
            "todos: [{\"content\":\"写测试\",\"status\":\"completed\"},{\"content\":\"b\",\"status\":\"pending\"}]",
        );
        let Block::Tasks { items } = only_block(tasks) else { panic!("tasks") };
        assert_eq!(items[0], TaskItem { state: TaskState::Done, text: "写测试".to_owned() });
        let plan = parse_call("update_plan", "plan: [{\"step\":\"a\",\"status\":\"in_progress\"}]");
        assert!(matches!(plan.as_slice(), [Block::Tasks { items }] if items[0].state == TaskState::Doing));
        let command = |tool, text| match parse_call(tool, text).pop() {
            Some(Block::Command { lines, purpose }) => {
                let lines: Vec<String> =
                    lines.into_iter().map(|line| line.into_iter().map(|token| token.1).collect()).collect();
                (lines.join("\n"), purpose)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(
            command("Bash", "command: go test ./...\necho x\ndescription: Run tests"),
            ("go test ./...\necho x".to_owned(), "Run tests".to_owned())
        );
        assert_eq!(command("shell", "command: [\"bash\",\"-lc\",\"ls | wc\"]\nworkdir: /x").0, "ls | wc");
        assert!(
            matches!(parse_call("Read", "file_path: /a/b.rs\nlimit: 3").as_slice(), [Block::Lookup { subject, .. }] if subject == "/a/b.rs")
        );
        assert!(
            matches!(parse_call("mcp__x__y", "query: q\nz: 1").as_slice(), [Block::Call { subject, .. }] if subject == "q")
        );
        let searched = parse_call("Grep", "path: src\npattern: retries");
        assert!(matches!(searched.as_slice(), [Block::Lookup { subject, .. }] if subject == "retries"));
        assert!(matches!(parse_call("Edit", "nothing").as_slice(), [Block::Call { .. }]));
        assert!(matches!(parse_call("TodoWrite", "todos: [broken").as_slice(), [Block::Call { .. }]));
    }
}
