//! Inner failures become refusals, here and nowhere else: what the caller is told is the endpoint's own list of
//! errors, and the cause goes to the log.

use crate::flows::introspect::NotIntrospected;
use crate::flows::prove_possession::NotProven;
use crate::flows::revoke::NotRevoked;
use crate::http::client_authentication::Unauthenticated;
use crate::http::form::NotAForm;
use crate::keys::KeyError;
use crate::protocol::dpop::ProofError;
use crate::protocol::error::{ClientFacingError, ProtocolError, Refusal};
use crate::store::StoreError;

impl<E: ProtocolError> From<StoreError> for Refusal<E> {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error.detail()),
            StoreError::Corrupt(_) => Self::fault(error.detail()),
        }
    }
}

/// Without keys a function is up and answers 503, until the keys are there.
impl<E: ProtocolError> From<KeyError> for Refusal<E> {
    fn from(error: KeyError) -> Self {
        Self::unavailable(error.0)
    }
}

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

impl<E: ProofError> From<NotProven> for Refusal<E> {
    fn from(error: NotProven) -> Self {
        match error {
            NotProven::Invalid(why) => E::invalid_dpop_proof(why).into(),
            NotProven::NonceNeeded => E::USE_DPOP_NONCE.into(),
            NotProven::Keys(error) => error.into(),
            NotProven::Store(error) => error.into(),
        }
    }
}

impl<E: ProtocolError> From<NotIntrospected> for Refusal<E> {
    fn from(error: NotIntrospected) -> Self {
        match error {
            NotIntrospected::Keys(error) => error.into(),
            NotIntrospected::Store(error) => error.into(),
        }
    }
}

impl<E: ProtocolError> From<NotRevoked> for Refusal<E> {
    fn from(error: NotRevoked) -> Self {
        match error {
            NotRevoked::Keys(error) => error.into(),
            NotRevoked::Store(error) => error.into(),
        }
    }
}
