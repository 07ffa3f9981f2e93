//! Transactions: several writes that happen together or not at all.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use crate::store::{StoreError, Table};

impl Table {
    /// Runs a transaction. `None` if it succeeded, otherwise a cancellation reason for each part.
    pub(super) async fn transact(
        &self,
        operation: &str,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<CancellationReason>>, StoreError> {
        // The SDK makes one client token per call and keeps it across retries, so a retry within ten minutes gets
        // the same result as the first attempt.
        let result = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        match result {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    Ok(Some(cancelled.cancellation_reasons().to_vec()))
                }
                _ => Err(StoreError::unavailable(operation, &error)),
            },
        }
    }
}
