//! What a person is shown.

use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{refusal, refused};

/// The names of the requests that `sub` is shown.
async fn listed(provider: &Provider, sub: &str, now: f64) -> Vec<String> {
    let answer = provider.consent(sub, "GET", "/consent", "", at(now)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let requests = answer.body["requests"].as_array().expect("requests").iter();
    requests.map(|view| view["request"].as_str().expect("a name").to_owned()).collect()
}

/// What `alice` reads of one request.
async fn read(provider: &Provider, request: &str, now: f64) -> Value {
    let answer = provider.consent("alice", "GET", &format!("/consent/{request}"), "", at(now)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// `state` and `decide_in` of one request.
async fn standing(provider: &Provider, request: &str, now: f64) -> (String, u64) {
    let view = read(provider, request, now).await;
    (view["state"].as_str().expect("state").to_owned(), view["decide_in"].as_u64().expect("decide_in"))
}

/// CIBA-8-02, ATK-1-12: nothing is preselected.
#[tokio::test]
async fn everything_pending_is_listed_with_client_and_message() {
    let provider = Provider::start().await;
    provider.register(json!({"client_id": "teller", "client_name": "Bank Teller 4"})).await.unwrap();
    let (_, kiosk) = provider
        .asked(&[("binding_message", "K7-2931"), ("acr_values", "urn:example:acr:mfa")], at(0.0))
        .await;
    let shorter = [("binding_message", "Desk 4"), ("requested_expiry", "60"), ("scope", "openid")];
    assert_eq!(provider.ask_as("teller", &shorter, at(1.0)).await.status, 200);
    let teller = provider.sns.messages().pop().unwrap().text.rsplit('/').next().unwrap().to_owned();

    let answer = provider.consent("alice", "GET", "/consent", "", at(2.5)).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let expected = json!({"requests": [
        {
            "request": teller,
            "state": "pending",
            "client": {"client_id": "teller", "client_name": "Bank Teller 4"},
            "binding_message": "Desk 4",
            "scope": "openid",
            "created_at": 1_800_000_001,
            "decide_in": 52,
        },
        {
            "request": kiosk,
            "state": "pending",
            "client": {"client_id": "kiosk", "client_name": "City Kiosk"},
            "binding_message": "K7-2931",
            "scope": "openid profile",
            "acr_values": "urn:example:acr:mfa",
            "created_at": 1_800_000_000,
            "decide_in": 111,
        },
    ]});
    assert_eq!(answer.body, expected);
    let mut one = read(&provider, &kiosk, 2.5).await;
    let more = ["proof", "statement"].map(|name| one.as_object_mut().expect("an object").remove(name));
    assert!(more.iter().all(Option::is_some), "and how to decide it: {more:?}");
    assert_eq!(one, expected["requests"][1], "reading one shows the same");
}

#[tokio::test]
async fn nobody_is_shown_what_somebody_else_was_asked() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    assert_eq!(listed(&provider, "bob", 1.0).await, [request]);
    assert!(listed(&provider, "alice", 1.0).await.is_empty());
    assert!(listed(&provider, "nobody-enrolled", 1.0).await.is_empty());
}

#[tokio::test]
async fn a_request_leaves_the_list_when_it_is_decided() {
    for decision in ["approve", "deny"] {
        let provider = Provider::start().await;
        let (_, request) = provider.asked(&[], at(0.0)).await;
        assert_eq!(listed(&provider, "alice", 1.0).await, [request.as_str()]);
        let answer = provider.decide("alice", &request, json!({"decision": decision}), at(2.0)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(listed(&provider, "alice", 3.0).await.is_empty(), "{decision}");
    }
}

/// ATK-1-05
#[tokio::test]
async fn a_superseded_request_leaves_the_list_to_its_successor() {
    let provider = Provider::start().await;
    let (_, older) = provider.asked(&[], at(0.0)).await;
    let (_, newer) = provider.asked(&[], at(1.0)).await;
    assert_eq!(listed(&provider, "alice", 2.0).await, [newer.as_str()]);
    assert_eq!(standing(&provider, &older, 2.0).await, ("cancelled".to_owned(), 0));
}

/// The last seven seconds belong to the client, for collecting: nothing can be decided in them.
#[tokio::test]
async fn a_request_leaves_the_list_when_it_is_too_late_to_decide() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    assert_eq!(listed(&provider, "alice", 112.9).await, [request]);
    assert!(listed(&provider, "alice", 113.0).await.is_empty());
    assert!(listed(&provider, "alice", 120.0).await.is_empty());
}

#[tokio::test]
async fn what_the_client_did_not_send_is_absent() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let view = read(&provider, &request, 1.0).await;
    assert_eq!((view.get("binding_message"), view.get("acr_values")), (None, None));
}

/// CIBA-8-05
#[tokio::test]
async fn a_request_shows_its_state_and_the_time_left_to_the_end() {
    let provider = Provider::start().await;
    let state = |name: &str, left: u64| (name.to_owned(), left);
    let (_, request) = provider.asked(&[], at(0.0)).await;
    assert_eq!(standing(&provider, &request, 0.0).await, state("pending", 113));
    assert_eq!(standing(&provider, &request, 112.1).await, state("pending", 1));
    assert_eq!(standing(&provider, &request, 113.0).await, state("pending", 0));
    assert_eq!(standing(&provider, &request, 120.0).await, state("expired", 0));

    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    assert_eq!(standing(&provider, &request, 2.0).await, state("approved", 0));
    assert_eq!(standing(&provider, &request, 120.0).await, state("expired", 0), "nobody collected");
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    assert_eq!(standing(&provider, &request, 6.0).await, state("redeemed", 0));
    assert_eq!(standing(&provider, &request, 121.0).await, state("redeemed", 0));

    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.decide("alice", &request, json!({"decision": "deny"}), at(1.0)).await.status, 200);
    assert_eq!(standing(&provider, &request, 2.0).await, state("denied", 0));
    assert_eq!(standing(&provider, &request, 121.0).await, state("denied", 0));
}

