//! The public keys that others verify signatures with.

use tokio::sync::Mutex;

use crate::keys::KeyError;
use crate::store::{KeyRecord, KeyUse, Table};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{RELOAD_EVERY, Scheduled, is_published};
use ciba_core::protocol::jwks::JwkSet;

/// The key set of one function: every key of its uses that signs, will sign soon, or has signed something that may still be
/// valid. Reads no private key.
///
/// Anybody may ask for it, as often as they like. So each request reads one small item, which no other function reads, and
/// the keys are read again only if that item says that they have changed: a new key, or a withdrawal, is published at once.
pub struct PublishedKeys {
    table: Table,
    wanted: fn(KeyUse) -> bool,
    read: Mutex<Option<Read>>,
}

struct Read {
    version: String,
    at: Timestamp,
    /// Those that are not withdrawn.
    records: Vec<KeyRecord>,
}

impl PublishedKeys {
    /// The keys of the uses that are `wanted`.
    pub fn new(table: Table, wanted: fn(KeyUse) -> bool) -> Self {
        Self { table, wanted, read: Mutex::default() }
    }

    /// # Errors
    /// If there is no key to publish: an empty key set would be cached by those who fetch it.
    pub async fn get(&self, now: Timestamp) -> Result<JwkSet, KeyError> {
        // Before the keys, so that a change between the two is noticed by the next request.
        let version = self.table.find_key_set_version().await.map_err(|error| KeyError(error.detail()))?;
        let mut read = self.read.lock().await;
        let current = match read.take() {
            Some(read) if read.version == version && now.since(read.at) < RELOAD_EVERY => read,
            Some(_) | None => self.reread(version, now).await?,
        };
        let published = current.published(now);
        *read = Some(current);
        published
    }

    async fn reread(&self, version: String, now: Timestamp) -> Result<Read, KeyError> {
        let records = self.table.list_public_keys(self.wanted).await;
        let mut records = records.map_err(|error| KeyError(error.detail()))?;
        records.retain(|record| !record.is_withdrawn());
        Ok(Read { version, at: now, records })
    }
}

impl Read {
    fn published(&self, now: Timestamp) -> Result<JwkSet, KeyError> {
        // Each use has its own schedule.
        let schedules = self.records.chunk_by(|one, next| one.key_use == next.key_use);
        let published =
            schedules.flat_map(|keys| keys.iter().filter(|record| is_published(*record, keys, now)));
        let keys: Vec<_> = published.filter_map(|record| record.public.clone()).collect();
        if keys.is_empty() {
            return Err(KeyError("there is no key to publish yet; key-rotation creates it".to_owned()));
        }
        Ok(JwkSet { keys })
    }
}
