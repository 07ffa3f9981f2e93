//! Checking the `user_code` (CIBA §7.1.2): before anything is sent to the person, and after the limits.

use std::time::Duration;

use tokio::time::sleep;

use crate::Invocation;
use crate::asking::Asking;
use ciba_aws::store::{StoreError, Table};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::Client;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::asks::{AskLimits, Asks, LimitReached};
use ciba_core::domain::person::user_code::UserCodeHash;

/// How often a wrong code is tried to be counted when others change the same person's asks.
const TRIES: usize = 5;
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_millis(60);

/// Why the person is not asked. No request is left behind, and no message leaves.
#[derive(Debug, thiserror::Error)]
pub enum UserCodeRefused {
    /// The client may not ask this person now, whatever it sends.
    #[error("limit reached")]
    LimitReached,
    #[error("missing")]
    Missing,
    /// The text is for the log.
    #[error("{0}")]
    Invalid(&'static str),
    /// A wrong code could not be counted, so nothing is said about it.
    #[error("contended")]
    Contended,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LimitReached> for UserCodeRefused {
    fn from(_: LimitReached) -> Self {
        Self::LimitReached
    }
}

/// The code that `client` has to send for `person`, if any.
fn expected<'p>(client: &Client, person: &'p Person) -> Option<&'p UserCodeHash> {
    person.user_code.as_ref().filter(|_| client.takes_user_code)
}

/// The asks to go on with.
///
/// 1. The client may ask this person at all: one that is blocked, has to wait or has used up the limits gets to know
///    nothing about codes, and can neither try them nor have them locked for everybody else.
/// 2. There is something to check only if the client is registered to send codes and the person has one.
/// 3. A code is there (`CIBA-7.1.2-03`).
/// 4. Codes are taken for this person now. While they are not, a right one is refused like a wrong one, unlooked at.
/// 5. It is the right one (`CIBA-7.1.2-04`). A wrong one is counted before the client hears of it, so that parallel
///    attempts cannot learn more than those that count.
pub async fn check_user_code(
    table: &Table,
    Asking { client, person, asked, .. }: Asking<'_>,
    mut asks: Asks,
    limits: &AskLimits,
    invocation: &Invocation,
) -> Result<Asks, UserCodeRefused> {
    let now = invocation.now;
    asks.allow(&client.id, limits, now)?;
    let Some(expected) = expected(client, person) else { return Ok(asks) };
    let presented = asked.user_code.as_ref().ok_or(UserCodeRefused::Missing)?;
    if asks.are_codes_locked(now) {
        return Err(UserCodeRefused::Invalid("too many wrong codes: none is taken now"));
    }
    if expected.matches(presented) {
        return Ok(asks.code_was_right(&client.id));
    }
    for _ in 0..TRIES {
        let next = asks.code_was_wrong(&client.id, now);
        if table.replace_asks(&person.key, &next, &invocation.write_id).await? {
            return Err(UserCodeRefused::Invalid("the code is wrong"));
        }
        sleep(invocation.jitter(PAUSE)).await;
        (_, asks) = table.find_person_with_asks(&person.key).await?.ok_or(UserCodeRefused::Contended)?;
        asks.allow(&client.id, limits, now)?;
        if asks.are_codes_locked(now) {
            return Err(UserCodeRefused::Invalid("the code is one of too many wrong ones"));
        }
    }
    Err(UserCodeRefused::Contended)
}

/// The asks to go on with after they changed under a request whose code was right. `None` if so many wrong codes came in
/// between that none is taken any more: it was right among guesses.
pub(super) fn check_again(client: &Client, person: &Person, fresh: Asks, now: Timestamp) -> Option<Asks> {
    match expected(client, person) {
        None => Some(fresh),
        Some(_) if fresh.are_codes_locked(now) => None,
        Some(_) => Some(fresh.code_was_right(&client.id)),
    }
}
