//! The table of tools that change files, for all agents, and how each names path and text. Reads a call as it is stored.

use serde_json::Value;

use super::arguments::{BODY_FIELDS, find_field, find_path, read_body};
use super::difference::changed_lines;
use super::file_edit::FileEdit;
use super::heredoc::read_heredocs;
use super::patch::{read_changes, read_patch};

/// Lines read of one call: a generated file says nothing after these.
const MAX_LINES: usize = 50_000;

/// Form of the arguments of an edit tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EditForm {
    /// A path, an old text and the new text in its place; a list of such pairs; or the whole text of the file.
    Texts,
    /// A patch of several files.
    Patch,
    /// A command line, which may write files.
    Shell,
}

/// Tools of all agents that change files, by their names in lower case without separators.
const EDIT_TOOLS: [(&str, EditForm); 31] = [
    // Claude Code
    ("edit", EditForm::Texts),
    ("multiedit", EditForm::Texts),
    ("write", EditForm::Texts),
    ("notebookedit", EditForm::Texts),
    ("update", EditForm::Texts),
    ("bash", EditForm::Shell),
    ("powershell", EditForm::Shell),
    // Codex
    ("applypatch", EditForm::Patch),
    ("patchapply", EditForm::Patch),
    ("filechange", EditForm::Patch),
    ("commandexecution", EditForm::Shell),
    ("shell", EditForm::Shell),
    ("shellcommand", EditForm::Shell),
    ("localshell", EditForm::Shell),
    ("localshellcall", EditForm::Shell),
    ("execcommand", EditForm::Shell),
    ("exec", EditForm::Shell),
    ("containerexec", EditForm::Shell),
    // Gemini CLI
    ("writefile", EditForm::Texts),
    ("replace", EditForm::Texts),
    ("runshellcommand", EditForm::Shell),
    // opencode, Copilot, Cursor and MCP servers for files
    ("patch", EditForm::Patch),
    ("create", EditForm::Texts),
    ("createfile", EditForm::Texts),
    ("editfile", EditForm::Texts),
    ("strreplace", EditForm::Texts),
    ("strreplaceeditor", EditForm::Texts),
    ("strreplacebasededittool", EditForm::Texts),
    ("searchreplace", EditForm::Texts),
    ("insertedit", EditForm::Texts),
    ("terminal", EditForm::Shell),
];

const OLD_FIELDS: [&str; 4] = ["old_string", "oldString", "old_str", "oldText"];
const NEW_FIELDS: [&str; 4] = ["new_string", "newString", "new_str", "newText"];
const WHOLE_FIELDS: [&str; 3] = ["content", "contents", "file_text"];
const INSERTED_FIELDS: [&str; 2] = ["new_source", "insert_text"];
const COMMAND_FIELDS: [&str; 3] = ["command", "cmd", "script"];

/// Returns true for a tool that changes files, or may do so as a shell does.
pub fn is_edit_tool(tool: &str) -> bool {
    find_edit_form(tool).is_some()
}

/// Returns true for a tool whose arguments are a path and texts, as [`read_text_edit`] reads them.
pub fn is_text_edit_tool(tool: &str) -> bool {
    find_edit_form(tool) == Some(EditForm::Texts)
}

/// Returns true for a tool that runs command lines.
pub fn is_shell_tool(tool: &str) -> bool {
    find_edit_form(tool) == Some(EditForm::Shell)
}

/// Reads the files that a stored call changes, with the lines it inserts and removes. Empty for other tools.
pub fn read_file_edits(tool: &str, call: &str) -> Vec<FileEdit> {
    let mut edits = match find_edit_form(tool) {
        None => Vec::new(),
        Some(EditForm::Texts) => read_texts(call).into_iter().collect(),
        Some(EditForm::Patch) => {
            let patched = read_patch(call);
            if patched.is_empty() { read_changes(call) } else { patched }
        }
        Some(EditForm::Shell) => read_command(call),
    };
    for edit in &mut edits {
        edit.inserted.truncate(MAX_LINES);
        edit.removed.truncate(MAX_LINES);
    }
    edits
}

