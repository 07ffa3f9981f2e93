//! Authentication requests, later grants (`request#<RequestKey>` / `request`).
//!
//! The state machine says what may follow what; each method here makes one such step a conditional write.

use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::store::attribute::{DECIDE_UNTIL, EXPIRES_AT, PARTITION_KEY, PENDING_FOR, PERSON, STATE};
use crate::store::item::{Item, key, text, time};
use crate::store::table::is_own;
use crate::store::{EvidenceWrite, StoreError, Table, WriteId, person};
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

pub use encoding::PendingRequest;
pub(super) use encoding::decode;
use encoding::encode;
pub use operating::{Cancelled, PendingList};
pub use polling::{Polled, Redeemed, SlowedDown};
pub(super) use polling::{Written, written};
pub use refreshing::{RefreshUse, Refreshed, Revoked};

pub(super) const SK: &str = "request";
/// Lists what a person has to decide. Only pending requests are in it: every exit removes `pending_for`.
pub(super) const PENDING_INDEX: &str = "pending-by-user";
/// What cancelling does to a pending request, whoever cancels it.
const CANCEL: &str = "SET #state = :cancelled, decided_at = :now, cancelled_by = :by, write_id = :write \
                      REMOVE pending_for";
/// More than one person can have at once: the limits of asking see to that.
const MOST_PENDING: i32 = 20;

pub(super) fn pk(request: &RequestKey) -> String {
    format!("request#{}", request.encode())
}

pub(super) fn request_key(request: &RequestKey) -> Item {
    key(pk(request), SK)
}

/// What is put beside a new request, in items of its own.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// Sealed, of a ping or push client.
    pub notification_token: Option<&'a [u8]>,
    /// What the client signed.
    pub evidence: Option<&'a EvidenceWrite>,
    /// Authorization details and the client's words about the circumstances, of a request that has some.
    pub detail: &'a RequestDetail,
}

/// What became of an insertion.
#[derive(Debug, PartialEq, Eq)]
pub enum Inserted {
    Done,
    /// Somebody asked the same person at the same moment, or something else was kept of them: read their asks again.
    AsksChanged,
    /// The request to be superseded is no longer pending: nothing is left to supersede.
    NothingToSupersede,
}

/// What is written of a decision, all of it or nothing.
pub struct DecisionWrite<'a> {
    pub request: &'a AuthenticationRequest,
    /// `None`: a report about what is not open any more changes nothing of the request itself.
    pub next: Option<&'a State>,
    pub at: Timestamp,
    pub evidence: &'a EvidenceWrite,
    /// What becomes of the person's asks.
    pub asks: Option<&'a Asks>,
    pub passkey: Option<(&'a Passkey, &'a Asserted)>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Decided {
    Done,
    /// Something is not as it was read.
    Changed,
}

impl Table {
    /// Puts a pending request, counts it among the person's asks, cancels the one it supersedes, and keeps what
    /// stands beside it: one transaction.
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
                .update_expression(CANCEL)
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
            .key_condition_expression(format!("{PENDING_FOR} = :person AND {EXPIRES_AT} > :now"))
            .expression_attribute_values(":person", text(person::pk(person)))
            .expression_attribute_values(":now", time(now))
            .limit(MOST_PENDING)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("Query pending", &error))?;
        answer.items().iter().map(encoding::decode_pending).collect()
    }

    /// Records a decision with its evidence, what becomes of the person's asks and the use of their passkey, if the
    /// request is pending, open, and this person's (`ATK-4-07`, `ATK-4-08`), and if asks and passkey are as they were read.
    pub async fn decide_request(
        &self,
        decision: &DecisionWrite<'_>,
        write: &WriteId,
    ) -> Result<Decided, StoreError> {
        let mut writes = Vec::with_capacity(6);
        if let Some(next) = decision.next {
            let update = self.update_decided(decision, next, write)?;
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
        // A repeat whose first attempt went through meets its own mark. A conflict (with a poll, say) hands back no item:
        // the caller reads again.
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
        let mut set = "SET #state = :state, decided_at = :now, write_id = :write".to_owned();
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

/// The item that a failed condition hands back.
fn handed_back(item: Option<&Item>) -> Result<Option<Box<AuthenticationRequest>>, StoreError> {
    item.map(|item| decode(item).map(Box::new)).transpose()
}
