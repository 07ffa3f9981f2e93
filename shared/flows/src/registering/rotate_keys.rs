//! Creates keys: at deployment, on a schedule, and after a leak. Two concurrent rotations have the effect of one.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::Invocation;
use ciba_aws::config::{KeySettings, SigningKeys};
use ciba_aws::keys::{DataKey, HandleKey, Kms, KmsError, SigningKeyPair, sealing_label};
use ciba_aws::store::{KeyRecord, KeyUse, Table};
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::issuer::key_schedule::{
    Emergency, KeyTimes, Scheduled, current, deletable_from, due, emergency, successor,
};
use ciba_core::protocol::jwks::PublicJwk;

/// Keys could not be created. The text is for the log.
#[derive(Clone, Debug)]
pub struct RotationError(pub String);

/// A key that was created: its use and generation.
pub type Made = (KeyUse, u32);

/// The result of a rotation.
#[derive(Clone, Debug, Default)]
pub struct Rotated {
    pub made: Vec<Made>,
    /// Keys that KMS refused to make, with the reason for the log. The current ones continue to sign.
    pub not_made: Vec<(Made, String)>,
    /// Keys in KMS that a concurrent rotation made redundant: nothing refers to them, and they cost money until
    /// somebody deletes them.
    pub unused_in_kms: Vec<String>,
}

/// 1. Complete the copies of the withdrawals, and read the existing keys.
/// 2. Ensure that there is a data key. Of two concurrent rotations, the second uses the data key of the first.
/// 3. Create the handle key, the signing keys of each algorithm, the page key and the login key if they are due, sealed
///    under the data key or by KMS. A rotation that stops half-way is completed by the next one. If a key cannot be made,
///    the others are made all the same.
/// 4. Let retired keys be deleted when nothing that they made can be of use any more. A key in KMS stays listed, because
///    somebody has to delete it there.
pub fn rotate(
    table: &Table,
    kms: &Kms,
    settings: &KeySettings,
    invocation: &Invocation,
) -> impl Future<Output = Result<Rotated, RotationError>> {
    // Boxed, because the nested futures would exceed the compiler's default recursion limit.
    Box::pin(rotate_now(table, kms, settings, &[], invocation))
}

/// Like [`rotate`], but creates successors of `uses` even if none is due. This is for an operator.
pub async fn rotate_now(
    table: &Table,
    kms: &Kms,
    settings: &KeySettings,
    uses: &[KeyUse],
    invocation: &Invocation,
) -> Result<Rotated, RotationError> {
    let mut rotated = Rotated::default();
    let mut rotation = Rotation { table, kms, settings, invocation, rotated: &mut rotated };
    rotation.complete_withdrawals().await?;
    let records = rotation.records().await?;
    let data_key = rotation.data_key(&of(KeyUse::Data, &records)).await?;
    let (mut not_made, mut failed) = (Vec::new(), Vec::new());
    for key_use in KeyUse::ALL.into_iter().filter(|key_use| *key_use != KeyUse::Data) {
        let next = if uses.contains(&key_use) { successor } else { due };
        let keys = of(key_use, &records);
        let Some((generation, times)) = next(&keys, invocation.now, settings.rotate_every) else { continue };
        let Err(error) = rotation.make(key_use, generation, times, &data_key).await else { continue };
        let signs_on = current(&keys, invocation.now).is_some_and(|key| !key.is_withdrawn());
        match error {
            NotMade::ByKms(why) if signs_on => not_made.push(((key_use, generation), why)),
            NotMade::ByKms(why) | NotMade::NotStored(RotationError(why)) => {
                failed.push(format!("{}: {why}", sealing_label(key_use, generation)));
            }
        }
    }
    rotation.retire(&records).await?;
    rotated.not_made = not_made;
    if failed.is_empty() { Ok(rotated) } else { Err(RotationError(failed.join("; "))) }
}

/// Why a key was not made.
enum NotMade {
    ByKms(String),
    NotStored(RotationError),
}

impl From<KmsError> for NotMade {
    fn from(KmsError(why): KmsError) -> Self {
        Self::ByKms(why)
    }
}

impl From<NotMade> for RotationError {
    fn from(error: NotMade) -> Self {
        match error {
            NotMade::ByKms(why) | NotMade::NotStored(Self(why)) => Self(why),
        }
    }
}

