//! The algorithms of signatures: those made here, and those verified here.

use serde::{Deserialize, Serialize};

use crate::domain::base::profile::Profile;

/// An asymmetric JWS algorithm (RFC 7518 §3, RFC 8037). `none` and HMAC are not among them, in no spelling (`HYG-3-01`,
/// `HYG-3-03`). One key has one of them (`TOK-12-02`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JwsAlgorithm {
    /// ECDSA on P-256: small and quick, the default for what is signed here.
    ES256,
    /// RSA PKCS#1 v1.5: what OIDC Core §15.1 asks of every provider, and the only kind that some verifiers know.
    RS256,
    /// RSA-PSS.
    PS256,
    /// Ed25519, the only curve of EdDSA here. What is sent to us may also call it `Ed25519` (RFC 9864 §2.2).
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl JwsAlgorithm {
    /// In the order in which the metadata lists them.
    pub const ALL: [Self; 4] = [Self::ES256, Self::RS256, Self::PS256, Self::EdDSA];
    pub const DEFAULT: Self = Self::ES256;

    /// What a client may sign its assertions and requests with, and what is signed for it. Never PKCS#1 v1.5 under FAPI (`FCIBA-15`).
    pub const fn of_clients(profile: Profile) -> &'static [Self] {
        match profile {
            Profile::Plain => &Self::ALL,
            Profile::FapiCiba => &[Self::ES256, Self::PS256, Self::EdDSA],
        }
    }

    /// The `alg` value of what is signed here.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The `alg` values by which what is sent to us may name it. EdDSA has two: RFC 8037 named the family, and RFC 9864 §2.2 named
    /// the curve, and deprecates the former.
    pub const fn accepted_names(self) -> &'static [&'static str] {
        match self {
            Self::ES256 => &["ES256"],
            Self::RS256 => &["RS256"],
            Self::PS256 => &["PS256"],
            Self::EdDSA => &["EdDSA", "Ed25519"],
        }
    }

    /// By any of its names. Case-sensitive (`HYG-3-01`).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.accepted_names().contains(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FCIBA-15
    #[test]
    fn a_fapi_client_signs_with_anything_but_pkcs1() {
        let fapi = JwsAlgorithm::of_clients(Profile::FapiCiba);
        for algorithm in JwsAlgorithm::ALL {
            assert!(JwsAlgorithm::of_clients(Profile::Plain).contains(&algorithm), "{algorithm:?}");
            assert_eq!(fapi.contains(&algorithm), algorithm != JwsAlgorithm::RS256, "{algorithm:?}");
        }
    }

    /// HYG-3-01, HYG-3-03
    #[test]
    fn an_algorithm_is_named_by_its_exact_letters_in_text_and_in_json() {
        for algorithm in JwsAlgorithm::ALL {
            assert_eq!(algorithm.accepted_names()[0], algorithm.as_str());
            assert_eq!(serde_json::json!(algorithm), algorithm.as_str());
            for name in algorithm.accepted_names() {
                assert_eq!(JwsAlgorithm::parse(name), Some(algorithm));
                let json = serde_json::json!(name);
                assert_eq!(serde_json::from_value::<JwsAlgorithm>(json).unwrap(), algorithm);
            }
        }
        assert_eq!(JwsAlgorithm::parse("Ed25519"), Some(JwsAlgorithm::EdDSA));
        for text in ["none", "None", "HS256", "es256", "EDDSA", "ed25519", "Ed448", "ES256 ", ""] {
            assert_eq!(JwsAlgorithm::parse(text), None, "{text:?}");
            assert!(serde_json::from_value::<JwsAlgorithm>(serde_json::json!(text)).is_err(), "{text:?}");
        }
    }
}
