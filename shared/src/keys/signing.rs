//! Signing keys: P-256, for ES256.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::domain::key_schedule::{KeyTimes, Scheduled};
use crate::protocol::discovery::SIGNING_ALG;
use crate::protocol::jwks::EcPublicJwk;

/// A new key pair: the private half to be sealed, the public half to be published.
pub struct SigningKeyPair {
    /// PKCS#8.
    pub private: Vec<u8>,
    pub public: EcPublicJwk,
}

impl SigningKeyPair {
    /// `None` only if the operating system has no randomness.
    pub fn generate() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        let private = pair.to_pkcs8v1().ok()?.as_ref().to_vec();
        Some(Self { private, public: public_jwk(pair.public_key().as_ref())? })
    }
}

/// `point` is 0x04 ‖ x ‖ y.
fn public_jwk(point: &[u8]) -> Option<EcPublicJwk> {
    let coordinates = point.strip_prefix(&[4])?;
    let (x, y) = coordinates.split_at_checked(32).filter(|(_, y)| y.len() == 32)?;
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    // RFC 7638: the hash of the required members in lexical order. Two keys never share a name.
    let thumbprint =
        digest(&SHA256, format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes());
    Some(EcPublicJwk {
        kty: "EC".to_owned(),
        crv: "P-256".to_owned(),
        public_key_use: "sig".to_owned(),
        alg: SIGNING_ALG.to_owned(),
        kid: URL_SAFE_NO_PAD.encode(thumbprint),
        x,
        y,
    })
}

/// A signing key, opened.
pub struct SigningKey {
    generation: u32,
    times: KeyTimes,
    kid: String,
    key: EncodingKey,
}

impl SigningKey {
    pub fn new(generation: u32, times: KeyTimes, kid: String, pkcs8: &[u8]) -> Self {
        Self { generation, times, kid, key: EncodingKey::from_ec_der(pkcs8) }
    }

    /// Signs `claims` as a JWT of this `typ`. The error is for the log.
    pub fn sign<C: Serialize>(&self, typ: &str, claims: &C) -> Result<String, String> {
        let header = Header {
            typ: Some(typ.to_owned()),
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|error| format!("signing failed: {error}"))
    }
}

impl Scheduled for SigningKey {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn times(&self) -> &KeyTimes {
        &self.times
    }
}
