//! The keys of a warm function: read, opened, and reloaded when they may have changed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::keys::handle::{self, HandleKey, HandleUse, Kept, OpenError};
use crate::keys::verification::{NotOurs, OwnPublicKeys};
use crate::keys::{DataKey, Kms, PersonalKey, PrivateKey, SigningKey};
use crate::store::{KeyRecord, KeyUse, Table, WithdrawnKeys};
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::subject_type::SubjectType;
use ciba_core::domain::issuer::key_schedule::{RELOAD_EVERY, Scheduled, current};
use ciba_core::domain::person::Person;
use ciba_core::domain::request::evidence::SaltedText;
use ciba_core::verify::jws::{UnverifiedJws, VerifiedClaims};

/// The shortest time between two reloads caused by an unknown key version or `kid`.
pub(super) const RELOAD_FOR_UNKNOWN: Duration = Duration::from_secs(60);

/// The length of an access token's `jti`. Unit: characters.
pub const JTI_LENGTH: usize = 66;

/// There are no usable keys. The text is for the log; the endpoint answers 503.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

impl KeyError {
    fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// All keys, opened, as of one read.
pub struct KeyRing {
    handle: Vec<HandleKey>,
    signing: HashMap<JwsAlgorithm, Vec<SigningKey>>,
    public: OwnPublicKeys,
    /// The first data key, which pairwise subjects and the wrapping of personal keys depend on permanently.
    first_data_key: Arc<DataKey>,
    /// The keys that were withdrawn as of that read. They are not in the ring.
    withdrawn: WithdrawnKeys,
}

impl KeyRing {
    /// Opens the keys that are sealed under `data_keys`; keys in KMS stay there.
    ///
    /// A ring needs a handle key and a signing key of the default algorithm. The key of another algorithm may be
    /// missing, for example after an update that introduced the algorithm. Then only requests that need it are
    /// refused.
    fn open(
        mut records: Vec<KeyRecord>,
        withdrawn: WithdrawnKeys,
        data_keys: &HashMap<u32, Arc<DataKey>>,
        kms: &Kms,
    ) -> Result<Self, KeyError> {
        let (mut handle, mut signing) = (Vec::new(), HashMap::<_, Vec<_>>::new());
        records.retain(|record| !record.is_withdrawn());
        for record in &records {
            match record.key_use {
                KeyUse::Data | KeyUse::Page | KeyUse::Login => {}
                KeyUse::Handle => {
                    let key = HandleKey::new(record.generation, record.times, &opened(record, data_keys)?);
                    handle.push(key.ok_or(KeyError::new("a handle key is malformed"))?);
                }
                KeyUse::Signing(algorithm) => {
                    let public = record.public.as_ref().filter(|jwk| jwk.alg == algorithm.as_str());
                    let kid = public.map(|jwk| jwk.kid.clone());
                    let kid =
                        kid.ok_or(KeyError::new("a signing key has no public key for its algorithm"))?;
                    let private = match &record.kms_key_id {
                        Some(key_id) => PrivateKey::in_kms(kms, key_id),
                        None => PrivateKey::of(opened(record, data_keys)?),
                    };
                    let key = SigningKey::new(algorithm, record.generation, record.times, kid, private);
                    signing.entry(algorithm).or_default().push(key);
                }
            }
        }
        // Fails instead of returning an empty ring, which would be cached for minutes after the keys are created.
        if handle.is_empty() || !signing.contains_key(&JwsAlgorithm::DEFAULT) {
            return Err(KeyError::new("there are no keys yet; key-rotation creates them"));
        }
        let first_data_key = data_keys.iter().min_by_key(|(generation, _)| **generation);
        let (_, first_data_key) = first_data_key.ok_or(KeyError::new("a data key is missing"))?;
        let first_data_key = Arc::clone(first_data_key);
        Ok(Self { handle, signing, public: OwnPublicKeys::of(&records), first_data_key, withdrawn })
    }

    /// The handle of `request`, and the generation of the key that sealed it.
    pub fn seal_handle(
        &self,
        handle_use: HandleUse,
        request: &RequestKey,
        now: Timestamp,
    ) -> Result<(String, u32), KeyError> {
        let (sealed, generation) = self.seal(handle_use, request.as_bytes(), now)?;
        Ok((handle::encode(&sealed), generation))
    }

