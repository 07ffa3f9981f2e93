//! Access to the table, and its errors.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::aws::{self, Aws};
use crate::store::as_read::Unchanged;
use crate::store::attribute::{PARTITION_KEY, WRITE_ID};
use crate::store::conflict::RepeatConflicts;
use crate::store::item::Item;

/// Timeout for one attempt. A healthy call takes milliseconds.
const ATTEMPT: Duration = Duration::from_secs(1);
/// Timeout for a call including its retries.
const CALL: Duration = Duration::from_secs(3);

/// The DynamoDB table.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

impl Table {
    /// # Panics
    /// If `aws` was configured without a table.
    pub fn connect(aws: &Aws) -> Self {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&aws.sdk)
            .timeout_config(aws::timeouts(ATTEMPT, CALL))
            .retry_classifier(RepeatConflicts);
        config.set_endpoint_url(aws.dynamodb_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            name: aws.table.clone().expect("TABLE_NAME is set"),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part of a transaction that puts an item that must not exist yet.
    pub(super) fn put_new(&self, item: Item) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PARTITION_KEY})"))
            .build()
            .map_err(StoreError::incomplete)
    }

    /// Puts an item if no item has its key. `false` if there is one already, unless the value of its attribute
    /// `mark`, which is unique to this write, is ours. In that case our own write succeeded and its response was
    /// lost.
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

    /// Like [`Table::put_if_absent`], with the condition of `put`.
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

    /// A put on the condition that its item has not changed.
    pub(super) fn put_unchanged(&self, unchanged: Unchanged) -> PutItemFluentBuilder {
        let Unchanged { expression, names, values } = unchanged;
        // DynamoDB refuses an empty set of values.
        let values = (!values.is_empty()).then_some(values);
        self.client
            .put_item()
            .condition_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(values)
    }

    /// Sets one attribute of an existing item. Idempotent. `false` if there is no item.
    pub(super) async fn set_if_present(
        &self,
        key: Item,
        name: &str,
        value: AttributeValue,
    ) -> Result<bool, StoreError> {
        self.set_where(key, name, value, &format!("attribute_exists({PARTITION_KEY})")).await
    }

    /// Like [`Table::set_if_present`], but the attribute must exist as well.
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

/// Identifies the writes of one invocation.
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

/// Whether this write produced the item. That is so if it was retried after its response was lost.
pub(super) fn is_own(item: Option<&Item>, write: &WriteId) -> bool {
    item.and_then(|item| item.get(WRITE_ID)) == Some(&AttributeValue::S(write.as_str().to_owned()))
}

/// The table could not be read or written. The text is for the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused the call. A later attempt may succeed.
    #[error("table unavailable: {0}")]
    Unavailable(String),
    /// An item does not have the form that this code writes.
    #[error("table corrupt: {0}")]
    Corrupt(String),
}

impl StoreError {
    pub(super) fn unavailable<E: ProvideErrorMetadata, R>(operation: &str, error: &SdkError<E, R>) -> Self {
        Self::Unavailable(aws::failure(operation, error))
    }

    /// The error for a request to DynamoDB that this code built incompletely.
    pub(super) fn incomplete(error: BuildError) -> Self {
        Self::Unavailable(error.to_string())
    }

    /// The text for the log.
    pub fn detail(&self) -> String {
        self.to_string()
    }
}
