//! `auth_req_id` as a parameter (CIBA §10.1). `KeyRing::open_handle` opens it.

use crate::domain::request::auth_req_id::AuthReqId;
use crate::protocol::parameters::Parameters;

/// The error is for the client, with the code `invalid_request`.
pub fn parse(form: &Parameters) -> Result<AuthReqId, &'static str> {
    let id = form.get("auth_req_id").ok_or("auth_req_id is missing")?;
    AuthReqId::parse(id).ok_or("auth_req_id is longer than 128 bytes")
}
