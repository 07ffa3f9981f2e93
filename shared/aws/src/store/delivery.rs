//! The delivery of a notification to a ping or push client (`request#<RequestKey>` / `delivery`).
//!
//! The table holds the state of a delivery, and the queue is only a timer: an attempt begins with a write that
//! requires the state to be unchanged, so that only one of several messages about the same decision leads to an
//! attempt.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::store::attribute::{
    ATTEMPTS, CLIENT_ID, DECIDED_AT, DELIVERY_STATE, FAILURE, MODE, NEXT_ATTEMPT_AT, NOTIFICATION_TOKEN,
    PARTITION_KEY, PAYLOAD, REPLAY_UNTIL, REVOKED_AT, SETTLED_AT, STATE, TTL, WRITE_ID,
};
use crate::store::authentication_request::{self as requests, Written, written};
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, bytes, key, number, text, time, ttl};
use crate::store::scan::Position;
use crate::store::table::is_own;
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, StateName};
use ciba_core::domain::request::delivery::{Delivery, DeliveryState};
use ciba_core::domain::request::grant::Grant;

pub(super) const SK: &str = "delivery";

/// The state in the table that an attempt depends on.
#[derive(Debug)]
pub struct DeliveryBasis {
    pub request: AuthenticationRequest,
    pub delivery: Delivery,
}

/// The result of beginning an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Claimed {
    Done,
    /// The state changed after it was read: another message about the same decision was first.
    Changed,
}

pub(super) fn delivery_key(request: &RequestKey) -> Item {
    key(requests::pk(request), SK)
}

fn decode(item: &Item) -> Result<Delivery, StoreError> {
    let reader = Reader(item);
    let sealed = |name: &str| -> Result<_, StoreError> {
        item.contains_key(name).then(|| reader.bytes(name).map(<[u8]>::to_vec)).transpose()
    };
    Ok(Delivery {
        state: reader.parsed(DELIVERY_STATE, DeliveryState::parse)?,
        attempts: reader.unsigned(ATTEMPTS)?,
        next_attempt_at: reader.time(NEXT_ATTEMPT_AT)?,
        replay_until: reader.optional_time(REPLAY_UNTIL)?,
        notification_token: sealed(NOTIFICATION_TOKEN)?,
        payload: sealed(PAYLOAD)?,
    })
}

/// A delivery as shown to the operator.
#[derive(Debug)]
pub struct DeliveryReport {
    pub request: AuthenticationRequest,
    pub delivery: Delivery,
    /// The failure of the last failed attempt.
    pub failure: Option<String>,
}

/// The deliveries on one page of the table whose next attempt was due.
#[derive(Debug)]
pub struct OverdueDeliveries {
    pub requests: Vec<RequestKey>,
    /// How many items the page has, of every kind.
    pub evaluated: i32,
    /// Where the next page begins; `None` if this was the last one.
    pub next: Option<Position>,
}

/// The first attempt of a push.
#[derive(Clone, Copy)]
pub struct Mint<'a> {
    pub request: &'a AuthenticationRequest,
    pub grant: &'a Grant,
    pub seen: &'a Delivery,
    /// The body of the notification, sealed.
    pub payload: &'a [u8],
    /// The time until which no other attempt may begin.
    pub lease: Timestamp,
}

/// The last attempt of a delivery, which failed.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt<'a> {
    /// The attempt's number.
    pub attempts: u32,
    pub failure: &'a str,
    /// Whether to revoke the tokens of a push that could not be delivered.
    pub revoke: bool,
}

