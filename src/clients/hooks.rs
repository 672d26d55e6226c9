//! Hooks in the settings of the clients that support them, recognised by their commands. All use the same JSON form.

use std::path::Path;

use jsonc_parser::cst::{CstArray, CstInputValue, CstNode};
use serde_json::Value;

use super::edit::{
    array_in, array_or_create, object_in, object_or_create, parse_json, remove_only, root_object, shape_error,
    to_plain_json,
};
use super::error::Result;
use super::{LaunchCommand, McpClient};

/// One hook: an event of a client and the command that runs at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookEntry {
    /// Name of the event in the client.
    pub event: &'static str,
    /// Pattern of tool names, in the client's syntax; empty for events that are not about a tool.
    pub matcher: &'static str,
    /// Argument of the `hook` command.
    pub argument: &'static str,
    /// True if the client does not wait for the hook.
    pub background: bool,
    /// Seconds after which the client kills the hook; it ends by itself before.
    pub timeout: u32,
}

const fn recall_hook(event: &'static str) -> HookEntry {
    HookEntry { event, matcher: "", argument: event, background: false, timeout: 5 }
}

const fn capture_hook(event: &'static str, argument: &'static str) -> HookEntry {
    HookEntry { event, matcher: "", argument, background: true, timeout: 60 }
}

/// Captures the rest while the client waits: it ends right afterwards, and its background processes with it.
const fn final_capture_hook(event: &'static str, timeout: u32) -> HookEntry {
    HookEntry { event, matcher: "", argument: event, background: false, timeout }
}

/// Hooks of Claude Code. The plugin has the same ones.
pub const HOOKS: [HookEntry; 10] = [
    recall_hook("SessionStart"),
    capture_hook("SessionStart", "CatchUp"),
    recall_hook("UserPromptSubmit"),
    HookEntry { matcher: "Edit|Write|MultiEdit|NotebookEdit", ..recall_hook("PreToolUse") },
    HookEntry { matcher: "Bash|PowerShell", ..recall_hook("PostToolUseFailure") },
    recall_hook("SubagentStart"),
    capture_hook("Stop", "Stop"),
    capture_hook("SubagentStop", "SubagentStop"),
    capture_hook("PreCompact", "PreCompact"),
    capture_hook("SessionEnd", "SessionEnd"),
];

/// Hooks of Codex. It waits 3 s for `SessionEnd`, whatever timeout is configured.
const CODEX_HOOKS: [HookEntry; 4] = [
    recall_hook("SessionStart"),
    recall_hook("UserPromptSubmit"),
    capture_hook("Stop", "Stop"),
    final_capture_hook("SessionEnd", 3),
];

/// Hooks of Gemini CLI. It waits for each of them.
const GEMINI_HOOKS: [HookEntry; 3] = [
    recall_hook("SessionStart"),
    HookEntry { event: "BeforeAgent", ..recall_hook("UserPromptSubmit") },
    final_capture_hook("SessionEnd", 5),
];

impl McpClient {
    /// Returns the hooks that are installed in this client.
    pub const fn hook_entries(self) -> &'static [HookEntry] {
        match self {
            Self::ClaudeCode => &HOOKS,
            Self::Codex => &CODEX_HOOKS,
            Self::Gemini => &GEMINI_HOOKS,
            Self::ClaudeDesktop | Self::Cursor => &[],
        }
    }
}

const HOOKS_KEY: &str = "hooks";
/// End of a shell line that ignores a missing program. Without it Claude Code shows an error at each prompt, and Gemini
/// CLI refuses the prompt.
const IGNORE_MISSING: &str = " 2>/dev/null || true";
/// End of a shell line that reports a missing program to the user once, at the start of a session.
const REPORT_MISSING: &str = " 2>/dev/null || echo '{\"systemMessage\":\"claude-memory was not found, this session goes on without it. \
    Install it again, or remove its hooks or its plugin.\"}'";

/// Returns the shell line of a hook. The program itself always exits with 0.
fn shell_line(hook: HookEntry, client: McpClient, launch: &LaunchCommand) -> String {
    let client = if client == McpClient::ClaudeCode { String::new() } else { format!("--client {client} ") };
    let fallback = if hook.argument == "SessionStart" { REPORT_MISSING } else { IGNORE_MISSING };
    format!("{} hook {client}{}{fallback}", launch.quoted_words(), hook.argument)
}

/// Returns true if a shell line only runs this hook of this program, or of a program with its name in another place.
fn is_own_line(line: &str, hook: HookEntry, launch: &LaunchCommand) -> bool {
    // Lines of earlier versions and of the plugin have shorter ends.
    let tails = [REPORT_MISSING, IGNORE_MISSING, " || true"];
    let command = tails.iter().find_map(|tail| line.strip_suffix(tail)).unwrap_or(line);
    let Some((program, rest)) = command.rsplit_once(" hook ") else { return false };
    let argument = match rest.strip_prefix("--client ") {
        Some(rest) => rest.split_once(' ').map_or("", |(_, argument)| argument),
        None => rest,
    };
    argument == hook.argument && (program.contains("claude-memory") || program == launch.quoted_words())
}

