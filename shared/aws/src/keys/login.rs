//! Login keys: they sign this provider's assertions at login issuers, and nothing else.
//!
//! KMS makes the pair and encrypts its private half, with an encryption context of its own. So a function that issues
//! tokens cannot authenticate as this provider elsewhere, and the function for logins cannot sign a token.

use serde::Serialize;

use crate::keys::apart::{KeyApart, KeysApart};
use crate::keys::{KeyError, Kms, KmsError, PrivateKey, SigningKey};
use crate::store::{KeyRecord, KeyUse, Table};
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{KeyTimes, Scheduled, current};
use ciba_core::domain::issuer::login_assertion::{ALGORITHM, TYP};

/// One generation of the login key.
struct LoginKey(SigningKey);

impl Scheduled for LoginKey {
    fn generation(&self) -> u32 {
        self.0.generation()
    }

    fn times(&self) -> &KeyTimes {
        self.0.times()
    }
}

impl KeyApart for LoginKey {
    const USE: KeyUse = KeyUse::Login;

    async fn decrypt(kms: &Kms, sealed: &[u8]) -> Result<Vec<u8>, KmsError> {
        kms.decrypt_login_key(sealed).await
    }

    fn open(record: &KeyRecord, plain: &[u8]) -> Option<Self> {
        let kid = record.public.as_ref()?.kid.clone();
        let private = PrivateKey::of(plain.to_vec());
        Some(Self(SigningKey::new(ALGORITHM, record.generation, record.times, kid, private)))
    }
}

/// The cached login keys of one function.
pub struct LoginKeys(KeysApart<LoginKey>);

impl LoginKeys {
    pub fn new(table: Table, kms: Kms) -> Self {
        Self(KeysApart::new(table, kms))
    }

    /// Loads the keys, so that the first login does not have to wait for them.
    pub async fn warm_up(&self, now: Timestamp) {
        let _ = self.0.get(now).await;
    }

    /// An assertion with these claims.
    pub async fn sign(&self, claims: &impl Serialize, now: Timestamp) -> Result<Secret, KeyError> {
        let keys = self.0.get(now).await?;
        let key = current(&keys, now).ok_or(KeyError("there is no login key".to_owned()))?;
        key.0.sign(TYP, claims).await.map(Secret::new)
    }
}
