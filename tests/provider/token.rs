//! The token endpoint (CIBA §10.1, §11): one valid request, one change, one fact.

mod algorithms;
mod changes;
mod dpop;
mod handles;
mod polling;
mod refresh;
mod requests;
mod resources;
pub(crate) mod tokens;

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::{Answer, Provider, SECRET, basic, form, form_request};
use serde_json::Value;

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A poll of `kiosk` with these parameters and no others.
fn posted(parameters: &[(&str, &str)]) -> Request {
    form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(parameters))
}

/// A poll of a client that has its credentials in the body.
fn posted_by(client: &str, secret: &str, auth_req_id: &str) -> Request {
    let credentials = [("client_id", client), ("client_secret", secret)];
    let grant = [("grant_type", CIBA), ("auth_req_id", auth_req_id)];
    form_request("/oauth/token", None, &form(&[credentials, grant].concat()))
}

async fn send(provider: &Provider, request: &Request, now: Timestamp) -> Answer {
    provider.call(&provider.token, request, now).await
}

/// Sends what must be refused so, and change nothing about any request.
async fn refused(provider: &Provider, request: &Request, now: Timestamp, expected: (u16, &str)) -> Answer {
    let before = provider.traces().await;
    let answer = send(provider, request, now).await;
    assert_eq!(answer.refusal(), expected, "{request:?}");
    assert_eq!(provider.traces().await, before, "{request:?}");
    answer
}

/// A poll of `kiosk` that must be refused so, and change nothing about any request.
async fn refused_poll(provider: &Provider, id: &str, now: Timestamp, expected: (u16, &str)) -> Answer {
    refused(provider, &posted(&[("grant_type", CIBA), ("auth_req_id", id)]), now, expected).await
}

/// The record of a request.
async fn record(provider: &Provider, request: &str) -> Value {
    let mut items = provider.items_under(&format!("request#{request}")).await;
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}
