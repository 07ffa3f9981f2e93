//! Signing keys: each key pair is for one algorithm.
//!
//! RFC 7515 §3.1, §7.1: a compact JWS is header, claims and signature in base64url. It is assembled here and not by
//! `jsonwebtoken`, which parses the key for each signature: with RSA that takes 0.63 ms, against 0.23 ms with a
//! key that stays parsed.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::keys::kms::MAX_MESSAGE;
use crate::keys::{KeyError, Kms};
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::issuer::key_schedule::{KeyTimes, Scheduled};
use ciba_core::protocol::jwks::{PublicJwk, PublicKey};

/// A new key pair. The caller seals the private half and publishes the public half.
pub struct SigningKeyPair {
    /// PKCS#8.
    pub private: Vec<u8>,
    pub public: PublicJwk,
}

impl SigningKeyPair {
    /// An RSA key takes about 0.1 s of CPU time, occasionally several times that. `None` only if the operating
    /// system provides no randomness.
    pub fn generate(algorithm: JwsAlgorithm) -> Option<Self> {
        let (private, public) = match algorithm {
            JwsAlgorithm::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
                let private = pair.to_pkcs8v1().ok()?.as_ref().to_vec();
                (private, ec_public_key(pair.public_key().as_ref())?)
            }
            JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
                let RsaPublicKeyComponents::<Vec<u8>> { n, e } = pair.public_key().into();
                let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
                let private: Pkcs8V1Der<'_> = pair.as_der().ok()?;
                (private.as_ref().to_vec(), PublicKey::Rsa { n, e })
            }
            JwsAlgorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().ok()?;
                let x = URL_SAFE_NO_PAD.encode(pair.public_key());
                let private = pair.to_pkcs8v1().ok()?.as_ref().to_vec();
                (private, PublicKey::Okp { crv: "Ed25519".to_owned(), x })
            }
        };
        Some(Self { private, public: PublicJwk::new(algorithm, public) })
    }
}

/// `point` is 0x04 ‖ x ‖ y.
fn ec_public_key(point: &[u8]) -> Option<PublicKey> {
    let coordinates = point.strip_prefix(&[4])?;
    let (x, y) = coordinates.split_at_checked(32).filter(|(_, y)| y.len() == 32)?;
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    Some(PublicKey::Ec { crv: "P-256".to_owned(), x, y })
}

/// A signing key. It signs with its own algorithm only (RFC 7517 §4.4).
pub struct SigningKey {
    algorithm: JwsAlgorithm,
    generation: u32,
    times: KeyTimes,
    kid: String,
    private: PrivateKey,
}

/// The private half: in memory, or in KMS, which it never leaves.
pub enum PrivateKey {
    Local(LocalKey),
    Kms { kms: Kms, key_id: String },
}

/// An unsealed key.
pub struct LocalKey {
    pkcs8: Vec<u8>,
    /// Parsed at the first signature: a cold start loads keys of every algorithm and uses at most one of them.
    pair: OnceLock<Option<Pair>>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// From PKCS#8.
    pub fn of(pkcs8: Vec<u8>) -> Self {
        Self::Local(LocalKey { pkcs8, pair: OnceLock::new() })
    }

    pub fn in_kms(kms: &Kms, key_id: &str) -> Self {
        Self::Kms { kms: kms.clone(), key_id: key_id.to_owned() }
    }

    /// The error is for the log.
    async fn sign(&self, algorithm: JwsAlgorithm, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Local(key) => key.sign(algorithm, message).map_err(str::to_owned),
            Self::Kms { kms, key_id } => kms.sign(key_id, algorithm, message).await.map_err(|error| error.0),
        }
    }
}

impl LocalKey {
    fn sign(&self, algorithm: JwsAlgorithm, message: &[u8]) -> Result<Vec<u8>, &'static str> {
        let pair = self.pair.get_or_init(|| Pair::parse(algorithm, &self.pkcs8));
        let pair = pair.as_ref().ok_or("the key is malformed")?;
        pair.sign(message).ok_or("the library failed to sign")
    }
}

/// RFC 7515 §4.1.
#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'static str,
    kid: &'a str,
}

/// The length of a `kid`, which is a thumbprint (RFC 7638). Unit: characters.
const KID_LENGTH: usize = 43;

