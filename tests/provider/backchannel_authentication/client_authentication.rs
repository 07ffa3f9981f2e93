//! Client authentication (requirements C.1, C.2), before anything else is looked at.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciba::http::Request;
use ciba_tests::{Provider, SECRET, at, basic, form, form_request};
use serde_json::json;

use super::{VALID, posted_by, provider, refused, send};

const WRONG: &str = "a-secret-that-is-not-the-right-one";
const UNAUTHENTICATED: (u16, &str) = (401, "invalid_client");

/// These parameters under this `Authorization`.
fn under(authorization: &str, parameters: &[(&str, &str)]) -> Request {
    form_request("/bc-authorize", Some(authorization), &form(parameters))
}

fn with(extra: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&VALID, extra].concat()
}

async fn add_disabled_client(provider: &Provider) {
    for (id, method) in
        [("shut", "client_secret_basic"), ("shut-too", "client_secret_post"), ("none", "client_secret_basic")]
    {
        let disabled = json!({"client_id": id, "active": id == "none", "token_endpoint_auth_method": method});
        provider.register(disabled).await.expect(id);
    }
}

/// CAUTH-1-02, CAUTH-1-05, CAUTH-1-06, CAUTH-1-07, CIBA-13-03
#[tokio::test]
async fn whoever_is_not_authenticated_gets_one_and_the_same_answer() {
    let provider = provider().await;
    add_disabled_client(&provider).await;
    let mut answers = Vec::new();
    for (what, request) in [
        ("an unknown client", under(&basic("nobody", SECRET), &VALID)),
        ("an unknown client in the body", posted_by("nobody", SECRET, &VALID)),
        ("a wrong secret", under(&basic("kiosk", WRONG), &VALID)),
        ("a wrong secret in the body", posted_by("call-centre", WRONG, &VALID)),
        ("a secret that is only a beginning", under(&basic("kiosk", &SECRET[..33]), &VALID)),
        ("another client's case", under(&basic("Kiosk", SECRET), &VALID)),
        ("a disabled client", under(&basic("shut", SECRET), &VALID)),
        ("a disabled client in the body", posted_by("shut-too", SECRET, &VALID)),
        ("the wrong method: post for Basic", posted_by("kiosk", SECRET, &VALID)),
        ("the wrong method: Basic for post", under(&basic("call-centre", SECRET), &VALID)),
        ("no credentials at all", form_request("/bc-authorize", None, &form(&VALID))),
        (
            "a name without a secret",
            form_request("/bc-authorize", None, &form(&with(&[("client_id", "kiosk")]))),
        ),
        (
            "a secret without a name",
            form_request("/bc-authorize", None, &form(&with(&[("client_secret", SECRET)]))),
        ),
    ] {
        let answer = refused(&provider, &request, UNAUTHENTICATED).await;
        assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Basic realm=")), "{what}");
        answers.push((what, answer));
    }
    let (_, first) = &answers[0];
    for (what, answer) in &answers {
        assert_eq!((&answer.body, &answer.headers), (&first.body, &first.headers), "{what}");
    }
}

/// CAUTH-2-02, CAUTH-2-05
#[tokio::test]
async fn an_authorization_header_of_another_kind_is_a_failed_attempt() {
    let provider = provider().await;
    let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let twice = format!("{0},{0}", basic("kiosk", SECRET));
    for authorization in [
        "Bearer abc",
        "Basic",
        "Basic ",
        "Basic !!!",
        "",
        &twice,
        &basic("kiosk", SECRET).replace("Basic ", "Basic"),
        &basic("kiosk", SECRET).replace("Basic", "Digest"),
        &encoded("kiosk"),
        &encoded("kiosk:"),
        &encoded(&format!(":{SECRET}")),
        &encoded(&format!("kiosk:{SECRET}%zz")),
        &encoded(&format!("kiosk\0:{SECRET}")),
    ] {
        let answer = refused(&provider, &under(authorization, &VALID), UNAUTHENTICATED).await;
        assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Basic ")));
    }
}

/// CAUTH-2-05: a header that fails is not helped by anything in the body.
#[tokio::test]
async fn body_credentials_do_not_rescue_a_foreign_header() {
    let provider = provider().await;
    let credentials = with(&[("client_id", "call-centre"), ("client_secret", SECRET)]);
    refused(&provider, &under("Bearer abc", &credentials), (400, "invalid_request")).await;
}

/// CAUTH-1-01
#[tokio::test]
async fn two_ways_of_client_authentication_at_once_are_refused() {
    let provider = provider().await;
    let header = basic("kiosk", SECRET);
    for (authorization, parameters) in [
        (Some(&header), with(&[("client_secret", SECRET)])),
        (Some(&header), with(&[("client_id", "kiosk"), ("client_secret", SECRET)])),
        (Some(&header), with(&[("client_assertion", "x")])),
        (Some(&header), with(&[("client_assertion_type", "x")])),
        (None, with(&[("client_id", "call-centre"), ("client_secret", SECRET), ("client_assertion", "x")])),
    ] {
        let request = form_request("/bc-authorize", authorization.map(String::as_str), &form(&parameters));
        refused(&provider, &request, (400, "invalid_request")).await;
    }
}

