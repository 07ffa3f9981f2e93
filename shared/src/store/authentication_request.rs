//! Authentication requests, later grants (`request#<RequestKey>` / `request`).
//!
//! The state machine says what may follow what; each method here makes one such step a conditional write.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};

use crate::domain::asks::Asks;
use crate::domain::authentication_request::{
    AuthenticationRequest, CancelledBy, Grant, Polling, State, StateName,
};
use crate::domain::client::{Client, ClientId};
use crate::domain::decision::Approval;
use crate::domain::lifetime::POLL_TOLERANCE;
use crate::domain::person::{Person, PersonKey};
use crate::domain::request_key::RequestKey;
use crate::domain::time::{Timestamp, millis};
use crate::store::batch::with_sk;
use crate::store::evidence::DecisionEvidence;
use crate::store::item::{Item, Reader, key, number, text, time, ttl};
use crate::store::{StoreError, Table, WriteId, client, person};

mod encoding;

pub use encoding::PendingRequest;
pub(super) use encoding::decode;
use encoding::encode;

pub(super) const SK: &str = "request";
/// Lists what a person has to decide. Only pending requests are in it: every exit removes `pending_for`.
const PENDING_INDEX: &str = "pending-by-user";
/// More than one person can have at once: the limits of asking see to that.
const MOST_PENDING: i32 = 20;

pub(super) fn pk(request: &RequestKey) -> String {
    format!("request#{}", request.encode())
}

pub(super) fn request_key(request: &RequestKey) -> Item {
    key(pk(request), SK)
}

/// What became of an insertion.
#[derive(Debug, PartialEq, Eq)]
pub enum Inserted {
    Done,
    /// Somebody asked the same person at the same moment: read their asks again.
    AsksChanged,
    /// The request to be superseded is no longer pending: nothing is left to supersede.
    NothingToSupersede,
}

/// What became of a withdrawal.
#[derive(Debug, PartialEq, Eq)]
pub enum Withdrawn {
    Done,
    /// The person decided meanwhile: the request stands.
    Decided,
}

/// What a poll's one write found.
#[derive(Debug)]
pub enum Polled {
    /// Pending and in time; the next poll is due then.
    Pending { next_poll_at: Timestamp },
    /// The item as it is; the state machine says why.
    Otherwise(Option<Box<AuthenticationRequest>>),
}

#[derive(Debug)]
pub enum SlowedDown {
    Done,
    /// It changed since it was read.
    Changed(Option<Box<AuthenticationRequest>>),
}

#[derive(Debug)]
pub enum Decided {
    Done,
    Changed(Option<Box<AuthenticationRequest>>),
}

#[derive(Debug)]
pub enum Redeemed {
    /// This invocation redeemed it, and nobody else ever will.
    Won,
    Lost(Option<Box<AuthenticationRequest>>),
}

