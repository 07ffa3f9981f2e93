//! Turns internal failures into refusals: the caller gets one of the endpoint's own errors, and the cause goes to
//! the log.

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

/// Without keys a function runs, but answers 503 until there are keys.
impl<E: ProtocolError> From<KeyError> for Refusal<E> {
    fn from(error: KeyError) -> Self {
        Self::unavailable(error.0)
    }
}
