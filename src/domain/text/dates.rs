//! Days and months named inside a sentence, in English and Chinese: "on 8 May", "in June 2023", "2023-05-08", "5月2日",
//! "yesterday", "three weeks ago", "上周". Owns finding them; [`crate::domain::date_bound`] owns the bounds of a filter.

use std::sync::LazyLock;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex_lite::{Captures, Regex};

use super::compile_rule;
use crate::domain::Timestamp;
use crate::domain::date_bound;

/// Day or period that a sentence names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedDay {
    /// A day or a month of any year.
    Yearly {
        /// 1 to 12.
        month: i8,
        /// 1 to 31; `None` is the whole month.
        day: Option<i8>,
    },
    /// All days from `first` to `last`.
    Range {
        /// The first day.
        first: Date,
        /// The last day.
        last: Date,
    },
}

const MONTHS: &str = "january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec";

/// Meaning of the captures of a rule.
#[derive(Clone, Copy)]
enum CaptureMeaning {
    DayMonthYear,
    MonthDayYear,
    MonthYear,
    Month,
    Numbers,
    Relative,
}

static DATE_RULES: LazyLock<Vec<(Regex, CaptureMeaning)>> = LazyLock::new(|| {
    let rules = [
        (r"\b([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})\b".to_owned(), CaptureMeaning::Numbers),
        (r"(?:([0-9]{4})年)?([0-9]{1,2})月([0-9]{1,2})[日号]".to_owned(), CaptureMeaning::Numbers),
        (r"(?:([0-9]{4})年)?([0-9]{1,2})月份?".to_owned(), CaptureMeaning::Numbers),
        (format!(r"\b([0-9]{{1,2}})(?:st|nd|rd|th)?(?: of)? ({MONTHS})\b\.?,?(?: ([0-9]{{4}})\b)?"), CaptureMeaning::DayMonthYear),
        (format!(r"\b({MONTHS})\b\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?\b(?:,? ([0-9]{{4}})\b)?"), CaptureMeaning::MonthDayYear),
        (format!(r"\b({MONTHS})\b\.?,?(?: of)? ([0-9]{{4}})\b"), CaptureMeaning::MonthYear),
        (format!(r"\b(?:in|during|last|since|until) ({MONTHS})\b"), CaptureMeaning::Month),
        (
            r"\b(yesterday|today|last (?:week|month|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|this (?:week|month)|(?:[0-9]+|an?|one) (?:day|week|month|year)s? ago)\b"
                .to_owned(),
            CaptureMeaning::Relative,
        ),
        (
            "(昨天|昨日|今天|前天|本周|这周|上周|上星期|上个星期|本月|这个月|上个月|上月|去年|今年|[0-9一二两三四五六七八九十]+个?(?:天|周|星期|月|年)前)".to_owned(),
            CaptureMeaning::Relative,
        ),
    ];
    rules.into_iter().map(|(pattern, shape)| (compile_rule(&format!("(?i){pattern}")), shape)).collect()
});

/// Returns true if a text can name a day: most do not, and the rules take milliseconds to compile.
fn may_name_a_day(text: &str) -> bool {
    const HINTS: [&str; 24] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "day", "week", "month",
        "year", "年", "月", "天", "日", "周", "星期", "-", "/",
    ];
    let lower = text.to_lowercase();
    HINTS.iter().any(|hint| lower.contains(hint))
}

/// Finds the days that a text names.
///
/// The first rule that finds any decides, so that "8 May 2023" is not also all of May.
/// `zone` is called only if the text may name a day: reading the system's time zone takes as long as a small search.
pub fn find_days(text: &str, now: Timestamp, zone: impl Fn() -> TimeZone) -> Vec<NamedDay> {
    if !may_name_a_day(text) {
        return Vec::new();
    }
    let zone = &zone();
    let found = DATE_RULES.iter().map(|(rule, shape)| -> Vec<NamedDay> {
        rule.captures_iter(text).filter_map(|captures| parse_captures(&captures, *shape, now, zone)).collect()
    });
    found.into_iter().find(|days| !days.is_empty()).unwrap_or_default()
}

fn parse_captures(captures: &Captures<'_>, shape: CaptureMeaning, now: Timestamp, zone: &TimeZone) -> Option<NamedDay> {
    let text = |index: usize| captures.get(index).map(|found| found.as_str());
    let number = |index: usize| text(index).and_then(|text| text.parse::<i16>().ok());
    let small = |index: usize| number(index).and_then(|number| i8::try_from(number).ok());
    match shape {
        CaptureMeaning::DayMonthYear => make_day(number(3), month_number(text(2)?)?, small(1)),
        CaptureMeaning::MonthDayYear => make_day(number(3), month_number(text(1)?)?, small(2)),
        CaptureMeaning::MonthYear => make_day(number(2), month_number(text(1)?)?, None),
        CaptureMeaning::Month => make_day(None, month_number(text(1)?)?, None),
        CaptureMeaning::Numbers => make_day(number(1), small(2)?, if captures.len() > 3 { small(3) } else { None }),
        CaptureMeaning::Relative => parse_relative_day(text(1)?, now, zone),
    }
}

