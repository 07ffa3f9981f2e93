//! Verifies tokens that this provider signed, however long ago: the public half of every signing key is kept.

use std::collections::HashMap;

use jsonwebtoken::jwk::Jwk;

use crate::store::KeyRecord;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::protocol::jwks::PublicJwk;
use ciba_core::verify::jws::{UnverifiedJws, VerifiedClaims};
use ciba_core::verify::verification_key::VerificationKey;

/// Why a token was not signed by this provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// The key may be newer than the keys that were read.
    UnknownKey,
    WrongSignature,
}

/// The public halves of all keys that sign tokens, by `kid`, whether published or not. A key is parsed when a token refers
/// to it, because most functions that read keys verify nothing.
#[derive(Default)]
pub(super) struct OwnPublicKeys(HashMap<String, PublicJwk>);

impl OwnPublicKeys {
    pub(super) fn of(records: &[KeyRecord]) -> Self {
        // A token signed with a login key is not ours: those keys sign no tokens.
        let records = records.iter().filter(|record| record.key_use.signs_tokens());
        let public = records.filter_map(|record| record.public.as_ref());
        Self(public.map(|public| (public.kid.clone(), public.clone())).collect())
    }

    #[cfg(test)]
    pub(super) fn knows(&self, kid: &str) -> bool {
        self.0.contains_key(kid)
    }

    /// The claims of a token of this provider. The algorithm is that of the stored key, never one that the token
    /// chooses (RFC 8725 §3.1). The caller checks the kind of token, its audience and its expiry.
    pub(super) fn verify(&self, jws: &UnverifiedJws<'_>) -> Result<VerifiedClaims, NotOurs> {
        let public = jws.kid().and_then(|kid| self.0.get(kid)).ok_or(NotOurs::UnknownKey)?;
        // A malformed key verifies nothing.
        let key = ready(public).ok_or(NotOurs::UnknownKey)?;
        jws.verify(&key).ok_or(NotOurs::WrongSignature)
    }
}

fn ready(public: &PublicJwk) -> Option<VerificationKey> {
    let jwk: Jwk = serde_json::from_value(serde_json::to_value(public).ok()?).ok()?;
    VerificationKey::new(&jwk, JwsAlgorithm::parse(&public.alg)?)
}
