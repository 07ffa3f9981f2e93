//! An operator's checks of the table and its content. Functions have no permission for them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, IndexStatus, KeyType, TableStatus, TimeToLiveStatus};

use crate::store::attribute::{ACTIVE, CHANNELS, PARTITION_KEY, RP_ID, SORT_KEY, TTL};
use crate::store::authentication_request::PENDING_INDEX;
use crate::store::item::{Reader, number, text};
use crate::store::{StoreError, Table, client, passkey, person};
use ciba_core::domain::client::Client;
use ciba_core::domain::person::channel::{Carrier, Channel};

/// The properties of the table that this code relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableState {
    pub is_active: bool,
    /// Its keys are `pk` and `sk`.
    pub has_keys: bool,
    /// It has the index `pending-by-user`, and the index is active.
    pub has_pending_index: bool,
    /// TTL is enabled for the attribute `ttl`.
    pub sweeps_ttl: bool,
    pub is_protected_from_deletion: bool,
}

/// Whether the scanned part of the table has a client and a person, which every flow needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// There is an enabled client.
    pub active_client: bool,
    /// There is an enabled person with at least one channel.
    pub reachable_person: bool,
    /// `false` if only part of the table was scanned.
    pub is_complete: bool,
}

impl Table {
    /// Looks for an enabled client and a reachable person, among at most `evaluate` items.
    pub async fn find_any(&self, evaluate: i32) -> Result<Known, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression(
                format!("{ACTIVE} = :yes AND ({SORT_KEY} = :client OR ({SORT_KEY} = :person AND size({CHANNELS}) > :none))"),
            )
            .projection_expression(SORT_KEY)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":client", text(client::SK))
            .expression_attribute_values(":person", text(person::SK))
            .expression_attribute_values(":none", number(0));
        let mut known = Known::default();
        known.is_complete = self
            .scan(scan, "Scan", evaluate, |items| {
                for item in items {
                    match Reader(item).text(SORT_KEY)? {
                        client::SK => known.active_client = true,
                        _ => known.reachable_person = true,
                    }
                }
                Ok(known.active_client && known.reachable_person)
            })
            .await?;
        Ok(known)
    }

    /// Passes each enabled client among the first `evaluate` items to `take`. Returns whether that was the whole
    /// table.
    pub async fn for_each_active_client(
        &self,
        evaluate: i32,
        mut take: impl FnMut(&Client),
    ) -> Result<bool, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression(format!("{SORT_KEY} = :client AND {ACTIVE} = :yes"))
            .expression_attribute_values(":client", text(client::SK))
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        self.scan(scan, "Scan clients", evaluate, |items| {
            for item in items {
                take(&client::decode(item)?);
            }
            Ok(false)
        })
        .await
    }

    /// The names of custom channels of enabled people, among at most `evaluate` items. Also whether that was the whole table.
    pub async fn list_custom_channels(&self, evaluate: i32) -> Result<(BTreeSet<String>, bool), StoreError> {
        let at = |place| format!("attribute_exists({CHANNELS}[{place}].{})", person::CUSTOM);
        let any = (0..Channel::MOST).map(at).collect::<Vec<_>>().join(" OR ");
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression(format!("{SORT_KEY} = :person AND {ACTIVE} = :yes AND ({any})"))
            .expression_attribute_values(":person", text(person::SK))
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        let mut names = BTreeSet::new();
        let is_complete = self.scan(scan, "Scan channels", evaluate, |items| {
            for item in items {
                names.extend(person::decode(item)?.channels.iter().filter_map(|channel| {
                    match channel.carrier() {
                        Carrier::Sns(_) => None,
                        Carrier::Notifier(custom) => Some(custom.name().to_owned()),
                    }
                }));
            }
            Ok(false)
        });
        let is_complete = is_complete.await?;
        Ok((names, is_complete))
    }

    /// The domain of a passkey that is not for `rp_id`, if there is one among the first `evaluate` items.
    pub async fn find_passkey_of_another_domain(
        &self,
        rp_id: Option<&str>,
        evaluate: i32,
    ) -> Result<Option<String>, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            // An attribute that is missing differs from every value, and enrollment records are called as passkeys are.
            .filter_expression(format!(
                "begins_with({SORT_KEY}, :passkey) AND attribute_exists({RP_ID}) AND {RP_ID} <> :rp_id"
            ))
            .projection_expression(RP_ID)
            .expression_attribute_values(":passkey", text(passkey::SK_PREFIX))
            .expression_attribute_values(":rp_id", text(rp_id.unwrap_or_default()));
        let mut found = None;
        self.scan(scan, "Scan passkeys", evaluate, |items| {
            if let Some(item) = items.first() {
                found = Some(Reader(item).text(RP_ID)?.to_owned());
            }
            Ok(found.is_some())
        })
        .await?;
        Ok(found)
    }

    /// Reads the properties of the table.
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
            has_keys: has_key(PARTITION_KEY, &KeyType::Hash) && has_key(SORT_KEY, &KeyType::Range),
            has_pending_index: pending.is_some_and(|index| {
                matches!(index.index_status(), Some(IndexStatus::Active | IndexStatus::Updating))
            }),
            sweeps_ttl: ttl.time_to_live_description().is_some_and(|ttl| {
                ttl.attribute_name() == Some(TTL) && ttl.time_to_live_status().is_some_and(is_on)
            }),
            is_protected_from_deletion: table
                .as_ref()
                .and_then(|table| table.deletion_protection_enabled())
                .unwrap_or_default(),
        })
    }
}
