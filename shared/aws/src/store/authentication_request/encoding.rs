//! An authentication request as an item.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::request_key;
use crate::store::item::{Item, Reader, bytes, number, text, time, ttl};
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

/// A new request; only pending ones are ever put whole.
pub(super) fn encode(request: &AuthenticationRequest, write: &WriteId) -> Item {
    let mut item = request_key(&request.key);
    let lifetime = &request.lifetime;
    item.extend([
        ("state".to_owned(), text(request.state.name().as_str())),
        ("mode".to_owned(), text(request.mode.as_str())),
        ("client_id".to_owned(), text(request.client.as_str())),
        ("person".to_owned(), text(request.person.as_str())),
        ("pending_for".to_owned(), text(person::pk(&request.person))),
        ("scope".to_owned(), text(request.scope.encode())),
        ("created_at".to_owned(), time(lifetime.created_at)),
        ("expires_at".to_owned(), time(lifetime.expires_at)),
        ("decide_until".to_owned(), time(lifetime.decide_until)),
        ("interval".to_owned(), number(millis(request.polling.interval))),
        ("next_poll_at".to_owned(), time(request.polling.next_poll_at)),
        ("handle_generation".to_owned(), number(request.handle_generation)),
        ("nonce".to_owned(), bytes(request.nonce.as_bytes())),
        ("ttl".to_owned(), ttl(lifetime.expires_at)),
        ("write_id".to_owned(), text(write.as_str())),
    ]);
    let resources = request.resources.iter().map(ResourceId::as_str).collect::<Vec<_>>().join(" ");
    item.extend(request.has_detail.then(|| ("has_detail".to_owned(), AttributeValue::Bool(true))));
    item.extend((!resources.is_empty()).then(|| ("resources".to_owned(), text(resources))));
    item.extend(request.acr_values.as_ref().map(|values| ("acr_values".to_owned(), text(values))));
    item.extend(request.binding_message.as_ref().map(|m| ("binding_message".to_owned(), text(m.as_str()))));
    item
}

pub(in crate::store) fn decode(item: &Item) -> Result<AuthenticationRequest, StoreError> {
    let reader = Reader(item);
    let state = match reader.parsed("state", StateName::parse)? {
        StateName::Pending => State::Pending,
        StateName::Approved => State::Approved(decode_approval(reader)?),
        StateName::Denied => State::Denied { at: reader.time("decided_at")? },
        StateName::Cancelled => State::Cancelled {
            at: reader.time("decided_at")?,
            by: reader.parsed("cancelled_by", CancelledBy::parse)?,
        },
        StateName::Redeemed => State::Redeemed(Grant {
            approval: decode_approval(reader)?,
            redeemed_at: reader.time("redeemed_at")?,
            ends_at: reader.time("grant_ends_at")?,
            refresh: decode_refreshing(reader)?,
            details: match reader.optional_text("granted_details") {
                None => AuthorizationDetails::default(),
                Some(json) => AuthorizationDetails::from_stored(json)
                    .ok_or_else(|| Reader::corrupt("granted_details"))?,
            },
            revoked_at: reader.optional_time("revoked_at")?,
        }),
    };
    Ok(AuthenticationRequest {
        key: decode_key(reader)?,
        client: reader.parsed("client_id", ClientId::parse)?,
        person: PersonKey::from_stored(reader.text("person")?),
        mode: reader.parsed("mode", DeliveryMode::parse)?,
        scope: reader.parsed("scope", Scope::parse)?,
        resources: decode_resources(reader)?,
        acr_values: reader.optional_text("acr_values").map(str::to_owned),
        binding_message: decode_message(reader),
        lifetime: decode_lifetime(reader)?,
        polling: Polling {
            interval: Duration::from_millis(reader.unsigned("interval")?),
            next_poll_at: reader.time("next_poll_at")?,
        },
        handle_generation: reader.unsigned("handle_generation")?,
        nonce: decode_nonce(reader)?,
        has_detail: item.contains_key("has_detail"),
        state,
    })
}

/// What the index knows of a pending request: what never changes while it is pending.
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
        client: reader.parsed("client_id", ClientId::parse)?,
        person: reader.parsed("pending_for", person::from_pk)?,
        scope: reader.parsed("scope", Scope::parse)?,
        resources: decode_resources(reader)?,
        acr_values: reader.optional_text("acr_values").map(str::to_owned),
        binding_message: decode_message(reader),
        lifetime: decode_lifetime(reader)?,
    })
}

fn decode_key(reader: Reader<'_>) -> Result<RequestKey, StoreError> {
    reader.parsed("pk", |pk| RequestKey::parse(pk.strip_prefix("request#")?))
}

fn decode_nonce(reader: Reader<'_>) -> Result<Nonce, StoreError> {
    let bytes = reader.bytes("nonce")?.try_into().map_err(|_| Reader::corrupt("nonce"))?;
    Ok(Nonce::from_bytes(bytes))
}

/// No resource has a space in its identifier.
fn decode_resources(reader: Reader<'_>) -> Result<Vec<ResourceId>, StoreError> {
    let ids = reader.optional_text("resources").unwrap_or_default().split(' ').filter(|id| !id.is_empty());
    ids.map(|id| ResourceId::parse(id).ok_or_else(|| Reader::corrupt("resources"))).collect()
}

/// The attributes of a grant's refresh tokens.
pub(super) fn refreshing_attributes(refreshing: &Refreshing) -> [(&'static str, AttributeValue); 4] {
    [
        ("refresh_counter", number(refreshing.counter)),
        ("refresh_rotated_at", time(refreshing.rotated_at)),
        ("refresh_idle_until", time(refreshing.idle_until)),
        ("refresh_ends_at", time(refreshing.ends_at)),
    ]
}

fn decode_refreshing(reader: Reader<'_>) -> Result<Option<Refreshing>, StoreError> {
    if reader.optional_time("refresh_ends_at")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Refreshing {
        counter: reader.unsigned("refresh_counter")?,
        rotated_at: reader.time("refresh_rotated_at")?,
        idle_until: reader.time("refresh_idle_until")?,
        ends_at: reader.time("refresh_ends_at")?,
    }))
}

fn decode_message(reader: Reader<'_>) -> Option<BindingMessage> {
    reader.optional_text("binding_message").map(BindingMessage::from_stored)
}

fn decode_lifetime(reader: Reader<'_>) -> Result<Lifetime, StoreError> {
    Ok(Lifetime {
        created_at: reader.time("created_at")?,
        expires_at: reader.time("expires_at")?,
        decide_until: reader.time("decide_until")?,
    })
}

/// What an approval adds to the item, beside `decided_at`.
pub(super) fn approval_attributes(approval: &Approval) -> Vec<(&'static str, AttributeValue)> {
    let Authentication { auth_time, acr, amr } = &approval.authentication;
    let mut attributes = vec![
        ("granted_scope", text(approval.scope.encode())),
        ("auth_time", time(*auth_time)),
        ("amr", AttributeValue::L(amr.iter().map(text).collect())),
    ];
    attributes.extend(acr.as_ref().map(|acr| ("acr", text(acr))));
    attributes
}

fn decode_approval(reader: Reader<'_>) -> Result<Approval, StoreError> {
    Ok(Approval {
        at: reader.time("decided_at")?,
        scope: reader.parsed("granted_scope", Scope::parse)?,
        authentication: Authentication {
            auth_time: reader.time("auth_time")?,
            acr: reader.optional_text("acr").map(str::to_owned),
            amr: reader.texts("amr")?,
        },
    })
}
