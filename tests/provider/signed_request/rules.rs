//! Who signs, what the JWT says of itself, and what it asks for.

use std::sync::Arc;

use ciba_tests::{Provider, Receiver, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{INVALID, Stand, claims, posted, register};
use crate::client_assertion;
use crate::foreign_issuer::{Document, ForeignIssuer, Key};

/// CIBA-7.1.1-01, CIBA-7.1.1-02, CIBA-7.1.1-03
#[tokio::test]
async fn what_is_signed_is_asked_as_if_it_stood_in_the_form() {
    let stand = Stand::new().await;
    let changes = json!({"binding_message": "K7-2931", "requested_expiry": 60, "acr_values": "urn:example:acr:mfa",
        "scope": "openid email"});
    let answer = stand.ask(&stand.request(changes), at(1.0)).await;
    assert_eq!((answer.status, answer.body["expires_in"].as_u64()), (200, Some(60)), "{answer:?}");
    let item = &stand.provider.items_under("request#").await[0];
    for (name, value) in
        [("binding_message", "K7-2931"), ("acr_values", "urn:example:acr:mfa"), ("scope", "openid email")]
    {
        assert_eq!(item[name], value, "{name}");
    }
    let changes = json!({"requested_expiry": "70", "jti": "2"});
    let answer = stand.ask(&stand.request(changes), at(2.0)).await;
    assert_eq!(answer.body["expires_in"], 70, "as a text too");
}

/// CIBA-4-10, CIBA-4-11, FCIBA-15, FCIBA-07
#[tokio::test]
async fn a_client_signs_its_requests_if_and_only_if_registered() {
    let stand = Stand::new().await;
    // Before the function knows the client.
    let other = Key::ps256("two");
    register(&stand.provider, &[&stand.key, &other], json!({})).await;
    let plain = form(&[("scope", "openid"), ("login_hint", "alice")]);
    let plain = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &plain);
    stand.assert_answered("unsigned", &plain, INVALID).await;
    stand.assert_refused("under another algorithm", &stand.signed_by(&other, json!({}))).await;

    let body = form(&[
        ("client_id", "call-centre"),
        ("client_secret", SECRET),
        ("request", &stand.request(json!({"iss": "call-centre"}))),
    ]);
    let unregistered = form_request("/bc-authorize", None, &body);
    stand.assert_answered("not registered", &unregistered, INVALID).await;
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
}

/// CIBA-7.1.1-05, FCIBA-15: PKCS1 is not accepted from a FAPI client.
#[tokio::test]
async fn each_asymmetric_algorithm_is_accepted() {
    for key in [Key::es256("one"), Key::ps256("one"), Key::ed_dsa("one"), Key::rs256("one")] {
        let alg = key.alg;
        let stand = Stand::with(key, json!({}), &[]).await;
        let answer = stand.ask(&stand.request(json!({})), at(1.0)).await;
        assert_eq!(answer.status, 200, "{alg}: {answer:?}");
        if alg == "RS256" {
            // Past the rules of registration, as a record of earlier days may be.
            stand.provider.set_attribute("client#kiosk", "client", "profile", "fapi-ciba").await;
            let answer = stand.ask(&stand.request(json!({"jti": "2"})), at(62.0)).await;
            assert_eq!(answer.refusal(), INVALID, "{alg}");
        }
    }
}

/// CIBA-7.1.1-06, CIBA-7.1.1-07, CIBA-7.1.1-08, CIBA-7.1.1-09, CIBA-7.1.1-12, CIBA-7.1.1-15, FCIBA-10, FCIBA-11, FCIBA-23,
/// CIBA-7.2-03
#[tokio::test]
async fn each_claim_rule_refuses_the_request_that_breaks_it() {
    let stand = Stand::new().await;
    let s = at(1.0).seconds();
    for changes in [
        json!({"iss": null}),
        json!({"iss": "call-centre"}),
        json!({"client_id": "call-centre"}),
        json!({"aud": null}),
        json!({"aud": "https://other.example"}),
        json!({"aud": "http://localhost:9000/bc-authorize"}),
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"nbf": null}),
        json!({"jti": null}),
        json!({"exp": s - 60, "nbf": s - 120}),
        json!({"exp": s + 4200}),
        json!({"nbf": s - 4200}),
        json!({"nbf": s + 600, "exp": s + 900}),
        json!({"iat": s + 120}),
        json!({"exp": s - 1, "nbf": s}),
        json!({"request": "x"}),
        json!({"request_uri": "https://client.example/r"}),
        json!({"scope": ["openid"]}),
        json!({"login_hint": {"sub": "alice"}}),
        json!({"requested_expiry": true}),
        json!({"request_context": "no object"}),
        json!({"scope": null}),
        json!({"login_hint": null}),
        json!({"login_hint_token": "x"}),
    ] {
        stand.assert_refused(&changes.to_string(), &stand.request(changes.clone())).await;
    }
    for (n, changes) in [
        json!({"aud": [Provider::ISSUER, "https://other.example"]}),
        json!({"client_id": "kiosk"}),
        json!({"nbf": s + 10, "iat": s + 10}),
        json!({"exp": s + 3599, "nbf": s}),
        json!({"request_context": {"place": "till 7"}}),
        json!({"anything": {"else": 1}, "binding_message": ""}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut changes = changes;
        changes["jti"] = json!(format!("good-{n}"));
        assert_eq!(stand.ask(&stand.request(changes.clone()), at(1.0)).await.status, 200, "{changes}");
    }
}

