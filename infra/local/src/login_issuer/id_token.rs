//! The claims of an ID token (OIDC Core §2, §3.1.3.6).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{LIFETIME, code::Grant};
use crate::seed::Person;

/// `person` is the one of the grant, if the issuer knows more about them than their name here.
pub(super) fn claims(
    issuer: &str,
    grant: &Grant,
    person: Option<&Person>,
    access_token: &str,
    now: u64,
) -> Value {
    let session = &grant.session;
    let mut claims = json!({
        "iss": issuer,
        "sub": session.person,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": session.auth_time,
        "acr": session.class.acr(),
        "amr": session.class.amr(),
        "at_hash": at_hash(access_token),
    });
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = json!(nonce);
    }
    let has = |scope: &str| grant.scope.iter().any(|it| it == scope);
    if let Some(name) = person.and_then(|it| it.name.as_ref()).filter(|_| has("profile")) {
        claims["name"] = json!(name);
    }
    for (name, value) in person.map(Person::login_claims).filter(|_| has("email")).unwrap_or_default() {
        claims[name] = value;
    }
    claims
}

/// The left half of the digest, with the hash function of ES256.
fn at_hash(access_token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OIDC Core, appendix A.4: the ID token of an access token.
    #[test]
    fn at_hash_is_that_of_the_specifications_example() {
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