/// The length of a JWT with these claims, signed with a key of this provider in the table or in KMS. `None` if it
/// cannot be signed: EdDSA signs the message itself, and KMS accepts at most [`MAX_MESSAGE`] bytes of it.
///
/// Unit: bytes.
pub fn signed_length<C: Serialize>(algorithm: JwsAlgorithm, typ: &str, claims: &C) -> Option<usize> {
    let encoded = |bytes: usize| (bytes * 4).div_ceil(3);
    let header = Header { typ, alg: algorithm.as_str(), kid: &"k".repeat(KID_LENGTH) };
    let header = serde_json::to_vec(&header).ok()?.len();
    let claims = serde_json::to_vec(claims).ok()?.len();
    let message = encoded(header) + 1 + encoded(claims);
    let (signature, most) = match algorithm {
        JwsAlgorithm::ES256 => (64, usize::MAX),
        JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => (256, usize::MAX),
        JwsAlgorithm::EdDSA => (64, MAX_MESSAGE),
    };
    (message <= most).then_some(message + 1 + encoded(signature))
}

impl SigningKey {
    pub fn new(
        algorithm: JwsAlgorithm,
        generation: u32,
        times: KeyTimes,
        kid: String,
        private: PrivateKey,
    ) -> Self {
        Self { algorithm, generation, times, kid, private }
    }

