//! The backchannel authentication endpoint (CIBA §7): one valid request, one change, one fact.

mod acknowledgement;
mod body;
mod cancellation;
mod client_authentication;
mod hint_kinds;
mod hints;
mod id_token_hint;
mod limits;
mod login_hint_token;
mod parameters;
mod user_code;

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

/// A request that is acknowledged.
const VALID: [(&str, &str); 2] = [("scope", "openid profile"), ("login_hint", "alice")];

/// A provider where `alice` has a request of `kiosk` before her: no refusal may touch that one either.
async fn provider() -> Provider {
    let provider = Provider::start().await;
    provider.asked(&[], at(0.0)).await;
    provider
}

async fn send(provider: &Provider, request: &Request, now: Timestamp) -> Answer {
    provider.call(&provider.backchannel_authentication, request, now).await
}

/// `kiosk` posts these parameters and no others.
fn posted(parameters: &[(&str, &str)]) -> Request {
    form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &form(parameters))
}

/// A body of `client`, with its credentials in it.
fn posted_by(client: &str, secret: &str, parameters: &[(&str, &str)]) -> Request {
    let credentials = [("client_id", client), ("client_secret", secret)];
    form_request("/bc-authorize", None, &form(&[&credentials, parameters].concat()))
}

/// Sends what must be refused so, and leave no trace (CIBA-7.2-09).
async fn refused(provider: &Provider, request: &Request, expected: (u16, &str)) -> Answer {
    let before = provider.traces().await;
    let answer = send(provider, request, at(1.0)).await;
    assert_eq!(answer.refusal(), expected, "{request:?}");
    assert_eq!(provider.traces().await, before, "{request:?}");
    answer
}

/// `kiosk` asks with these parameters instead of the usual ones; it must be refused so, and leave no trace.
async fn refused_ask(provider: &Provider, parameters: &[(&str, &str)], expected: (u16, &str)) -> Answer {
    refused_at(provider, parameters, at(1.0), expected).await
}

async fn refused_at(
    provider: &Provider,
    parameters: &[(&str, &str)],
    now: Timestamp,
    expected: (u16, &str),
) -> Answer {
    let before = provider.traces().await;
    let answer = provider.ask(parameters, now).await;
    assert_eq!(answer.refusal(), expected, "{parameters:?}");
    assert_eq!(provider.traces().await, before, "{parameters:?}");
    answer
}

/// The one request that is pending.
async fn pending(provider: &Provider) -> Value {
    let mut requests = provider.items_under("request#").await;
    requests.retain(|item| item["state"] == "pending");
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

/// A provider on which no limit is reached soon.
async fn patient_provider() -> Provider {
    Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await
}

/// What a person enrolled with this number is like.
fn reached_at(number: &str) -> Value {
    json!({"channels": [{"sms": number}]})
}