/// CAUTH-1-02
#[tokio::test]
async fn an_assertion_authenticates_no_client_of_a_secret() {
    let provider = provider().await;
    let assertion = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "e30.e30."),
    ];
    for id in [&[("client_id", "kiosk")][..], &[("client_id", "call-centre")], &[]] {
        let parameters = [&VALID[..], &assertion, id].concat();
        let request = form_request("/bc-authorize", None, &form(&parameters));
        refused(&provider, &request, UNAUTHENTICATED).await;
    }
}

/// CAUTH-1-04
#[tokio::test]
async fn a_client_id_beside_basic_must_be_the_same() {
    let provider = provider().await;
    let header = basic("kiosk", SECRET);
    for id in ["call-centre", "Kiosk", "kiosk ", "nobody"] {
        refused(&provider, &under(&header, &[&VALID[..], &[("client_id", id)]].concat()), UNAUTHENTICATED)
            .await;
    }
    let same = send(&provider, &under(&header, &with(&[("client_id", "kiosk")])), at(1.0)).await;
    assert_eq!(same.status, 200, "openid-client sends it");
}

/// CAUTH-2-01, CAUTH-2-04
#[tokio::test]
async fn basic_credentials_are_form_encoded_before_they_are_base64() {
    let provider = Provider::start().await;
    let secret = "colon:plus+percent%space and more!";
    provider.register(json!({"client_id": "till:7", "client_secret": secret})).await.expect("till:7");
    let encoded = STANDARD.encode("till%3A7:colon%3Aplus%2Bpercent%25space+and+more%21");
    for scheme in ["Basic", "basic", "BASIC"] {
        let answer = send(&provider, &under(&format!("{scheme} {encoded}"), &VALID), at(0.0)).await;
        assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
    }
}

/// CAUTH-1-03
#[tokio::test]
async fn a_client_without_a_registered_method_uses_basic() {
    let provider = Provider::start().await;
    provider.register(json!({"client_id": "till"})).await.expect("till");
    assert_eq!(send(&provider, &under(&basic("till", SECRET), &VALID), at(0.0)).await.status, 200);
}

/// A warm function keeps a client for a minute: what it knows must not lock a changed client out. A disabled client is
/// refused within a minute.
#[tokio::test]
async fn a_new_secret_works_at_once() {
    let provider = provider().await;
    let new = "another-secret-of-32-characters-or-more";
    provider.register(json!({"client_id": "kiosk", "client_secret": new})).await.expect("kiosk");
    assert_eq!(send(&provider, &under(&basic("kiosk", new), &VALID), at(2.0)).await.status, 200);
    refused(&provider, &under(&basic("kiosk", SECRET), &VALID), UNAUTHENTICATED).await;

    let disabled = json!({"client_id": "kiosk", "client_secret": new, "active": false});
    provider.register(disabled).await.expect("kiosk");
    let before = provider.traces().await;
    let answer = send(&provider, &under(&basic("kiosk", new), &VALID), at(62.0)).await;
    assert_eq!(answer.refusal(), UNAUTHENTICATED);
    assert_eq!(provider.traces().await, before);
}

/// CIBA-7.2-08, ATK-3-01, CIBA-7.2-01: nothing about a person before the client is known. Nothing is said about its
/// parameters either.
#[tokio::test]
async fn an_unauthenticated_client_learns_nothing_about_people() {
    let provider = provider().await;
    provider.enroll("carol", json!({"active": false})).await.expect("carol");
    let wrong = basic("kiosk", WRONG);
    let known = refused(&provider, &under(&wrong, &VALID), UNAUTHENTICATED).await;
    for parameters in [
        [("scope", "openid"), ("login_hint", "nobody")],
        [("scope", "openid"), ("login_hint", "carol")],
        [("scope", "openid"), ("login_hint", "tel:0")],
        [("scope", "profile"), ("login_hint", "alice")],
        [("scope", "openid"), ("id_token_hint", "x")],
    ] {
        provider.proxy.clear();
        let answer = refused(&provider, &under(&wrong, &parameters), UNAUTHENTICATED).await;
        assert_eq!((answer.body, answer.headers), (known.body.clone(), known.headers.clone()));
        let read: Vec<_> = provider.proxy.calls().iter().flat_map(|it| it.touches.clone()).collect();
        let people =
            read.iter().filter_map(|it| it.leading_key.as_deref()).filter(|key| !key.starts_with("client#"));
        assert_eq!(people.collect::<Vec<_>>(), [""; 0], "only clients are looked up");
    }
}

/// CIBA-13-03, CIBA-7.2-08: the answer does not depend on the person it asks for.
#[tokio::test]
async fn a_client_without_the_grant_may_not_use_ciba() {
    let provider = provider().await;
    provider
        .register(json!({"client_id": "till", "grant_types": ["authorization_code"]}))
        .await
        .expect("till");
    let known =
        refused(&provider, &under(&basic("till", SECRET), &VALID), (400, "unauthorized_client")).await;
    for parameters in [&[("scope", "openid"), ("login_hint", "nobody")][..], &[("scope", "profile")], &[]] {
        let request = under(&basic("till", SECRET), parameters);
        let answer = refused(&provider, &request, (400, "unauthorized_client")).await;
        assert_eq!(answer.body, known.body);
    }
}
