//! Registers a client, for an operator; clients cannot register themselves.

mod authentication;
mod sector;

use std::collections::BTreeSet;
use std::iter;

use crate::registering::replace_entry::{NotReplaced, replace};
use ciba_aws::config::{Issuer, LoginIssuers, MtlsHost};
use ciba_aws::store::{Table, WriteId};
use ciba_core::domain::base::address::OwnHosts;
use ciba_core::domain::base::confirmation::SenderConstraint;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::plain_text::{self, Kind};
use ciba_core::domain::base::profile::Profile;
use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::client::hint_form::HintForms;
use ciba_core::domain::client::resource::{Resource, ResourceId};
use ciba_core::domain::client::subject_type::SubjectType;
use ciba_core::domain::client::{
    Client, ClientId, Delivery, DeliveryMode, NotificationEndpoint, ScopeDescriptions,
};
use ciba_core::page::Language;
use ciba_core::protocol::registration::{ClientMetadata, ResourceEntry};
use ciba_core::protocol::token::GrantType;
use sector::Sector;

/// The most resources of a client, limited by the size of its record.
const MAX_RESOURCES: usize = 20;
/// The longest description of a scope value, which takes two lines on a phone. Unit: characters.
const MAX_DESCRIPTION: usize = 120;

/// Why a client is not registered, as a text for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRegistered(pub String);

/// The settings that a registration is checked against.
pub struct RegisterClient<'a> {
    pub issuer: &'a Issuer,
    pub login_issuers: &'a LoginIssuers,
    /// The profile that all clients of the deployment must comply with.
    pub profile: Profile,
    /// The host where clients present certificates, if there is one.
    pub mtls: Option<&'a MtlsHost>,
}

impl RegisterClient<'_> {
    /// Checks the metadata, and writes the client, new or changed.
    pub async fn register(&self, table: &Table, metadata: ClientMetadata) -> Result<Client, NotRegistered> {
        let client = self.check(metadata).await?;
        table.put_client(&client).await.map_err(|error| NotRegistered(error.detail()))?;
        Ok(client)
    }

    /// Writes a client that has been checked, if `judge` permits that the current record is replaced.
    pub async fn replace(
        table: &Table,
        client: &Client,
        judge: impl Fn(Option<&Client>) -> Result<(), String>,
        write: &WriteId,
    ) -> Result<(), NotReplaced> {
        let read = async || table.read_client(&client.id).await;
        replace(read, judge, async |old| Ok(table.replace_client(client, old, write).await?.then_some(())))
            .await
    }

    /// The client that the metadata describe, if this provider supports it.
    pub async fn check(&self, metadata: ClientMetadata) -> Result<Client, NotRegistered> {
        let named = format!("client {}", metadata.client_id);
        let refuse = |why: &str| NotRegistered(format!("{named}: {why}"));
        let sector = Sector::asked(&metadata).map_err(refuse)?;
        let names: Vec<_> = iter::once(self.issuer.host()).chain(self.mtls.map(MtlsHost::host)).collect();
        let own = OwnHosts { names: &names, is_local: self.issuer.is_local() };
        let mut client = check(metadata, own, self.login_issuers, self.profile)?;
        client.subject_type = sector.confirm(&client, own).await.map_err(|why| refuse(&why))?;
        let breach = client.profile.breach(&client);
        match breach
            .or_else(|| MtlsHost::lack(self.mtls, &client))
            .or_else(|| authentication::lacks_key(&client))
        {
            Some(why) => Err(refuse(why)),
            None => Ok(client),
        }
    }
}

