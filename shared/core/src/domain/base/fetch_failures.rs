//! Decides when a failed fetch is retried: after a pause that begins at the end of the failed fetch and doubles
//! with each further failure, so that a server that does not respond cannot block its callers.

use std::time::Duration;

use crate::domain::base::time::Timestamp;

/// The pause after the first failure. Unit: seconds.
pub const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause. Unit: minutes.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How long after a failure the next one counts as consecutive. Unit: hours.
pub const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// The number of consecutive failures of a fetch, and when the last one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchFailures {
    /// Zero after a fetch that succeeded.
    pub in_a_row: u32,
    /// The end of the last fetch, or the time by which it must have ended.
    pub ended_at: Timestamp,
}

impl FetchFailures {
    /// The state after one more failure.
    pub fn after(earlier: Option<Self>, ended_at: Timestamp) -> Self {
        let counted = earlier.filter(|earlier| earlier.is_remembered(ended_at)).map_or(0, |it| it.in_a_row);
        Self { in_a_row: counted.saturating_add(1), ended_at }
    }

    /// The state after a successful fetch.
    pub const fn none(ended_at: Timestamp) -> Self {
        Self { in_a_row: 0, ended_at }
    }

    /// Whether the last fetch failed, less than [`REMEMBERED`] ago.
    pub fn is_known(&self, now: Timestamp) -> bool {
        self.in_a_row > 0 && self.is_remembered(now)
    }

    /// Whether it is too early for the next fetch.
    pub fn bars(&self, now: Timestamp) -> bool {
        self.in_a_row > 0 && now < self.ended_at.plus(self.pause())
    }

    /// When this record can be deleted.
    pub fn forgotten_at(&self) -> Timestamp {
        self.ended_at.plus(REMEMBERED)
    }

    fn is_remembered(&self, now: Timestamp) -> bool {
        now < self.forgotten_at()
    }

    fn pause(&self) -> Duration {
        let doublings = self.in_a_row.saturating_sub(1).min(16);
        FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// HYG-4-08
    #[test]
    fn the_pause_doubles_from_5_seconds_to_5_minutes() {
        let mut failures = None;
        for pause in [5, 10, 20, 40, 80, 160, 300, 300, 300] {
            let known = FetchFailures::after(failures, at(1000));
            assert!(known.bars(at(1000)) && known.bars(at(1000 + pause - 1)), "{known:?}");
            assert!(!known.bars(at(1000 + pause)), "{known:?}");
            failures = Some(known);
        }
        let many = FetchFailures { in_a_row: u32::MAX, ended_at: at(1000) };
        assert!(many.bars(at(1299)) && !many.bars(at(1300)));
        assert_eq!(FetchFailures::after(Some(many), at(1001)).in_a_row, u32::MAX);
    }

    /// HYG-4-08
    #[test]
    fn after_an_hour_and_after_a_success_counting_starts_again() {
        let failed = FetchFailures { in_a_row: 7, ended_at: at(1000) };
        assert_eq!(FetchFailures::after(Some(failed), at(4599)).in_a_row, 8);
        assert_eq!(FetchFailures::after(Some(failed), at(4600)).in_a_row, 1);
        assert!(failed.is_known(at(4599)) && !failed.is_known(at(4600)));
        let none = FetchFailures::none(at(1000));
        assert!(!none.bars(at(1000)) && !none.is_known(at(1000)));
        assert_eq!(FetchFailures::after(Some(none), at(1001)).in_a_row, 1);
    }
}
