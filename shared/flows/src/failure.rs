//! Inner failures become refusals: what the caller is told is the endpoint's own list of errors, and the cause goes to the log.

use ciba_core::protocol::dpop::ProofError;
use ciba_core::protocol::error::{ProtocolError, Refusal};

use crate::tokens::introspect::NotIntrospected;
use crate::tokens::prove_possession::NotProven;
use crate::tokens::revoke::NotRevoked;

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
