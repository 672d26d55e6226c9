//! Layout of search results: how clearly they match, then one block a session with the question and its answer. Owns the
//! order and the words; the text of a message comes from the search as it is.

use crate::cli::calendar::Calendar;
use crate::cli::last_results::NumberedResult;
use crate::cli::layout::{display_width, fit_text, pad_text, wrap_text};
use crate::cli::output::CliOutput;
use crate::cli::palette::{Palette, Tone};
use crate::cli::speaker::Speaker;
use crate::cli::turn::print_turns;
use crate::domain::text::counts::format_count;
use crate::domain::text::outgoing::SafeText;
use crate::domain::{
    BeyondFilter, Confidence, Hit, LiftedCondition, MessageId, Origin, PartKind, PeriodUse, Quote, SearchResults,
};

/// Most characters of a title.
const MAX_TITLE_CHARS: usize = 140;
/// Most characters of the name of a project.
const MAX_PROJECT_CHARS: usize = 160;
/// Most lines of a title.
const MAX_TITLE_LINES: usize = 2;
/// Columns of the number before a title.
const NUMBER_COLUMNS: usize = 3;

/// Returns what is said beside the project and title that no machine has signed; empty for signed ones.
pub(super) const fn describe_place(is_unsigned: bool) -> &'static str {
    if is_unsigned { " (project and title unsigned)" } else { "" }
}

/// Printer of the results of one search.
pub(super) struct ResultPrinter {
    output: CliOutput,
    calendar: Calendar,
    /// True to print every hit of a session; otherwise the others are counted.
    is_unfolded: bool,
}

/// Hits of one session, best first.
pub(super) struct ResultGroup<'a> {
    best: &'a Hit,
    others: Vec<&'a Hit>,
}

impl ResultGroup<'_> {
    fn contains(&self, id: MessageId) -> bool {
        self.best.id == id || self.others.iter().any(|hit| hit.id == id)
    }

    fn is_note(&self) -> bool {
        self.best.kind == PartKind::Note
    }

    /// Returns the ids that the number of the group opens.
    pub(super) fn to_numbered(&self) -> NumberedResult {
        NumberedResult { message: Some(self.best.id.to_string()), session: self.best.session.clone() }
    }
}

/// Groups hits by session, best first. A note is a group of its own.
pub(super) fn group_hits(hits: &[Hit]) -> Vec<ResultGroup<'_>> {
    let mut groups: Vec<ResultGroup<'_>> = Vec::new();
    for hit in hits {
        let same = |group: &&mut ResultGroup<'_>| {
            (&group.best.session, group.best.project_row) == (&hit.session, hit.project_row)
        };
        match groups.iter_mut().find(same).filter(|_| hit.kind != PartKind::Note) {
            Some(group) => group.others.push(hit),
            None => groups.push(ResultGroup { best: hit, others: Vec::new() }),
        }
    }
    groups
}

impl ResultPrinter {
    pub(super) const fn new(output: CliOutput, calendar: Calendar, is_unfolded: bool) -> Self {
        Self { output, calendar, is_unfolded }
    }

    const fn palette(&self) -> Palette {
        self.output.palette()
    }

