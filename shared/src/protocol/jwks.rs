//! JSON Web Keys (RFC 7517), the public ones.

use serde::{Deserialize, Serialize};

/// A P-256 key for ES256: one key, one algorithm, one use (`TOK-12-01`, `TOK-12-02`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcPublicJwk {
    pub kty: String,
    pub crv: String,
    pub x: String,
    pub y: String,
    #[serde(rename = "use")]
    pub public_key_use: String,
    pub alg: String,
    pub kid: String,
}

#[derive(Debug, Serialize)]
pub struct JwkSet {
    pub keys: Vec<EcPublicJwk>,
}
