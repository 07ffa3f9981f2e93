//! Keys: made once, kept sealed, rotated while everything goes on.

mod emergency;
mod in_kms;
mod publication;
mod rotation;
mod sealing;
mod under_load;
mod withdrawals;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::aws::Aws;
use ciba::config::KeySettings;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::flows::registering::rotate_keys::{self, Rotated, RotationError};
use ciba::keys::Kms;
use ciba::store::KeyUse;
use ciba_tests::{Answer, Provider, at, request};
use serde_json::{Value, json};

/// A signing key signs for a day here.
const DAILY: (&str, &str) = ("SIGNING_KEY_ROTATION_DAYS", "1");
const DAY: f64 = 86_400.0;
/// A successor is made so long before it signs: functions reload (300 s), and verifiers forget (300 s).
const NOTICE: f64 = 600.0;

/// What the first rotation makes, in this order.
const FIRST: [&str; 8] = [
    "data#1",
    "handle#1",
    "signing-ES256#1",
    "signing-RS256#1",
    "signing-PS256#1",
    "signing-EdDSA#1",
    "page#1",
    "login#1",
];
/// What takes over from it. The data key stays.
const SECOND: [&str; 7] = [
    "handle#2",
    "signing-ES256#2",
    "signing-RS256#2",
    "signing-PS256#2",
    "signing-EdDSA#2",
    "page#2",
    "login#2",
];

/// What a rotation at `now` makes.
async fn rotate(provider: &Provider, now: f64) -> Vec<String> {
    let made = provider.key_rotation.run(&provider.invocation(at(now))).await.expect("a rotation");
    let made = made["made"].as_array().expect("a list").iter();
    made.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

/// Signing keys are made in KMS.
const IN_KMS: [(&str, &str); 2] = [("SIGNING", "kms"), ("SIGNING_KEY_TAG", "stack")];

const SIGNING: KeyUse = KeyUse::Signing(JwsAlgorithm::DEFAULT);

/// What an operator does about a leak of `uses`.
async fn replace_leaked(provider: &Provider, uses: &[KeyUse], now: f64) -> Result<Rotated, RotationError> {
    let env = provider.environment();
    let kms = Kms::connect(&Aws::read(&env).expect("AWS"));
    let settings = KeySettings::read(&env).expect("settings");
    let invocation = provider.invocation(at(now));
    rotate_keys::replace_leaked(&provider.table, &kms, &settings, uses, &invocation).await
}

/// What an operator does who wants other keys of all uses soon.
async fn rotate_by_hand(provider: &Provider, now: f64) {
    let env = provider.environment();
    let kms = Kms::connect(&Aws::read(&env).expect("AWS"));
    let settings = KeySettings::read(&env).expect("settings");
    let invocation = provider.invocation(at(now));
    let uses = &KeyUse::ALL[1..];
    let rotated = rotate_keys::rotate_now(&provider.table, &kms, &settings, uses, &invocation).await;
    assert_eq!(rotated.expect("a rotation").made.len(), uses.len());
}

async fn jwks(provider: &Provider, now: f64) -> Answer {
    provider.call(&provider.jwks, &request("GET", "/.well-known/jwks.json", &[], ""), at(now)).await
}

/// The names of the keys of `algorithm` that are published at `now`.
async fn published(provider: &Provider, algorithm: JwsAlgorithm, now: f64) -> Vec<String> {
    let answer = jwks(provider, now).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let keys = answer.body["keys"].as_array().expect("keys").iter();
    let keys = keys.filter(|key| key["alg"] == algorithm.as_str());
    keys.map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
}

/// Takes the first key of `algorithm` out of the table, as if there had never been one.
async fn remove_first(provider: &Provider, algorithm: JwsAlgorithm) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let delete =
        provider.dynamodb.client().delete_item().table_name(&provider.dynamodb.table).key("pk", text("keys"));
    let delete = delete.key("sk", text(&format!("key#signing-{}#00000001", algorithm.as_str())));
    let delete = delete.return_values(ReturnValue::AllOld).send().await.expect("a deletion");
    assert!(delete.attributes.is_some(), "it was there");
}

/// Asks, approves and polls within ten seconds from `now`: the tokens.
async fn tokens(provider: &Provider, now: f64) -> Answer {
    let (auth_req_id, request) = provider.asked(&[], at(now)).await;
    provider.approve(&request, at(now + 1.0)).await;
    let answer = provider.poll(&auth_req_id, at(now + 5.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// The client and the person for [`tokens`], where a provider began empty.
async fn populate(provider: &Provider) {
    provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
    provider.enroll("alice", json!({"channels": [{"sms": "+15555550100"}]})).await.expect("alice");
}

/// The header of a token.
fn header(token: &str) -> Value {
    let header = token.split('.').next().expect("a header");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON")
}

/// The key that signed both tokens of an answer.
fn kid(tokens: &Answer) -> String {
    let kid = |name: &str| header(tokens.text(name))["kid"].as_str().expect("kid").to_owned();
    assert_eq!(kid("id_token"), kid("access_token"));
    kid("id_token")
}

/// The key version of a handle.
fn version(auth_req_id: &str) -> u8 {
    URL_SAFE_NO_PAD.decode(auth_req_id).expect("base64url")[0]
}
