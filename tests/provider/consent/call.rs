//! Calls as HTTP sees them: paths, methods, bodies.

use ciba::http::Body;
use ciba_tests::{Answer, Provider, at, json_request, request};
use serde_json::{Value, json};

use super::{refusal, refused};

/// What decides about `kiosk`'s request.
fn approval() -> Value {
    json!({"client_id": "kiosk", "decision": "approve"})
}

/// A decision whose body and media type are given.
async fn decide(provider: &Provider, of: &str, media_type: Option<&str>, body: impl Into<Body>) -> Answer {
    let bearer = format!("Bearer {}", provider.login_token("alice", at(1.0), json!({})));
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(media_type.map(|value| ("content-type", value)));
    let request = request("POST", &format!("/consent/{of}/decision"), &headers, body);
    provider.call(&provider.consent, &request, at(1.0)).await
}

/// HYG-1-16
#[tokio::test]
async fn an_unsupported_method_is_405_and_names_the_right_one() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let (one, decision) = (format!("/consent/{name}"), format!("/consent/{name}/decision"));
    let body = approval().to_string();
    for (path, right) in [("/consent", "GET, HEAD"), (&one, "GET, HEAD"), (&decision, "POST")] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
            if right.contains(method) {
                continue;
            }
            let calling = provider.consent("alice", method, path, &body, at(1.0));
            let answer = super::without_effect(&provider, calling).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            // The answer to HEAD has no content.
            assert!(method == "HEAD" || answer.refusal().1 == "invalid_request", "{method} {path}");
            assert_eq!(answer.header("allow"), Some(right), "{method} {path}");
        }
    }
}

/// HYG-1-16
#[tokio::test]
async fn a_path_that_is_none_of_the_three_is_not_found() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let body = approval().to_string();
    for path in [
        "/".to_owned(),
        "/consent/".to_owned(),
        "/consents".to_owned(),
        format!("/consent{name}"),
        format!("/consent/{name}/"),
        format!("/consent/{name}/decisions"),
        format!("/consent/{name}/decision/"),
        format!("/consent/{name}/decision/x"),
        format!("/consent//{name}"),
        "/consent//decision".to_owned(),
    ] {
        let method = if path.ends_with("/decision") { "POST" } else { "GET" };
        let calling = provider.consent("alice", method, &path, &body, at(1.0));
        assert_eq!(refused(&provider, calling).await, refusal(404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn a_decision_is_json_and_says_so() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    for media_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonx"),
        Some("application/json-patch+json"),
        Some("text/plain; application/json"),
    ] {
        let deciding = decide(&provider, &name, media_type, approval().to_string());
        assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_request"), "{media_type:?}");
    }
    for media_type in ["application/json; charset=utf-8", "Application/JSON", "application/json"] {
        let answer = decide(&provider, &name, Some(media_type), approval().to_string()).await;
        assert_eq!(answer.status, 200, "{media_type}: {answer:?}");
    }
}

/// HYG-1-06
#[tokio::test]
async fn a_body_may_have_32_kib_and_not_a_byte_more() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let padded = |length: usize| format!("{:<length$}", approval().to_string());
    let deciding = decide(&provider, &name, Some("application/json"), padded(32 * 1024 + 1));
    assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_request"));
    assert_eq!(decide(&provider, &name, Some("application/json"), padded(32 * 1024)).await.status, 200);
}

/// API Gateway hands some bodies over as base64.
#[tokio::test]
async fn a_body_of_bytes_is_read_like_a_text() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let bytes = approval().to_string().into_bytes();
    assert_eq!(decide(&provider, &name, Some("application/json"), bytes).await.status, 200);
}

#[tokio::test]
async fn a_body_without_exactly_the_documented_members_is_refused() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    for body in [
        "",
        " ",
        "{",
        "[]",
        "null",
        "\"approve\"",
        "{}",
        r#"{"client_id":"kiosk"}"#,
        r#"{"decision":"approve"}"#,
        r#"{"client_id":null,"decision":"approve"}"#,
        r#"{"client_id":["kiosk"],"decision":"approve"}"#,
        r#"{"client_id":"kiosk","decision":"Approve"}"#,
        r#"{"client_id":"kiosk","decision":"approved"}"#,
        r#"{"client_id":"kiosk","decision":"allow"}"#,
        r#"{"client_id":"kiosk","decision":""}"#,
        r#"{"client_id":"kiosk","decision":true}"#,
        r#"{"client_id":"kiosk","decision":["approve"]}"#,
        r#"{"client_id":"kiosk","decision":"approve","scope":["openid"]}"#,
        r#"{"client_id":"kiosk","decision":"approve","scopes":"openid"}"#,
        r#"{"client_id":"kiosk","decision":"deny","decision":"approve"}"#,
        r#"{"client_id":"kiosk","decision":"approve"}}"#,
        r#"{"client_id":"kiosk","decision":"approve"} {}"#,
        "client_id=kiosk&decision=approve",
    ] {
        let deciding = decide(&provider, &name, Some("application/json"), body);
        assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_request"), "{body}");
    }
    let not_utf8 =
        [b"{\"client_id\":\"kiosk\",\"decision\":\"approve\",\"scope\":\"\xff\"}".as_slice()].concat();
    let deciding = decide(&provider, &name, Some("application/json"), not_utf8);
    assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_request"));
    let deciding = decide(&provider, &name, Some("application/json"), Body::Empty);
    assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_request"));
}

