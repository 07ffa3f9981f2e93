//! What the person sees, and what they decide about.

use ciba::verify::evidence::verify;
use ciba_tests::{Provider, START, at};
use serde_json::{Value, json};

use super::{approve, asked, details, evidence, provider, shown};
use crate::consent::person::{Signed, decline, field, open};

/// TOK-7-03
#[tokio::test]
async fn the_app_gets_the_details_and_their_words_in_its_language() {
    let provider = provider(json!({})).await;
    let (_, request) = asked(&provider, &details(), START).await;
    let english = shown(&provider, &request, "en", at(1.0)).await;
    assert_eq!(english["authorization_details"], details());
    let row = |label: &str, value: &str| json!({"label": label, "value": value});
    let expected =
        json!([{"title": "A payment", "rows": [row("Amount", "100.50 EUR"), row("To", "M. Meyer")]}]);
    assert_eq!(english["details"], expected);
    let german = shown(&provider, &request, "de-AT", at(1.0)).await;
    assert_eq!(german["details"][0]["title"], "Eine Zahlung");
    assert_eq!(german["details"][0]["rows"][0], row("Betrag", "100.50 EUR"));
    let french = shown(&provider, &request, "fr", at(1.0)).await;
    assert_eq!(french["details"], expected, "the type has no French");
}

/// TOK-7-03: an app that did not show them, or showed others, cannot approve them.
#[tokio::test]
async fn a_login_token_approval_must_repeat_the_shown_details() {
    let provider = provider(json!({})).await;
    let (auth_req_id, request) = asked(&provider, &details(), START).await;
    let mut others = details();
    others[0]["amount"] = json!("1.50");
    let mut doubled = details();
    doubled.as_array_mut().unwrap().push(details()[0].clone());
    for body in [
        json!({"decision": "approve"}),
        json!({"decision": "approve", "authorization_details": []}),
        json!({"decision": "approve", "authorization_details": others}),
        json!({"decision": "approve", "authorization_details": doubled}),
    ] {
        let answer = provider.decide("alice", &request, body.clone(), at(1.0)).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{body}");
    }
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.text("error"), "authorization_pending");
    assert_eq!(approve(&provider, &request, &details(), at(6.0)).await.status, 200);

    let (_, without) = provider.asked(&[], at(700.0)).await;
    let answer = approve(&provider, &without, &details(), at(701.0)).await;
    assert_eq!(answer.refusal(), (400, "invalid_request"), "it asks for none");
}

/// TOK-7-03, ATK-2-05
#[tokio::test]
async fn the_page_says_the_details_in_words_before_the_scope() {
    let provider = provider(json!({})).await;
    let mut with_quotes = details();
    with_quotes[0]["creditor"] = json!("O'Brien & Sons");
    let (_, request) = asked(&provider, &with_quotes, START).await;
    let page = open(&provider, &request, at(1.0)).await;
    let at_of = |text: &str| page.html.find(text).unwrap_or_else(|| panic!("no {text}: {}", page.html));
    assert!(at_of(">A payment</h2>") < at_of("id=\"scopes\""));
    at_of("<dt dir=\"auto\">Amount</dt><dd dir=\"auto\">100.50 EUR</dd>");
    at_of("<dd dir=\"auto\">O'Brien &amp; Sons</dd>");
    assert!(!page.html.contains("Reference"), "none was sent");
}

/// ATK-1-08, TOK-7-03
#[tokio::test]
async fn what_a_passkey_signs_is_the_details_and_their_words() {
    let provider = provider(json!({})).await;
    let mut phone = provider.enroll_passkey("alice", at(0.0)).await;
    let (auth_req_id, request) = asked(&provider, &details(), at(1.0)).await;
    let signed =
        Signed::on_page(&provider, &request, &mut phone, ("approve", "openid profile"), at(2.0)).await;
    // Somebody changes what is stored between page and decision.
    let detail = |details: &Value| (format!("request#{request}"), "detail".to_owned(), details.to_string());
    let mut others = details();
    others[0]["amount"] = json!("9999.50");
    for (stored, status) in [(others, 403), (details(), 200)] {
        let (pk, sk, text) = detail(&stored);
        provider.set_attribute(&pk, &sk, "authorization_details", &text).await;
        assert_eq!(signed.send(&provider, &request, at(3.0)).await.status, status);
    }
    let tokens = provider.poll(&auth_req_id, at(6.0)).await;
    assert_eq!(tokens.body["authorization_details"], details());

    let kept = evidence(&provider).await;
    assert_eq!(kept["authorization_details"], details());
    let statement: Value = serde_json::from_str(kept["proof"]["statement"].as_str().unwrap()).unwrap();
    assert_eq!(statement["authorization_details"][0]["value"], details()[0]);
    assert_eq!(statement["authorization_details"][0]["words"]["rows"][0]["value"], "100.50 EUR");
    let item = &provider.items_under("evidence#").await[0];
    let evidence = provider.decision_in(item).await;
    let verified =
        |text: &str| verify(text, &ciba::domain::request::evidence::digest_of(text), evidence.kept_until);
    assert!(verified(&evidence.encode()).is_ok());
    // Whoever can write the table can make a digest, but not change what was signed.
    let forged = evidence.encode().replacen("100.50", "100.51", 1);
    assert!(verified(&forged).is_err());
}

/// HYG-5-03
#[tokio::test]
async fn evidence_of_a_denial_or_app_approval_has_the_details() {
    for word in ["approve", "deny", "report"] {
        let provider = provider(json!({})).await;
        let (auth_req_id, request) = asked(&provider, &details(), START).await;
        let mut body = json!({ "decision": word });
        if word == "approve" {
            body["authorization_details"] = details();
        }
        assert_eq!(provider.decide("alice", &request, body, at(1.0)).await.status, 200);
        assert_eq!(evidence(&provider).await["authorization_details"], details(), "{word}");
        let status = if word == "approve" { 200 } else { 400 };
        assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, status);
    }
}

#[tokio::test]
async fn the_pages_form_declines_a_request_with_details() {
    let provider = provider(json!({})).await;
    let (auth_req_id, request) = asked(&provider, &details(), START).await;
    let page = open(&provider, &request, at(1.0)).await;
    let origin = [("origin", Provider::ISSUER)];
    let answer = decline(&provider, &request, &field(&page, "form_token"), &origin, at(2.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.text("error"), "access_denied");
}

/// Without its details nobody knows what a request asks: it must not look like one that asks no more. It is not shown
/// either.
#[tokio::test]
async fn a_request_whose_details_are_gone_cannot_be_decided() {
    let provider = provider(json!({})).await;
    let (_, request) = asked(&provider, &details(), START).await;
    let delete = provider.dynamodb.client().delete_item().table_name(&provider.dynamodb.table);
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
    let delete = delete.key("pk", text(&format!("request#{request}"))).key("sk", text("detail"));
    delete.send().await.expect("a deletion");
    let answer = approve(&provider, &request, &json!([]), at(1.0)).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(open(&provider, &request, at(1.0)).await.status, 503);
}