/// Handles a leak of `uses`: all of their keys are withdrawn, and successors take over immediately.
///
/// 1. Complete the copies of the withdrawals, and read the existing keys.
/// 2. Store the successor. If a concurrent emergency or rotation was first, read again.
/// 3. Withdraw all keys that were created before it. A repetition withdraws the same keys, so two concurrent
///    emergencies have the effect of one.
pub async fn replace_leaked(
    table: &Table,
    kms: &Kms,
    settings: &KeySettings,
    uses: &[KeyUse],
    invocation: &Invocation,
) -> Result<Rotated, RotationError> {
    let mut rotated = Rotated::default();
    let mut rotation = Rotation { table, kms, settings, invocation, rotated: &mut rotated };
    rotation.complete_withdrawals().await?;
    let records = rotation.records().await?;
    let data_key = rotation.data_key(&of(KeyUse::Data, &records)).await?;
    for key_use in uses {
        rotation.replace_leaked(*key_use, &data_key).await?;
    }
    Ok(rotated)
}

/// The keys in `records` that have this use.
fn of(key_use: KeyUse, records: &[KeyRecord]) -> Vec<KeyRecord> {
    records.iter().filter(|record| record.key_use == key_use).cloned().collect()
}

/// How many times an emergency is attempted while others create keys.
const TRIES: usize = 5;
/// The longest pause before KMS is asked again for a key that it has just created, and how many times it is
/// asked.
const PAUSE: Duration = Duration::from_millis(500);
const ASKS: usize = 5;

struct Rotation<'a> {
    table: &'a Table,
    kms: &'a Kms,
    settings: &'a KeySettings,
    invocation: &'a Invocation,
    rotated: &'a mut Rotated,
}

/// A key that was created: its stored form, and its public half.
struct New {
    sealed: Vec<u8>,
    /// The generation of the data key that sealed it; 0 if KMS encrypted or keeps it.
    sealed_under: u32,
    kms_key_id: Option<String>,
    public: Option<PublicJwk>,
}

impl New {
    fn encrypted_by_kms(sealed: Vec<u8>, public: Option<PublicJwk>) -> Self {
        Self { sealed, sealed_under: 0, kms_key_id: None, public }
    }
}

