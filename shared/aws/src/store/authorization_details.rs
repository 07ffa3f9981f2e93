//! Types of `authorization_details` (`authorization_details` / `type#<name>`). There are few, and all have the
//! same partition key, so that one query lists them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::store::as_read::{AsRead, Unchanged};
use crate::store::attribute::{self, DISPLAY, PARTITION_KEY, RISK, SCHEMA, SCOPE, SORT_KEY, WRITE_ID};
use crate::store::item::{Item, Reader, key, text};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::details::authorization_details::{
    DetailPolicy, DetailRisk, DetailType, DetailTypeName,
};

const PK: &str = "authorization_details";
const PREFIX: &str = "type#";

fn type_key(name: &DetailTypeName) -> Item {
    key(PK, format!("{PREFIX}{}", name.as_str()))
}

fn decode_name(item: &Item) -> Result<DetailTypeName, StoreError> {
    Reader(item).parsed(SORT_KEY, |sk| DetailTypeName::parse(sk.strip_prefix(PREFIX)?))
}

/// Compiles the schema, which is slow: see [`DetailTypes`].
fn decode(item: &Item) -> Result<DetailType, StoreError> {
    let (name, reader) = (decode_name(item)?, Reader(item));
    let (schema, display) = (reader.text(SCHEMA)?, reader.text(DISPLAY)?);
    let known = DetailType::from_stored(name.as_str(), schema, display, decode_policy(reader)?);
    known.ok_or_else(|| Reader::corrupt(SCHEMA))
}

/// A type registered before policies were introduced has the default policy.
fn decode_policy(reader: Reader<'_>) -> Result<DetailPolicy, StoreError> {
    let risk =
        reader.optional_text(RISK).map(|text| DetailRisk::parse(text).ok_or_else(|| Reader::corrupt(RISK)));
    Ok(DetailPolicy {
        risk: risk.transpose()?.unwrap_or_default(),
        scope: reader.optional_text(SCOPE).map(str::to_owned),
    })
}

impl Table {
    /// Writes a new or changed type if its item is still `old`; if that is `None`, if there is still no item.
    /// `false` if the item has changed, which then remains as it is. Open requests keep the texts they have.
    pub async fn replace_detail_type(
        &self,
        known: &DetailType,
        old: Option<&AsRead<DetailType>>,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let mut item = type_key(known.name());
        item.extend([
            (SCHEMA.to_owned(), text(known.schema_text())),
            (DISPLAY.to_owned(), text(known.display_text())),
        ]);
        let DetailPolicy { risk, scope } = known.policy();
        item.extend(risk.as_str().map(|risk| (RISK.to_owned(), text(risk))));
        item.extend(scope.as_ref().map(|scope| (SCOPE.to_owned(), text(scope))));
        item.insert(WRITE_ID.to_owned(), text(write.as_str()));
        let put = self.put_unchanged(Unchanged::since(old, attribute::DETAIL_TYPE));
        self.put_conditionally(put, item, WRITE_ID, "PutItem authorization_details").await
    }

    pub async fn find_detail_type(&self, name: &DetailTypeName) -> Result<Option<DetailType>, StoreError> {
        Ok(self.read_detail_type(name).await?.map(|read| read.value))
    }

    /// A type, for [`Table::replace_detail_type`].
    pub async fn read_detail_type(
        &self,
        name: &DetailTypeName,
    ) -> Result<Option<AsRead<DetailType>>, StoreError> {
        let item = self.detail_type_item(name).await?;
        item.map(|item| AsRead::decoded(item, decode)).transpose()
    }

    async fn detail_type_item(&self, name: &DetailTypeName) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(type_key(name)));
        let answer = get.consistent_read(true).send().await;
        answer
            .map(|answer| answer.item)
            .map_err(|error| StoreError::unavailable("GetItem authorization_details", &error))
    }

    /// The names of all types, sorted.
    pub async fn list_detail_types(&self) -> Result<Vec<DetailTypeName>, StoreError> {
        let (mut names, mut start) = (Vec::new(), None);
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression(format!("{PARTITION_KEY} = :pk"))
                .expression_attribute_values(":pk", text(PK))
                .projection_expression(SORT_KEY)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::unavailable("Query authorization_details", &error))?;
            for item in query.items() {
                names.push(decode_name(item)?);
            }
            start = query.last_evaluated_key;
            if start.is_none() {
                return Ok(names);
            }
        }
    }

    /// Removes a type. `false` if there was none.
    pub async fn remove_detail_type(&self, name: &DetailTypeName) -> Result<bool, StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(type_key(name)))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("DeleteItem authorization_details", &error))?;
        Ok(delete.attributes.is_some())
    }
}

/// The types cached by a warm function: a schema is compiled once, and read again once a minute.
pub struct DetailTypes {
    table: Table,
    cache: Mutex<HashMap<DetailTypeName, (Arc<DetailType>, Timestamp)>>,
    listed: Mutex<Option<(Vec<DetailTypeName>, Timestamp)>>,
}

impl DetailTypes {
    /// How long the earlier version of a changed or removed type may remain in use.
    const KEEP: Duration = Duration::from_secs(60);

    pub fn new(table: Table) -> Self {
        Self { table, cache: Mutex::default(), listed: Mutex::default() }
    }

    /// The names of all types, at most a minute old, or older while the table does not answer.
    pub async fn names(&self, now: Timestamp) -> Result<Vec<DetailTypeName>, StoreError> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((names, read_at)) = &listed
            && now.since(*read_at) < Self::KEEP
        {
            return Ok(names.clone());
        }
        match (self.table.list_detail_types().await, listed) {
            (Ok(names), _) => {
                let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
                *listed = Some((names.clone(), now));
                Ok(names)
            }
            (Err(_), Some((names, _))) => Ok(names),
            (Err(error), None) => Err(error),
        }
    }

    /// A type, at most a minute old. An unknown type is not cached, so a new type works immediately.
    ///
    /// Only names that a client is registered for are looked up, so the cache is bounded by what operators
    /// registered.
    pub async fn find(
        &self,
        name: &DetailTypeName,
        now: Timestamp,
    ) -> Result<Option<Arc<DetailType>>, StoreError> {
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some((known, read_at)) = &cached
            && now.since(*read_at) < Self::KEEP
        {
            return Ok(Some(Arc::clone(known)));
        }
        let item = self.table.detail_type_item(name).await?;
        let unchanged = |item: &Item, known: &DetailType| {
            let has = |attribute, value| Reader(item).optional_text(attribute) == Some(value);
            has(SCHEMA, known.schema_text())
                && has(DISPLAY, known.display_text())
                && decode_policy(Reader(item)).is_ok_and(|policy| policy == *known.policy())
        };
        let found = match (&item, cached) {
            (Some(item), Some((known, _))) if unchanged(item, &known) => Some(known),
            (Some(item), _) => Some(Arc::new(decode(item)?)),
            (None, _) => None,
        };
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(known) => drop(cache.insert(name.clone(), (Arc::clone(known), now))),
            None => drop(cache.remove(name)),
        }
        Ok(found)
    }
}
