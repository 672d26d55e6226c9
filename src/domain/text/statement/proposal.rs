//! Proposals: the end of an assistant's text that a short assent answers.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::domain::text::compile_rule;

/// Lines at the end of a text that are examined, and characters of them that are kept.
const ENDING_LINES: usize = 14;
const ENDING_CHARACTERS: usize = 700;

/// Questions that ask to go on with work and leave nothing to decide.
static WORK_QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \b(?:shall|should|may|can)\ i\ (?:go\ ahead|proceed|continue|start|begin|commit|push|run|check|look|fix|test|investigate)\b
        | \b(?:want|like)\ me\ to\ (?:go\ ahead|proceed|continue|start|begin|commit|push|run|check|look|fix|test|investigate|help)\b
        | \bready\ to\ (?:go|start|begin|proceed|continue)\b | \b(?:shall|should)\ we\ (?:proceed|continue|start|begin)\b
        | (?:要|需要|可以|是否)(?:我)?(?:现在)?(?:继续|开始|提交|推送|运行|跑|检查|修复|修)",
    )
});

/// Words of a question that offers a choice.
static CHOICE_QUESTION: LazyLock<Regex> = LazyLock::new(|| compile_rule(r"\b(?:which|option|prefer|or)\b|还是|哪|选"));

/// Line of a list of options.
static OPTION: LazyLock<Regex> =
    LazyLock::new(|| compile_rule(r"(?i)^\s*(?:[-*]\s+)?(?:\*\*)?(?:option\s+)?[0-9a-d一二三四][.):：、]"));

/// Returns the proposal at the end of an assistant's text; `None` if it asks for nothing that can be decided.
pub fn read_proposal(text: &str) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let skipped = lines.len().saturating_sub(ENDING_LINES);
    lines.drain(..skipped);
    let question = lines.iter().rposition(|line| line.contains(['?', '？']));
    let has_options = lines.iter().filter(|line| OPTION.is_match(line)).count() >= 2;
    let asked = question.and_then(|at| lines.get(at)).map(|line| line.to_lowercase());
    let decides = match &asked {
        Some(question) => !WORK_QUESTION.is_match(question) || (has_options && CHOICE_QUESTION.is_match(question)),
        None => has_options,
    };
    if !decides {
        return None;
    }
    // The paragraph before the question says what it is about; the options stand among the last lines.
    let from = if has_options { 0 } else { question.unwrap_or(0).saturating_sub(3) };
    lines.drain(..from);
    let kept = lines.join("\n");
    let excess = kept.chars().count().saturating_sub(ENDING_CHARACTERS);
    let kept: String = kept.chars().skip(excess).collect();
    Some(if excess > 0 { format!("…{kept}") } else { kept })
}
