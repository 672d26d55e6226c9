//! How requests went in the last minutes, of all sessions: from counters that only grow, looked at now and then.

use std::collections::{BTreeMap, VecDeque};

use super::{BUCKETS, number};
use crate::domain::Timestamp;

/// The last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    /// Mean of the requests in seconds; 0 when there were none.
    pub average_seconds: f64,
    /// Nineteen of twenty took no longer, in seconds, as Prometheus' `histogram_quantile` says it; 0 when there were none.
    pub p95_seconds: f64,
    /// Requests a second.
    pub requests: f64,
    /// Requests a second that failed.
    pub errors: f64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    requests: i64,
    errors: i64,
    micros: i64,
    /// By bucket, the last one is beyond all bounds.
    counts: [i64; BUCKETS.len() + 1],
}

/// The counters at moments of the last minutes.
#[derive(Debug)]
pub(super) struct Window {
    milliseconds: i64,
    looks: VecDeque<(Timestamp, Sum)>,
}

impl Window {
    pub(super) fn new(seconds: u32) -> Self {
        Self { milliseconds: i64::from(seconds) * 1000, looks: VecDeque::new() }
    }

    pub(super) fn speak_for(&mut self, seconds: u32) {
        self.milliseconds = i64::from(seconds) * 1000;
    }

    /// Takes the counters in and says how the time since the window's beginning went.
    pub(super) fn look(&mut self, counters: &BTreeMap<String, i64>, now: Timestamp) -> Traffic {
        // The last one before the window stays: what was counted since then is in it.
        while self.looks.get(1).is_some_and(|(at, _)| *at <= now.minus(self.milliseconds)) {
            self.looks.pop_front();
        }
        let current = Sum::of(counters);
        let (since, first) = self.looks.front().copied().unwrap_or((now, current));
        // Many who look do not make it long.
        let recently = self.looks.back().is_some_and(|(at, _)| *at > now.minus(1000));
        if !recently {
            self.looks.push_back((now, current));
        }
        current.minus(&first).traffic(number(now.milliseconds() - since.milliseconds()) / 1000.0)
    }
}

impl Sum {
    fn of(counters: &BTreeMap<String, i64>) -> Self {
        let mut sum = Self::default();
        for (name, value) in counters {
            if name.starts_with("requests/") {
                sum.requests += value;
                sum.errors += if name.ends_with("/error") { *value } else { 0 };
            } else if name.starts_with("micros/") {
                sum.micros += value;
            } else if name.starts_with("bucket/") {
                let place = name.rsplit('/').next().and_then(|place| place.parse::<usize>().ok());
                if let Some(count) = place.and_then(|place| sum.counts.get_mut(place)) {
                    *count += value;
                }
            }
        }
        sum
    }

    fn minus(mut self, before: &Self) -> Self {
        self.requests -= before.requests;
        self.errors -= before.errors;
        self.micros -= before.micros;
        self.counts.iter_mut().zip(before.counts).for_each(|(count, before)| *count -= before);
        self
    }

    fn traffic(&self, seconds: f64) -> Traffic {
        if self.requests <= 0 {
            return Traffic::default();
        }
        let rate = |count| if seconds > 0.0 { number(count) / seconds } else { 0.0 };
        Traffic {
            average_seconds: number(self.micros) / 1e6 / number(self.requests),
            p95_seconds: self.quantile(0.95),
            requests: rate(self.requests),
            errors: rate(self.errors),
        }
    }

    /// Within a bucket every length counts as equally likely.
    fn quantile(&self, part: f64) -> f64 {
        let all: i64 = self.counts.iter().sum();
        let (mut below, mut lower) = (0.0, 0.0);
        for (count, upper) in self.counts.iter().zip(BUCKETS) {
            let wanted = part * number(all) - below;
            if number(*count) >= wanted && *count > 0 {
                return (upper - lower).mul_add(wanted / number(*count), lower);
            }
            below += number(*count);
            lower = upper;
        }
        lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(slow: i64, failed: i64) -> BTreeMap<String, i64> {
        [
            ("requests/tools/call/a/ok", slow),
            ("requests/tools/call/a/error", failed),
            ("micros/tools/call", slow * 6_000_000),
        ]
        .into_iter()
        .chain([("bucket/tools/call/13", slow)])
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    #[test]
    fn it_speaks_for_the_window_and_not_for_what_was_before() {
        let at = |seconds: i64| Timestamp::from_milliseconds(seconds * 1000);
        let mut window = Window::new(300);
        assert_eq!(window.look(&counters(50, 0), at(0)), Traffic::default(), "what was before nobody looked");
        let busy = window.look(&counters(60, 0), at(100));
        assert!((busy.average_seconds - 6.0).abs() < 1e-9 && (busy.requests - 0.1).abs() < 1e-9, "{busy:?}");
        assert!((busy.p95_seconds - 9.75).abs() < 1e-9, "{busy:?}");
        assert!((window.look(&counters(60, 3), at(110)).errors - 3.0 / 110.0).abs() < 1e-9);
        assert!(window.look(&counters(60, 3), at(390)).average_seconds > 4.0, "still within");
        let idle = window.look(&counters(60, 3), at(800));
        assert_eq!(idle, Traffic::default(), "idleness clears it");
    }
}
