//! Writing down a client: by an operator, not by a client.

use crate::config::LoginIssuers;
use crate::domain::binding_message::BindingMessage;
use crate::domain::client::{AuthenticationMethod, Client, ClientAuthentication, ClientId, DeliveryMode};
use crate::domain::hint_form::HintForms;
use crate::domain::scope::Scope;
use crate::protocol::registration::ClientMetadata;
use crate::protocol::token::GrantType;
use crate::store::Table;

/// Unit: characters. Random ones of base64url then have 192 bits.
const MIN_SECRET: usize = 32;

/// Why a client is not written down, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRegistered(pub String);

/// Checks the metadata, and writes the client, new or changed.
pub async fn register(
    table: &Table,
    metadata: ClientMetadata,
    login_issuers: &LoginIssuers,
) -> Result<Client, NotRegistered> {
    let client = check(metadata, login_issuers)?;
    table.put_client(&client).await.map_err(|error| NotRegistered(error.detail()))?;
    Ok(client)
}

/// The client that the metadata describe, if this provider can serve it.
pub fn check(metadata: ClientMetadata, login_issuers: &LoginIssuers) -> Result<Client, NotRegistered> {
    let refuse = |why: &str| NotRegistered(format!("client {}: {why}", metadata.client_id));
    let id = ClientId::parse(&metadata.client_id)
        .ok_or_else(|| refuse("client_id is not 1-128 visible ASCII characters"))?;
    // A login token made for this name would be the client's own, and approve its requests.
    if login_issuers.iter().any(|login| login.audience.value == metadata.client_id) {
        return Err(refuse("client_id is the audience of a login issuer"));
    }
    BindingMessage::parse(&metadata.client_name)
        .map_err(|_| refuse("client_name breaks the rule of the binding message"))?;
    if metadata.client_secret.expose().chars().count() < MIN_SECRET {
        return Err(refuse("client_secret has fewer than 32 characters"));
    }
    if !metadata.client_secret.expose().bytes().all(|b| matches!(b, 0x20..=0x7e)) {
        return Err(refuse("client_secret has characters that RFC 6749 does not allow"));
    }
    let method = AuthenticationMethod::parse(&metadata.token_endpoint_auth_method)
        .ok_or_else(|| refuse("token_endpoint_auth_method is not supported"))?;
    let hash = metadata.client_secret.hash();
    let delivery_mode = DeliveryMode::parse(&metadata.backchannel_token_delivery_mode)
        .filter(|mode| mode.is_supported())
        .ok_or_else(|| refuse("backchannel_token_delivery_mode is not supported"))?;
    let hint_kinds = match &metadata.hint_kinds {
        None => HintForms::all(),
        Some(names) => HintForms::parse(names.iter().map(String::as_str))
            .ok_or_else(|| refuse("hint_kinds is empty, or has a kind that is not known"))?,
    };
    let scope = Scope::parse(&metadata.scope).filter(|scope| scope.contains(Scope::OPENID));
    Ok(Client {
        authentication: match method {
            AuthenticationMethod::ClientSecretBasic => ClientAuthentication::ClientSecretBasic(hash),
            AuthenticationMethod::ClientSecretPost => ClientAuthentication::ClientSecretPost(hash),
        },
        delivery_mode,
        may_use_ciba: metadata.grant_types.iter().any(|grant| grant == GrantType::Ciba.as_str()),
        scope: scope
            .ok_or_else(|| refuse("scope does not contain openid, or has characters that no scope has"))?,
        id,
        name: metadata.client_name,
        audience: metadata.audience.filter(|audience| !audience.is_empty()),
        hint_kinds,
        active: metadata.active,
    })
}
