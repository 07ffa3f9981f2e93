//! The keys of a warm function: read, opened, and read again when they may have changed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::jws_algorithm::JwsAlgorithm;
use crate::domain::key_schedule::{RELOAD_EVERY, Scheduled, current};
use crate::domain::request_key::RequestKey;
use crate::domain::time::Timestamp;
use crate::keys::handle::{self, HandleKey, HandleUse, OpenError};
use crate::keys::verification::{NotOurs, OwnPublicKeys};
use crate::keys::{DataKey, Kms, SigningKey};
use crate::protocol::jws::{UnverifiedJws, VerifiedClaims};
use crate::store::{KeyRecord, KeyUse, Table};

/// How often an unknown key version, or an unknown `kid`, may make a function read its keys again.
const RELOAD_FOR_UNKNOWN: Duration = Duration::from_secs(60);

/// There are no usable keys. The text is for the log; the caller answers 503.
#[derive(Clone, Debug)]
pub struct KeyError(pub String);

impl KeyError {
    fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// All keys, opened, as read at one moment.
pub struct KeyRing {
    handle: Vec<HandleKey>,
    signing: HashMap<JwsAlgorithm, Vec<SigningKey>>,
    public: OwnPublicKeys,
}

impl KeyRing {
    /// Opens the keys under `data_keys`.
    ///
    /// A ring has a handle key and one of the default algorithm. Another algorithm's may be missing, as after an
    /// update that brought it: what needs it is then refused, and nothing else.
    fn open(records: &[KeyRecord], data_keys: &HashMap<u32, DataKey>) -> Result<Self, KeyError> {
        let (mut handle, mut signing) = (Vec::new(), HashMap::<_, Vec<_>>::new());
        for record in records {
            match record.key_use {
                KeyUse::Data => {}
                KeyUse::Handle => {
                    let key = HandleKey::new(record.generation, record.times, &opened(record, data_keys)?);
                    handle.push(key.ok_or(KeyError::new("a handle key is malformed"))?);
                }
                KeyUse::Signing(algorithm) => {
                    let public = record.public.as_ref().filter(|jwk| jwk.alg == algorithm.as_str());
                    let kid = public.map(|jwk| jwk.kid.clone());
                    let kid =
                        kid.ok_or(KeyError::new("a signing key has no public half of its algorithm"))?;
                    let key = opened(record, data_keys)?;
                    let key = SigningKey::new(algorithm, record.generation, record.times, kid, key);
                    signing.entry(algorithm).or_default().push(key);
                }
            }
        }
        // Not an empty ring: that would be kept for minutes after the keys are there.
        if handle.is_empty() || !signing.contains_key(&JwsAlgorithm::DEFAULT) {
            return Err(KeyError::new("there are no keys yet; key-rotation makes them"));
        }
        Ok(Self { handle, signing, public: OwnPublicKeys::of(records) })
    }

    /// The handle of `request`, and the generation of the key that made it.
    pub fn seal_handle(
        &self,
        handle_use: HandleUse,
        request: &RequestKey,
        now: Timestamp,
    ) -> Result<(String, u32), KeyError> {
        let (sealed, generation) = self.seal(handle_use, request.as_bytes(), now)?;
        Ok((handle::encode(&sealed), generation))
    }

    /// A new `jti`: the sealed key, which leads to the grant, and 16 random bytes.
    pub fn seal_jti(
        &self,
        request: &RequestKey,
        random: [u8; 16],
        now: Timestamp,
    ) -> Result<String, KeyError> {
        let (sealed, _) = self.seal(HandleUse::AccessToken, request.as_bytes(), now)?;
        Ok(handle::encode(&[sealed.as_slice(), &random].concat()))
    }

    /// Refresh token number `counter` of the grant: always the same one.
    pub fn seal_refresh_token(
        &self,
        request: &RequestKey,
        counter: u32,
        now: Timestamp,
    ) -> Result<String, KeyError> {
        let (sealed, _) = self.seal(HandleUse::RefreshToken, &handle::numbered(request, counter), now)?;
        Ok(handle::encode(&sealed))
    }

    fn seal(&self, handle_use: HandleUse, plain: &[u8], now: Timestamp) -> Result<(Vec<u8>, u32), KeyError> {
        let key = current(&self.handle, now).ok_or(KeyError::new("there is no handle key"))?;
        let sealed = key.seal(handle_use, plain).ok_or(KeyError::new("sealing failed"))?;
        Ok((sealed, key.generation()))
    }

    pub fn open_handle(&self, handle_use: HandleUse, text: &str) -> Result<RequestKey, OpenError> {
        let (request, _) = self.unseal(handle_use, &handle::decode(text)?)?;
        Ok(request)
    }

    /// The grant to which an access token's `jti` leads.
    pub fn open_jti(&self, jti: &str) -> Result<RequestKey, OpenError> {
        let bytes = handle::decode(jti)?;
        let sealed =
            bytes.split_at_checked(HandleUse::AccessToken.sealed_length()).ok_or(OpenError::Forged)?.0;
        Ok(self.unseal(HandleUse::AccessToken, sealed)?.0)
    }

