//! Page keys: they seal what pages keep in a browser's cookies.
//!
//! ```text
//! cookie key = HKDF-SHA-256(page key, use)
//! cookie     = base64url( version ‖ nonce ‖ AES-256-GCM(cookie key, text, AAD = use ‖ version) )
//! ```
//!
//! A page key is a data key of its own: KMS makes and encrypts it with an encryption context of its own, and the
//! permission to decrypt depends on that context. So a function that only serves pages can open neither handles nor
//! signing keys, and a function that issues tokens cannot make a session.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Mutex;

use crate::keys::key_ring::RELOAD_FOR_UNKNOWN;
use crate::keys::{KeyError, Kms, OpenError};
use crate::store::{KeyRecord, KeyUse, Table};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{KeyTimes, RELOAD_EVERY, Scheduled, current, is_published};

/// What a cookie holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieUse {
    /// What binds a login at an issuer to the browser.
    LoginAttempt,
    /// Who has logged in.
    Session,
}

impl CookieUse {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::LoginAttempt => b"login attempt",
            Self::Session => b"session",
        }
    }

    fn aad(self, version: u8) -> Aad<Vec<u8>> {
        Aad::from([self.label(), &[version]].concat())
    }
}

/// One generation of the page key.
pub struct PageKey {
    generation: u32,
    times: KeyTimes,
    attempts: RandomizedNonceKey,
    sessions: RandomizedNonceKey,
}

impl PageKey {
    /// `None` only if the cipher itself fails.
    pub fn new(generation: u32, times: KeyTimes, key: &[u8]) -> Option<Self> {
        // No salt is needed, because the derived keys differ by their labels.
        let secret = Salt::new(HKDF_SHA256, b"").extract(key);
        let attempts = derived(&secret, CookieUse::LoginAttempt)?;
        let sessions = derived(&secret, CookieUse::Session)?;
        Some(Self { generation, times, attempts, sessions })
    }

    fn version(&self) -> u8 {
        self.generation.to_le_bytes()[0]
    }

    const fn key(&self, cookie_use: CookieUse) -> &RandomizedNonceKey {
        match cookie_use {
            CookieUse::LoginAttempt => &self.attempts,
            CookieUse::Session => &self.sessions,
        }
    }

    /// `None` only if the cipher itself fails.
    fn seal(&self, cookie_use: CookieUse, text: &str) -> Option<String> {
        let mut body = text.as_bytes().to_vec();
        let aad = cookie_use.aad(self.version());
        let nonce = self.key(cookie_use).seal_in_place_append_tag(aad, &mut body).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&[self.version()], nonce.as_ref().as_slice(), &body].concat()))
    }

    fn open(&self, cookie_use: CookieUse, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let aad = cookie_use.aad(self.version());
        let length = self.key(cookie_use).open_in_place(nonce, aad, &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

fn derived(secret: &Prk, cookie_use: CookieUse) -> Option<RandomizedNonceKey> {
    let mut derived = [0; 32];
    secret.expand(&[cookie_use.label()], HKDF_SHA256).ok()?.fill(&mut derived).ok()?;
    RandomizedNonceKey::new(&AES_256_GCM, &derived).ok()
}

impl Scheduled for PageKey {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn times(&self) -> &KeyTimes {
        &self.times
    }
}

/// The page keys that are in use, opened, as of one read.
#[derive(Clone, Default)]
struct PageRing(Arc<Vec<PageKey>>);

impl PageRing {
    fn open(&self, cookie_use: CookieUse, cookie: &str) -> Result<Vec<u8>, OpenError> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| OpenError::Forged)?;
        let (version, sealed) = sealed.split_first().ok_or(OpenError::Forged)?;
        let mut of_version = self.0.iter().filter(|key| key.version() == *version).peekable();
        of_version.peek().ok_or(OpenError::UnknownVersion)?;
        of_version.find_map(|key| key.open(cookie_use, sealed)).ok_or(OpenError::Forged)
    }
}

/// The cached page keys of one function.
pub struct PageKeys {
    table: Table,
    kms: Kms,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    ring: Option<PageRing>,
    at: Option<Timestamp>,
    /// The last reload caused by an unknown key version.
    for_unknown_at: Option<Timestamp>,
    /// Decrypted once per sandbox, by generation.
    plain: HashMap<u32, Vec<u8>>,
}

impl PageKeys {
    pub fn new(table: Table, kms: Kms) -> Self {
        Self { table, kms, loaded: Mutex::default() }
    }

    /// Loads the keys, so that the first cookie does not have to wait for them.
    pub async fn warm_up(&self, now: Timestamp) {
        let _ = self.get(now).await;
    }

    /// The value of a cookie with this text.
    pub async fn seal(&self, cookie_use: CookieUse, text: &str, now: Timestamp) -> Result<String, KeyError> {
        let ring = self.get(now).await?;
        let key = current(&ring.0, now).ok_or(KeyError("there is no page key".to_owned()))?;
        key.seal(cookie_use, text).ok_or(KeyError("sealing failed".to_owned()))
    }

