//! The table itself: how it is reached, and what can go wrong.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::aws::{self, Aws};
use crate::store::attribute::{PARTITION_KEY, WRITE_ID};
use crate::store::conflict::RepeatConflicts;
use crate::store::item::Item;

/// Unit: time for one attempt. A healthy call takes milliseconds.
const ATTEMPT: Duration = Duration::from_secs(1);
/// Unit: time for a call with its repeats.
const CALL: Duration = Duration::from_secs(3);

/// The one table.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

impl Table {
    /// # Panics
    /// If `aws` was read without a table.
    pub fn connect(aws: &Aws) -> Self {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&aws.sdk)
            .timeout_config(aws::timeouts(ATTEMPT, CALL))
            .retry_classifier(RepeatConflicts);
        config.set_endpoint_url(aws.dynamodb_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            name: aws.table.clone().expect("TABLE_NAME was read"),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part of a transaction that puts an item of which there is none yet.
    pub(super) fn put_new(&self, item: Item) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PARTITION_KEY})"))
            .build()
            .map_err(StoreError::incomplete)
    }

    /// Puts an item if there is none of its key. `false` if there is one; but `true` if its attribute `mark`,
    /// which nobody else can write, is ours: then it is our own write, whose response was lost.
    pub(super) async fn put_if_absent(
        &self,
        item: Item,
        mark: &str,
        operation: &str,
    ) -> Result<bool, StoreError> {
        let put =
            self.client.put_item().condition_expression(format!("attribute_not_exists({PARTITION_KEY})"));
        self.put_conditionally(put, item, mark, operation).await
    }

    /// Puts an item under the condition of `put`; otherwise as [`Table::put_if_absent`].
    pub(super) async fn put_conditionally(
        &self,
        put: PutItemFluentBuilder,
        item: Item,
        mark: &str,
        operation: &str,
    ) -> Result<bool, StoreError> {
        let ours = item.get(mark).cloned();
        let result = put
            .table_name(&self.name)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let theirs = failed.item().and_then(|item| item.get(mark));
                Ok(ours.is_some() && theirs == ours.as_ref())
            }
            _ => Err(StoreError::unavailable(operation, &error)),
        }
    }

    /// Sets one attribute of an item that is there; doing it twice does it once. `false` if there is no item.
    pub(super) async fn set_if_present(
        &self,
        key: Item,
        name: &str,
        value: AttributeValue,
    ) -> Result<bool, StoreError> {
        self.set_where(key, name, value, "attribute_exists(pk)").await
    }

    /// As [`Table::set_if_present`], where the attribute itself has to be there.
    pub(super) async fn replace_attribute(
        &self,
        key: Item,
        name: &str,
        value: AttributeValue,
    ) -> Result<bool, StoreError> {
        self.set_where(key, name, value, "attribute_exists(#name)").await
    }

    async fn set_where(
        &self,
        key: Item,
        name: &str,
        value: AttributeValue,
        condition: &str,
    ) -> Result<bool, StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key))
            .condition_expression(condition)
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::unavailable(&format!("UpdateItem {name}"), &error)),
        }
    }
}

/// Marks the writes of one invocation as its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteId(String);

impl WriteId {
    pub fn new(random: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether this write wrote the item: its response was lost, and it was repeated.
pub(super) fn is_own(item: Option<&Item>, write: &WriteId) -> bool {
    item.and_then(|item| item.get(WRITE_ID)) == Some(&AttributeValue::S(write.as_str().to_owned()))
}

/// The table could not be read or written. The text is for the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused: worth another try later.
    #[error("table unavailable: {0}")]
    Unavailable(String),
    /// An item is not what this code writes.
    #[error("table corrupt: {0}")]
    Corrupt(String),
}

impl StoreError {
    pub(super) fn unavailable<E: ProvideErrorMetadata, R>(operation: &str, error: &SdkError<E, R>) -> Self {
        Self::Unavailable(aws::failure(operation, error))
    }

    /// A request to DynamoDB that this code did not build completely.
    pub(super) fn incomplete(error: BuildError) -> Self {
        Self::Unavailable(error.to_string())
    }

    /// What the log says of it.
    pub fn detail(&self) -> String {
        self.to_string()
    }
}
