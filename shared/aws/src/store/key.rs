//! Keys (`keys` / `key#<use>#<generation>`): sealed or in KMS, and written once. Only the encrypted form of a data key
//! is replaced, and only by [`Table::replace_data_key`].

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use crate::store::attribute::{
    GENERATION, KEY_USE, KMS_KEY_ID, PARTITION_KEY, PUBLIC_JWK, PUBLISH_FROM, SEALED, SEALED_UNDER,
    SIGN_FROM, SIGN_UNTIL, SORT_KEY, TTL, VERIFY_UNTIL, WRITE_ID,
};
use crate::store::authentication_request::{Written, written};
use crate::store::item::{Item, Reader, bytes, key, number, text, time, ttl};
use crate::store::key_use::PK;
use crate::store::pause::pause;
use crate::store::table::is_own;
use crate::store::{KeyUse, StoreError, Table, WithdrawnKeys, WriteId, withdrawn_keys};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::key_schedule::{KeyTimes, Scheduled};
use ciba_core::protocol::jwks::PublicJwk;

/// A key as stored. Read access to the table is not enough to use it: that also requires KMS.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    pub key_use: KeyUse,
    /// Counts from 1 per use. Of two simultaneous creators of a generation, only one succeeds.
    pub generation: u32,
    pub times: KeyTimes,
    /// The encrypted key: data keys, page keys and login keys are encrypted by KMS, and other keys are sealed under a
    /// data key. Empty if the key never leaves KMS.
    pub sealed: Vec<u8>,
    /// The generation of the data key that sealed it; 0 for a key that KMS encrypted or keeps.
    pub sealed_under: u32,
    /// The key's id in KMS, if it is kept there: signing keys only.
    pub kms_key_id: Option<String>,
    /// The public half of a key that signs.
    pub public: Option<PublicJwk>,
    /// When the key was withdrawn in an emergency. Since then it no longer signs, seals, verifies or opens
    /// anything. Stored in another item.
    pub withdrawn_at: Option<Timestamp>,
    /// Whether TTL will delete it. Never known of a key of which only the public half was read.
    pub will_be_deleted: bool,
}

impl Scheduled for KeyRecord {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn times(&self) -> &KeyTimes {
        &self.times
    }

    fn is_withdrawn(&self) -> bool {
        self.withdrawn_at.is_some()
    }
}

fn decode(item: &Item, withdrawn: &WithdrawnKeys) -> Result<KeyRecord, StoreError> {
    let reader = Reader(item);
    let public = reader
        .optional_text(PUBLIC_JWK)
        .map(|json| serde_json::from_str(json).map_err(|_| Reader::corrupt(PUBLIC_JWK)));
    let key_use = reader.parsed(KEY_USE, KeyUse::parse)?;
    let generation = reader.unsigned(GENERATION)?;
    Ok(KeyRecord {
        key_use,
        generation,
        times: KeyTimes {
            publish_from: reader.time(PUBLISH_FROM)?,
            sign_from: reader.time(SIGN_FROM)?,
            sign_until: reader.time(SIGN_UNTIL)?,
            verify_until: reader.time(VERIFY_UNTIL)?,
        },
        // Missing if only the public keys were read.
        sealed: reader.bytes(SEALED).map(<[u8]>::to_vec).unwrap_or_default(),
        sealed_under: reader.unsigned(SEALED_UNDER)?,
        kms_key_id: reader.optional_text(KMS_KEY_ID).map(str::to_owned),
        public: public.transpose()?,
        withdrawn_at: withdrawn.since(key_use, generation),
        will_be_deleted: item.contains_key(TTL),
    })
}

fn record_key(record: &KeyRecord) -> Item {
    key(PK, format!("key#{}#{:08}", record.key_use.as_str(), record.generation))
}

fn encode(record: &KeyRecord, write: &WriteId) -> Item {
    let mut item = record_key(record);
    item.extend([
        (KEY_USE.to_owned(), text(record.key_use.as_str())),
        (GENERATION.to_owned(), number(record.generation)),
        (PUBLISH_FROM.to_owned(), time(record.times.publish_from)),
        (SIGN_FROM.to_owned(), time(record.times.sign_from)),
        (SIGN_UNTIL.to_owned(), time(record.times.sign_until)),
        (VERIFY_UNTIL.to_owned(), time(record.times.verify_until)),
        (SEALED_UNDER.to_owned(), number(record.sealed_under)),
        (WRITE_ID.to_owned(), text(write.as_str())),
    ]);
    item.extend(match &record.kms_key_id {
        Some(key_id) => [(KMS_KEY_ID.to_owned(), text(key_id))],
        None => [(SEALED.to_owned(), bytes(&record.sealed))],
    });
    let public = record.public.as_ref().and_then(|jwk| serde_json::to_string(jwk).ok());
    item.extend(public.map(|json| (PUBLIC_JWK.to_owned(), text(json))));
    item
}

/// The attributes that are read to list public keys, without the sealed keys. None of them is a reserved word in
/// DynamoDB, so they need no placeholders.
const PUBLIC_ATTRIBUTES: [&str; 9] = [
    SORT_KEY,
    KEY_USE,
    GENERATION,
    PUBLISH_FROM,
    SIGN_FROM,
    SIGN_UNTIL,
    VERIFY_UNTIL,
    SEALED_UNDER,
    PUBLIC_JWK,
];

/// The most attempts to write a key while others write keys or withdrawals.
const TRIES: u32 = 6;

