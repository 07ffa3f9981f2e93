//! Approving on the page with a session.

use ciba::domain::base::time::Timestamp;
use ciba::domain::request::evidence::digest_of;
use ciba::domain::request::statement::Statement;
use ciba::verify::evidence::verify;
use ciba_tests::{Answer, Provider, at, form};
use serde_json::json;

use super::Stand;
use super::browser::{Browser, SAME_ORIGIN, approving_form};
use crate::authorization_details::payment;

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");

type Fields = Vec<(String, String)>;

async fn open(stand: &Stand, browser: &mut Browser, key: &str, now: Timestamp) -> Answer {
    browser.get(&stand.provider, &format!("/consent/{key}"), now).await
}

async fn send(
    provider: &Provider,
    browser: &mut Browser,
    key: &str,
    (fields, headers): (&Fields, &[(&str, &str)]),
    now: Timestamp,
) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let target = format!("/consent/{key}/decision");
    browser.call(provider, ("POST", &target), headers, &form(&fields), now).await
}

/// A request of `alice`, whose page she has open.
async fn opened(stand: &Stand, parameters: &[(&str, &str)]) -> (String, String, Browser, Fields) {
    let mut all = vec![ALICE];
    all.extend(parameters);
    let (auth_req_id, key) = stand.provider.asked(&all, at(0.0)).await;
    let mut browser = stand.logged_in("alice", &key, at(1.0)).await;
    let page = open(stand, &mut browser, &key, at(2.0)).await;
    assert_eq!(page.status, 200, "{page:?}");
    let fields = approving_form(&page);
    (auth_req_id, key, browser, fields)
}

/// That nothing was decided, and with what status that was told.
async fn undecided(stand: &Stand, call: impl Future<Output = Answer>, status: u16) -> Answer {
    let before = stand.provider.traces().await;
    let answer = call.await;
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(stand.provider.traces().await, before);
    assert!(stand.provider.items_under("evidence#").await.is_empty());
    answer
}

/// RP-2-06: the login, what was shown, and no token.
#[tokio::test]
async fn an_approval_leaves_the_login_and_what_was_shown() {
    let stand = Stand::new().await;
    let (_, key, mut browser, fields) = opened(&stand, &[("binding_message", "K7-2931")]).await;
    let answer = send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(3.0)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let evidence = stand.provider.decision().await;
    let proof = &evidence["proof"];
    assert_eq!((&proof["kind"], &proof["issuer"]), (&json!("session"), &json!(stand.issuer.issuer())));
    let authentication =
        json!({"auth_time": at(0.0).millis(), "acr": "urn:example:acr:mfa", "amr": ["pwd", "otp"]});
    assert_eq!(proof["authentication"], authentication);
    let [token] = &stand.issuer.issued()[..] else { panic!("one login") };
    assert_eq!(proof["id_token"], crate::prover::hash(token));
    assert!(!evidence.to_string().contains(token.split('.').nth(2).expect("a signature")));
    let statement = Statement::decode(proof["statement"].as_str().expect("a text")).expect("a statement");
    assert_eq!((statement.client_name.as_str(), statement.language.as_str()), ("City Kiosk", "en"));
    assert_eq!(statement.binding_message.as_deref(), Some("K7-2931"));
    assert_eq!(evidence["scope"], "openid profile");
    // It is consistent in itself, as an auditor checks it.
    let item = &stand.provider.items_under("evidence#").await[0];
    let text = stand.provider.decision_in(item).await.encode();
    let kept_until = evidence["kept_until"].as_i64().expect("a time");
    verify(&text, &digest_of(&text), kept_until).expect("consistent");
    let other = text
        .replace("City Kiosk", "Pity Kiosk")
        .replace(&format!("\\\"request\\\":\\\"{key}"), "\\\"request\\\":\\\"x");
    verify(&other, &digest_of(&other), kept_until).expect_err("a statement about another request");
}

