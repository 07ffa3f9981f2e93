//! Who may ask a person, as an operator changes it: shutting a client out, letting it in again, and lifting the limits.

use std::time::Duration;

use tokio::time::sleep;

use crate::Invocation;
use ciba_aws::store::{StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::person::asks::Asks;

/// How often it is tried when the person is asked, or decides, at the same moment.
const TRIES: usize = 5;
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_millis(60);

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOutcome {
    Done,
    /// It was so before, and stays as it was; of a block, since when.
    Already(Option<Timestamp>),
    NoSuchPerson,
}

/// `client` may not ask `person` any more, and what it got before does not count any more.
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

/// `client` may ask `person` again. What it got before the block stays revoked.
pub async fn unblock(
    table: &Table,
    person: &PersonKey,
    client: &ClientId,
    invocation: &Invocation,
) -> Result<BlockOutcome, StoreError> {
    let change = |asks: &Asks| asks.unblocked(client, invocation.now).ok_or(BlockOutcome::Already(None));
    replace(table, person, invocation, change).await
}

/// What `person` was asked before, and is not open, does not count any more, and no client has to wait. Blocks stand.
pub async fn forget_asks(
    table: &Table,
    person: &PersonKey,
    invocation: &Invocation,
) -> Result<BlockOutcome, StoreError> {
    let change = |asks: &Asks| asks.forgotten(invocation.now).ok_or(BlockOutcome::Already(None));
    replace(table, person, invocation, change).await
}

/// 1. Read what the person was asked.
/// 2. Write it changed, if nobody has meanwhile; else once more.
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
    Err(StoreError::Unavailable("the person's asks changed at each try".to_owned()))
}
