//! Inner failures become refusals: what the caller is told is the endpoint's own list of errors, and the cause goes to the log.

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
