//! The record of wrong user codes.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::client::ClientId;

/// How long a client's wrong codes count after the last one.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The wrong codes that one client sent for a person, without a right one between them.
///
/// They are counted per client, so that a right code resets only that client's count. Otherwise one client could
/// guess while another, which knows the code, keeps resetting the count. The lockout applies to the person,
/// across all clients. It allows so few attempts that there are never more than two dozen entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongCodes {
    pub client: ClientId,
    /// At least 1.
    pub count: u32,
    pub last: Timestamp,
}

impl WrongCodes {
    pub(super) fn counts(&self, now: Timestamp) -> bool {
        now.since(self.last) < REMEMBERED
    }
}
