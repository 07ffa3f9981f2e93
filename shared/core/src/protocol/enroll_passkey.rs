//! Wire types and errors of the enrollment endpoint.

use derive_more::From;
use serde::{Deserialize, Serialize};

use crate::protocol::error::{Answer, Common, ProtocolError, answer};
use crate::protocol::webauthn::{Assertion, Registration};

/// The body that the page posts.
#[derive(Deserialize)]
pub struct EnrollmentBody {
    /// `RegistrationResponseJSON`: the new passkey.
    pub registration: Registration,
    /// `AuthenticationResponseJSON`: an existing passkey, if it must authorize the new one.
    pub assertion: Option<Assertion>,
}

/// The enrolled passkey.
#[derive(Serialize)]
pub struct EnrollmentView {
    pub passkey: String,
}

/// Errors of the enrollment endpoint, which is this provider's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum EnrollmentError {
    #[from]
    Common(Common),
    /// The ticket alone is not sufficient: an existing passkey has to sign.
    PasskeyRequired,
    PasskeyNotAccepted,
    /// The ticket is unknown, used or expired. The answer is the same in all cases.
    NotFound,
}

impl ProtocolError for EnrollmentError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
            Self::PasskeyRequired => {
                answer(403, "passkey_required", "an existing passkey of this person must also sign")
            }
            Self::PasskeyNotAccepted => answer(403, "passkey_not_accepted", "the passkey is not accepted"),
            Self::NotFound => answer(404, "not_found", "there is no such open ticket"),
        }
    }
}
