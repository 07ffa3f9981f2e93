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

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::apart::{KeyApart, KeysApart};
use crate::keys::{KeyError, Kms, KmsError, OpenError};
use crate::store::{KeyRecord, KeyUse, Table};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{KeyTimes, Scheduled, current};

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

/// The text of a cookie, with the one of the `keys` that sealed it.
fn opened(keys: &[PageKey], cookie_use: CookieUse, cookie: &str) -> Result<Vec<u8>, OpenError> {
    let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| OpenError::Forged)?;
    let (version, sealed) = sealed.split_first().ok_or(OpenError::Forged)?;
    let mut of_version = keys.iter().filter(|key| key.version() == *version).peekable();
    of_version.peek().ok_or(OpenError::UnknownVersion)?;
    of_version.find_map(|key| key.open(cookie_use, sealed)).ok_or(OpenError::Forged)
}

impl KeyApart for PageKey {
    const USE: KeyUse = KeyUse::Page;

    async fn decrypt(kms: &Kms, sealed: &[u8]) -> Result<Vec<u8>, KmsError> {
        kms.decrypt_page_key(sealed).await
    }

    fn open(record: &KeyRecord, plain: &[u8]) -> Option<Self> {
        Self::new(record.generation, record.times, plain)
    }
}

/// The cached page keys of one function.
pub struct PageKeys(KeysApart<PageKey>);

impl PageKeys {
    pub fn new(table: Table, kms: Kms) -> Self {
        Self(KeysApart::new(table, kms))
    }

    /// Loads the keys, so that the first cookie does not have to wait for them.
    pub async fn warm_up(&self, now: Timestamp) {
        let _ = self.0.get(now).await;
    }

    /// The value of a cookie with this text.
    pub async fn seal(&self, cookie_use: CookieUse, text: &str, now: Timestamp) -> Result<String, KeyError> {
        let keys = self.0.get(now).await?;
        let key = current(&keys, now).ok_or(KeyError("there is no page key".to_owned()))?;
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
        let opened = match opened(&self.0.get(now).await?, cookie_use, cookie) {
            Err(OpenError::UnknownVersion) => match self.0.get_for_unknown(now).await? {
                Some(keys) => opened(&keys, cookie_use, cookie),
                None => Err(OpenError::UnknownVersion),
            },
            opened => opened,
        };
        Ok(opened.ok())
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

    /// RP-2-01: a cookie of one use, one generation, with no bit changed.
    #[test]
    fn a_cookie_opens_for_its_own_use_and_under_its_own_key() {
        let cookie = key(1, 7).seal(CookieUse::Session, "alice").unwrap();
        let keys = [key(1, 7), key(2, 8)];
        assert_eq!(opened(&keys, CookieUse::Session, &cookie), Ok(b"alice".to_vec()));
        assert_eq!(opened(&keys, CookieUse::LoginAttempt, &cookie), Err(OpenError::Forged));
        assert_eq!(opened(&[key(1, 9)], CookieUse::Session, &cookie), Err(OpenError::Forged));
        assert_eq!(opened(&[key(2, 7)], CookieUse::Session, &cookie), Err(OpenError::UnknownVersion));
        let bytes = URL_SAFE_NO_PAD.decode(&cookie).unwrap();
        for at in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(opened(&keys, CookieUse::Session, &changed), Err(OpenError::Forged), "byte {at}");
        }
        for text in ["", "A", "AQ", "AQID", "not base64url!"] {
            assert!(opened(&keys, CookieUse::Session, text).is_err(), "{text}");
        }
        assert!(!cookie.contains("alice"));
    }

    #[test]
    fn a_version_byte_that_two_keys_share_opens_under_both() {
        let one = key(1, 7).seal(CookieUse::Session, "a").unwrap();
        let two = key(1, 7).seal(CookieUse::Session, "a").unwrap();
        assert_ne!(one, two, "the nonce is random");
        // 257 generations later the version is the same, and the key is another.
        let both = [key(1, 7), key(257, 8)];
        let newer = key(257, 8).seal(CookieUse::Session, "b").unwrap();
        assert_eq!(opened(&both, CookieUse::Session, &one), Ok(b"a".to_vec()));
        assert_eq!(opened(&both, CookieUse::Session, &newer), Ok(b"b".to_vec()));
    }
}
