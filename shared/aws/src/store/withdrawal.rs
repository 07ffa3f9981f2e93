//! Withdrawing a request: nobody could be told of it, so nothing of it is left.

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

/// How many times a withdrawal that meets another transaction is attempted.
const TRIES: usize = 4;

/// What became of a withdrawal.
#[derive(Debug, PartialEq, Eq)]
pub enum Withdrawn {
    Done,
    /// The person decided meanwhile: the request stands.
    Decided,
}

impl Table {
    /// Deletes a request about which nobody could be told, with what was kept for its client, unless it was decided meanwhile.
    /// Evidence stays: what was signed was asked.
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

    /// The same, with the items beside it: nothing is left of a request that is gone.
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
            // It met another transaction: a decision, perhaps.
        }
        Err(StoreError::Unavailable("WithdrawRequest: another transaction at each try".to_owned()))
    }
}

/// What a withdrawal means that found the request no longer pending.
fn withdrawn(found: Option<&Item>) -> Result<Withdrawn, StoreError> {
    // What is absent was deleted by the attempt whose response was lost; what was superseded is as good as withdrawn.
    Ok(match found.map(decode).transpose()?.map(|request| request.state) {
        None | Some(State::Cancelled { .. }) => Withdrawn::Done,
        Some(State::Pending | State::Approved(_) | State::Denied { .. } | State::Redeemed(_)) => {
            Withdrawn::Decided
        }
    })
}
