//! Token requests that are none (CIBA §10.1, RFC 6749 §5.2): refused, and the approval stands.

use ciba::http::Body;
use ciba_tests::{Provider, SECRET, at, basic, form, form_request, request};
use lambda_http::RequestExt;
use serde_json::json;

use super::{CIBA, posted, posted_by, refused, send};

const INVALID: (u16, &str) = (400, "invalid_request");
const UNAUTHENTICATED: (u16, &str) = (401, "invalid_client");
const FORM: &str = "application/x-www-form-urlencoded";

/// A provider where `kiosk` could redeem an approval at once.
async fn approved() -> (Provider, String) {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    (provider, id)
}

/// After all that was refused, the approval is still there.
async fn redeems(provider: &Provider, id: &str) {
    assert_eq!(provider.poll(id, at(9.0)).await.status, 200);
}

/// CIBA-10.1-01, CIBA-11-01: another one is unsupported.
#[tokio::test]
async fn a_missing_grant_type_is_an_invalid_request() {
    let (provider, id) = approved().await;
    refused(&provider, &posted(&[("auth_req_id", &id)]), at(5.0), INVALID).await;
    refused(&provider, &posted(&[("grant_type", ""), ("auth_req_id", &id)]), at(5.0), INVALID).await;
    for grant in [
        "authorization_code",
        "client_credentials",
        "password",
        "ciba",
        "urn:openid:params:grant-type:CIBA",
        "urn:openid:params:grant-type:ciba ",
        "urn:openid:params:modrna:grant-type:backchannel_request",
    ] {
        let request = posted(&[("grant_type", grant), ("auth_req_id", &id)]);
        refused(&provider, &request, at(5.0), (400, "unsupported_grant_type")).await;
    }
    redeems(&provider, &id).await;
}

/// CIBA-10.1-01, HYG-1-06
#[tokio::test]
async fn a_missing_or_overlong_auth_req_id_is_invalid() {
    let (provider, id) = approved().await;
    let long = "A".repeat(129);
    for parameters in [
        &[("grant_type", CIBA)][..],
        &[("grant_type", CIBA), ("auth_req_id", "")],
        &[("grant_type", CIBA), ("auth_req_id", &long)],
    ] {
        refused(&provider, &posted(parameters), at(5.0), INVALID).await;
    }
    redeems(&provider, &id).await;
}

/// HYG-1-01
#[tokio::test]
async fn a_repeated_parameter_is_refused_even_if_both_are_equal() {
    let (provider, id) = approved().await;
    let other = "A".repeat(44);
    for (name, value) in
        [("auth_req_id", &*id), ("auth_req_id", &other), ("grant_type", CIBA), ("unknown", "x")]
    {
        let valid = [("unknown", "x"), ("grant_type", CIBA), ("auth_req_id", &id)];
        let request = posted(&[&valid[..], &[(name, value)]].concat());
        refused(&provider, &request, at(5.0), INVALID).await;
    }
    redeems(&provider, &id).await;
}

/// HYG-1-03: Auth0's SDK for Python writes so. Only a client that is registered for it may, and at this endpoint only.
#[tokio::test]
async fn json_is_taken_of_clients_that_are_registered_for_it() {
    let (provider, id) = approved().await;
    let typed = |path: &str, body: &serde_json::Value, authorization: &str| {
        let headers = [("authorization", authorization), ("content-type", "application/json; charset=utf-8")];
        request("POST", path, &headers, Body::Text(body.to_string()))
    };
    let poll = json!({"grant_type": CIBA, "auth_req_id": id});
    let kiosk = basic("kiosk", SECRET);
    let answer = refused(&provider, &typed("/oauth/token", &poll, &kiosk), at(5.0), INVALID).await;
    assert!(answer.text("error_description").contains("x-www-form-urlencoded"), "{answer:?}");

    let registered = json!({"client_id": "kiosk", "token_endpoint_json": true});
    provider.register(registered).await.unwrap();
    let later = at(66.0);
    for wrong in
        [json!({"grant_type": CIBA, "auth_req_id": [id]}), json!({"grant_type": CIBA, "auth_req_id": null})]
    {
        refused(&provider, &typed("/oauth/token", &wrong, &kiosk), later, INVALID).await;
    }
    let secretless = typed("/oauth/token", &poll, &basic("kiosk", "wrong"));
    refused(&provider, &secretless, later, UNAUTHENTICATED).await;
    let asking = typed("/bc-authorize", &json!({"scope": "openid", "login_hint": "alice"}), &kiosk);
    let answer = provider.call(&provider.backchannel_authentication, &asking, later).await;
    assert_eq!(answer.refusal(), INVALID, "forms only");
    let answer = send(&provider, &typed("/oauth/token", &poll, &kiosk), later).await;
    assert_eq!((answer.status, answer.text("token_type")), (200, "Bearer"));
}

/// HYG-1-03: the secret may be among the texts.
#[tokio::test]
async fn json_may_have_the_clients_secret() {
    let provider = Provider::start().await;
    let registered = json!({"client_id": "call-centre", "token_endpoint_auth_method": "client_secret_post",
        "token_endpoint_json": true});
    provider.register(registered).await.unwrap();
    let body = |secret: &str| {
        let body = json!({"client_id": "call-centre", "client_secret": secret, "grant_type": CIBA, "auth_req_id": "x"});
        request("POST", "/oauth/token", &[("content-type", "application/json")], Body::Text(body.to_string()))
    };
    refused(&provider, &body("wrong"), at(1.0), UNAUTHENTICATED).await;
    refused(&provider, &body(SECRET), at(1.0), (400, "invalid_grant")).await;
}