/// The checkboxes are fields, so a part can be approved without script.
#[tokio::test]
async fn what_is_deselected_is_not_granted() {
    let stand = Stand::new().await;
    let (auth_req_id, key, mut browser, mut fields) =
        opened(&stand, &[("scope", "openid profile email")]).await;
    fields.retain(|(name, _)| !name.ends_with(":profile"));
    let answer = send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(3.0)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(stand.provider.decision().await["scope"], "openid email");
    assert_eq!(stand.provider.poll(&auth_req_id, at(5.0)).await.status, 200);
}

/// ATK-8-05: neither more than was asked, nor without what cannot be deselected.
#[tokio::test]
async fn a_form_selects_from_what_was_asked_only() {
    let stand = Stand::new().await;
    let (_, key, mut browser, fields) = opened(&stand, &[]).await;
    let mut more = fields.clone();
    more.push(("scope:009:email".to_owned(), "email".to_owned()));
    let mut less = fields.clone();
    less.retain(|(name, _)| !name.ends_with(":openid"));
    let mut none = fields.clone();
    none.retain(|(name, _)| !name.starts_with("scope:"));
    for fields in [&more, &less, &none] {
        undecided(&stand, send(&stand.provider, &mut browser, &key, (fields, SAME_ORIGIN), at(3.0)), 409)
            .await;
    }
}

/// TOK-7-03: all of the details, as they were shown.
#[tokio::test]
async fn details_are_approved_as_they_were_shown() {
    let stand = Stand::new().await;
    stand.provider.put_detail_type(&payment()).await;
    let kiosk = json!({"client_id": "kiosk", "authorization_details_types": ["payment"]});
    stand.provider.register(kiosk).await.expect("kiosk");
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}]);
    let asked = [("authorization_details", &*details.to_string())];
    let (auth_req_id, key, mut browser, fields) = opened(&stand, &asked).await;
    let answer = send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(3.0)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let tokens = stand.provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(tokens.body["authorization_details"], details, "{tokens:?}");
    assert_eq!(stand.provider.decision().await["authorization_details"], details);
}

/// RP-2-04: somebody else is told that it is not for them, and nothing about whose it is.
#[tokio::test]
async fn another_person_cannot_approve_and_learns_nothing() {
    let stand = Stand::new().await;
    let (_, key, _, fields) = opened(&stand, &[]).await;
    let mut bobs = stand.logged_in("bob", &key, at(1.0)).await;
    let page = undecided(&stand, open(&stand, &mut bobs, &key, at(2.0)), 403).await;
    assert!(page.html.contains("This request is for someone else"), "{}", page.html);
    for secret in ["alice", "City Kiosk", "approving-form", "bob"] {
        assert!(!page.html.contains(secret), "{secret}: {}", page.html);
    }
    // Nor with the fields of her page, nor with a token of his own session.
    undecided(&stand, send(&stand.provider, &mut bobs, &key, (&fields, SAME_ORIGIN), at(3.0)), 409).await;
    let (_, his) = stand.provider.asked(&[("login_hint", "bob-of-acme")], at(1.0)).await;
    let form = approving_form(&open(&stand, &mut bobs, &his, at(2.0)).await);
    undecided(&stand, send(&stand.provider, &mut bobs, &key, (&form, SAME_ORIGIN), at(3.0)), 409).await;
}

/// RP-2-05: the form of one request approves no other.
#[tokio::test]
async fn a_form_of_another_request_approves_nothing() {
    let stand = Stand::new().await;
    stand.provider.register(json!({"client_id": "till"})).await.expect("till");
    let (_, key, mut browser, _) = opened(&stand, &[]).await;
    assert_eq!(stand.provider.ask_as("till", &[ALICE], at(1.0)).await.status, 200);
    let message = stand.provider.sns.messages().pop().expect("a message");
    let other = message.text.rsplit('/').next().expect("a link").to_owned();
    let fields = approving_form(&open(&stand, &mut browser, &other, at(2.0)).await);
    undecided(&stand, send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(3.0)), 409).await;
}

