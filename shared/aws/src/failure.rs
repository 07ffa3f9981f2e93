//! Inner failures become refusals: what the caller is told is the endpoint's own list of errors, and the cause goes to the log.

use ciba_core::protocol::error::{ProtocolError, Refusal};

use crate::keys::KeyError;
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
