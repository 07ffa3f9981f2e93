//! The signature algorithms that are used for signing and accepted for verification.

use serde::{Deserialize, Serialize};

use crate::domain::base::profile::Profile;

/// An asymmetric JWS algorithm (RFC 7518 §3, RFC 8037). `none` and HMAC are not supported in any spelling
/// (RFC 8725 §3.1, §3.2). Each key is used with exactly one algorithm (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JwsAlgorithm {
    /// ECDSA on P-256: small and fast, the default for signing.
    ES256,
    /// RSA PKCS#1 v1.5: required of every provider by OIDC Core §15.1, and the only algorithm that some verifiers
    /// support.
    RS256,
    /// RSA-PSS.
    PS256,
    /// Ed25519, the only EdDSA curve supported. Clients may also call it `Ed25519` (RFC 9864 §2.2).
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl JwsAlgorithm {
    /// In the order in which the metadata lists them.
    pub const ALL: [Self; 4] = [Self::ES256, Self::RS256, Self::PS256, Self::EdDSA];
    pub const DEFAULT: Self = Self::ES256;

    /// The algorithms for a client's assertions and signed requests, and for the tokens issued to it. FAPI-CIBA
    /// excludes PKCS#1 v1.5: only PS256, ES256 and EdDSA are allowed.
    pub const fn of_clients(profile: Profile) -> &'static [Self] {
        match profile {
            Profile::Plain => &Self::ALL,
            Profile::FapiCiba => &[Self::ES256, Self::PS256, Self::EdDSA],
        }
    }

    /// The `alg` value in signatures made here.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The `alg` values accepted for this algorithm. EdDSA has two: RFC 8037 names the family, while RFC 9864 §2.2
    /// names the curve and deprecates the former.
    pub const fn accepted_names(self) -> &'static [&'static str] {
        match self {
            Self::ES256 => &["ES256"],
            Self::RS256 => &["RS256"],
            Self::PS256 => &["PS256"],
            Self::EdDSA => &["EdDSA", "Ed25519"],
        }
    }

    /// Parses any of the accepted names, case-sensitively (RFC 7515 §4.1.1).
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
    fn an_algorithm_name_is_case_sensitive_in_text_and_json() {
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
