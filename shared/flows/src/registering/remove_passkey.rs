//! Removing a passkey: by an operator. Its person is told on all channels.

use crate::Invocation;
use crate::telling::announce::{Untold, announce};
use ciba_aws::notify::Notifier;
use ciba_aws::store::{PasskeyRemoved, StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::person::passkey::PasskeyId;
use ciba_core::domain::request::notification::PasskeyEvent;

/// How often a removal is tried when the person's passkeys change meanwhile.
const TRIES: usize = 3;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone. Who could not be told of it is in here.
    Done(Vec<Untold>),
    /// The person is unknown, or has no such passkey.
    Unknown,
}

/// 1. Read the person and what their passkeys have in common.
/// 2. Remove the passkey and count it off, in one transaction. If something changed meanwhile, look again.
/// 3. Tell the person, whether they are enabled or not. What SNS does not take undoes nothing.
pub async fn remove(
    table: &Table,
    notifier: &Notifier,
    operator_name: &str,
    person: &PersonKey,
    id: &PasskeyId,
    invocation: &Invocation,
) -> Result<Removal, StoreError> {
    for _ in 0..TRIES {
        let Some((person, Some(passkeys))) = table.find_person_with_passkeys(person).await? else {
            return Ok(Removal::Unknown);
        };
        match table.remove_passkey(&person.key, id, &passkeys, &invocation.write_id).await? {
            PasskeyRemoved::Done => {
                let (event, deadline) = (PasskeyEvent::Removed, invocation.deadline);
                return Ok(Removal::Done(announce(notifier, operator_name, &person, event, deadline).await));
            }
            PasskeyRemoved::Unknown => return Ok(Removal::Unknown),
            PasskeyRemoved::Changed => {}
        }
    }
    Err(StoreError::Unavailable("RemovePasskey: the person's passkeys changed at each try".to_owned()))
}