/// CIBA-8-03
#[tokio::test]
async fn foreign_unknown_and_malformed_names_are_answered_alike() {
    let provider = Provider::start().await;
    let (_, of_bob) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    let body = json!({"client_id": "kiosk", "decision": "approve"}).to_string();
    let longer = format!("{of_bob}A");
    let padded = format!("{of_bob}==");
    let names = [
        &*of_bob,
        "AAAAAAAAAAAAAAAAAAAAAA",
        "A",
        &of_bob[..21],
        &longer,
        &padded,
        "%2e%2e",
        "..",
        "request%23x",
    ];
    let mut answers = Vec::new();
    for name in names {
        for (method, path, body) in [
            ("GET", format!("/consent/{name}"), ""),
            ("POST", format!("/consent/{name}/decision"), body.as_str()),
        ] {
            let answer =
                super::without_effect(&provider, provider.consent("alice", method, &path, body, at(1.0)))
                    .await;
            assert_eq!(answer.refusal(), (404, "not_found"), "{method} {path}");
            answers.push((answer.body, answer.headers));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(provider.consent("bob", "GET", &format!("/consent/{of_bob}"), "", at(1.0)).await.status, 200);
}

/// CIBA-8-04
#[tokio::test]
async fn neither_side_knows_the_request_by_the_other_sides_name() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    for name in [&auth_req_id[..], &auth_req_id[..22], &auth_req_id[22..]] {
        let path = format!("/consent/{name}");
        let reading = provider.consent("alice", "GET", &path, "", at(1.0));
        assert_eq!(refused(&provider, reading).await, refusal(404, "not_found"), "{name}");
    }
    assert_eq!(refused(&provider, provider.poll(&request, at(6.0))).await, refusal(400, "invalid_grant"));
    assert!(!read(&provider, &request, 7.0).await.to_string().contains(&auth_req_id));
}
