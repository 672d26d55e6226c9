//! The hooks of Claude Code in its settings: one entry per event, recognised by its command.

use std::path::Path;

use jsonc_parser::cst::{CstArray, CstInputValue, CstNode};
use serde_json::Value;

use super::Launch;
use super::edit::{parse, remove_property, shape, top};
use super::error::Result;

/// The events that room `hooks` handles, as Claude Code names them.
pub const EVENTS: [&str; 6] = ["SessionStart", "UserPromptSubmit", "Stop", "SubagentStop", "PreCompact", "SessionEnd"];
/// Seconds after which Claude Code ends a hook; it ends by itself long before.
const TIMEOUT: u32 = 5;
const HOOKS: &str = "hooks";

/// The text with our hooks.
pub(super) fn add(file: &Path, text: Option<&str>, launch: &Launch) -> Result<Option<String>> {
    let root = parse(file, text)?;
    let hooks = top(file, &root)?.object_value_or_create(HOOKS).ok_or_else(|| shape(file, HOOKS, "an object"))?;
    for event in EVENTS {
        let list = hooks.array_value_or_create(event).ok_or_else(|| shape(file, event, "a list"))?;
        let line = launch.hook_line(event);
        let (same, other): (Vec<CstNode>, Vec<CstNode>) =
            ours(&list, event, launch).into_iter().partition(|node| command_of(node).as_deref() == Some(line.as_str()));
        // One of an earlier place of the program gives way to the new one.
        other.into_iter().for_each(CstNode::remove);
        if same.is_empty() {
            list.append(entry(line));
        }
    }
    Ok(Some(root.to_string()))
}

/// The text without our hooks; lists and objects that are empty then go too.
pub(super) fn remove(file: &Path, text: Option<&str>, launch: &Launch) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let root = parse(file, Some(text))?;
    let settings = top(file, &root)?;
    let Some(hooks) = settings.object_value(HOOKS) else { return Ok(Some(text.to_owned())) };
    let mut removed = false;
    for event in EVENTS {
        let Some(list) = hooks.array_value(event) else { continue };
        let found = ours(&list, event, launch);
        removed |= !found.is_empty();
        let emptied = found.len() == list.elements().len();
        if emptied && !found.is_empty() {
            remove_property(&hooks, event);
        } else {
            found.into_iter().for_each(CstNode::remove);
        }
    }
    if !removed {
        return Ok(Some(text.to_owned()));
    }
    if hooks.properties().is_empty() {
        remove_property(&settings, HOOKS);
    }
    Ok(Some(root.to_string()))
}

/// The entries of a list that run this program for this event and nothing else.
fn ours(list: &CstArray, event: &str, launch: &Launch) -> Vec<CstNode> {
    let ends = format!(" hook {event}");
    let is_ours = |node: &CstNode| {
        command_of(node).is_some_and(|line| {
            // Also one that an earlier place of this program entered.
            let program = line.strip_suffix(&ends).unwrap_or("");
            program.contains("claude-memory") || line == launch.hook_line(event)
        })
    };
    list.elements().into_iter().filter(is_ours).collect()
}

/// The command of an entry that has exactly one hook.
fn command_of(node: &CstNode) -> Option<String> {
    let value: Value = node.to_serde_value()?;
    match value.get(HOOKS)?.as_array()?.as_slice() {
        [only] => only.get("command")?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn entry(line: String) -> CstInputValue {
    let hook = vec![
        ("type".to_owned(), CstInputValue::from("command".to_owned())),
        ("command".to_owned(), CstInputValue::from(line)),
        ("timeout".to_owned(), CstInputValue::from(TIMEOUT)),
    ];
    CstInputValue::Object(vec![(HOOKS.to_owned(), CstInputValue::Array(vec![CstInputValue::Object(hook)]))])
}