/// All checks that need no network access.
fn check(
    metadata: ClientMetadata,
    own: OwnHosts<'_>,
    login_issuers: &LoginIssuers,
    deployment: Profile,
) -> Result<Client, NotRegistered> {
    let refuse = |why: &str| NotRegistered(format!("client {}: {why}", metadata.client_id));
    let id = ClientId::parse(&metadata.client_id)
        .ok_or_else(|| refuse("client_id is not 1-128 visible ASCII characters"))?;
    // A login token issued for this name would be the client's own, and could approve its requests.
    if login_issuers.iter().any(|login| login.audience.value == metadata.client_id) {
        return Err(refuse("client_id is the audience of a login issuer"));
    }
    if !plain_text::fits(&metadata.client_name) {
        return Err(refuse("client_name is longer than 64 characters, or wider than 64 columns"));
    }
    plain_text::check(&metadata.client_name, Kind::Name)
        .map_err(|why| refuse(&format!("client_name {}", why.description())))?;
    let keys = authentication::keys(&metadata, own).map_err(refuse)?;
    let authentication = authentication::read(&metadata, keys.as_ref()).map_err(|why| refuse(&why))?;
    let request_signing = authentication::request_signing(&metadata, keys.as_ref()).map_err(refuse)?;
    let profile = metadata.profile.as_deref().map_or(Some(deployment), Profile::parse);
    let profile = profile.ok_or_else(|| refuse("profile is neither plain nor fapi-ciba"))?;
    if profile < deployment {
        return Err(refuse("profile is weaker than the deployment's, which applies to all its clients"));
    }
    let is_fapi = profile == Profile::FapiCiba;
    if is_fapi && metadata.token_endpoint_json {
        return Err(refuse(
            "token_endpoint_json is not allowed under the profile fapi-ciba, which permits only forms",
        ));
    }
    let delivery = delivery(&metadata, own).map_err(refuse)?;
    let sender_constraint = SenderConstraint {
        certificate: metadata.tls_client_certificate_bound_access_tokens,
        dpop: metadata.dpop_bound_access_tokens,
    };
    if delivery.mode() == DeliveryMode::Push && sender_constraint != SenderConstraint::default() {
        return Err(refuse(
            "pushed tokens cannot be bound, because the client presents no key or certificate with them",
        ));
    }
    let scope = Scope::parse(&metadata.scope)
        .filter(|scope| scope.contains(Scope::OPENID))
        .ok_or_else(|| refuse("scope does not contain openid, or has invalid characters"))?;
    let may = |grant: GrantType| metadata.grant_types.iter().any(|one| one == grant.as_str());
    if may(GrantType::RefreshToken) != scope.contains(Scope::OFFLINE_ACCESS) {
        return Err(refuse("the grant type refresh_token and the scope offline_access belong together"));
    }
    let resources = resources(&metadata.resources, &scope).map_err(refuse)?;
    let hint_kinds = match &metadata.hint_kinds {
        None => HintForms::all(),
        Some(names) => HintForms::parse(names.iter().map(String::as_str))
            .ok_or_else(|| refuse("hint_kinds is empty or has an unknown kind"))?,
    };
    let high_risk_scope = metadata.high_risk_scope.as_deref().map(|text| {
        Scope::parse(text).filter(|risky| risky.is_subset_of(&scope) && !risky.contains(Scope::OPENID))
    });
    if high_risk_scope == Some(None) {
        return Err(refuse("high_risk_scope is not part of the client's scope, or contains openid"));
    }
    scope_descriptions(&metadata.scope_descriptions, &scope).map_err(refuse)?;
    Ok(Client {
        authentication,
        keys,
        profile,
        request_signing,
        sender_constraint,
        authorization_details_types: metadata.authorization_details_types,
        subject_type: SubjectType::Public,
        delivery,
        may_use_ciba: may(GrantType::Ciba),
        may_refresh: may(GrantType::RefreshToken),
        rotates_refresh_tokens: metadata.refresh_token_rotation.unwrap_or(!is_fapi),
        id_token_algorithm: algorithm(metadata.id_token_signed_response_alg.as_deref())
            .ok_or_else(|| refuse("id_token_signed_response_alg is not supported"))?,
        resources,
        introspects: metadata.introspection_audiences,
        scope,
        id,
        name: metadata.client_name,
        audience: metadata.audience.filter(|audience| !audience.is_empty()),
        hint_kinds,
        requires_passkey: metadata.require_passkey.unwrap_or(is_fapi),
        requires_binding_message: metadata.require_binding_message,
        high_risk_scope: high_risk_scope.flatten(),
        scope_descriptions: metadata.scope_descriptions,
        takes_user_code: metadata.backchannel_user_code_parameter,
        sends_json: metadata.token_endpoint_json,
        active: metadata.active,
    })
}

