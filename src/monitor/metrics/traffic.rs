//! Rates and latencies of the last minutes over all sessions, from counters that only grow, read at intervals.

use std::collections::{BTreeMap, VecDeque};

use super::{BUCKETS, to_float};
use crate::domain::Timestamp;

/// Requests of the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    /// Mean duration in seconds; 0 without requests.
    pub average_seconds: f64,
    /// 95th percentile of durations in seconds, computed like Prometheus' `histogram_quantile`; 0 without requests.
    pub p95_seconds: f64,
    /// Requests per second.
    pub requests: f64,
    /// Failed requests per second.
    pub errors: f64,
}

/// Counters at one time.
#[derive(Debug, Clone, Copy, Default)]
struct CounterTotals {
    requests: i64,
    errors: i64,
    micros: i64,
    /// Requests per bucket; the last is beyond all bounds.
    counts: [i64; BUCKETS.len() + 1],
}

/// Counters at times of the last minutes.
#[derive(Debug)]
pub(super) struct TrafficWindow {
    milliseconds: i64,
    looks: VecDeque<(Timestamp, CounterTotals)>,
}

impl TrafficWindow {
    pub(super) fn new(seconds: u32) -> Self {
        Self { milliseconds: i64::from(seconds) * 1000, looks: VecDeque::new() }
    }

    pub(super) fn set_seconds(&mut self, seconds: u32) {
        self.milliseconds = i64::from(seconds) * 1000;
    }

    /// Records the counters and returns the traffic since the start of the window.
    pub(super) fn sample_traffic(&mut self, counters: &BTreeMap<String, i64>, now: Timestamp) -> Traffic {
        // The last sample before the window stays: the difference to it covers the whole window.
        while self.looks.get(1).is_some_and(|(at, _)| *at <= now.minus_milliseconds(self.milliseconds)) {
            self.looks.pop_front();
        }
        let current = CounterTotals::from_counters(counters);
        let (since, first) = self.looks.front().copied().unwrap_or((now, current));
        // At most one sample per second, however many callers read.
        let recently = self.looks.back().is_some_and(|(at, _)| *at > now.minus_milliseconds(1000));
        if !recently {
            self.looks.push_back((now, current));
        }
        current.subtract_earlier(&first).to_traffic(to_float(now.to_milliseconds() - since.to_milliseconds()) / 1000.0)
    }
}

impl CounterTotals {
    fn from_counters(counters: &BTreeMap<String, i64>) -> Self {
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

    fn subtract_earlier(mut self, before: &Self) -> Self {
        self.requests -= before.requests;
        self.errors -= before.errors;
        self.micros -= before.micros;
        self.counts.iter_mut().zip(before.counts).for_each(|(count, before)| *count -= before);
        self
    }

    fn to_traffic(self, seconds: f64) -> Traffic {
        if self.requests <= 0 {
            return Traffic::default();
        }
        let rate = |count| if seconds > 0.0 { to_float(count) / seconds } else { 0.0 };
        Traffic {
            average_seconds: to_float(self.micros) / 1e6 / to_float(self.requests),
            p95_seconds: self.estimate_quantile(0.95),
            requests: rate(self.requests),
            errors: rate(self.errors),
        }
    }

    /// Estimates a quantile by linear interpolation within a bucket.
    fn estimate_quantile(&self, part: f64) -> f64 {
        let all: i64 = self.counts.iter().sum();
        let (mut below, mut lower) = (0.0, 0.0);
        for (count, upper) in self.counts.iter().zip(BUCKETS) {
            let wanted = part * to_float(all) - below;
            if to_float(*count) >= wanted && *count > 0 {
                return (upper - lower).mul_add(wanted / to_float(*count), lower);
            }
            below += to_float(*count);
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
        let mut window = TrafficWindow::new(300);
        assert_eq!(window.sample_traffic(&counters(50, 0), at(0)), Traffic::default(), "what was before nobody looked");
        let busy = window.sample_traffic(&counters(60, 0), at(100));
        assert!((busy.average_seconds - 6.0).abs() < 1e-9 && (busy.requests - 0.1).abs() < 1e-9, "{busy:?}");
        assert!((busy.p95_seconds - 9.75).abs() < 1e-9, "{busy:?}");
        assert!((window.sample_traffic(&counters(60, 3), at(110)).errors - 3.0 / 110.0).abs() < 1e-9);
        assert!(window.sample_traffic(&counters(60, 3), at(390)).average_seconds > 4.0, "still within");
        let idle = window.sample_traffic(&counters(60, 3), at(800));
        assert_eq!(idle, Traffic::default(), "idleness clears it");
    }
}
