//! Wrong user codes, as they are remembered.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::client::ClientId;

/// How long a client's wrong codes count, from the last one on.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// They are counted by client so that a client's right code forgives its own wrong ones only: else somebody could guess in
/// the shadow of a client that knows the code. The lock is the person's, over all clients. It lets so few attempts
/// through that there are never more than two dozen entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongCodes {
    pub client: ClientId,
    /// Range: from 1.
    pub count: u32,
    pub last: Timestamp,
}

impl WrongCodes {
    pub(super) fn counts(&self, now: Timestamp) -> bool {
        now.since(self.last) < REMEMBERED
    }
}
