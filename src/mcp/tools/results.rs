//! Text of a search answer: results grouped by session, each with the question or answer next to it.

use std::fmt::Write as _;

use super::format_minute;
use super::quotation::{author_label, begins_with, quote_labelled, short_id, trust_label};
use crate::mcp::wire::{SearchAnswer, SearchHit, SearchQuote};

/// Results shown when nothing clearly matches.
const MAX_NEAREST: usize = 2;

/// Renders a search answer for a model.
pub(super) fn render_results(found: &SearchAnswer) -> String {
    let mut text = String::new();
    for warning in &found.warnings {
        let _ = writeln!(text, "note: {warning}");
    }
    let shown = if found.confidence == "none" { MAX_NEAREST.min(found.results.len()) } else { found.results.len() };
    let hits = found.results.get(..shown).unwrap_or(&[]);
    if hits.is_empty() {
        text.push_str("Nothing was found.\n");
        return text;
    }
    text.push_str(match found.confidence.as_str() {
        "strong" => "Strong match.\n",
        "weak" => "Weak match: related, perhaps not the answer.\n",
        _ => "Nothing clearly matches; nearest:\n",
    });
    for (number, group) in (1..).zip(group_by_session(hits)) {
        add_group(&mut text, number, &group);
    }
    if shown < found.results.len() {
        let _ = writeln!(text, "{} more are further away and left out.", found.results.len() - shown);
    }
    if let Some(cursor) = &found.next_cursor {
        let _ = writeln!(text, "More: cursor {cursor}");
    }
    let ids: Vec<String> = hits.iter().map(|hit| format!("\"{}\"", short_id(&hit.id))).collect();
    let _ = writeln!(text, "Read around: memory_get ids [{}]", ids.join(", "));
    text
}

/// Groups hits by session, best first. A note is a group of its own.
fn group_by_session(hits: &[SearchHit]) -> Vec<Vec<&SearchHit>> {
    let mut groups: Vec<Vec<&SearchHit>> = Vec::new();
    for hit in hits {
        let same = |group: &&mut Vec<&SearchHit>| {
            group.iter().any(|other| {
                (&other.session_id, &other.project, &other.title) == (&hit.session_id, &hit.project, &hit.title)
            })
        };
        match groups.iter_mut().find(same).filter(|_| hit.kind != "note") {
            Some(group) => group.push(hit),
            None => groups.push(vec![hit]),
        }
    }
    groups
}

fn add_group(text: &mut String, number: usize, group: &[&SearchHit]) {
    let Some(first) = group.first() else { return };
    let elsewhere = if first.other_project { " (another project)" } else { "" };
    let note = if first.kind == "note" { "saved note: " } else { "" };
    let _ = write!(text, "{number}. {} · {}{elsewhere}", format_minute(&first.ts), first.project);
    // The title is often the first prompt, which is quoted right below.
    let is_quoted =
        first.asked.iter().map(|asked| &asked.text).chain([&first.snippet]).any(|said| begins_with(said, &first.title));
    if is_quoted {
        let _ = writeln!(text, "{}", if note.is_empty() { "" } else { " · saved note" });
    } else {
        let _ = writeln!(text, " · {note}“{}”", first.title);
    }
    let mut shown: Vec<&str> = Vec::new();
    for hit in group {
        if shown.contains(&hit.id.as_str()) {
            continue;
        }
        if let Some(asked) = hit.asked.as_ref().filter(|asked| !shown.contains(&asked.id.as_str())) {
            let _ = writeln!(text, "{}", quote_message(asked));
            shown.push(&asked.id);
        }
        shown.push(&hit.id);
        let said = author_label(&hit.trust, hit.said_by.as_ref());
        let what = if hit.kind == "text" || hit.kind == "note" { "" } else { hit.kind.as_str() };
        let label = format!("{said} {what}{}{}", if what.is_empty() { "" } else { " " }, short_id(&hit.id));
        if hit.snippet.is_empty() {
            let _ = writeln!(text, "{label}");
        } else {
            let _ = writeln!(text, "{}", quote_labelled(&label, &hit.snippet));
        }
        if let Some(answered) = hit.answered.as_ref().filter(|answered| !shown.contains(&answered.id.as_str())) {
            let _ = writeln!(text, "{}", quote_message(answered));
            shown.push(&answered.id);
        }
        if let Some(explanation) = &hit.explanation {
            let _ = writeln!(text, "({explanation})");
        }
    }
}

fn quote_message(quote: &SearchQuote) -> String {
    quote_labelled(trust_label(&quote.trust), &quote.text)
}