    /// A new `jti`: the sealed request key, which leads to the grant, and 16 random bytes.
    pub fn seal_jti(
        &self,
        request: &RequestKey,
        random: [u8; 16],
        now: Timestamp,
    ) -> Result<String, KeyError> {
        let (sealed, _) = self.seal(HandleUse::AccessToken, request.as_bytes(), now)?;
        Ok(handle::encode(&[sealed.as_slice(), &random].concat()))
    }

    /// The grant's refresh token with the number `counter`. The same handle key always yields the same token.
    pub fn seal_refresh_token(
        &self,
        request: &RequestKey,
        counter: u32,
        now: Timestamp,
    ) -> Result<String, KeyError> {
        let (sealed, _) = self.seal(HandleUse::RefreshToken, &handle::numbered(request, counter), now)?;
        Ok(handle::encode(&sealed))
    }

    /// The handle of `request` that the client received, sealed again by the handle key of this generation.
    pub fn seal_handle_again(
        &self,
        handle_use: HandleUse,
        request: &RequestKey,
        generation: u32,
    ) -> Result<String, KeyError> {
        let key = self.handle.iter().find(|key| key.generation() == generation);
        let key = key.ok_or_else(|| KeyError(format!("the handle key {generation} is missing")))?;
        let sealed = key.seal(handle_use, request.as_bytes()).ok_or(KeyError::new("sealing failed"))?;
        Ok(handle::encode(&sealed))
    }

