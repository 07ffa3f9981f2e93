//! Other parties' key sets, cached.

use std::collections::HashMap;
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use tokio::sync::Mutex;

use crate::outbound::document::{Document, Documents};
use crate::outbound::{FetchError, Fetcher};
use crate::store::{Table, WriteId};
use ciba_core::domain::base::fetch_failures::FetchFailures;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::strict_json;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::verify::jws::{UnverifiedJws, VerifiedClaims};
use ciba_core::verify::verification_key::{self, VerificationKey, fits};

/// The largest key set that is accepted. Unit: bytes.
const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 20;
/// The age at which a set is fetched again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// The age at which a set is fetched again because a token refers to a key that is not in it, which may be new.
const AGAIN_FOR_UNKNOWN: Duration = Duration::from_secs(60);
/// How long a set remains in use if it cannot be fetched again.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a token could not be verified with a key set.
#[derive(Clone, Debug)]
pub enum NotVerified {
    Invalid(&'static str),
    /// The set cannot be fetched. The text is for the log.
    Unavailable(String),
}

/// The key sets that a warm function has fetched.
pub struct JwksCache {
    documents: Documents,
    sets: Mutex<HashMap<String, Set>>,
}

#[derive(Default)]
struct Set {
    keys: Vec<Jwk>,
    fetched_at: Option<Timestamp>,
    /// The recent failures that this sandbox knows of.
    failures: Option<FetchFailures>,
}

impl JwksCache {
    pub fn new(fetcher: Fetcher, table: Table) -> Self {
        Self { documents: Documents::new(fetcher, table), sets: Mutex::default() }
    }

    /// The claims of `jws`, if it is signed with one of `algorithms` by a key of the set at `uri`.
    pub async fn verify(
        &self,
        jws: &UnverifiedJws<'_>,
        uri: &str,
        algorithms: &[JwsAlgorithm],
        now: Timestamp,
        write: &WriteId,
    ) -> Result<VerifiedClaims, NotVerified> {
        is_accepted(jws, algorithms)?;
        let jwk = self.key(uri, jws.kid(), jws.algorithm(), now, write).await?;
        verify_by(&jwk, jws)
    }