impl Rotation<'_> {
    async fn records(&self) -> Result<Vec<KeyRecord>, RotationError> {
        self.table.list_keys().await.map_err(|error| RotationError(error.detail()))
    }

    async fn complete_withdrawals(&self) -> Result<(), RotationError> {
        let completed = self.table.complete_withdrawals(&self.invocation.write_id).await;
        completed.map_err(|error| RotationError(error.detail()))
    }

    async fn retire(&self, records: &[KeyRecord]) -> Result<(), RotationError> {
        for key_use in KeyUse::ALL.into_iter().filter(|key_use| key_use.ends()) {
            let keys = of(key_use, records);
            for key in keys.iter().filter(|key| key.kms_key_id.is_none() && !key.will_be_deleted) {
                let Some(at) = deletable_from(key, &keys, self.invocation.now) else { continue };
                let retired = self.table.delete_key_at(key, at).await;
                retired.map_err(|error| RotationError(error.detail()))?;
            }
        }
        Ok(())
    }

    async fn replace_leaked(
        &mut self,
        key_use: KeyUse,
        data_key: &(u32, DataKey),
    ) -> Result<(), RotationError> {
        let Invocation { now, write_id, .. } = self.invocation;
        for _ in 0..TRIES {
            let keys = of(key_use, &self.records().await?);
            let Emergency { successor, withdraw_through } =
                emergency(&keys, *now, self.settings.rotate_every);
            if let Some((generation, times)) = successor
                && !self.make(key_use, generation, times, data_key).await?
            {
                continue;
            }
            if withdraw_through > 0 {
                let withdrawal = self.table.withdraw_keys(key_use, withdraw_through, *now, write_id);
                withdrawal.await.map_err(|error| RotationError(error.detail()))?;
            }
            return Ok(());
        }
        Err(RotationError(format!("another rotation made a {} key during every attempt", key_use.as_str())))
    }

    /// The data key that seals new keys, and its generation.
    async fn data_key(&mut self, records: &[KeyRecord]) -> Result<(u32, DataKey), RotationError> {
        if let Some(newest) = records.iter().max_by_key(|record| record.generation) {
            return Ok((newest.generation, self.open_data_key(newest).await?));
        }
        let (plain, sealed) = self
            .kms
            .generate_data_key(&self.settings.kms_key)
            .await
            .map_err(|error| RotationError(error.0))?;
        let times = KeyTimes::first(self.invocation.now, self.settings.rotate_every);
        let new = New::encrypted_by_kms(sealed, None);
        if self.insert(KeyUse::Data, 1, times, new).await? {
            let key =
                DataKey::new(&plain).map_err(|_| RotationError("KMS made a malformed key".to_owned()))?;
            return Ok((1, key));
        }
        let records = self.records().await?;
        let theirs = records.iter().find(|record| record.key_use == KeyUse::Data);
        let theirs = theirs.ok_or_else(|| RotationError("the data key has disappeared".to_owned()))?;
        Ok((theirs.generation, self.open_data_key(theirs).await?))
    }

    async fn open_data_key(&self, record: &KeyRecord) -> Result<DataKey, RotationError> {
        let plain = self.kms.decrypt(&record.sealed).await.map_err(|error| RotationError(error.0))?;
        DataKey::new(&plain).map_err(|_| RotationError("the data key is malformed".to_owned()))
    }

    /// `false` if another rotation created this generation first.
    async fn make(
        &mut self,
        key_use: KeyUse,
        generation: u32,
        times: KeyTimes,
        data_key: &(u32, DataKey),
    ) -> Result<bool, NotMade> {
        let new = match (key_use, &self.settings.signing) {
            (KeyUse::Signing(algorithm), SigningKeys::Kms { tag }) => {
                self.make_in_kms(algorithm, tag).await?
            }
            (KeyUse::Signing(_), SigningKeys::Table) | (KeyUse::Data | KeyUse::Handle, _) => {
                self.make_sealed(key_use, generation, data_key).await.map_err(NotMade::NotStored)?
            }
            (KeyUse::Page, _) => {
                New::encrypted_by_kms(self.kms.generate_page_key(&self.settings.kms_key).await?, None)
            }
            (KeyUse::Login, _) => {
                let (sealed, public) = self.kms.generate_login_key(&self.settings.kms_key).await?;
                New::encrypted_by_kms(sealed, Some(public))
            }
        };
        let in_kms = new.kms_key_id.clone();
        let inserted = self.insert(key_use, generation, times, new).await;
        if !matches!(inserted, Ok(true)) {
            self.rotated.unused_in_kms.extend(in_kms);
        }
        inserted.map_err(NotMade::NotStored)
    }

    async fn make_sealed(
        &self,
        key_use: KeyUse,
        generation: u32,
        (sealed_under, data_key): &(u32, DataKey),
    ) -> Result<New, RotationError> {
        let (private, public) = match key_use.algorithm() {
            None => (self.invocation.random::<{ HandleKey::BYTES }>().to_vec(), None),
            Some(algorithm) => {
                // Outside the async runtime, because generating an RSA key takes so long that calls in progress
                // would time out.
                let pair = spawn_blocking(move || SigningKeyPair::generate(algorithm)).await;
                let pair = pair.ok().flatten();
                let pair = pair.ok_or_else(|| RotationError("no signing key could be made".to_owned()))?;
                (pair.private, Some(pair.public))
            }
        };
        let sealed = data_key.seal(&sealing_label(key_use, generation), &private);
        let sealed = sealed.map_err(|_| RotationError("sealing failed".to_owned()))?;
        Ok(New { sealed, sealed_under: *sealed_under, kms_key_id: None, public })
    }

    async fn make_in_kms(&self, algorithm: JwsAlgorithm, tag: &str) -> Result<New, KmsError> {
        let key_id = self.kms.create_signing_key(algorithm, tag).await?;
        let mut asked = self.kms.public_key(&key_id, algorithm).await;
        for _ in 1..ASKS {
            // KMS is eventually consistent: a new key is not known everywhere immediately.
            if asked.is_err() {
                sleep(self.invocation.jitter(PAUSE)).await;
                asked = self.kms.public_key(&key_id, algorithm).await;
            }
        }
        let unused = |error: KmsError| KmsError(format!("{}; the key {key_id} is not used", error.0));
        let public = asked.map_err(unused)?;
        Ok(New { sealed: Vec::new(), sealed_under: 0, kms_key_id: Some(key_id), public: Some(public) })
    }

    /// `false` if the generation already exists.
    async fn insert(
        &mut self,
        key_use: KeyUse,
        generation: u32,
        times: KeyTimes,
        New { sealed, sealed_under, kms_key_id, public }: New,
    ) -> Result<bool, RotationError> {
        let record = KeyRecord {
            key_use,
            generation,
            times,
            sealed,
            sealed_under,
            kms_key_id,
            public,
            withdrawn_at: None,
            will_be_deleted: false,
        };
        let inserted = self.table.insert_key(&record, &self.invocation.write_id).await;
        let inserted = inserted.map_err(|error| RotationError(error.detail()))?;
        self.rotated.made.extend(inserted.then_some((key_use, generation)));
        Ok(inserted)
    }
}