impl Table {
    /// The part of a new request's transaction that stores its delivery.
    pub(super) fn put_delivery(
        &self,
        request: &AuthenticationRequest,
        notification_token: &[u8],
        write: &WriteId,
    ) -> Result<Put, StoreError> {
        let mut item = delivery_key(&request.key);
        item.extend([
            (DELIVERY_STATE.to_owned(), text(DeliveryState::Waiting.as_str())),
            (CLIENT_ID.to_owned(), text(request.client.as_str())),
            (MODE.to_owned(), text(request.mode.as_str())),
            (ATTEMPTS.to_owned(), number(0)),
            (NEXT_ATTEMPT_AT.to_owned(), time(request.lifetime.created_at)),
            (NOTIFICATION_TOKEN.to_owned(), bytes(notification_token)),
            (TTL.to_owned(), ttl(request.lifetime.expires_at)),
            (WRITE_ID.to_owned(), text(write.as_str())),
        ]);
        self.put_new(item)
    }

    /// A request and its delivery, in one read. `None` if the request was withdrawn or deleted, or its client is
    /// not notified.
    pub async fn find_delivery(&self, request: &RequestKey) -> Result<Option<DeliveryBasis>, StoreError> {
        let items = self.delivery_items(request).await?;
        let found = with_sk(&items, requests::SK).zip(with_sk(&items, SK));
        found
            .map(|(request, delivery)| {
                Ok(DeliveryBasis { request: requests::decode(request)?, delivery: decode(delivery)? })
            })
            .transpose()
    }

    /// Like [`Table::find_delivery`], with the cause of a failure, for the operator.
    pub async fn report_delivery(&self, request: &RequestKey) -> Result<Option<DeliveryReport>, StoreError> {
        let items = self.delivery_items(request).await?;
        let found = with_sk(&items, requests::SK).zip(with_sk(&items, SK));
        found
            .map(|(request, delivery)| {
                Ok(DeliveryReport {
                    request: requests::decode(request)?,
                    failure: Reader(delivery).optional_text(FAILURE).map(str::to_owned),
                    delivery: decode(delivery)?,
                })
            })
            .transpose()
    }

    async fn delivery_items(&self, request: &RequestKey) -> Result<Vec<Item>, StoreError> {
        self.batch_get(vec![requests::request_key(request), delivery_key(request)]).await
    }

    /// Begins an attempt. No other attempt can begin before `lease`.
    pub async fn claim_delivery(
        &self,
        request: &RequestKey,
        seen: &Delivery,
        lease: Timestamp,
        write: &WriteId,
    ) -> Result<Claimed, StoreError> {
        let update = self
            .update_delivery(request, write)
            .update_expression(format!(
                "SET {ATTEMPTS} = :attempts, {NEXT_ATTEMPT_AT} = :lease, {WRITE_ID} = :write"
            ))
            .condition_expression(format!(
                "{DELIVERY_STATE} = :waiting AND {ATTEMPTS} = :seen AND {NEXT_ATTEMPT_AT} = :due"
            ))
            .expression_attribute_values(":waiting", text(DeliveryState::Waiting.as_str()))
            .expression_attribute_values(":seen", number(seen.attempts))
            .expression_attribute_values(":due", time(seen.next_attempt_at))
            .expression_attribute_values(":attempts", number(seen.attempts + 1))
            .expression_attribute_values(":lease", time(lease));
        Ok(match written(update, "UpdateItem claim", write).await? {
            Written::Done(_) => Claimed::Done,
            Written::Refused(_) => Claimed::Changed,
        })
    }