/// RP-2-05: another site can send a form, but not state that it is this one.
#[tokio::test]
async fn a_form_that_no_page_of_ours_sent_approves_nothing() {
    let stand = Stand::new().await;
    let (_, key, mut browser, fields) = opened(&stand, &[]).await;
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        undecided(&stand, send(&stand.provider, &mut browser, &key, (&fields, headers), at(3.0)), 404).await;
    }
    let mut forged = fields.clone();
    for (name, value) in &mut forged {
        if name == "session_token" {
            *value = "AAAAAAAAAAAAAAAAAAAAAA".to_owned();
        }
    }
    undecided(&stand, send(&stand.provider, &mut browser, &key, (&forged, SAME_ORIGIN), at(3.0)), 409).await;
    let old = [("origin", Provider::ISSUER)];
    let answer = send(&stand.provider, &mut browser, &key, (&fields, &old), at(3.0)).await;
    assert_eq!(answer.status, 303, "an old browser's own: {answer:?}");
}

/// RP-2-06: what changed since the page was shown is not approved.
#[tokio::test]
async fn a_page_that_shows_something_else_approves_nothing() {
    let stand = Stand::new().await;
    let (_, key, mut browser, fields) = opened(&stand, &[]).await;
    let renamed = json!({"client_id": "kiosk", "client_name": "Another Kiosk"});
    for (name, value) in [("language", "de"), ("shown", "AAAA"), ("language", "tlh"), ("client_id", "till")] {
        let mut changed = fields.clone();
        changed.iter_mut().filter(|(known, _)| known == name).for_each(|(_, it)| *it = value.to_owned());
        undecided(&stand, send(&stand.provider, &mut browser, &key, (&changed, SAME_ORIGIN), at(3.0)), 409)
            .await;
    }
    stand.provider.register(renamed).await.expect("kiosk");
    let told =
        undecided(&stand, send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(3.0)), 409);
    assert!(told.await.html.contains("out of date"));
}

/// RP-2-07: where a passkey is demanded, a login does not replace it.
#[tokio::test]
async fn a_session_does_not_replace_a_passkey() {
    let stand = Stand::new().await;
    let (_, key, mut browser, fields) = opened(&stand, &[]).await;
    let demanding = json!({"client_id": "kiosk", "require_passkey": true});
    stand.provider.register(demanding).await.expect("kiosk");
    undecided(&stand, send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(70.0)), 409).await;
    let page = open(&stand, &mut browser, &key, at(71.0)).await;
    assert!(!page.html.contains("approving-form") && page.html.contains("data-shown"), "{}", page.html);
    let page = open(&stand, &mut Browser::new(), &key, at(71.0)).await;
    assert!(!page.html.contains("/login?"), "a login alone would lead nowhere");
}

/// As with any other proof.
#[tokio::test]
async fn what_was_decided_before_is_not_approved_again() {
    let stand = Stand::new().await;
    let (_, key, mut browser, fields) = opened(&stand, &[]).await;
    assert_eq!(send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(3.0)).await.status, 303);
    let again = send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(4.0)).await;
    assert_eq!(again.status, 303, "the same answer: {again:?}");
    assert_eq!(stand.provider.items_under("evidence#").await.len(), 1);
    let (_, key, mut browser, fields) = opened_later(&stand).await;
    let late = send(&stand.provider, &mut browser, &key, (&fields, SAME_ORIGIN), at(820.0)).await;
    assert_eq!(late.status, 404, "{late:?}");
}

async fn opened_later(stand: &Stand) -> (String, String, Browser, Fields) {
    let (auth_req_id, key) = stand.provider.asked(&[ALICE, ("requested_expiry", "15")], at(800.0)).await;
    let mut browser = stand.logged_in("alice", &key, at(801.0)).await;
    let page = open(stand, &mut browser, &key, at(802.0)).await;
    let fields = approving_form(&page);
    (auth_req_id, key, browser, fields)
}
