//! The userinfo endpoint (OIDC Core §5.3; requirements D.10).

use ciba_tests::{Provider, START, at, request};
use serde_json::json;

use super::{API, enroll_alice, forged, provider, teller, tokens, userinfo};

/// TOK-10-01, TOK-10-02
#[tokio::test]
async fn an_access_token_tells_the_sub_and_the_claims_of_its_scope() {
    let provider = provider().await;
    let all = tokens(&provider, &[("scope", "openid profile email")]).await;
    let expected = json!({"sub": "alice", "name": "Alice Example", "email": "alice@example.com", "email_verified": true});
    for method in ["GET", "POST"] {
        let authorization = format!("Bearer {}", all.text("access_token"));
        let call = request(method, "/userinfo", &[("authorization", &authorization)], "");
        let answer = provider.call(&provider.userinfo, &call, at(6.0)).await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{method}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let least = tokens(&provider, &[("scope", "openid")]).await;
    assert_eq!(userinfo(&provider, least.text("access_token"), at(6.0)).await.body, json!({"sub": "alice"}));
}

/// TOK-10-01: RFC 9068 §4. What an API is sent is of no use to it here.
#[tokio::test]
async fn a_token_for_another_api_tells_nobody_who_it_is_about() {
    let own = Provider::ISSUER;
    let scope = ("scope", "openid profile read");
    for (changes, parameters, status) in [
        (json!({}), &[scope, ("resource", API)][..], 401),
        (json!({"audience": API}), &[scope], 401),
        (json!({"audience": "urn:example:all"}), &[("scope", "openid profile")], 401),
        (json!({}), &[scope, ("resource", API), ("audience", own)], 200),
        (json!({"audience": API}), &[("scope", "openid profile"), ("resource", own)], 200),
        (json!({"audience": "urn:example:all"}), &[("scope", "openid profile"), ("resource", own)], 200),
    ] {
        let provider = provider().await;
        provider.register(teller(changes.clone())).await.expect("teller");
        let tokens = tokens(&provider, parameters).await;
        for method in ["GET", "HEAD", "POST"] {
            let authorization = format!("Bearer {}", tokens.text("access_token"));
            let call = request(method, "/userinfo", &[("authorization", &authorization)], "");
            let answer = provider.call(&provider.userinfo, &call, at(6.0)).await;
            assert_eq!(answer.status, status, "{changes} {parameters:?} {answer:?}");
        }
    }
}

/// TOK-6-03, TOK-10-01: who was granted anything can ask who it was, with a token of its own.
#[tokio::test]
async fn a_token_for_userinfo_is_had_beside_one_for_an_api() {
    let provider = provider().await;
    let asked = [("scope", "openid profile offline_access read"), ("resource", API)];
    let first = tokens(&provider, &asked).await;
    assert_eq!(userinfo(&provider, first.text("access_token"), at(6.0)).await.status, 401);
    let grant = [
        ("grant_type", "refresh_token"),
        ("refresh_token", first.text("refresh_token")),
        ("resource", Provider::ISSUER),
    ];
    let own = provider.call(&provider.token, &super::posted("/oauth/token", "teller", &grant), at(6.0)).await;
    assert_eq!(own.text("scope"), "openid profile offline_access", "nothing of the API's");
    let expected = json!({"sub": "alice", "name": "Alice Example"});
    assert_eq!(userinfo(&provider, own.text("access_token"), at(7.0)).await.body, expected);
}

/// TOK-4-14, TOK-10-04
#[tokio::test]
async fn without_a_token_there_is_a_challenge_without_a_code() {
    let provider = provider().await;
    for headers in [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "Bearer ")]] {
        let answer =
            provider.call(&provider.userinfo, &request("GET", "/userinfo", headers, ""), at(6.0)).await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert_eq!(
            challenge,
            r#"Bearer realm="userinfo", DPoP realm="userinfo", algs="ES256 PS256 EdDSA Ed25519""#
        );
    }
}