impl Table {
    /// All keys, including withdrawn ones, sorted by use and generation, and the withdrawals. An error if it is unknown
    /// what is withdrawn.
    pub async fn list_keys_and_withdrawals(&self) -> Result<(Vec<KeyRecord>, WithdrawnKeys), StoreError> {
        let (records, withdrawn) = self.query_keys(None).await?;
        Ok((records, withdrawn_keys::required(withdrawn)?))
    }

    /// Like [`Table::list_keys_and_withdrawals`], for those who make keys and use none: also if it is unknown what is
    /// withdrawn.
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.query_keys(None).await.map(|(records, _)| records)
    }

    /// The keys of the uses that are `wanted`, without their private halves, sorted by use and generation.
    pub async fn list_public_keys(&self, wanted: fn(KeyUse) -> bool) -> Result<Vec<KeyRecord>, StoreError> {
        let names = PUBLIC_ATTRIBUTES.iter().copied();
        let withdrawals =
            KeyUse::ALL.iter().enumerate().map(|(nth, key_use)| (format!("#use{nth}"), *key_use));
        let withdrawals: Vec<_> = withdrawals.collect();
        let projection = names.chain(withdrawals.iter().map(|(name, _)| name.as_str())).collect::<Vec<_>>();
        let placeholders =
            withdrawals.iter().map(|(name, key_use)| (name.clone(), key_use.as_str().to_owned()));
        let only = (projection.join(", "), placeholders.collect());
        let (mut records, withdrawn) = self.query_keys(Some(only)).await?;
        withdrawn_keys::required(withdrawn)?;
        records.retain(|record| wanted(record.key_use));
        Ok(records)
    }

    /// Runs one Query, whose first item is the one with the withdrawals.
    async fn query_keys(
        &self,
        only: Option<(String, HashMap<String, String>)>,
    ) -> Result<(Vec<KeyRecord>, Option<WithdrawnKeys>), StoreError> {
        let (projection, names) = only.unzip();
        let pages = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(format!("{PARTITION_KEY} = :pk"))
            .expression_attribute_values(":pk", text(PK))
            .set_projection_expression(projection)
            .set_expression_attribute_names(names);
        let mut pages = pages.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(|error| StoreError::unavailable("Query keys", &error))?);
        }
        let withdrawn = withdrawn_keys::among_keys(&items)?;
        let known = withdrawn.clone().unwrap_or_default();
        let keys = items.iter().filter(|item| item.contains_key(KEY_USE));
        let records = keys.map(|item| decode(item, &known)).collect::<Result<_, _>>()?;
        Ok((records, withdrawn))
    }

    /// Replaces the encrypted form of a data key, if it is still as it was read. `false` if it has changed.
    pub async fn replace_data_key(
        &self,
        read: &KeyRecord,
        sealed: &[u8],
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(record_key(read)))
            .condition_expression(format!("{SEALED} = :was"))
            .update_expression(format!("SET {SEALED} = :sealed, {WRITE_ID} = :write"))
            .expression_attribute_values(":was", bytes(&read.sealed))
            .expression_attribute_values(":sealed", bytes(sealed))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match written(update, "UpdateItem key", write).await? {
            Written::Done(_) => true,
            Written::Refused(_) => false,
        })
    }

    /// Lets TTL delete a retired key at `at`. Idempotent: nothing else sets this attribute.
    pub async fn delete_key_at(&self, record: &KeyRecord, at: Timestamp) -> Result<(), StoreError> {
        self.set_if_present(record_key(record), TTL, ttl(at)).await.map(drop)
    }

    /// Writes a key if its generation does not exist yet, and in the same transaction a new version of the key set, so
    /// that no cached one is taken for current. `false` if another creator was first.
    pub async fn insert_key(&self, record: &KeyRecord, write: &WriteId) -> Result<bool, StoreError> {
        for attempt in 0..TRIES {
            let put = Put::builder()
                .table_name(&self.name)
                .set_item(Some(encode(record, write)))
                .condition_expression(format!("attribute_not_exists({PARTITION_KEY})"))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .map_err(StoreError::incomplete)?;
            let version = self.new_key_set_version(write)?;
            let writes = vec![
                TransactWriteItem::builder().put(put).build(),
                TransactWriteItem::builder().update(version).build(),
            ];
            let Some(reasons) = self.transact("InsertKey", writes).await? else { return Ok(true) };
            let refused = |nth: usize| {
                reasons.get(nth).filter(|reason| reason.code() == Some("ConditionalCheckFailed"))
            };
            if let Some(theirs) = refused(0) {
                return Ok(is_own(theirs.item(), write));
            }
            if refused(1).is_some() {
                return Err(withdrawn_keys::missing());
            }
            // Another key, or a withdrawal, was first.
            pause(attempt).await;
        }
        Err(StoreError::Unavailable("InsertKey: conflicting transactions at each attempt".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of a key that signs tokens ends with its algorithm.
    #[test]
    fn each_key_use_has_its_own_name() {
        for key_use in KeyUse::ALL {
            assert_eq!(KeyUse::parse(key_use.as_str()), Some(key_use));
            let name = key_use.algorithm().map(|algorithm| format!("signing-{}", algorithm.as_str()));
            assert_eq!(name.is_none(), !key_use.as_str().starts_with("signing-"));
            assert!(name.is_none_or(|name| name == key_use.as_str()), "{key_use:?}");
        }
        let signing: Vec<_> = KeyUse::ALL.into_iter().filter_map(KeyUse::algorithm).collect();
        assert_eq!(signing, ciba_core::domain::base::jws_algorithm::JwsAlgorithm::ALL);
    }
}
