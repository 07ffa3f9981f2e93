//! How often a person may be asked. This endpoint rings phones, so the limits hold from the first request.

use std::time::Duration;

use crate::domain::client::ClientId;
use crate::domain::request_key::RequestKey;
use crate::domain::time::Timestamp;

/// The most asks that are remembered per person, and so the upper bound of both limits.
pub const MAX_REMEMBERED: usize = 16;
const TEN_MINUTES: Duration = Duration::from_secs(10 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many asks one person gets, over all clients (`ATK-1-05`).
#[derive(Clone, Copy, Debug)]
pub struct AskLimits {
    /// Range: 1–16. Default: 3.
    pub per_ten_minutes: usize,
    /// Range: 1–16. Default: 10.
    pub per_day: usize,
}

/// One ask, whatever became of it: a withdrawn one stays counted, because the message may have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub client: ClientId,
    pub request: RequestKey,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// A person's recent asks. The version makes two simultaneous requests notice each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    pub version: u64,
    pub recent: Vec<Ask>,
}

/// What admitting one more ask means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub asks: Asks,
    /// The same client's earlier request that may still be pending: at most one is (`ATK-1-05`).
    pub supersedes: Option<RequestKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitReached;

impl Asks {
    /// Admits `ask` within `limits`, and forgets what no limit looks at any more.
    pub fn admit(&self, ask: Ask, limits: &AskLimits) -> Result<Admitted, LimitReached> {
        let now = ask.at;
        let within = |window: Duration| self.recent.iter().filter(|a| now.since(a.at) < window).count();
        if within(TEN_MINUTES) >= limits.per_ten_minutes || within(DAY) >= limits.per_day {
            return Err(LimitReached);
        }
        // Each of a client's requests superseded the one before, so only the newest can still be pending.
        let supersedes = self
            .recent
            .iter()
            .rev()
            .find(|a| a.client == ask.client)
            .filter(|a| a.expires_at > now)
            .map(|a| a.request);
        let kept = self.recent.iter().filter(|a| now.since(a.at) < DAY).cloned();
        let recent = kept.chain([ask]).collect();
        Ok(Admitted { asks: Self { version: self.version + 1, recent }, supersedes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AskLimits = AskLimits { per_ten_minutes: 3, per_day: 10 };

    fn ask(client: &str, n: u8, minute: i64) -> Ask {
        let at = Timestamp::from_seconds(1_800_000_000 + minute * 60);
        Ask {
            client: ClientId::parse(client).unwrap(),
            request: RequestKey::from_bytes([n; 16]),
            at,
            expires_at: at.plus(Duration::from_secs(120)),
        }
    }

    /// ATK-1-05
    #[test]
    fn three_asks_in_ten_minutes_are_admitted_and_a_fourth_waits_until_the_first_is_old() {
        let mut asks = Asks::default();
        for n in 0..3 {
            asks = asks.admit(ask("kiosk", n, i64::from(n)), &LIMITS).unwrap().asks;
        }
        assert_eq!(asks.admit(ask("other", 9, 9), &LIMITS), Err(LimitReached));
        assert!(asks.admit(ask("other", 9, 10), &LIMITS).is_ok());
    }

    #[test]
    fn ten_asks_a_day_are_admitted_and_an_eleventh_waits_until_the_first_is_a_day_old() {
        let mut asks = Asks::default();
        for n in 0..10 {
            asks = asks.admit(ask("kiosk", n, i64::from(n) * 60), &LIMITS).unwrap().asks;
        }
        assert_eq!(asks.admit(ask("kiosk", 99, 10 * 60), &LIMITS), Err(LimitReached));
        let next = asks.admit(ask("kiosk", 99, 24 * 60), &LIMITS).unwrap().asks;
        assert_eq!(next.recent.len(), 10, "the one that is a day old is forgotten");
        assert_eq!(next.version, asks.version + 1);
    }

    #[test]
    fn a_new_request_supersedes_the_same_clients_newest_unexpired_one_only() {
        let first = Asks::default().admit(ask("kiosk", 1, 0), &LIMITS).unwrap();
        assert_eq!(first.supersedes, None);
        let other = first.asks.admit(ask("teller", 2, 1), &LIMITS).unwrap();
        assert_eq!(other.supersedes, None);
        let again = other.asks.admit(ask("kiosk", 3, 1), &LIMITS).unwrap();
        assert_eq!(again.supersedes, Some(RequestKey::from_bytes([1; 16])));
        let late = first.asks.admit(ask("kiosk", 4, 2), &LIMITS).unwrap();
        assert_eq!(late.supersedes, None, "it expired on its own at that very moment");
    }
}