/// HYG-1-03, HYG-1-04, HYG-1-05, HYG-1-06, HYG-1-16
#[tokio::test]
async fn what_is_no_form_post_is_refused_and_costs_nothing() {
    let (provider, id) = approved().await;
    let valid = form(&[("grant_type", CIBA), ("auth_req_id", &id)]);
    let authorization = basic("kiosk", SECRET);
    let typed = |media_type: &str, body: Body| {
        request(
            "POST",
            "/oauth/token",
            &[("authorization", &authorization), ("content-type", media_type)],
            body,
        )
    };
    let query: lambda_http::aws_lambda_events::query_map::QueryMap =
        form(&[("auth_req_id", &id)]).parse().expect("a query");
    provider.proxy.clear();
    for request in [
        typed("application/json", Body::Text(valid.clone())),
        typed("multipart/form-data; boundary=x", Body::Text(valid.clone())),
        request("POST", "/oauth/token", &[("authorization", &authorization)], valid.clone()),
        typed(FORM, Body::Text(form(&[("grant_type", CIBA)]))).with_query_string_parameters(query),
        typed(FORM, Body::Text(format!("{valid}&x=%"))),
        typed(FORM, Body::Text(format!("{valid}&x=%00"))),
        typed(FORM, Body::Binary([valid.as_bytes(), b"&x=\xff"].concat())),
        typed(FORM, Body::Text(format!("{valid}&x={}", "x".repeat(32 * 1024)))),
    ] {
        refused(&provider, &request, at(5.0), INVALID).await;
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let mut request = typed(FORM, Body::Text(valid.clone()));
        *request.method_mut() = method.parse().expect("a method");
        let answer = refused(&provider, &request, at(5.0), (405, "invalid_request")).await;
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
    }
    assert_eq!(provider.proxy.calls(), []);
    redeems(&provider, &id).await;
}

/// CIBA-10.1-02, CAUTH-1-01, CAUTH-1-02, CAUTH-1-05, CAUTH-1-06
#[tokio::test]
async fn who_is_not_authenticated_redeems_nothing() {
    let (provider, id) = approved().await;
    let grant = [("grant_type", CIBA), ("auth_req_id", id.as_str())];
    let under = |authorization: &str, extra: &[(&str, &str)]| {
        form_request("/oauth/token", Some(authorization), &form(&[&grant[..], extra].concat()))
    };
    let mut answers = Vec::new();
    for request in [
        form_request("/oauth/token", None, &form(&grant)),
        form_request("/oauth/token", None, &form(&[&grant[..], &[("client_id", "kiosk")]].concat())),
        under(&basic("nobody", SECRET), &[]),
        under(&basic("kiosk", "a-secret-that-is-not-the-right-one"), &[]),
        under("Bearer abc", &[]),
        under("", &[]),
        under(&basic("kiosk", SECRET), &[("client_id", "call-centre")]),
        posted_by("kiosk", SECRET, &id),
        under(&basic("call-centre", SECRET), &[]),
    ] {
        let answer = refused(&provider, &request, at(5.0), UNAUTHENTICATED).await;
        assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Basic realm=")));
        answers.push((answer.body, answer.headers));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    for extra in [("client_secret", SECRET), ("client_assertion", "x")] {
        refused(&provider, &under(&basic("kiosk", SECRET), &[extra]), at(5.0), INVALID).await;
    }
    redeems(&provider, &id).await;
}

/// CIBA-7.1-25, ATK-8-05: what else a poll has is ignored; nothing is granted on a poll's word.
#[tokio::test]
async fn parameters_that_a_poll_does_not_have_are_ignored() {
    let (provider, id) = approved().await;
    let request = posted(&[
        ("grant_type", CIBA),
        ("auth_req_id", &id),
        ("client_id", "kiosk"),
        ("scope", "openid email payments"),
        ("nonce", "n"),
    ]);
    let tokens = send(&provider, &request, at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let (_, claims) = super::tokens::verified(&provider, tokens.text("access_token")).await;
    assert_eq!((&claims["scope"], &claims["aud"]), (&json!("openid profile"), &json!(Provider::ISSUER)));
}

/// CIBA-7.1-02
#[tokio::test]
async fn a_client_with_its_credentials_in_the_body_redeems() {
    let provider = Provider::start().await;
    let parameters = [
        ("client_id", "call-centre"),
        ("client_secret", SECRET),
        ("scope", "openid"),
        ("login_hint", "alice"),
    ];
    let ask = form_request("/bc-authorize", None, &form(&parameters));
    let asked = provider.call(&provider.backchannel_authentication, &ask, at(0.0)).await;
    let poll = posted_by("call-centre", SECRET, asked.text("auth_req_id"));
    assert_eq!(send(&provider, &poll, at(5.0)).await.refusal(), (400, "authorization_pending"));
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link");
    let approval = json!({"decision": "approve", "client_id": "call-centre"});
    assert_eq!(provider.decide("alice", request, approval, at(6.0)).await.status, 200);
    assert_eq!(send(&provider, &poll, at(10.0)).await.status, 200);
}
