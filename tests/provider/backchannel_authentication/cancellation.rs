//! A client cancels what it asked: an extension, `POST /bc-authorize/cancel`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ciba_local::proxy::Loss;
use ciba_tests::{Provider, SECRET, at, basic, form, form_request, request};
use serde_json::json;
use tokio::task::JoinSet;

use super::patient_provider;
use crate::consent::person::open;

const INVALID: (u16, &str) = (400, "invalid_grant");

/// ATK-4-07, CIBA-11-06
#[tokio::test]
async fn what_its_client_cancels_is_over_for_client_and_person() {
    let provider = Provider::start().await;
    let (id, key) = provider.asked(&[], at(0.0)).await;
    let answer = provider.cancel_as("kiosk", &id, at(3.0)).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({})));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    assert_eq!(provider.poll(&id, at(5.0)).await.refusal(), (400, "access_denied"));
    let shown = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(5.0)).await;
    assert_eq!(shown.text("state"), "cancelled");
    assert_eq!(provider.consent("alice", "GET", "/consent", "", at(5.0)).await.body, json!({"requests": []}));
    for decision in ["approve", "deny"] {
        let answer = provider.decide("alice", &key, json!({ "decision": decision }), at(6.0)).await;
        assert_eq!(answer.refusal(), (409, "not_open"));
    }
    let page = open(&provider, &key, at(6.0)).await;
    assert_eq!(page.status, 404, "{page:?}");
    assert_eq!(provider.items_under("evidence#").await.len(), 0);
}

/// A first answer that was lost is asked for again, after the request's end, too.
#[tokio::test]
async fn cancelling_twice_is_cancelling_once() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.cancel_as("kiosk", &id, at(3.0)).await.status, 200);
    let before = provider.traces().await;
    for seconds in [4.0, 119.0, 121.0] {
        let again = provider.cancel_as("kiosk", &id, at(seconds)).await;
        assert_eq!((again.status, &again.body), (200, &json!({})), "{seconds}");
    }
    assert_eq!(provider.traces().await, before);
    for loss in [Loss::Connection, Loss::InternalServerError, Loss::Silence] {
        let provider = Provider::start().await;
        let (id, _) = provider.asked(&[], at(0.0)).await;
        provider.proxy.lose_response("UpdateItem", 1, loss);
        assert_eq!(provider.cancel_as("kiosk", &id, at(3.0)).await.status, 200, "{loss:?}");
        assert_eq!(provider.items_under("request#").await[0]["cancelled_by"], "client");
    }
}

/// ATK-4-01, ATK-4-07, ATK-4-08: one answer for all of them, and nothing changes.
#[tokio::test]
async fn unknown_foreign_decided_and_expired_requests_look_alike() {
    let provider = patient_provider().await;
    provider.register(json!({"client_id": "teller"})).await.expect("teller");
    provider.enroll("carol", json!({"channels": [{"sms": "+15555550102"}]})).await.expect("carol");
    let (older, _) = provider.asked(&[("login_hint", "carol")], at(0.0)).await;
    let (pending, _) = provider.asked(&[("login_hint", "carol")], at(1.0)).await;
    let (denied, key) = provider.asked(&[("login_hint", "bob")], at(2.0)).await;
    provider.decide("bob", &key, json!({"decision": "deny"}), at(3.0)).await;
    let (redeemed, key) = provider.asked(&[], at(4.0)).await;
    provider.approve(&key, at(5.0)).await;
    assert_eq!(provider.poll(&redeemed, at(9.0)).await.status, 200);
    let (approved, key) = provider.asked(&[], at(10.0)).await;
    provider.approve(&key, at(11.0)).await;

    let before = provider.traces().await;
    let foreign = provider.cancel_as("teller", &pending, at(12.0)).await;
    for (id, seconds) in [
        (&*older, 12.0),
        (&denied, 12.0),
        (&approved, 12.0),
        (&redeemed, 12.0),
        (&pending, 121.0),
        (&"A".repeat(44), 12.0),
        ("forged", 12.0),
        (&key, 12.0),
    ] {
        let answer = provider.cancel_as("kiosk", id, at(seconds)).await;
        assert_eq!(answer.refusal(), INVALID, "{id} at {seconds}");
        assert_eq!((&answer.body, &answer.headers), (&foreign.body, &foreign.headers));
    }
    assert_eq!(provider.traces().await, before);
    assert_eq!(provider.poll(&approved, at(15.0)).await.status, 200, "what the person approved stands");
    assert_eq!(provider.poll(&pending, at(16.0)).await.refusal(), (400, "authorization_pending"));
}

