//! The introspection endpoint (RFC 7662; requirements D.8).

use ciba_tests::{Provider, START, at, basic, form, form_request, request};
use serde_json::json;

use super::{API, SCOPE, enroll_alice, forged, introspect, posted, provider, refresh, teller, tokens};

/// TOK-8-03, TOK-13-03
#[tokio::test]
async fn a_client_is_told_all_of_its_own_access_token() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid profile")]).await;
    let answer = introspect(&provider, "teller", tokens.text("access_token"), at(6.0)).await;
    let expected = json!({
        "active": true,
        "iss": Provider::ISSUER,
        "client_id": "teller",
        "sub": "alice",
        "scope": "openid profile",
        "iat": START.seconds() + 5,
        "exp": START.seconds() + 605,
        "auth_time": START.seconds() + 2,
        "acr": "urn:example:acr:mfa",
        "amr": ["pwd", "otp"],
        "token_type": "Bearer",
        "aud": [Provider::ISSUER],
        "jti": answer.body["jti"],
    });
    assert_eq!((answer.status, &answer.body), (200, &expected));
    assert_eq!(answer.text("jti").len(), 66);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// TOK-8-01, TOK-8-04
#[tokio::test]
async fn only_the_resource_server_that_a_token_is_for_is_told() {
    let provider = provider().await;
    let for_the_api = tokens(&provider, &[("scope", "openid read"), ("resource", API)]).await;
    let for_the_issuer = tokens(&provider, &[("scope", "openid profile")]).await;
    let told = introspect(&provider, "api", for_the_api.text("access_token"), at(6.0)).await;
    assert_eq!((&told.body["active"], &told.body["aud"]), (&json!(true), &json!([API])));
    let inactive = json!({"active": false});
    for (client, tokens) in [("api", &for_the_issuer), ("kiosk", &for_the_api), ("kiosk", &for_the_issuer)] {
        let answer = introspect(&provider, client, tokens.text("access_token"), at(6.0)).await;
        assert_eq!((answer.status, &answer.body), (200, &inactive), "{client}");
    }
}

/// TOK-8-02, TOK-3-13
#[tokio::test]
async fn a_refresh_token_is_shown_to_its_client_and_to_nobody_else() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", SCOPE), ("resource", API)]).await;
    let token = tokens.text("refresh_token");
    let answer = introspect(&provider, "teller", token, at(6.0)).await;
    assert_eq!((&answer.body["active"], &answer.body["scope"]), (&json!(true), &json!(SCOPE)));
    assert_eq!(answer.body["exp"], json!(START.seconds() + 5 + 14 * 24 * 60 * 60));
    assert_eq!(answer.body["token_type"], json!(null));
    for client in ["api", "kiosk"] {
        assert_eq!(introspect(&provider, client, token, at(6.0)).await.body, json!({"active": false}));
    }
    refresh(&provider, token, at(7.0)).await;
    assert_eq!(introspect(&provider, "teller", token, at(8.0)).await.body, json!({"active": false}));
    // Asking about a replaced token is not using it: the grant stands.
    let late = introspect(&provider, "teller", token, at(100.0)).await;
    assert_eq!(late.body, json!({"active": false}));
    let access = introspect(&provider, "teller", tokens.text("access_token"), at(100.0)).await;
    assert_eq!(access.body["active"], true);
}

/// TOK-8-02
#[tokio::test]
async fn an_invalid_token_is_inactive_and_nothing_more_is_said() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", SCOPE)]).await;
    let access = tokens.text("access_token");
    for token in [tokens.text("id_token"), &forged(access), "x", "a.b.c", "A.A.A.A.A"] {
        let answer = introspect(&provider, "teller", token, at(6.0)).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({"active": false})), "{token}");
    }
    assert_eq!(introspect(&provider, "teller", access, at(604.9)).await.body["active"], true);
    assert_eq!(introspect(&provider, "teller", access, at(605.0)).await.body, json!({"active": false}));
}

/// ATK-8-04
#[tokio::test]
async fn tokens_of_a_disabled_person_or_client_are_inactive() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid read"), ("resource", API)]).await;
    let access = tokens.text("access_token");
    enroll_alice(&provider, json!({"active": false})).await;
    assert_eq!(introspect(&provider, "api", access, at(6.0)).await.body, json!({"active": false}));
    enroll_alice(&provider, json!({})).await;
    provider.register(teller(json!({"active": false}))).await.expect("teller");
    assert_eq!(introspect(&provider, "api", access, at(6.0)).await.body, json!({"active": false}));
}

/// TOK-8-05, TOK-8-01
#[tokio::test]
async fn who_asks_is_authenticated() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid")]).await;
    let body = form(&[("token", tokens.text("access_token"))]);
    for authorization in
        [None, Some(basic("teller", "wrong")), Some(format!("Bearer {}", tokens.text("access_token")))]
    {
        let call = form_request("/oauth/introspect", authorization.as_deref(), &body);
        let answer = provider.call(&provider.introspection, &call, at(6.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_client"));
        assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Basic")));
    }
}

/// TOK-8-01, HYG-1-06, HYG-1-16
#[tokio::test]
async fn what_is_no_introspection_request_is_refused() {
    let provider = provider().await;
    for parameters in [&[][..], &[("token", "")], &[("token", &"a".repeat(8193))]] {
        let call = posted("/oauth/introspect", "teller", parameters);
        let answer = provider.call(&provider.introspection, &call, at(6.0)).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"));
    }
    let get = request("GET", "/oauth/introspect", &[], "");
    let answer = provider.call(&provider.introspection, &get, at(6.0)).await;
    assert_eq!((answer.refusal(), answer.header("allow")), ((405, "invalid_request"), Some("POST")));
}
