//! Points in time, as stored in the table: milliseconds since the epoch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far another party's clock may be off: the same leeway for all tokens made by others. The FAPI-CIBA profile
/// accepts a time 10 s ahead and refuses one 60 s ahead. Expirations set by this provider have no leeway.
///
/// Unit: seconds. Range: 10–60 s.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// A point in time.
///
/// Unit: milliseconds since 1970-01-01T00:00:00Z. JWT claims and DynamoDB's `ttl` use [`Timestamp::seconds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A `NumericDate` (RFC 7519 §2) that is out of range saturates; every use compares it with a bound.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The same, rounded up: a client that waits until then is never too early.
    pub const fn seconds_rounded_up(self) -> i64 {
        self.0.saturating_add(999).div_euclid(1000)
    }

    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// The day in UTC: `2026-01-02`. Times before the epoch count as its first day.
    pub fn day(self) -> String {
        const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        // Every 400 years have the same number of days.
        let days = self.seconds().max(0) / 86_400;
        let (cycles, mut days) = (days / 146_097, days % 146_097);
        let mut year = 1970 + 400 * cycles;
        while days >= 365 + i64::from(is_leap(year)) {
            days -= 365 + i64::from(is_leap(year));
            year += 1;
        }
        let mut month = 0;
        while days >= MONTHS[month] + i64::from(month == 1 && is_leap(year)) {
            days -= MONTHS[month] + i64::from(month == 1 && is_leap(year));
            month += 1;
        }
        format!("{year:04}-{:02}-{:02}", month + 1, days + 1)
    }

    /// The date and time in UTC as in RFC 3339 §5.6: `2026-01-02T03:04:05.006Z`. Times before the epoch count as the
    /// epoch.
    pub fn date_time(self) -> String {
        let millis = self.0.max(0);
        let (seconds, millis) = (millis / 1000 % 86_400, millis % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("{}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z", self.day())
    }

    /// The time from `earlier` to `self`; zero if `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A duration in the table's unit.
pub const fn millis(duration: Duration) -> i64 {
    let millis = duration.as_millis();
    if millis > i64::MAX as u128 { i64::MAX } else { millis as i64 }
}

/// Seconds for a response, rounded up so that a client that waits this long is never too early.
pub fn seconds_rounded_up(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_so_that_nobody_is_told_to_come_early() {
        assert_eq!(seconds_rounded_up(Duration::from_millis(4001)), 5);
        assert_eq!(seconds_rounded_up(Duration::from_millis(4000)), 4);
    }

    #[test]
    fn a_date_and_time_are_in_utc_with_milliseconds() {
        for (millis, expected) in [
            (i64::MIN, "1970-01-01T00:00:00.000Z"),
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_800_000_007_500, "2027-01-15T08:00:07.500Z"),
            (4_102_444_799_007, "2099-12-31T23:59:59.007Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).date_time(), expected);
        }
    }

    #[test]
    fn time_since_something_later_is_zero() {
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(late.since(early), Duration::from_millis(4));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
