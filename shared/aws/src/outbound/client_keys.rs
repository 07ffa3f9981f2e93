//! The keys of clients, from their records or from their `jwks_uri`.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;

use crate::outbound::jwks::{self, JwksCache, NotVerified};
use crate::outbound::{FetchError, Fetcher};
use crate::store::{Table, WriteId};
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::client_keys::ClientKeys;
use ciba_core::verify::jws::{UnverifiedJws, VerifiedClaims};

/// The key sets of all clients that one warm function serves.
///
/// The HTTP client is built when the first `jwks_uri` has to be fetched, so it costs nothing as long as all
/// clients have their keys in their records.
pub struct ClientKeySets {
    local: bool,
    table: Table,
    fetched: OnceLock<Result<JwksCache, FetchError>>,
}

impl ClientKeySets {
    /// If `local`, keys may be fetched from `localhost` as well.
    pub fn new(local: bool, table: Table) -> Self {
        Self { local, table, fetched: OnceLock::new() }
    }

    /// The claims of `jws`, if it is signed with one of `algorithms` by one of the client's keys.
    pub async fn verify(
        &self,
        jws: &UnverifiedJws<'_>,
        keys: &ClientKeys,
        algorithms: &[JwsAlgorithm],
        now: Timestamp,
        write: &WriteId,
    ) -> Result<VerifiedClaims, NotVerified> {
        match keys {
            ClientKeys::Inline(set) => jwks::verify_with(&inline(set)?, jws, algorithms),
            ClientKeys::Uri(uri) => self.fetched()?.verify(jws, uri, algorithms, now, write).await,
        }
    }

    /// Whether the certificate `der` is registered with one of the client's keys: the first `x5c` entry of each
    /// key is compared (RFC 8705 §2.2.2). A malformed entry never matches.
    pub async fn has_certificate(
        &self,
        keys: &ClientKeys,
        der: &[u8],
        now: Timestamp,
        write: &WriteId,
    ) -> Result<bool, NotVerified> {
        let first = |key: &Jwk| STANDARD.decode(key.common.x509_chain.as_ref()?.first()?).ok();
        let is_meant = |key: &Jwk| first(key).is_some_and(|registered| registered == der);
        match keys {
            ClientKeys::Inline(set) => Ok(inline(set)?.iter().any(is_meant)),
            ClientKeys::Uri(uri) => self.fetched()?.has(uri, is_meant, now, write).await,
        }
    }

    fn fetched(&self) -> Result<&JwksCache, NotVerified> {
        // Anybody who sends a client's id makes this provider fetch the client's keys, so the time limit for
        // unauthenticated callers applies.
        let made = self.fetched.get_or_init(|| {
            Fetcher::for_strangers(self.local).map(|fetcher| JwksCache::new(fetcher, self.table.clone()))
        });
        made.as_ref().map_err(|error| NotVerified::Unavailable(error.0.clone()))
    }
}

fn inline(set: &str) -> Result<Vec<Jwk>, NotVerified> {
    jwks::parse(set.as_bytes()).ok_or(NotVerified::Invalid("the client's key set is malformed"))
}