/// CAUTH-1-01, CAUTH-1-07
#[tokio::test]
async fn who_is_not_authenticated_cancels_nothing() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    let before = provider.traces().await;
    let endpoint = &provider.backchannel_authentication;
    let body = form(&[("auth_req_id", &id)]);
    for authorization in [None, Some(basic("kiosk", "wrong")), Some(basic("call-centre", SECRET))] {
        let call = form_request("/bc-authorize/cancel", authorization.as_deref(), &body);
        let answer = provider.call(endpoint, &call, at(1.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_client"));
        assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Basic ")));
    }
    assert_eq!(provider.traces().await, before);
}

/// CIBA-10.1-01: so is another method than POST.
#[tokio::test]
async fn a_missing_or_oversized_auth_req_id_is_an_invalid_request() {
    let provider = Provider::start().await;
    let endpoint = &provider.backchannel_authentication;
    let long = "A".repeat(129);
    for (parameters, why) in [
        (&[][..], "auth_req_id is missing"),
        (&[("auth_req_id", "")], "auth_req_id is missing"),
        (&[("auth_req_id", &*long)], "auth_req_id is longer than 128 bytes"),
    ] {
        let call = form_request("/bc-authorize/cancel", Some(&basic("kiosk", SECRET)), &form(parameters));
        let answer = provider.call(endpoint, &call, at(1.0)).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"));
        assert_eq!(answer.text("error_description"), why);
    }
    let get = request("GET", "/bc-authorize/cancel", &[], "");
    let answer = provider.call(endpoint, &get, at(1.0)).await;
    assert_eq!((answer.refusal(), answer.header("allow")), ((405, "invalid_request"), Some("POST")));
}

/// Speed: one conditional write; a forged handle costs nothing.
#[tokio::test]
async fn a_cancelling_costs_one_write_and_a_forged_handle_nothing() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    provider.proxy.clear();
    // Of a key that is known: an unknown one may be new, and makes the keys be read again once a minute.
    let forged = format!("{}AAAA", &id[..40]);
    assert_eq!(provider.cancel_as("kiosk", &forged, at(1.0)).await.refusal(), INVALID);
    assert_eq!(provider.proxy.calls(), []);
    assert_eq!(provider.cancel_as("kiosk", &id, at(1.0)).await.status, 200);
    let calls = provider.proxy.calls();
    assert_eq!(calls.iter().map(|call| &*call.operation).collect::<Vec<_>>(), ["UpdateItem"]);
}

/// ATK-1-05, ATK-1-06: asking and taking back is asking all the same. The next one is asked at once.
#[tokio::test]
async fn a_cancelled_request_still_counts_towards_the_limit() {
    let provider = Provider::start().await;
    for seconds in [0.0, 2.0, 4.0] {
        let (id, _) = provider.asked(&[], at(seconds)).await;
        assert_eq!(provider.cancel_as("kiosk", &id, at(seconds + 1.0)).await.status, 200);
    }
    assert_eq!(provider.ask(&[], at(6.0)).await.refusal(), (403, "access_denied"));
}

/// Whoever could ask can take it back, also after the client lost the right to ask.
#[tokio::test]
async fn a_client_that_may_not_ask_any_more_can_still_cancel() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    provider.register(json!({"client_id": "kiosk", "grant_types": []})).await.expect("kiosk");
    assert_eq!(provider.ask(&[], at(61.0)).await.refusal(), (400, "unauthorized_client"));
    assert_eq!(provider.cancel_as("kiosk", &id, at(62.0)).await.status, 200);
}

/// ATK-4-07: the client cancels while the person approves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_client_cancels_and_approvals_the_first_stands() {
    for first in [0, 1] {
        let provider = Arc::new(Provider::start().await);
        let (id, request) = provider.asked(&[], at(0.0)).await;
        let mut tasks = JoinSet::new();
        for n in first..first + 20 {
            let (provider, id, request) = (Arc::clone(&provider), id.clone(), request.clone());
            tasks.spawn(async move {
                match n % 2 {
                    0 => ("cancelled", provider.cancel_as("kiosk", &id, at(1.0)).await.status),
                    _ => {
                        let approve = json!({"decision": "approve"});
                        ("approved", provider.decide("alice", &request, approve, at(1.0)).await.status)
                    }
                }
            });
        }
        let mut counts = BTreeMap::new();
        for answer in tasks.join_all().await {
            *counts.entry(answer).or_insert(0) += 1;
        }
        let cancelled = BTreeMap::from([(("cancelled", 200), 10), (("approved", 409), 10)]);
        let approved = BTreeMap::from([(("cancelled", 400), 10), (("approved", 200), 10)]);
        assert!(counts == cancelled || counts == approved, "{counts:?}");
        assert_eq!(provider.poll(&id, at(5.0)).await.status == 200, counts == approved);
    }
}
