//! Turns internal failures into refusals: the caller gets one of the endpoint's own errors, and the cause goes to
//! the log.

use ciba_core::protocol::error::{Common, ProtocolError, Refusal};

use crate::form::NotAForm;

impl<E: ProtocolError> From<NotAForm> for Refusal<E> {
    fn from(error: NotAForm) -> Self {
        match error {
            NotAForm::Method => Common::MethodNotAllowed("POST").into(),
            NotAForm::Malformed(why) => Common::InvalidRequest(why).into(),
        }
    }
}