/// Returns the form of a tool's arguments. The name of an MCP server before that of the tool does not count.
fn find_edit_form(tool: &str) -> Option<EditForm> {
    let own = tool.rsplit("__").next().unwrap_or(tool);
    if own.len() > 40 {
        return None;
    }
    let name: String = own.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    EDIT_TOOLS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form)
}

/// Change of one file that a call names by texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEdit {
    /// Path as the call gives it.
    pub path: String,
    /// `None` if the call has no text.
    pub change: Option<TextChange>,
}

/// Form in which a call gives the text of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextChange {
    /// The whole text.
    Whole(String),
    /// Text that is inserted, or that replaces a cell of a notebook.
    Inserted(String),
    /// Old texts and the new ones in their places.
    Replaced(Vec<(String, String)>),
}

/// Reads the change of a tool whose arguments are a path and texts. `None` if the call names no file, or has a list of
/// texts that cannot be read.
pub fn read_text_edit(call: &str) -> Option<TextEdit> {
    let (line, path) = find_path(call)?;
    let path = path.to_owned();
    // A path that comes last ends the text before it.
    let is_last = line > 0 && find_field(call.get(line..).unwrap_or(""), &BODY_FIELDS).is_none();
    let call = if is_last { call.get(..line - 1).unwrap_or(call) } else { call };
    let first_body = find_field(call, &BODY_FIELDS).map(|(line, _)| line);
    let list = find_field(call, &["edits"]).filter(|(line, _)| first_body == Some(*line));
    if let Some((_, start)) = list {
        let pairs = read_pairs(call.get(start..).unwrap_or(""))?;
        return Some(TextEdit { path, change: Some(TextChange::Replaced(pairs)) });
    }
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let old = owned(read_body(call, &OLD_FIELDS, &NEW_FIELDS));
    let new = owned(read_body(call, &NEW_FIELDS, &OLD_FIELDS));
    let change = match (old, new) {
        (None, None) => owned(read_body(call, &WHOLE_FIELDS, &[]))
            .map(TextChange::Whole)
            .or_else(|| owned(read_body(call, &INSERTED_FIELDS, &[])).map(TextChange::Inserted)),
        (old, new) => Some(TextChange::Replaced(vec![(old.unwrap_or_default(), new.unwrap_or_default())])),
    };
    Some(TextEdit { path, change })
}

/// Reads a list of old and new texts, which is stored as JSON.
fn read_pairs(list: &str) -> Option<Vec<(String, String)>> {
    let first = serde_json::Deserializer::from_str(list).into_iter::<Value>().next();
    let Some(Ok(Value::Array(pairs))) = first else { return None };
    let pair = |pair: &Value| {
        let field =
            |names: &[&str]| names.iter().find_map(|name| pair.get(*name).and_then(Value::as_str)).unwrap_or("");
        (field(&OLD_FIELDS).to_owned(), field(&NEW_FIELDS).to_owned())
    };
    Some(pairs.iter().map(pair).collect())
}

fn read_texts(call: &str) -> Option<FileEdit> {
    let edit = read_text_edit(call)?;
    let mut file = FileEdit { path: Some(edit.path), ..FileEdit::default() };
    match edit.change {
        None => {}
        Some(TextChange::Whole(text) | TextChange::Inserted(text)) => {
            file.inserted = text.lines().map(str::to_owned).collect();
        }
        Some(TextChange::Replaced(pairs)) => {
            for (old, new) in &pairs {
                let (inserted, removed) = changed_lines(old, new);
                file.inserted.extend(inserted);
                file.removed.extend(removed);
            }
        }
    }
    Some(file)
}

