//! Turns the failures of flows into refusals: the caller gets one of the endpoint's own errors, and the
//! cause goes to the log.

mod asking;
mod tokens;

use ciba_core::protocol::dpop::ProofError;
use ciba_core::protocol::error::{ProtocolError, Refusal};

use crate::tokens::introspect::NotIntrospected;
use crate::tokens::prove_possession::PossessionNotProven;
use crate::tokens::revoke::NotRevoked;

impl<E: ProtocolError + From<ProofError>> From<PossessionNotProven> for Refusal<E> {
    fn from(error: PossessionNotProven) -> Self {
        match error {
            PossessionNotProven::Invalid(why) => ProofError::Invalid(why).into(),
            PossessionNotProven::NonceNeeded => ProofError::NonceNeeded.into(),
            PossessionNotProven::Keys(error) => error.into(),
            PossessionNotProven::Store(error) => error.into(),
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
