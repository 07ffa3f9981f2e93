//! Cancels a request for an operator or for its client. The client's next poll gets `access_denied`, and nobody
//! can decide any more.

use crate::Invocation;
use ciba_aws::store::{Cancelled, StoreError, Table};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::request::authentication_request::{
    CancelFinding, CancelledBy, Canceller, StateName, cancel as find,
};

/// The outcome of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    Done,
    /// The request was already cancelled, and remains unchanged.
    Already {
        by: CancelledBy,
        at: Timestamp,
    },
    Decided(StateName),
    Expired,
    /// There is no such request, or it does not belong to the canceller.
    Unknown,
}

/// 1. Cancel the request if the canceller may do so and the request is pending and unexpired. This is one
///    conditional write, so that the first decision wins and an expired request cannot change.
/// 2. If it was not cancelled, let the state machine determine why.
pub async fn cancel(
    table: &Table,
    request: &RequestKey,
    canceller: Canceller<'_>,
    invocation: &Invocation,
) -> Result<CancelOutcome, StoreError> {
    let found = match table.cancel_request(request, canceller, invocation.now, &invocation.write_id).await? {
        Cancelled::Done => return Ok(CancelOutcome::Done),
        Cancelled::Otherwise(found) => found,
    };
    match find(found.as_deref(), canceller, invocation.now) {
        CancelFinding::NotYours => Ok(CancelOutcome::Unknown),
        CancelFinding::Already { by, at } => Ok(CancelOutcome::Already { by, at }),
        CancelFinding::Decided(state) => Ok(CancelOutcome::Decided(state)),
        CancelFinding::Expired => Ok(CancelOutcome::Expired),
        // This does not happen, because the write has the same condition.
        CancelFinding::Pending => {
            Err(StoreError::Unavailable("UpdateItem cancel: refused for no reason".to_owned()))
        }
    }
}
