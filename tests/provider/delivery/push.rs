//! Push (CIBA §10.3, §12).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_tests::{Reaction, START, at, basic, form, form_request};
use serde_json::{Value, json};

use super::{TOKEN, asked, deliver_until, kept, provider_in, provider_with};

const REFRESHING: &str =
    r#"{"grant_types": ["refresh_token"], "scope": "openid profile email offline_access"}"#;

fn claims(jwt: &Value) -> Value {
    let payload = jwt.as_str().and_then(|jwt| jwt.split('.').nth(1)).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// The left half of SHA-256 (CIBA-10.3-06), computed here.
fn half_hash(token: &Value) -> String {
    let hash = digest(&SHA256, token.as_str().expect("a token").as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

/// CIBA-10.3-01, CIBA-10.3-02, CIBA-10.3-03, CIBA-10.3-04, CIBA-10.3-05, CIBA-10.3-06
#[tokio::test]
async fn an_approval_is_pushed_with_tokens_bound_to_the_id_token() {
    let (provider, receiver) = provider_with("push", serde_json::from_str(REFRESHING).unwrap()).await;
    let parameters = [("client_notification_token", TOKEN), ("scope", "openid profile offline_access")];
    let (id, request) = provider.asked(&parameters, START).await;
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(2.0)).await;

    let calls = receiver.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(calls[0].header("content-type"), Some("application/json"));
    let body = &calls[0].body;
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        ["access_token", "auth_req_id", "expires_in", "id_token", "refresh_token", "token_type"]
    );
    assert_eq!(
        (&body["auth_req_id"], &body["token_type"], &body["expires_in"]),
        (&json!(id), &json!("Bearer"), &json!(600))
    );
    let claims = claims(&body["id_token"]);
    assert_eq!(claims["at_hash"], half_hash(&body["access_token"]));
    assert_eq!(claims["urn:openid:params:jwt:claim:rt_hash"], half_hash(&body["refresh_token"]));
    assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], id);

    // They are good.
    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    let userinfo = ciba_tests::request("GET", "/userinfo", &[("authorization", &bearer)], "");
    assert_eq!(provider.call(&provider.userinfo, &userinfo, at(3.0)).await.status, 200);
    let refresh =
        form(&[("grant_type", "refresh_token"), ("refresh_token", body["refresh_token"].as_str().unwrap())]);
    let refresh = form_request("/oauth/token", Some(&basic("kiosk", ciba_tests::SECRET)), &refresh);
    assert_eq!(provider.call(&provider.token, &refresh, at(3.0)).await.status, 200);
}

/// CIBA-5-04, ATK-8-03
#[tokio::test]
async fn a_push_client_redeems_nothing_before_or_after() {
    let (provider, _receiver) = provider_in("push").await;
    let (id, request) = asked(&provider, START).await;
    assert_eq!(provider.poll(&id, at(1.0)).await.refusal(), (400, "unauthorized_client"));
    provider.approve(&request, at(2.0)).await;
    assert_eq!(provider.poll(&id, at(3.0)).await.refusal(), (400, "unauthorized_client"));
    // Nor as a poll client that it has become since.
    provider.register(json!({"client_id": "kiosk"})).await.expect("a poll client");
    assert_eq!(provider.poll(&id, at(70.0)).await.refusal(), (400, "invalid_grant"));
}

/// CIBA-12-01: an approval that was taken back before it was delivered.
#[tokio::test]
async fn an_approval_taken_back_is_pushed_as_access_denied() {
    let (provider, receiver) = provider_in("push").await;
    let (id, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    provider.decide("alice", &request, json!({"decision": "take_back"}), at(3.0)).await;
    provider.deliver(at(4.0)).await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (&calls[0].body["error"], &calls[0].body["auth_req_id"]),
        (&json!("access_denied"), &json!(id))
    );
    assert!(calls[0].body.get("access_token").is_none());
}

/// CIBA-12-01, CIBA-12-02, CIBA-12-04
#[tokio::test]
async fn a_denial_is_pushed_as_access_denied() {
    let (provider, receiver) = provider_in("push").await;
    let (id, request) = asked(&provider, START).await;
    provider.decide("alice", &request, json!({"decision": "deny"}), at(2.0)).await;
    provider.deliver(at(2.0)).await;
    let call = &receiver.calls()[0];
    assert_eq!(call.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(call.header("content-type"), Some("application/json"));
    let body = &call.body;
    assert_eq!((&body["error"], &body["auth_req_id"]), (&json!("access_denied"), &json!(id)));
    assert!(body.get("access_token").is_none());
}

/// CIBA-12-02, CIBA-12-03: by a message that waits, not by what DynamoDB sweeps. It is not pushed earlier.
#[tokio::test]
async fn the_end_of_an_undecided_request_is_pushed_when_it_comes() {
    let (provider, receiver) = provider_in("push").await;
    let (id, _) = asked(&provider, START).await;
    for second in [0.0, 60.0, 119.0] {
        provider.deliver(at(second)).await;
        assert!(receiver.calls().is_empty(), "{second}");
    }
    provider.deliver(at(121.0)).await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (&calls[0].body["error"], &calls[0].body["auth_req_id"]),
        (&json!("expired_token"), &json!(id))
    );
    provider.deliver(at(300.0)).await;
    assert_eq!(receiver.calls().len(), 1);
}

