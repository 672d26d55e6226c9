//! Points in time. Owns the one read of the wall clock; everything below the edge takes `now` as an argument.

use std::fmt;

use jiff::tz::TimeZone;

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day of 24 hours.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Milliseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last representable moment, 9999-12-30T22:00:00Z as jiff bounds it.
    const MAX_MILLISECONDS: i64 = 253_402_207_200_000;

    /// Creates a time from milliseconds since the epoch; values outside the years 1 to 9999 are clamped to the epoch or
    /// the end.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        if milliseconds < -62_000_000_000_000 {
            Self(0)
        } else if milliseconds > Self::MAX_MILLISECONDS {
            Self(Self::MAX_MILLISECONDS)
        } else {
            Self(milliseconds)
        }
    }

    /// Returns the milliseconds since the epoch.
    pub const fn to_milliseconds(self) -> i64 {
        self.0
    }

    /// Reads the wall clock. Only edges (command line, server loops) call this.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn read_clock() -> Self {
        Self::from_milliseconds(jiff::Timestamp::now().as_millisecond())
    }

    /// Parses RFC 3339, with any offset, for example `2026-01-22T05:17:14.894Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.parse().ok()?;
        Some(Self::from_milliseconds(parsed.as_millisecond()))
    }

    /// Converts to jiff's type.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// Converts from jiff's type, cut to milliseconds.
    pub fn from_jiff(moment: jiff::Timestamp) -> Self {
        Self::from_milliseconds(moment.as_millisecond())
    }

    /// Formats date and minute in the given zone, for people: `2026-01-22 05:17`.
    pub fn format_minute(self, zone: &TimeZone) -> String {
        self.to_jiff().to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// Returns the time `milliseconds` earlier.
    #[must_use]
    pub const fn minus_milliseconds(self, milliseconds: i64) -> Self {
        Self::from_milliseconds(self.0.saturating_sub(milliseconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_jiff().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints_rfc_3339() {
        let moment = Timestamp::parse_rfc3339("2026-01-22T06:17:14.894+01:00").unwrap();
        assert_eq!(moment.to_string(), "2026-01-22T05:17:14.894Z");
        assert_eq!(moment.format_minute(&TimeZone::UTC), "2026-01-22 05:17");
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn absurd_clocks_are_clamped() {
        assert_eq!(Timestamp::from_milliseconds(i64::MIN).to_milliseconds(), 0);
        assert!(Timestamp::from_milliseconds(i64::MAX).to_string().starts_with("9999"));
    }
}
