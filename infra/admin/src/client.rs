//! `client …`

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::scope::Scope;
use ciba::domain::base::secret::Secret;
use ciba::domain::client::client_authentication::{AuthenticationMethod, ClientAuthentication};
use ciba::domain::client::client_keys::ClientKeys;
use ciba::domain::client::resource::Resource;
use ciba::domain::client::subject_type::SubjectType;
use ciba::domain::client::weakening;
use ciba::domain::client::{Client, ClientId, NotificationEndpoint};
use ciba::flows::registering::register_client::RegisterClient;
use ciba::flows::registering::replace_entry::NotReplaced;
use ciba::protocol::token::GrantType;
use ciba::store::{StoreError, WriteId};
use serde_json::{Value, json};

use crate::Output;
use crate::arguments::{ClientCommand, ClientCreate};
use crate::failure::Failure;
use crate::screen::{fields, yes_or_no};
use crate::settings::Settings;

/// Unit: bytes.
const SECRET: usize = 32;
const ONCE: &str = "The secret is shown only once; the table stores its hash.";
/// Functions cache a client for a minute.
const SOON: &str = "functions that have cached the client take up to 60 s to notice";

pub(crate) async fn run(
    command: &ClientCommand,
    settings: &Settings,
    fill: fn(&mut [u8]),
) -> Result<Output, Failure> {
    match command {
        ClientCommand::Create(create) => self::create(create, settings, fill).await,
        ClientCommand::Show { client_id } => {
            let client = settings.table.find_client(&id(client_id)?).await?;
            let client = client.ok_or_else(|| nobody(client_id))?;
            Ok(Output::new(fields(&rows(&client)), to_json(&client)))
        }
        ClientCommand::RotateSecret { client_id } => {
            rotate_secret(client_id, settings, &new_secret(fill)).await
        }
        ClientCommand::Disable { client_id } => switch(client_id, false, settings).await,
        ClientCommand::Enable { client_id } => switch(client_id, true, settings).await,
    }
}

async fn create(create: &ClientCreate, settings: &Settings, fill: fn(&mut [u8])) -> Result<Output, Failure> {
    let (metadata, secret) = metadata(create, fill);
    let metadata = serde_json::from_value(metadata).map_err(|error| Failure::Refused(error.to_string()))?;
    let registrar = RegisterClient {
        issuer: &settings.issuer,
        login_issuers: &settings.login_issuers,
        profile: settings.profile,
        mtls: settings.mtls.as_ref(),
    };
    let client = registrar.check(metadata).await.map_err(|refused| Failure::Refused(refused.0))?;
    if !client.may_ask() && client.introspects.is_empty() {
        let why = format!(
            "client {}: without the grant type {} it could not do anything",
            create.client_id,
            GrantType::Ciba.as_str()
        );
        return Err(Failure::Refused(why));
    }
    let lost = |error| match secret {
        Some(_) => lost(error, &create.client_id),
        None => Failure::from(error),
    };
    let mut write = [0; 16];
    fill(&mut write);
    let named = format!("client {}", create.client_id);
    let judge = |old: Option<&Client>| match old {
        None => Ok(()),
        Some(old) if create.replace => confirmed(&named, &weakening::lost(old, &client), &create.confirm),
        Some(_) => Err(format!("{named} exists already; --replace replaces it and invalidates its secret")),
    };
    let written = RegisterClient::replace(&settings.table, &client, judge, &WriteId::new(write)).await;
    written.map_err(|error| match error {
        NotReplaced::Refused(why) => Failure::Refused(why),
        NotReplaced::Store(error) => lost(error),
    })?;
    let (mut rows, mut json) = (rows(&client), to_json(&client));
    let Some(secret) = secret else { return Ok(Output::new(fields(&rows), json)) };
    rows.push(("client_secret", vec![secret.expose().to_owned()]));
    json["client_secret"] = secret.expose().into();
    Ok(Output::new(format!("{}\n{ONCE}\n", fields(&rows)), json))
}

/// The RFC 7591 members from the options, of which `--metadata` takes precedence; and a new secret, if the
/// authentication method uses one.
fn metadata(create: &ClientCreate, fill: fn(&mut [u8])) -> (Value, Option<Secret>) {
    let mut metadata = json!({
        "client_id": create.client_id,
        "client_name": create.client_name,
        "token_endpoint_auth_method": create.token_endpoint_auth_method,
        "grant_types": create.grant_types.iter().filter(|name| !name.is_empty()).collect::<Vec<_>>(),
        "backchannel_token_delivery_mode": create.backchannel_token_delivery_mode,
        "backchannel_client_notification_endpoint": create.backchannel_client_notification_endpoint,
        "scope": create.scope,
        "audience": create.audience,
        "hint_kinds": create.hint_kinds,
        "resources": create.resources.clone().unwrap_or_else(|| json!([])),
        "introspection_audiences": create.introspection_audiences,
        "id_token_signed_response_alg": create.id_token_signed_response_alg,
        "refresh_token_rotation": create.no_refresh_token_rotation.then_some(false),
        "backchannel_user_code_parameter": create.backchannel_user_code_parameter,
        "require_passkey": create.require_passkey.then_some(true),
        "require_binding_message": create.require_binding_message,
        "high_risk_scope": create.high_risk_scope,
        "scope_descriptions": create.scope_descriptions.clone().unwrap_or_default(),
    });
    for (member, value) in create.metadata.clone().unwrap_or_default() {
        metadata[member] = value;
    }
    let method = metadata["token_endpoint_auth_method"].as_str().and_then(AuthenticationMethod::parse);
    let secret = method.is_some_and(AuthenticationMethod::is_shared_secret).then(|| new_secret(fill));
    if let Some(secret) = &secret {
        metadata["client_secret"] = secret.expose().into();
    }
    (metadata, secret)
}

