//! Text of a search answer: results grouped by session, each with the question or answer next to it.

use std::fmt::Write as _;

use super::format_minute;
use super::quotation::{author_label, begins_with, quote_labelled, short_id, trust_label, unsigned_label};
use super::timeline::format_session;
use crate::mcp::wire::outgoing::SafeText;
use crate::mcp::wire::sessions::PeriodAnswer;
use crate::mcp::wire::{BeyondAnswer, SearchAnswer, SearchHit, SearchQuote};

/// Results shown when nothing speaks of what was asked.
const MAX_NEAREST: usize = 2;
/// Maximum characters of each of them.
const NEAREST_CHARACTERS: usize = 120;

/// First line of an answer when nothing speaks of what was asked.
const NOTHING: &str = "Nothing here speaks of that.";

/// Renders a search answer for a model. The first line says how clearly the results match.
pub(super) fn render_results(found: &SearchAnswer) -> String {
    if let Some(period) = found.period.as_ref().filter(|period| period.usage == "timeline") {
        return render_period(period);
    }
    let mut text = match found.confidence.as_str() {
        _ if found.results.is_empty() => format!("{NOTHING}\n"),
        "strong" => "Strong match.\n".to_owned(),
        "weak" => "Perhaps:\n".to_owned(),
        _ => format!("{NOTHING}\n"),
    };
    for note in found.warnings.iter().map(|warning| format!("note: {warning}")) {
        let _ = writeln!(text, "{note}");
    }
    for explanation in &found.explanation {
        let _ = writeln!(text, "({explanation})");
    }
    if let Some(period) = &found.period {
        let days = describe_days(period);
        let _ = match period.usage.as_str() {
            "filter" => writeln!(text, "Within “{}” ({days}):", period.words),
            _ => writeln!(text, "Nothing of “{}” ({days}) answers that; of any time:", period.words),
        };
    }
    if let Some(beyond) = &found.beyond {
        let _ = writeln!(text, "{}", describe_beyond(beyond));
        add_groups(&mut text, &beyond.results);
    }
    if found.confidence == "none" {
        add_nearest(&mut text, &found.results);
    } else {
        add_groups(&mut text, &found.results);
    }
    if let Some(cursor) = &found.next_cursor {
        let _ = writeln!(text, "More: cursor {cursor}");
    }
    let shown = if found.confidence == "none" { MAX_NEAREST.min(found.results.len()) } else { found.results.len() };
    let beyond = found.beyond.iter().flat_map(|beyond| &beyond.results);
    let ids: Vec<String> =
        beyond.chain(found.results.iter().take(shown)).map(|hit| format!("\"{}\"", short_id(&hit.id))).collect();
    if !ids.is_empty() {
        let _ = writeln!(text, "Read around: memory_get ids [{}]", ids.join(", "));
    }
    text
}

/// Renders the sessions of a period: what was done then is all that was asked.
fn render_period(period: &PeriodAnswer) -> String {
    let days = describe_days(period);
    if period.sessions.is_empty() {
        return format!("No session of “{}” ({days}).\n", period.words);
    }
    let mut text = format!("Sessions of “{}” ({days}):\n", period.words);
    for session in &period.sessions {
        let _ = writeln!(text, "{}", format_session(session));
    }
    if period.more {
        let _ = writeln!(text, "More: memory_timeline after {} before {}", period.after, period.before);
    }
    text
}

/// Formats the times of a period: `2026-11-27 00:00 to 2026-11-28 00:00 UTC`.
fn describe_days(period: &PeriodAnswer) -> String {
    format!("{} to {} UTC", format_minute(&period.after), format_minute(&period.before))
}

/// Describes the filter that permits no answer, and which results follow.
fn describe_beyond(beyond: &BeyondAnswer) -> String {
    let day = beyond.bound.as_deref().map_or("", |bound| bound.get(..10).unwrap_or(bound));
    match beyond.lifted.as_str() {
        "after" => format!("Nothing since {day}; before that:"),
        "before" => format!("Nothing before {day}; after that:"),
        "project" => "Nothing in this project; in others:".to_owned(),
        _ => "Nothing with these filters; without them:".to_owned(),
    }
}

/// Adds the nearest results where nothing speaks of what was asked: one line each.
fn add_nearest(text: &mut String, results: &[SearchHit]) {
    if results.is_empty() {
        return;
    }
    text.push_str("Nearest, probably unrelated:\n");
    for hit in results.iter().take(MAX_NEAREST) {
        let label = format!("{} {}", author_label(&hit.trust, hit.said_by.as_ref()), short_id(&hit.id));
        let said = if hit.snippet.is_empty() { &hit.title } else { &hit.snippet };
        let _ = writeln!(text, "{}", quote_labelled(&label, &SafeText::single_line(said, NEAREST_CHARACTERS)));
    }
    if results.len() > MAX_NEAREST {
        let _ = writeln!(text, "{} more are further away and left out.", results.len() - MAX_NEAREST);
    }
}

fn add_groups(text: &mut String, hits: &[SearchHit]) {
    for (number, group) in (1..).zip(group_by_session(hits)) {
        add_group(text, number, &group);
    }
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
    let unsigned = unsigned_label(first.unsigned);
    let _ = write!(text, "{number}. {} · {}{elsewhere}{unsigned}", format_minute(&first.ts), first.project);
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
        if let Some(later) = &hit.later_changed {
            let _ = writeln!(text, "(later changed, {}: {})", format_minute(&later.ts), short_id(&later.id));
        }
        if let Some(later) = &hit.later_on_this {
            let _ = writeln!(text, "(later on this: {}, {})", format_minute(&later.ts), short_id(&later.id));
        }
        if let Some(explanation) = &hit.explanation {
            let _ = writeln!(text, "({explanation})");
        }
    }
}

fn quote_message(quote: &SearchQuote) -> String {
    quote_labelled(trust_label(&quote.trust), &quote.text)
}