/// Returns the text with our hooks. Hooks of another path or version of this program are replaced.
pub(super) fn add_hooks(
    file: &Path,
    text: Option<&str>,
    client: McpClient,
    launch: &LaunchCommand,
) -> Result<Option<String>> {
    let root = parse_json(file, text)?;
    let hooks = object_or_create(&root_object(file, &root)?, HOOKS_KEY)
        .ok_or_else(|| shape_error(file, HOOKS_KEY, "an object"))?;
    for event in list_events(client) {
        let list = array_or_create(&hooks, event).ok_or_else(|| shape_error(file, event, "a list"))?;
        let mut missing: Vec<HookEntry> = hooks_of_event(client, event).collect();
        for node in find_own_entries(&list, event, client, launch) {
            let value = node.to_serde_value();
            let right =
                missing.iter().position(|hook| value == Some(to_plain_json(&hook_entry_value(*hook, client, launch))));
            match right {
                Some(right) => {
                    missing.remove(right);
                }
                None => node.remove(),
            }
        }
        for hook in missing {
            list.append(hook_entry_value(hook, client, launch));
        }
    }
    Ok(Some(root.to_string()))
}

/// Returns the text without our hooks; lists and objects that become empty are removed too.
pub(super) fn remove_hooks(
    file: &Path,
    text: Option<&str>,
    client: McpClient,
    launch: &LaunchCommand,
) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let root = parse_json(file, Some(text))?;
    let settings = root_object(file, &root)?;
    let Some(hooks) = object_in(&settings, HOOKS_KEY) else { return Ok(Some(text.to_owned())) };
    let mut removed = false;
    for event in list_events(client) {
        let Some(list) = array_in(&hooks, event) else { continue };
        let found = find_own_entries(&list, event, client, launch);
        removed |= !found.is_empty();
        let emptied = !found.is_empty() && found.len() == list.elements().len();
        if !emptied || !remove_only(&hooks, event) {
            found.into_iter().for_each(CstNode::remove);
        }
    }
    if !removed {
        return Ok(Some(text.to_owned()));
    }
    if hooks.properties().is_empty() {
        remove_only(&settings, HOOKS_KEY);
    }
    Ok(Some(root.to_string()))
}

/// Returns the events of a client, each once.
pub(super) fn list_events(client: McpClient) -> Vec<&'static str> {
    let mut events: Vec<&str> = client.hook_entries().iter().map(|hook| hook.event).collect();
    events.dedup();
    events
}

fn hooks_of_event(client: McpClient, event: &str) -> impl Iterator<Item = HookEntry> {
    client.hook_entries().iter().copied().filter(move |hook| hook.event == event)
}

/// Returns the entries of a list that only run this program for this event.
fn find_own_entries(list: &CstArray, event: &str, client: McpClient, launch: &LaunchCommand) -> Vec<CstNode> {
    let is_ours = |node: &CstNode| {
        command_of(node).is_some_and(|line| hooks_of_event(client, event).any(|hook| is_own_line(&line, hook, launch)))
    };
    list.elements().into_iter().filter(is_ours).collect()
}

/// Returns the command of an entry that has exactly one hook.
fn command_of(node: &CstNode) -> Option<String> {
    let value: Value = node.to_serde_value()?;
    match value.get(HOOKS_KEY)?.as_array()?.as_slice() {
        [only] => only.get("command")?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn hook_entry_value(hook: HookEntry, client: McpClient, launch: &LaunchCommand) -> CstInputValue {
    let is_gemini = client == McpClient::Gemini;
    // Gemini CLI counts in milliseconds, and shows the name while the hook runs.
    let timeout = if is_gemini { hook.timeout * 1000 } else { hook.timeout };
    let mut fields = vec![
        ("type".to_owned(), CstInputValue::from("command".to_owned())),
        ("command".to_owned(), CstInputValue::from(shell_line(hook, client, launch))),
        ("timeout".to_owned(), CstInputValue::from(timeout)),
    ];
    if is_gemini {
        fields.insert(1, ("name".to_owned(), CstInputValue::from(super::SERVER.to_owned())));
    }
    if hook.background {
        fields.push(("async".to_owned(), CstInputValue::Bool(true)));
    }
    let mut entry = vec![(HOOKS_KEY.to_owned(), CstInputValue::Array(vec![CstInputValue::Object(fields)]))];
    if !hook.matcher.is_empty() {
        entry.insert(0, ("matcher".to_owned(), CstInputValue::from(hook.matcher.to_owned())));
    }
    CstInputValue::Object(entry)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn only_lines_that_run_this_program_and_nothing_else_are_ours() {
        let launch =
            LaunchCommand { program: PathBuf::from("/opt/my tools/cm"), before: vec!["--home".into(), "/m".into()] };
        let stop = HOOKS[6];
        for client in [McpClient::ClaudeCode, McpClient::Codex, McpClient::Gemini] {
            for hook in client.hook_entries() {
                assert!(is_own_line(&shell_line(*hook, client, &launch), *hook, &launch));
                assert_eq!(is_own_line(&shell_line(*hook, client, &launch), stop, &launch), hook.argument == "Stop");
            }
        }
        for (line, expected) in [
            ("/opt/old/claude-memory hook Stop", true),
            ("claude-memory hook Stop || true", true),
            ("'/a b/claude-memory' --home '/x hook y' hook --client codex Stop 2>/dev/null || true", true),
            ("claude-memory hook Stop && say done", false),
            ("claude-memory hook Stop || say failed", false),
            ("say claude-memory hook Stop done", false),
            ("other hook Stop", false),
            ("claude-memory hooks off", false),
        ] {
            assert_eq!(is_own_line(line, stop, &launch), expected, "{line}");
        }
    }
}
