//! Outcomes of tool calls, read from the text of their result, for sources that do not flag errors and for what is stored.

use super::edit_tool::is_shell_tool;

/// Beginnings of results of calls that were not carried out.
const NOT_CARRIED_OUT: [&str; 8] = [
    "<tool_use_error>",
    "The user doesn't want to",
    "The user doesn’t want to",
    "Claude requested permissions",
    "Permission to use ",
    "[Request interrupted",
    "rejected by user",
    "exec command rejected by user",
];
/// Beginnings of results of edits that failed.
const FAILED: [&str; 11] = [
    "Error:",
    "Error ",
    "error:",
    "Failed to",
    "failed to",
    "File has not been read yet",
    "String to replace not found",
    "apply_patch verification failed",
    "Edit operation blocked",
    "PreToolUse:",
    "patch rejected",
];

/// Returns true if the result of an edit says that nothing was edited. A shell command that failed may have written its
/// files before it did.
pub fn is_failed_edit(tool: &str, result: &str) -> bool {
    let text = result.trim_start();
    let begins_with = |beginnings: &[&str]| beginnings.iter().any(|beginning| text.starts_with(beginning));
    if begins_with(&NOT_CARRIED_OUT) {
        return true;
    }
    !is_shell_tool(tool) && (begins_with(&FAILED) || read_exit_code(text).is_some_and(|code| code != 0))
}

/// Returns the exit code that a client puts before or after an output.
fn read_exit_code(text: &str) -> Option<i32> {
    let marks = ["Exit code: ", "Exit code ", "\"exit_code\":"];
    let at = marks.iter().find_map(|mark| {
        let at = text.find(mark)?;
        // A line of its own, or a field of a record.
        let is_own = at == 0 || mark.starts_with('"') || text.as_bytes().get(at - 1) == Some(&b'\n');
        is_own.then_some(at + mark.len())
    })?;
    let digits: String = text.get(at..)?.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_edits_are_known_by_their_results() {
        for failed in [
            "<tool_use_error>String to replace not found in file.\nString: x</tool_use_error>",
            "The user doesn't want to proceed with this tool use.",
            "Error: EACCES",
            "{\"output\":\"no such file\",\"metadata\":{\"exit_code\":1}}",
            "Exit code: 1\nWall time: 0 seconds\nOutput:\nInvalid patch",
        ] {
            assert!(is_failed_edit("Edit", failed), "{failed}");
        }
        for applied in [
            "The file /w/a.rs has been updated. Here's the result:\n 1→Error: x",
            "Exit code: 0\nOutput:\nSuccess. Updated the following files:\nM a",
            "{\"output\":\"Success\",\"metadata\":{\"exit_code\":0}}",
            "File created successfully at: /w/a",
            "",
        ] {
            assert!(!is_failed_edit("Write", applied), "{applied}");
        }
        assert!(!is_failed_edit("Bash", "Error: tests failed") && !is_failed_edit("Bash", "Exit code 1"));
        assert!(is_failed_edit("Bash", "The user doesn't want to proceed with this tool use."));
    }
}
