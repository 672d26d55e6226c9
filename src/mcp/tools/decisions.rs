//! `memory_decisions`: lists what rules read as decided, corrected or ruled, and confirms one of these suggestions.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{quote_labelled, short_id, trust_label};
use super::{
    ToolOutcome, additive_annotations, build_quoting_reply, build_reply, build_tool, check_range, format_minute,
    parse_arguments, parse_time, resolve_ids, resolve_project_rows, session_label,
};
use crate::domain::Failure;
use crate::domain::names::choose_value;
use crate::domain::text::statement::StatementKind;
use crate::domain::text::to_one_line;
use crate::mcp::caller::Caller;
use crate::mcp::schema::NameOf;
use crate::mcp::wire::SaveAnswer;
use crate::mcp::wire::suggestions::{DecisionsAnswer, SuggestionEntry};
use crate::memory::{
    Confirmation, Memory, Suggestion, SuggestionFilter, SuggestionPage, SuggestionScope, SuggestionState,
    SuggestionStatus,
};

const USAGE: &str = "everything is optional, for example {\"subject\": \"connection pool\", \"kind\": \"decision\"}";
const MAX_SUGGESTIONS: usize = 50;
/// Kinds that are listed: an assent is listed as the decision that it makes.
const LISTED_KINDS: [StatementKind; 3] = [StatementKind::Decision, StatementKind::Correction, StatementKind::Rule];
/// Maximum characters of a turn and of a proposal in the text of an answer.
const TURN_CHARACTERS: usize = 500;
const PROPOSAL_CHARACTERS: usize = 400;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DecisionsToolInput {
    /// What it is about.
    subject: Option<String>,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Not before: date, RFC 3339, "last week", "上周".
    since: Option<String>,
    /// decision, correction or rule.
    kind: Option<String>,
    /// Default all.
    #[schemars(with = "Option<NameOf<SuggestionState>>")]
    state: Option<String>,
    /// Default suggested and confirmed.
    #[schemars(with = "Option<NameOf<SuggestionStatus>>")]
    status: Option<String>,
    /// Suggestions, 1-50. Default 10.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
    /// From `next`.
    from: Option<usize>,
    /// Id of a suggestion to save as a memory, when the user agreed or the work relies on it.
    confirm: Option<String>,
    /// With `confirm`: where it holds.
    #[schemars(with = "Option<NameOf<SuggestionScope>>")]
    scope: Option<String>,
    /// With `confirm`: ids of memories that it replaces.
    supersedes: Option<Vec<String>>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<DecisionsToolInput, DecisionsAnswer>(
        "memory_decisions",
        "Decisions, corrections, rules",
        "Lists what the user seems to have decided, corrected or ruled, found by rules in their own words: suggestions, not \
         facts. Use it for \"what did we decide about …\"; `confirm` saves one.",
        additive_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: DecisionsToolInput = parse_arguments(arguments, USAGE)?;
    if let Some(id) = &arguments.confirm {
        return confirm(memory, caller, id, &arguments);
    }
    let (from, limit) = (arguments.from.unwrap_or(0), check_range(arguments.limit, 10, 1, MAX_SUGGESTIONS, "limit")?);
    let filter = SuggestionFilter {
        projects: resolve_project_rows(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        since: parse_time(arguments.since.as_deref(), caller.now, USAGE)?,
        subject: arguments.subject.filter(|subject| !subject.trim().is_empty()),
        kinds: match arguments.kind.as_deref() {
            Some(kind) => vec![choose_kind(kind)?],
            None => Vec::new(),
        },
        states: match arguments.state.as_deref() {
            Some(state) => vec![choose_value("state", state, &SuggestionState::ALL)?],
            None => Vec::new(),
        },
        statuses: match arguments.status.as_deref() {
            Some(status) => vec![choose_value("status", status, &SuggestionStatus::ALL)?],
            None => vec![SuggestionStatus::Suggested, SuggestionStatus::Confirmed],
        },
        offset: from,
        limit,
    };
    let found = DecisionsAnswer::from_page(memory.list_suggestions(&filter, caller.now)?, from);
    let text = render_suggestions(&found);
    build_quoting_reply(&found, &text)
}

fn choose_kind(name: &str) -> Result<StatementKind, Failure> {
    let kind = choose_value("kind", name, &LISTED_KINDS)?;
    if LISTED_KINDS.contains(&kind) {
        return Ok(kind);
    }
    Err(Failure::invalid_arguments(format!("kind is {name:?}"), "it must be decision, correction or rule"))
}

/// Saves a suggestion as a note. An agent confirms in the project of its session only.
fn confirm(memory: &Memory, caller: &Caller, id: &str, arguments: &DecisionsToolInput) -> ToolOutcome {
    let ids = resolve_ids(memory, &[id.to_owned()], USAGE)?;
    let id = ids.first().copied().ok_or_else(|| Failure::invalid_arguments("confirm is empty", USAGE))?;
    let suggestion = memory.find_suggestion(id, caller.now)?;
    check_own_project(memory, caller, &suggestion)?;
    let confirmation = Confirmation {
        scope: match arguments.scope.as_deref() {
            Some(scope) => Some(choose_value("scope", scope, &SuggestionScope::ALL)?),
            None => None,
        },
        supersedes: resolve_ids(memory, arguments.supersedes.as_deref().unwrap_or_default(), USAGE)?,
        by_model: !caller.is_person,
    };
    let copied_from = caller.origin_of_copy(memory, &suggestion.note_text(), None)?;
    let saved = SaveAnswer::from(memory.confirm_suggestion(&suggestion, confirmation, copied_from, caller.now)?);
    let text = format!("confirmed: {}", saved.uri);
    let answer = DecisionsAnswer { saved: Some(saved), ..DecisionsAnswer::from_page(SuggestionPage::default(), 0) };
    build_reply(&answer, &text)
}

/// Returns an error if an agent would confirm what was said in another project than that of its session.
fn check_own_project(memory: &Memory, caller: &Caller, suggestion: &Suggestion) -> Result<(), Failure> {
    if caller.is_person || memory.current_projects(caller.directory.as_deref()).contains(&suggestion.turn.project.0) {
        return Ok(());
    }
    let hint = "the user confirms it with `claude-memory decisions confirm`, or on the page";
    Err(Failure::invalid_arguments("this was not said in the project of this session; nothing was saved", hint))
}

fn render_suggestions(found: &DecisionsAnswer) -> String {
    let mut text = String::new();
    if found.suggestions.is_empty() {
        text.push_str("Nothing that reads like a decision, a correction or a rule.\n");
    } else {
        let _ = writeln!(text, "{} found by rules. A suggestion is not a fact until it is confirmed.", found.total);
    }
    for suggestion in &found.suggestions {
        let _ = writeln!(text, "{}", render_suggestion(suggestion));
    }
    if let Some(next) = found.next {
        let _ = writeln!(text, "more: from {next}");
    }
    if found.partial {
        text.push_str("Older turns were not examined; name a project or a subject.\n");
    }
    text
}

fn render_suggestion(suggestion: &SuggestionEntry) -> String {
    let mut text = format!(
        "- {} · {} · {} · {} · scope {} · said {} · {} · session {}",
        suggestion.kinds.join(" and "),
        suggestion.status,
        format_state(suggestion),
        suggestion.project,
        suggestion.scope,
        format_strength(suggestion),
        format_minute(&suggestion.ts),
        session_label(&suggestion.session_id)
    );
    if let Some(proposal) = &suggestion.proposal {
        let _ = write!(text, "\n{}", quote_labelled("model proposed", &to_one_line(proposal, PROPOSAL_CHARACTERS)));
    }
    let label = format!("{} {}", trust_label(&suggestion.trust), short_id(&suggestion.id));
    let _ = write!(text, "\n{}", quote_labelled(&label, &to_one_line(&suggestion.text, TURN_CHARACTERS)));
    text
}

fn format_state(suggestion: &SuggestionEntry) -> String {
    let state = suggestion.state.replace('_', " ");
    match &suggestion.later {
        Some(later) => format!("{state}, see {}", short_id(later)),
        None => state,
    }
}

fn format_strength(suggestion: &SuggestionEntry) -> String {
    match (suggestion.times, suggestion.sessions) {
        (1, _) => "once".to_owned(),
        (times, 1) => format!("{times} times in one session"),
        (times, sessions) => format!("{times} times in {sessions} sessions"),
    }
}
