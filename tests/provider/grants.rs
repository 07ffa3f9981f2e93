//! What becomes of tokens after they were issued: userinfo, introspection, revocation.

mod dpop;
mod introspection;
mod revocation;
mod userinfo;

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const API: &str = "https://api.example";
/// What `teller` may ask for without naming the API.
const SCOPE: &str = "openid profile email offline_access";

/// A provider with the client `teller`, which may refresh and has tokens for an API; with `api`, that API's resource
/// server; and with `alice`, of whom something is known.
async fn provider() -> Provider {
    let provider = Provider::start().await;
    provider.register(teller(json!({}))).await.expect("teller");
    let api = json!({"client_id": "api", "grant_types": [], "introspection_audiences": [API]});
    provider.register(api).await.expect("api");
    enroll_alice(&provider, json!({})).await;
    provider
}

fn teller(changes: Value) -> Value {
    let mut metadata = json!({
        "client_id": "teller",
        "grant_types": [CIBA, "refresh_token"],
        "scope": format!("{SCOPE} read"),
        "resources": [{"resource": API, "scope": "read"}],
    });
    for (name, value) in changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    metadata
}

async fn enroll_alice(provider: &Provider, changes: Value) {
    let mut entry = json!({
        "channels": [{"sms": "+15555550100"}],
        "claims": {"name": "Alice Example", "email": "alice@example.com", "email_verified": true, "iban": "XX00"},
    });
    for (name, value) in changes.as_object().expect("an object") {
        entry[name] = value.clone();
    }
    provider.enroll("alice", entry).await.expect("alice");
}

/// What `teller` gets at 5 s for what `alice` approved at 2 s.
async fn tokens(provider: &Provider, parameters: &[(&str, &str)]) -> Answer {
    let asked = provider.ask_as("teller", parameters, at(0.0)).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let message = provider.sns.messages().pop().expect("a message").text;
    let request = message.rsplit('/').next().expect("a link");
    let body = json!({"client_id": "teller", "decision": "approve"});
    assert_eq!(provider.decide("alice", request, body, at(2.0)).await.status, 200);
    let tokens = provider.poll_as("teller", asked.text("auth_req_id"), at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    tokens
}

fn posted(path: &str, client: &str, parameters: &[(&str, &str)]) -> Request {
    form_request(path, Some(&basic(client, SECRET)), &form(parameters))
}

async fn introspect(provider: &Provider, client: &str, token: &str, now: Timestamp) -> Answer {
    let request = posted("/oauth/introspect", client, &[("token", token)]);
    provider.call(&provider.introspection, &request, now).await
}

async fn revoke(provider: &Provider, client: &str, token: &str, now: Timestamp) -> Answer {
    provider.call(&provider.revocation, &posted("/oauth/revoke", client, &[("token", token)]), now).await
}

async fn refresh(provider: &Provider, token: &str, now: Timestamp) -> Answer {
    let request =
        posted("/oauth/token", "teller", &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    provider.call(&provider.token, &request, now).await
}

async fn userinfo(provider: &Provider, token: &str, now: Timestamp) -> Answer {
    let authorization = format!("Bearer {token}");
    let request = ciba_tests::request("GET", "/userinfo", &[("authorization", &authorization)], "");
    provider.call(&provider.userinfo, &request, now).await
}

/// The same token with another signature.
fn forged(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').expect("a JWT");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{message}.{first}{}", &signature[1..])
}
