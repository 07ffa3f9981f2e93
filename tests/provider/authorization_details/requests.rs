//! What is taken and what is refused, and what the table has of it.

use ciba_local::sns::Failure;
use ciba_tests::{START, at};
use serde_json::json;

use super::{approve, asked, details, payment, provider, shown};

const REFUSED: (u16, &str) = (400, "invalid_authorization_details");

/// TOK-7-01, TOK-7-02: and nothing is left behind.
#[tokio::test]
async fn details_that_their_type_does_not_allow_are_refused() {
    let provider = provider(json!({})).await;
    let before = provider.traces().await;
    let entry = |changes: serde_json::Value| {
        let mut all = details();
        for (name, value) in changes.as_object().unwrap() {
            all[0][name] = value.clone();
        }
        all.to_string()
    };
    let long = entry(json!({"reference": "x".repeat(8 * 1024)}));
    for text in [
        "payment",
        "{}",
        "[]",
        r#"[{"amount": "100.50", "creditor": "M. Meyer"}]"#,
        &long,
        &entry(json!({"type": "account"})),
        &entry(json!({"type": "gone"})),
        &entry(json!({"amount": 100.5})),
        &entry(json!({"amount": null})),
        &entry(json!({"iban": "DE02120300000000202051"})),
        &entry(json!({"creditor": "call +44 20 7946 0958"})),
        &entry(json!({"creditor": "<b>Bank</b>"})),
        &entry(json!({"locations": ["https://elsewhere.example"]})),
        &format!("[{},{}]", &details()[0], json!({"type": "payment"})),
    ] {
        let answer = provider.ask(&[("authorization_details", text)], START).await;
        assert_eq!(answer.refusal(), REFUSED, "{text}");
    }
    assert_eq!(provider.traces().await, before);
    let other = provider.ask_as("call-centre", &[], START).await;
    assert_eq!(other.status, 401, "it authenticates otherwise");
}

/// TOK-7-02
#[tokio::test]
async fn a_client_that_is_registered_for_no_type_is_refused_each() {
    let provider = provider(json!({"authorization_details_types": []})).await;
    let answer = provider.ask(&[("authorization_details", &details().to_string())], START).await;
    assert_eq!(answer.refusal(), REFUSED);
    assert_eq!(provider.ask(&[], START).await.status, 200);
}

/// A poll pays for the whole record, so the details lie beside it; both end together.
#[tokio::test]
async fn details_lie_beside_the_request_and_are_put_with_it() {
    let provider = provider(json!({})).await;
    let (_, request) = asked(&provider, &details(), START).await;
    let items = provider.items_under("request#").await;
    let of = |sk: &str| items.iter().find(|item| item["sk"] == sk).expect(sk);
    assert_eq!(items.len(), 2);
    assert_eq!(of("detail")["pk"], format!("request#{request}"));
    assert_eq!(of("detail")["ttl"], of("request")["ttl"]);
    assert_eq!(of("detail")["authorization_details"], details().to_string());
    assert!(!of("request").to_string().contains("Meyer"));
}

/// Their request is withdrawn with them.
#[tokio::test]
async fn details_that_nobody_was_told_of_are_withdrawn() {
    let provider = provider(json!({})).await;
    provider.sns.fail_next(Failure::OptedOut);
    let answer = provider.ask(&[("authorization_details", &details().to_string())], START).await;
    assert_eq!(answer.refusal(), (403, "access_denied"));
    assert!(provider.items_under("request#").await.is_empty());
}

/// ATK-8-05: what was asked is shown and granted as it was, whatever becomes of the type.
#[tokio::test]
async fn a_changed_or_removed_type_changes_no_open_request() {
    let provider = provider(json!({})).await;
    let (auth_req_id, request) = asked(&provider, &details(), START).await;
    let before = shown(&provider, &request, "en", at(1.0)).await["details"].clone();
    let mut changed = payment();
    changed["display"]["en"]["rows"][0]["value"] = json!("{/amount} USD");
    provider.put_detail_type(&changed).await;
    assert_eq!(shown(&provider, &request, "en", at(2.0)).await["details"], before);
    let name = ciba::domain::details::authorization_details::DetailTypeName::parse("payment").unwrap();
    assert!(provider.table.remove_detail_type(&name).await.unwrap());
    assert_eq!(approve(&provider, &request, &details(), at(3.0)).await.status, 200);
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!((tokens.status, &tokens.body["authorization_details"]), (200, &details()));

    // A warm function knows a type for a minute, and no longer.
    let ask = [("authorization_details", &*details().to_string())];
    assert_eq!(provider.ask(&ask, at(59.0)).await.status, 200);
    assert_eq!(provider.ask(&ask, at(61.0)).await.refusal(), REFUSED);
    provider.put_detail_type(&changed).await;
    let (_, request) = asked(&provider, &details(), at(62.0)).await;
    let words = &shown(&provider, &request, "en", at(63.0)).await["details"];
    assert_eq!(words[0]["rows"][0]["value"], "100.50 USD");
}
