//! The refusals of flows that the token endpoint shares with the delivery by push: the caller of the endpoint
//! gets an error of CIBA §11 or RFC 6749 §5.2, and the cause goes to the log. Flows with a single endpoint return
//! that endpoint's errors directly.

use ciba_core::protocol::error::{Common, Refusal};
use ciba_core::protocol::token::TokenError as Error;

use crate::tokens::issue_tokens::NotIssued;
use crate::tokens::redeem::NotRedeemed;

/// For the log.
pub(crate) const CLIENT_CHANGED: &str = "the client has changed since";

impl From<NotRedeemed> for Refusal<Error> {
    fn from(error: NotRedeemed) -> Self {
        match error {
            NotRedeemed::Gone => Error::InvalidGrant.into(),
            NotRedeemed::TakenBack => Self::because(Error::AccessDenied, "the approval was taken back"),
            NotRedeemed::Expired => Error::ExpiredToken.into(),
            NotRedeemed::PersonInactive => {
                Self::because(Error::AccessDenied, "the person is no longer active")
            }
            NotRedeemed::Blocked => Self::because(Error::AccessDenied, "the person has blocked the client"),
            NotRedeemed::ClientInactive => Self::because(Error::UnauthorizedClient, CLIENT_CHANGED),
            NotRedeemed::NotIssued(error) => error.into(),
            NotRedeemed::Store(error) => error.into(),
        }
    }
}

impl From<NotIssued> for Refusal<Error> {
    fn from(error: NotIssued) -> Self {
        match error {
            NotIssued::Keys(error) => error.into(),
            NotIssued::Target(why) => Error::InvalidTarget(why).into(),
            NotIssued::Scope(why) => Error::InvalidScope(why).into(),
            NotIssued::ScopeBeyondGrant(value) => {
                let error = Error::InvalidScope("scope has a value that was not granted");
                Self::new(error).naming(Some(&value))
            }
            NotIssued::Unbound => Common::InvalidRequest(
                "the client's access tokens must be bound: present the key or certificate to bind this one to",
            )
            .into(),
        }
    }
}
