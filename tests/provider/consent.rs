//! The consent API: what a person is shown, what they decide, and with what proof.

mod call;
mod decision;
mod documented_issuers;
mod evidence;
mod key_fetching;
mod login_issuer;
mod login_token;
mod page;
mod passkey;
pub(crate) mod person;
mod report;
mod review;
mod self_approval;
mod taking_back;

use ciba_tests::{Answer, Provider};
use serde_json::Value;

/// The records a decision is about: requests and evidence.
async fn records(provider: &Provider) -> Vec<Value> {
    let mut records = provider.items().await;
    let is_one = |pk: &str| pk.starts_with("request#") || pk.starts_with("evidence#");
    records.retain(|item| item["pk"].as_str().is_some_and(is_one));
    records.sort_by_key(ToString::to_string);
    records
}

/// What `call` answers, after making sure that it changed no request and no evidence.
async fn without_effect(provider: &Provider, call: impl Future<Output = Answer>) -> Answer {
    let before = records(provider).await;
    let answer = call.await;
    assert_eq!(records(provider).await, before, "{answer:?}");
    answer
}

/// What `call` is refused with; a refusal changes nothing.
pub(crate) async fn refused(provider: &Provider, call: impl Future<Output = Answer>) -> (u16, String) {
    let answer = without_effect(provider, call).await;
    let (status, code) = answer.refusal();
    (status, code.to_owned())
}

/// A refusal to compare with.
pub(crate) fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
