//! Retention of backups: all of the last day, and the newest of each of the last seven days, four weeks and six months.
//! Owns the choice, not the files.

use std::collections::BTreeMap;

use jiff::civil::{Date, ISOWeekDate};
use jiff::tz::TimeZone;

use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;

/// Number of periods of each kind whose newest backup is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Days that have a backup.
    pub daily: usize,
    /// ISO 8601 weeks that have a backup.
    pub weekly: usize,
    /// Months that have a backup.
    pub monthly: usize,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self { daily: 7, weekly: 4, monthly: 6 }
    }
}

impl RetentionPolicy {
    /// Returns the indexes of backups to delete. Backups made within a day of the newest stay: one made before a
    /// cleanup must not be deleted by the next. The newest backup of each kept day, week or month stays too. Days
    /// without a backup do not count.
    pub fn select_expired(self, times: &[Timestamp], zone: &TimeZone) -> Vec<usize> {
        let mut newest_first: Vec<usize> = (0..times.len()).collect();
        newest_first.sort_by_key(|index| std::cmp::Reverse(times.get(*index)));
        let date = |index: &usize| {
            let time = times.get(*index).copied().unwrap_or_default();
            time.to_jiff().to_zoned(zone.clone()).date()
        };
        let mut stays = vec![false; times.len()];
        let mut keep = |count: usize, period: &dyn Fn(Date) -> (i16, i8, i8)| {
            let mut newest = BTreeMap::new();
            for index in &newest_first {
                newest.entry(std::cmp::Reverse(period(date(index)))).or_insert(*index);
            }
            for index in newest.into_values().take(count) {
                stays.get_mut(index).into_iter().for_each(|stays| *stays = true);
            }
        };
        keep(self.daily.max(1), &|date| (date.year(), date.month(), date.day()));
        keep(self.weekly, &|date| {
            let week = ISOWeekDate::from(date);
            (week.year(), week.week(), 0)
        });
        keep(self.monthly, &|date| (date.year(), date.month(), 0));
        let recent =
            newest_first.first().and_then(|index| times.get(*index)).map(|newest| newest.minus_milliseconds(DAY_MS));
        let is_recent = |index: &usize| times.get(*index).zip(recent).is_some_and(|(at, since)| *at > since);
        (0..times.len()).filter(|index| stays.get(*index) == Some(&false) && !is_recent(index)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(&format!("{text}:00Z")).unwrap()
    }

    #[test]
    fn seven_days_four_weeks_six_months() {
        // One a day for two hundred days, the newest on Monday 2026-11-23.
        let newest = at("2026-11-23T02:00");
        let times: Vec<Timestamp> = (0..200).map(|day| newest.minus_milliseconds(day * DAY_MS)).collect();
        let gone = RetentionPolicy::default().select_expired(&times, &TimeZone::UTC);
        let stays: Vec<String> = (0..times.len())
            .filter(|index| !gone.contains(index))
            .map(|index| times[index].to_string().get(..10).unwrap().to_owned())
            .collect();
        let days = ["2026-11-23", "2026-11-22", "2026-11-21", "2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17"];
        let others = ["2026-11-15", "2026-11-08", "2026-10-31", "2026-09-30", "2026-08-31", "2026-07-31", "2026-06-30"];
        assert_eq!(stays, [&days[..], &others[..]].concat());
    }

    #[test]
    fn the_last_day_stays_and_of_a_day_before_only_the_newest() {
        let keep = RetentionPolicy { daily: 0, weekly: 0, monthly: 0 };
        let times = [at("2026-11-23T02:00"), at("2026-11-23T09:00"), at("2026-11-20T09:00"), at("2026-11-20T08:00")];
        assert_eq!(keep.select_expired(&times, &TimeZone::UTC), [2, 3]);
        assert_eq!(RetentionPolicy::default().select_expired(&times, &TimeZone::UTC), [3]);
        assert_eq!(RetentionPolicy::default().select_expired(&[], &TimeZone::UTC), Vec::<usize>::new());
    }
}
