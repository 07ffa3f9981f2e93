//! Lets a client cancel its own request. This is an extension of this provider.

use ciba::domain::request::authentication_request::{CancelledBy, Canceller};
use ciba::flows::asking::cancel_request::{self, CancelOutcome};
use ciba::flows::{Invocation, log};
use ciba::http::{Request, form};
use ciba::keys::{HandleUse, OpenError};
use ciba::protocol::cancellation::{self, CancellationError as Error};
use ciba::protocol::error::Refusal;

use crate::BackchannelAuthentication;

/// Authenticates the client, finds the request and cancels it. The client that made a request may cancel it in
/// every delivery mode, even if it may no longer make requests.
pub(crate) async fn cancel(
    endpoint: &BackchannelAuthentication,
    request: &Request,
    invocation: &Invocation,
) -> Result<(), Refusal<Error>> {
    let form = form::read(request)?;
    let client = endpoint.clients.authenticate(request, &form, invocation).await?;
    let auth_req_id = cancellation::parse(&form)?;
    // Done before any database call, so that a forged handle costs none.
    let opened = endpoint
        .keys
        .open(|keys| keys.open_handle(HandleUse::AuthReqId, auth_req_id.as_str()), invocation.now);
    let key = opened.await?.map_err(|error| match error {
        OpenError::UnknownVersion => Refusal::because(Error::InvalidGrant, "unknown key version"),
        OpenError::Forged => Refusal::because(Error::InvalidGrant, "not issued here for this use"),
    })?;
    let canceller = Canceller::Client(&client.id);
    match cancel_request::cancel(&endpoint.table, &key, canceller, invocation).await? {
        CancelOutcome::Done => {
            log::step("cancelled", &key, invocation.now);
            Ok(())
        }
        // A repeated cancellation: the response to the first may have been lost.
        CancelOutcome::Already { by: CancelledBy::Client, .. } => Ok(()),
        CancelOutcome::Already {
            by: CancelledBy::Superseded | CancelledBy::Operator | CancelledBy::Person,
            ..
        }
        | CancelOutcome::Decided(_)
        | CancelOutcome::Expired
        | CancelOutcome::Unknown => Err(Error::InvalidGrant.into()),
    }
}
