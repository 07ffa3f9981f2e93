//! Removes a passkey, for an operator. The person is notified on all channels.

use crate::Invocation;
use crate::telling::announce::{Untold, announce};
use crate::telling::tell_person::TellPerson;
use ciba_aws::store::{PasskeyRemoved, StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::person::passkey::PasskeyId;
use ciba_core::domain::request::notification::PasskeyEvent;

/// How many times a removal is attempted when the person's passkeys change in the meantime.
const TRIES: usize = 3;

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The passkey is removed. Contains the channels that did not accept the announcement.
    Done(Vec<Untold>),
    /// The person is unknown, or has no such passkey.
    Unknown,
}

/// 1. Read the person and the data shared by their passkeys.
/// 2. Remove the passkey and decrease the count, in one transaction. If something changed in the meantime, start
///    again.
/// 3. Notify the person, whether or not they are enabled. A failure of SNS or the notifier undoes nothing.
pub async fn remove(
    table: &Table,
    tell: &TellPerson,
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
                let untold = announce(tell, operator_name, &person, event, deadline, invocation);
                return Ok(Removal::Done(untold.await));
            }
            PasskeyRemoved::Unknown => return Ok(Removal::Unknown),
            PasskeyRemoved::Changed => {}
        }
    }
    Err(StoreError::Unavailable(
        "RemovePasskey: the person's passkeys changed during every attempt".to_owned(),
    ))
}
