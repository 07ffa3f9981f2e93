//! Inner failures become refusals: what the caller is told is the endpoint's own list of errors, and the cause goes to the log.

use ciba_core::protocol::error::{ClientFacingError, Refusal};

use crate::client_authentication::Unauthenticated;
use crate::form::NotAForm;

impl<E: ClientFacingError> From<NotAForm> for Refusal<E> {
    fn from(error: NotAForm) -> Self {
        match error {
            NotAForm::Method => E::METHOD_NOT_ALLOWED.into(),
            NotAForm::Malformed(why) => E::invalid_request(why).into(),
        }
    }
}

impl<E: ClientFacingError> From<Unauthenticated> for Refusal<E> {
    fn from(error: Unauthenticated) -> Self {
        match error {
            Unauthenticated::InvalidRequest(why) => E::invalid_request(why).into(),
            Unauthenticated::InvalidClient(why, client) => Self {
                client: client.map(|client| client.as_str().to_owned()),
                ..Self::because(E::INVALID_CLIENT, why)
            },
            Unauthenticated::Unavailable(why) => Self::unavailable(why),
            Unauthenticated::Store(error) => error.into(),
        }
    }
}
