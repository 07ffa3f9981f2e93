//! Parameters other than hints (CIBA §7.1): taken, refused, or ignored.

use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{patient_provider, posted, provider, refused, refused_ask, refused_at};

const INVALID: (u16, &str) = (400, "invalid_request");
const INVALID_SCOPE: (u16, &str) = (400, "invalid_scope");
const INVALID_MESSAGE: (u16, &str) = (400, "invalid_binding_message");

/// CIBA-7.1-03, CIBA-7.1-04: without `openid` the scope is invalid.
#[tokio::test]
async fn a_request_without_scope_is_invalid() {
    let provider = provider().await;
    refused(&provider, &posted(&[("login_hint", "alice")]), INVALID).await;
    for scope in ["profile", "OPENID", "OpenID profile", "openidprofile", "openid,profile"] {
        refused_ask(&provider, &[("scope", scope)], INVALID_SCOPE).await;
    }
}

/// CIBA-13-01, RFC 6749 §3.3
#[tokio::test]
async fn an_unregistered_or_malformed_scope_is_invalid() {
    let provider = provider().await;
    for scope in [
        "openid payments",
        "openid Profile",
        "openid \"profile\"",
        "openid pro\\file",
        "openid\tprofile",
        "openid ä",
        " ",
    ] {
        refused_ask(&provider, &[("scope", scope)], INVALID_SCOPE).await;
    }
}

/// CIBA-7.1-05
#[tokio::test]
async fn the_order_of_scope_values_and_their_repetition_do_not_matter() {
    let provider = patient_provider().await;
    for scope in ["profile openid", "openid profile openid", "  openid   profile "] {
        let (id, request) = provider.asked(&[("scope", scope)], at(0.0)).await;
        provider.approve(&request, at(1.0)).await;
        let tokens = provider.poll(&id, at(5.0)).await;
        assert_eq!(tokens.status, 200, "{scope}");
        assert_eq!(tokens.body.get("scope"), None, "{scope}: it is what was asked for");
    }
}

/// HYG-1-06
#[tokio::test]
async fn a_scope_may_be_1024_bytes_long_and_no_longer() {
    let provider = provider().await;
    let scope = |length: usize| format!("openid{}", " ".repeat(length - "openid".len()));
    refused_ask(&provider, &[("scope", &scope(1025))], INVALID).await;
    assert_eq!(provider.ask(&[("scope", &scope(1024))], at(1.0)).await.status, 200);
}

/// CIBA-7.1-20, CIBA-7.1-21, CIBA-7.1-18
#[tokio::test]
async fn a_binding_message_reaches_the_person_unmodified() {
    let provider = patient_provider().await;
    let longest = "Aa-._+/!?#:,".repeat(6)[..64].to_owned();
    for message in [
        "1234",
        "K7-2931",
        "Transfer 100.50 EUR to M. Meyer?",
        "#4: a+b/c_d, ok!",
        "振込 100 円",
        "Zoë",
        "Payer 1\u{202f}234,56\u{a0}€ à l’épicerie ?",
        "¿Pagar 1.234,56 € a Peña & Hijos?",
        &longest,
    ] {
        let (_, request) = provider.asked(&[("binding_message", message)], at(0.0)).await;
        let seen = provider.consent("alice", "GET", &format!("/consent/{request}"), "", at(1.0)).await;
        assert_eq!(seen.text("binding_message"), message);
    }
}

/// CIBA-7.1-20, ATK-2-01, ATK-2-02, ATK-2-03, ATK-2-05, ATK-2-06
#[tokio::test]
async fn an_unshowable_binding_message_has_its_own_error_code() {
    let provider = provider().await;
    let long = "1".repeat(65);
    for message in [
        &long,
        " 1234",
        "1234 ",
        "12  34",
        "12\n34",
        "12\u{200b}34",
        "1234\u{202e}",
        "Gru\u{308}\u{df}e",
        "p\u{430}ypal",
        "\u{1f600} \u{6f22}",
        "<b>1234</b>",
        "\"1234\"",
        "me@bank",
        "go to https://evil.example",
        "evil.example",
        "www.evil",
        "call +1 555 555 0100",
        " ",
    ] {
        refused_ask(&provider, &[("binding_message", message)], INVALID_MESSAGE).await;
    }
}

