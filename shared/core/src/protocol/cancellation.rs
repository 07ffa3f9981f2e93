//! Cancellation at the backchannel authentication endpoint: an extension of this provider, modeled on revocation
//! (RFC 7009), with the error codes of RFC 6749 §5.2.

use derive_more::From;

use crate::domain::request::auth_req_id::AuthReqId;
use crate::protocol::auth_req_id;
use crate::protocol::error::{Answer, Common, ProtocolError, answer};
use crate::protocol::parameters::Parameters;

#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum CancellationError {
    #[from]
    Common(Common),
    InvalidGrant,
}

impl ProtocolError for CancellationError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
            Self::InvalidGrant => answer(
                400,
                "invalid_grant",
                "auth_req_id is unknown, belongs to another client, or is no longer pending",
            ),
        }
    }
}

pub fn parse(form: &Parameters) -> Result<AuthReqId, Common> {
    auth_req_id::parse(form).map_err(Common::InvalidRequest)
}