    /// The text of a cookie. `None` if it was not sealed here for this use, or its key is no longer in use. An
    /// unknown key version causes the keys to be reloaded, at most once a minute.
    pub async fn open(
        &self,
        cookie_use: CookieUse,
        cookie: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, KeyError> {
        let opened = match self.get(now).await?.open(cookie_use, cookie) {
            Err(OpenError::UnknownVersion) => match self.get_for_unknown(now).await? {
                Some(ring) => ring.open(cookie_use, cookie),
                None => Err(OpenError::UnknownVersion),
            },
            opened => opened,
        };
        Ok(opened.ok())
    }

    /// The keys, at most [`RELOAD_EVERY`] old. If they cannot be reloaded, the cached ones remain in use.
    async fn get(&self, now: Timestamp) -> Result<PageRing, KeyError> {
        let mut loaded = self.loaded.lock().await;
        let is_fresh = loaded.at.is_some_and(|at| now.since(at) < RELOAD_EVERY);
        match &loaded.ring {
            Some(ring) if is_fresh => Ok(ring.clone()),
            Some(_) | None => self.reload(&mut loaded, now).await,
        }
    }

    async fn get_for_unknown(&self, now: Timestamp) -> Result<Option<PageRing>, KeyError> {
        let mut loaded = self.loaded.lock().await;
        if loaded.for_unknown_at.is_some_and(|at| now.since(at) < RELOAD_FOR_UNKNOWN) {
            return Ok(None);
        }
        loaded.for_unknown_at = Some(now);
        self.reload(&mut loaded, now).await.map(Some)
    }

    async fn reload(&self, loaded: &mut Loaded, now: Timestamp) -> Result<PageRing, KeyError> {
        match self.load(&mut loaded.plain, now).await {
            Ok(ring) => {
                (loaded.ring, loaded.at) = (Some(ring.clone()), Some(now));
                Ok(ring)
            }
            Err(error) => loaded.ring.clone().ok_or(error),
        }
    }

    async fn load(&self, plain: &mut HashMap<u32, Vec<u8>>, now: Timestamp) -> Result<PageRing, KeyError> {
        let records = self.table.list_keys().await.map_err(|error| KeyError(error.detail()))?;
        let is_page = |record: &KeyRecord| record.key_use == KeyUse::Page && !record.is_withdrawn();
        let records: Vec<_> = records.into_iter().filter(is_page).collect();
        let mut keys = Vec::new();
        // What an older key sealed ended long ago, and each decryption is a call of KMS.
        for record in records.iter().filter(|record| is_published(*record, &records, now)) {
            let key = match plain.entry(record.generation) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let key = self.kms.decrypt_page_key(&record.sealed).await;
                    unknown.insert(key.map_err(|error| KeyError(error.0))?)
                }
            };
            let key = PageKey::new(record.generation, record.times, key);
            keys.push(key.ok_or(KeyError("a page key is malformed".to_owned()))?);
        }
        // Fails instead of returning an empty ring, which would be cached for minutes after the keys are created.
        if keys.is_empty() {
            return Err(KeyError("there is no page key yet; key-rotation creates it".to_owned()));
        }
        Ok(PageRing(Arc::new(keys)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn key(generation: u32, byte: u8) -> PageKey {
        PageKey::new(generation, KeyTimes::first(NOW, Duration::from_secs(1)), &[byte; 32]).unwrap()
    }

    fn ring(keys: impl IntoIterator<Item = PageKey>) -> PageRing {
        PageRing(Arc::new(keys.into_iter().collect()))
    }

    /// RP-2-01: a cookie of one use, one generation, with no bit changed.
    #[test]
    fn a_cookie_opens_for_its_own_use_and_under_its_own_key() {
        let cookie = key(1, 7).seal(CookieUse::Session, "alice").unwrap();
        let keys = ring([key(1, 7), key(2, 8)]);
        assert_eq!(keys.open(CookieUse::Session, &cookie), Ok(b"alice".to_vec()));
        assert_eq!(keys.open(CookieUse::LoginAttempt, &cookie), Err(OpenError::Forged));
        assert_eq!(ring([key(1, 9)]).open(CookieUse::Session, &cookie), Err(OpenError::Forged));
        assert_eq!(ring([key(2, 7)]).open(CookieUse::Session, &cookie), Err(OpenError::UnknownVersion));
        let bytes = URL_SAFE_NO_PAD.decode(&cookie).unwrap();
        for at in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(keys.open(CookieUse::Session, &changed), Err(OpenError::Forged), "byte {at}");
        }
        for text in ["", "A", "AQ", "AQID", "not base64url!"] {
            assert!(keys.open(CookieUse::Session, text).is_err(), "{text}");
        }
        assert!(!cookie.contains("alice"));
    }

    #[test]
    fn a_version_byte_that_two_keys_share_opens_under_both() {
        let one = key(1, 7).seal(CookieUse::Session, "a").unwrap();
        let two = key(1, 7).seal(CookieUse::Session, "a").unwrap();
        assert_ne!(one, two, "the nonce is random");
        // 257 generations later the version is the same, and the key is another.
        let both = ring([key(1, 7), key(257, 8)]);
        let newer = key(257, 8).seal(CookieUse::Session, "b").unwrap();
        assert_eq!(both.open(CookieUse::Session, &one), Ok(b"a".to_vec()));
        assert_eq!(both.open(CookieUse::Session, &newer), Ok(b"b".to_vec()));
    }
}