async fn rotate_secret(client_id: &str, settings: &Settings, secret: &Secret) -> Result<Output, Failure> {
    let written = settings.table.set_client_secret(&id(client_id)?, &secret.hash()).await;
    if !written.map_err(|error| lost(error, client_id))? {
        return Err(match settings.table.find_client(&id(client_id)?).await? {
            None => nobody(client_id),
            Some(_) => Failure::Refused(format!("client {client_id} authenticates without a secret")),
        });
    }
    let rows =
        [("client_id", vec![client_id.to_owned()]), ("client_secret", vec![secret.expose().to_owned()])];
    let text = format!(
        "{}\n{ONCE}\nThe old secret is no longer valid: the two do not overlap, and {SOON}.\n",
        fields(&rows)
    );
    Ok(Output::new(text, json!({ "client_id": client_id, "client_secret": secret.expose() })))
}

async fn switch(client_id: &str, active: bool, settings: &Settings) -> Result<Output, Failure> {
    if !settings.table.set_client_active(&id(client_id)?, active).await? {
        return Err(nobody(client_id));
    }
    let text = if active {
        format!("client {client_id} is enabled; {SOON}.\n")
    } else {
        format!(
            "client {client_id} is disabled: it gets no more tokens; {SOON}, and accept its requests until \
         then.\n"
        )
    };
    Ok(Output::new(text, json!({ "client_id": client_id, "active": active })))
}

/// Refuses to replace what is `named` unless each protection that it would lose is confirmed by name.
pub(crate) fn confirmed(named: &str, lost: &[&str], confirm: &[String]) -> Result<(), String> {
    let left: Vec<_> = lost.iter().copied().filter(|name| !confirm.iter().any(|it| it == name)).collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{named}: not written, because this would remove what protects it: {}. Give these members again as they \
         were, or add --confirm {}",
            left.join(", "),
            left.join(",")
        ))
    }
}

/// 256 bits, base64url.
fn new_secret(fill: fn(&mut [u8])) -> Secret {
    let mut bytes = [0; SECRET];
    fill(&mut bytes);
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn id(text: &str) -> Result<ClientId, Failure> {
    ClientId::parse(text)
        .ok_or_else(|| Failure::Refused("a client_id is 1-128 visible ASCII characters".to_owned()))
}

pub(crate) fn nobody(client_id: &str) -> Failure {
    Failure::Refused(format!("there is no client {client_id}"))
}

/// A secret that may have been stored is not printed: the operator has to create another.
fn lost(error: StoreError, client_id: &str) -> Failure {
    let what = format!(
        "If the client was written anyway, its secret is lost: ciba-admin client rotate-secret {client_id}"
    );
    Failure::Unknown(error, what)
}

fn grant_types(client: &Client) -> Vec<&'static str> {
    let ciba = client.may_use_ciba.then_some(GrantType::Ciba.as_str());
    ciba.into_iter().chain(client.may_refresh.then_some(GrantType::RefreshToken.as_str())).collect()
}

fn rows(client: &Client) -> Vec<(&'static str, Vec<String>)> {
    let text = |text: &str| vec![text.to_owned()];
    vec![
        ("client_id", text(client.id.as_str())),
        ("client_name", text(&client.name)),
        ("active", vec![yes_or_no(client.active)]),
        ("token_endpoint_auth_method", text(client.authentication.method().as_str())),
        ("credentials", credentials(client)),
        ("profile", text(client.profile.as_str())),
        (
            "backchannel_authentication_request_signing_alg",
            client.request_signing.iter().map(|it| it.as_str().to_owned()).collect(),
        ),
        ("subject_type", subject_type(client)),
        ("sender_constraint", sender_constraint(client)),
        ("authorization_details_types", client.authorization_details_types.clone()),
        ("grant_types", grant_types(client).into_iter().map(str::to_owned).collect()),
        ("backchannel_token_delivery_mode", text(client.delivery.mode().as_str())),
        (
            "backchannel_client_notification_endpoint",
            client.delivery.endpoint().map(|it| it.as_str().to_owned()).into_iter().collect(),
        ),
        ("scope", text(&client.scope.encode())),
        ("audience", text(client.audience.as_deref().unwrap_or("the issuer"))),
        ("hint_kinds", client.hint_kinds.names().map(str::to_owned).collect()),
        ("resources", client.resources.iter().map(in_words).collect()),
        ("introspection_audiences", client.introspects.clone()),
        ("id_token_signed_response_alg", text(client.id_token_algorithm.as_str())),
        ("refresh_token_rotation", vec![yes_or_no(client.rotates_refresh_tokens)]),
        ("backchannel_user_code_parameter", vec![yes_or_no(client.takes_user_code)]),
        ("token_endpoint_json", vec![yes_or_no(client.sends_json)]),
        ("require_passkey", vec![yes_or_no(client.requires_passkey)]),
        ("require_binding_message", vec![yes_or_no(client.requires_binding_message)]),
        ("high_risk_scope", client.high_risk_scope.iter().map(Scope::encode).collect()),
        ("scope_descriptions", client.scope_descriptions.keys().cloned().collect()),
    ]
}

