//! Wire types and errors of the enrollment endpoint.

use serde::{Deserialize, Serialize};

use crate::protocol::error::{Answer, Common, ProtocolError, answer};
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

/// Errors of the enrollment endpoint, which is this provider's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrollmentError {
    Common(Common),
    /// The ticket alone is not enough: a passkey that is there has to sign.
    PasskeyRequired,
    PasskeyNotAccepted,
    /// Unknown, used and over look alike.
    NotFound,
}

impl From<Common> for EnrollmentError {
    fn from(error: Common) -> Self {
        Self::Common(error)
    }
}

impl ProtocolError for EnrollmentError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
            Self::PasskeyRequired => {
                answer(403, "passkey_required", "a passkey of this person has to sign as well")
            }
            Self::PasskeyNotAccepted => answer(403, "passkey_not_accepted", "the passkey is not accepted"),
            Self::NotFound => answer(404, "not_found", "there is no such ticket that is open"),
        }
    }
}
