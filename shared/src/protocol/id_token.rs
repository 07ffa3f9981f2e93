//! The ID token (OIDC Core §2).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// Lets the client see that the ID token answers its own request; required in push mode (CIBA §10.3.1),
/// given in every mode.
pub const AUTH_REQ_ID_CLAIM: &str = "urn:openid:params:jwt:claim:auth_req_id";

/// `typ` of its header.
pub const TYP: &str = "JWT";

/// The claims of an ID token. There is no `nonce`: CIBA has no such parameter.
#[derive(Serialize)]
pub struct IdTokenClaims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    pub aud: &'a str,
    /// Unit: seconds since the epoch, as for all times here.
    pub iat: i64,
    pub exp: i64,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub amr: &'a [String],
    pub at_hash: String,
    /// Not after a refresh, which answers no authentication request.
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id", skip_serializing_if = "Option::is_none")]
    pub auth_req_id: Option<&'a str>,
}

/// `at_hash` under an algorithm with SHA-256: the left half of the hash of the token's ASCII octets
/// (OIDC Core §3.1.3.6).
pub fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TOK-1-10, CIBA-10.1.1-05: the example of OIDC Core, appendix A.3.
    #[test]
    fn at_hash_is_the_left_half_of_the_hash() {
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn the_claim_has_the_name_that_the_constant_says() {
        let claims = IdTokenClaims {
            iss: "",
            sub: "",
            aud: "",
            iat: 0,
            exp: 0,
            auth_time: 0,
            acr: None,
            amr: &[],
            at_hash: String::new(),
            auth_req_id: Some("x"),
        };
        assert_eq!(serde_json::to_value(&claims).unwrap()[AUTH_REQ_ID_CLAIM], "x");
    }
}
