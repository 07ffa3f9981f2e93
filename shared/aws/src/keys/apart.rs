//! Keys that KMS encrypts apart from all others: each use has an encryption context of its own, and the permission to
//! decrypt depends on it. A function opens the keys of the uses that it needs, and no others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::keys::key_ring::RELOAD_FOR_UNKNOWN;
use crate::keys::{KeyError, Kms, KmsError};
use crate::store::{KeyRecord, KeyUse, Table};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{RELOAD_EVERY, Scheduled, is_published};

/// A key of one such use, opened.
pub(super) trait KeyApart: Scheduled + Sized {
    const USE: KeyUse;

    fn decrypt(kms: &Kms, sealed: &[u8]) -> impl Future<Output = Result<Vec<u8>, KmsError>> + Send;

    /// `None` if the key is malformed.
    fn open(record: &KeyRecord, plain: &[u8]) -> Option<Self>;
}

/// The cached keys of one use of one function.
pub(super) struct KeysApart<K> {
    table: Table,
    kms: Kms,
    loaded: Mutex<Loaded<K>>,
}

struct Loaded<K> {
    keys: Option<Arc<Vec<K>>>,
    at: Option<Timestamp>,
    /// The last reload caused by an unknown key version.
    for_unknown_at: Option<Timestamp>,
    /// Decrypted once per sandbox, by generation.
    plain: HashMap<u32, Vec<u8>>,
}

impl<K: KeyApart> KeysApart<K> {
    pub(super) fn new(table: Table, kms: Kms) -> Self {
        let loaded = Loaded { keys: None, at: None, for_unknown_at: None, plain: HashMap::new() };
        Self { table, kms, loaded: Mutex::new(loaded) }
    }

    /// The keys, at most [`RELOAD_EVERY`] old. If they cannot be reloaded, the cached ones remain in use.
    pub(super) async fn get(&self, now: Timestamp) -> Result<Arc<Vec<K>>, KeyError> {
        let mut loaded = self.loaded.lock().await;
        let is_fresh = loaded.at.is_some_and(|at| now.since(at) < RELOAD_EVERY);
        match &loaded.keys {
            Some(keys) if is_fresh => Ok(Arc::clone(keys)),
            Some(_) | None => self.reload(&mut loaded, now).await,
        }
    }

    /// The keys, reloaded because something refers to an unknown one. `None` if that happened less than a minute ago.
    pub(super) async fn get_for_unknown(&self, now: Timestamp) -> Result<Option<Arc<Vec<K>>>, KeyError> {
        let mut loaded = self.loaded.lock().await;
        if loaded.for_unknown_at.is_some_and(|at| now.since(at) < RELOAD_FOR_UNKNOWN) {
            return Ok(None);
        }
        loaded.for_unknown_at = Some(now);
        self.reload(&mut loaded, now).await.map(Some)
    }

    async fn reload(&self, loaded: &mut Loaded<K>, now: Timestamp) -> Result<Arc<Vec<K>>, KeyError> {
        match self.load(&mut loaded.plain, now).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                (loaded.keys, loaded.at) = (Some(Arc::clone(&keys)), Some(now));
                Ok(keys)
            }
            Err(error) => loaded.keys.clone().ok_or(error),
        }
    }

    async fn load(&self, plain: &mut HashMap<u32, Vec<u8>>, now: Timestamp) -> Result<Vec<K>, KeyError> {
        let name = K::USE.as_str();
        let found = self.table.list_keys_and_withdrawals().await;
        let (records, _) = found.map_err(|error| KeyError(error.detail()))?;
        let is_usable = |record: &KeyRecord| record.key_use == K::USE && !record.is_withdrawn();
        let records: Vec<_> = records.into_iter().filter(is_usable).collect();
        let mut keys = Vec::new();
        // What an older key made ended long ago, and each decryption is a call of KMS.
        for record in records.iter().filter(|record| is_published(*record, &records, now)) {
            let key = match plain.entry(record.generation) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let key = K::decrypt(&self.kms, &record.sealed).await;
                    unknown.insert(key.map_err(|error| KeyError(error.0))?)
                }
            };
            let key = K::open(record, key);
            keys.push(key.ok_or_else(|| KeyError(format!("a {name} key is malformed")))?);
        }
        // Fails instead of returning nothing, which would be cached for minutes after the keys are created.
        if keys.is_empty() {
            return Err(KeyError(format!("there is no {name} key yet; key-rotation creates it")));
        }
        Ok(keys)
    }
}
