//! Cancelling at the backchannel authentication endpoint: an extension of this provider, made after revocation
//! (RFC 7009), with the codes of RFC 6749 §5.2.

use crate::protocol::auth_req_id;
use crate::protocol::error::{CLIENT_CHALLENGE, ClientFacingError, ProtocolError};
use crate::protocol::parameters::Parameters;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancellationError {
    InvalidRequest(&'static str),
    InvalidClient,
    InvalidGrant,
    MethodNotAllowed,
    TemporarilyUnavailable,
    ServerError,
}

impl ProtocolError for CancellationError {
    const TEMPORARILY_UNAVAILABLE: Self = Self::TemporarilyUnavailable;
    const SERVER_ERROR: Self = Self::ServerError;

    fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::MethodNotAllowed => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidRequest(_) | Self::InvalidGrant => 400,
            Self::InvalidClient => 401,
            Self::MethodNotAllowed => 405,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) => why,
            Self::InvalidClient => "client authentication failed",
            Self::InvalidGrant => {
                "auth_req_id is unknown, belongs to another client, or is not pending any more"
            }
            Self::MethodNotAllowed => "the endpoint takes POST only",
            Self::TemporarilyUnavailable => "try again after the time in Retry-After",
            Self::ServerError => "an unexpected fault; nothing was done",
        }
    }

    fn allow(self) -> Option<&'static str> {
        (self == Self::MethodNotAllowed).then_some("POST")
    }

    fn challenge(self) -> Option<String> {
        (self == Self::InvalidClient).then(|| CLIENT_CHALLENGE.to_owned())
    }
}

impl ClientFacingError for CancellationError {
    const INVALID_CLIENT: Self = Self::InvalidClient;
    const METHOD_NOT_ALLOWED: Self = Self::MethodNotAllowed;

    fn invalid_request(why: &'static str) -> Self {
        Self::InvalidRequest(why)
    }
}

/// The handle of what is to be cancelled.
pub fn parse(form: &Parameters) -> Result<&str, CancellationError> {
    auth_req_id::parse(form).map_err(CancellationError::InvalidRequest)
}
