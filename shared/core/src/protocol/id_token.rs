//! The ID token (OIDC Core §2).

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::request::auth_req_id::AuthReqId;

/// Lets the client verify that the ID token is for its own request. It is required in push mode (CIBA §10.3.1), and
/// present in every mode.
pub const AUTH_REQ_ID_CLAIM: &str = "urn:openid:params:jwt:claim:auth_req_id";

/// Binds the refresh token to the ID token, as `at_hash` binds the access token.
pub const RT_HASH_CLAIM: &str = "urn:openid:params:jwt:claim:rt_hash";

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
    /// Absent after a refresh, which is not the response to an authentication request.
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id", skip_serializing_if = "Option::is_none")]
    pub auth_req_id: Option<&'a AuthReqId>,
    /// The hash of the first refresh token. It is required in push mode (CIBA §10.3.1), and present in every mode.
    #[serde(rename = "urn:openid:params:jwt:claim:rt_hash", skip_serializing_if = "Option::is_none")]
    pub rt_hash: Option<String>,
}

/// `at_hash` or `rt_hash` in an ID token signed with `algorithm`: the left half of the hash of the token's ASCII
/// octets (OIDC Core §3.1.3.6, CIBA §10.3.1). The hash function is that of the signature; for Ed25519 it is
/// SHA-512 (RFC 8032 §5.1).
pub fn token_hash(algorithm: JwsAlgorithm, token: &str) -> String {
    let hash = match algorithm {
        JwsAlgorithm::ES256 | JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => &SHA256,
        JwsAlgorithm::EdDSA => &SHA512,
    };
    let hash = digest(hash, token.as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TOK-1-10, CIBA-10.1.1-05: the example of OIDC Core, appendix A.3.
    #[test]
    fn at_hash_is_the_left_half_of_the_hash() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        for algorithm in [JwsAlgorithm::ES256, JwsAlgorithm::RS256, JwsAlgorithm::PS256] {
            assert_eq!(token_hash(algorithm, token), "77QmUPtjPfzWtF2AnpK9RQ", "{algorithm:?}");
        }
    }

    /// TOK-1-11: 32 octets of SHA-512, computed elsewhere.
    #[test]
    fn at_hash_under_eddsa_is_the_left_half_of_sha_512() {
        let hash = token_hash(JwsAlgorithm::EdDSA, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(hash, "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM");
    }

    #[test]
    fn the_claims_have_the_names_that_the_constants_say() {
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
            auth_req_id: Some(&AuthReqId::sealed("x".to_owned())),
            rt_hash: Some("y".to_owned()),
        };
        let claims = serde_json::to_value(&claims).unwrap();
        assert_eq!((&claims[AUTH_REQ_ID_CLAIM], &claims[RT_HASH_CLAIM]), (&"x".into(), &"y".into()));
    }
}
