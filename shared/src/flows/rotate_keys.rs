//! Making keys: at deployment, and on a schedule. Two rotations at once are one.

use tokio::task::spawn_blocking;

use crate::config::KeySettings;
use crate::domain::key_schedule::{KeyTimes, due, successor};
use crate::flows::Invocation;
use crate::keys::{DataKey, HandleKey, Kms, SigningKeyPair, sealing_label};
use crate::store::{KeyRecord, KeyUse, Table};

/// Keys could not be made. The text is for the log.
#[derive(Clone, Debug)]
pub struct RotationError(pub String);

/// A key that was made: use and generation.
pub type Made = (KeyUse, u32);

/// 1. Read the keys there are.
/// 2. Make sure of a data key; whoever is second uses the first one's.
/// 3. Make the handle key and each algorithm's signing key that are due, sealed under it. A rotation that ends
///    half-way is completed by the next.
pub fn rotate(
    table: &Table,
    kms: &Kms,
    settings: &KeySettings,
    invocation: &Invocation,
) -> impl Future<Output = Result<Vec<Made>, RotationError>> {
    // Not `async` itself: one future within another more would be deeper than the compiler follows by default.
    rotate_now(table, kms, settings, &[], invocation)
}

/// Like [`rotate`], but of `uses` a successor is made although none is due: what an operator asks for.
pub async fn rotate_now(
    table: &Table,
    kms: &Kms,
    settings: &KeySettings,
    uses: &[KeyUse],
    invocation: &Invocation,
) -> Result<Vec<Made>, RotationError> {
    let mut made = Vec::new();
    let records = table.list_keys().await.map_err(|error| RotationError(error.detail()))?;
    let of = |key_use| records.iter().filter(|record| record.key_use == key_use).cloned().collect::<Vec<_>>();
    let rotation = Rotation { table, kms, settings, invocation };

    let (sealed_under, data_key, is_new) = rotation.data_key(&of(KeyUse::Data)).await?;
    made.extend(is_new.then_some((KeyUse::Data, sealed_under)));
    for key_use in KeyUse::ALL.into_iter().filter(|key_use| *key_use != KeyUse::Data) {
        let next = if uses.contains(&key_use) { successor } else { due };
        let Some((generation, times)) = next(&of(key_use), invocation.now, settings.rotate_every) else {
            continue;
        };
        if rotation.make(key_use, generation, times, sealed_under, &data_key).await? {
            made.push((key_use, generation));
        }
    }
    Ok(made)
}

struct Rotation<'a> {
    table: &'a Table,
    kms: &'a Kms,
    settings: &'a KeySettings,
    invocation: &'a Invocation,
}

impl Rotation<'_> {
    /// The data key that seals new keys, its generation, and whether it was made just now.
    async fn data_key(&self, records: &[KeyRecord]) -> Result<(u32, DataKey, bool), RotationError> {
        if let Some(newest) = records.iter().max_by_key(|record| record.generation) {
            return Ok((newest.generation, self.open_data_key(newest).await?, false));
        }
        let (plain, sealed) = self
            .kms
            .generate_data_key(&self.settings.kms_key)
            .await
            .map_err(|error| RotationError(error.0))?;
        let record = KeyRecord {
            key_use: KeyUse::Data,
            generation: 1,
            times: KeyTimes::first(self.invocation.now, self.settings.rotate_every),
            sealed,
            sealed_under: 0,
            public: None,
        };
        if self.insert(&record).await? {
            let key =
                DataKey::new(&plain).map_err(|_| RotationError("KMS made a malformed key".to_owned()))?;
            return Ok((1, key, true));
        }
        let records = self.table.list_keys().await.map_err(|error| RotationError(error.detail()))?;
        let theirs = records.iter().find(|record| record.key_use == KeyUse::Data);
        let theirs = theirs.ok_or_else(|| RotationError("the data key vanished".to_owned()))?;
        Ok((theirs.generation, self.open_data_key(theirs).await?, false))
    }

    async fn open_data_key(&self, record: &KeyRecord) -> Result<DataKey, RotationError> {
        let plain = self.kms.decrypt(&record.sealed).await.map_err(|error| RotationError(error.0))?;
        DataKey::new(&plain).map_err(|_| RotationError("the data key is malformed".to_owned()))
    }

    /// `false` if another rotation made this generation first.
    async fn make(
        &self,
        key_use: KeyUse,
        generation: u32,
        times: KeyTimes,
        sealed_under: u32,
        data_key: &DataKey,
    ) -> Result<bool, RotationError> {
        let (private, public) = match key_use {
            KeyUse::Data | KeyUse::Handle => {
                (self.invocation.random::<{ HandleKey::BYTES }>().to_vec(), None)
            }
            KeyUse::Signing(algorithm) => {
                // Beside the runtime: an RSA key takes long, and calls under way would time out.
                let pair = spawn_blocking(move || SigningKeyPair::generate(algorithm)).await;
                let pair = pair.ok().flatten();
                let pair = pair.ok_or_else(|| RotationError("no signing key could be made".to_owned()))?;
                (pair.private, Some(pair.public))
            }
        };
        let sealed = data_key.seal(&sealing_label(key_use, generation), &private);
        let sealed = sealed.map_err(|_| RotationError("sealing failed".to_owned()))?;
        self.insert(&KeyRecord { key_use, generation, times, sealed, sealed_under, public }).await
    }

    async fn insert(&self, record: &KeyRecord) -> Result<bool, RotationError> {
        let inserted = self.table.insert_key(record, &self.invocation.write_id).await;
        inserted.map_err(|error| RotationError(error.detail()))
    }
}
