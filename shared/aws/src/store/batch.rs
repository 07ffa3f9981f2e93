//! Reads several items in one call, each consistently.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::store::attribute::SORT_KEY;
use crate::store::item::{Item, Reader};
use crate::store::pause::pause;
use crate::store::{StoreError, Table};

/// The most calls for one batch, because DynamoDB may leave keys unprocessed.
const TRIES: u32 = 3;

/// The item with this sort key among `items`.
pub(super) fn with_sk<'i>(items: &'i [Item], sk: &str) -> Option<&'i Item> {
    items.iter().find(|item| Reader(item).optional_text(SORT_KEY) == Some(sk))
}

impl Table {
    /// Reads the items with these keys; missing ones are left out.
    pub(super) async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        let mut left = keys;
        for attempt in 0..TRIES {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(StoreError::incomplete)?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.name, request)
                .send()
                .await
                .map_err(|error| StoreError::unavailable("BatchGetItem", &error))?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let unprocessed: HashMap<_, _> = answer.unprocessed_keys.unwrap_or_default();
            match unprocessed.into_values().next() {
                Some(rest) if !rest.keys.is_empty() => {
                    left = rest.keys;
                    // DynamoDB asks callers to back off.
                    pause(attempt).await;
                }
                Some(_) | None => return Ok(found),
            }
        }
        Err(StoreError::Unavailable("BatchGetItem: keys remained unprocessed after each attempt".to_owned()))
    }
}
