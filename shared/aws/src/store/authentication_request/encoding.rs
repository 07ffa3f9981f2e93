//! An authentication request as an item.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::request_key;
use crate::store::attribute::{
    ACR, ACR_VALUES, AMR, AUTH_TIME, BINDING_MESSAGE, CANCELLED_BY, CLIENT_ID, CREATED_AT, DECIDE_UNTIL,
    DECIDED_AT, EXPIRES_AT, GRANT_ENDS_AT, GRANTED_DETAILS, GRANTED_PROPERTIES, GRANTED_SCOPE,
    HANDLE_GENERATION, HAS_DETAIL, INTERVAL, MODE, NEXT_POLL_AT, NONCE, PARTITION_KEY, PENDING_FOR, PERSON,
    REDEEMED_AT, REFRESH_COUNTER, REFRESH_ENDS_AT, REFRESH_IDLE_UNTIL, REFRESH_ROTATED_AT, RESOURCES,
    REVOKED_AT, SCOPE, STATE, TTL, WRITE_ID,
};
use crate::store::item::{Item, Reader, bytes, number, text, time, ttl};
use crate::store::request_detail::properties;
use crate::store::{StoreError, WriteId, person};
use ciba_core::domain::base::authentication::Authentication;
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::base::time::millis;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::client::{ClientId, DeliveryMode};
use ciba_core::domain::details::authorization_details::AuthorizationDetails;
use ciba_core::domain::request::authentication_request::{
    AuthenticationRequest, CancelledBy, Polling, State, StateName,
};
use ciba_core::domain::request::binding_message::BindingMessage;
use ciba_core::domain::request::decision::Approval;
use ciba_core::domain::request::grant::{Grant, Refreshing};
use ciba_core::domain::request::lifetime::Lifetime;
use ciba_core::domain::request::statement::Nonce;

/// Encodes a new request; only pending requests are written as a whole.
pub(super) fn encode(request: &AuthenticationRequest, write: &WriteId) -> Item {
    let mut item = request_key(&request.key);
    let lifetime = &request.lifetime;
    item.extend([
        (STATE.to_owned(), text(request.state.name().as_str())),
        (MODE.to_owned(), text(request.mode.as_str())),
        (CLIENT_ID.to_owned(), text(request.client.as_str())),
        (PERSON.to_owned(), text(request.person.as_str())),
        (PENDING_FOR.to_owned(), text(person::pk(&request.person))),
        (SCOPE.to_owned(), text(request.scope.encode())),
        (CREATED_AT.to_owned(), time(lifetime.created_at)),
        (EXPIRES_AT.to_owned(), time(lifetime.expires_at)),
        (DECIDE_UNTIL.to_owned(), time(lifetime.decide_until)),
        (INTERVAL.to_owned(), number(millis(request.polling.interval))),
        (NEXT_POLL_AT.to_owned(), time(request.polling.next_poll_at)),
        (HANDLE_GENERATION.to_owned(), number(request.handle_generation)),
        (NONCE.to_owned(), bytes(request.nonce.as_bytes())),
        (TTL.to_owned(), ttl(lifetime.expires_at)),
        (WRITE_ID.to_owned(), text(write.as_str())),
    ]);
    let resources = request.resources.iter().map(ResourceId::as_str).collect::<Vec<_>>().join(" ");
    item.extend(request.has_detail.then(|| (HAS_DETAIL.to_owned(), AttributeValue::Bool(true))));
    item.extend((!resources.is_empty()).then(|| (RESOURCES.to_owned(), text(resources))));
    item.extend(request.acr_values.as_ref().map(|values| (ACR_VALUES.to_owned(), text(values))));
    item.extend(request.binding_message.as_ref().map(|m| (BINDING_MESSAGE.to_owned(), text(m.as_str()))));
    item
}

pub(in crate::store) fn decode(item: &Item) -> Result<AuthenticationRequest, StoreError> {
    let reader = Reader(item);
    let state = match reader.parsed(STATE, StateName::parse)? {
        StateName::Pending => State::Pending,
        StateName::Approved => State::Approved(decode_approval(reader)?),
        StateName::Denied => State::Denied { at: reader.time(DECIDED_AT)? },
        StateName::Cancelled => State::Cancelled {
            at: reader.time(DECIDED_AT)?,
            by: reader.parsed(CANCELLED_BY, CancelledBy::parse)?,
        },
        StateName::Redeemed => State::Redeemed(Grant {
            approval: decode_approval(reader)?,
            redeemed_at: reader.time(REDEEMED_AT)?,
            ends_at: reader.time(GRANT_ENDS_AT)?,
            refresh: decode_refreshing(reader)?,
            details: match reader.optional_text(GRANTED_DETAILS) {
                None => AuthorizationDetails::default(),
                Some(json) => {
                    AuthorizationDetails::from_stored(json).ok_or_else(|| Reader::corrupt(GRANTED_DETAILS))?
                }
            },
            properties: properties(reader, GRANTED_PROPERTIES)?,
            revoked_at: reader.optional_time(REVOKED_AT)?,
        }),
    };
    Ok(AuthenticationRequest {
        key: decode_key(reader)?,
        client: reader.parsed(CLIENT_ID, ClientId::parse)?,
        person: PersonKey::from_stored(reader.text(PERSON)?),
        mode: reader.parsed(MODE, DeliveryMode::parse)?,
        scope: reader.parsed(SCOPE, Scope::parse)?,
        resources: decode_resources(reader)?,
        acr_values: reader.optional_text(ACR_VALUES).map(str::to_owned),
        binding_message: decode_message(reader),
        lifetime: decode_lifetime(reader)?,
        polling: Polling {
            interval: Duration::from_millis(reader.unsigned(INTERVAL)?),
            next_poll_at: reader.time(NEXT_POLL_AT)?,
        },
        handle_generation: reader.unsigned(HANDLE_GENERATION)?,
        nonce: decode_nonce(reader)?,
        has_detail: item.contains_key(HAS_DETAIL),
        state,
    })
}

