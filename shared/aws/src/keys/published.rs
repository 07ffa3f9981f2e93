//! The public keys that others verify signatures with.

use crate::keys::KeyError;
use crate::store::{KeyUse, Table};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{Scheduled, is_published};
use ciba_core::protocol::jwks::JwkSet;

/// Every key of the uses that are `wanted` that signs at `now`, will sign soon, or has signed something that may still be
/// valid. Reads no private key.
///
/// # Errors
/// There is none: an empty key set would be cached by those who fetch it.
pub async fn published_keys(
    table: &Table,
    wanted: fn(KeyUse) -> bool,
    now: Timestamp,
) -> Result<JwkSet, KeyError> {
    let records = table.list_public_keys(wanted).await;
    let mut records = records.map_err(|error| KeyError(error.detail()))?;
    records.retain(|record| !record.is_withdrawn());
    // Each use has its own schedule.
    let schedules = records.chunk_by(|one, next| one.key_use == next.key_use);
    let published = schedules.flat_map(|keys| keys.iter().filter(|record| is_published(*record, keys, now)));
    let keys: Vec<_> = published.filter_map(|record| record.public.clone()).collect();
    if keys.is_empty() {
        return Err(KeyError("there is no key to publish yet; key-rotation creates it".to_owned()));
    }
    Ok(JwkSet { keys })
}
