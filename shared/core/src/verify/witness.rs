//! A witness: the signature of a document in the table by a key outside of it, as a detached JWS (RFC 7515,
//! appendix F) with ES256.
//!
//! ```text
//! witness = BASE64URL(header) ‖ ".." ‖ BASE64URL(signature)
//! signed  = BASE64URL(header) ‖ "." ‖ BASE64URL(document)
//! ```
//!
//! The key is in KMS, and only the functions that write such documents may sign with it. With its public key, a
//! witness can be verified by any JOSE library, without KMS, this provider or its table.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::protocol::jwks::PublicJwk;
use crate::verify::verification_key::VerificationKey;

/// The kind of document, in the header of its witness (`typ`), so that a signature for one kind is not accepted
/// for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Evidence,
    Enrollment,
}

impl Purpose {
    /// The algorithm of all witnesses.
    pub const ALGORITHM: JwsAlgorithm = JwsAlgorithm::ES256;

    const fn header(self) -> &'static str {
        match self {
            Self::Evidence => r#"{"alg":"ES256","typ":"ciba-evidence"}"#,
            Self::Enrollment => r#"{"alg":"ES256","typ":"ciba-enrolment"}"#,
        }
    }

    /// The signing input for a document.
    pub fn signing_input(self, document: &str) -> String {
        format!("{}.{}", URL_SAFE_NO_PAD.encode(self.header()), URL_SAFE_NO_PAD.encode(document))
    }

    /// The witness with this signature.
    pub fn witness(self, signature: &[u8]) -> String {
        format!("{}..{}", URL_SAFE_NO_PAD.encode(self.header()), URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The public key of a witness.
pub struct WitnessKey(VerificationKey);

impl WitnessKey {
    /// `None` if it is not a key for ES256.
    pub fn of(jwk: &PublicJwk) -> Option<Self> {
        let jwk = serde_json::to_value(jwk).ok()?;
        let jwk = serde_json::from_value(jwk).ok()?;
        VerificationKey::new(&jwk, Purpose::ALGORITHM).map(Self)
    }

    /// Whether `witness` was made with this key for `document` and this purpose. Only one spelling of the header
    /// is accepted.
    pub fn verifies(&self, purpose: Purpose, document: &str, witness: &str) -> bool {
        let header = URL_SAFE_NO_PAD.encode(purpose.header());
        let signature = witness.strip_prefix(&header).and_then(|rest| rest.strip_prefix(".."));
        signature.is_some_and(|signature| self.0.verifies(&purpose.signing_input(document), signature))
    }
}

/// The public keys of both witnesses, as `ciba-admin evidence witness` prints them. Keep them where they cannot be
/// changed with write access to the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessKeySet {
    /// For evidence of decisions and requests.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<PublicJwk>,
    /// For enrollment records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub enrollment: Option<PublicJwk>,
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;
    use crate::protocol::jwks::PublicKey;

    fn pair() -> (EcdsaKeyPair, WitnessKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key =
            PublicKey::Ec { crv: "P-256".to_owned(), x: encode(&point[1..33]), y: encode(&point[33..]) };
        let key = WitnessKey::of(&PublicJwk::new(JwsAlgorithm::ES256, key)).unwrap();
        (pair, key)
    }

    fn sign(pair: &EcdsaKeyPair, purpose: Purpose, document: &str) -> String {
        let input = purpose.signing_input(document);
        purpose.witness(pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap().as_ref())
    }

    /// HYG-5-03
    #[test]
    fn a_witness_is_of_one_document_by_one_key_for_one_purpose() {
        let ((pair, key), (other_pair, other_key)) = (pair(), pair());
        let witness = sign(&pair, Purpose::Evidence, "{}");
        assert!(key.verifies(Purpose::Evidence, "{}", &witness));
        assert!(!key.verifies(Purpose::Evidence, "{} ", &witness), "another document");
        assert!(!other_key.verifies(Purpose::Evidence, "{}", &witness), "another key");
        assert!(!key.verifies(Purpose::Evidence, "{}", &sign(&other_pair, Purpose::Evidence, "{}")));
        assert!(!key.verifies(Purpose::Enrollment, "{}", &witness), "another purpose");
        let (_, signature) = witness.split_once("..").unwrap();
        for text in [
            "",
            "..",
            signature,
            &format!("..{signature}"),
            &witness.replace("..", "."),
            &format!("{witness}="),
        ] {
            assert!(!key.verifies(Purpose::Evidence, "{}", text), "{text}");
        }
        // The signature of one purpose under the other's header.
        let header = URL_SAFE_NO_PAD.encode(Purpose::Enrollment.header());
        assert!(!key.verifies(Purpose::Enrollment, "{}", &format!("{header}..{signature}")));
    }

    #[test]
    fn a_key_of_another_algorithm_witnesses_nothing() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
        let key = PublicKey::Okp { crv: "Ed25519".to_owned(), x };
        assert!(WitnessKey::of(&PublicJwk::new(JwsAlgorithm::EdDSA, key)).is_none());
    }
}