    /// Begins the first attempt of a push: redeems the request and stores the notification's body, or does
    /// neither. The tokens are issued once, and retries send the same body (CIBA §10.3).
    pub async fn mint_delivery(
        &self,
        Mint { request, grant, seen, payload, lease }: Mint<'_>,
        write: &WriteId,
    ) -> Result<Claimed, StoreError> {
        let redeem = self.redeem_in_transaction(request, grant, write)?;
        let keep = Update::builder()
            .table_name(&self.name)
            .set_key(Some(delivery_key(&request.key)))
            .update_expression(
                format!("SET {ATTEMPTS} = :attempts, {NEXT_ATTEMPT_AT} = :lease, {PAYLOAD} = :payload, #ttl = :ttl, {WRITE_ID} = :write"),
            )
            .condition_expression(format!("{DELIVERY_STATE} = :waiting AND {ATTEMPTS} = :seen AND {NEXT_ATTEMPT_AT} = :due"))
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":waiting", text(DeliveryState::Waiting.as_str()))
            .expression_attribute_values(":seen", number(seen.attempts))
            .expression_attribute_values(":due", time(seen.next_attempt_at))
            .expression_attribute_values(":attempts", number(seen.attempts + 1))
            .expression_attribute_values(":lease", time(lease))
            .expression_attribute_values(":payload", bytes(payload))
            .expression_attribute_values(":ttl", ttl(request.lifetime.expires_at))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::incomplete)?;
        let writes = [redeem, keep].map(|update| TransactWriteItem::builder().update(update).build());
        let Some(reasons) = self.transact("MintDelivery", writes.into()).await? else {
            return Ok(Claimed::Done);
        };
        let is_ours = reasons.iter().any(|reason| is_own(reason.item(), write));
        Ok(if is_ours { Claimed::Done } else { Claimed::Changed })
    }

    /// Records that the client was notified, or does not have to be. Its notification token and the stored body
    /// are deleted, so that neither can leak later. The time of the decision is kept, to show how long delivery
    /// took. A success is final, regardless of the result of another attempt.
    pub async fn settle_delivery(
        &self,
        request: &RequestKey,
        outcome: DeliveryState,
        decided_at: Option<Timestamp>,
        at: Timestamp,
        write: &WriteId,
    ) -> Result<(), StoreError> {
        let mut set = format!("SET {DELIVERY_STATE} = :outcome, {SETTLED_AT} = :at, {WRITE_ID} = :write");
        let mut update = self.update_delivery(request, write);
        if let Some(decided_at) = decided_at {
            set.push_str(&format!(", {DECIDED_AT} = :decided"));
            update = update.expression_attribute_values(":decided", time(decided_at));
        }
        let update = update
            .update_expression(format!("{set} REMOVE {NOTIFICATION_TOKEN}, {PAYLOAD}, {FAILURE}"))
            .condition_expression(format!("{DELIVERY_STATE} IN (:waiting, :failed)"))
            .expression_attribute_values(":outcome", text(outcome.as_str()))
            .expression_attribute_values(":waiting", text(DeliveryState::Waiting.as_str()))
            .expression_attribute_values(":failed", text(DeliveryState::Failed.as_str()))
            .expression_attribute_values(":at", time(at));
        written(update, "UpdateItem settle", write).await.map(drop)
    }

    /// Records that attempt number `attempts` failed, and when the next one is due. Has no effect if another
    /// attempt has begun in the meantime.
    pub async fn postpone_delivery(
        &self,
        request: &RequestKey,
        attempts: u32,
        failure: &str,
        next_attempt_at: Timestamp,
        write: &WriteId,
    ) -> Result<(), StoreError> {
        let update = self
            .update_delivery(request, write)
            .update_expression(format!(
                "SET {NEXT_ATTEMPT_AT} = :next, {FAILURE} = :failure, {WRITE_ID} = :write"
            ))
            .condition_expression(format!("{DELIVERY_STATE} = :waiting AND {ATTEMPTS} = :attempts"))
            .expression_attribute_values(":waiting", text(DeliveryState::Waiting.as_str()))
            .expression_attribute_values(":attempts", number(attempts))
            .expression_attribute_values(":failure", text(failure))
            .expression_attribute_values(":next", time(next_attempt_at));
        written(update, "UpdateItem postpone", write).await.map(drop)
    }

    /// Records that the last attempt failed; the client's notification token is kept for a replay. `false` if
    /// another attempt has begun in the meantime.
    pub async fn fail_delivery(
        &self,
        request: &RequestKey,
        FailedAttempt { attempts, failure, revoke }: FailedAttempt<'_>,
        at: Timestamp,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let fail = Update::builder()
            .table_name(&self.name)
            .set_key(Some(delivery_key(request)))
            .update_expression(
                format!("SET {DELIVERY_STATE} = :failed, {FAILURE} = :failure, {SETTLED_AT} = :at, {WRITE_ID} = :write REMOVE {PAYLOAD}"),
            )
            .condition_expression(format!("{DELIVERY_STATE} = :waiting AND {ATTEMPTS} = :attempts"))
            .expression_attribute_values(":failed", text(DeliveryState::Failed.as_str()))
            .expression_attribute_values(":waiting", text(DeliveryState::Waiting.as_str()))
            .expression_attribute_values(":attempts", number(attempts))
            .expression_attribute_values(":failure", text(failure))
            .expression_attribute_values(":at", time(at))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::incomplete)?;
        let mut writes = vec![TransactWriteItem::builder().update(fail).build()];
        if revoke {
            let revoke = Update::builder()
                .table_name(&self.name)
                .set_key(Some(requests::request_key(request)))
                .update_expression(format!(
                    "SET {REVOKED_AT} = if_not_exists({REVOKED_AT}, :now), {WRITE_ID} = :write"
                ))
                .condition_expression("#state = :redeemed")
                .expression_attribute_names("#state", STATE)
                .expression_attribute_values(":redeemed", text(StateName::Redeemed.as_str()))
                .expression_attribute_values(":now", time(at))
                .expression_attribute_values(":write", text(write.as_str()))
                .build()
                .map_err(StoreError::incomplete)?;
            writes.push(TransactWriteItem::builder().update(revoke).build());
        }
        let Some(reasons) = self.transact("FailDelivery", writes).await? else { return Ok(true) };
        Ok(reasons.iter().any(|reason| is_own(reason.item(), write)))
    }

    /// Makes a failed delivery due again, with retries until `until`. `false` if it has not failed, or is being
    /// replayed already.
    pub async fn replay_delivery(
        &self,
        request: &RequestKey,
        now: Timestamp,
        until: Timestamp,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let update = self
            .update_delivery(request, write)
            .update_expression(
                format!("SET {DELIVERY_STATE} = :waiting, {NEXT_ATTEMPT_AT} = :now, {REPLAY_UNTIL} = :until, {WRITE_ID} = :write"),
            )
            .condition_expression(format!("{DELIVERY_STATE} = :failed"))
            .expression_attribute_values(":waiting", text(DeliveryState::Waiting.as_str()))
            .expression_attribute_values(":failed", text(DeliveryState::Failed.as_str()))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":until", time(until));
        Ok(matches!(written(update, "UpdateItem replay", write).await?, Written::Done(_)))
    }

    /// The deliveries on one page of the table that wait although their next attempt is due at `now`, whether or not
    /// there is something to tell. No index has them: each delivery would pay for it, and they are looked for by an
    /// operator only.
    pub async fn overdue_deliveries(
        &self,
        now: Timestamp,
        evaluate: i32,
        from: Option<Position>,
    ) -> Result<OverdueDeliveries, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .projection_expression(PARTITION_KEY)
            .filter_expression(format!("{DELIVERY_STATE} = :waiting AND {NEXT_ATTEMPT_AT} <= :now"))
            .expression_attribute_values(":waiting", text(DeliveryState::Waiting.as_str()))
            .expression_attribute_values(":now", time(now));
        let page = self.scan_page(scan, "Scan deliveries", evaluate, from).await?;
        let key =
            |item| Reader(item).parsed(PARTITION_KEY, |pk| RequestKey::parse(pk.strip_prefix("request#")?));
        Ok(OverdueDeliveries {
            requests: page.items.iter().map(key).collect::<Result<_, _>>()?,
            evaluated: page.evaluated,
            next: page.next,
        })
    }

    fn update_delivery(&self, request: &RequestKey, write: &WriteId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(delivery_key(request)))
            .expression_attribute_values(":write", AttributeValue::S(write.as_str().to_owned()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}
