//! Marks the entries that the operator's resolver described.

use std::time::Duration;

use crate::domain::base::time::Timestamp;

/// How long a person counts as active after the resolver said so. It is as long as the longest request, so that what
/// was said when a request was made still counts when it is redeemed.
pub const BELIEVED_FOR: Duration = Duration::from_secs(600);

/// Marks an entry as the resolver's: by which name the resolver knows the person, and when it was asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The login issuer whose name `subject` is. `None` for a person who has no login.
    pub issuer: Option<String>,
    pub subject: String,
    pub at: Timestamp,
}

/// Whether the resolver has to be asked again before tokens of a request that was made at `asked_at` are refreshed. It
/// answered for that request and its client; what it says to others meanwhile does not count.
pub fn is_outdated(asked_at: Timestamp, now: Timestamp) -> bool {
    now >= asked_at.plus(BELIEVED_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn what_a_resolver_said_is_believed_for_ten_minutes() {
        assert!(!is_outdated(NOW, NOW.plus(Duration::from_secs(599))));
        assert!(is_outdated(NOW, NOW.plus(Duration::from_secs(600))));
    }
}
