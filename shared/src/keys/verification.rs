//! What this provider signed, it can verify, however long ago: the public half of every signing key is kept
//! (`TOK-12-04`).

use std::collections::HashMap;

use jsonwebtoken::jwk::Jwk;

use crate::domain::jws_algorithm::JwsAlgorithm;
use crate::protocol::jws::{UnverifiedJws, VerifiedClaims};
use crate::protocol::verification_key::VerificationKey;
use crate::store::KeyRecord;

/// Why a token was not signed by this provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// Perhaps the key is newer than what was read.
    UnknownKey,
    WrongSignature,
}

/// The public halves of all signing keys, by `kid`, published or not.
#[derive(Default)]
pub(super) struct OwnPublicKeys(HashMap<String, Jwk>);

impl OwnPublicKeys {
    /// A key that cannot be read verifies nothing, and stops nothing else.
    pub(super) fn of(records: &[KeyRecord]) -> Self {
        let public = records.iter().filter_map(|record| record.public.as_ref());
        let jwks =
            public.filter_map(|public| serde_json::from_value(serde_json::to_value(public).ok()?).ok());
        Self(jwks.filter_map(|jwk: Jwk| Some((jwk.common.key_id.clone()?, jwk))).collect())
    }

    /// The claims of a token of ours. The algorithm is the one that the stored key names (`HYG-3-02`). Which kind of
    /// token it is, for whom, and until when is for who asks.
    pub(super) fn verify(&self, jws: &UnverifiedJws<'_>) -> Result<VerifiedClaims, NotOurs> {
        let jwk = jws.kid().and_then(|kid| self.0.get(kid)).ok_or(NotOurs::UnknownKey)?;
        let algorithm = jwk.common.key_algorithm.and_then(|alg| JwsAlgorithm::parse(&alg.to_string()));
        let key = algorithm.and_then(|algorithm| VerificationKey::new(jwk, algorithm));
        jws.verify(&key.ok_or(NotOurs::UnknownKey)?).ok_or(NotOurs::WrongSignature)
    }
}