fn make_day(year: Option<i16>, month: i8, day: Option<i8>) -> Option<NamedDay> {
    let Some(year) = year else {
        // A leap year, so that every day that exists is accepted.
        Date::new(2024, month, day.unwrap_or(1)).ok()?;
        return Some(NamedDay::Yearly { month, day });
    };
    let first = Date::new(year, month, day.unwrap_or(1)).ok()?;
    Some(NamedDay::Range { first, last: if day.is_some() { first } else { first.last_of_month() } })
}

fn month_number(name: &str) -> Option<i8> {
    let all = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = name.get(..3)?.to_ascii_lowercase();
    let index = all.iter().position(|month| *month == start)?;
    i8::try_from(index + 1).ok()
}

fn parse_relative_day(text: &str, now: Timestamp, zone: &TimeZone) -> Option<NamedDay> {
    let first = date_bound::parse_date_bound(text, now, zone).ok()?.to_jiff().to_zoned(zone.clone()).date();
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    // How exact the words are: "3 weeks ago" means a week, "last month" a month.
    let last = if has(&["year", "年"]) {
        first.checked_add(1.year()).ok()?.yesterday().ok()?
    } else if has(&["month", "月"]) {
        first.checked_add(1.month()).ok()?.yesterday().ok()?
    } else if has(&["week", "周", "星期"]) {
        first.checked_add(6.days()).ok()?
    } else {
        first
    };
    Some(NamedDay::Range { first, last })
}

impl NamedDay {
    /// Rates how well a time fits: 1 on the day or in the period, 0.5 up to three days after it, 0 otherwise.
    ///
    /// People write about a day shortly after it. A month of any year has no days after.
    pub fn rate_time(self, at: Timestamp, zone: &TimeZone) -> f32 {
        let date = at.to_jiff().to_zoned(zone.clone()).date();
        let after = match self {
            Self::Yearly { month, day: None } => return f32::from(u8::from(date.month() == month)),
            Self::Yearly { month, day: Some(day) } => match Date::new(date.year(), month, day) {
                Ok(named) => days_between(named, date),
                Err(_) => return 0.0,
            },
            Self::Range { first, .. } if date < first => return 0.0,
            Self::Range { last, .. } if date <= last => 0,
            Self::Range { last, .. } => days_between(last, date),
        };
        match after {
            0 => 1.0,
            1..=3 => 0.5,
            _ => 0.0,
        }
    }
}

fn days_between(first: Date, last: Date) -> i32 {
    first.until(last).map_or(i32::MAX, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_sentences() {
        let now = Timestamp::parse_rfc3339("2026-11-18T12:00:00Z").unwrap();
        let check = |text: &str, yes: &str, no: &str| {
            let days = find_days(text, now, || TimeZone::UTC);
            let fits = |at: &str| {
                let at = Timestamp::parse_rfc3339(&format!("{at}T10:00:00Z")).unwrap();
                days.iter().any(|day| day.rate_time(at, &TimeZone::UTC) > 0.9)
            };
            assert!(fits(yes), "{text}: {days:?} should fit {yes}");
            assert!(!fits(no), "{text}: {days:?} should not fit {no}");
        };
        check("What did Ann do on 8 May 2023?", "2023-05-08", "2023-05-20");
        check("the talk of May 8th", "2021-05-08", "2021-05-10");
        check("who called in June?", "2023-06-30", "2023-07-01");
        check("what broke in March 2024", "2024-03-31", "2025-03-01");
        check("log of 2026-01-06, please", "2026-01-06", "2026-01-05");
        check("我在5月2日去了哪里", "2023-05-02", "2023-05-01");
        check("2023年4月27号说了什么", "2023-04-27", "2024-04-27");
        check("yesterday we changed the pool", "2026-11-17", "2026-11-18");
        check("what did I fix last week", "2026-11-11", "2026-11-17");
        check("三天前的错误", "2026-11-15", "2026-11-14");
        check("上个月的报告", "2026-10-31", "2026-11-01");
        for text in ["I may go", "version 1.2.3", "march on", "the second of them", "13 of 14", ""] {
            assert_eq!(find_days(text, now, || TimeZone::UTC), [], "{text}");
        }
    }

    #[test]
    fn a_few_days_later_still_counts_a_little() {
        let day = NamedDay::Yearly { month: 5, day: Some(30) };
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        assert!((day.rate_time(at("2023-05-31T08:00:00Z"), &TimeZone::UTC) - 0.5).abs() < 1e-6);
        assert!(day.rate_time(at("2023-05-29T08:00:00Z"), &TimeZone::UTC) < 1e-6);
    }
}
