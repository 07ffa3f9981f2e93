//! Authentication requests, later grants (`request#<RequestKey>` / `request`).
//!
//! The state machine defines the transitions; each method here performs one as a conditional write.

use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::store::attribute::{
    CANCELLED_BY, DECIDE_UNTIL, DECIDED_AT, EXPIRES_AT, PARTITION_KEY, PENDING_FOR, PERSON, STATE, WRITE_ID,
};
use crate::store::item::{Item, key, text, time};
use crate::store::table::is_own;
use crate::store::{DescribedPerson, EvidenceWrite, StoreError, Table, WriteId, person};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::details::authorization_details::RequestDetail;
use ciba_core::domain::person::asks::Asks;
use ciba_core::domain::person::passkey::Passkey;
use ciba_core::domain::request::authentication_request::{
    AuthenticationRequest, CancelledBy, State, StateName,
};
use ciba_core::verify::webauthn::Asserted;

mod encoding;
mod operating;
mod polling;
mod refreshing;
mod taking_back;

pub use encoding::PendingRequest;
pub(super) use encoding::decode;
use encoding::encode;
pub use operating::{Cancelled, PendingList};
pub use polling::{Polled, Redeemed, SlowedDown};
pub(super) use polling::{Written, written};
pub use refreshing::{RefreshUse, Refreshed, Revoked};

pub(super) const SK: &str = "request";
/// The index of requests that await a person's decision. It contains pending requests only: every transition out of
/// that state removes `pending_for`.
pub(super) const PENDING_INDEX: &str = "pending-by-user";
/// The update that cancels a pending request, whether by an operator, its client or a newer request.
fn cancel() -> String {
    format!(
        "SET #state = :cancelled, {DECIDED_AT} = :now, {CANCELLED_BY} = :by, {WRITE_ID} = :write \
         REMOVE {PENDING_FOR}"
    )
}

/// The most pending requests that are read. It is more than a person can have, because the number of requests per
/// person is limited.
const MOST_PENDING: i32 = 20;

pub(super) fn pk(request: &RequestKey) -> String {
    format!("request#{}", request.encode())
}

pub(super) fn request_key(request: &RequestKey) -> Item {
    key(pk(request), SK)
}

/// The parts of a new request that are stored in separate items.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// The sealed notification token of a ping or push client.
    pub notification_token: Option<&'a [u8]>,
    /// The evidence of a signed request.
    pub evidence: Option<&'a EvidenceWrite>,
    /// Authorization details and the request context, if the request has any.
    pub detail: &'a RequestDetail,
    /// The person, if the resolver described them for this request.
    pub person: Option<DescribedPerson<'a>>,
}

/// The result of an insertion.
#[derive(Debug, PartialEq, Eq)]
pub enum Inserted {
    Done,
    /// The person's asks, evidence or description changed at the same moment. The caller has to read them again.
    AsksChanged,
    /// The request to be superseded is no longer pending.
    NothingToSupersede,
    /// The `sub` or a push endpoint of the described person is somebody else's.
    NameTaken,
}

/// Everything that a decision writes, in one transaction.
pub struct DecisionWrite<'a> {
    pub request: &'a AuthenticationRequest,
    /// `None` for a report about a request that is no longer open, and for a denial that is taken back: neither
    /// changes the request itself.
    pub next: Option<&'a State>,
    pub at: Timestamp,
    pub evidence: &'a EvidenceWrite,
    /// The person's new asks.
    pub asks: Option<&'a Asks>,
    pub passkey: Option<(&'a Passkey, &'a Asserted)>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Decided {
    Done,
    /// Something that the decision depends on was changed after it was read.
    Changed,
}

