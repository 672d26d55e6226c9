//! Completing the arguments of prompts and addresses while a person types.

use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference};

use super::error::Failure;
use crate::memory::Memory;
use crate::store::SessionFilter;

/// Values of one answer.
const MOST: usize = 20;
/// Sessions that are offered by number.
const SESSIONS: usize = 200;

/// The values that fit what was typed, and how many there are in all.
pub(super) fn complete(memory: &Memory, request: &CompleteRequestParams) -> Result<CompletionInfo, Failure> {
    let typed = request.argument.value.trim().to_lowercase();
    let what = match &request.r#ref {
        Reference::Prompt(_) => request.argument.name.clone(),
        Reference::Resource(template) if template.uri.contains("//project/") => "project".to_owned(),
        Reference::Resource(template) if template.uri.contains("//session/") => "session_id".to_owned(),
        _ => String::new(),
    };
    let all: Vec<String> = match what.as_str() {
        "project" => memory.project_names()?,
        "session_id" => {
            let sessions = memory.sessions(&SessionFilter::default(), None, SESSIONS)?;
            sessions.into_iter().map(|session| session.session).collect()
        }
        _ => Vec::new(),
    };
    let mut fitting: Vec<String> = all.into_iter().filter(|value| value.to_lowercase().contains(&typed)).collect();
    // What begins so comes before what merely contains it.
    fitting.sort_by_key(|value| !value.to_lowercase().starts_with(&typed));
    fitting.dedup();
    let total = u32::try_from(fitting.len()).ok();
    let more = fitting.len() > MOST;
    fitting.truncate(MOST);
    CompletionInfo::with_pagination(fitting, total, more)
        .map_err(|why| Failure::arguments(why, "please report this as a bug"))
}