    pub fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }

    /// Signs `claims` as a JWT of this `typ`.
    pub async fn sign<C: Serialize>(&self, typ: &str, claims: &C) -> Result<String, KeyError> {
        let failed = |why: &str| KeyError(format!("signing with {} failed: {why}", self.algorithm.as_str()));
        let header = Header { typ, alg: self.algorithm.as_str(), kid: &self.kid };
        let header = serde_json::to_vec(&header).map_err(|error| failed(&error.to_string()))?;
        let claims = serde_json::to_vec(claims).map_err(|error| failed(&error.to_string()))?;
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.private.sign(self.algorithm, signed.as_bytes()).await;
        let signature = signature.map_err(|why| failed(&why))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Pair {
    /// `None` if `pkcs8` is not a key for `algorithm`.
    fn parse(algorithm: JwsAlgorithm, pkcs8: &[u8]) -> Option<Self> {
        let rsa = |encoding| Some(Self::Rsa(RsaKeyPair::from_pkcs8(pkcs8).ok()?, encoding));
        match algorithm {
            JwsAlgorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
                pair.ok().map(Self::Ecdsa)
            }
            JwsAlgorithm::RS256 => rsa(&RSA_PKCS1_SHA256),
            JwsAlgorithm::PS256 => rsa(&RSA_PSS_SHA256),
            JwsAlgorithm::EdDSA => Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Self::Ed25519),
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature.ok().map(|it| it.as_ref().to_vec())
            }
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(*encoding, &SystemRandom::new(), message, &mut signature);
                signed.ok().map(|()| signature)
            }
            Self::Ed25519(pair) => pair.try_sign(message).ok().map(|it| it.as_ref().to_vec()),
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation};
    use serde_json::{Value, json};

    use super::*;
    use ciba_core::domain::base::time::Timestamp;

    fn pair(algorithm: JwsAlgorithm) -> (SigningKey, PublicJwk) {
        let pair = SigningKeyPair::generate(algorithm).unwrap();
        (key(algorithm, &pair), pair.public)
    }

    fn key(algorithm: JwsAlgorithm, pair: &SigningKeyPair) -> SigningKey {
        let times = KeyTimes::first(Timestamp::from_seconds(0), Duration::from_secs(60));
        SigningKey::new(algorithm, 1, times, pair.public.kid.clone(), PrivateKey::of(pair.private.clone()))
    }

    /// Verified by an independent library.
    fn verified(token: &str, jwk: &PublicJwk, algorithm: &str) -> Option<Value> {
        let jwk: Jwk = serde_json::from_value(serde_json::to_value(jwk).unwrap()).unwrap();
        let mut signature_only = Validation::new(algorithm.parse::<Algorithm>().unwrap());
        signature_only.required_spec_claims.clear();
        (signature_only.validate_exp, signature_only.validate_aud) = (false, false);
        let decoded = jsonwebtoken::decode(token, &DecodingKey::from_jwk(&jwk).unwrap(), &signature_only);
        decoded.ok().map(|decoded| decoded.claims)
    }

    /// TOK-12-01, HYG-3-14, TOK-1-13
    #[tokio::test]
    async fn each_signature_verifies_by_its_own_key_and_algorithm_only() {
        let claims = json!({"sub": "alice"});
        for algorithm in JwsAlgorithm::ALL {
            let ((key, jwk), (_, another)) = (pair(algorithm), pair(algorithm));
            let token = key.sign("at+jwt", &claims).await.unwrap();
            let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
            let expected = json!({"typ": "at+jwt", "alg": algorithm.as_str(), "kid": jwk.kid});
            assert_eq!(serde_json::from_slice::<Value>(&header).unwrap(), expected);
            for name in JwsAlgorithm::ALL.map(JwsAlgorithm::as_str) {
                let expected = (name == algorithm.as_str()).then(|| claims.clone());
                assert_eq!(verified(&token, &jwk, name), expected, "{algorithm:?} as {name}");
            }
            assert_eq!(verified(&token, &another, algorithm.as_str()), None, "{algorithm:?}");
            assert_ne!(jwk.kid, another.kid);
        }
    }

    /// TOK-12-01, TOK-12-02
    #[test]
    fn a_published_key_has_its_public_members_only() {
        for (algorithm, kty, members) in [
            (JwsAlgorithm::ES256, "EC", ["crv", "x", "y"].as_slice()),
            (JwsAlgorithm::RS256, "RSA", &["n", "e"]),
            (JwsAlgorithm::PS256, "RSA", &["n", "e"]),
            (JwsAlgorithm::EdDSA, "OKP", &["crv", "x"]),
        ] {
            let jwk = serde_json::to_value(pair(algorithm).1).unwrap();
            let expected: BTreeSet<_> = ["kty", "use", "alg", "kid"].iter().chain(members).copied().collect();
            let found: BTreeSet<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(found, expected, "{algorithm:?}");
            assert_eq!((&jwk["kty"], &jwk["alg"]), (&json!(kty), &json!(algorithm.as_str())));
            assert_eq!(jwk["use"], "sig");
        }
    }

    /// HYG-4-07: 2048 bits, and the usual exponent.
    #[test]
    fn an_rsa_key_has_2048_bits() {
        let PublicKey::Rsa { n, e } = pair(JwsAlgorithm::RS256).1.key else { panic!("an RSA key") };
        let n = URL_SAFE_NO_PAD.decode(n).unwrap();
        assert!(n.len() == 256 && n[0] >= 0x80, "{} octets", n.len());
        assert_eq!(e, "AQAB");
    }

    /// HYG-1-07: the length that is computed before a token is signed is the length of the signed token.
    #[tokio::test]
    async fn the_length_of_a_token_is_known_before_it_is_signed() {
        let claims =
            |length: usize| serde_json::json!({"sub": "s".repeat(length), "amount": "\u{e4}\u{20ac}\"\\"});
        for algorithm in JwsAlgorithm::ALL {
            let pair = SigningKeyPair::generate(algorithm).unwrap();
            let key = key(algorithm, &pair);
            for length in 0..9 {
                let token = key.sign("at+jwt", &claims(length)).await.unwrap();
                assert_eq!(
                    signed_length(algorithm, "at+jwt", &claims(length)),
                    Some(token.len()),
                    "{algorithm:?}"
                );
            }
            let longest =
                (0..5000).rev().find(|length| signed_length(algorithm, "at+jwt", &claims(*length)).is_some());
            let message =
                longest.map(|length| signed_length(algorithm, "at+jwt", &claims(length)).unwrap() - 87);
            match algorithm {
                JwsAlgorithm::EdDSA => assert!((4093..=4096).contains(&message.unwrap()), "{message:?}"),
                JwsAlgorithm::ES256 | JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => {
                    assert_eq!(longest, Some(4999))
                }
            }
        }
    }

    /// TOK-12-02, HYG-3-02: the error does not contain the key's bytes.
    #[tokio::test]
    async fn a_key_of_the_wrong_type_signs_nothing() {
        for (algorithm, other) in [
            (JwsAlgorithm::ES256, JwsAlgorithm::EdDSA),
            (JwsAlgorithm::RS256, JwsAlgorithm::ES256),
            (JwsAlgorithm::PS256, JwsAlgorithm::EdDSA),
            (JwsAlgorithm::EdDSA, JwsAlgorithm::ES256),
        ] {
            let key = key(algorithm, &SigningKeyPair::generate(other).unwrap());
            let error = key.sign("JWT", &()).await.unwrap_err();
            assert_eq!(error.0, format!("signing with {} failed: the key is malformed", algorithm.as_str()));
        }
    }
}