/// TOK-10-04, TOK-2-08, HYG-3-09
#[tokio::test]
async fn what_is_no_good_access_token_is_invalid_token() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid offline_access")]).await;
    let access = tokens.text("access_token");
    let login = provider.login_token("alice", at(5.0), json!({}));
    for token in
        [tokens.text("id_token"), tokens.text("refresh_token"), &forged(access), &login, "x", "a.b.c"]
    {
        let answer = userinfo(&provider, token, at(6.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"), "{token}");
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(
            challenge.starts_with(r#"Bearer realm="userinfo", error="invalid_token", DPoP "#),
            "{challenge}"
        );
    }
    assert_eq!(userinfo(&provider, access, at(604.9)).await.status, 200);
    assert_eq!(
        userinfo(&provider, access, at(605.0)).await.refusal(),
        (401, "invalid_token"),
        "it has expired"
    );
}

/// TOK-10-04
#[tokio::test]
async fn a_token_without_openid_has_insufficient_scope() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid profile offline_access")]).await;
    let grant = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.text("refresh_token")),
        ("scope", "profile"),
    ];
    let narrowed =
        provider.call(&provider.token, &super::posted("/oauth/token", "teller", &grant), at(6.0)).await;
    let answer = userinfo(&provider, narrowed.text("access_token"), at(7.0)).await;
    assert_eq!(answer.refusal(), (403, "insufficient_scope"));
    assert!(answer.header("www-authenticate").expect("a challenge").contains(r#"scope="openid""#));
    assert_eq!(answer.text("scope"), "openid");
}

/// TOK-10-05
#[tokio::test]
async fn a_token_in_the_query_is_refused_and_in_the_body_ignored() {
    use lambda_http::RequestExt;
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid")]).await;
    let access = tokens.text("access_token");
    let query = std::collections::HashMap::from([("access_token".to_owned(), access.to_owned())]);
    let call = request("GET", "/userinfo", &[], "").with_query_string_parameters(query);
    assert_eq!(provider.call(&provider.userinfo, &call, at(6.0)).await.refusal(), (400, "invalid_request"));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let call = request("POST", "/userinfo", &form, format!("access_token={access}"));
    assert_eq!(provider.call(&provider.userinfo, &call, at(6.0)).await.status, 401);
}

/// ATK-8-04
#[tokio::test]
async fn userinfo_stops_for_a_disabled_person_or_client() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid")]).await;
    let access = tokens.text("access_token");
    enroll_alice(&provider, json!({"active": false})).await;
    assert_eq!(userinfo(&provider, access, at(6.0)).await.refusal(), (401, "invalid_token"));
    enroll_alice(&provider, json!({})).await;
    provider.register(teller(json!({"active": false}))).await.expect("teller");
    assert_eq!(userinfo(&provider, access, at(6.0)).await.refusal(), (401, "invalid_token"));
    provider.register(teller(json!({}))).await.expect("teller");
    assert_eq!(userinfo(&provider, access, at(6.0)).await.status, 200);
}

/// TOK-10-06, HYG-1-11
#[tokio::test]
async fn a_page_may_ask_with_a_token_of_its_own() {
    let provider = provider().await;
    let preflight =
        provider.call(&provider.userinfo, &request("OPTIONS", "/userinfo", &[], ""), at(6.0)).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("authorization, dpop, x-fapi-interaction-id")
    );
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, POST, OPTIONS"));
    let refused = provider.call(&provider.userinfo, &request("GET", "/userinfo", &[], ""), at(6.0)).await;
    for answer in [preflight, refused] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let exposed = Some("www-authenticate, ciba-www-authenticate, dpop-nonce, x-fapi-interaction-id");
        assert_eq!(answer.header("access-control-expose-headers"), exposed);
    }
}

/// HYG-1-16
#[tokio::test]
async fn other_methods_are_not_allowed() {
    let provider = provider().await;
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = provider.call(&provider.userinfo, &request(method, "/userinfo", &[], ""), at(6.0)).await;
        assert_eq!(answer.refusal(), (405, "invalid_request"), "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    }
}

/// FAPI 1.0 Baseline §6.2.1: a call has a name by which client and log know it, and its answer a date.
#[tokio::test]
async fn each_answer_is_dated_and_has_the_name_of_its_call() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid")]).await;
    let access = format!("Bearer {}", tokens.text("access_token"));
    let id = "c770aef3-6784-41f7-8e0e-FF5F97BDDB3A";
    let mut made = std::collections::BTreeSet::new();
    for (method, authorization, status) in
        [("GET", access.as_str(), 200), ("GET", "Bearer x", 401), ("PUT", "", 405), ("OPTIONS", "", 204)]
    {
        for sent in [Some(id), Some("not a UUID"), Some(""), None] {
            let mut headers = vec![("authorization", authorization)];
            headers.extend(sent.map(|id| ("x-fapi-interaction-id", id)));
            let call = request(method, "/userinfo", &headers, "");
            let answer = provider.call(&provider.userinfo, &call, START).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("date"), Some("Fri, 15 Jan 2027 08:00:00 GMT"));
            let named = answer.header("x-fapi-interaction-id").expect("a name").to_owned();
            let line = provider.eavesdropper.lines("answered").pop().expect("a line");
            assert_eq!((&line["interaction"], &line["status"]), (&json!(named), &json!(status)));
            if sent == Some(id) {
                assert_eq!(named, id)
            } else {
                assert!(named.len() == 36 && made.insert(named), "each is new")
            }
        }
    }
    assert_eq!(made.len(), 12);
}
