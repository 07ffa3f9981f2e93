//! `request_context`: what the client says about where it was asked.

use ciba_tests::{START, at};
use serde_json::{Value, json};

use super::{evidence, provider, shown};
use crate::consent::person::{approve, open};

fn context() -> Value {
    json!({"location": {"country": "DE", "branch": "Main St 4"}, "note": "call +44 20 7946 0958"})
}

/// CIBA-7.1.1-04, FCIBA-12
#[tokio::test]
async fn a_context_that_is_no_object_or_too_long_is_refused() {
    let provider = provider(json!({})).await;
    let before = provider.traces().await;
    let long = json!({"note": "x".repeat(2 * 1024)}).to_string();
    for text in ["DE", "[]", "1", "{", r#"{"a": 1, "a": 2}"#, &long] {
        let answer = provider.ask(&[("request_context", text)], START).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{text}");
    }
    assert_eq!(provider.traces().await, before);
}

/// FCIBA-12, ATK-2-05, ATK-1-08: it is shown as the client's words.
#[tokio::test]
async fn a_context_is_shown_signed_and_kept_as_it_was_sent() {
    let provider = provider(json!({})).await;
    let mut phone = provider.enroll_passkey("alice", at(0.0)).await;
    let (auth_req_id, request) =
        provider.asked(&[("request_context", &context().to_string())], at(1.0)).await;
    assert_eq!(shown(&provider, &request, "en", at(2.0)).await["request_context"], context());
    let page = open(&provider, &request, at(2.0)).await;
    assert!(page.html.contains("What <bdi>City Kiosk</bdi> says about where this started"), "{}", page.html);
    assert!(page.html.contains("<dt dir=\"auto\">location / branch</dt><dd dir=\"auto\">Main St 4</dd>"));
    assert!(!page.html.contains("7946"), "it reads like an instruction");
    assert_eq!(approve(&provider, &request, &mut phone, "openid profile", at(3.0)).await.status, 200);
    let kept = evidence(&provider).await;
    assert_eq!(kept["request_context"], context());
    let statement: Value = serde_json::from_str(kept["proof"]["statement"].as_str().unwrap()).unwrap();
    assert_eq!(statement["request_context"]["value"], context());
    assert_eq!(statement["request_context"]["rows"].as_array().unwrap().len(), 2);
    // It is about the request, and in no token.
    let tokens = provider.poll(&auth_req_id, at(6.0)).await;
    assert_eq!(tokens.status, 200);
    assert!(!tokens.body.to_string().contains("request_context"));
}
