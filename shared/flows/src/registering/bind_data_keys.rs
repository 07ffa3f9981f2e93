//! Binds the data keys of a table that is older than this binding to it, for an operator.
//!
//! KMS used to encrypt data keys without naming the table. Nothing in such a key shows which table it was made for,
//! so the functions do not accept it: a key of another table under the same KMS key could be put in its place.

use crate::Invocation;
use ciba_aws::keys::{DataKey, Kms, KmsError, sealing_label};
use ciba_aws::store::{KeyRecord, KeyUse, StoreError, Table};

/// Why a data key is not bound.
#[derive(Debug, thiserror::Error)]
pub enum NotBound {
    /// It does not open the keys of this table.
    #[error("data key {0} does not open the keys that name it, so it is another table's")]
    Foreign(u32),
    /// Somebody replaced it at the same moment.
    #[error("data key {0} has changed")]
    Changed(u32),
    #[error(transparent)]
    Kms(#[from] KmsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the generations of the data keys that were bound.
///
/// 1. Read the keys.
/// 2. Have KMS encrypt each data key that names no table a second time, for this table. KMS refuses all others.
/// 3. Check that it opens every key that was sealed under it, and at least one.
/// 4. Store it, on the condition that the data key that was read is still there.
pub async fn bind(
    table: &Table,
    kms: &Kms,
    kms_key: &str,
    invocation: &Invocation,
) -> Result<Vec<u32>, NotBound> {
    let records = table.list_keys().await?;
    let mut done = Vec::new();
    for data_key in records.iter().filter(|record| record.key_use == KeyUse::Data) {
        let Some(bound) = kms.bind(kms_key, &data_key.sealed).await? else { continue };
        let plain = kms.decrypt(&bound).await?;
        if !opens(&plain, data_key.generation, &records) {
            return Err(NotBound::Foreign(data_key.generation));
        }
        if !table.replace_data_key(data_key, &bound, &invocation.write_id).await? {
            return Err(NotBound::Changed(data_key.generation));
        }
        done.push(data_key.generation);
    }
    Ok(done)
}

fn opens(plain: &[u8], generation: u32, records: &[KeyRecord]) -> bool {
    let Ok(key) = DataKey::new(plain) else { return false };
    let mut sealed = records.iter().filter(|record| record.sealed_under == generation).peekable();
    sealed.peek().is_some()
        && sealed.all(|it| key.open(&sealing_label(it.key_use, it.generation), &it.sealed).is_ok())
}
