//! What the table is like: an operator's check, which no function may make.

use aws_sdk_dynamodb::types::{IndexStatus, KeyType, TableStatus, TimeToLiveStatus};

use crate::store::authentication_request::PENDING_INDEX;
use crate::store::{StoreError, Table};

/// What the table is like, as far as this code relies on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableState {
    pub is_active: bool,
    /// Its keys are `pk` and `sk`.
    pub has_keys: bool,
    /// It has the index `pending-by-user`, and the index can be read.
    pub has_pending_index: bool,
    /// DynamoDB deletes by the attribute `ttl`.
    pub sweeps_ttl: bool,
}

impl Table {
    /// Reads what the table is like.
    pub async fn describe(&self) -> Result<TableState, StoreError> {
        let table = self.client.describe_table().table_name(&self.name).send().await;
        let table = table.map_err(|error| StoreError::unavailable("DescribeTable", &error))?.table;
        let ttl = self.client.describe_time_to_live().table_name(&self.name).send().await;
        let ttl = ttl.map_err(|error| StoreError::unavailable("DescribeTimeToLive", &error))?;
        let is_on = |status: &TimeToLiveStatus| {
            matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
        };
        let status = table.as_ref().and_then(|table| table.table_status());
        let keys = table.as_ref().map(|table| table.key_schema()).unwrap_or_default();
        let has_key = |name: &str, kind: &KeyType| {
            keys.iter().any(|key| key.attribute_name() == name && key.key_type() == kind)
        };
        let indexes = table.as_ref().map(|table| table.global_secondary_indexes()).unwrap_or_default();
        let pending = indexes.iter().find(|index| index.index_name() == Some(PENDING_INDEX));
        Ok(TableState {
            is_active: matches!(status, Some(TableStatus::Active | TableStatus::Updating)),
            has_keys: has_key("pk", &KeyType::Hash) && has_key("sk", &KeyType::Range),
            has_pending_index: pending.is_some_and(|index| {
                matches!(index.index_status(), Some(IndexStatus::Active | IndexStatus::Updating))
            }),
            sweeps_ttl: ttl.time_to_live_description().is_some_and(|ttl| {
                ttl.attribute_name() == Some("ttl") && ttl.time_to_live_status().is_some_and(is_on)
            }),
        })
    }
}
