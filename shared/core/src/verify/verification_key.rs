//! Verification keys: a public JWK (RFC 7517) together with the algorithm that it is used with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse, RSAKeyParameters};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use crate::domain::base::jws_algorithm::JwsAlgorithm;

/// The accepted lengths of an RSA modulus. Signatures of shorter keys can be forged (RFC 7518 §3.3); longer keys
/// would let an attacker slow down every verification. Unit: bits.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The longest RSA exponent. 65537 has three bytes; a long exponent would let an attacker slow down every
/// verification. Unit: bytes.
const MAX_RSA_EXPONENT: usize = 4;

/// The private members of JWKs (RFC 7518 §6; `priv` of the key type `AKP`).
pub const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Parses a public key from another party (RFC 7517 §4). All such keys are parsed here, because the library knows
/// `EdDSA`, but not the name of the same algorithm in RFC 9864.
pub fn parse(mut jwk: Value) -> Option<Jwk> {
    if let Some(alg) = jwk.get_mut("alg")
        && let Some(known) = alg.as_str().and_then(JwsAlgorithm::parse)
    {
        *alg = known.as_str().into();
    }
    serde_json::from_value(jwk).ok()
}

/// A key that fits its algorithm. It is created only by [`VerificationKey::new`].
pub struct VerificationKey {
    algorithm: JwsAlgorithm,
    key: DecodingKey,
    jwk: Jwk,
}

impl VerificationKey {
    /// `None` if the key does not fit this algorithm, or its size is not accepted.
    pub fn new(jwk: &Jwk, algorithm: JwsAlgorithm) -> Option<Self> {
        let key = DecodingKey::from_jwk(jwk).ok()?;
        fits(jwk, algorithm).then(|| Self { algorithm, key, jwk: jwk.clone() })
    }

    /// Whether `signature` (base64url) was made with this key for `message`. Only the key's own algorithm is used;
    /// the caller has already compared it with the header, which never selects the algorithm (RFC 8725 §3.1).
    pub(super) fn verifies(&self, message: &str, signature: &str) -> bool {
        let algorithm = match self.algorithm {
            JwsAlgorithm::ES256 => Algorithm::ES256,
            JwsAlgorithm::RS256 => Algorithm::RS256,
            JwsAlgorithm::PS256 => Algorithm::PS256,
            JwsAlgorithm::EdDSA => Algorithm::EdDSA,
        };
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm).unwrap_or(false)
    }

    pub(super) fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub(super) fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }
}

/// Whether the algorithm fits the key's type, curve, `use` and `alg` (RFC 8725 §3.1), and an RSA key has an
/// accepted size.
pub fn fits(jwk: &Jwk, algorithm: JwsAlgorithm) -> bool {
    let for_signing = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let says = jwk.common.key_algorithm.is_none_or(|said| said.to_string() == algorithm.as_str());
    let kind = match algorithm {
        JwsAlgorithm::ES256 => {
            matches!(&jwk.algorithm, AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256)
        }
        JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => {
            matches!(&jwk.algorithm, AlgorithmParameters::RSA(rsa) if is_accepted(rsa))
        }
        JwsAlgorithm::EdDSA => {
            matches!(&jwk.algorithm, AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519)
        }
    };
    for_signing && says && kind
}

/// Whether modulus and exponent are odd, and neither too short nor too long.
fn is_accepted(rsa: &RSAKeyParameters) -> bool {
    let number = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Some(bytes[zeros..].to_vec())
    };
    let (Some(modulus), Some(exponent)) = (number(&rsa.n), number(&rsa.e)) else { return false };
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    RSA_MODULUS.contains(&bits)
        && is_odd(&modulus)
        && is_odd(&exponent)
        && exponent != [1]
        && exponent.len() <= MAX_RSA_EXPONENT
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A modulus of `bits` bits, all of which are 1.
    fn modulus(bits: usize) -> String {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        if !bits.is_multiple_of(8) {
            bytes[0] = (1 << (bits % 8)) - 1;
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn rsa(n: &str, e: &[u8]) -> bool {
        let jwk = json!({"kty": "RSA", "n": n, "e": URL_SAFE_NO_PAD.encode(e)});
        fits(&serde_json::from_value(jwk).unwrap(), JwsAlgorithm::RS256)
    }

    /// HYG-3-02: Node and browsers export such a key with the name `Ed25519` (Web Cryptography), libraries older
    /// than RFC 9864 with `EdDSA`.
    #[test]
    fn a_key_for_ed25519_is_one_under_both_names() {
        let okp = |alg: Value| {
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43), "alg": alg, "key_ops": ["verify"],
                "ext": true});
            parse(jwk)
        };
        for name in ["EdDSA", "Ed25519"] {
            let jwk = okp(json!(name)).unwrap();
            assert!(VerificationKey::new(&jwk, JwsAlgorithm::EdDSA).is_some(), "{name}");
            assert!(!fits(&jwk, JwsAlgorithm::ES256), "{name}");
        }
        for other in ["ed25519", "Ed448", "ES256", "ECDH-ES"] {
            assert!(!fits(&okp(json!(other)).unwrap(), JwsAlgorithm::EdDSA), "{other}");
        }
        assert!(okp(json!(7)).is_none());
    }

    /// HYG-4-07, FCIBA-17
    #[test]
    fn an_rsa_key_has_2048_to_4096_bits_and_a_small_odd_exponent() {
        for bits in [2048, 3072, 4096] {
            assert!(rsa(&modulus(bits), &[1, 0, 1]), "{bits}");
        }
        for bits in [0, 512, 1024, 2047, 4097, 8192] {
            assert!(!rsa(&modulus(bits), &[1, 0, 1]), "{bits}");
        }
        let padded = URL_SAFE_NO_PAD.encode([vec![0; 128], vec![0xff; 128]].concat());
        assert!(!rsa(&padded, &[1, 0, 1]), "1024 bits behind zeros");
        let even = URL_SAFE_NO_PAD.encode([vec![0xff; 255], vec![0xfe]].concat());
        assert!(!rsa(&even, &[1, 0, 1]), "an even modulus");
        assert!(!rsa("not base64url!", &[1, 0, 1]));

        for exponent in [&[3][..], &[17], &[0, 1, 0, 1], &[0xff, 0xff, 0xff, 0xff]] {
            assert!(rsa(&modulus(2048), exponent), "{exponent:?}");
        }
        for exponent in [&[][..], &[0], &[1], &[0, 1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert!(!rsa(&modulus(2048), exponent), "{exponent:?}");
        }
    }
}
