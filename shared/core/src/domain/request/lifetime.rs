//! When a request expires, and until when it can be decided. The conditional writes of the store repeat both rules.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::client::DeliveryMode;

/// A poll that is at most this early counts as on time, because network latency varies (CIBA §10.1).
pub const POLL_TOLERANCE: Duration = Duration::from_millis(500);
/// `slow_down` lengthens the interval by this much, permanently (CIBA §11).
pub const SLOW_DOWN_STEP: Duration = Duration::from_secs(5);
/// The interval never grows beyond this, so that a client that polled too fast can still get a result.
pub const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// A request stays in the table this long after it expired, so that the client gets `expired_token` and not
/// `invalid_grant` (CIBA §11).
pub const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// The operator's settings for the lifetime of requests.
#[derive(Clone, Copy, Debug)]
pub struct LifetimeSettings {
    /// Range: 10–600 s. Default: 300 s.
    pub default_expiry: Duration,
    /// Range: `default_expiry`–600 s. Default: 600 s.
    pub max_expiry: Duration,
    /// Range: 1–60 s. Default: 5 s.
    pub interval: Duration,
}

/// The shortest lifetime of a request.
pub const MIN_EXPIRY: Duration = Duration::from_secs(10);

/// Parses `requested_expiry`: a positive integer, in seconds (CIBA §7.1). Very large values saturate, because
/// they are clamped anyway. `None` for anything else.
pub fn parse_requested_expiry(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = text.parse::<u64>().unwrap_or(u64::from(u32::MAX));
    (seconds > 0).then(|| Duration::from_secs(seconds.min(u64::from(u32::MAX))))
}

/// The times of one request, set at its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The time until which the person can decide. It is before the request expires, so that the client can still
    /// get the tokens after an approval at the last moment.
    pub decide_until: Timestamp,
}

impl Lifetime {
    pub fn new(
        now: Timestamp,
        requested: Option<Duration>,
        mode: DeliveryMode,
        settings: &LifetimeSettings,
    ) -> Self {
        let length = requested.unwrap_or(settings.default_expiry).clamp(MIN_EXPIRY, settings.max_expiry);
        let to_collect = match mode {
            DeliveryMode::Poll => settings.interval + Duration::from_secs(2),
            DeliveryMode::Ping | DeliveryMode::Push => Duration::from_secs(10),
        };
        let expires_at = now.plus(length);
        Self { created_at: now, expires_at, decide_until: expires_at.minus(to_collect.min(length / 3)) }
    }

    /// There is no state "expired": whether a request has expired is computed from the stored time.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether the person can still decide.
    pub fn is_decidable(&self, now: Timestamp) -> bool {
        now < self.decide_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: LifetimeSettings = LifetimeSettings {
        default_expiry: Duration::from_secs(120),
        max_expiry: Duration::from_secs(600),
        interval: Duration::from_secs(5),
    };
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn lifetime(requested: Option<u64>) -> Lifetime {
        Lifetime::new(NOW, requested.map(Duration::from_secs), DeliveryMode::Poll, &SETTINGS)
    }

    /// CIBA-7.1-24
    #[test]
    fn requested_expiry_is_a_positive_integer_and_is_clamped() {
        let length = |requested| lifetime(requested).expires_at.since(NOW).as_secs();
        assert_eq!(length(None), 120);
        assert_eq!(length(Some(10)), 10);
        assert_eq!(length(Some(300)), 300);
        assert_eq!(length(Some(1)), 10);
        assert_eq!(length(Some(10_000)), 600);
        for text in ["", "0", "-1", "+5", "1.5", "1e3", " 5", "five", "0x10"] {
            assert_eq!(parse_requested_expiry(text), None, "{text:?}");
        }
        assert!(parse_requested_expiry(&"9".repeat(40)).is_some());
    }

    #[test]
    fn what_is_approved_at_the_last_moment_can_still_be_collected() {
        let to_collect = |requested| {
            let lifetime = lifetime(requested);
            lifetime.expires_at.since(lifetime.decide_until).as_millis()
        };
        assert_eq!(to_collect(None), 7000);
        assert_eq!(to_collect(Some(10)), 3333);
    }
}
