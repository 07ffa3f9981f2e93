//! A client like a bank's: it authenticates with signed assertions, signs its requests, and has its tokens bound
//! to its key.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ciba_local::{Error, clock};
use serde_json::{Map, Value, json};

use crate::surroundings::{BANK, ISSUER};

/// The lifetime of what it signs. Unit: seconds. Longer than the time between creating an event and measuring it.
const LIFETIME: u64 = 300;

/// One key for everything that it signs.
pub struct Bank {
    key: EcdsaKeyPair,
    signed: AtomicU64,
}

impl Bank {
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            signed: AtomicU64::default(),
        })
    }

    /// The members of its registration, in addition to those of every client.
    pub fn metadata(&self) -> Value {
        json!({
            "client_id": BANK,
            "client_name": "Acme Bank",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": { "keys": [self.jwk()] },
            "backchannel_authentication_request_signing_alg": "ES256",
            "dpop_bound_access_tokens": true,
            "grant_types": ["urn:openid:params:grant-type:ciba"],
            "backchannel_token_delivery_mode": "poll",
            "scope": "openid profile",
        })
    }

    /// `client_assertion` (RFC 7523 §2.2).
    pub fn assertion(&self) -> Result<String, Error> {
        self.sign(json!({}), json!({ "sub": BANK }))
    }

    /// `request` (CIBA §7.1.1).
    pub fn request(&self, parameters: &[(&str, &str)]) -> Result<String, Error> {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        self.sign(json!({}), Value::Object(parameters.collect()))
    }

    /// A DPoP proof for a POST to `path` (RFC 9449 §4.2).
    pub fn proof(&self, path: &str) -> Result<String, Error> {
        let header = json!({ "typ": "dpop+jwt", "jwk": self.jwk() });
        self.sign(header, json!({ "htm": "POST", "htu": format!("{ISSUER}{path}") }))
    }

    fn sign(&self, header: Value, claims: Value) -> Result<String, Error> {
        let now = clock::since_epoch(clock::now()).as_secs();
        let mut all_of_header = json!({ "alg": "ES256" });
        let mut all_claims = json!({
            "iss": BANK,
            "aud": ISSUER,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "jti": self.signed.fetch_add(1, Ordering::Relaxed).to_string(),
        });
        for (all, further) in [(&mut all_of_header, header), (&mut all_claims, claims)] {
            let further: Map<String, Value> = serde_json::from_value(further)?;
            for (name, value) in further {
                all[name] = value;
            }
        }
        let [header, claims] = [all_of_header, all_claims].map(|part| encode(part.to_string().as_bytes()));
        let signing_input = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signing_input.as_bytes())?;
        Ok(format!("{signing_input}.{}", encode(signature.as_ref())))
    }

    fn jwk(&self) -> Value {
        // Skips the 4, which means that both coordinates follow.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
