//! Hints: the published forms of `login_hint`, who is found by them, and who is not.

use ciba_tests::{Answer, Provider, at};
use serde_json::json;

use super::{patient_provider, pending, posted, provider, refused, refused_ask};

const UNKNOWN: (u16, &str) = (400, "unknown_user_id");
const INVALID: (u16, &str) = (400, "invalid_request");

/// `carol` has one of each kind of hint, and another name at her login issuer.
async fn enroll_carol(provider: &Provider, active: bool) {
    let carol = json!({
        "login": {"iss": provider.login.issuer(), "value": "c-77"},
        "hints": {"plain": ["4711 0815"], "email": ["carol@example.com"], "tel": ["+15555550102"]},
        "channels": [{"sms": "+15555550177"}],
        "active": active,
    });
    provider.enroll("carol", carol).await.expect("carol");
}

fn iss_sub(iss: &str, sub: &str) -> String {
    json!({"format": "iss_sub", "iss": iss, "sub": sub}).to_string()
}

/// Every hint that leads to `carol`.
fn hints_of_carol(provider: &Provider) -> Vec<String> {
    let (own, login) = (Provider::ISSUER, provider.login.issuer());
    [
        "4711 0815",
        "tel:+15555550102",
        "tel:+1 (555) 555-0102",
        "TEL:+1.555.555.0102",
        "email:carol@example.com",
        "Email:Carol@EXAMPLE.com",
        "sub:carol",
        &iss_sub(own, "carol"),
        &iss_sub(&format!("{own}/"), "carol"),
        &iss_sub(login, "c-77"),
        &iss_sub(&format!("{login}/"), "c-77"),
        // Whatever the order of its members, and whatever else there is.
        &format!(r#"{{ "sub" : "carol", "iss":"{own}/", "more": 1, "format":"iss_sub" }}"#),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// CIBA-7.1-17, ATK-3-04
#[tokio::test]
async fn every_published_form_leads_to_the_person() {
    let provider = patient_provider().await;
    enroll_carol(&provider, true).await;
    for hint in hints_of_carol(&provider) {
        provider.sns.clear();
        let answer = provider.ask(&[("login_hint", &hint)], at(0.0)).await;
        assert_eq!(answer.status, 200, "{hint}: {answer:?}");
        let messages = provider.sns.messages();
        assert_eq!(messages[0].phone_number(), Some("+15555550177"), "{hint}");
        pending(&provider).await;
    }
}

/// ATK-3-04, ATK-1-05
#[tokio::test]
async fn another_spelling_does_not_evade_the_limits() {
    let provider = Provider::start().await;
    enroll_carol(&provider, true).await;
    for (asked, hint) in hints_of_carol(&provider).iter().enumerate() {
        let expected = if asked < 3 { 200 } else { 403 };
        assert_eq!(provider.ask(&[("login_hint", hint)], at(0.0)).await.status, expected, "{hint}");
    }
}

/// CIBA-7.2-06, ATK-3-01, ATK-3-02: a client cannot tell who is inactive from who does not exist.
#[tokio::test]
async fn whoever_cannot_be_asked_does_not_exist() {
    let provider = provider().await;
    enroll_carol(&provider, false).await;
    let unknown = refused_ask(&provider, &[("login_hint", "nobody")], UNKNOWN).await;
    let same = |answer: Answer, hint: &str| {
        assert_eq!((answer.body, answer.headers), (unknown.body.clone(), unknown.headers.clone()), "{hint}");
    };
    for hint in hints_of_carol(&provider) {
        same(refused_ask(&provider, &[("login_hint", &hint)], UNKNOWN).await, &hint);
    }
    let (own, login) = (Provider::ISSUER, provider.login.issuer());
    for hint in [
        "Alice",
        "alice ",
        "tel:+15555550199",
        "email:alice@example.com",
        "sub:nobody",
        "sub:c-77",
        &iss_sub(own, "nobody"),
        &iss_sub(own, "c-77"),
        &iss_sub(login, "nobody"),
        &iss_sub("https://evil.example", "alice"),
        &iss_sub(&format!("{own}//"), "alice"),
        &iss_sub("", "alice"),
    ] {
        same(refused_ask(&provider, &[("login_hint", hint)], UNKNOWN).await, hint);
    }
}

/// The number that a message goes to is no hint, unless it is enrolled as one (ATK-7-01).
#[tokio::test]
async fn a_number_that_is_only_a_channel_finds_nobody() {
    let provider = provider().await;
    refused_ask(&provider, &[("login_hint", "tel:+15555550100")], UNKNOWN).await;
}

/// CIBA-7.1-17
#[tokio::test]
async fn a_hint_that_has_none_of_the_published_forms_is_invalid() {
    let provider = provider().await;
    let long = "x".repeat(513);
    for hint in [
        "tel:",
        "tel:5555550100",
        "tel:+1",
        "email:alice",
        "email:@example.com",
        "sub:",
        "alice\n",
        "{",
        "{}",
        r#"{"format":"iss_sub","iss":"http://localhost:9000"}"#,
        r#"{"format":"email","email":"alice@example.com"}"#,
        r#"{"format":"opaque","iss":"http://localhost:9000","sub":"alice"}"#,
        r#"{"format":"iss_sub","iss":"http://localhost:9000","sub":7}"#,
        r#"{"format":"iss_sub","iss":"http://localhost:9000","sub":"bob","sub":"alice"}"#,
        r#"{"format":"iss_sub","iss":"http://localhost:9000","sub":"alice"} "x""#,
        &long,
    ] {
        refused_ask(&provider, &[("login_hint", hint)], INVALID).await;
    }
}

/// HYG-1-06
#[tokio::test]
async fn a_hint_may_be_512_bytes_long_and_no_longer() {
    let provider = provider().await;
    let (fits, fits_not) = ("x".repeat(512), "x".repeat(513));
    refused_ask(&provider, &[("login_hint", &fits)], UNKNOWN).await;
    refused_ask(&provider, &[("login_hint", &fits_not)], INVALID).await;
    let in_two_bytes_each = "ä".repeat(257);
    refused_ask(&provider, &[("login_hint", &in_two_bytes_each)], INVALID).await;
}

/// CIBA-7.1-13, CIBA-7.2-04
#[tokio::test]
async fn exactly_one_hint_is_needed() {
    let provider = provider().await;
    let scope = ("scope", "openid");
    let hint = ("login_hint", "alice");
    let other = [("id_token_hint", "x"), ("login_hint_token", "x")];
    for parameters in [
        &[scope][..],
        &[scope, hint, other[0]],
        &[scope, hint, other[1]],
        &[scope, other[0], other[1]],
        &[scope, hint, other[0], other[1]],
    ] {
        refused(&provider, &posted(parameters), INVALID).await;
    }
}

/// HYG-1-06
#[tokio::test]
async fn a_hint_token_of_more_than_8_kib_is_refused_by_name() {
    let provider = provider().await;
    for hint in ["id_token_hint", "login_hint_token"] {
        let long = "x".repeat(8193);
        let answer = refused(&provider, &posted(&[("scope", "openid"), (hint, &long)]), INVALID).await;
        assert_eq!(answer.text("error_description"), format!("{hint} is longer than 8 KiB"));
    }
}

/// CIBA-7.2-08: the parameters come before the hint, so a mistake says nothing about a person.
#[tokio::test]
async fn a_mistake_is_answered_alike_for_known_and_unknown_people() {
    let provider = provider().await;
    for (mistake, expected) in [
        (("scope", "profile"), (400, "invalid_scope")),
        (("scope", "openid payments"), (400, "invalid_scope")),
        (("binding_message", "<b>"), (400, "invalid_binding_message")),
        (("requested_expiry", "0"), INVALID),
        (("request", "e30.e30."), INVALID),
    ] {
        let known = refused_ask(&provider, &[mistake], expected).await;
        let unknown = refused_ask(&provider, &[mistake, ("login_hint", "nobody")], expected).await;
        assert_eq!((known.body, known.headers), (unknown.body, unknown.headers), "{mistake:?}");
    }
}

/// ATK-3-04: only the person's own entry and its index have it.
#[tokio::test]
async fn a_hint_is_not_kept_with_what_it_led_to() {
    let provider = Provider::start().await;
    let entry = json!({"hints": {"email": ["carol@mail.example"]}, "channels": [{"sms": "+15555550102"}]});
    provider.enroll("carol", entry).await.expect("carol");
    let (auth_req_id, request) = provider.asked(&[("login_hint", "email:Carol@mail.example")], at(0.0)).await;
    let decision = json!({"client_id": "kiosk", "decision": "approve"});
    assert_eq!(provider.decide("carol", &request, decision, at(1.0)).await.status, 200);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    let scan = provider.dynamodb.client().scan().table_name(&provider.dynamodb.table).send().await;
    let (entry, others): (Vec<_>, Vec<_>) = scan
        .unwrap()
        .items()
        .iter()
        .cloned()
        .partition(|item| item["sk"].as_s().is_ok_and(|sk| ["user", "hint"].contains(&sk.as_str())));
    assert!(format!("{entry:?}").contains("carol@mail.example") && others.len() > 4);
    assert!(!format!("{others:?}").to_lowercase().contains("mail.example"), "{others:?}");
}
