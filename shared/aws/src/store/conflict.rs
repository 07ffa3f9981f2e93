//! Retries single-item writes that conflict with a transaction.

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

/// Makes the SDK retry a write that DynamoDB refused because a transaction was in progress on its item. By
/// default the SDK treats that as final, but the transaction ends within moments, and a refused write had no
/// effect.
///
/// A transaction that conflicts with another one is not retried here, because the items it depends on have to be
/// read again.
#[derive(Debug)]
pub(super) struct RepeatConflicts;

impl ClassifyRetry for RepeatConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let conflict = error.as_operation_error().is_some_and(|error| {
            matches!(error.downcast_ref(), Some(UpdateItemError::TransactionConflictException(_)))
                || matches!(error.downcast_ref(), Some(DeleteItemError::TransactionConflictException(_)))
                || matches!(error.downcast_ref(), Some(PutItemError::TransactionConflictException(_)))
        });
        // Treated like throttling, with the same pauses and the same retry quota of the SDK.
        if conflict { RetryAction::throttling_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "transaction conflicts"
    }
}
