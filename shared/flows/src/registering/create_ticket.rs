//! Creates an enrollment ticket: for an operator who has verified the person's identity, or for a person who has logged in.

use crate::Invocation;
use ciba_aws::store::{StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::person::passkey::UserHandle;
use ciba_core::domain::person::ticket::{Admission, Ticket, TicketKind, TicketSecret};

/// Why there is no ticket.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoTicket {
    /// The person is unknown or disabled.
    #[error("the person is unknown or not active")]
    Inactive,
    /// The person has the maximum number of passkeys.
    #[error("the person has the maximum number of passkeys")]
    Full,
    /// The person had passkeys before: an operator has to verify their identity again.
    #[error("the person had passkeys before, and has none")]
    ByOperator,
    /// Nobody could tell the person that somebody set up a passkey in their name.
    #[error("the person has no channel")]
    Unreachable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// 1. Read the person, who must be active and must not have the maximum number of passkeys.
/// 2. Give them a user handle if they have none: all their passkeys share it, so it must exist before the first
///    one.
/// 3. Store the ticket under its hash.
///
/// The returned secret is the only copy.
pub async fn create(
    table: &Table,
    person: &PersonKey,
    kind: TicketKind,
    invocation: &Invocation,
) -> Result<(TicketSecret, Ticket), NoTicket> {
    let (found, passkeys) = table.find_person_with_passkeys(person).await?.ok_or(NoTicket::Inactive)?;
    if !found.active {
        return Err(NoTicket::Inactive);
    }
    if kind == TicketKind::Own && found.channels.is_empty() {
        return Err(NoTicket::Unreachable);
    }
    let secret = TicketSecret::from_bytes(invocation.random());
    let ticket = Ticket::new(&secret, found.key, kind, invocation.random(), invocation.now);
    match passkeys {
        Some(passkeys) => match ticket.admission(&passkeys) {
            Admission::Alone | Admission::WithAssertion => {}
            Admission::Full => return Err(NoTicket::Full),
            Admission::ByOperator => return Err(NoTicket::ByOperator),
        },
        None => {
            let handle = UserHandle::from_bytes(invocation.random());
            // If a concurrent call was first, its user handle is the person's.
            table.insert_user_handle(&ticket.person, &handle, &invocation.write_id).await?;
        }
    }
    if table.insert_ticket(&ticket, &invocation.write_id).await? {
        Ok((secret, ticket))
    } else {
        Err(StoreError::Unavailable("PutItem ticket: the key already exists".to_owned()).into())
    }
}
