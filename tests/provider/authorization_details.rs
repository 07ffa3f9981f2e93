//! Rich authorization requests (RFC 9396; requirements D.7) and `request_context`: from the request to the tokens.

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Answer, Provider, SECRET, basic, form, form_request, request};
use serde_json::{Value, json};

mod context;
mod deciding;
mod numbers;
mod proof;
mod requests;
mod tokens;

/// A type: a payment, with an optional reference and the APIs it is for.
pub(crate) fn payment() -> Value {
    json!({
        "type": "payment",
        "schema": {
            "type": "object", "additionalProperties": false, "required": ["amount", "creditor"],
            "properties": {
                "amount": {"type": "string", "pattern": "^[0-9]{1,9}\\.[0-9]{2}$"},
                "creditor": {"type": "string", "maxLength": 70},
                "reference": {"type": "string"},
                "locations": {"type": "array", "items": {"type": "string", "format": "uri"}, "x-hidden": true},
            },
        },
        "display": {
            "en": {"title": "A payment", "rows": [
                {"label": "Amount", "value": "{/amount} EUR"},
                {"label": "To", "value": "{/creditor}"},
                {"label": "Reference", "value": "{/reference}"},
            ]},
            "de": {"title": "Eine Zahlung", "rows": [
                {"label": "Betrag", "value": "{/amount} EUR"},
                {"label": "An", "value": "{/creditor} {/reference}"},
            ]},
        },
    })
}

/// One payment.
fn details() -> Value {
    json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}])
}

/// A provider that knows payments, with a client `kiosk` that may ask for them, with these members beside.
async fn provider(members: Value) -> Provider {
    let provider = Provider::start().await;
    provider.put_detail_type(&payment()).await;
    let mut metadata = json!({"client_id": "kiosk", "authorization_details_types": ["payment", "gone"]});
    for (name, value) in members.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    provider.register(metadata).await.expect("kiosk");
    provider
}

/// `kiosk` asks with these details, and is acknowledged.
async fn asked(provider: &Provider, details: &Value, now: Timestamp) -> (String, String) {
    provider.asked(&[("authorization_details", &details.to_string())], now).await
}

/// `alice` approves all of it, having seen these details.
async fn approve(provider: &Provider, request: &str, details: &Value, now: Timestamp) -> Answer {
    let body = json!({"decision": "approve", "authorization_details": details});
    provider.decide("alice", request, body, now).await
}

/// What the consent API shows `alice`, in this language.
async fn shown(provider: &Provider, key: &str, language: &str, now: Timestamp) -> Value {
    let bearer = format!("Bearer {}", provider.login_token("alice", now, json!({})));
    let headers = [("authorization", &*bearer), ("accept-language", language)];
    let request = request("GET", &format!("/consent/{key}"), &headers, "");
    let answer = provider.call(&provider.consent, &request, now).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// The evidence of the one decision.
async fn evidence(provider: &Provider) -> Value {
    provider.decision().await
}

async fn token(provider: &Provider, parameters: &[(&str, &str)], now: Timestamp) -> Answer {
    let request = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(parameters));
    provider.call(&provider.token, &request, now).await
}
