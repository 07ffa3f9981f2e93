//! The acknowledgement (CIBA §7.3), and what there is once it is given.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::domain::base::request_key::RequestKey;
use ciba_tests::{Provider, SECRET, START, at};
use serde_json::{Value, json};

use super::{VALID, patient_provider, pending, posted_by, send};

/// CIBA-7.3-01, CIBA-7.3-05, CIBA-7.3-06, CIBA-7.3-09, HYG-1-08
#[tokio::test]
async fn an_acknowledgement_has_three_members_and_nobody_may_keep_it() {
    let provider = Provider::start().await;
    let answer = provider.ask(&[], at(0.0)).await;
    assert_eq!(answer.status, 200);
    let id = answer.text("auth_req_id");
    assert_eq!(answer.body, json!({"auth_req_id": id, "expires_in": 120, "interval": 5}));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), None, "HYG-1-11");
}

/// CIBA-7.3-02, CIBA-7.3-03
#[tokio::test]
async fn an_auth_req_id_is_44_unique_base64url_characters() {
    let provider = patient_provider().await;
    let mut ids = BTreeSet::new();
    for _ in 0..10 {
        ids.insert(provider.asked(&[], at(0.0)).await.0);
    }
    assert_eq!(ids.len(), 10);
    for id in ids {
        assert_eq!(id.len(), 44);
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{id}");
    }
}

/// CIBA-7.3-04, HYG-2-03
#[tokio::test]
async fn neither_side_can_tell_the_name_that_the_other_one_uses() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    let key = RequestKey::parse(&request).expect("a request key");
    let sealed = URL_SAFE_NO_PAD.decode(&auth_req_id).expect("base64url");
    assert!(!sealed.windows(4).any(|bytes| key.as_bytes().windows(4).any(|part| part == bytes)));
    assert!(!Value::from(provider.items().await).to_string().contains(&auth_req_id));

    assert_eq!(provider.poll(&request, at(5.0)).await.refusal(), (400, "invalid_grant"));
    let seen = provider.consent("alice", "GET", &format!("/consent/{auth_req_id}"), "", at(5.0)).await;
    assert_eq!(seen.status, 404);
    let own = provider.consent("alice", "GET", &format!("/consent/{request}"), "", at(5.0)).await;
    assert_eq!(own.status, 200, "the link itself works");
}

/// CIBA-7.3-05, ATK-5-02, ATK-5-04
#[tokio::test]
async fn expires_in_counts_from_receipt_and_ttl_is_a_day_later() {
    let provider = Provider::start().await;
    let answer = provider.ask(&[("requested_expiry", "45")], at(0.25)).await;
    assert_eq!(answer.body["expires_in"], 45);
    let record = pending(&provider).await;
    assert_eq!(record["created_at"], at(0.25).millis().to_string());
    assert_eq!(record["expires_at"], at(45.25).millis().to_string());
    let ttl: i64 = record["ttl"].as_str().and_then(|text| text.parse().ok()).expect("a ttl");
    let day = 24 * 60 * 60;
    assert!((START.seconds() + 45 + day..=START.seconds() + 46 + day).contains(&ttl), "seconds, not {ttl}");
}

/// CIBA-7.3-07, CIBA-7.3-08
#[tokio::test]
async fn the_interval_answered_is_the_interval_enforced() {
    let provider = Provider::with(&[("POLL_INTERVAL_SECONDS", "9")]).await;
    let answer = provider.ask(&[], at(0.0)).await;
    assert_eq!(answer.body["interval"], 9);
    let id = answer.text("auth_req_id");
    assert_eq!(provider.poll(id, at(9.0)).await.refusal(), (400, "authorization_pending"));
    assert_eq!(provider.poll(id, at(17.0)).await.refusal(), (400, "slow_down"));
}

/// CIBA-7.1-02
#[tokio::test]
async fn credentials_in_the_body_lead_to_the_same_acknowledgement() {
    let provider = Provider::start().await;
    let answer = send(&provider, &posted_by("call-centre", SECRET, &VALID), at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.text("auth_req_id");
    assert_eq!(answer.body, json!({"auth_req_id": id, "expires_in": 120, "interval": 5}));
    assert_eq!(pending(&provider).await["client_id"], "call-centre");
}

/// CIBA-7.2-05, ATK-8-03: it belongs to the client that asked.
#[tokio::test]
async fn an_acknowledged_request_waits_for_the_person_asked() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    let record = pending(&provider).await;
    assert_eq!(record["pk"], format!("request#{request}"));
    assert_eq!(record["client_id"], "kiosk");
    assert_eq!(record["mode"], "poll");
    assert_eq!(record["scope"], "openid profile");
    let waiting = async |sub| {
        let list = provider.consent(sub, "GET", "/consent", "", at(1.0)).await;
        list.body["requests"].as_array().expect("a list").len()
    };
    assert_eq!((waiting("bob").await, waiting("alice").await), (1, 0));
}
