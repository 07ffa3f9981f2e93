//! A hook that fails: nobody is asked, and nothing is left behind.

use std::time::Duration;

use ciba::flows::Invocation;
use ciba::http::serve;
use ciba_local::lambda::Outcome;
use ciba_tests::{SECRET, at, basic, form, form_request};
use serde_json::json;

use super::{DOWN, HINT, Stand, carol, refused, with};

/// HOOK-2-01
#[tokio::test]
async fn a_resolver_that_fails_is_503_and_leaves_nothing() {
    let stand = Stand::new().await;
    let padding = "x".repeat(17 * 1024);
    for outcome in [
        Outcome::Fails,
        Outcome::IsDown,
        Outcome::IsThrottled,
        Outcome::Returns(Vec::new()),
        Outcome::Returns(b"null".to_vec()),
        Outcome::Returns(b"<html>".to_vec()),
        Outcome::Returns(b"\xff\xfe".to_vec()),
        Outcome::json(&json!({"version": 2, "user": carol()})),
        Outcome::json(&json!({"version": 1, "user": carol(), "error": "access_denied"})),
        Outcome::json(&json!({"version": 1, "user": with(json!({"claims": {"x": padding}}))})),
        Outcome::json(&json!({"version": 1, "user": with(json!({"issuer": "https://other.example"}))})),
        Outcome::json(&json!({"version": 1, "user": with(json!({"channels": [{"sms": "0815"}]}))})),
        Outcome::json(&json!({"version": 1, "user": with(json!({"channels": [{"sms": "+442079460958"}]}))})),
        Outcome::json(&json!({"version": 1, "user": with(json!({"sub": "a b"}))})),
        Outcome::json(&json!({"version": 1, "error": "server_error"})),
    ] {
        stand.does(outcome);
        refused(&stand, &[HINT], DOWN).await;
    }
}

/// HOOK-2-01
#[tokio::test]
async fn a_resolver_that_does_not_exist_is_503() {
    let stand = Stand::with(&[("USER_RESOLVER_FUNCTION", &ciba_local::lambda::Lambda::arn("gone"))]).await;
    refused(&stand, &[HINT], DOWN).await;
}

/// HOOK-2-01: a function that never answers holds a request for as long as the invocation allows, three seconds at most.
#[tokio::test]
async fn a_resolver_that_hangs_is_503() {
    let stand = Stand::new().await;
    stand.does(Outcome::Hangs);
    let before = stand.provider.traces().await;
    let body = form(&[("scope", "openid"), HINT]);
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    // Eight seconds are reserved for what follows.
    let invocation = Invocation::new(at(1.0), Duration::from_millis(8_300), serve::random);
    let endpoint = &stand.provider.backchannel_authentication;
    let answer = stand.provider.call_within(endpoint, &request, &invocation).await;
    assert_eq!(answer.refusal(), DOWN);
    assert_eq!(stand.provider.traces().await, before);
    assert_eq!(stand.events().len(), 1);
}

/// HOOK-2-02: neither what the function answers nor its error text reaches client or log.
#[tokio::test]
async fn a_failed_hook_is_told_without_its_words() {
    let stand = Stand::new().await;
    stand.does(Outcome::Fails);
    let answer = stand.ask(&[], at(0.0)).await;
    assert!(!answer.html.contains("carol") && !answer.html.contains("KeyError"), "{answer:?}");
    // One line for each call, with its metrics.
    let line = stand.provider.eavesdropper.lines("hook").pop().expect("a line");
    let (outcome, failed) = (&line["outcome"], &line["hook_failed"]);
    assert_eq!((outcome, failed, &line["level"]), (&json!("failed"), &json!(1), &json!("error")));
    assert_eq!(line["detail"], "Invoke: the function ended with an error");
    assert_eq!(
        line["id"],
        stand.events()[0]["id"],
        "by which the operator finds the call in the function's log"
    );
    assert!(line["hook_ms"].is_number(), "{line}");
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "ciba");
    let refused = stand.provider.eavesdropper.lines("refused").pop().expect("a line");
    assert_eq!(refused["detail"], "user_resolver: Invoke: the function ended with an error");
}

/// HOOK-2-02: an answer that is well-formed and wrong counts as a failure, too.
#[tokio::test]
async fn an_answer_that_contradicts_is_told_as_a_failure() {
    let stand = Stand::new().await;
    stand.describes(carol());
    assert_eq!(stand.ask(&[("login_hint", "sub:dave")], at(0.0)).await.refusal(), DOWN);
    let lines = stand.provider.eavesdropper.lines("hook");
    let told: Vec<_> = lines.iter().map(|line| (&line["outcome"], &line["hook_failed"])).collect();
    assert_eq!(told, [(&json!("answered"), &json!(0)), (&json!("contradicts"), &json!(1))]);
    assert!(lines[1]["hook_ms"].is_null(), "the time of one call counts once: {}", lines[1]);
    assert_eq!(lines[1]["detail"], "the answer is about somebody else");
}