/// CIBA-12-02: a client that cancelled it itself is not told.
#[tokio::test]
async fn a_cancelled_push_request_is_transaction_failed() {
    let (provider, receiver) = provider_in("push").await;
    let (first, _) = asked(&provider, START).await;
    let (second, _) = asked(&provider, at(1.0)).await;
    provider.deliver(at(1.0)).await;
    let body = &receiver.calls()[0].body;
    assert_eq!((&body["error"], &body["auth_req_id"]), (&json!("transaction_failed"), &json!(first)));

    let cancel = form(&[("auth_req_id", &second)]);
    let cancel = form_request("/bc-authorize/cancel", Some(&basic("kiosk", ciba_tests::SECRET)), &cancel);
    assert_eq!(provider.call(&provider.backchannel_authentication, &cancel, at(2.0)).await.status, 200);
    provider.deliver(at(3.0)).await;
    provider.deliver(at(200.0)).await;
    assert_eq!(receiver.calls().len(), 1, "it knows");
}

/// CIBA-10.3-08: the very same bytes, although time has passed and a second set would be easy to make.
#[tokio::test]
async fn a_retry_pushes_the_same_payload() {
    let (provider, receiver) = provider_in("push").await;
    let (_, request) = asked(&provider, START).await;
    receiver.react([Reaction::Status(503), Reaction::HangUp, Reaction::Status(429)]);
    provider.approve(&request, at(2.0)).await;
    deliver_until(&provider, 2, 30).await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 4);
    assert!(calls.iter().all(|call| call.text == calls[0].text && call.body["access_token"].is_string()));
    let kept = kept(&provider).await;
    assert_eq!(kept["delivery_state"], "delivered");
    assert!(kept.get("payload").is_none(), "{kept}");
}

/// CIBA-10.3-08, ATK-6-06, HYG-5-05
#[tokio::test]
async fn tokens_that_wait_are_in_the_table_sealed_and_in_no_queue() {
    let (provider, receiver) = provider_in("push").await;
    let (_, request) = asked(&provider, START).await;
    receiver.react([Reaction::Status(503)]);
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(2.0)).await;
    let pushed = receiver.calls()[0].text.clone();
    let sealed = provider.bytes_of("request#", "delivery", "payload").await;
    assert_eq!(sealed.len(), 1);
    let all = format!("{:?}", provider.items().await);
    for part in pushed.split('"').filter(|part| part.len() > 20) {
        assert!(!sealed[0].windows(12).any(|window| part.as_bytes().starts_with(window)));
        assert!(!all.contains(part));
        assert!(provider.sqs.sent().iter().all(|body| !body.contains(part)));
    }
}

/// CIBA-10.3-09
#[tokio::test]
async fn tokens_that_cannot_be_delivered_are_revoked() {
    let (provider, receiver) = provider_with("push", serde_json::from_str(REFRESHING).unwrap()).await;
    receiver.always(Reaction::Status(401));
    let parameters = [("client_notification_token", TOKEN), ("scope", "openid profile offline_access")];
    let (_, request) = provider.asked(&parameters, START).await;
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(2.0)).await;
    let body = receiver.calls()[0].body.clone();
    // Whoever answered 401 may have kept them.
    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    let userinfo = ciba_tests::request("GET", "/userinfo", &[("authorization", &bearer)], "");
    assert_eq!(provider.call(&provider.userinfo, &userinfo, at(3.0)).await.status, 401);
    let refresh =
        form(&[("grant_type", "refresh_token"), ("refresh_token", body["refresh_token"].as_str().unwrap())]);
    let refresh = form_request("/oauth/token", Some(&basic("kiosk", ciba_tests::SECRET)), &refresh);
    assert_eq!(provider.call(&provider.token, &refresh, at(3.0)).await.refusal(), (400, "invalid_grant"));
    assert!(kept(&provider).await.get("payload").is_none());
}

/// ATK-8-04: person and client are looked at when the tokens are made.
#[tokio::test]
async fn what_changed_since_the_approval_counts() {
    for (change, error) in [("person", Some("access_denied")), ("client", None)] {
        let (provider, receiver) = provider_in("push").await;
        let (_, request) = asked(&provider, START).await;
        provider.approve(&request, at(2.0)).await;
        match change {
            "person" => provider.enroll("alice", json!({"active": false})).await.expect("alice"),
            _ => {
                let more = json!({"active": false});
                super::register(&provider, "kiosk", "push", &receiver.url(), more).await;
            }
        }
        provider.deliver(at(3.0)).await;
        let calls = receiver.calls();
        let errors: Vec<_> = calls.iter().map(|call| call.body["error"].as_str()).collect();
        assert_eq!(errors, error.map(Some).into_iter().collect::<Vec<_>>(), "{change}");
    }
}

/// CIBA-10.3-08, ATK-4-11: two records about one decision at once make one set of tokens.
#[tokio::test]
async fn two_records_at_once_make_one_set_of_tokens_and_one_call() {
    let (provider, receiver) = provider_in("push").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    let record = |id: &str| json!({"messageId": id, "receiptHandle": id, "body": json!({"request": format!("request#{request}")}).to_string()});
    let event = |id| json!({"Records": [record(id)]});
    let (a, b, c) = (event("a"), event("b"), json!({"Records": [record("c"), record("d")]}));
    let (one, two, three) =
        (provider.invocation(at(2.0)), provider.invocation(at(2.0)), provider.invocation(at(2.0)));
    let run = &provider.client_notification;
    tokio::join!(run.run(&a, &one), run.run(&b, &two), run.run(&c, &three));
    assert_eq!(receiver.calls().len(), 1);
}