impl Table {
    /// Puts a pending request, counts it among the person's asks, and cancels the one it supersedes: one transaction.
    pub async fn insert_request(
        &self,
        request: &AuthenticationRequest,
        asks: &Asks,
        supersedes: Option<&RequestKey>,
        write: &WriteId,
    ) -> Result<Inserted, StoreError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(encode(request, write)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::incomplete)?;
        let mut writes = vec![
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(self.update_asks(&request.person, asks, write)?).build(),
        ];
        if let Some(older) = supersedes {
            let cancel = Update::builder()
                .table_name(&self.name)
                .set_key(Some(request_key(older)))
                .update_expression(
                    "SET #state = :cancelled, decided_at = :now, cancelled_by = :by, write_id = :write \
                     REMOVE pending_for",
                )
                .condition_expression("#state = :pending")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":cancelled", text(StateName::Cancelled.as_str()))
                .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
                .expression_attribute_values(":now", time(request.lifetime.created_at))
                .expression_attribute_values(":by", text(CancelledBy::Superseded.as_str()))
                .expression_attribute_values(":write", text(write.as_str()))
                .build()
                .map_err(StoreError::incomplete)?;
            writes.push(TransactWriteItem::builder().update(cancel).build());
        }
        let Some(reasons) = self.transact("InsertRequest", writes).await? else { return Ok(Inserted::Done) };
        let failed = |n: usize| reasons.get(n).and_then(CancellationReason::code).unwrap_or("None") != "None";
        // The new key is ours alone: if it exists, our own transaction put it and its response was lost.
        if reasons.first().is_some_and(|put| is_own(put.item(), write)) {
            return Ok(Inserted::Done);
        }
        if failed(0) || failed(1) {
            return Ok(Inserted::AsksChanged);
        }
        // A conflict with a simultaneous decision resolves itself like a condition that failed: read again.
        Ok(match reasons.get(2).and_then(CancellationReason::code) {
            Some("ConditionalCheckFailed") => Inserted::NothingToSupersede,
            Some(_) | None => Inserted::AsksChanged,
        })
    }

    /// Deletes a request about which nobody could be told, unless it was decided meanwhile.
    pub async fn withdraw_request(&self, request: &RequestKey) -> Result<Withdrawn, StoreError> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(request_key(request)))
            .condition_expression("#state = :pending")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match result {
            Ok(_) => return Ok(Withdrawn::Done),
            Err(error) => error,
        };
        let Some(DeleteItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(StoreError::unavailable("DeleteItem request", &error));
        };
        // What is absent was deleted by the attempt whose response was lost; what was superseded is as good
        // as withdrawn.
        Ok(match failed.item().map(decode).transpose()?.map(|request| request.state) {
            None | Some(State::Cancelled { .. }) => Withdrawn::Done,
            Some(State::Pending | State::Approved(_) | State::Denied { .. } | State::Redeemed(_)) => {
                Withdrawn::Decided
            }
        })
    }

    pub async fn find_request(
        &self,
        request: &RequestKey,
    ) -> Result<Option<AuthenticationRequest>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(request_key(request)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem request", &error))?;
        answer.item.as_ref().map(decode).transpose()
    }

    /// Everything a decision rests on, in one read (`ATK-8-04`).
    pub async fn find_for_decision(
        &self,
        request: &RequestKey,
        person: &PersonKey,
        client: &ClientId,
    ) -> Result<(Option<AuthenticationRequest>, Option<Person>, Option<Client>), StoreError> {
        let keys =
            vec![request_key(request), key(person::pk(person), person::SK), client::client_key(client)];
        let items = self.batch_get(keys).await?;
        Ok((
            with_sk(&items, SK).map(decode).transpose()?,
            with_sk(&items, person::SK).map(person::decode).transpose()?,
            with_sk(&items, client::SK).map(client::decode).transpose()?,
        ))
    }

    /// What waits for this person at `now`, what ends first first. The index is eventually consistent, and
    /// may still have what has expired.
    pub async fn list_pending(
        &self,
        person: &PersonKey,
        now: Timestamp,
    ) -> Result<Vec<PendingRequest>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(PENDING_INDEX)
            .key_condition_expression("pending_for = :person AND expires_at > :now")
            .expression_attribute_values(":person", text(person::pk(person)))
            .expression_attribute_values(":now", time(now))
            .limit(MOST_PENDING)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("Query pending", &error))?;
        answer.items().iter().map(encoding::decode_pending).collect()
    }

    /// The common case of polling, in one call: moves the next poll if this client's request is pending,
    /// unexpired and due; else hands back the item (`ATK-4-03`).
    pub async fn poll_request(
        &self,
        request: &RequestKey,
        client: &ClientId,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Polled, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression("SET next_poll_at = :now + #interval, write_id = :write")
            .condition_expression(
                "client_id = :client AND #state = :pending AND expires_at > :now AND next_poll_at <= :due",
            )
            .expression_attribute_names("#interval", "interval")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":client", text(client.as_str()))
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":due", time(now.plus(POLL_TOLERANCE)))
            .return_values(ReturnValue::UpdatedNew);
        match written(update, "UpdateItem poll", write).await? {
            Written::Done(item) => Ok(Polled::Pending { next_poll_at: Reader(&item).time("next_poll_at")? }),
            Written::Refused(item) => Ok(Polled::Otherwise(handed_back(item.as_ref())?)),
        }
    }

    /// Lengthens the interval, if still pending and the next poll is as `seen`: parallel early polls grow it once.
    pub async fn slow_down_request(
        &self,
        request: &RequestKey,
        seen: Polling,
        next: Polling,
        write: &WriteId,
    ) -> Result<SlowedDown, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression("SET next_poll_at = :next, #interval = :interval, write_id = :write")
            .condition_expression("#state = :pending AND next_poll_at = :seen")
            .expression_attribute_names("#interval", "interval")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":next", time(next.next_poll_at))
            .expression_attribute_values(":interval", number(millis(next.interval)))
            .expression_attribute_values(":seen", time(seen.next_poll_at));
        Ok(match written(update, "UpdateItem slow down", write).await? {
            Written::Done(_) => SlowedDown::Done,
            Written::Refused(item) => SlowedDown::Changed(handed_back(item.as_ref())?),
        })
    }

    /// Records a decision and its evidence, if the request is pending, open, and this person's (`ATK-4-07`, `ATK-4-08`).
    pub async fn decide_request(
        &self,
        next: &State,
        evidence: &DecisionEvidence<'_>,
        write: &WriteId,
    ) -> Result<Decided, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(request_key(evidence.request)))
            .condition_expression("#state = :pending AND person = :person AND decide_until > :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(next.name().as_str()))
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":person", text(evidence.person.as_str()))
            .expression_attribute_values(":now", time(evidence.at))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut set = "SET #state = :state, decided_at = :now, write_id = :write".to_owned();
        if let State::Approved(approval) = next {
            for (name, value) in encoding::approval_attributes(approval) {
                set.push_str(&format!(", {name} = :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), value);
            }
        }
        let update = update
            .update_expression(format!("{set} REMOVE pending_for"))
            .build()
            .map_err(StoreError::incomplete)?;
        let writes = vec![
            TransactWriteItem::builder().update(update).build(),
            TransactWriteItem::builder().put(evidence.put(self, write)?).build(),
        ];
        let Some(reasons) = self.transact("DecideRequest", writes).await? else { return Ok(Decided::Done) };
        let Some(reason) = reasons.first() else { return Ok(Decided::Changed(None)) };
        if is_own(reason.item(), write) {
            return Ok(Decided::Done);
        }
        // A conflict (with a poll, say) hands back no item: the caller reads it again.
        Ok(Decided::Changed(handed_back(reason.item())?))
    }

    /// Redeems an approved request, once (`ATK-4-04`). What only the person's side needed is removed.
    pub async fn redeem_request(
        &self,
        request: &RequestKey,
        client: &ClientId,
        grant: &Grant,
        expires_at: Timestamp,
        write: &WriteId,
    ) -> Result<Redeemed, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression(
                "SET #state = :redeemed, redeemed_at = :now, grant_ends_at = :ends, #ttl = :ttl, write_id = :write \
                 REMOVE binding_message, acr_values",
            )
            .condition_expression("#state = :approved AND client_id = :client AND expires_at > :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":redeemed", text(StateName::Redeemed.as_str()))
            .expression_attribute_values(":approved", text(StateName::Approved.as_str()))
            .expression_attribute_values(":client", text(client.as_str()))
            .expression_attribute_values(":now", time(grant.redeemed_at))
            .expression_attribute_values(":ends", time(grant.ends_at))
            .expression_attribute_values(":ttl", ttl(expires_at.max(grant.ends_at)));
        Ok(match written(update, "UpdateItem redeem", write).await? {
            Written::Done(_) => Redeemed::Won,
            Written::Refused(item) => Redeemed::Lost(handed_back(item.as_ref())?),
        })
    }

    fn update_request(&self, request: &RequestKey, write: &WriteId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(request_key(request)))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

enum Written {
    Done(Item),
    Refused(Option<Item>),
}

/// Sends a conditional update. A refusal by an item that carries our own `write_id` is our own success; a
/// conflict with a transaction under way is over in a moment.
async fn written(
    update: UpdateItemFluentBuilder,
    operation: &str,
    write: &WriteId,
) -> Result<Written, StoreError> {
    for last in [false, false, true] {
        let error = match update.clone().send().await {
            Ok(output) => return Ok(Written::Done(output.attributes.unwrap_or_default())),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                return Ok(match failed.item() {
                    Some(item) if is_own(Some(item), write) => Written::Done(item.clone()),
                    other => Written::Refused(other.cloned()),
                });
            }
            Some(UpdateItemError::TransactionConflictException(_)) if !last => {}
            _ => return Err(StoreError::unavailable(operation, &error)),
        }
    }
    Err(StoreError::Unavailable(format!("{operation}: in conflict with transactions")))
}

/// The item that a failed condition hands back.
fn handed_back(item: Option<&Item>) -> Result<Option<Box<AuthenticationRequest>>, StoreError> {
    item.map(|item| decode(item).map(Box::new)).transpose()
}

fn is_own(item: Option<&Item>, write: &WriteId) -> bool {
    item.and_then(|item| item.get("write_id")) == Some(&AttributeValue::S(write.as_str().to_owned()))
}
