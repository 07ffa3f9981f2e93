//! A login issuer for local use: it identifies the person who holds the phone, as the operator's own sign-in would.

use std::time::SystemTime;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::{Json, Router, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

use crate::{Error, clock, id};

/// The `aud` of a login token.
pub const AUDIENCE: &str = "ciba-consent";

/// The scope that a login token needs for a decision.
pub const SCOPE: &str = "ciba:decide";

/// The lifetime of a login token, in seconds.
pub const LIFETIME: u64 = 300;

const JWKS_PATH: &str = "/.well-known/jwks.json";

/// An issuer with its own ES256 key, created when it starts.
pub struct LoginIssuer {
    issuer: String,
    header: Header,
    key: EncodingKey,
    jwks: Value,
}

impl LoginIssuer {
    /// An issuer with the identifier `issuer`, a URL without a trailing slash.
    ///
    /// # Errors
    /// If no key can be created.
    pub fn new(issuer: &str) -> Result<Self, Error> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let pkcs8 = pair.to_pkcs8v1()?;
        // An uncompressed point: 4 ‖ x ‖ y.
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let kid = id::token();
        let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y));
        let jwk =
            json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y});
        Ok(Self {
            issuer: issuer.to_owned(),
            header: Header { kid: Some(kid), ..Header::new(Algorithm::ES256) },
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            jwks: json!({"keys": [jwk]}),
        })
    }

    /// Its `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A login token for `sub`, who has just signed in with a password and a one-time code.
    ///
    /// `overrides` replaces or adds claims; null removes one. Tests create invalid tokens with it.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn login_token(
        &self,
        sub: &str,
        now: SystemTime,
        overrides: Map<String, Value>,
    ) -> Result<String, Error> {
        let now = clock::since_epoch(now).as_secs();
        let mut claims = json!({
            "iss": self.issuer,
            "sub": sub,
            "aud": AUDIENCE,
            "scope": SCOPE,
            "iat": now,
            "exp": now + LIFETIME,
            "auth_time": now,
            "jti": id::token(),
            "acr": "urn:local:mfa",
            "amr": ["pwd", "otp"],
        });
        for (name, value) in overrides {
            claims[name] = value;
        }
        if let Some(claims) = claims.as_object_mut() {
            claims.retain(|_, value| !value.is_null());
        }
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.key)?)
    }

    /// The element of `LOGIN_ISSUERS` that makes the provider accept this issuer.
    pub fn setting(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{}{JWKS_PATH}", self.issuer),
            "audience": {"claim": "aud", "value": AUDIENCE},
            "required_claims": {},
            "scope": SCOPE,
            "algorithms": ["ES256"],
            "person_claim": "sub",
            "acr": {"urn:local:mfa": "urn:example:acr:mfa"},
            "amr": {"pwd": "pwd", "otp": "otp"},
        })
    }

    /// Its JWKS endpoint.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let jwks = self.jwks.clone();
        Router::new().route(JWKS_PATH, get(|| async { Json(jwks) }))
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};

    use super::*;

    fn verified(issuer: &LoginIssuer, token: &str) -> Value {
        let jwks: JwkSet = serde_json::from_value(issuer.jwks.clone()).unwrap();
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(jwks.find(&kid).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&["http://localhost:9100"]);
        jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
    }

    #[test]
    fn a_login_token_verifies_against_the_jwks() {
        let issuer = LoginIssuer::new("http://localhost:9100").unwrap();
        let token = issuer.login_token("alice", clock::now(), Map::new()).unwrap();
        let claims = verified(&issuer, &token);
        assert_eq!(claims["sub"], "alice");
        assert_eq!(claims["auth_time"], claims["iat"]);
        assert_eq!(jsonwebtoken::decode_header(&token).unwrap().typ.as_deref(), Some("JWT"));
    }

    #[test]
    fn an_override_replaces_adds_and_removes() {
        let issuer = LoginIssuer::new("http://localhost:9100").unwrap();
        let Value::Object(overrides) = json!({"sub": "bob", "email": "bob@example.com", "auth_time": null})
        else {
            unreachable!("an object literal")
        };
        let claims = verified(&issuer, &issuer.login_token("alice", clock::now(), overrides).unwrap());
        assert_eq!((&claims["sub"], &claims["email"]), (&json!("bob"), &json!("bob@example.com")));
        assert_eq!(claims.get("auth_time"), None);
    }
}
