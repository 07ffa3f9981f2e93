//! Wire types and errors of the enrolment endpoint.

use serde::{Deserialize, Serialize};

use crate::protocol::error::ProtocolError;
use crate::protocol::webauthn::{Assertion, Registration};

/// What the page posts.
#[derive(Deserialize)]
pub struct EnrollmentBody {
    /// `RegistrationResponseJSON`: the new passkey.
    pub registration: Registration,
    /// `AuthenticationResponseJSON`: one that is there, where it has to speak for the new one.
    pub assertion: Option<Assertion>,
}

/// The passkey that is enrolled.
#[derive(Serialize)]
pub struct EnrollmentView {
    pub passkey: String,
}

/// Errors of the enrolment endpoint, which is this provider's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrollmentError {
    InvalidRequest(&'static str),
    /// The ticket alone is not enough: a passkey that is there has to sign.
    PasskeyRequired,
    PasskeyNotAccepted,
    /// Unknown, used and over look alike.
    NotFound,
    MethodNotAllowed,
    TemporarilyUnavailable,
    ServerError,
}

impl ProtocolError for EnrollmentError {
    const TEMPORARILY_UNAVAILABLE: Self = Self::TemporarilyUnavailable;
    const SERVER_ERROR: Self = Self::ServerError;

    fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::MethodNotAllowed => "invalid_request",
            Self::PasskeyRequired => "passkey_required",
            Self::PasskeyNotAccepted => "passkey_not_accepted",
            Self::NotFound => "not_found",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidRequest(_) => 400,
            Self::PasskeyRequired | Self::PasskeyNotAccepted => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) => why,
            Self::PasskeyRequired => "a passkey of this person has to sign as well",
            Self::PasskeyNotAccepted => "the passkey is not accepted",
            Self::NotFound => "there is no such ticket that is open",
            Self::MethodNotAllowed => "the endpoint takes GET and POST",
            Self::TemporarilyUnavailable => "try again after the time in Retry-After",
            Self::ServerError => "an unexpected fault; nothing was done",
        }
    }

    fn allow(self) -> Option<&'static str> {
        (self == Self::MethodNotAllowed).then_some("GET, POST")
    }
}
