//! When the next poll may be sent. Without a clock: every time is a `Duration` since the authentication
//! request was sent.

use std::time::Duration;

/// Spec: CIBA §11: at least 5 seconds more, for this and all later polls. Unit: seconds.
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The maximum wait after unanswered polls, unless the interval is longer. Unit: seconds.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Why another poll is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// `authorization_pending`.
    Pending { retry_after: Option<Duration> },
    /// `slow_down`.
    SlowDown { retry_after: Option<Duration> },
    /// 429, 502, 503 or 504: nothing was decided.
    Unavailable { status: u16, retry_after: Option<Duration> },
    /// A time-out, or a failed connection.
    NoAnswer { reason: String },
}

/// The pace of one request's polls. Polls never overlap, because the next one is computed from the response.
///
/// Spec: CIBA §10.1, §11; RFC 8628 §3.5 for time-outs.
#[derive(Debug)]
pub struct Schedule {
    first: Duration,
    interval: Duration,
    expires_in: Duration,
    unanswered: u32,
}

impl Schedule {
    pub fn new(acknowledged: Duration, interval: Duration, expires_in: Duration) -> Self {
        Self { first: acknowledged.saturating_add(interval), interval, expires_in, unanswered: 0 }
    }

    /// The same pace, starting with a poll at `first`: after a ping there is nothing to wait for.
    ///
    /// Spec: CIBA §10.2.
    #[must_use]
    pub fn beginning(self, first: Duration) -> Self {
        Self { first, ..self }
    }

    /// One interval after the acknowledgement, unless set otherwise. `None`: the request expires before.
    pub fn first(&self) -> Option<Duration> {
        self.before_expiry(self.first)
    }

    /// The next poll, after one `sent` and answered (or given up) at `received`. `None`: the request expires before.
    pub fn next(&mut self, sent: Duration, received: Duration, wait: &Wait) -> Option<Duration> {
        self.unanswered = match wait {
            Wait::NoAnswer { .. } | Wait::Unavailable { retry_after: None, .. } => {
                self.unanswered.saturating_add(1)
            }
            Wait::Pending { .. } | Wait::SlowDown { .. } | Wait::Unavailable { .. } => 0,
        };
        if let Wait::SlowDown { .. } = wait {
            self.interval = self.interval.saturating_add(SLOW_DOWN);
        }
        // The interval counts from the sending of the poll: a slow response has already used up some of it.
        let by_interval = sent.saturating_add(self.interval);
        let by_answer = received.saturating_add(match wait {
            Wait::Pending { retry_after } | Wait::SlowDown { retry_after } => retry_after.unwrap_or_default(),
            Wait::Unavailable { retry_after: Some(retry_after), .. } => *retry_after,
            Wait::Unavailable { retry_after: None, .. } | Wait::NoAnswer { .. } => self.backoff(),
        });
        self.before_expiry(by_interval.max(by_answer))
    }

    /// Doubles with every consecutive unanswered poll.
    fn backoff(&self) -> Duration {
        let factor = 2_u32.saturating_pow(self.unanswered);
        self.interval.saturating_mul(factor).min(LONGEST_BACKOFF.max(self.interval))
    }

    fn before_expiry(&self, at: Duration) -> Option<Duration> {
        (at < self.expires_in).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PENDING: Wait = Wait::Pending { retry_after: None };

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn schedule() -> Schedule {
        Schedule::new(s(1), s(5), s(1000))
    }

    fn no_answer() -> Wait {
        Wait::NoAnswer { reason: "time-out".to_owned() }
    }

    #[test]
    fn the_first_poll_waits_one_interval_from_the_acknowledgement() {
        assert_eq!(schedule().first(), Some(s(6)));
    }

    #[test]
    fn after_a_ping_the_first_poll_is_at_once_and_the_pace_stays() {
        let mut schedule = schedule().beginning(s(2));
        assert_eq!(schedule.first(), Some(s(2)));
        assert_eq!(schedule.next(s(2), s(2), &PENDING), Some(s(7)));
        assert_eq!(Schedule::new(s(0), s(5), s(10)).beginning(s(10)).first(), None);
    }

    /// CIBA-10.1-04
    #[test]
    fn the_interval_runs_from_the_sending_of_a_poll() {
        assert_eq!(schedule().next(s(10), s(12), &PENDING), Some(s(15)));
    }

    /// CIBA-10.1-05: the answer took longer than the interval.
    #[test]
    fn after_a_slow_answer_the_next_poll_follows_at_once() {
        assert_eq!(schedule().next(s(10), s(35), &PENDING), Some(s(35)));
    }

    /// CIBA-10.1-12
    #[test]
    fn slow_down_adds_five_seconds_for_good() {
        let mut schedule = schedule();
        assert_eq!(schedule.next(s(0), s(0), &Wait::SlowDown { retry_after: None }), Some(s(10)));
        assert_eq!(schedule.next(s(10), s(10), &PENDING), Some(s(20)));
        assert_eq!(schedule.next(s(20), s(20), &Wait::SlowDown { retry_after: None }), Some(s(35)));
    }

    #[test]
    fn a_longer_retry_after_is_honoured_and_a_shorter_one_is_not() {
        let pending = |seconds| Wait::Pending { retry_after: Some(s(seconds)) };
        assert_eq!(schedule().next(s(10), s(11), &pending(9)), Some(s(20)));
        assert_eq!(schedule().next(s(10), s(11), &pending(1)), Some(s(15)));
        let slow_down = Wait::SlowDown { retry_after: Some(s(30)) };
        assert_eq!(schedule().next(s(10), s(11), &slow_down), Some(s(41)));
    }

    /// CIBA-10.1-09
    #[test]
    fn overload_with_retry_after_is_tried_again_then() {
        let overload = Wait::Unavailable { status: 503, retry_after: Some(s(20)) };
        assert_eq!(schedule().next(s(10), s(11), &overload), Some(s(31)));
    }

    #[test]
    fn unanswered_polls_back_off_exponentially_up_to_a_minute() {
        let mut schedule = schedule();
        let mut waits = Vec::new();
        for _ in 0..6 {
            waits.push(schedule.next(s(0), s(0), &no_answer()).unwrap().as_secs());
        }
        assert_eq!(waits, [10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn an_answer_ends_the_backing_off() {
        let mut schedule = schedule();
        schedule.next(s(0), s(0), &no_answer());
        schedule.next(s(0), s(0), &no_answer());
        assert_eq!(schedule.next(s(50), s(50), &PENDING), Some(s(55)));
        assert_eq!(schedule.next(s(55), s(55), &no_answer()), Some(s(65)));
    }

    #[test]
    fn an_interval_above_a_minute_is_kept_when_backing_off() {
        let mut schedule = Schedule::new(s(0), s(90), s(1000));
        assert_eq!(schedule.next(s(0), s(0), &no_answer()), Some(s(90)));
    }

    #[test]
    fn there_is_no_poll_at_or_after_expiry() {
        let mut schedule = Schedule::new(s(0), s(5), s(15));
        assert_eq!(schedule.next(s(5), s(5), &PENDING), Some(s(10)));
        assert_eq!(schedule.next(s(10), s(10), &PENDING), None);
        assert_eq!(Schedule::new(s(0), s(5), s(5)).first(), None);
    }
}