    /// The grant that a refresh token belongs to, and the token's number.
    pub fn open_refresh_token(&self, text: &str) -> Result<(RequestKey, u32), OpenError> {
        self.unseal(HandleUse::RefreshToken, &handle::decode(text)?)
    }

    fn unseal(&self, handle_use: HandleUse, sealed: &[u8]) -> Result<(RequestKey, u32), OpenError> {
        let version = sealed.first().filter(|_| sealed.len() == handle_use.sealed_length());
        let version = *version.ok_or(OpenError::Forged)?;
        let of_version = self.handle.iter().filter(|key| key.version() == version);
        let key = of_version.max_by_key(|key| key.generation()).ok_or(OpenError::UnknownVersion)?;
        handle::read(&key.open(handle_use, sealed)?)
    }

    /// The key that signs by `algorithm` at `now`.
    pub fn signing_key(&self, algorithm: JwsAlgorithm, now: Timestamp) -> Result<&SigningKey, KeyError> {
        let keys = self.signing.get(&algorithm).map(Vec::as_slice).unwrap_or_default();
        current(keys, now)
            .ok_or_else(|| KeyError(format!("there is no {} key; key-rotation makes it", algorithm.as_str())))
    }
}

/// The key in clear, for as long as it takes to make a usable one of it.
fn opened(record: &KeyRecord, data_keys: &HashMap<u32, DataKey>) -> Result<Vec<u8>, KeyError> {
    let data_key = data_keys.get(&record.sealed_under).ok_or(KeyError::new("a data key is missing"))?;
    let label = sealing_label(record.key_use, record.generation);
    data_key.open(&label, &record.sealed).map_err(|_| KeyError(format!("the key {label} does not open")))
}

/// What a key is sealed as: it opens as nothing else.
pub fn sealing_label(key_use: KeyUse, generation: u32) -> String {
    format!("{}#{generation}", key_use.as_str())
}

/// The key ring of one function, kept warm.
pub struct KeyRings {
    table: Table,
    kms: Kms,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    ring: Option<Arc<KeyRing>>,
    at: Option<Timestamp>,
    /// Opened once per sandbox: a reload asks KMS only about data keys it has not seen.
    data_keys: HashMap<u32, DataKey>,
}

impl KeyRings {
    pub fn new(table: Table, kms: Kms) -> Self {
        Self { table, kms, loaded: Mutex::default() }
    }

    /// The keys, at most [`RELOAD_EVERY`] old. If they cannot be read again, the ones at hand go on serving.
    pub async fn get(&self, now: Timestamp) -> Result<Arc<KeyRing>, KeyError> {
        self.no_older_than(RELOAD_EVERY, now).await
    }

    /// Opens a handle or a token with `open`; a key version that is not known makes the keys be read again, at most once
    /// a minute.
    pub async fn open<T>(
        &self,
        open: impl Fn(&KeyRing) -> Result<T, OpenError>,
        now: Timestamp,
    ) -> Result<Result<T, OpenError>, KeyError> {
        match open(&*self.get(now).await?) {
            Err(OpenError::UnknownVersion) => Ok(open(&*self.no_older_than(RELOAD_FOR_UNKNOWN, now).await?)),
            opened => Ok(opened),
        }
    }

    /// Verifies a token of this provider with any signing key there ever was; a `kid` that is not known makes the
    /// keys be read again, at most once a minute.
    pub async fn verify(
        &self,
        jws: &UnverifiedJws<'_>,
        now: Timestamp,
    ) -> Result<Result<VerifiedClaims, NotOurs>, KeyError> {
        match self.get(now).await?.public.verify(jws) {
            Err(NotOurs::UnknownKey) => {
                Ok(self.no_older_than(RELOAD_FOR_UNKNOWN, now).await?.public.verify(jws))
            }
            verified => Ok(verified),
        }
    }

    async fn no_older_than(&self, age: Duration, now: Timestamp) -> Result<Arc<KeyRing>, KeyError> {
        let mut loaded = self.loaded.lock().await;
        if let Some(ring) = &loaded.ring
            && loaded.at.is_some_and(|at| now.since(at) < age)
        {
            return Ok(Arc::clone(ring));
        }
        match self.load(&mut loaded.data_keys).await {
            Ok(ring) => {
                let ring = Arc::new(ring);
                (loaded.ring, loaded.at) = (Some(Arc::clone(&ring)), Some(now));
                Ok(ring)
            }
            Err(error) => loaded.ring.as_ref().map(Arc::clone).ok_or(error),
        }
    }

    async fn load(&self, data_keys: &mut HashMap<u32, DataKey>) -> Result<KeyRing, KeyError> {
        let records = self.table.list_keys().await.map_err(|error| KeyError(error.detail()))?;
        for record in records.iter().filter(|record| record.key_use == KeyUse::Data) {
            if let Entry::Vacant(unknown) = data_keys.entry(record.generation) {
                let plain = self.kms.decrypt(&record.sealed).await.map_err(|error| KeyError(error.0))?;
                let key = DataKey::new(&plain).map_err(|_| KeyError::new("the data key is malformed"))?;
                unknown.insert(key);
            }
        }
        KeyRing::open(&records, data_keys)
    }
}

#[cfg(test)]
#[path = "key_ring_tests.rs"]
mod tests;