/// CIBA-7.1-20, ATK-2-05: the table of samples, over the wire.
#[tokio::test]
async fn every_sample_is_judged_the_same_at_the_endpoint() {
    let provider = provider().await;
    let samples = include_str!("../../../shared/core/src/domain/base/plain_text/samples.json");
    let samples: serde_json::Value = serde_json::from_str(samples).unwrap();
    let texts = |value: &serde_json::Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    for language in samples.as_object().unwrap().values() {
        for message in texts(&language["messages"]) {
            let asked = [("login_hint", "nobody"), ("binding_message", &*message)];
            let answer = provider.ask(&asked, at(0.0)).await;
            assert_eq!(answer.refusal(), (400, "unknown_user_id"), "{message}");
        }
        for message in language["refused"].as_object().unwrap().values().flat_map(texts) {
            // An empty parameter is an absent one.
            if !message.is_empty() {
                refused_ask(&provider, &[("binding_message", &message)], INVALID_MESSAGE).await;
            }
        }
    }
}

/// ATK-1-02: without one, the person has nothing to compare.
#[tokio::test]
async fn a_client_can_be_required_to_send_a_message() {
    let provider = provider().await;
    provider.register(json!({"client_id": "kiosk", "require_binding_message": true})).await.expect("kiosk");
    refused_at(&provider, &[], at(120.0), INVALID).await;
    assert_eq!(provider.ask(&[("binding_message", "K7-2931")], at(120.0)).await.status, 200);
}

/// ATK-2-05: what the operator has registered is shown beside it anyway.
#[tokio::test]
async fn a_message_may_repeat_the_name_of_its_client() {
    let provider = patient_provider().await;
    let asked = [("binding_message", "Booking.com: 4471")];
    refused_ask(&provider, &asked, INVALID_MESSAGE).await;
    provider.register(serde_json::json!({"client_id": "kiosk", "client_name": "Booking.com"})).await.unwrap();
    assert_eq!(provider.ask(&asked, at(120.0)).await.status, 200);
    for message in ["Booking.com/pay", "login.Booking.com", "Booking.com.evil.example"] {
        let answer = provider.ask(&[("binding_message", message)], at(121.0)).await;
        assert_eq!(answer.refusal(), INVALID_MESSAGE, "{message}");
    }
}

/// CIBA-7.1-23, CIBA-7.1-24
#[tokio::test]
async fn a_requested_expiry_is_granted_within_the_settings() {
    let settings = [
        ("REQUEST_EXPIRY_SECONDS", "60"),
        ("MAX_REQUEST_EXPIRY_SECONDS", "90"),
        ("ASKS_PER_TEN_MINUTES", "16"),
        ("ASKS_PER_DAY", "16"),
    ];
    let provider = Provider::with(&settings).await;
    let endless = "9".repeat(40);
    for (requested, granted) in
        [("", 60), ("1", 10), ("10", 10), ("045", 45), ("90", 90), ("91", 90), ("600", 90), (&endless, 90)]
    {
        for name in ["requested_expiry", "request_expiry"] {
            let answer = provider.ask(&[(name, requested)], at(0.0)).await;
            assert_eq!(answer.body["expires_in"], granted, "{name}={requested}: {answer:?}");
        }
    }
}

/// CIBA-7.1-24: the conformance suite wants 10 s and 300 s. Ten minutes are the default of the setting.
#[tokio::test]
async fn requested_expiry_is_granted_up_to_ten_minutes() {
    let provider = Provider::start().await;
    for (requested, granted) in [("10", 10), ("300", 300), ("86400", 600)] {
        let answer = provider.ask(&[("requested_expiry", requested)], at(0.0)).await;
        assert_eq!(answer.body["expires_in"], granted);
    }
}

/// CIBA-7.1-24
#[tokio::test]
async fn a_requested_expiry_that_is_no_positive_integer_is_invalid() {
    let provider = provider().await;
    for text in ["0", "00", "-1", "+60", "60.0", "1e2", " 60", "60 ", "0x3c", "sixty", "\u{0666}", "60s"] {
        refused_ask(&provider, &[("requested_expiry", text)], INVALID).await;
        refused_ask(&provider, &[("request_expiry", text)], INVALID).await;
    }
}

/// The specified name wins over the one of older SDKs.
#[tokio::test]
async fn the_specified_name_of_the_requested_expiry_wins() {
    let provider = Provider::start().await;
    let answer = provider.ask(&[("request_expiry", "300"), ("requested_expiry", "60")], at(0.0)).await;
    assert_eq!(answer.body["expires_in"], 60);
}