    /// Seals a secret that is stored with `request`.
    pub fn seal_kept(
        &self,
        kept: Kept,
        request: &RequestKey,
        plain: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, KeyError> {
        let key = current(&self.handle, now).ok_or(KeyError::new("there is no handle key"))?;
        key.seal_kept(kept, request, plain).ok_or(KeyError::new("sealing failed"))
    }

    pub fn open_kept(&self, kept: Kept, request: &RequestKey, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.open_with(sealed, |key| key.open_kept(kept, request, sealed))
    }

    /// A new personal key, and its stored form. It lasts as long as the person's evidence is kept: no rotation or
    /// withdrawal affects it.
    pub fn new_personal_key(
        &self,
        person: &PersonKey,
        random: [u8; PersonalKey::BYTES],
    ) -> Result<(PersonalKey, Vec<u8>), KeyError> {
        let wrapped = self.first_data_key.personal().wrap(person, &random);
        Ok((PersonalKey::of(&random), wrapped.ok_or(KeyError::new("sealing failed"))?))
    }

    /// Opens a personal key from its stored form.
    pub fn open_personal_key(&self, person: &PersonKey, wrapped: &[u8]) -> Result<PersonalKey, OpenError> {
        self.first_data_key.personal().unwrap(person, wrapped).ok_or(OpenError::Forged)
    }

    /// Opens the signed request in evidence of version 1, for the same request.
    pub fn open_evidence(&self, request: &RequestKey, sealed: &str) -> Result<SaltedText, OpenError> {
        self.first_data_key.evidence().open(request, sealed).ok_or(OpenError::Forged)
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

    /// The grant that an access token's `jti` leads to.
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

    /// A nonce for proofs of possession (RFC 9449 §8). It is unpredictable, and its age can be determined when it
    /// is presented.
    pub fn seal_dpop_nonce(&self, now: Timestamp) -> Result<String, KeyError> {
        let (sealed, _) = self.seal(HandleUse::DpopNonce, &now.millis().to_be_bytes(), now)?;
        Ok(handle::encode(&sealed))
    }

    /// The time at which the nonce was made.
    pub fn open_dpop_nonce(&self, text: &str) -> Result<Timestamp, OpenError> {
        let sealed = handle::decode(text)?;
        if sealed.len() != HandleUse::DpopNonce.sealed_length() {
            return Err(OpenError::Forged);
        }
        let plain = self.open_with(&sealed, |key| key.open(HandleUse::DpopNonce, &sealed))?;
        let millis = plain.as_slice().try_into().map_err(|_| OpenError::Forged)?;
        Ok(Timestamp::from_millis(i64::from_be_bytes(millis)))
    }

    fn unseal(&self, handle_use: HandleUse, sealed: &[u8]) -> Result<(RequestKey, u32), OpenError> {
        if sealed.len() != handle_use.sealed_length() {
            return Err(OpenError::Forged);
        }
        handle::read(&self.open_with(sealed, |key| key.open(handle_use, sealed))?)
    }

    /// What `open` makes of this with the handle key that sealed it, found by its version byte. Two keys that are 256
    /// generations apart have the same version, and a refresh token may be that old.
    fn open_with<T>(
        &self,
        sealed: &[u8],
        open: impl Fn(&HandleKey) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        let version = *sealed.first().ok_or(OpenError::Forged)?;
        let of_version = self.handle.iter().filter(|key| key.version() == version);
        of_version.map(open).reduce(Result::or).unwrap_or(Err(OpenError::UnknownVersion))
    }

    /// The `sub` by which a client of this subject type knows `person` (OIDC Core §8).
    pub fn subject(&self, subject_type: &SubjectType, person: &Person) -> Result<String, KeyError> {
        match subject_type {
            SubjectType::Public => Ok(person.sub.as_str().to_owned()),
            SubjectType::Pairwise { sector } => {
                let sealed = self.first_data_key.subjects().seal(sector, &person.key);
                sealed.ok_or(KeyError::new("sealing failed"))
            }
        }
    }

    /// The person to whom a pairwise `sub` belongs. `None` if it is not a `sub` of the client's sector.
    pub fn open_subject(&self, subject_type: &SubjectType, sub: &str) -> Option<PersonKey> {
        match subject_type {
            SubjectType::Public => None,
            SubjectType::Pairwise { sector } => self.first_data_key.subjects().open(sector, sub),
        }
    }

    /// The key for signing with `algorithm` at `now`.
    pub fn signing_key(&self, algorithm: JwsAlgorithm, now: Timestamp) -> Result<&SigningKey, KeyError> {
        let keys = self.signing.get(&algorithm).map(Vec::as_slice).unwrap_or_default();
        current(keys, now).ok_or_else(|| {
            KeyError(format!("there is no {} key; key-rotation creates it", algorithm.as_str()))
        })
    }
}

/// The key in plaintext, which is kept only until it has been parsed.
fn opened(record: &KeyRecord, data_keys: &HashMap<u32, Arc<DataKey>>) -> Result<Vec<u8>, KeyError> {
    let data_key = data_keys.get(&record.sealed_under).ok_or(KeyError::new("a data key is missing"))?;
    let label = sealing_label(record.key_use, record.generation);
    data_key.open(&label, &record.sealed).map_err(|_| KeyError(format!("the key {label} cannot be opened")))
}

/// The label that a key is sealed with. The key cannot be opened with another label.
pub fn sealing_label(key_use: KeyUse, generation: u32) -> String {
    format!("{}#{generation}", key_use.as_str())
}

/// The cached key ring of one function.
pub struct KeyRings {
    table: Table,
    kms: Kms,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    ring: Option<Arc<KeyRing>>,
    at: Option<Timestamp>,
    /// The last reload caused by an unknown key version or `kid`.
    for_unknown_at: Option<Timestamp>,
    /// Decrypted once per sandbox: a reload calls KMS only for data keys it has not seen.
    data_keys: HashMap<u32, Arc<DataKey>>,
}

impl KeyRings {
    pub fn new(table: Table, kms: Kms) -> Self {
        Self { table, kms, loaded: Mutex::default() }
    }

    /// The keys, at most [`RELOAD_EVERY`] old. If they cannot be reloaded, the cached ones remain in use.
    pub async fn get(&self, now: Timestamp) -> Result<Arc<KeyRing>, KeyError> {
        self.read(RELOAD_EVERY, &WithdrawnKeys::default(), now).await
    }

    /// Like [`KeyRings::get`], but without any keys that are `withdrawn`: the cached ring is not used if it
    /// contains one. Anything opened earlier has to be opened again.
    pub async fn knowing(&self, withdrawn: &WithdrawnKeys, now: Timestamp) -> Result<Arc<KeyRing>, KeyError> {
        self.read(RELOAD_EVERY, withdrawn, now).await
    }

    /// Like [`KeyRings::knowing`], for callers that may have opened something already. Returns whether that has
    /// to be opened again.
    pub async fn learn(&self, withdrawn: &WithdrawnKeys, now: Timestamp) -> Result<bool, KeyError> {
        let loaded = self.loaded.lock().await;
        // Without a ring nothing was opened yet, and keys that are read later reflect the withdrawal.
        let known = loaded.ring.as_ref().is_none_or(|ring| ring.withdrawn.include(withdrawn));
        drop(loaded);
        if !known {
            self.knowing(withdrawn, now).await?;
        }
        Ok(!known)
    }

    /// Opens a handle or a token with `open`. An unknown key version causes the keys to be reloaded, at most once
    /// a minute.
    pub async fn open<T>(
        &self,
        open: impl Fn(&KeyRing) -> Result<T, OpenError>,
        now: Timestamp,
    ) -> Result<Result<T, OpenError>, KeyError> {
        match open(&*self.get(now).await?) {
            Err(OpenError::UnknownVersion) => Ok(open(&*self.get_for_unknown(now).await?)),
            opened => Ok(opened),
        }
    }

    /// Verifies a token of this provider with any past or present signing key. An unknown `kid` causes the keys
    /// to be reloaded, at most once a minute.
    pub async fn verify(
        &self,
        jws: &UnverifiedJws<'_>,
        now: Timestamp,
    ) -> Result<Result<VerifiedClaims, NotOurs>, KeyError> {
        match self.get(now).await?.public.verify(jws) {
            Err(NotOurs::UnknownKey) => Ok(self.get_for_unknown(now).await?.public.verify(jws)),
            verified => Ok(verified),
        }
    }

    /// The keys, reloaded because something refers to an unknown one. They are reloaded even if they were read
    /// recently, because the successor of a withdrawn key is used immediately.
    async fn get_for_unknown(&self, now: Timestamp) -> Result<Arc<KeyRing>, KeyError> {
        let mut loaded = self.loaded.lock().await;
        let again = loaded.for_unknown_at.is_none_or(|at| now.since(at) >= RELOAD_FOR_UNKNOWN);
        if again {
            loaded.for_unknown_at = Some(now);
        }
        drop(loaded);
        // Keys that were read during this call are recent enough.
        let age = if again { Duration::from_millis(1) } else { RELOAD_EVERY };
        self.read(age, &WithdrawnKeys::default(), now).await
    }

    /// Keys that were read less than `age` ago and reflect what is `withdrawn`.
    async fn read(
        &self,
        age: Duration,
        withdrawn: &WithdrawnKeys,
        now: Timestamp,
    ) -> Result<Arc<KeyRing>, KeyError> {
        let mut loaded = self.loaded.lock().await;
        let at_hand = loaded.ring.as_ref().filter(|ring| ring.withdrawn.include(withdrawn)).map(Arc::clone);
        if let Some(ring) = &at_hand
            && loaded.at.is_some_and(|at| now.since(at) < age)
        {
            return Ok(Arc::clone(ring));
        }
        match self.load(&mut loaded.data_keys).await {
            // The copies of the withdrawals change together, so only a damaged table has less beside its keys.
            Ok(ring) if !ring.withdrawn.include(withdrawn) => {
                Err(KeyError::new("the withdrawals beside the keys lack one; key-rotation completes them"))
            }
            Ok(ring) => {
                let ring = Arc::new(ring);
                (loaded.ring, loaded.at) = (Some(Arc::clone(&ring)), Some(now));
                Ok(ring)
            }
            Err(error) => at_hand.ok_or(error),
        }
    }

    async fn load(&self, data_keys: &mut HashMap<u32, Arc<DataKey>>) -> Result<KeyRing, KeyError> {
        let found = self.table.list_keys_and_withdrawals().await;
        let (records, withdrawn) = found.map_err(|error| KeyError(error.detail()))?;
        for record in records.iter().filter(|record| record.key_use == KeyUse::Data) {
            if let Entry::Vacant(unknown) = data_keys.entry(record.generation) {
                let plain = self.kms.decrypt(&record.sealed).await.map_err(|error| KeyError(error.0))?;
                let key = DataKey::new(&plain).map_err(|_| KeyError::new("the data key is malformed"))?;
                unknown.insert(Arc::new(key));
            }
        }
        KeyRing::open(records, withdrawn, data_keys, &self.kms)
    }
}

#[cfg(test)]
mod tests;
