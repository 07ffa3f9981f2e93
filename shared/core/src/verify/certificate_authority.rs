//! The certificate authorities that are trusted to identify clients (RFC 8705 §2.1), by their keys.
//!
//! The TLS terminator trusts more than these: self-signed client certificates are in its trust store as well, so
//! it also accepts certificates that such a client signs. The issuing CA is therefore verified again here.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const ECDSA_WITH_SHA384: &str = "1.2.840.10045.4.3.3";
const RSA_WITH_SHA256: &str = "1.2.840.113549.1.1.11";
const RSA_WITH_SHA384: &str = "1.2.840.113549.1.1.12";
const RSA_WITH_SHA512: &str = "1.2.840.113549.1.1.13";
const ED25519: &str = "1.3.101.112";
const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";

/// The public key of an authority: a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityKey(Vec<u8>);

/// The supported types of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Rsa,
    Ed25519,
}

impl AuthorityKey {
    /// Parses the base64 text between the first and the last line of a public key in PEM.
    pub fn parse(base64: &str) -> Option<Self> {
        let der = STANDARD.decode(base64).ok()?;
        let (rest, info) = SubjectPublicKeyInfo::from_der(&der).ok()?;
        kind(&info)?;
        rest.is_empty().then_some(Self(der.clone()))
    }

    /// Whether the key signed this certificate. SHA-1 and other algorithms that are not listed are not accepted.
    pub(super) fn signed(&self, certificate: &X509Certificate<'_>) -> bool {
        let Ok((_, info)) = SubjectPublicKeyInfo::from_der(&self.0) else { return false };
        // The algorithm is stated twice, but signed only once: both must be equal (RFC 5280 §4.1.1.2).
        if certificate.signature_algorithm != certificate.tbs_certificate.signature {
            return false;
        }
        let named = certificate.signature_algorithm.algorithm.to_id_string();
        let Some(algorithm) = kind(&info).and_then(|kind| algorithm(kind, &named)) else { return false };
        let key = UnparsedPublicKey::new(algorithm, &info.subject_public_key.data);
        key.verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data).is_ok()
    }
}

fn kind(info: &SubjectPublicKeyInfo<'_>) -> Option<Kind> {
    let curve = || Some(info.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string());
    match info.algorithm.algorithm.to_id_string().as_str() {
        RSA => Some(Kind::Rsa),
        ED25519 => Some(Kind::Ed25519),
        EC => match curve()?.as_str() {
            P256 => Some(Kind::P256),
            P384 => Some(Kind::P384),
            _ => None,
        },
        _ => None,
    }
}

fn algorithm(kind: Kind, named: &str) -> Option<&'static dyn VerificationAlgorithm> {
    match (kind, named) {
        (Kind::P256, ECDSA_WITH_SHA256) => Some(&signature::ECDSA_P256_SHA256_ASN1),
        (Kind::P256, ECDSA_WITH_SHA384) => Some(&signature::ECDSA_P256_SHA384_ASN1),
        (Kind::P384, ECDSA_WITH_SHA256) => Some(&signature::ECDSA_P384_SHA256_ASN1),
        (Kind::P384, ECDSA_WITH_SHA384) => Some(&signature::ECDSA_P384_SHA384_ASN1),
        (Kind::Rsa, RSA_WITH_SHA256) => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        (Kind::Rsa, RSA_WITH_SHA384) => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        (Kind::Rsa, RSA_WITH_SHA512) => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        (Kind::Ed25519, ED25519) => Some(&signature::ED25519),
        (Kind::P256 | Kind::P384 | Kind::Rsa | Kind::Ed25519, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, CertifiedIssuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
        PKCS_ED25519, PKCS_RSA_SHA256, PKCS_RSA_SHA512, PublicKeyData, SignatureAlgorithm,
    };

    use super::*;
    use crate::verify::certificate::Certificate;

    fn authority(
        algorithm: &'static SignatureAlgorithm,
    ) -> (CertifiedIssuer<'static, KeyPair>, AuthorityKey) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let text = STANDARD.encode(key.subject_public_key_info());
        let issuer = CertifiedIssuer::self_signed(CertificateParams::default(), key).unwrap();
        (issuer, AuthorityKey::parse(&text).unwrap())
    }

    /// CAUTH-4-06
    #[test]
    fn a_certificate_is_signed_by_no_key_but_its_issuers() {
        let (_, other) = authority(&PKCS_ECDSA_P256_SHA256);
        for algorithm in [
            &PKCS_ECDSA_P256_SHA256,
            &PKCS_ECDSA_P384_SHA384,
            &PKCS_ED25519,
            &PKCS_RSA_SHA256,
            &PKCS_RSA_SHA512,
        ] {
            let (issuer, key) = authority(algorithm);
            let subject = KeyPair::generate().unwrap();
            let der = CertificateParams::default().signed_by(&subject, &issuer).unwrap().der().to_vec();
            let certificate = Certificate::from_der(&der).unwrap();
            assert!(certificate.is_signed_by(&[other.clone(), key.clone()]), "{algorithm:?}");
            assert!(
                !certificate.is_signed_by(&[]) && !certificate.is_signed_by(std::slice::from_ref(&other))
            );
            // The serial number, and the last byte of the signature.
            for at in [20, der.len() - 1] {
                let mut changed = der.clone();
                changed[at] ^= 1;
                let changed = Certificate::from_der(&changed);
                let is_signed = changed.is_some_and(|it| it.is_signed_by(std::slice::from_ref(&key)));
                assert!(!is_signed, "{algorithm:?} {at}");
            }
        }
    }

    #[test]
    fn what_is_no_public_key_is_none() {
        let spki = KeyPair::generate().unwrap().subject_public_key_info();
        for text in [
            String::new(),
            "x".to_owned(),
            STANDARD.encode(&spki[1..]),
            STANDARD.encode([&spki[..], &[0]].concat()),
            format!("-----BEGIN PUBLIC KEY-----{}", STANDARD.encode(&spki)),
        ] {
            assert_eq!(AuthorityKey::parse(&text), None, "{text}");
        }
    }
}