    /// Prints how clearly the results match, and with `--explain` why.
    pub(super) fn print_confidence(&self, answer: &SearchResults, groups: &[ResultGroup<'_>]) {
        let palette = self.palette();
        let took = palette.paint(Tone::Meta, &format!("  {}", format_duration(answer)));
        let sessions = groups.iter().filter(|group| !group.is_note()).count() as u64;
        let place = if sessions > 0 { format!(" in {}", format_count(sessions, "session")) } else { String::new() };
        match answer.confidence {
            Confidence::Strong => {
                let bars = palette.paint(Tone::Accent, "▂▅█");
                let words = palette.paint(Tone::Title, &format!("Strong match{place}"));
                self.output.print_line(&format!("{bars} {words}{took}"));
            }
            Confidence::Weak => {
                let bars = palette.paint(Tone::Weak, "▂··");
                let words = palette.paint(Tone::Title, "Weak match");
                let means = palette.paint(Tone::Meta, "  Related, but probably not the answer.");
                let is_wide = self.output.columns() >= WIDE_COLUMNS;
                self.output.print_line(&format!("{bars} {words}{}{took}", if is_wide { means } else { String::new() }));
            }
            // Results without a condition of the filter say themselves that nothing was found with it.
            Confidence::None if answer.beyond.is_some() => {}
            Confidence::None => {
                let bars = palette.paint(Tone::Meta, "···");
                let words = palette.paint(Tone::Title, "Nothing in your history speaks of that.");
                self.output.print_line(&format!("{bars} {words}"));
            }
        }
        for explanation in &answer.explanation {
            self.print_indented(NUMBER_COLUMNS, Tone::Meta, &format!("({explanation})"));
        }
    }

    /// Prints whether the results are of the period that the question names.
    pub(super) fn print_period(&self, answer: &SearchResults) {
        let Some(period) = &answer.period else { return };
        let days = self.calendar.name_days(period.after, period.before.minus_milliseconds(1));
        let words = match period.usage {
            PeriodUse::Timeline => return,
            PeriodUse::Filter => format!("Only {days}"),
            PeriodUse::Unused => format!("Nothing of {days} answers that; this is of any time"),
        };
        self.print_indented(0, Tone::Meta, &words);
    }

    /// Prints what was searched, and the nearest results in a line each, where nothing speaks of what was asked.
    pub(super) fn print_nothing(&self, answer: &SearchResults, messages: u64) {
        let how = match &answer.beyond {
            Some(_) => return,
            None if answer.degraded => "keyword search",
            None => "keyword and semantic search",
        };
        let searched = format!(
            "{} searched with {how} in {}. Exit code 1.",
            format_count(messages, "message"),
            format_duration(answer)
        );
        self.print_indented(2, Tone::Meta, &searched);
        for hit in answer.hits.iter().take(MAX_NEAREST) {
            let text = if hit.snippet.is_empty() { &hit.title } else { &hit.snippet };
            let text = SafeText::single_line(text, MAX_TITLE_CHARS);
            let line = format!("Closest, probably not what you mean: {text}");
            let tail = format!(" ({}) {}", self.calendar.format_day(hit.at), hit.id.short_form());
            let room = self.output.columns().saturating_sub(2 + display_width(&tail));
            self.print_indented(2, Tone::Meta, &format!("{}{tail}", fit_text(&line, room)));
        }
    }

    /// Returns the sentence over results without a condition of the filter.
    pub(super) fn describe_beyond(&self, beyond: &BeyondFilter) -> String {
        match beyond.lifted {
            LiftedCondition::After(after) => format!("Nothing since {}; before that:", self.calendar.format_day(after)),
            LiftedCondition::Before(before) => {
                format!("Nothing before {}; after that:", self.calendar.format_day(before))
            }
            LiftedCondition::Conditions => "Nothing with these filters; without them:".to_owned(),
            LiftedCondition::Project => "Nothing in this project; in others:".to_owned(),
        }
    }

    /// Prints groups, numbered from 1, with an empty line before each.
    pub(super) fn print_groups(&self, groups: &[ResultGroup<'_>]) {
        for (at, group) in groups.iter().enumerate() {
            self.output.print_line("");
            self.print_group(at + 1, group, groups);
        }
    }

    fn print_group(&self, number: usize, group: &ResultGroup<'_>, all: &[ResultGroup<'_>]) {
        let hit = group.best;
        if group.is_note() {
            self.print_note(number, group, all);
            return;
        }
        let title = SafeText::single_line(&hit.title, MAX_TITLE_CHARS);
        self.print_title(number, &title);
        let mut about = vec![self.calendar.format_dated(hit.at)];
        if !group.others.is_empty() {
            about.push(format_count(group.others.len() as u64 + 1, "match"));
        }
        about.push(hit.id.short_form());
        self.print_place(hit, &about.join(" · "), all);
        self.print_exchange(hit, &title);
        for other in group.others.iter().filter(|_| self.is_unfolded) {
            let about = format!("{} · {}", self.calendar.format_dated(other.at), other.id.short_form());
            self.print_indented(NUMBER_COLUMNS, Tone::Meta, &about);
            self.print_exchange(other, "");
        }
    }

    /// Prints a saved note: its text, and who says it.
    fn print_note(&self, number: usize, group: &ResultGroup<'_>, all: &[ResultGroup<'_>]) {
        let (palette, hit) = (self.palette(), group.best);
        let text = if hit.snippet.is_empty() { &hit.title } else { &hit.snippet };
        let text = SafeText::multi_line(text);
        let head = format!("{} ", pad_text(&number.to_string(), NUMBER_COLUMNS - 1));
        let mark = format!("{} {}  ", palette.paint(Tone::Accent, "◆"), palette.paint(Tone::Title, "Saved note"));
        let width = NUMBER_COLUMNS + display_width("◆ Saved note  ");
        for (at, line) in wrap_text(&drop_blank_lines(&text), self.output.columns() - width).iter().enumerate() {
            let before = if at == 0 { format!("{head}{mark}") } else { " ".repeat(width) };
            self.output.print_line(&format!("{before}{line}"));
        }
        let said = match (hit.origin, hit.said_by.as_deref()) {
            (Origin::Person, _) => "you said it".to_owned(),
            (Origin::Model, _) => "Claude concluded it".to_owned(),
            (Origin::Tool | Origin::Web, _) => "a tool printed it".to_owned(),
            (Origin::Client, _) => "the client wrote it".to_owned(),
            (Origin::Elsewhere, Some(name)) => format!("said by {}", SafeText::single_line(name, MAX_PROJECT_CHARS)),
            (Origin::Elsewhere, None) => "from elsewhere, not confirmed".to_owned(),
        };
        let about = format!("{said}, {} · {}", self.calendar.format_dated(hit.at), hit.id.short_form());
        self.print_place(hit, &about, all);
        self.print_explanation(hit);
    }