/// CIBA-13-01: what is asked for is judged as ever, with the codes of its own.
#[tokio::test]
async fn a_signed_request_is_refused_with_the_code_of_its_mistake() {
    let stand = Stand::new().await;
    for (changes, expected) in [
        (json!({"scope": "profile"}), (400, "invalid_scope")),
        (json!({"scope": "openid everything"}), (400, "invalid_scope")),
        (json!({"login_hint": "nobody"}), (400, "unknown_user_id")),
        (json!({"binding_message": "\u{1f600}"}), (400, "invalid_binding_message")),
        (json!({"resource": ["urn:example:other"]}), (400, "invalid_target")),
        (json!({"requested_expiry": 0}), INVALID),
    ] {
        stand
            .assert_answered(&changes.to_string(), &posted(&stand.request(changes.clone()), &[]), expected)
            .await;
    }
}

/// CIBA-7.1.1-10, CIBA-7.1.1-11
#[tokio::test]
async fn nothing_stands_beside_it_but_what_authenticates_the_client() {
    let stand = Stand::new().await;
    let request = stand.request(json!({}));
    for name in [
        "scope",
        "login_hint",
        "id_token_hint",
        "login_hint_token",
        "binding_message",
        "user_code",
        "requested_expiry",
        "acr_values",
        "client_notification_token",
        "resource",
        "authorization_details",
        "request_context",
        "request_uri",
        "state",
    ] {
        stand.assert_answered(name, &posted(&request, &[(name, "openid")]), INVALID).await;
    }
    let beside = stand.send(&posted(&request, &[("client_id", "kiosk")]), at(1.0)).await;
    assert_eq!(beside.status, 200, "{beside:?}");
}

/// CIBA-7.1.1-12
#[tokio::test]
async fn a_request_uri_is_refused_and_nothing_fetched() {
    let (stand, elsewhere) = (Stand::new().await, ForeignIssuer::start().await);
    for client in ["kiosk", "call-centre"] {
        let body = form(&[("request_uri", &elsewhere.jwks_uri())]);
        let request = match client {
            "kiosk" => form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body),
            _ => {
                let credentials = form(&[("client_id", client), ("client_secret", SECRET)]);
                form_request(
                    "/bc-authorize",
                    None,
                    &format!("{body}&{credentials}&scope=openid&login_hint=alice"),
                )
            }
        };
        stand.assert_answered(client, &request, INVALID).await;
    }
    assert_eq!(elsewhere.fetches(), 0);
}

/// CIBA-7.1.1-17, ATK-8-01
#[tokio::test]
async fn a_request_of_another_client_is_refused_whoever_sends_it() {
    let stand = Stand::new().await;
    let theirs = Key::es256("one");
    let other = json!({"client_id": "other", "jwks": {"keys": [theirs.jwk]},
        "backchannel_authentication_request_signing_alg": "ES256"});
    stand.provider.register(other).await.expect("other");
    stand.assert_refused("theirs, sent by us", &stand.signed_by(&theirs, json!({"iss": "other"}))).await;
    stand.assert_refused("their key in our name", &stand.signed_by(&theirs, json!({}))).await;
    let body = form(&[("request", &stand.request(json!({})))]);
    let sent = form_request("/bc-authorize", Some(&basic("other", SECRET)), &body);
    stand.assert_answered("ours, sent by them", &sent, INVALID).await;
    let named = posted(&stand.request(json!({})), &[("client_id", "other")]);
    stand.assert_answered("in the name of two", &named, (401, "invalid_client")).await;
}

