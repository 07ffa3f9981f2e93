//! Mutual TLS (RFC 8705): certificates come in events as API Gateway makes them, and in no other way.

mod bound_tokens;
mod client_authentication;
mod metadata;
mod registration;
mod self_signed;

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::mutual_tls::{MTLS_URL, mtls_authorities, over_mutual_tls};
use ciba_tests::{Answer, Provider, Settings, at, form, form_request};
use serde_json::{Value, json};

const UNAUTHENTICATED: (u16, &str) = (401, "invalid_client");
const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A provider with a host for mutual TLS, and the client `till`: `CN=Till 7,O=City Bank` is its certificate's name.
async fn provider() -> Provider {
    let limits = [("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")];
    let provider = Provider::with(&[&[MTLS_URL, mtls_authorities()], &limits[..]].concat()).await;
    register(&provider, "till", json!({"tls_client_auth_subject_dn": "CN=Till 7,O=City Bank"})).await;
    provider
}

/// Registers a client of `tls_client_auth`, or of another method that `metadata` names.
async fn register(provider: &Provider, client_id: &str, metadata: Value) {
    register_where(provider, &[], client_id, metadata).await.expect("a client");
}

/// The same, as the deployment was with these settings too.
async fn register_where(
    provider: &Provider,
    settings: Settings<'_>,
    client_id: &str,
    metadata: Value,
) -> Result<(), String> {
    let mut all = json!({
        "client_id": client_id, "client_secret": null, "token_endpoint_auth_method": "tls_client_auth",
    });
    all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    provider.register_where(settings, all).await
}

/// A form of the client `id` for a path, at the host for mutual TLS.
fn posted(path: &str, id: &str, parameters: &[(&str, &str)], certificate: Option<&[u8]>) -> Request {
    let body = form(&[&[("client_id", id)], parameters].concat());
    over_mutual_tls(form_request(path, None, &body), certificate)
}

fn asking(id: &str, certificate: &[u8]) -> Request {
    posted("/bc-authorize", id, &[("scope", "openid profile"), ("login_hint", "alice")], Some(certificate))
}

async fn ask(provider: &Provider, request: &Request) -> Answer {
    provider.call(&provider.backchannel_authentication, request, at(1.0)).await
}

/// Sends what must be refused so, and leave no trace.
async fn refused(provider: &Provider, what: &str, request: &Request) {
    let before = provider.traces().await;
    let answer = ask(provider, request).await;
    assert_eq!(answer.refusal(), UNAUTHENTICATED, "{what}");
    assert_eq!(provider.traces().await, before, "{what}");
}

/// The handle and the link of what `id` asked.
async fn asked(provider: &Provider, id: &str, certificate: &[u8], now: Timestamp) -> (String, String) {
    let answer = provider.call(&provider.backchannel_authentication, &asking(id, certificate), now).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = provider.sns.messages().pop().expect("a message");
    (answer.text("auth_req_id").to_owned(), message.text.rsplit('/').next().unwrap().to_owned())
}

fn polling(id: &str, auth_req_id: &str, certificate: Option<&[u8]>) -> Request {
    posted("/oauth/token", id, &[("grant_type", CIBA), ("auth_req_id", auth_req_id)], certificate)
}
