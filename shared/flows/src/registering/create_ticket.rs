//! Making an enrollment ticket: by an operator, who knows whom they have in front of them.

use crate::Invocation;
use ciba_aws::store::{StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::person::passkey::UserHandle;
use ciba_core::domain::person::ticket::{Admission, Ticket, TicketKind, TicketSecret};

/// Why there is no ticket.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoTicket {
    /// Unknown, or disabled.
    #[error("inactive")]
    Inactive,
    /// The person has as many passkeys as there can be.
    #[error("full")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// 1. Read the person, who must be active and have room for a passkey.
/// 2. Give them a user handle if they have none: it is the same for all their passkeys, so it is there before the first.
/// 3. Write down the ticket, by its hash.
///
/// What is returned is the only copy of the secret.
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
    let secret = TicketSecret::from_bytes(invocation.random());
    let ticket = Ticket::new(&secret, found.key, kind, invocation.random(), invocation.now);
    match passkeys {
        Some(passkeys) if ticket.admission(&passkeys) == Admission::Full => return Err(NoTicket::Full),
        Some(_) => {}
        None => {
            let handle = UserHandle::from_bytes(invocation.random());
            // If somebody else was first, theirs is the person's.
            table.insert_user_handle(&ticket.person, &handle, &invocation.write_id).await?;
        }
    }
    if table.insert_ticket(&ticket, &invocation.write_id).await? {
        Ok((secret, ticket))
    } else {
        Err(StoreError::Unavailable("PutItem ticket: its name is taken".to_owned()).into())
    }
}
