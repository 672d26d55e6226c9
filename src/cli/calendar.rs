//! Times as people read them: a date with its age, the time inside a day, a day by its name. `now` is an argument.

use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::Timestamp;
use crate::domain::text::counts::format_count;

const MINUTE_MS: i64 = 60_000;

/// Zone and present of one answer.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    zone: TimeZone,
    now: Timestamp,
}

impl Calendar {
    /// Creates the calendar of the system's time zone.
    pub(super) fn at(now: Timestamp) -> Self {
        Self { zone: TimeZone::system(), now }
    }

    fn to_zoned(&self, at: Timestamp) -> Zoned {
        at.to_jiff().to_zoned(self.zone.clone())
    }

    /// Returns the date of a time.
    pub(super) fn date_of(&self, at: Timestamp) -> Date {
        self.to_zoned(at).date()
    }

    /// Formats a date with its age: `19 Jun 2026 (5 months ago)`; of today the time.
    pub(super) fn format_dated(&self, at: Timestamp) -> String {
        let date = self.date_of(at);
        if date == self.date_of(self.now) {
            return format!("today {} ({})", self.format_clock(at), self.format_age(at));
        }
        format!("{} ({})", date.strftime("%-d %b %Y"), self.format_age(at))
    }

    /// Formats a date without its age: `19 Jun`, with the year if it is another one.
    pub(super) fn format_day(&self, at: Timestamp) -> String {
        let (date, today) = (self.date_of(at), self.date_of(self.now));
        let form = if date.year() == today.year() { "%-d %b" } else { "%-d %b %Y" };
        date.strftime(form).to_string()
    }

    /// Formats the time inside a day: `09:14`.
    pub(super) fn format_clock(&self, at: Timestamp) -> String {
        self.to_zoned(at).strftime("%H:%M").to_string()
    }

    /// Formats how long ago a time was: `12 minutes ago`, `yesterday`, `5 months ago`.
    pub(super) fn format_age(&self, at: Timestamp) -> String {
        let ago = self.now.to_milliseconds().saturating_sub(at.to_milliseconds());
        let days = self.days_before_today(self.date_of(at));
        let count = |number: i64, unit: &str| format!("{} ago", format_count(u64::try_from(number).unwrap_or(0), unit));
        if ago < 0 {
            return "in the future".to_owned();
        }
        match days {
            ..=0 if ago < MINUTE_MS => "just now".to_owned(),
            ..=0 if ago < 60 * MINUTE_MS => count(ago / MINUTE_MS, "minute"),
            ..=0 => count(ago / (60 * MINUTE_MS), "hour"),
            1 => "yesterday".to_owned(),
            2..=13 => count(days, "day"),
            14..=59 => count(days / 7, "week"),
            60..=729 => count(days * 10 / 304, "month"),
            _ => count(days / 365, "year"),
        }
    }

    fn days_before_today(&self, date: Date) -> i64 {
        date.until(self.date_of(self.now)).map_or(0, |span| i64::from(span.get_days()))
    }

    /// Names the days from one time to another: `Friday 27 November`, `1 January to 31 January`.
    pub(super) fn name_days(&self, first: Timestamp, last: Timestamp) -> String {
        if self.date_of(first) == self.date_of(last) {
            return self.name_day(self.date_of(first));
        }
        format!("{} to {}", self.format_day(first), self.format_day(last))
    }

    /// Names a day: `Yesterday, Friday 27 November`; the year is added if it is another one.
    pub(super) fn name_day(&self, date: Date) -> String {
        let form = if date.year() == self.date_of(self.now).year() { "%A %-d %B" } else { "%A %-d %B %Y" };
        let named = date.strftime(form).to_string();
        match self.days_before_today(date) {
            0 => format!("Today, {named}"),
            1 => format!("Yesterday, {named}"),
            _ => named,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        let now = Timestamp::parse_rfc3339("2026-11-28T10:00:00Z").unwrap();
        Calendar { zone: TimeZone::UTC, now }
    }

    #[test]
    fn ages_grow_in_units_of_people() {
        for (at, age) in [
            ("2026-11-28T09:59:30Z", "just now"),
            ("2026-11-28T09:59:00Z", "1 minute ago"),
            ("2026-11-28T09:48:00Z", "12 minutes ago"),
            ("2026-11-28T01:00:00Z", "9 hours ago"),
            ("2026-11-27T23:59:00Z", "yesterday"),
            ("2026-11-25T10:00:00Z", "3 days ago"),
            ("2026-11-10T10:00:00Z", "2 weeks ago"),
            ("2026-06-19T10:00:00Z", "5 months ago"),
            ("2026-03-02T10:00:00Z", "8 months ago"),
            ("2024-06-01T10:00:00Z", "2 years ago"),
            ("2027-06-01T10:00:00Z", "in the future"),
        ] {
            assert_eq!(calendar().format_age(Timestamp::parse_rfc3339(at).unwrap()), age, "{at}");
        }
    }

    #[test]
    fn days_have_names() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        assert_eq!(calendar().format_dated(at("2026-06-19T14:03:00Z")), "19 Jun 2026 (5 months ago)");
        assert_eq!(calendar().format_dated(at("2026-11-28T08:00:00Z")), "today 08:00 (2 hours ago)");
        assert_eq!(calendar().format_day(at("2025-06-19T14:03:00Z")), "19 Jun 2025");
        let name = |text: &str| calendar().name_day(text.parse().unwrap());
        assert_eq!(name("2026-11-27"), "Yesterday, Friday 27 November");
        assert_eq!(name("2026-11-28"), "Today, Saturday 28 November");
        assert_eq!(name("2025-11-20"), "Thursday 20 November 2025");
    }
}