/// What the client authenticates and signs with, one line each. Never a secret.
fn credentials(client: &Client) -> Vec<String> {
    let mut lines = match &client.authentication {
        ClientAuthentication::ClientSecretBasic(_) | ClientAuthentication::ClientSecretPost(_) => {
            vec!["a secret, stored as a hash".to_owned()]
        }
        ClientAuthentication::PrivateKeyJwt { algorithm, audience } => {
            let algorithm = algorithm.map_or("any algorithm", JwsAlgorithm::as_str);
            vec![format!("assertions ({algorithm}), audience: {}", audience.as_str())]
        }
        ClientAuthentication::TlsClientAuth(subject) => {
            let (member, name) = subject.parts();
            vec![format!("{member}: {name}")]
        }
        ClientAuthentication::SelfSignedTlsClientAuth => vec!["the certificates in its key set".to_owned()],
    };
    lines.extend(client.keys.as_ref().map(|keys| match keys {
        ClientKeys::Inline(set) => format!("jwks: {set}"),
        ClientKeys::Uri(uri) => format!("jwks_uri: {uri}"),
    }));
    lines
}

fn subject_type(client: &Client) -> Vec<String> {
    vec![match &client.subject_type {
        SubjectType::Public => "public".to_owned(),
        SubjectType::Pairwise { sector } => format!("pairwise, for {sector}"),
    }]
}

fn sender_constraint(client: &Client) -> Vec<String> {
    let bound = client.sender_constraint;
    let names = [(bound.certificate, "certificate"), (bound.dpop, "DPoP")];
    names.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned()).collect()
}

fn in_words(resource: &Resource) -> String {
    format!("{} ({}, {})", resource.id.as_str(), resource.scope.encode(), resource.algorithm.as_str())
}

fn entry(resource: &Resource) -> Value {
    json!({
        "resource": resource.id.as_str(),
        "scope": resource.scope.encode(),
        "signing_alg": resource.algorithm.as_str(),
    })
}

fn to_json(client: &Client) -> Value {
    json!({
        "client_id": client.id.as_str(),
        "client_name": client.name,
        "active": client.active,
        "token_endpoint_auth_method": client.authentication.method().as_str(),
        "credentials": credentials(client),
        "profile": client.profile.as_str(),
        "backchannel_authentication_request_signing_alg": client.request_signing.map(JwsAlgorithm::as_str),
        "tls_client_certificate_bound_access_tokens": client.sender_constraint.certificate,
        "dpop_bound_access_tokens": client.sender_constraint.dpop,
        "authorization_details_types": client.authorization_details_types,
        "subject_type": client.subject_type.as_str(),
        "grant_types": grant_types(client),
        "backchannel_token_delivery_mode": client.delivery.mode().as_str(),
        "backchannel_client_notification_endpoint": client.delivery.endpoint().map(NotificationEndpoint::as_str),
        "scope": client.scope.encode(),
        "audience": client.audience,
        "hint_kinds": client.hint_kinds.names().collect::<Vec<_>>(),
        "resources": client.resources.iter().map(entry).collect::<Vec<_>>(),
        "introspection_audiences": client.introspects,
        "id_token_signed_response_alg": client.id_token_algorithm.as_str(),
        "refresh_token_rotation": client.rotates_refresh_tokens,
        "backchannel_user_code_parameter": client.takes_user_code,
        "token_endpoint_json": client.sends_json,
        "require_passkey": client.requires_passkey,
        "require_binding_message": client.requires_binding_message,
        "high_risk_scope": client.high_risk_scope.as_ref().map(Scope::encode),
        "scope_descriptions": client.scope_descriptions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CAUTH-2-03, CAUTH-2-07
    #[test]
    fn a_secret_has_256_bits() {
        let secret = new_secret(|buffer| buffer.fill(0xff));
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(secret.expose()).unwrap(), [0xff; 32]);
    }
}
