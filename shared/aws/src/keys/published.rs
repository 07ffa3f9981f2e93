//! The public keys that others verify signatures with.

use crate::store::{KeyUse, StoreError, Table};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{Scheduled, is_published};
use ciba_core::protocol::jwks::JwkSet;

/// Every key of the uses that are `wanted` that signs at `now`, will sign soon, or has signed something that may still be
/// valid. Reads no private key.
pub async fn published_keys(
    table: &Table,
    wanted: fn(KeyUse) -> bool,
    now: Timestamp,
) -> Result<JwkSet, StoreError> {
    let mut records = table.list_public_keys(wanted).await?;
    records.retain(|record| !record.is_withdrawn());
    // Each use has its own schedule.
    let schedules = records.chunk_by(|one, next| one.key_use == next.key_use);
    let published = schedules.flat_map(|keys| keys.iter().filter(|record| is_published(*record, keys, now)));
    Ok(JwkSet { keys: published.filter_map(|record| record.public.clone()).collect() })
}
