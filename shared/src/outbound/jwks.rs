//! Foreign key sets, cached.

use std::collections::HashMap;
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use tokio::sync::Mutex;

use crate::domain::login_issuer::LoginAlgorithm;
use crate::domain::time::Timestamp;
use crate::outbound::{FetchError, Fetcher};

/// Unit: bytes.
const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 20;
/// A set this old is fetched again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// A key that is not in the set may be new: the set is fetched again, this often at most.
const AGAIN_FOR_UNKNOWN: Duration = Duration::from_secs(60);
/// A fetch that failed is not repeated before.
const AGAIN_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// A set that cannot be fetched again goes on serving this long.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug)]
pub enum JwksError {
    /// The set was read and has no such key.
    UnknownKey,
    /// The set cannot be read. The text is for the log.
    Unavailable(String),
}

/// The key sets that one warm function has fetched.
pub struct JwksCache {
    fetcher: Fetcher,
    sets: Mutex<HashMap<String, Set>>,
}

#[derive(Default)]
struct Set {
    keys: Vec<Jwk>,
    fetched_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

impl JwksCache {
    pub fn new(fetcher: Fetcher) -> Self {
        Self { fetcher, sets: Mutex::default() }
    }

    /// The key called `kid` that fits `algorithm`; without a `kid`, the only one that fits.
    pub async fn key(
        &self,
        uri: &str,
        kid: Option<&str>,
        algorithm: LoginAlgorithm,
        now: Timestamp,
    ) -> Result<Jwk, JwksError> {
        let mut sets = self.sets.lock().await;
        let set = sets.entry(uri.to_owned()).or_default();
        let mut unavailable = None;
        if set.is_older_than(FRESH, now) {
            unavailable = self.refresh(uri, set, now).await.err();
        }
        if let Some(key) = set.select(kid, algorithm, now) {
            return Ok(key.clone());
        }
        if set.is_older_than(AGAIN_FOR_UNKNOWN, now) {
            unavailable = self.refresh(uri, set, now).await.err();
        }
        match (set.select(kid, algorithm, now), unavailable) {
            (Some(key), _) => Ok(key.clone()),
            (None, Some(error)) => Err(JwksError::Unavailable(error.0)),
            (None, None) => Err(JwksError::UnknownKey),
        }
    }

    async fn refresh(&self, uri: &str, set: &mut Set, now: Timestamp) -> Result<(), FetchError> {
        if set.failed_at.is_some_and(|at| now.since(at) < AGAIN_AFTER_FAILURE) {
            return Err(FetchError(format!("{uri}: failed a moment ago")));
        }
        let fetched = self
            .fetcher
            .json(uri, MAX_BYTES)
            .await
            .and_then(|body| parse(&body).ok_or_else(|| FetchError(format!("{uri}: is not a key set"))));
        match fetched {
            Ok(keys) => *set = Set { keys, fetched_at: Some(now), failed_at: None },
            Err(error) => {
                set.failed_at = Some(now);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Set {
    fn is_older_than(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_none_or(|at| now.since(at) >= age)
    }

    fn select(&self, kid: Option<&str>, algorithm: LoginAlgorithm, now: Timestamp) -> Option<&Jwk> {
        if self.is_older_than(STALE, now) {
            return None;
        }
        let mut fitting = self.keys.iter().filter(|key| fits(key, algorithm));
        match kid {
            Some(_) => fitting.find(|key| key.common.key_id.as_deref() == kid),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }
}

/// How many keys of the set at `uri` fit one of `algorithms`; with none, no token can be verified. Nothing is cached:
/// this is for an operator's check.
pub async fn count_fitting(
    fetcher: &Fetcher,
    uri: &str,
    algorithms: &[LoginAlgorithm],
) -> Result<usize, FetchError> {
    let body = fetcher.json(uri, MAX_BYTES).await?;
    let keys = parse(&body).ok_or_else(|| FetchError(format!("{uri}: is not a key set")))?;
    Ok(keys.iter().filter(|key| algorithms.iter().any(|algorithm| fits(key, *algorithm))).count())
}

/// One key that cannot be read does not spoil the set (RFC 7517 §5).
fn parse(body: &[u8]) -> Option<Vec<Jwk>> {
    let mut set: serde_json::Value = serde_json::from_slice(body).ok()?;
    let keys = std::mem::take(set.get_mut("keys")?.as_array_mut()?);
    Some(keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).take(MAX_KEYS).collect())
}

/// The algorithm must fit the key's type, its curve, and what it says of itself (`HYG-3-02`).
fn fits(key: &Jwk, algorithm: LoginAlgorithm) -> bool {
    let for_signing = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let says = key.common.key_algorithm.is_none_or(|said| said.to_string() == format!("{algorithm:?}"));
    let kind = match algorithm {
        LoginAlgorithm::ES256 => {
            matches!(&key.algorithm, AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256)
        }
        LoginAlgorithm::RS256 | LoginAlgorithm::PS256 => {
            matches!(&key.algorithm, AlgorithmParameters::RSA(_))
        }
        LoginAlgorithm::EdDSA => {
            matches!(&key.algorithm, AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519)
        }
    };
    for_signing && says && kind
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn set(keys: serde_json::Value) -> Set {
        let body = serde_json::json!({ "keys": keys }).to_string();
        Set { keys: parse(body.as_bytes()).unwrap(), fetched_at: Some(NOW), failed_at: None }
    }

    fn ec(kid: &str, alg: &str) -> serde_json::Value {
        let coordinate = "A".repeat(43);
        serde_json::json!({"kty":"EC","crv":"P-256","x":coordinate,"y":coordinate,"kid":kid,"alg":alg,"use":"sig"})
    }

    /// HYG-3-02
    #[test]
    fn a_key_is_chosen_by_name_and_must_fit_the_algorithm() {
        let set = set(serde_json::json!([ec("one", "ES256"), ec("two", "ES256"), {"kty": "of the future"}]));
        assert!(set.select(Some("one"), LoginAlgorithm::ES256, NOW).is_some());
        assert!(set.select(Some("one"), LoginAlgorithm::RS256, NOW).is_none());
        assert!(set.select(Some("three"), LoginAlgorithm::ES256, NOW).is_none());
        assert!(set.select(None, LoginAlgorithm::ES256, NOW).is_none(), "two fit, so a name is needed");
    }

    #[test]
    fn a_key_that_says_another_use_or_algorithm_is_not_chosen() {
        let mut encryption = ec("one", "ES256");
        encryption["use"] = "enc".into();
        assert!(set(serde_json::json!([encryption])).select(None, LoginAlgorithm::ES256, NOW).is_none());
        assert!(
            set(serde_json::json!([ec("one", "ES384")])).select(None, LoginAlgorithm::ES256, NOW).is_none()
        );
        assert!(
            set(serde_json::json!([ec("one", "ES256")])).select(None, LoginAlgorithm::ES256, NOW).is_some()
        );
    }

    #[test]
    fn a_set_that_could_not_be_fetched_for_a_day_serves_no_more() {
        let set = set(serde_json::json!([ec("one", "ES256")]));
        let later = |hours: u64| NOW.plus(Duration::from_secs(hours * 3600));
        assert!(set.select(Some("one"), LoginAlgorithm::ES256, later(23)).is_some());
        assert!(set.select(Some("one"), LoginAlgorithm::ES256, later(24)).is_none());
    }
}