fn read_command(call: &str) -> Vec<FileEdit> {
    if !call.contains("<<") && !call.contains("*** Begin Patch") {
        return Vec::new();
    }
    let command = find_field(call, &COMMAND_FIELDS).and_then(|(_, start)| call.get(start..)).unwrap_or(call);
    // A list of words is stored as JSON.
    let words = command.starts_with('[').then(|| serde_json::Deserializer::from_str(command).into_iter().next());
    match words.flatten() {
        Some(Ok(words)) => {
            let words: Vec<String> = words;
            match words.as_slice() {
                [program, patch, ..] if program == "apply_patch" => read_patch(patch),
                words => words.last().map_or_else(Vec::new, |command| read_heredocs(command)),
            }
        }
        _ => read_heredocs(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_edit(tool: &str, call: &str) -> (String, Vec<String>, Vec<String>) {
        let edits = read_file_edits(tool, call);
        let [edit] = edits.as_slice() else { panic!("{tool}: {edits:?}") };
        (edit.path.clone().unwrap_or_default(), edit.inserted.clone(), edit.removed.clone())
    }

    #[test]
    fn every_tool_names_path_and_lines() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let edited = |path: &str| (path.to_owned(), lines(&["new one"]), lines(&["old one"]));
        let written = |path: &str| (path.to_owned(), lines(&["one", "description: two"]), Vec::new());
        for (tool, call) in [
            ("Edit", "file_path: /w/a\nold_string: same\nold one\nnew_string: same\nnew one\nreplace_all: false"),
            ("edit", "filePath: /w/a\noldString: old one\nnewString: new one"),
            (
                "replace",
                "file_path: /w/a\ninstruction: do it\nold_string: old one\nnew_string: new one\nexpected_replacements: 1",
            ),
            (
                "MultiEdit",
                r#"file_path: /w/a
edits: [{"old_string":"old one","new_string":"new one"},{"old_string":"x","new_string":"x"}]"#,
            ),
            (
                "mcp__filesystem__edit_file",
                r#"path: /w/a
edits: [{"oldText":"old one","newText":"new one"}]
dryRun: false"#,
            ),
            ("str_replace_editor", "command: str_replace\npath: /w/a\nold_str: old one\nnew_str: new one"),
            ("apply_patch", "*** Begin Patch\n*** Update File: /w/a\n@@\n-old one\n+new one\n*** End Patch"),
            ("patch", "patchText: *** Begin Patch\n*** Update File: /w/a\n@@\n-old one\n+new one\n*** End Patch"),
            (
                "shell",
                r#"command: ["apply_patch","*** Begin Patch\n*** Update File: /w/a\n-old one\n+new one\n*** End Patch"]"#,
            ),
        ] {
            assert_eq!(only_edit(tool, call), edited("/w/a"), "{tool}");
        }
        for (tool, call) in [
            ("Write", "file_path: /w/a\ncontent: one\ndescription: two"),
            ("write_file", "content: one\ndescription: two\nfile_path: /w/a"),
            ("NotebookEdit", "notebook_path: /w/a\nnew_source: one\ndescription: two\nedit_mode: insert"),
            ("create", "path: /w/a\nfile_text: one\ndescription: two"),
            ("Bash", "command: cat > /w/a <<'EOF'\none\ndescription: two\nEOF\ndescription: Write it"),
            ("exec_command", "cmd: cat > /w/a <<'EOF'\none\ndescription: two\nEOF"),
            (
                "shell",
                r#"command: ["bash","-lc","cat > /w/a <<'EOF'\none\ndescription: two\nEOF"]
workdir: /w"#,
            ),
        ] {
            assert_eq!(only_edit(tool, call), written("/w/a"), "{tool}");
        }
    }

    #[test]
    fn other_calls_are_no_edits() {
        for (tool, call) in [
            ("Read", "file_path: /w/a"),
            ("Bash", "command: ls\ndescription: List"),
            ("Edit", "Edit"),
            ("Grep", "pattern: old_string: x\npath: /w"),
            ("TodoWrite", "todos: []"),
        ] {
            assert_eq!(read_file_edits(tool, call), [], "{tool}");
        }
        assert!(is_shell_tool("Bash") && is_edit_tool("container.exec") && !is_edit_tool("mcp__jira__search"));
    }
}