/// RFC 6750 §3.1: it names the scheme.
#[tokio::test]
async fn without_a_login_token_the_challenge_has_no_error() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let token = provider.login_token("alice", at(1.0), json!({}));
    let (basic, joined) = (format!("Basic {token}"), format!("Bearer {token},Bearer {token}"));
    let not_bearer = format!("Bearer{token}");
    for authorization in
        [None, Some(""), Some("Bearer"), Some("Bearer "), Some(&*basic), Some(&*joined), Some(&*not_bearer)]
    {
        for (method, path) in [
            ("GET", "/consent".to_owned()),
            ("GET", format!("/consent/{name}")),
            ("POST", format!("/consent/{name}/decision")),
        ] {
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(authorization.map(|value| ("authorization", value)));
            let request = request(method, &path, &headers, approval().to_string());
            let calling = provider.call(&provider.consent, &request, at(1.0));
            let answer = super::without_effect(&provider, calling).await;
            assert_eq!(answer.refusal().0, 401, "{authorization:?} {path}");
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Bearer realm="consent""#),
                "{authorization:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let provider = Provider::start().await;
    let token = provider.login_token("alice", at(1.0), json!({}));
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {token}");
        let request = request("GET", "/consent", &[("authorization", &authorization)], "");
        assert_eq!(provider.call(&provider.consent, &request, at(1.0)).await.status, 200, "{scheme}");
    }
}

/// HYG-1-04
#[tokio::test]
async fn a_login_token_in_the_query_or_in_the_body_is_not_taken() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let token = provider.login_token("alice", at(1.0), json!({}));
    let mut body = approval();
    body["access_token"] = token.as_str().into();
    for request in [
        json_request("GET", &format!("/consent?access_token={token}"), None, ""),
        json_request("GET", &format!("/consent/{name}?access_token={token}"), None, ""),
        json_request(
            "POST",
            &format!("/consent/{name}/decision?access_token={token}"),
            None,
            &approval().to_string(),
        ),
    ] {
        let calling = provider.call(&provider.consent, &request, at(1.0));
        assert_eq!(refused(&provider, calling).await.0, 401, "{request:?}");
    }
    let with_it = json_request("POST", &format!("/consent/{name}/decision"), None, &body.to_string());
    let calling = provider.call(&provider.consent, &with_it, at(1.0));
    assert_eq!(refused(&provider, calling).await, refusal(400, "invalid_request"), "no member of a decision");
}

/// RFC 9110 §9.3.2
#[tokio::test]
async fn head_is_answered_like_get_without_the_content() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    for path in ["/consent".to_owned(), format!("/consent/{name}"), "/consent/A".to_owned()] {
        let get = provider.consent("alice", "GET", &path, "", at(1.0)).await;
        let head = provider.consent("alice", "HEAD", &path, "", at(1.0)).await;
        assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{path}");
        assert!(get.body.is_object() && head.body.is_null(), "{path} {head:?}");
    }
}

/// What is malformed is told so, with its cause, before anybody asks who sends it.
#[tokio::test]
async fn a_malformed_decision_is_400_whatever_proves_it() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let good = format!("Bearer {}", provider.login_token("alice", at(1.0), json!({})));
    let old = format!("Bearer {}", provider.login_token("alice", at(1.0), json!({"auth_time": 1})));
    let proofs = [None, Some(good.as_str()), Some(&old), Some("Bearer x"), Some("Basic eDp5")];
    let long = "a".repeat(1025);
    let with = |member: &str, value: Value| {
        let mut body = approval();
        body[member] = value;
        body.to_string()
    };
    for (body, code, told) in [
        ("{".to_owned(), "invalid_request", "JSON"),
        (with("decision", json!("maybe")), "invalid_request", "decision"),
        (with("decision", Value::Null), "invalid_request", "decision"),
        (with("client_id", json!("a b")), "invalid_request", "client_id"),
        (with("passkey", json!({"id": "x"})), "invalid_request", "passkey"),
        (with("language", json!("tlh")), "invalid_request", "language"),
        (with("scope", json!(long)), "invalid_request", "1024"),
        (with("scope", json!("openid \"x\"")), "invalid_scope", "scope"),
        (with("sub", json!("alice")), "invalid_request", "not documented"),
        (with("authorization_details", json!("x")), "invalid_request", "authorization_details"),
    ] {
        for proof in proofs {
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(proof.map(|value| ("authorization", value)));
            let call = request("POST", &format!("/consent/{name}/decision"), &headers, body.clone());
            let calling = provider.call(&provider.consent, &call, at(1.0));
            let answer = super::without_effect(&provider, calling).await;
            assert_eq!(answer.refusal(), (400, code), "{body} {proof:?}");
            assert!(answer.text("error_description").contains(told), "{answer:?}");
        }
    }
}

/// HYG-1-08, HYG-1-10, HYG-1-11
#[tokio::test]
async fn no_answer_may_be_kept_or_read_by_another_origin() {
    let provider = Provider::start().await;
    let (_, name) = provider.asked(&[], at(0.0)).await;
    let one = format!("/consent/{name}");
    for (method, path, body) in [
        ("GET", "/consent", String::new()),
        ("GET", &*one, String::new()),
        ("POST", &format!("{one}/decision"), approval().to_string()),
        ("OPTIONS", "/consent", String::new()),
        ("GET", "/consent/A", String::new()),
    ] {
        let answer = provider.consent("alice", method, path, &body, at(1.0)).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        assert!(answer.header("strict-transport-security").is_some(), "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path}");
    }
}
