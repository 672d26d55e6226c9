//! The hooks of Claude Code in its settings, recognised by their commands.

use std::path::Path;

use jsonc_parser::cst::{CstArray, CstInputValue, CstNode};
use serde_json::Value;

use super::Launch;
use super::edit::{array_in, array_or_create, object_in, object_or_create, parse, plain, remove_only, shape, top};
use super::error::Result;

/// One hook: an event of Claude Code and what is run at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookEntry {
    /// The event, as Claude Code names it.
    pub event: &'static str,
    /// What follows `hook` on the command line.
    pub argument: &'static str,
    /// Whether Claude Code goes on meanwhile.
    pub background: bool,
    /// Seconds after which Claude Code ends it; it ends by itself before.
    pub timeout: u32,
}

const fn recall(event: &'static str) -> HookEntry {
    HookEntry { event, argument: event, background: false, timeout: 5 }
}

const fn capture(event: &'static str, argument: &'static str) -> HookEntry {
    HookEntry { event, argument, background: true, timeout: 60 }
}

/// All hooks. The plugin has the same ones.
pub const HOOKS: [HookEntry; 7] = [
    recall("SessionStart"),
    capture("SessionStart", "CatchUp"),
    recall("UserPromptSubmit"),
    capture("Stop", "Stop"),
    capture("SubagentStop", "SubagentStop"),
    capture("PreCompact", "PreCompact"),
    capture("SessionEnd", "SessionEnd"),
];

const KEY: &str = "hooks";

/// The text with our hooks. Ours of another place or version of the program give way to the new ones.
pub(super) fn add(file: &Path, text: Option<&str>, launch: &Launch) -> Result<Option<String>> {
    let root = parse(file, text)?;
    let hooks = object_or_create(&top(file, &root)?, KEY).ok_or_else(|| shape(file, KEY, "an object"))?;
    for event in events() {
        let list = array_or_create(&hooks, event).ok_or_else(|| shape(file, event, "a list"))?;
        let mut missing: Vec<HookEntry> = HOOKS.into_iter().filter(|hook| hook.event == event).collect();
        for node in ours(&list, event, launch) {
            let value = node.to_serde_value();
            let right = missing.iter().position(|hook| value == Some(plain(&entry(*hook, launch))));
            match right {
                Some(right) => {
                    missing.remove(right);
                }
                None => node.remove(),
            }
        }
        for hook in missing {
            list.append(entry(hook, launch));
        }
    }
    Ok(Some(root.to_string()))
}

/// The text without our hooks; lists and objects that are empty then go too.
pub(super) fn remove(file: &Path, text: Option<&str>, launch: &Launch) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let root = parse(file, Some(text))?;
    let settings = top(file, &root)?;
    let Some(hooks) = object_in(&settings, KEY) else { return Ok(Some(text.to_owned())) };
    let mut removed = false;
    for event in events() {
        let Some(list) = array_in(&hooks, event) else { continue };
        let found = ours(&list, event, launch);
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
        remove_only(&settings, KEY);
    }
    Ok(Some(root.to_string()))
}

/// The events, each once.
fn events() -> Vec<&'static str> {
    let mut events: Vec<&str> = HOOKS.iter().map(|hook| hook.event).collect();
    events.dedup();
    events
}

/// The entries of a list that run this program for this event and nothing else.
fn ours(list: &CstArray, event: &str, launch: &Launch) -> Vec<CstNode> {
    let is_ours = |node: &CstNode| {
        command_of(node).is_some_and(|line| {
            HOOKS.iter().filter(|hook| hook.event == event).any(|hook| {
                // Also one that an earlier place of this program entered.
                let program = line.strip_suffix(&format!(" hook {}", hook.argument)).unwrap_or("");
                program.contains("claude-memory") || line == launch.hook_line(hook.argument)
            })
        })
    };
    list.elements().into_iter().filter(is_ours).collect()
}

/// The command of an entry that has exactly one hook.
fn command_of(node: &CstNode) -> Option<String> {
    let value: Value = node.to_serde_value()?;
    match value.get(KEY)?.as_array()?.as_slice() {
        [only] => only.get("command")?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn entry(hook: HookEntry, launch: &Launch) -> CstInputValue {
    let mut fields = vec![
        ("type".to_owned(), CstInputValue::from("command".to_owned())),
        ("command".to_owned(), CstInputValue::from(launch.hook_line(hook.argument))),
        ("timeout".to_owned(), CstInputValue::from(hook.timeout)),
    ];
    if hook.background {
        fields.push(("async".to_owned(), CstInputValue::Bool(true)));
    }
    CstInputValue::Object(vec![(KEY.to_owned(), CstInputValue::Array(vec![CstInputValue::Object(fields)]))])
}
