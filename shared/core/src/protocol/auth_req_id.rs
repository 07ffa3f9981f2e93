//! `auth_req_id` as a parameter (CIBA §10.1). Whether it opens is for the keys to say.

use crate::protocol::parameters::Parameters;

/// Unit: bytes. Ours have 44.
const MAX: usize = 128;

/// The error is for the client, with the code `invalid_request`.
pub fn parse(form: &Parameters) -> Result<&str, &'static str> {
    let id = form.get("auth_req_id").ok_or("auth_req_id is missing")?;
    match id.len() {
        0..=MAX => Ok(id),
        _ => Err("auth_req_id is longer than 128 bytes"),
    }
}
