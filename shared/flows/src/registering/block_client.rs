//! Controls which clients may ask a person, for an operator: blocks and unblocks clients, and resets the limits.

use std::time::Duration;

use tokio::time::sleep;

use crate::Invocation;
use ciba_aws::store::{StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::person::asks::Asks;

/// How many times the change is attempted when the person is asked, or decides, at the same time.
const TRIES: usize = 5;
/// The longest pause between two attempts.
const PAUSE: Duration = Duration::from_millis(60);

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOutcome {
    Done,
    /// Nothing had to be changed. If the client was already blocked, this contains the time of the block.
    Already(Option<Timestamp>),
    NoSuchPerson,
}

/// Blocks `client` for `person`: it may no longer ask, and the tokens that it received before are revoked.
pub async fn block(
    table: &Table,
    person: &PersonKey,
    client: &ClientId,
    invocation: &Invocation,
) -> Result<BlockOutcome, StoreError> {
    let change = |asks: &Asks| match asks.blocked_at(client) {
        Some(at) => Err(BlockOutcome::Already(Some(at))),
        None => Ok(asks.reported(client, invocation.now)),
    };
    replace(table, person, invocation, change).await
}

/// Lets `client` ask `person` again. The tokens that it received before the block remain revoked.
pub async fn unblock(
    table: &Table,
    person: &PersonKey,
    client: &ClientId,
    invocation: &Invocation,
) -> Result<BlockOutcome, StoreError> {
    let change = |asks: &Asks| asks.unblocked(client, invocation.now).ok_or(BlockOutcome::Already(None));
    replace(table, person, invocation, change).await
}

/// Resets the limits for `person`: earlier requests that are not open no longer count, and no client has to wait.
/// Blocks remain.
pub async fn forget_asks(
    table: &Table,
    person: &PersonKey,
    invocation: &Invocation,
) -> Result<BlockOutcome, StoreError> {
    let change = |asks: &Asks| asks.forgotten(invocation.now).ok_or(BlockOutcome::Already(None));
    replace(table, person, invocation, change).await
}

/// 1. Read the person's asks.
/// 2. Write the changed asks, unless they were changed in the meantime; in that case retry.
async fn replace(
    table: &Table,
    person: &PersonKey,
    invocation: &Invocation,
    change: impl Fn(&Asks) -> Result<Asks, BlockOutcome>,
) -> Result<BlockOutcome, StoreError> {
    for _ in 0..TRIES {
        let Some((_, asks)) = table.find_person_with_asks(person).await? else {
            return Ok(BlockOutcome::NoSuchPerson);
        };
        let next = match change(&asks) {
            Ok(next) => next,
            Err(outcome) => return Ok(outcome),
        };
        if table.replace_asks(person, &next, &invocation.write_id).await? {
            return Ok(BlockOutcome::Done);
        }
        sleep(invocation.jitter(PAUSE)).await;
    }
    Err(StoreError::Unavailable("the person's asks changed during every attempt".to_owned()))
}