    /// Whether a key of the set at `uri` satisfies `is_meant`. The set is at most a minute old if it can be
    /// fetched, because there is no `kid` by which a new key could be recognized. While it cannot be fetched, the
    /// keys it had remain in use, and for any other key the result is `Unavailable`.
    pub(super) async fn has(
        &self,
        uri: &str,
        is_meant: impl Fn(&Jwk) -> bool,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<bool, NotVerified> {
        let mut sets = self.sets.lock().await;
        let set = sets.entry(uri.to_owned()).or_default();
        let mut unavailable = None;
        if set.is_older_than(AGAIN_FOR_UNKNOWN, now) {
            unavailable = self.refresh(uri, set, now, write).await.err();
        }
        match (!set.is_older_than(STALE, now) && set.keys.iter().any(is_meant), unavailable) {
            (true, _) => Ok(true),
            (false, Some(error)) => Err(NotVerified::Unavailable(error.0)),
            (false, None) => Ok(false),
        }
    }

    /// The key with this `kid` that fits `algorithm`; without a `kid`, the only key that fits.
    async fn key(
        &self,
        uri: &str,
        kid: Option<&str>,
        algorithm: JwsAlgorithm,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Jwk, NotVerified> {
        let mut sets = self.sets.lock().await;
        let set = sets.entry(uri.to_owned()).or_default();
        let mut unavailable = None;
        if set.is_older_than(FRESH, now) {
            unavailable = self.refresh(uri, set, now, write).await.err();
        }
        if let Some(key) = set.select(kid, algorithm, now) {
            return Ok(key.clone());
        }
        // A fetch that failed in this very call is not repeated.
        if unavailable.is_none() && set.is_older_than(AGAIN_FOR_UNKNOWN, now) {
            unavailable = self.refresh(uri, set, now, write).await.err();
        }
        match (set.select(kid, algorithm, now), unavailable) {
            (Some(key), _) => Ok(key.clone()),
            (None, Some(error)) => Err(NotVerified::Unavailable(error.0)),
            (None, None) => Err(NotVerified::Invalid("the token is signed with an unknown key")),
        }
    }

    async fn refresh(
        &self,
        uri: &str,
        set: &mut Set,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<(), FetchError> {
        let parse = |body: &[u8]| parse(body).ok_or("is not a JWK set");
        let document = Document { uri, cap: MAX_BYTES, parse };
        let keys = self.documents.fetch(&document, &mut set.failures, now, write).await?;
        *set = Set { keys, fetched_at: Some(now), failures: None };
        Ok(())
    }
}

impl Set {
    fn is_older_than(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_none_or(|at| now.since(at) >= age)
    }

    fn select(&self, kid: Option<&str>, algorithm: JwsAlgorithm, now: Timestamp) -> Option<&Jwk> {
        if self.is_older_than(STALE, now) {
            return None;
        }
        select(&self.keys, kid, algorithm)
    }
}

/// The key with this `kid` that fits `algorithm` by its type, curve, `use` and `alg`, since keys may share a `kid`
/// (RFC 7517 §4.5); without a `kid`, the only key that fits.
fn select<'k>(keys: &'k [Jwk], kid: Option<&str>, algorithm: JwsAlgorithm) -> Option<&'k Jwk> {
    let mut fitting = keys.iter().filter(|key| fits(key, algorithm));
    match kid {
        Some(_) => fitting.find(|key| key.common.key_id.as_deref() == kid),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
}

/// Like [`JwksCache::verify`], with the given keys.
pub(super) fn verify_with(
    keys: &[Jwk],
    jws: &UnverifiedJws<'_>,
    algorithms: &[JwsAlgorithm],
) -> Result<VerifiedClaims, NotVerified> {
    is_accepted(jws, algorithms)?;
    let key = select(keys, jws.kid(), jws.algorithm());
    verify_by(key.ok_or(NotVerified::Invalid("the token is signed with an unknown key"))?, jws)
}

/// Checked before any key is selected: the token must not choose how it is verified (RFC 8725 §3.1).
fn is_accepted(jws: &UnverifiedJws<'_>, algorithms: &[JwsAlgorithm]) -> Result<(), NotVerified> {
    if algorithms.contains(&jws.algorithm()) {
        Ok(())
    } else {
        Err(NotVerified::Invalid("the signature algorithm is not accepted from this issuer"))
    }
}

fn verify_by(jwk: &Jwk, jws: &UnverifiedJws<'_>) -> Result<VerifiedClaims, NotVerified> {
    let key = VerificationKey::new(jwk, jws.algorithm());
    let key = key.ok_or(NotVerified::Invalid("the key is malformed"))?;
    jws.verify(&key).ok_or(NotVerified::Invalid("the token's signature is invalid"))
}

/// The number of keys in the set at `uri` that fit one of `algorithms`. If it is 0, no token can be verified.
/// Nothing is cached, because this is for an operator's check.
pub async fn count_fitting(
    fetcher: &Fetcher,
    uri: &str,
    algorithms: &[JwsAlgorithm],
) -> Result<usize, FetchError> {
    let body = fetcher.json(uri, MAX_BYTES).await?;
    let keys = parse(&body).ok_or_else(|| FetchError(format!("{uri}: is not a JWK set")))?;
    Ok(keys.iter().filter(|key| algorithms.iter().any(|algorithm| fits(key, *algorithm))).count())
}

/// A key that cannot be read is ignored (RFC 7517 §5). A repeated member invalidates the whole set, because parsers
/// disagree about which one counts.
pub(super) fn parse(body: &[u8]) -> Option<Vec<Jwk>> {
    let mut set = strict_json::parse(body)?;
    let keys = std::mem::take(set.get_mut("keys")?.as_array_mut()?);
    Some(keys.into_iter().filter_map(verification_key::parse).take(MAX_KEYS).collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn set(keys: serde_json::Value) -> Set {
        let body = serde_json::json!({ "keys": keys }).to_string();
        Set { keys: parse(body.as_bytes()).unwrap(), fetched_at: Some(NOW), failures: None }
    }

    fn ec(kid: &str, alg: &str) -> serde_json::Value {
        let coordinate = "A".repeat(43);
        serde_json::json!({"kty":"EC","crv":"P-256","x":coordinate,"y":coordinate,"kid":kid,"alg":alg,"use":"sig"})
    }

    /// HYG-3-02
    #[test]
    fn a_key_is_chosen_by_name_and_must_fit_the_algorithm() {
        let set = set(serde_json::json!([ec("one", "ES256"), ec("two", "ES256"), {"kty": "of the future"}]));
        assert!(set.select(Some("one"), JwsAlgorithm::ES256, NOW).is_some());
        assert!(set.select(Some("one"), JwsAlgorithm::RS256, NOW).is_none());
        assert!(set.select(Some("three"), JwsAlgorithm::ES256, NOW).is_none());
        assert!(set.select(None, JwsAlgorithm::ES256, NOW).is_none(), "two fit, so a name is needed");
    }

    #[test]
    fn a_key_that_says_another_use_or_algorithm_is_not_chosen() {
        let mut encryption = ec("one", "ES256");
        encryption["use"] = "enc".into();
        assert!(set(serde_json::json!([encryption])).select(None, JwsAlgorithm::ES256, NOW).is_none());
        assert!(
            set(serde_json::json!([ec("one", "ES384")])).select(None, JwsAlgorithm::ES256, NOW).is_none()
        );
        assert!(
            set(serde_json::json!([ec("one", "ES256")])).select(None, JwsAlgorithm::ES256, NOW).is_some()
        );
    }

    #[test]
    fn a_set_that_could_not_be_fetched_for_a_day_serves_no_more() {
        let set = set(serde_json::json!([ec("one", "ES256")]));
        let later = |hours: u64| NOW.plus(Duration::from_secs(hours * 3600));
        assert!(set.select(Some("one"), JwsAlgorithm::ES256, later(23)).is_some());
        assert!(set.select(Some("one"), JwsAlgorithm::ES256, later(24)).is_none());
    }

    /// HYG-4-07
    #[test]
    fn an_rsa_key_that_is_too_short_or_too_long_is_not_chosen() {
        let rsa = |bytes: usize| {
            let modulus = URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
            set(serde_json::json!([{"kty": "RSA", "n": modulus, "e": "AQAB", "kid": "one"}]))
        };
        for (bytes, is_chosen) in [(128, false), (255, false), (256, true), (512, true), (513, false)] {
            for algorithm in [JwsAlgorithm::RS256, JwsAlgorithm::PS256] {
                assert_eq!(rsa(bytes).select(Some("one"), algorithm, NOW).is_some(), is_chosen, "{bytes}");
            }
        }
    }
}