impl Table {
    /// Puts a pending request, counts it among the person's asks, cancels the request it supersedes, and stores
    /// the items that belong to it, in one transaction.
    pub async fn insert_request(
        &self,
        request: &AuthenticationRequest,
        asks: &Asks,
        supersedes: Option<&RequestKey>,
        beside: Beside<'_>,
        write: &WriteId,
    ) -> Result<Inserted, StoreError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(encode(request, write)))
            .condition_expression(format!("attribute_not_exists({PARTITION_KEY})"))
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
                .update_expression(cancel())
                .condition_expression("#state = :pending")
                .expression_attribute_names("#state", STATE)
                .expression_attribute_values(":cancelled", text(StateName::Cancelled.as_str()))
                .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
                .expression_attribute_values(":now", time(request.lifetime.created_at))
                .expression_attribute_values(":by", text(CancelledBy::Superseded.as_str()))
                .expression_attribute_values(":write", text(write.as_str()))
                .build()
                .map_err(StoreError::incomplete)?;
            writes.push(TransactWriteItem::builder().update(cancel).build());
        }
        if let Some(token) = beside.notification_token {
            let put = self.put_delivery(request, token, write)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        if let Some(evidence) = beside.evidence {
            writes.extend(self.put_evidence(&request.key, &request.person, evidence, write)?);
        }
        if request.has_detail {
            let put = self.put_detail(request, beside.detail, write)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        let own = writes.len();
        if let Some(described) = beside.person {
            writes.extend(self.put_described(described)?);
        }
        let Some(reasons) = self.transact("InsertRequest", writes).await? else { return Ok(Inserted::Done) };
        let failed = |n: usize| reasons.get(n).and_then(CancellationReason::code).unwrap_or("None") != "None";
        // The new key is random: if it exists, our own transaction put it and the response was lost.
        if reasons.first().is_some_and(|put| is_own(put.item(), write)) {
            return Ok(Inserted::Done);
        }
        if failed(0) || failed(1) {
            return Ok(Inserted::AsksChanged);
        }
        let is_refused = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        if reasons.get(own).is_some_and(is_refused) {
            return Ok(Inserted::AsksChanged);
        }
        if reasons.iter().skip(own).any(is_refused) {
            return Ok(Inserted::NameTaken);
        }
        // A conflict with a simultaneous decision is handled like a failed condition: the caller reads again.
        Ok(match supersedes.and(reasons.get(2)).and_then(CancellationReason::code) {
            Some("ConditionalCheckFailed") => Inserted::NothingToSupersede,
            Some(_) | None => Inserted::AsksChanged,
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

    /// The requests that await this person's decision at `now`, soonest to expire first. The index is eventually
    /// consistent and may contain requests that were decided a moment ago.
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
            .key_condition_expression(format!("{PENDING_FOR} = :person AND {EXPIRES_AT} > :now"))
            .expression_attribute_values(":person", text(person::pk(person)))
            .expression_attribute_values(":now", time(now))
            .limit(MOST_PENDING)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("Query pending", &error))?;
        answer.items().iter().map(encoding::decode_pending).collect()
    }

    /// Records a decision with its evidence, the person's new asks and the use of their passkey, if the request
    /// is pending, unexpired and this person's, and asks and passkey are unchanged. The conditions are part of
    /// the write, so the first decision wins, and a late one has no effect.
    pub async fn decide_request(
        &self,
        decision: &DecisionWrite<'_>,
        write: &WriteId,
    ) -> Result<Decided, StoreError> {
        let mut writes = Vec::with_capacity(6);
        if let Some(next) = decision.next {
            let update = match next {
                State::Pending | State::Approved(_) | State::Denied { .. } => {
                    self.update_decided(decision, next, write)?
                }
                State::Cancelled { .. } => self.cancel_approved(decision.request, decision.at, write)?,
                State::Redeemed(_) => self.revoke_redeemed(decision.request, decision.at, write)?,
            };
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        let request = decision.request;
        writes.extend(self.put_evidence(&request.key, &request.person, decision.evidence, write)?);
        if let Some(asks) = decision.asks {
            let update = self.update_asks(&decision.request.person, asks, write)?;
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        if let Some((passkey, asserted)) = decision.passkey {
            let update = self.use_passkey(passkey, asserted, decision.at)?;
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        let Some(reasons) = self.transact("DecideRequest", writes).await? else { return Ok(Decided::Done) };
        // A retry of a successful attempt finds its own `write_id`. A conflict (with a poll, for example) returns
        // no item, and the caller reads again.
        let is_ours = reasons.iter().any(|reason| is_own(reason.item(), write));
        Ok(if is_ours { Decided::Done } else { Decided::Changed })
    }

    fn update_decided(
        &self,
        decision: &DecisionWrite<'_>,
        next: &State,
        write: &WriteId,
    ) -> Result<Update, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(request_key(&decision.request.key)))
            .condition_expression(format!(
                "#state = :pending AND {PERSON} = :person AND {DECIDE_UNTIL} > :now"
            ))
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":state", text(next.name().as_str()))
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":person", text(decision.request.person.as_str()))
            .expression_attribute_values(":now", time(decision.at))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut set = format!("SET #state = :state, {DECIDED_AT} = :now, {WRITE_ID} = :write");
        if let State::Approved(approval) = next {
            for (name, value) in encoding::approval_attributes(approval) {
                set.push_str(&format!(", {name} = :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), value);
            }
        }
        update
            .update_expression(format!("{set} REMOVE {PENDING_FOR}"))
            .build()
            .map_err(StoreError::incomplete)
    }
}

/// The item that a failed condition returns.
fn handed_back(item: Option<&Item>) -> Result<Option<Box<AuthenticationRequest>>, StoreError> {
    item.map(|item| decode(item).map(Box::new)).transpose()
}