/// CIBA-7.1.1-14
#[tokio::test]
async fn a_request_says_that_it_is_one_or_nothing_about_it() {
    let stand = Stand::new().await;
    for typ in ["client-authentication+jwt", "dpop+jwt", "at+jwt", "secevent+jwt", ""] {
        stand.assert_refused(typ, &stand.with_header(json!({ "typ": typ }), &claims(json!({})))).await;
    }
    for (n, typ) in [
        json!("oauth-authz-req+jwt"),
        json!("OAUTH-Authz-Req+JWT"),
        json!("application/oauth-authz-req+jwt"),
        json!("JWT"),
        json!("jwt"),
        Value::Null,
    ]
    .into_iter()
    .enumerate()
    {
        let request = stand.with_header(json!({ "typ": typ }), &claims(json!({"jti": n.to_string()})));
        assert_eq!(stand.ask(&request, at(1.0)).await.status, 200, "{typ}");
    }
}

/// CIBA-7.1.1-18
#[tokio::test]
async fn a_request_is_good_once_and_one_about_nobody_still_is() {
    let stand = Stand::new().await;
    let request = stand.request(json!({}));
    assert_eq!(stand.ask(&request, at(1.0)).await.status, 200);
    for now in [2.0, 329.0, 331.0] {
        assert_eq!(stand.ask(&request, at(now)).await.refusal(), INVALID, "{now}");
    }
    let carol = stand.request(json!({"login_hint": "carol", "jti": "2"}));
    assert_eq!(stand.ask(&carol, at(2.0)).await.refusal(), (400, "unknown_user_id"));
    stand.provider.enroll("carol", json!({"channels": [{"sms": "+15555550102"}]})).await.expect("carol");
    assert_eq!(stand.ask(&carol, at(3.0)).await.status, 200);
    // A name within its client, and within its kind.
    let key = Key::es256("two");
    client_assertion::register(&stand.provider, "teller", &[&key], json!({})).await;
    let assertion = key
        .sign(&key.header().to_string(), &client_assertion::claims(json!({"jti": "request-1"})).to_string());
    let request = client_assertion::asserted(
        "/bc-authorize",
        &assertion,
        &[("scope", "openid"), ("login_hint", "bob")],
    );
    assert_eq!(stand.send(&request, at(4.0)).await.status, 200);
}

/// CIBA-7.1.1-18: of any number at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_requests_with_one_jwt_one_is_acknowledged() {
    let stand = Arc::new(Stand::new().await);
    let request = stand.request(json!({}));
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (stand, request) = (Arc::clone(&stand), request.clone());
        tasks.spawn(async move { stand.ask(&request, at(1.0)).await.status });
    }
    let mut statuses = tasks.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
    assert_eq!(stand.provider.sns.attempts().len(), 1);
}

/// CIBA-7.1.1-10: what a ping client is called with and what the person keeps secret are claims, too.
#[tokio::test]
async fn notification_token_and_user_code_come_signed() {
    let receiver = Receiver::start().await;
    let changes = json!({"backchannel_token_delivery_mode": "ping", "backchannel_user_code_parameter": true,
        "backchannel_client_notification_endpoint": receiver.url()});
    let stand = Stand::with(Key::es256("one"), changes, &[]).await;
    stand.assert_refused("no token", &stand.request(json!({}))).await;
    let token = "8d67dc78-7faa-4d41-aabd-67707b374255";
    let changes = json!({"client_notification_token": token, "user_code": "1234"});
    let request = stand.request(changes);
    let answer = stand.ask(&request, at(1.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stand.provider.items_under("request#").await.len(), 2, "the request and its delivery");
}

/// CIBA-7.1.1-16: and nobody is refused for what is not their fault.
#[tokio::test]
async fn keys_at_a_uri_verify_requests_and_503_uses_nothing_up() {
    let server = ForeignIssuer::start().await;
    let changes = json!({"jwks": null, "jwks_uri": server.jwks_uri()});
    let stand = Stand::with(Key::es256("unused"), changes, &[]).await;
    let request = stand.signed_by(&server.key, json!({}));
    let good = Document::of([&server.key]);
    server.publish(Document { status: 500, ..good.clone() });
    assert_eq!(stand.ask(&request, at(1.0)).await.refusal(), (503, "temporarily_unavailable"));
    server.publish(good);
    assert_eq!(stand.ask(&request, at(7.0)).await.status, 200);
    stand.assert_refused("an unknown key", &stand.signed_by(&Key::es256("two"), json!({"jti": "2"}))).await;
}

/// One key set for both: an assertion authenticates, and what it carries is signed.
#[tokio::test]
async fn a_client_signs_its_assertion_and_its_request() {
    let stand = client_assertion::Stand::with(
        Key::es256("one"),
        json!({"backchannel_authentication_request_signing_alg": "ES256"}),
        &[],
    )
    .await;
    let request = stand.signed_claims(&claims(json!({"iss": "teller"})));
    let assertion = stand.assertion(json!({}));
    let posted = client_assertion::asserted("/bc-authorize", &assertion, &[("request", &request)]);
    let provider = &stand.provider;
    let answer = provider.call(&provider.backchannel_authentication, &posted, at(1.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
