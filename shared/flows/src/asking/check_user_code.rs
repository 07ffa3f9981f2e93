//! Checks the `user_code` (CIBA §7.1.2), before anything is sent to the person and after the limits have been
//! checked.

use std::time::Duration;

use tokio::time::sleep;

use crate::Invocation;
use crate::asking::Asking;
use ciba_aws::store::Table;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::Client;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::asks::{AskLimits, Asks, LimitReached};
use ciba_core::domain::person::user_code::UserCodeHash;
use ciba_core::protocol::backchannel_authentication::BackchannelAuthenticationError as Error;
use ciba_core::protocol::error::Refusal;

/// How many times recording a wrong code is attempted when others change the same person's asks.
const TRIES: usize = 5;
/// The longest pause between two attempts.
const PAUSE: Duration = Duration::from_millis(60);

/// For the log: a wrong code could not be counted, so the client is not told that it was wrong.
const CONTENDED: &str = "the person's asks changed during every attempt";

/// The client is not told which limit it reached, so that it learns nothing about the person.
pub(super) fn limited(_: LimitReached) -> Refusal<Error> {
    Refusal::because(Error::AccessDenied, "the person was asked too often, or denied or blocked the client")
}

fn wrong(detail: &'static str) -> Refusal<Error> {
    Refusal::because(Error::InvalidUserCode, detail)
}

/// The code that `client` has to send for `person`, if any.
fn expected<'p>(client: &Client, person: &'p Person) -> Option<&'p UserCodeHash> {
    person.user_code.as_ref().filter(|_| client.takes_user_code)
}

/// Returns the asks to continue with.
///
/// 1. The client must be allowed to ask this person. A client that is blocked, has to wait or has reached the
///    limits learns nothing about codes, and can neither guess them nor get them locked for everybody else.
/// 2. A code is checked only if the client is registered to send codes and the person has one.
/// 3. A code must be present, or the error is `missing_user_code` (CIBA §7.1.2, §13).
/// 4. Codes must not be locked for this person. While they are, a correct code is refused like a wrong one,
///    unchecked.
/// 5. The code must be correct, or the error is `invalid_user_code` (CIBA §7.1.2, §13). A wrong one is counted
///    before the client is told, so that parallel attempts cannot learn more than the attempts that are counted.
pub async fn check_user_code(
    table: &Table,
    Asking { client, person, asked, .. }: Asking<'_>,
    mut asks: Asks,
    limits: &AskLimits,
    invocation: &Invocation,
) -> Result<Asks, Refusal<Error>> {
    let now = invocation.now;
    asks.allow(&client.id, limits, now).map_err(limited)?;
    let Some(expected) = expected(client, person) else { return Ok(asks) };
    let presented = asked.user_code.as_ref().ok_or(Error::MissingUserCode)?;
    if asks.are_codes_locked(now) {
        return Err(wrong("too many wrong codes: codes are locked for now"));
    }
    if expected.matches(presented) {
        return Ok(asks.code_was_right(&client.id));
    }
    for _ in 0..TRIES {
        let next = asks.code_was_wrong(&client.id, now);
        if table.replace_asks(&person.key, &next, &invocation.write_id).await? {
            return Err(wrong("the code is wrong"));
        }
        sleep(invocation.jitter(PAUSE)).await;
        let fresh = table.find_person_with_asks(&person.key).await?;
        (_, asks) = fresh.ok_or_else(|| Refusal::unavailable(CONTENDED))?;
        asks.allow(&client.id, limits, now).map_err(limited)?;
        if asks.are_codes_locked(now) {
            return Err(wrong("too many wrong codes: codes were locked in the meantime"));
        }
    }
    Err(Refusal::unavailable(CONTENDED))
}

/// The asks to continue with after they changed during a request whose code was correct. If codes were locked in the
/// meantime, a correct code among that many wrong ones may be a guess.
pub(super) fn check_again(
    client: &Client,
    person: &Person,
    fresh: Asks,
    now: Timestamp,
) -> Result<Asks, Refusal<Error>> {
    match expected(client, person) {
        None => Ok(fresh),
        Some(_) if fresh.are_codes_locked(now) => Err(wrong("too many wrong codes arrived in the meantime")),
        Some(_) => Ok(fresh.code_was_right(&client.id)),
    }
}