    /// Prints the project of a hit, what is to be said of it, and whether it was changed; on lines of their own where
    /// one is too short.
    fn print_place(&self, hit: &Hit, about: &str, all: &[ResultGroup<'_>]) {
        let palette = self.palette();
        let about = &format!("{about}{}", describe_place(hit.has_unsigned_place));
        let project = SafeText::single_line(&hit.project, MAX_PROJECT_CHARS);
        let place = format!("{:NUMBER_COLUMNS$}{} {project}", "", palette.paint_project(&hit.project));
        let (tone, change) = self.describe_succession(hit, all);
        let room = self.output.columns().saturating_sub(NUMBER_COLUMNS + 2);
        let (project, about_width) = (display_width(&project), display_width(about));
        let one_line = project + 2 + about_width <= room;
        let with_change = one_line && project + about_width + display_width(&change) + 4 <= room;
        let about = palette.paint(Tone::Meta, about);
        let painted = palette.paint(tone, &change);
        match (one_line, with_change) {
            (true, true) if change.is_empty() => self.output.print_line(&format!("{place}  {about}")),
            (true, true) => self.output.print_line(&format!("{place}  {about}  {painted}")),
            (true, false) => self.output.print_line(&format!("{place}  {about}")),
            (false, _) => {
                self.output.print_line(&place);
                self.output.print_line(&format!("{:NUMBER_COLUMNS$}{about}", ""));
            }
        }
        if !with_change && !change.is_empty() {
            self.output.print_line(&format!("{:NUMBER_COLUMNS$}{painted}", ""));
        }
    }

    fn print_title(&self, number: usize, title: &str) {
        let mut lines = wrap_text(title, self.output.columns() - NUMBER_COLUMNS);
        if lines.len() > MAX_TITLE_LINES {
            lines.truncate(MAX_TITLE_LINES);
            if let Some(last) = lines.last_mut() {
                last.push('…');
            }
        }
        for (at, line) in lines.iter().enumerate() {
            let before = if at == 0 { number.to_string() } else { String::new() };
            let line = self.palette().paint(Tone::Title, line);
            self.output.print_line(&format!("{}{line}", pad_text(&before, NUMBER_COLUMNS)));
        }
    }

    /// Returns whether a later hit changed this one, or this one is the newest, with its tone; empty for most hits.
    fn describe_succession(&self, hit: &Hit, all: &[ResultGroup<'_>]) -> (Tone, String) {
        let place = |id| all.iter().position(|group| group.contains(id)).map(|at| at + 1);
        let named = |id: MessageId| place(id).map_or_else(|| format!("show {}", id.short_form()), |at| at.to_string());
        let replaces = all.iter().any(|group| group.best.changed_by.is_some_and(|later| later.id == hit.id));
        match (hit.changed_by, hit.later) {
            (Some(later), _) => (Tone::Weak, format!("later changed, see {}", named(later.id))),
            (None, Some(later)) => {
                let day = self.calendar.format_day(later.at);
                (Tone::Weak, format!("later on this: {day}, see {}", named(later.id)))
            }
            (None, None) if replaces => (Tone::Good, "newest on this".to_owned()),
            (None, None) => (Tone::Meta, String::new()),
        }
    }

    /// Prints a hit with the question it answers, or the answer it got. A prompt that the title repeats is left out.
    fn print_exchange(&self, hit: &Hit, title: &str) {
        let quote = |quote: &Quote| {
            let speaker = Speaker::of_text(quote.origin, PartKind::Text, &hit.source, None);
            (speaker, SafeText::multi_line(&quote.text))
        };
        let said = (Speaker::of_hit(hit), SafeText::multi_line(&hit.snippet));
        let turns = hit.asked.iter().map(quote).chain([said]).chain(hit.answered.iter().map(quote));
        let turns: Vec<(Speaker, String)> = turns
            .filter(|(_, text)| !is_same_text(text, title) && !text.trim().is_empty())
            .map(|(speaker, text)| (speaker, text.to_string()))
            .collect();
        print_turns(&turns, NUMBER_COLUMNS, self.output);
        self.print_explanation(hit);
    }

    fn print_explanation(&self, hit: &Hit) {
        if let Some(explanation) = &hit.explanation {
            self.print_indented(NUMBER_COLUMNS, Tone::Meta, &format!("({explanation})"));
        }
    }

    fn print_indented(&self, indent: usize, tone: Tone, text: &str) {
        for line in wrap_text(text, self.output.columns() - indent) {
            self.output.print_line(&format!("{:indent$}{}", "", self.palette().paint(tone, &line)));
        }
    }
}

/// Columns from which the first line explains a weak match.
const WIDE_COLUMNS: usize = 72;
/// Results printed in a line each where nothing speaks of what was asked.
const MAX_NEAREST: usize = 2;

/// Formats the time that a search took.
fn format_duration(answer: &SearchResults) -> String {
    let micros: u64 = answer.stages.iter().map(|(_, micros)| *micros).sum();
    format!("{} ms", (micros / 1000).max(1))
}

fn drop_blank_lines(text: &str) -> String {
    text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// Returns true if two texts differ in spaces only.
fn is_same_text(text: &str, title: &str) -> bool {
    !title.is_empty() && text.split_whitespace().eq(title.split_whitespace())
}
