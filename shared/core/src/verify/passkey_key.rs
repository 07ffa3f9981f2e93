//! The public key of a passkey, with which [`webauthn`](super::webauthn) verifies signatures. aws-lc parses the
//! key and verifies the signature.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

/// The first byte of an uncompressed point (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;
/// The length of a coordinate of P-256. Unit: bytes.
const COORDINATE: usize = 32;
/// The shortest accepted RSA modulus. Signatures of shorter keys can be forged (RFC 7518 §3.3). Unit: bits.
const LEAST_MODULUS: usize = 2048;

pub(super) struct PasskeyKey(ParsedPublicKey);

impl PasskeyKey {
    /// A key for ES256. `None` if `x` and `y` are not a point on P-256.
    pub(super) fn es256(x: &[u8], y: &[u8]) -> Option<Self> {
        if x.len() != COORDINATE || y.len() != COORDINATE {
            return None;
        }
        let point = [&[UNCOMPRESSED], x, y].concat();
        ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok().map(Self)
    }

    /// A key for RS256, of at least 2048 bits. `None` if modulus and exponent are not an RSA key.
    pub(super) fn rs256(n: &[u8], e: &[u8]) -> Option<Self> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        // With exponent 1 anybody could forge a signature, and an even exponent is never valid.
        let is_exponent = e.last().is_some_and(|last| last % 2 == 1) && e != [1];
        if bits < LEAST_MODULUS || !is_exponent {
            return None;
        }
        RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok().map(Self)
    }

    /// Whether `signature` was made with this key for an assertion: the authenticator data, followed by the hash
    /// of the client data (WebAuthn §6.3.3).
    pub(super) fn verifies(&self, authenticator_data: &[u8], client_data: &[u8], signature: &[u8]) -> bool {
        let signed = [authenticator_data, digest(&SHA256, client_data).as_ref()].concat();
        self.0.verify_sig(&signed, signature).is_ok()
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyUncompressedBin};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    };

    use super::*;

    const DATA: &[u8] = b"authenticator data";
    const CLIENT: &[u8] = br#"{"type":"webauthn.get"}"#;

    fn signed() -> Vec<u8> {
        [DATA, digest(&SHA256, CLIENT).as_ref()].concat()
    }

    fn ec() -> (EcdsaKeyPair, Vec<u8>) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point: EcPublicKeyUncompressedBin<'_> = pair.public_key().as_be_bytes().unwrap();
        let point = point.as_ref()[1..].to_vec();
        (pair, point)
    }

    fn rsa_signature(pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding) -> Vec<u8> {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), &signed(), &mut signature).unwrap();
        signature
    }

    #[test]
    fn es256_is_verified_over_both_parts() {
        let (pair, point) = ec();
        let key = PasskeyKey::es256(&point[..32], &point[32..]).unwrap();
        let signature = pair.sign(&SystemRandom::new(), &signed()).unwrap();
        let signature = signature.as_ref();
        assert!(key.verifies(DATA, CLIENT, signature));
        assert!(!key.verifies(b"authenticator datb", CLIENT, signature));
        assert!(!key.verifies(DATA, br#"{"type":"webauthn.gep"}"#, signature));
        for position in 0..signature.len() {
            let mut changed = signature.to_vec();
            changed[position] ^= 1;
            assert!(!key.verifies(DATA, CLIENT, &changed), "{position}");
        }
        assert!(!key.verifies(DATA, CLIENT, &[signature, &[0]].concat()), "something after the end");
        assert!(!key.verifies(DATA, CLIENT, b""));
        let (_, other) = ec();
        let other = PasskeyKey::es256(&other[..32], &other[32..]).unwrap();
        assert!(!other.verifies(DATA, CLIENT, signature));
    }

    /// WebAuthn §6.5.5: ECDSA signatures are in DER.
    #[test]
    fn an_es256_signature_that_is_not_der_is_refused() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point: EcPublicKeyUncompressedBin<'_> = pair.public_key().as_be_bytes().unwrap();
        let key = PasskeyKey::es256(&point.as_ref()[1..33], &point.as_ref()[33..]).unwrap();
        let signature = pair.sign(&SystemRandom::new(), &signed()).unwrap();
        assert!(!key.verifies(DATA, CLIENT, signature.as_ref()));
    }

    #[test]
    fn rs256_is_verified_over_both_parts() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let n = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let key = PasskeyKey::rs256(&n, &[1, 0, 1]).unwrap();
        let signature = rsa_signature(&pair, &RSA_PKCS1_SHA256);
        assert!(key.verifies(DATA, CLIENT, &signature));
        assert!(!key.verifies(DATA, b"{}", &signature));
        assert!(!key.verifies(b"", CLIENT, &signature));
        for position in [0, 100, 255] {
            let mut changed = signature.clone();
            changed[position] ^= 1;
            assert!(!key.verifies(DATA, CLIENT, &changed), "{position}");
        }
        assert!(!key.verifies(DATA, CLIENT, &rsa_signature(&pair, &RSA_PSS_SHA256)), "another padding");
    }

    #[test]
    fn a_key_that_is_malformed_or_too_short_is_refused() {
        let (_, point) = ec();
        let (x, y) = point.split_at(32);
        let mut off_the_curve = y.to_vec();
        off_the_curve[31] ^= 1;
        assert!(PasskeyKey::es256(x, &off_the_curve).is_none());
        assert!(PasskeyKey::es256(&[0; 32], &[0; 32]).is_none(), "the point at infinity");
        assert!(PasskeyKey::es256(&x[1..], y).is_none() && PasskeyKey::es256(x, &[]).is_none());
        let modulus = vec![0xff; 256];
        assert!(PasskeyKey::rs256(&modulus[1..], &[1, 0, 1]).is_none(), "2040 bits");
        assert!(PasskeyKey::rs256(&[&[0], &modulus[1..]].concat(), &[1, 0, 1]).is_none());
        assert!(PasskeyKey::rs256(&[], &[1, 0, 1]).is_none());
        for exponent in [&[0, 0, 0][..], &[0, 0, 1], &[1, 0, 0], &[]] {
            assert!(PasskeyKey::rs256(&modulus, exponent).is_none(), "{exponent:?}");
        }
    }
}
