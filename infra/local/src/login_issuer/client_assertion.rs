//! Client assertions of `private_key_jwt` (RFC 7523 §3, OIDC Core §9).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{Jwk, JwkSet},
};
use serde_json::{Map, Value};

pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The accepted signature algorithms.
pub(super) const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("ES256", Algorithm::ES256),
    ("RS256", Algorithm::RS256),
    ("PS256", Algorithm::PS256),
    ("EdDSA", Algorithm::EdDSA),
];

/// How far in the future an assertion may expire. Unit: seconds.
const LONGEST_LIFE: u64 = 300;

/// What an assertion is checked against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) client_id: &'a str,
    /// The issuer and its token endpoint: one of them has to be the only audience.
    pub(super) audiences: [&'a str; 2],
    /// Epoch seconds.
    pub(super) now: u64,
}

/// An accepted assertion, which may be used once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    jti: String,
    /// Epoch seconds.
    expires_at: u64,
}

/// The signature, then the claims.
pub(super) fn verify(
    assertion: &str,
    keys: &JwkSet,
    expected: &Expected<'_>,
) -> Result<Assertion, &'static str> {
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| "the assertion is no JWT")?;
    if !ALGORITHMS.iter().any(|(_, it)| *it == header.alg) {
        return Err("the assertion's algorithm is not supported");
    }
    let mut validation = Validation::new(header.alg);
    // The claims are checked below, at the time that is a parameter.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let claims = |key: &Jwk| {
        let key = DecodingKey::from_jwk(key).ok()?;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(assertion, &key, &validation);
        claims.ok().map(|it| it.claims)
    };
    let keys = keys.keys.iter().filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
    let claims = keys.filter_map(claims).next();
    check(&claims.ok_or("no key of the client verifies the assertion")?, expected)
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<Assertion, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.client_id) || text("sub") != Some(expected.client_id) {
        return Err("iss and sub of the assertion must be the client_id");
    }
    let audience = match claims.get("aud").and_then(Value::as_array).map(Vec::as_slice) {
        Some([one]) => one.as_str(),
        // An assertion for several servers could be used by each of them at the others.
        Some(_) => None,
        None => text("aud"),
    };
    if !audience.is_some_and(|it| expected.audiences.contains(&it)) {
        return Err("aud of the assertion must be the issuer or its token endpoint, and nothing else");
    }
    let number = |name: &str| claims.get(name).and_then(Value::as_u64);
    let expires_at = number("exp").ok_or("the assertion has no exp")?;
    if expires_at <= expected.now {
        return Err("the assertion has expired");
    }
    if expires_at > expected.now + LONGEST_LIFE {
        return Err("the assertion expires more than five minutes from now");
    }
    if ["iat", "nbf"].into_iter().filter_map(number).any(|it| it > expected.now) {
        return Err("the assertion is from the future");
    }
    let jti = text("jti").filter(|it| !it.is_empty()).ok_or("the assertion has no jti")?;
    Ok(Assertion { jti: jti.to_owned(), expires_at })
}

/// The assertions that have been used and have not expired.
#[derive(Debug, Default)]
pub(super) struct UsedAssertions(Mutex<HashMap<(String, String), u64>>);

impl UsedAssertions {
    /// Whether this is the first use.
    pub(super) fn first_use(&self, client_id: &str, assertion: Assertion, now: u64) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, expires_at| *expires_at > now);
        used.insert((client_id.to_owned(), assertion.jti), assertion.expires_at).is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::login_issuer::signing_key::SigningKey;

    const EXPECTED: Expected<'_> = Expected {
        client_id: "bank",
        audiences: ["http://localhost:9100", "http://localhost:9100/token"],
        now: 1000,
    };

    fn claims() -> Value {
        json!({"iss": "bank", "sub": "bank", "aud": "http://localhost:9100", "iat": 1000, "exp": 1060, "jti": "1"})
    }

    fn verified(changes: &Value) -> Result<Assertion, &'static str> {
        let key = SigningKey::create().unwrap();
        let keys = serde_json::from_value(key.jwks().clone()).unwrap();
        let claims = super::super::changed(claims(), changes.as_object().unwrap().clone());
        verify(&key.sign(&claims).unwrap(), &keys, &EXPECTED)
    }

    #[test]
    fn an_assertion_for_issuer_or_token_endpoint_is_accepted() {
        for aud in [
            json!("http://localhost:9100"),
            json!("http://localhost:9100/token"),
            json!(["http://localhost:9100"]),
        ] {
            let expected = Assertion { jti: "1".to_owned(), expires_at: 1060 };
            assert_eq!(verified(&json!({ "aud": aud })), Ok(expected), "{aud}");
        }
    }

    #[test]
    fn each_rule_refuses_the_assertion_that_breaks_it() {
        for changes in [
            json!({"iss": "shop"}),
            json!({"sub": "shop"}),
            json!({"sub": null}),
            json!({"aud": "http://localhost:9000"}),
            json!({"aud": "http://localhost:9100/"}),
            json!({"aud": ["http://localhost:9100", "http://localhost:9000"]}),
            json!({"aud": []}),
            json!({"aud": null}),
            json!({"exp": 1000}),
            json!({"exp": 1301}),
            json!({"exp": null}),
            json!({"iat": 1001}),
            json!({"nbf": 1001}),
            json!({"jti": null}),
            json!({"jti": ""}),
        ] {
            assert!(verified(&changes).is_err(), "{changes}");
        }
    }

    #[test]
    fn another_key_and_another_algorithm_are_refused() {
        let keys = |key: &SigningKey| serde_json::from_value(key.jwks().clone()).unwrap();
        let (own, other) = (SigningKey::create().unwrap(), SigningKey::create().unwrap());
        let assertion = own.sign(&claims()).unwrap();
        assert!(verify(&assertion, &keys(&own), &EXPECTED).is_ok());
        assert!(verify(&assertion, &keys(&other), &EXPECTED).is_err());
        let secret = jsonwebtoken::EncodingKey::from_secret(b"secret");
        let symmetric = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims(), &secret).unwrap();
        assert!(verify(&symmetric, &keys(&own), &EXPECTED).is_err());
        assert!(verify("a.b.c", &keys(&own), &EXPECTED).is_err());
    }

    #[test]
    fn an_assertion_is_good_once_until_it_expires() {
        let used = UsedAssertions::default();
        let assertion = || Assertion { jti: "1".to_owned(), expires_at: 1060 };
        assert!(used.first_use("bank", assertion(), 1000));
        assert!(!used.first_use("bank", assertion(), 1059));
        assert!(used.first_use("shop", assertion(), 1059));
    }
}
