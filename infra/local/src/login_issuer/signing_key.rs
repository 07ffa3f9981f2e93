//! The key that signs everything this issuer issues.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::{Error, id};

/// An ES256 key and its public half.
pub(super) struct SigningKey {
    header: Header,
    key: EncodingKey,
    jwks: Value,
}

impl SigningKey {
    pub(super) fn create() -> Result<Self, Error> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let pkcs8 = pair.to_pkcs8v1()?;
        // An uncompressed point: 4 ‖ x ‖ y.
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let kid = id::token();
        let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y));
        let jwk =
            json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y});
        Ok(Self {
            header: Header { kid: Some(kid), ..Header::new(Algorithm::ES256) },
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            jwks: json!({"keys": [jwk]}),
        })
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, Error> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.key)?)
    }

    /// The JWK Set with the public key.
    pub(super) fn jwks(&self) -> &Value {
        &self.jwks
    }
}
