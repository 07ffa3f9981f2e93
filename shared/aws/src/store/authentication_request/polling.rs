//! The client's operations on a request: poll, slow down and redeem. Each is one conditional update.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, Update};

use super::encoding::refreshing_attributes;
use super::{handed_back, request_key};
use crate::store::attribute::{
    ACR_VALUES, BINDING_MESSAGE, CLIENT_ID, EXPIRES_AT, GRANT_ENDS_AT, GRANTED_DETAILS, GRANTED_PROPERTIES,
    INTERVAL, MODE, NEXT_POLL_AT, REDEEMED_AT, STATE, TTL, WRITE_ID,
};
use crate::store::item::{Item, Reader, number, text, time, ttl};
use crate::store::table::is_own;
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::{Timestamp, millis};
use ciba_core::domain::client::{ClientId, DeliveryMode};
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, Polling, StateName};
use ciba_core::domain::request::grant::Grant;
use ciba_core::domain::request::lifetime::POLL_TOLERANCE;

/// The result of a poll's single write.
#[derive(Debug)]
pub enum Polled {
    /// The request is pending and was not polled too early. The next poll is due at `next_poll_at`.
    Pending { next_poll_at: Timestamp },
    /// The current item, from which the state machine determines the answer.
    Otherwise(Option<Box<AuthenticationRequest>>),
}

#[derive(Debug)]
pub enum SlowedDown {
    Done,
    /// The request changed after it was read. Contains the current item, if there is one.
    Changed(Option<Box<AuthenticationRequest>>),
}

#[derive(Debug)]
pub enum Redeemed {
    /// This invocation redeemed it, and no other one can.
    Won,
    Lost(Option<Box<AuthenticationRequest>>),
}

