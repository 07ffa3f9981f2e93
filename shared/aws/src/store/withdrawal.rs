//! Withdraws a request about which the person could not be notified, and deletes its items.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use crate::store::attribute::STATE;
use crate::store::authentication_request::{decode, request_key};
use crate::store::delivery::delivery_key;
use crate::store::item::{Item, text};
use crate::store::request_detail::detail_key;
use crate::store::{StoreError, Table};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::client::DeliveryMode;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, State, StateName};

/// The most attempts of a withdrawal that conflicts with other transactions.
const TRIES: usize = 4;

/// The result of a withdrawal.
#[derive(Debug, PartialEq, Eq)]
pub enum Withdrawn {
    Done,
    /// The person decided in the meantime, so the request remains.
    Decided,
}

impl Table {
    /// Deletes a request about which the person could not be notified, and the items stored with it, unless it
    /// was decided in the meantime. Evidence of a signed request is kept, because the request was made.
    pub async fn withdraw_request(&self, request: &AuthenticationRequest) -> Result<Withdrawn, StoreError> {
        let mut beside = Vec::new();
        if request.mode != DeliveryMode::Poll {
            beside.push(delivery_key(&request.key));
        }
        if request.has_detail {
            beside.push(detail_key(&request.key));
        }
        if beside.is_empty() {
            self.delete_pending(&request.key).await
        } else {
            self.delete_pending_with(&request.key, &beside).await
        }
    }

    async fn delete_pending(&self, request: &RequestKey) -> Result<Withdrawn, StoreError> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(request_key(request)))
            .condition_expression("#state = :pending")
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match result {
            Ok(_) => return Ok(Withdrawn::Done),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(failed)) => withdrawn(failed.item()),
            Some(_) | None => Err(StoreError::unavailable("DeleteItem request", &error)),
        }
    }

    /// Like `delete_pending`, in a transaction that also deletes the items stored with the request.
    async fn delete_pending_with(
        &self,
        request: &RequestKey,
        beside: &[Item],
    ) -> Result<Withdrawn, StoreError> {
        for _ in 0..TRIES {
            let pending = Delete::builder()
                .table_name(&self.name)
                .set_key(Some(request_key(request)))
                .condition_expression("#state = :pending")
                .expression_attribute_names("#state", STATE)
                .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let others =
                beside.iter().map(|key| Delete::builder().table_name(&self.name).set_key(Some(key.clone())));
            let mut writes = Vec::new();
            for delete in [pending].into_iter().chain(others) {
                let delete = delete.build().map_err(StoreError::incomplete)?;
                writes.push(TransactWriteItem::builder().delete(delete).build());
            }
            let Some(reasons) = self.transact("WithdrawRequest", writes).await? else {
                return Ok(Withdrawn::Done);
            };
            let first = reasons.first().filter(|reason| reason.code() == Some("ConditionalCheckFailed"));
            if let Some(reason) = first {
                return withdrawn(reason.item());
            }
            // The transaction conflicted with another one, possibly a decision, and is attempted again.
        }
        Err(StoreError::Unavailable("WithdrawRequest: conflicting transactions at each attempt".to_owned()))
    }
}

/// The result of a withdrawal whose request was no longer pending.
fn withdrawn(found: Option<&Item>) -> Result<Withdrawn, StoreError> {
    // A missing request was deleted by an attempt whose response was lost; a cancelled one does not have to be
    // withdrawn any more.
    Ok(match found.map(decode).transpose()?.map(|request| request.state) {
        None | Some(State::Cancelled { .. }) => Withdrawn::Done,
        Some(State::Pending | State::Approved(_) | State::Denied { .. } | State::Redeemed(_)) => {
            Withdrawn::Decided
        }
    })
}