/// CIBA-7.1-11, HYG-1-06
#[tokio::test]
async fn acr_values_reach_the_person_within_their_bounds() {
    let provider = provider().await;
    let (fits, long) = ("a".repeat(512), "a".repeat(513));
    for values in [long.as_str(), "urn:\u{e4}", "urn:a\turn:b"] {
        refused_ask(&provider, &[("acr_values", values)], INVALID).await;
    }
    for values in ["urn:b urn:a", &fits] {
        let (_, request) = provider.asked(&[("acr_values", values)], at(1.0)).await;
        let seen = provider.consent("alice", "GET", &format!("/consent/{request}"), "", at(2.0)).await;
        assert_eq!(seen.text("acr_values"), values);
    }
}

/// CIBA-4-10, CIBA-7.1.1-12: of a client that is registered for none, and not silently ignored.
#[tokio::test]
async fn signed_requests_are_refused() {
    let provider = provider().await;
    for (name, value) in [("request", "e30.e30."), ("request_uri", "https://c.example/r")] {
        refused_ask(&provider, &[(name, value)], INVALID).await;
    }
    let alone = [("request", "e30.e30.")];
    refused(&provider, &posted(&alone), INVALID).await;
}

/// CIBA-7.1-25, CIBA-7.1-26, CIBA-7.1-10, HYG-1-02
#[tokio::test]
async fn parameters_of_other_flows_and_unknown_ones_leave_no_mark() {
    let provider = Provider::start().await;
    let names = [
        "nonce",
        "state",
        "redirect_uri",
        "response_type",
        "prompt",
        "max_age",
        "display",
        "client_notification_token",
        "claims",
        "anything",
    ];
    let parameters = names.map(|name| (name, "needle-4711"));
    let (id, request) = provider.asked(&parameters, at(0.0)).await;
    let stored = Value::from(provider.items().await).to_string();
    assert!(!stored.contains("needle"), "{stored}");
    assert!(!provider.sns.messages()[0].text.contains("needle"));
    let seen = provider.consent("alice", "GET", &format!("/consent/{request}"), "", at(1.0)).await;
    assert!(!seen.body.to_string().contains("needle"), "{seen:?}");
    provider.approve(&request, at(2.0)).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.status, 200);
}

/// CIBA-13-01, HYG-1-09: whoever uses a library does not see which scope it asks for by default.
#[tokio::test]
async fn a_scope_value_that_is_refused_is_named() {
    let provider = provider().await;
    let why = "scope has a value that the client is not registered for";
    let long = "x".repeat(65);
    for (scope, expected) in [
        ("openid offline_access", format!("{why}: offline_access")),
        ("openid payments profile accounts", format!("{why}: payments")),
        (&*format!("openid {long}"), why.to_owned()),
    ] {
        let answer = refused_ask(&provider, &[("scope", scope)], INVALID_SCOPE).await;
        assert_eq!(answer.text("error_description"), expected);
    }
    let api = "https://api.example/v1";
    let resources = serde_json::json!([{"resource": api, "scope": "read"}]);
    let metadata =
        serde_json::json!({"client_id": "kiosk", "scope": "openid profile read", "resources": resources});
    provider.register(metadata).await.unwrap();
    let answer = provider.ask(&[("scope", "openid read")], at(120.0)).await;
    assert_eq!(answer.refusal(), INVALID_SCOPE);
    let expected = "scope has a value of a resource that the request does not name: read";
    assert_eq!(answer.text("error_description"), expected);
}

/// HYG-1-09, CIBA-13-02: what was sent never comes back in a refusal, but a scope value.
#[tokio::test]
async fn a_refusal_repeats_nothing_that_was_sent() {
    let provider = provider().await;
    for (name, value) in [
        ("scope", "openid \"needle\""),
        ("login_hint", "needle"),
        ("binding_message", "<needle>"),
        ("requested_expiry", "needle"),
        ("acr_values", "needle\u{e4}"),
    ] {
        let before = provider.traces().await;
        let answer = provider.ask(&[(name, value)], at(1.0)).await;
        assert_eq!(answer.refusal().0, 400, "{name}");
        assert!(!format!("{answer:?}").contains("needle"), "{answer:?}");
        assert_eq!(provider.traces().await, before, "{name}");
    }
}