/// A pending request as projected into the index: the attributes that never change while it is pending.
#[derive(Debug)]
pub struct PendingRequest {
    pub key: RequestKey,
    pub client: ClientId,
    pub person: PersonKey,
    pub scope: Scope,
    pub resources: Vec<ResourceId>,
    pub acr_values: Option<String>,
    pub binding_message: Option<BindingMessage>,
    pub lifetime: Lifetime,
}

pub(super) fn decode_pending(item: &Item) -> Result<PendingRequest, StoreError> {
    let reader = Reader(item);
    Ok(PendingRequest {
        key: decode_key(reader)?,
        client: reader.parsed(CLIENT_ID, ClientId::parse)?,
        person: reader.parsed(PENDING_FOR, person::from_pk)?,
        scope: reader.parsed(SCOPE, Scope::parse)?,
        resources: decode_resources(reader)?,
        acr_values: reader.optional_text(ACR_VALUES).map(str::to_owned),
        binding_message: decode_message(reader),
        lifetime: decode_lifetime(reader)?,
    })
}

fn decode_key(reader: Reader<'_>) -> Result<RequestKey, StoreError> {
    reader.parsed(PARTITION_KEY, |pk| RequestKey::parse(pk.strip_prefix("request#")?))
}

fn decode_nonce(reader: Reader<'_>) -> Result<Nonce, StoreError> {
    let bytes = reader.bytes(NONCE)?.try_into().map_err(|_| Reader::corrupt(NONCE))?;
    Ok(Nonce::from_bytes(bytes))
}

/// Splits at spaces, which no resource identifier contains.
fn decode_resources(reader: Reader<'_>) -> Result<Vec<ResourceId>, StoreError> {
    let ids = reader.optional_text(RESOURCES).unwrap_or_default().split(' ').filter(|id| !id.is_empty());
    ids.map(|id| ResourceId::parse(id).ok_or_else(|| Reader::corrupt(RESOURCES))).collect()
}

/// The attributes of a grant's refresh tokens.
pub(super) fn refreshing_attributes(refreshing: &Refreshing) -> [(&'static str, AttributeValue); 4] {
    [
        (REFRESH_COUNTER, number(refreshing.counter)),
        (REFRESH_ROTATED_AT, time(refreshing.rotated_at)),
        (REFRESH_IDLE_UNTIL, time(refreshing.idle_until)),
        (REFRESH_ENDS_AT, time(refreshing.ends_at)),
    ]
}

fn decode_refreshing(reader: Reader<'_>) -> Result<Option<Refreshing>, StoreError> {
    if reader.optional_time(REFRESH_ENDS_AT)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Refreshing {
        counter: reader.unsigned(REFRESH_COUNTER)?,
        rotated_at: reader.time(REFRESH_ROTATED_AT)?,
        idle_until: reader.time(REFRESH_IDLE_UNTIL)?,
        ends_at: reader.time(REFRESH_ENDS_AT)?,
    }))
}

fn decode_message(reader: Reader<'_>) -> Option<BindingMessage> {
    reader.optional_text(BINDING_MESSAGE).map(BindingMessage::from_stored)
}

fn decode_lifetime(reader: Reader<'_>) -> Result<Lifetime, StoreError> {
    Ok(Lifetime {
        created_at: reader.time(CREATED_AT)?,
        expires_at: reader.time(EXPIRES_AT)?,
        decide_until: reader.time(DECIDE_UNTIL)?,
    })
}

/// The attributes that an approval adds to the item, in addition to `decided_at`.
pub(super) fn approval_attributes(approval: &Approval) -> Vec<(&'static str, AttributeValue)> {
    let Authentication { auth_time, acr, amr } = &approval.authentication;
    let mut attributes = vec![
        (GRANTED_SCOPE, text(approval.scope.encode())),
        (AUTH_TIME, time(*auth_time)),
        (AMR, AttributeValue::L(amr.iter().map(text).collect())),
    ];
    attributes.extend(acr.as_ref().map(|acr| (ACR, text(acr))));
    attributes
}

fn decode_approval(reader: Reader<'_>) -> Result<Approval, StoreError> {
    Ok(Approval {
        at: reader.time(DECIDED_AT)?,
        scope: reader.parsed(GRANTED_SCOPE, Scope::parse)?,
        authentication: Authentication {
            auth_time: reader.time(AUTH_TIME)?,
            acr: reader.optional_text(ACR).map(str::to_owned),
            amr: reader.texts(AMR)?,
        },
    })
}