/// CIBA §4: the delivery mode and, for ping and push, the notification endpoint.
fn delivery(metadata: &ClientMetadata, own: OwnHosts<'_>) -> Result<Delivery, &'static str> {
    let mode = DeliveryMode::parse(&metadata.backchannel_token_delivery_mode)
        .ok_or("backchannel_token_delivery_mode is not poll, ping or push")?;
    let endpoint = metadata.backchannel_client_notification_endpoint.as_deref().map(|text| {
        NotificationEndpoint::parse(text, own).ok_or(
            "backchannel_client_notification_endpoint is not https on port 443 of a public host of the client's own, or longer than 512 bytes",
        )
    });
    match (mode, endpoint.transpose()?) {
        (DeliveryMode::Poll, None) => Ok(Delivery::Poll),
        (DeliveryMode::Poll, Some(_)) => {
            Err("backchannel_client_notification_endpoint is for ping and push only")
        }
        (DeliveryMode::Ping, Some(endpoint)) => Ok(Delivery::Ping(endpoint)),
        (DeliveryMode::Push, Some(endpoint)) => Ok(Delivery::Push(endpoint)),
        (DeliveryMode::Ping | DeliveryMode::Push, None) => {
            Err("backchannel_client_notification_endpoint is missing")
        }
    }
}

/// Checks the descriptions. Like a binding message, a description beside a checkbox must not look like the page's
/// own words.
///
/// English is required, because it replaces a language without a text. The operator decides about the other languages,
/// once for all values: a value that lacks a language of another one is a forgotten translation.
fn scope_descriptions(all: &ScopeDescriptions, scope: &Scope) -> Result<(), &'static str> {
    let provided: BTreeSet<_> = all.values().flat_map(|words| words.keys()).collect();
    for (value, words) in all {
        if !scope.contains(value) || Scope::OWN.contains(&value.as_str()) {
            return Err("scope_descriptions describes a value that is not one of the client's own");
        }
        if words.keys().any(|tag| Language::parse(tag).is_none()) {
            return Err("scope_descriptions has an unsupported language");
        }
        let is_complete = provided.iter().all(|tag| words.contains_key(*tag));
        if !(is_complete && words.contains_key(Language::default().tag())) {
            return Err(
                "scope_descriptions has a value without a text in en, or in a language that another value has",
            );
        }
        if !words.values().all(|text| is_description(text)) {
            return Err(
                "scope_descriptions has a text that is not 1-120 characters of ordinary text without addresses, phone numbers and markup",
            );
        }
    }
    Ok(())
}

fn is_description(text: &str) -> bool {
    text.chars().count() <= MAX_DESCRIPTION && plain_text::check(text, Kind::Text).is_ok()
}

/// The algorithm with which this provider signs the client's tokens. Only the name in the tokens' headers is
/// accepted, because a client compares the two.
fn algorithm(name: Option<&str>) -> Option<JwsAlgorithm> {
    let Some(name) = name else { return Some(JwsAlgorithm::DEFAULT) };
    JwsAlgorithm::parse(name).filter(|algorithm| algorithm.as_str() == name)
}

fn resources(entries: &[ResourceEntry], scope: &Scope) -> Result<Vec<Resource>, &'static str> {
    if entries.len() > MAX_RESOURCES {
        return Err("there are more than 20 resources");
    }
    let mut resources: Vec<Resource> = Vec::new();
    for entry in entries {
        let id = ResourceId::parse(&entry.resource)
            .ok_or("a resource is not an absolute URI without fragment, of at most 512 bytes")?;
        if resources.iter().any(|other| other.id == id) {
            return Err("a resource is listed twice");
        }
        let own = Scope::parse(&entry.scope).filter(|own| own.is_subset_of(scope));
        resources.push(Resource {
            id,
            scope: own.ok_or("the scope of a resource is not part of the client's")?,
            algorithm: algorithm(entry.signing_alg.as_deref())
                .ok_or("the signing_alg of a resource is not supported")?,
        });
    }
    Ok(resources)
}
