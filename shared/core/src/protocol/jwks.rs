//! Public JSON Web Keys (RFC 7517).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::base::jws_algorithm::JwsAlgorithm;

/// A published key: a public key with `kid`, one algorithm and one use (RFC 7517 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    #[serde(flatten)]
    pub key: PublicKey,
    #[serde(rename = "use")]
    pub public_key_use: String,
    pub alg: String,
    pub kid: String,
}

impl PublicJwk {
    /// `key`, with its thumbprint as `kid`, so that two keys never have the same `kid`.
    pub fn new(algorithm: JwsAlgorithm, key: PublicKey) -> Self {
        Self {
            kid: key.thumbprint(),
            key,
            public_key_use: "sig".to_owned(),
            alg: algorithm.as_str().to_owned(),
        }
    }
}

/// The members of each type of key (RFC 7518 §6, RFC 8037 §2). There is no field for private members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicKey {
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

impl PublicKey {
    /// The hash of the required members in lexicographic order (RFC 7638). Their values need no escaping.
    pub fn thumbprint(&self) -> String {
        let members = match self {
            Self::Ec { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
    }
}

#[derive(Debug, Serialize)]
pub struct JwkSet {
    pub keys: Vec<PublicJwk>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TOK-12-01: the example of RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_of_an_rsa_key_is_the_one_of_the_specification() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX\
                 jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz\
                 s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-\
                 G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::Rsa { n: n.to_owned(), e: "AQAB".to_owned() };
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// TOK-12-01: the example of RFC 8037, appendix A.3.
    #[test]
    fn an_ed25519_thumbprint_is_that_of_the_specification() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
        let key = PublicKey::Okp { crv: "Ed25519".to_owned(), x };
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_is_read_back_as_it_was_written() {
        let text = |text: &str| text.to_owned();
        for (algorithm, key) in [
            (JwsAlgorithm::ES256, PublicKey::Ec { crv: text("P-256"), x: text("x"), y: text("y") }),
            (JwsAlgorithm::PS256, PublicKey::Rsa { n: text("n"), e: text("AQAB") }),
            (JwsAlgorithm::EdDSA, PublicKey::Okp { crv: text("Ed25519"), x: text("x") }),
        ] {
            let jwk = PublicJwk::new(algorithm, key);
            let json = serde_json::to_string(&jwk).unwrap();
            assert_eq!(serde_json::from_str::<PublicJwk>(&json).unwrap(), jwk, "{json}");
        }
    }
}
