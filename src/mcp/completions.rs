//! Completion of prompt and resource arguments while a user types.

use std::collections::HashSet;

use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference};

use super::wire::outgoing::sanitize_name;
use crate::domain::Failure;
use crate::memory::Memory;
use crate::store::SessionFilter;

/// Maximum number of values in an answer.
const MAX_VALUES: usize = 20;
/// Newest sessions whose ids are offered.
const MAX_SESSIONS: usize = 200;

/// Completes an argument: the values that contain the typed text, and their total number.
pub(super) fn complete_argument(memory: &Memory, request: &CompleteRequestParams) -> Result<CompletionInfo, Failure> {
    let typed = request.argument.value.trim().to_lowercase();
    let what = match &request.r#ref {
        Reference::Prompt(_) => request.argument.name.clone(),
        Reference::Resource(template) if template.uri.contains("//project/") => "project".to_owned(),
        Reference::Resource(template) if template.uri.contains("//session/") => "session_id".to_owned(),
        _ => String::new(),
    };
    let all: Vec<String> = match what.as_str() {
        "project" => memory.snapshot()?.list_projects()?.into_iter().map(|project| project.name).collect(),
        "session_id" => {
            let sessions = memory.list_sessions(&SessionFilter::default(), None, MAX_SESSIONS)?;
            sessions.into_iter().map(|session| session.session).collect()
        }
        _ => Vec::new(),
    };
    // A value that sanitizing would change no longer identifies anything.
    let shown = all.into_iter().filter(|value| *sanitize_name(value) == *value.as_str());
    let mut fitting: Vec<String> = shown.filter(|value| value.to_lowercase().contains(&typed)).collect();
    // Prefix matches come before other matches.
    let mut seen = HashSet::new();
    fitting.retain(|value| seen.insert(value.clone()));
    fitting.sort_by_key(|value| !value.to_lowercase().starts_with(&typed));
    let total = u32::try_from(fitting.len()).ok();
    let more = fitting.len() > MAX_VALUES;
    fitting.truncate(MAX_VALUES);
    CompletionInfo::with_pagination(fitting, total, more)
        .map_err(|why| Failure::invalid_arguments(why, "please report this as a bug"))
}