impl Table {
    /// The common case of polling, in one call, by the rule of
    /// [`poll`](ciba_core::domain::request::authentication_request::poll): sets the next poll time if this
    /// client's request is pending, unexpired and due, and otherwise returns the item. Because this is one
    /// conditional update, parallel polls cannot evade the interval.
    pub async fn poll_request(
        &self,
        request: &RequestKey,
        client: &ClientId,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Polled, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression(format!("SET {NEXT_POLL_AT} = :now + #interval, {WRITE_ID} = :write"))
            .condition_expression(format!(
                "{CLIENT_ID} = :client AND #mode <> :push AND #state = :pending AND {EXPIRES_AT} > :now \
                 AND {NEXT_POLL_AT} <= :due"
            ))
            .expression_attribute_names("#mode", MODE)
            .expression_attribute_values(":push", text(DeliveryMode::Push.as_str()))
            .expression_attribute_names("#interval", INTERVAL)
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":client", text(client.as_str()))
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":due", time(now.plus(POLL_TOLERANCE)))
            .return_values(ReturnValue::UpdatedNew);
        match written(update, "UpdateItem poll", write).await? {
            Written::Done(item) => Ok(Polled::Pending { next_poll_at: Reader(&item).time(NEXT_POLL_AT)? }),
            Written::Refused(item) => Ok(Polled::Otherwise(handed_back(item.as_ref())?)),
        }
    }

    /// Lengthens the interval if the request is still pending and its next poll is as `seen`, so that parallel
    /// early polls lengthen it only once.
    pub async fn slow_down_request(
        &self,
        request: &RequestKey,
        seen: Polling,
        next: Polling,
        write: &WriteId,
    ) -> Result<SlowedDown, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression(format!(
                "SET {NEXT_POLL_AT} = :next, #interval = :interval, {WRITE_ID} = :write"
            ))
            .condition_expression(format!("#state = :pending AND {NEXT_POLL_AT} = :seen"))
            .expression_attribute_names("#interval", INTERVAL)
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":next", time(next.next_poll_at))
            .expression_attribute_values(":interval", number(millis(next.interval)))
            .expression_attribute_values(":seen", time(seen.next_poll_at));
        Ok(match written(update, "UpdateItem slow down", write).await? {
            Written::Done(_) => SlowedDown::Done,
            Written::Refused(item) => SlowedDown::Changed(handed_back(item.as_ref())?),
        })
    }

    /// Redeems an approved request, once: of parallel redemptions only one gets tokens. Attributes that were
    /// needed only for the decision are removed.
    pub async fn redeem_request(
        &self,
        request: &AuthenticationRequest,
        grant: &Grant,
        write: &WriteId,
    ) -> Result<Redeemed, StoreError> {
        let Redeeming { update, condition, names, values } = Redeeming::of(request, grant, write);
        let update = self
            .update_request(&request.key, write)
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values));
        Ok(match written(update, "UpdateItem redeem", write).await? {
            Written::Done(_) => Redeemed::Won,
            Written::Refused(item) => Redeemed::Lost(handed_back(item.as_ref())?),
        })
    }

    /// Like [`Table::redeem_request`], as a part of a transaction.
    pub(in crate::store) fn redeem_in_transaction(
        &self,
        request: &AuthenticationRequest,
        grant: &Grant,
        write: &WriteId,
    ) -> Result<Update, StoreError> {
        let Redeeming { update, condition, names, values } = Redeeming::of(request, grant, write);
        Update::builder()
            .table_name(&self.name)
            .set_key(Some(request_key(&request.key)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::incomplete)
    }

    pub(super) fn update_request(&self, request: &RequestKey, write: &WriteId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(request_key(request)))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// The transition approved → redeemed, alone or in a transaction.
struct Redeeming {
    update: String,
    condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Redeeming {
    fn of(request: &AuthenticationRequest, grant: &Grant, write: &WriteId) -> Self {
        let mut set = format!(
            "SET #state = :redeemed, {REDEEMED_AT} = :now, {GRANT_ENDS_AT} = :ends, #ttl = :ttl, \
             {WRITE_ID} = :write"
        );
        let kept_until = request.lifetime.expires_at.max(grant.ends_at);
        let mut values = HashMap::from([
            (":redeemed".to_owned(), text(StateName::Redeemed.as_str())),
            (":approved".to_owned(), text(StateName::Approved.as_str())),
            (":client".to_owned(), text(request.client.as_str())),
            (":now".to_owned(), time(grant.redeemed_at)),
            (":ends".to_owned(), time(grant.ends_at)),
            (":ttl".to_owned(), ttl(kept_until)),
            (":write".to_owned(), text(write.as_str())),
        ]);
        for (name, value) in grant.refresh.iter().flat_map(refreshing_attributes) {
            set.push_str(&format!(", {name} = :{name}"));
            values.insert(format!(":{name}"), value);
        }
        // Copied from the detail item into this one, which is read with the grant. Polls no longer have to read
        // it.
        if !grant.details.is_empty() {
            set.push_str(&format!(", {GRANTED_DETAILS} = :details"));
            values.insert(":details".to_owned(), text(grant.details.encode()));
        }
        if !grant.properties.is_empty() {
            set.push_str(&format!(", {GRANTED_PROPERTIES} = :properties"));
            values.insert(":properties".to_owned(), text(grant.properties.encode()));
        }
        Self {
            update: format!("{set} REMOVE {BINDING_MESSAGE}, {ACR_VALUES}"),
            condition: format!("#state = :approved AND {CLIENT_ID} = :client AND {EXPIRES_AT} > :now"),
            names: [("#state", STATE), ("#ttl", TTL)]
                .map(|(it, name)| (it.to_owned(), name.to_owned()))
                .into(),
            values,
        }
    }
}

pub(in crate::store) enum Written {
    Done(Item),
    Refused(Option<Item>),
}

/// Sends a conditional update. A failed condition on an item with our own `write_id` means that our write
/// succeeded.
pub(in crate::store) async fn written(
    update: UpdateItemFluentBuilder,
    operation: &str,
    write: &WriteId,
) -> Result<Written, StoreError> {
    let error = match update.send().await {
        Ok(output) => return Ok(Written::Done(output.attributes.unwrap_or_default())),
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(match failed.item() {
            Some(item) if is_own(Some(item), write) => Written::Done(item.clone()),
            other => Written::Refused(other.cloned()),
        }),
        _ => Err(StoreError::unavailable(operation, &error)),
    }
}
