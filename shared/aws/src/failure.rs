//! Turns internal failures into refusals: the caller gets one of the endpoint's own errors, and the cause goes to
//! the log.

use ciba_core::protocol::error::{ProtocolError, Refusal};

use crate::hooks::HookFailed;
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

/// A function without keys runs, but answers 503 until it can read them.
impl<E: ProtocolError> From<KeyError> for Refusal<E> {
    fn from(error: KeyError) -> Self {
        Self::unavailable(error.0)
    }
}

/// Hooks fail closed: nobody is asked, and no token is issued.
impl<E: ProtocolError> From<HookFailed> for Refusal<E> {
    fn from(HookFailed { hook, why }: HookFailed) -> Self {
        Self::unavailable(format!("{hook}: {why}"))
    }
}
